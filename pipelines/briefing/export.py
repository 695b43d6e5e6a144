"""Which briefing outputs are made, from which rows, into which files.

How each kind of file is written belongs to its own module.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import charts
from pipelines.briefing.common import Cached, slug, write
from pipelines.charts import Context, WarehouseLike
from pipelines.charts.theme import Lang, clean

FORMATS = ("html", "png", "svg", "pdf", "pptx", "xlsx", "csv")
LANGS: tuple[Lang, ...] = ("zh", "en")
OWN_FILES = (
    "briefing_*_zh.html", "briefing_*_en.html", "charts/*_zh.html", "charts/*_en.html", "charts/*_zh.json", "charts/*_en.json",
    "evidence/????????????.html", "pictures/*_zh.*", "pictures/*_en.*",
)  # fmt: skip
"""What a whole export writes under names that depend on the data."""
PICTURES_AT_MOST = 6
"""Figures pictured when everything is exported; a chosen place or indicator is pictured whole."""
EVIDENCE_ROWS_AT_MOST = 400
"""Rows in the table under a chart, the earliest periods first."""
SLIDES_AT_MOST = 40
"""Trend slides of a deck."""
SLOPES_AT_MOST = 8
"""Indicators with a slope chart of all places, those known for most places first."""
TRENDS_AT_MOST = 120
"""Trend charts of all places together when everything is exported, the longest series of each place first."""


@dataclass
class ExportReport:
    """What was written, and one line for each thing that was not, saying why."""

    files: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@dataclass
class Chart:
    """One figure to export: its name, group, and how it is drawn."""

    name: str
    place: str | None
    draw: Callable[[Lang], Any]
    rows: pl.DataFrame
    headline: bool = False


def export_all(
    warehouse_dir: Path,
    exports_dir: Path,
    formats: Sequence[str] | None = None,
    place: str | Sequence[str] | None = None,
    indicator: str | Sequence[str] | None = None,
    *,
    raw_dir: Path | None = None,
) -> ExportReport:
    """Write briefing outputs of the warehouse in `warehouse_dir` to `exports_dir`.

    `formats`: some of html, png, svg, pdf, pptx, xlsx, csv (None: all). `place` (code or name) and `indicator` (id or
    name), one or several, keep only their rows. `raw_dir`: the raw folder, for the source text on evidence pages; without it they list
    sentences. HTML needs no network; pictures are made where a browser and a Chinese font are found, otherwise the
    report says what is missing. Raises ValueError for a format, place or indicator that does not exist.
    """
    from pipelines.warehouse.read import open_warehouse

    with open_warehouse(warehouse_dir) as warehouse:
        return export(warehouse, exports_dir, formats, place, indicator, raw_dir=raw_dir)


def export(
    warehouse: WarehouseLike,
    exports_dir: Path,
    formats: Sequence[str] | None = None,
    place: str | Sequence[str] | None = None,
    indicator: str | Sequence[str] | None = None,
    *,
    raw_dir: Path | None = None,
) -> ExportReport:
    """The same from an open warehouse or frames in memory."""
    wanted = tuple(dict.fromkeys(formats or FORMATS))
    unknown = [f for f in wanted if f not in FORMATS]
    if unknown:
        raise ValueError(f"unknown format {', '.join(unknown)}; there are {', '.join(FORMATS)}")
    every = Cached(warehouse)
    codes = _identify(every, "places", "place_code", ("name_zh", "full_name_zh", "name_en"), place)
    chosen = _identify(every, "indicators", "indicator_id", ("name_zh", "name_en"), indicator)
    data = Cached(every, codes, chosen)
    report = ExportReport()
    plan = plan_charts(data, bool(codes), bool(chosen))
    suffix = slug(*codes, *chosen) if codes or chosen else ""
    exports_dir.mkdir(parents=True, exist_ok=True)
    figures = (
        {(c.name, lang): c.draw(lang) for c in plan for lang in LANGS} if set(wanted) - {"xlsx", "csv", "pptx"} else {}
    )
    with ThreadPoolExecutor(1) as beside:  # the browser draws while the other files are written
        drawing = beside.submit(_pictures, exports_dir, plan, figures, wanted, bool(suffix))
        _files(data, exports_dir, plan, figures, wanted, suffix, raw_dir, report)
        files, skipped = drawing.result()
    report.files.extend(files)
    report.skipped.extend(skipped)
    if "html" in wanted:
        _index(data, exports_dir, plan, figures, report)
    if not suffix and set(wanted) == set(FORMATS):
        _forget(exports_dir, report)
    return report


def _files(
    data: Cached,
    exports_dir: Path,
    plan: Sequence[Chart],
    figures: dict[Any, Any],
    wanted: Sequence[str],
    suffix: str,
    raw_dir: Path | None,
    report: ExportReport,
) -> None:
    """Everything but pictures and the index."""
    if "html" in wanted:
        _html(data, exports_dir, plan, figures, bool(suffix), report)
    if set(wanted) & {"html", "xlsx", "pptx"}:
        _evidence(
            data,
            exports_dir,
            plan if "html" in wanted else (),
            raw_dir,
            report,
            None if suffix == "" else _documents(data),
        )
    if "xlsx" in wanted:
        from pipelines.briefing.tables import workbook

        report.files.append(workbook(data, exports_dir / f"{slug('xianzhi', suffix)}.xlsx"))
    if "csv" in wanted:
        from pipelines.briefing.package import data_package
        from pipelines.briefing.tables import csv_files

        report.files.extend(csv_files(data, exports_dir / slug("csv", suffix)))
        if not suffix:
            report.files.extend(data_package(data, exports_dir / "datapackage"))
    if "pptx" in wanted:
        for lang in LANGS:
            report.files.append(_deck(data, lang, exports_dir / f"{slug('briefing', suffix, lang)}.pptx"))


def _identify(
    warehouse: WarehouseLike, table: str, key: str, names: Sequence[str], given: str | Sequence[str] | None
) -> tuple[str, ...]:
    """The ids meant by ids or names, none for None; ValueError with one sentence where one is none or several."""
    found: dict[str, None] = {}
    frame = warehouse.table(table)
    for one in (given,) if isinstance(given, str) else given or ():
        exact = frame.filter(pl.col(key) == one)
        named = exact if exact.height else frame.filter(pl.any_horizontal(pl.col(n) == one for n in names))
        ids = named[key].unique().sort().to_list()
        if not ids:
            raise ValueError(f"no {table.rstrip('s')} {one!r} in this warehouse")
        if len(ids) > 1:
            raise ValueError(f"{one!r} names several {table}: {', '.join(ids)}; give the id")
        found[str(ids[0])] = None
    return tuple(found)


def plan_charts(data: WarehouseLike, places: bool = False, indicators: bool = False) -> list[Chart]:
    """The charts worth making from these rows, headline charts first in each group; names are stable. `places`,
    `indicators`: the rows are already those of chosen ones, so that nothing is left out for brevity."""
    series, gaps = data.table("series"), data.table("target_gaps")
    growth, checks = data.table("growth_rates"), data.table("checks")
    plan: list[Chart] = []
    annual = series.filter(pl.col("period_kind") == "annual")
    codes = sorted({c for f in (annual, gaps) for c in f["place_code"].drop_nulls().unique().to_list()})
    full = dict(gaps["place_code"].value_counts().iter_rows())
    codes.sort(key=lambda c: (-full.get(c, 0), c))
    each = None if places or indicators else max(3, TRENDS_AT_MOST // max(1, len(codes)))
    if len(codes) != 1 or not places:
        if annual.height:
            plan.append(Chart("coverage", None, lambda lang: charts.coverage(annual, warehouse=data, lang=lang), annual.clear(), True))  # fmt: skip
        if checks.height:
            plan.append(Chart("reconciliation", None, lambda lang: charts.reconciliation(checks, warehouse=data, lang=lang), annual.clear(), True))  # fmt: skip
        shared = (
            annual.group_by("indicator_id").agg(n=pl.col("place_code").n_unique(), k=pl.len())
            .filter(pl.col("n") > 1).sort(["n", "k", "indicator_id"], descending=[True, True, False])["indicator_id"].to_list()
        )  # fmt: skip
        for i, ident in enumerate(shared):
            part = annual.filter(pl.col("indicator_id") == ident)
            if i < SLOPES_AT_MOST:
                plan.append(Chart(slug("slope", ident), None, lambda lang, p=part: charts.slope(p, warehouse=data, lang=lang), part, i == 0))  # type: ignore[misc]  # fmt: skip
            plan.append(Chart(slug("places", ident), None, lambda lang, p=part: charts.small_multiples(p, warehouse=data, lang=lang), part, i == 0))  # type: ignore[misc]  # fmt: skip
    for at, code in enumerate(codes):
        mine = series.filter(pl.col("place_code") == code)
        own_gaps = gaps.filter(pl.col("place_code") == code)
        if own_gaps.height:
            plan.append(Chart(slug("gaps", code), code, lambda lang, g=own_gaps: charts.target_gap(g, warehouse=data, lang=lang), own_gaps, at < 1))  # type: ignore[misc]  # fmt: skip
        own_growth = growth.filter((pl.col("place_code") == code) & (pl.col("period_kind") == "annual"))
        if own_growth.filter(pl.col("growth").is_not_null()).height > 1:
            plan.append(Chart(slug("growth", code), code, lambda lang, g=own_growth: charts.growth(g, warehouse=data, lang=lang), own_growth, at < 1))  # type: ignore[misc]  # fmt: skip
        counts = (
            mine.filter(pl.col("period_kind") == "annual").group_by("indicator_id").len()
            .filter(pl.col("len") > 1).sort(["len", "indicator_id"], descending=[True, False])
        )  # fmt: skip
        for i, ident in enumerate(counts["indicator_id"].to_list()[:each]):
            part = mine.filter((pl.col("indicator_id") == ident) & pl.col("period_kind").is_in(["annual", "ytd"]))
            plan.append(
                Chart(
                    slug("trend", code, ident), code,
                    lambda lang, p=part: charts.trend(p, warehouse=data, targets=data.table("targets"), lang=lang),  # type: ignore[misc]
                    part, i == 0 and at < 1,
                )
            )  # fmt: skip
    return plan


def _rows(chart: Chart) -> list[dict[str, Any]]:
    """The rows behind a chart, for its table of evidence."""
    return list(chart.rows.sort("period", nulls_last=True).head(EVIDENCE_ROWS_AT_MOST).iter_rows(named=True))


def _html(
    data: WarehouseLike,
    out: Path,
    plan: Sequence[Chart],
    figures: dict[Any, Any],
    filtered: bool,
    report: ExportReport,
) -> None:
    """Chart pages and one-pagers; a chosen place's one-pager (`filtered`) holds the drawing library itself."""
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped, unused-ignore]

    from pipelines.briefing.pages import Panel, chart_page, one_pager

    library = out / "plotly.min.js"
    text = get_plotlyjs()
    if not library.is_file() or library.stat().st_size != len(text.encode()):
        write(library, text)
    report.files.append(library)
    alone = text if filtered else ""
    for lang in LANGS:
        ctx = Context(data, lang)
        other: Lang = "en" if lang == "zh" else "zh"
        panels: dict[str | None, list[Panel]] = {}
        for c in plan:
            fig, base = figures[c.name, lang], out / "charts" / f"{c.name}_{lang}"
            panel = Panel(f"charts/{c.name}_{lang}.html", fig.layout.meta["title"], fig.to_json(), _rows(c))
            panels.setdefault(c.place, []).append(panel)
            page = chart_page(ctx, panel, f"{c.name}_{other}.html")
            report.files.append(write(base.with_name(base.name + ".html"), page))
            report.files.append(write(base.with_name(base.name + ".json"), panel.spec))
        for code, mine in panels.items():
            if not code:
                continue
            name = ctx.place(code)
            heading = f"{name}：指标简报" if lang == "zh" else f"{name}: indicator briefing"
            report.files.append(
                write(out / f"{slug('briefing', code, lang)}.html", one_pager(ctx, heading, mine[:10], alone))
            )


