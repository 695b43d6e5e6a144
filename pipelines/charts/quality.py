"""How much there is and how far it can be trusted: coverage of the series, verdicts of the checks.

The checks themselves do not belong here.
"""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from pipelines.charts import theme
from pipelines.charts.canvas import Canvas, bar, heatmap, scatter
from pipelines.charts.context import Context, Data, WarehouseLike, resolve
from pipelines.charts.theme import Lang, word

AGREEMENT = ("missing", "one", "several", "conflict")
AGREEMENT_COLORS = ("#F3F5F7", "#9CC3DE", theme.BLUE, theme.ORANGE)
PLACE_STEPS = (1, 2, 6, 21)
"""First number of places of each step of colour where places are counted."""
COUNT_COLORS = ("#F3F5F7", "#B8D4E8", "#6FAAD3", "#1F78B4", "#0B3C5D")

VERDICTS = ("exact", "rounding", "loose", "undecided", "flag", "fails")
HOLDS = ("exact", "rounding", "loose")
_VERDICT_STYLE = {
    "exact": (theme.BLUE, ""),
    "rounding": ("#5BA3D0", ""),
    "loose": ("#B5D5EA", ""),
    "undecided": ("#E3E7EB", ""),
    "flag": ("#F0C37A", "/"),
    "fails": (theme.BAD, "x"),
}


