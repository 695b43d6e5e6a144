"""How much there is and how far it can be trusted: coverage of the series, verdicts of the checks.

The checks themselves do not belong here.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped, unused-ignore]
import polars as pl

from pipelines.charts import theme
from pipelines.charts.context import Data, WarehouseLike, resolve
from pipelines.charts.theme import Lang, word

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
    row per indicator with the number of places in each year.

    `series`: rows of table `series` (annual rows are counted), or a warehouse. Colours: one source, several sources
    that agree, sources that disagree. At most `limit` rows, the fullest first. Returns a Plotly figure.
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
            state = 0 if cell is None else 3 if cell["conflict"] else 2 if cell["sources"] > 1 else 1
            line.append(state)
            label = word(("missing", "one", "several", "conflict")[state], lang)
            sep = "：" if lang == "zh" else ": "
            more = "" if cell is None or not counting else f"<br>{word('places', lang)}{sep}{cell['n_places']}"
            hovers.append(f"<b>{name}</b> {year}<br>{label}{more}")
            texts.append("" if cell is None else str(cell["n_places"]) if counting else "!" if state == 3 else "")
        z.append(line)
        hover.append(hovers)
        text.append(texts)
    colors = ["#F3F5F7", "#9CC3DE", theme.BLUE, theme.ORANGE]
    scale = [[v, c] for i, c in enumerate(colors) for v in (i / 4, (i + 1) / 4)]
    fig = go.Figure(
        go.Heatmap(
            x=years, y=list(range(len(shown))), z=z, zmin=-0.5, zmax=3.5, colorscale=scale, showscale=False, xgap=2,
            ygap=2, hovertext=hover, hoverinfo="text", text=text, texttemplate="%{text}", textfont={"size": 12},
        )
    )  # fmt: skip
    fig.update_yaxes(tickvals=list(range(len(shown))), ticktext=names, autorange="reversed", showgrid=False)
    step = 1 if len(years) <= 16 else 2 if len(years) <= 30 else 5
    fig.update_xaxes(tickvals=years[::step], showgrid=False, title_text=word("year", lang))
    present = sorted({v for row in z for v in row})
    for i, state in enumerate(present):
        label = word(("missing", "one", "several", "conflict")[state], lang)
        offset = sum(
            46 + 7 * theme.text_width(word(("missing", "one", "several", "conflict")[s], lang)) for s in present[:i]
        )
        fig.add_annotation(
            x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom", xshift=offset, yshift=4,
            text=f"<span style='color:{colors[state] if state else theme.FAINT};font-size:18px'>■</span> {label}",
            showarrow=False, font={"size": 13, "color": theme.MUTED},
        )  # fmt: skip
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
        subtitle = "格内数字：有数据的地区数（个）" if lang == "zh" else "number in a cell: places with a value"
    else:
        subtitle = "每格为一年的年度值" if lang == "zh" else "a cell is one annual value"
    more_note = [] if len(keys) == len(shown) else [word("others", lang).format(n=len(keys) - len(shown))]
    left = min(max(theme.text_width(n) for n in names) * 8 + 30, 360)
    fig = theme.finish(
        fig, lang=lang, chart="coverage", title=title, subtitle=subtitle, legend_note=more_note, left=left,
        footer=ctx.footer([], None), height=230 + 27 * len(shown),
    )  # fmt: skip
    return theme.raise_head(fig, 26)


def reconciliation(
    checks: Data,
    *,
    warehouse: WarehouseLike | None = None,
    place: str | None = None,
    lang: Lang = "zh",
    title: str | None = None,
) -> Any:
    """Stacked bars: how many checks of each kind hold, and how many do not.

    `checks`: rows of table `checks`, or a warehouse. Failures are hatched, so that grey print tells them apart; the
    hover lists what failed. Returns a Plotly figure.
    """
    frame, ctx = resolve(checks, "checks", warehouse, lang, None, place)
    if frame.height == 0:
        return theme.empty_figure(lang, "reconciliation")
    total = frame.group_by("kind").len().sort(["len", "kind"], descending=[True, False])
    kinds = total["kind"].to_list()
    y = list(range(len(kinds)))
    fig = go.Figure()
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
            go.Bar(
                y=y, x=counts, orientation="h", name=word(verdict, lang), hovertext=texts, hoverinfo="text",
                marker={"color": color, "line": {"color": theme.PAPER, "width": 1},
                        "pattern": {"shape": pattern, "bgcolor": color, "fgcolor": "#F4B183" if verdict == "fails" else theme.PAPER, "size": 6, "solidity": 0.25}},
                text=[str(n) if n else "" for n in counts], textposition="inside", insidetextanchor="middle",
                textangle=0, constraintext="none",
                textfont={"size": 13, "color": theme.PAPER if verdict in ("exact", "fails") else theme.INK},
            )
        )  # fmt: skip
    names = [theme.esc(word(k, lang)) for k in kinds]
    fig.update_layout(
        barmode="stack", showlegend=True, bargap=0.35,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal", "font": {"size": 13}},
    )  # fmt: skip
    fig.update_yaxes(tickvals=y, ticktext=names, autorange="reversed", showgrid=False)
    fig.update_xaxes(title_text=word("checks", lang), tickformat=",d", rangemode="tozero")
    holds = frame.filter(pl.col("verdict").is_in(HOLDS)).height
    fails = frame.filter(pl.col("verdict") == "fails").height
    if title is not None:
        title = theme.esc(title)
    elif lang == "zh":
        title = f"{frame.height}次核对中{holds}次相符，{fails}次不符"
    else:
        title = f"{holds} of {frame.height} checks hold, {fails} fail"
    subtitle = "按核对种类，单位：次" if lang == "zh" else "By kind of check, number"
    left = min(max(theme.text_width(n) for n in names) * 8 + 30, 300)
    fig = theme.finish(
        fig, lang=lang, chart="reconciliation", title=title, subtitle=subtitle, left=left,
        footer=ctx.footer([], None), height=240 + 40 * len(kinds),
    )  # fmt: skip
    return theme.raise_head(fig, 30)