def _documents(data: WarehouseLike) -> set[str]:
    """Documents behind the rows that were kept."""
    ids = {i for t in ("series", "target_gaps", "growth_rates") for i in data.table(t)["observation_id"].to_list()}
    seen = data.table("observations").filter(pl.col("observation_id").is_in(list(ids)))
    return set(seen["doc_id"].to_list())


def _evidence(
    data: WarehouseLike,
    out: Path,
    plan: Sequence[Chart],
    raw_dir: Path | None,
    report: ExportReport,
    docs: set[str] | None,
) -> None:
    from pipelines.briefing.evidence import evidence_pages

    links: dict[str, list[str]] = {}
    for c in sorted(plan, key=lambda c: c.place is None):  # a place's own charts first, then those of all places
        for observation in c.rows["observation_id"].unique(maintain_order=True).to_list():
            links.setdefault(observation, []).append(c.name)
    report.files.extend(evidence_pages(data, out / "evidence", raw_dir, links, docs))


def _pictures(
    out: Path, plan: Sequence[Chart], figures: dict[Any, Any], wanted: Sequence[str], filtered: bool
) -> tuple[list[Path], list[str]]:
    """Pictures in the formats wanted: the files, and one line for each thing that was not made."""
    from pipelines.briefing.pictures import FORMATS as PICTURES
    from pipelines.briefing.pictures import missing, pictures

    if not set(wanted) & set(PICTURES):
        return [], []
    lacking = missing()
    if lacking:
        return [], [lacking]
    headlines = [c for c in plan if c.headline] + [c for c in plan if not c.headline]
    chosen = list(plan) if filtered else headlines[:PICTURES_AT_MOST]
    jobs = [
        (figures[c.name, lang], out / "pictures" / f"{c.name}_{lang}.{kind}")
        for c in chosen
        for lang in LANGS
        for kind in PICTURES
        if kind in wanted
    ]
    try:
        files = pictures(jobs)
    except RuntimeError as error:
        return [], [str(error)]
    left = f"pictures of {len(chosen)} of {len(plan)} charts were made; choose a place or an indicator to get all of its own"
    return files, [left] if len(chosen) < len(plan) else []