def coverage(
    series: Data,
    *,
    warehouse: WarehouseLike | None = None,
    indicator: str | None = None,
    place: str | None = None,
    lang: Lang = "zh",
    limit: int = 30,
    title: str | None = None,
) -> Any:
    """Heat map: which years are covered. One place: a row per indicator; one indicator: a row per place; otherwise a
    row per indicator.

    `series`: rows of table `series` (annual rows are counted), or a warehouse. Colours: one source, several sources
    that agree, sources that disagree; for all places and indicators together, the number of places with a value. A cell
    with sources that disagree bears a `!`. At most `limit` rows, the fullest first. Returns a Plotly figure.
    """
    frame, ctx = resolve(series, "series", warehouse, lang, indicator, place)
    frame = frame.filter(pl.col("period_kind").is_in(["annual", "school_year"]) & pl.col("year").is_not_null())
    if frame.height == 0:
        return theme.empty_figure(lang, "coverage")
    one_place, one_indicator = frame["place_code"].n_unique() == 1, frame["indicator_id"].n_unique() == 1
    by = "place_code" if one_indicator and not one_place else "indicator_id"
    counting = not one_place and not one_indicator
    cells = frame.group_by(by, "year").agg(
        n_places=pl.col("place_code").n_unique(),
        sources=pl.col("n_sources").fill_null(1).max(),
        conflict=pl.col("conflict").is_not_null().any(),
    )
    order = (
        cells.group_by(by).agg(n=pl.len(), k=pl.col("n_places").sum()).sort(
            ["k", "n", by], descending=[True, True, False], nulls_last=True
        )
    )  # fmt: skip
    keys = order[by].to_list()
    shown = keys[:limit]
    years = list(range(int(frame["year"].min()), int(frame["year"].max()) + 1))  # type: ignore[arg-type]
    lookup = {(r[by], r["year"]): r for r in cells.iter_rows(named=True)}
    names = [ctx.place(k) if by == "place_code" else ctx.indicator(k) for k in shown]
    z, hover, text = [], [], []
    for key, name in zip(shown, names, strict=True):
        line: list[int] = []
        hovers: list[str] = []
        texts: list[str] = []
        for year in years:
            cell = lookup.get((key, year))
            agreement = 0 if cell is None else 3 if cell["conflict"] else 2 if cell["sources"] > 1 else 1
            steps = 0 if cell is None else 1 + sum(cell["n_places"] >= n for n in PLACE_STEPS[1:])
            line.append(steps if counting else agreement)
            sep = "：" if lang == "zh" else ": "
            more = "" if cell is None or not counting else f"<br>{word('places', lang)}{sep}{cell['n_places']}"
            hovers.append(f"<b>{name}</b> {year}<br>{word(AGREEMENT[agreement], lang)}{more}")
            texts.append("!" if agreement == 3 else "")
        z.append(line)
        hover.append(hovers)
        text.append(texts)
    palette = COUNT_COLORS if counting else AGREEMENT_COLORS
    states = _count_words(lang) if counting else [word(k, lang) for k in AGREEMENT]
    n = len(palette)
    scale = [[v, c] for i, c in enumerate(palette) for v in (i / n, (i + 1) / n)]
    fig = Canvas()
    fig.add_trace(
        heatmap(
            x=years, y=list(range(len(shown))), z=z, zmin=-0.5, zmax=n - 0.5, colorscale=scale, showscale=False, xgap=2,
            ygap=2, hovertext=hover, hoverinfo="text", text=text, texttemplate="%{text}",
            textfont={"size": 12, "color": theme.INK},
        )
    )  # fmt: skip
    fig.update_yaxes(tickvals=list(range(len(shown))), ticktext=names, autorange="reversed", showgrid=False)
    step = 1 if len(years) <= 16 else 2 if len(years) <= 30 else 5 if len(years) <= 60 else 10
    fig.update_xaxes(tickvals=[y for y in years if y % step == 0], showgrid=False, title_text=word("year", lang))
    present = sorted({v for row in z for v in row})
    offset = 0
    for state in present:
        fig.add_annotation(
            x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom", xshift=offset, yshift=4,
            text=f"<span style='color:{palette[state] if state else theme.FAINT};font-size:18px'>■</span> {states[state]}",
            showarrow=False, font={"size": 14, "color": theme.MUTED},
        )  # fmt: skip
        offset += 44 + 8 * theme.text_width(states[state])
    filled = sum(1 for row in z for v in row if v)
    share = theme.number(100 * filled / (len(shown) * len(years)), 0)
    where = ctx.place(frame["place_code"][0]) if one_place else ""
    rows_zh = "个地区" if by == "place_code" else "项指标"
    rows_en = "places" if by == "place_code" else "indicators"
    if title is not None:
        title = theme.esc(title)
    elif lang == "zh":
        title = f"{where}{years[0]}–{years[-1]}年：{len(keys)}{rows_zh}，已有{share}%的年份数据"
    else:
        title = (
            f"{where}{': ' if where else ''}{len(keys)} {rows_en}, {share}% of the years {years[0]}–{years[-1]} covered"
        )
    if one_indicator and by == "place_code":
        subtitle = ctx.indicator(frame["indicator_id"][0])
    elif counting:
        subtitle = "颜色：有年度值的地区数（个）" if lang == "zh" else "Colour: places with an annual value (number)"
    else:
        subtitle = "每格为一年的年度值" if lang == "zh" else "A cell is one annual value"
    clash = [("!：来源不一致" if lang == "zh" else "!: sources disagree")] if any("!" in row for row in text) else []
    more_note = clash if len(keys) == len(shown) else [*clash, word("others", lang).format(n=len(keys) - len(shown))]
    left = min(max(theme.text_width(n) for n in names) * 8 + 30, 360)
    return theme.finish(
        fig, lang=lang, chart="coverage", head_room=26, title=title, subtitle=subtitle, legend_note=more_note, left=left,
        footer=ctx.sources(), height=230 + 27 * len(shown),
    )  # fmt: skip


def _count_words(lang: Lang) -> list[str]:
    """Words for the steps of colour: missing, 1, 2–5, 6–20, 21 and more places."""
    ends = [n - 1 for n in PLACE_STEPS[1:]]
    spans = [str(a) if a == b else f"{a}–{b}" for a, b in zip(PLACE_STEPS, ends, strict=False)]
    return [word("missing", lang), *spans, f"≥{PLACE_STEPS[-1]}"]