def _deck(data: WarehouseLike, lang: Lang, path: Path) -> Path:
    from pipelines.briefing.slides import Deck

    ctx = Context(data, lang)
    deck = Deck(ctx)
    zh = lang == "zh"
    gaps = data.table("target_gaps").filter(pl.col("value").is_not_null() & pl.col("target").is_not_null())
    series = data.table("series").filter(pl.col("period_kind") == "annual").sort(
        "place_code", "indicator_id", "basis", "scope", "year", nulls_last=True
    )  # fmt: skip
    trends = [
        (code, ident, part.filter(pl.col("unit") == part["unit"][0]))
        for (code, ident), part in series.partition_by(["place_code", "indicator_id"], as_dict=True, maintain_order=True).items()
    ]  # fmt: skip
    trends = [t for t in trends if t[2]["year"].n_unique() >= 3]
    deck.title("县区指标简报" if zh else "County indicators: briefing", _deck_facts(ctx, series, gaps, len(trends)))
    for (code,), part in gaps.sort("place_code", "indicator", nulls_last=True).partition_by("place_code", as_dict=True).items():  # fmt: skip
        met = part.filter(pl.col("status").is_in(["met", "met_within_rounding", "on_pace", "on_pace_robust"])).height
        where = ctx.place(code, part["place_name"][0])
        head = (
            f"{where}：{part.height}项目标中{met}项达到或进度达标"
            if zh
            else f"{where}: {met} of {part.height} targets met or on pace"
        )
        head = clean(html.unescape(head))
        deck.gaps(head, "数值与目标" if zh else "Values against targets", part)
        deck.shares(head, "数值占目标的百分比；条形自100起" if zh else "Values as a share of their targets; bars start at 100", part)  # fmt: skip
    for _, ident, part in trends[:SLIDES_AT_MOST]:
        name = html.unescape(ctx.indicator(ident))
        rows = [
            {**r, "label": " ".join(x for x in (html.unescape(ctx.basis(r["basis"])), r["scope"]) if x)}
            for r in part.iter_rows(named=True)
        ]
        fig = charts.trend(part, warehouse=data, lang=lang)
        deck.trend(fig.layout.meta["title"], name, rows)
    return deck.save(path)