def reconciliation(
    checks: Data,
    *,
    warehouse: WarehouseLike | None = None,
    place: str | None = None,
    lang: Lang = "zh",
    limit: int = 12,
    title: str | None = None,
) -> Any:
    """Dashboard of the checks: left, how many of each kind hold and how many do not; right, what fails, the furthest
    from holding first.

    `checks`: rows of table `checks`, or a warehouse. Left: numbers of checks, failures hatched, so that grey print
    tells them apart. Right (where something fails): the difference as a multiple of the tolerance, logarithmic, at most
    `limit`; a point leads to the evidence of the first observation involved. Returns a Plotly figure.
    """
    frame, ctx = resolve(checks, "checks", warehouse, lang, None, place)
    if frame.height == 0:
        return theme.empty_figure(lang, "reconciliation")
    failed = _failures(frame).head(limit)
    two = failed.height > 0
    fig = Canvas(rows=1, cols=2, column_widths=[0.54, 0.46], horizontal_spacing=0.27) if two else Canvas()
    at = {"row": 1, "col": 1} if two else {}
    total = frame.group_by("kind").len().sort(["len", "kind"], descending=[True, False])
    kinds = total["kind"].to_list()
    y = list(range(len(kinds)))
    widest = max(total["len"].to_list())
    for verdict in [v for v in VERDICTS if frame.filter(pl.col("verdict") == v).height]:
        part = frame.filter(pl.col("verdict") == verdict)
        counts = [part.filter(pl.col("kind") == k).height for k in kinds]
        texts = []
        for kind, n in zip(kinds, counts, strict=True):
            subjects = part.filter(pl.col("kind") == kind)["subject"].to_list()[:6]
            texts.append(
                f"<b>{theme.esc(word(kind, lang))}</b> · {word(verdict, lang)} {n}<br>"
                + "<br>".join(theme.wrap(s, limit=90) for s in subjects)
            )
        color, pattern = _VERDICT_STYLE[verdict]
        fig.add_trace(
            bar(
                y=y, x=counts, orientation="h", name=word(verdict, lang), hovertext=texts, hoverinfo="text",
                marker={"color": color, "line": {"color": theme.PAPER, "width": 1},
                        "pattern": {"shape": pattern, "bgcolor": color, "fgcolor": "#F4B183" if verdict == "fails" else theme.PAPER, "size": 6, "solidity": 0.25}},
                text=[str(n) if n > 0.06 * widest else "" for n in counts], textposition="inside",
                insidetextanchor="middle", textangle=0, constraintext="none",
                textfont={"size": 13, "color": theme.PAPER if verdict in ("exact", "fails") else theme.INK},
            ), **at,
        )  # fmt: skip
    for yi, kind in zip(y, kinds, strict=True):
        own = frame.filter(pl.col("kind") == kind)
        numbers = {v: own.filter(pl.col("verdict").is_in(vs)).height for v, vs in (("holds", HOLDS), ("fails", ("fails",)), ("flag", ("flag",)))}  # fmt: skip
        shown = [f"{word(v, lang)} {n}" for v, n in numbers.items() if n]
        fig.add_annotation(
            x=own.height, y=yi, text=theme.esc("，".join(shown) if lang == "zh" else ", ".join(shown)), showarrow=False,
            xanchor="left", xshift=6, font={"size": 12, "color": theme.MUTED}, **at,
        )  # fmt: skip
    names = [theme.esc(_kind(k, lang)) for k in kinds]
    fig.update_layout(
        barmode="stack", showlegend=True, bargap=0.35,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal", "font": {"size": 13}},
    )  # fmt: skip
    fig.update_yaxes(tickvals=y, ticktext=names, autorange="reversed", showgrid=False, **at)
    fig.update_xaxes(
        title_text=word("checks", lang), tickformat=",d", range=[0, widest * (2.1 if two else 1.3)], nticks=5, **at
    )
    if two:
        _draw_failures(fig, ctx, failed)
    holds = frame.filter(pl.col("verdict").is_in(HOLDS)).height
    fails = frame.filter(pl.col("verdict") == "fails").height
    flags = frame.filter(pl.col("verdict") == "flag").height
    if title is not None:
        title = theme.esc(title)
    elif lang == "zh":
        title = f"{frame.height}次核对中{holds}次相符，{fails}次不符" + (f"，{flags}次提示" if flags else "")
    else:
        title = f"{holds} of {frame.height} checks hold, {fails} fail" + (f", {flags} to look at" if flags else "")
    subtitle = "左：按核对种类，单位：次" if lang == "zh" else "Left: by kind of check, number"
    if two:
        subtitle += (
            f"；右：不符最甚的{failed.height}次，{word('deviation', lang)}（对数）"
            if lang == "zh"
            else f"; right: the {failed.height} furthest from holding, difference / tolerance (log)"
        )
    left = min(max(theme.text_width(n) for n in names) * 8 + 30, 300)
    return theme.finish(
        fig, lang=lang, chart="reconciliation", head_room=30, title=title, subtitle=subtitle, left=left, right=60,
        footer=ctx.sources(), height=max(240 + 40 * len(kinds), 230 + 34 * failed.height), width=1120 if two else theme.WIDTH,
    )  # fmt: skip


def _failures(frame: pl.DataFrame) -> pl.DataFrame:
    """Failed checks with `multiple`, the difference over the tolerance, largest first; those without are left out, and
    one stands for several that find the same difference through other sources."""
    failed = frame.filter(pl.col("verdict") == "fails").with_columns(
        multiple=pl.col("difference").abs() / pl.col("tolerance")
    )
    usable = pl.col("multiple").is_finite() & (pl.col("multiple") > 0)
    ranked = failed.filter(usable).sort("multiple", "check_id", descending=[True, False])
    same = ["place_code", "period", "kind", pl.col("difference").round_sig_figs(6)]
    return ranked.filter(pl.struct(same).is_first_distinct())


def _kind(kind: str, lang: Lang) -> str:
    return word(kind, lang) if lang == "zh" else word(kind, lang).lower()


def _draw_failures(fig: Canvas, ctx: Context, failed: pl.DataFrame) -> None:
    """The right half: a point a failed check, with what was found and expected in the hover."""
    lang = ctx.lang
    at = {"row": 1, "col": 2}
    rows = list(failed.iter_rows(named=True))
    ctx.load(i for r in rows for i in r["observation_ids"])
    sep = "：" if lang == "zh" else ": "
    hovers, labels, custom = [], [], []
    for r in rows:
        first = next(iter(r["observation_ids"]), None)
        period = theme.period_name(r["period"], lang)
        head = f"{ctx.place(r['place_code'])} · {theme.esc(word(r['kind'], lang))}"
        labels.append(f"{ctx.place(r['place_code'])} {theme.esc(period)} · {theme.esc(_kind(r['kind'], lang))}")  # fmt: skip
        extra = [theme.wrap(r["subject"], limit=120)]
        if r["found"] is not None and r["expected"] is not None:
            extra.append(
                f"{word('found', lang)}{sep}{theme.number(r['found'])}　{word('expected', lang)}{sep}{theme.number(r['expected'])}"
            )
        if r["proposal"]:
            extra.append(f"{word('proposal', lang)}{sep}{theme.wrap(r['proposal'], limit=120)}")
        value = f"{theme.number(r['difference'])}{theme.paren('±' + theme.number(r['tolerance']), lang)}"
        hovers.append(ctx.hover(head, value, period, None, first, extra=extra))
        custom.append([ctx.link(first), first or ""])
    y = list(range(len(rows)))
    x = [r["multiple"] for r in rows]
    fig.add_trace(
        scatter(
            x=x, y=y, mode="markers", name="failure", showlegend=False, hovertext=hovers, hoverinfo="text",
            marker={"size": 12, "symbol": "x", "color": theme.BAD}, customdata=custom,
        ), **at,
    )  # fmt: skip
    for xi, yi in zip(x, y, strict=True):
        fig.add_annotation(
            x=math.log10(xi), y=yi, text=f"×{theme.number(xi, 0 if xi >= 10 else 1)}", showarrow=False, xanchor="left",
            xshift=10, font={"size": 13}, **at,
        )  # fmt: skip
    fig.update_yaxes(tickvals=y, ticktext=labels, autorange="reversed", showgrid=False, **at)
    top = math.log10(max(x))
    fig.update_xaxes(
        type="log", range=[0, max(top + 0.25 * max(top, 1), 1)], title_text=word("deviation", lang), dtick=1, tickformat="~s", **at
    )  # fmt: skip