def _deck_facts(ctx: Context, series: pl.DataFrame, gaps: pl.DataFrame, trends: int) -> list[str]:
    """What the deck covers, for its first slide; what was left out is said."""
    zh = ctx.lang == "zh"
    codes = series["place_code"].drop_nulls().unique().sort().to_list()
    names = [html.unescape(ctx.place(c)) for c in codes[:6]]
    places = ("、" if zh else ", ").join(names) + (
        "" if len(codes) <= 6 else f" 等{len(codes)}地" if zh else f" and {len(codes) - 6} more"
    )
    lines = [
        f"地区：{places or '–'}" if zh else f"Places: {places or '–'}",
        f"指标 {series['indicator_id'].n_unique()} 项，数值 {series.height} 个，目标 {gaps.height} 项"
        if zh
        else f"{series['indicator_id'].n_unique()} indicators, {series.height} values, {gaps.height} targets",
        "图表可编辑，出处见备注" if zh else "Charts can be edited; the evidence is in the notes",
    ]
    if trends > SLIDES_AT_MOST:
        left = trends - SLIDES_AT_MOST
        lines.append(
            f"另有 {left} 个序列未列入；选定地区或指标可得全部"
            if zh
            else f"{left} more series are left out; choose a place or an indicator to get all"
        )
    return lines


def _index(
    data: WarehouseLike, out: Path, plan: Sequence[Chart], figures: dict[Any, Any], report: ExportReport
) -> None:
    from pipelines.briefing.pages import index_page

    ctx = Context(data, "zh")
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for code in dict.fromkeys(c.place for c in plan):
        items = []
        if code:
            items += [
                (f"{slug('briefing', code, lang)}.html", {"zh": "简报", "en": "Briefing"}[lang]) for lang in LANGS
            ]
        for c in plan:
            if c.place == code:
                items += [(f"charts/{c.name}_{g}.html", figures[c.name, g].layout.meta["title"]) for g in LANGS]
        groups.append((ctx.place(code) if code else "各地 All places", items))
    others = sorted(f for f in report.files if f.suffix in (".xlsx", ".pptx") or f.name == "datapackage.json")
    groups.append(("文件 Files", [(f.relative_to(out).as_posix(), f.name) for f in others]))
    pages = sorted(f for f in report.files if f.parent.name == "evidence")
    titles = {
        charts.page_name(r["doc_id"]): r["title"] or r["path"] for r in data.table("documents").iter_rows(named=True)
    }
    groups.append(("原文 Documents", [(f"evidence/{f.name}", titles.get(f.stem) or f.stem) for f in pages]))
    report.files.append(write(out / "index.html", index_page(groups, str(data.vintage), report.skipped)))


def _forget(out: Path, report: ExportReport) -> None:
    """Removes what an earlier export wrote and this whole one did not: a page of a corrected number must not stay."""
    made = set(report.files)
    for pattern in OWN_FILES:
        for file in out.glob(pattern):
            if file not in made and not file.is_symlink():
                file.unlink(missing_ok=True)
