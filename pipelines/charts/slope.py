"""Two moments side by side: how far each place, or each indicator of one place, moved from the first to the second.

Rates of growth do not belong here (see `progress`), nor does any calculation beyond what a label says.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.charts import theme
from pipelines.charts.canvas import Canvas, scatter
from pipelines.charts.context import Context, Data, WarehouseLike, resolve
from pipelines.charts.theme import Lang, quantity, word
from pipelines.charts.trend import spread, usable

KEYS = ["place_code", "indicator_id", "basis", "scope", "unit"]
Pair = dict[str, Any]


def slope(
    series: Data,
    *,
    warehouse: WarehouseLike | None = None,
    indicator: str | None = None,
    place: str | None = None,
    start: int | None = None,
    end: int | None = None,
    lang: Lang = "zh",
    limit: int = 14,
    title: str | None = None,
) -> Any:
    """A line per place from its value in the year `start` to that in the year `end`, labelled at both ends.

    `series`: annual rows of table `series` for one indicator, or a warehouse (without `indicator` the one with most
    places in two years). Without `start` and `end` the two years that most places have, the furthest apart of these.
    A line that crosses a flagged break is dashed. Shows at most `limit` places, the largest changes first; rates by
    points, everything else in per cent. Values in `unit`. Returns a Plotly figure.
    """
    frame, ctx = resolve(series, "series", warehouse, lang, indicator, place)
    frame = usable(frame.filter(pl.col("period_kind") == "annual"))
    pairs = _pairs(frame, start, end)
    if pairs.height == 0:
        return theme.empty_figure(lang, "slope")
    unit = pairs["unit"][0]
    as_points = unit in ("%", "‰")
    change = pl.col("end") - pl.col("start")
    pairs = pairs.with_columns(move=change if as_points else change / pl.col("start").abs())
    ranked = list(
        pairs.filter(pl.col("move").is_finite())
        .sort(pl.col("move").abs(), "place_code", descending=[True, False], nulls_last=True)
        .iter_rows(named=True)
    )
    if not ranked:
        return theme.empty_figure(lang, "slope")
    shown = ranked[:limit]
    ctx.load(r[k] for r in shown for k in ("start_id", "end_id"))
    y0, y1 = shown[0]["start_year"], shown[0]["end_year"]
    divisor, axis_unit = theme.scale([r[k] for r in shown for k in ("start", "end")], unit, lang)
    name = ctx.indicator(shown[0]["indicator_id"])
    levels = [r[k] / divisor for r in shown for k in ("start", "end")]
    low, high = min(levels), max(levels)
    pad = (high - low) * 0.06 or 1.0
    height = max(480, 240 + 26 * len(shown))
    gap = (high - low + 2 * pad) * 21 / (height - 190)
    left_at = spread([r["start"] / divisor for r in shown], gap, high + pad, low - pad)
    right_at = spread([r["end"] / divisor for r in shown], gap, high + pad, low - pad)
    fig = Canvas()
    left_text, right_text = [], []
    for r, left, right in zip(shown, left_at, right_at, strict=True):
        color = theme.BLUE if r["move"] >= 0 else theme.VERMILLION
        where = ctx.place(r["place_code"])
        moved = _moved(r["move"], unit, as_points, lang)
        hovers = [
            ctx.hover(
                f"{where} · {name}", theme.esc(quantity(r[k], unit, lang)), str(r[f"{k}_year"]), r["basis"],
                r[f"{k}_id"], extra=[f"{word('change', lang)}{'：' if lang == 'zh' else ': '}{theme.esc(moved)}"],
            )
            for k in ("start", "end")
        ]  # fmt: skip
        fig.add_trace(
            scatter(
                x=[0, 1], y=[r["start"] / divisor, r["end"] / divisor], mode="lines+markers", name="slope",
                line={"color": color, "width": 2.2, "dash": "dot" if r["broken"] else "solid"},
                marker={"color": color, "size": 8, "symbol": "circle" if r["move"] >= 0 else "square"},
                hovertext=hovers, hoverinfo="text",
                customdata=[[ctx.link(r[f"{k}_id"]), r[f"{k}_id"]] for k in ("start", "end")],
            )
        )  # fmt: skip
        left_text.append(f"{where} {theme.esc(theme.number(r['start'] / divisor))}")
        right_text.append(f"<b>{theme.esc(theme.number(r['end'] / divisor))}</b> {where} {theme.esc(moved)}")
        for x, at, text, anchor in ((0, left, left_text[-1], "right"), (1, right, right_text[-1], "left")):
            fig.add_annotation(
                x=x, y=at, text=text, showarrow=False, xanchor=anchor, xshift=-12 if x == 0 else 12,
                font={"size": 14, "color": color},
            )  # fmt: skip
    for x, year in ((0, y0), (1, y1)):
        fig.add_vline(x=x, line={"color": theme.FAINT, "width": 1.5}, layer="below")
        fig.add_annotation(
            x=x, y=1, yref="y domain", yanchor="bottom", yshift=6, text=f"<b>{year}</b>", showarrow=False,
            font={"size": 16},
        )  # fmt: skip
    fig.update_xaxes(range=[-0.02, 1.02], visible=False)
    fig.update_yaxes(range=[low - pad, high + pad], visible=False)
    left_room = max(theme.text_width(t) for t in left_text) * 8 + 40
    right_room = max(theme.text_width(t) for t in right_text) * 8 + 40
    broken = any(r["broken"] for r in shown)
    notes = [("虚线：跨越口径变动" if lang == "zh" else "dotted: across a break")] if broken else []
    notes.append("方形：下降" if lang == "zh" else "square: fell")
    if len(ranked) > len(shown):
        notes.append(word("others", lang).format(n=len(ranked) - len(shown)))
    unit_text = theme.esc(axis_unit)
    subtitle = (f"{name}，单位：{unit_text}" if lang == "zh" else f"{name}, {unit_text}") if unit_text else name
    return theme.finish(
        fig, lang=lang, chart="slope", head_room=26, title=theme.esc(title) if title else _title(ctx, ranked, name, y0, y1, as_points),
        subtitle=subtitle, legend_note=notes, left=left_room, right=right_room, height=height, axis_space=16,
        width=max(theme.WIDTH, left_room + right_room + 320),
        footer=ctx.footer([r[k] for r in shown for k in ("start_id", "end_id")], [r["basis"] for r in shown]),
        meta={"observations": [r[k] for r in shown for k in ("start_id", "end_id")], "indicator": shown[0]["indicator_id"]},
    )  # fmt: skip


def _pairs(frame: pl.DataFrame, start: int | None, end: int | None) -> pl.DataFrame:
    """Rows with both years of one indicator: `KEYS`, start, end, their years and observations, `broken` where a break
    is flagged after the start; a basis a place, the one chosen first by name. Empty where no two years are shared."""
    points = frame.select(
        *KEYS, "year", "value", "observation_id", b=pl.col("flags").list.eval(pl.element().str.starts_with("break")).list.any()
    )  # fmt: skip
    both = points.join(points, on=KEYS, how="inner", nulls_equal=True, suffix="_end").filter(
        pl.col("year") < pl.col("year_end")
    )
    if start is not None:
        both = both.filter(pl.col("year") == start)
    if end is not None:
        both = both.filter(pl.col("year_end") == end)
    if both.height == 0:
        return both
    chosen = (
        both.group_by("indicator_id", "unit", "year", "year_end").agg(n=pl.col("place_code").n_unique())
        .sort(["n", pl.col("year_end") - pl.col("year"), "year_end", "indicator_id"], descending=[True, True, True, False])
        .row(0, named=True)
    )  # fmt: skip
    keep = ["indicator_id", "unit", "year", "year_end"]
    both = both.filter(pl.all_horizontal(pl.col(c).eq_missing(chosen[c]) for c in keep))
    breaks = points.filter(
        pl.col("b") & (pl.col("year") > chosen["year"]) & (pl.col("year") <= chosen["year_end"])
    ).select(KEYS).unique().with_columns(broken=True)  # fmt: skip
    return (
        both.join(breaks, on=KEYS, how="left", nulls_equal=True)
        .with_columns(pl.col("broken").fill_null(False))
        .rename({"value": "start", "value_end": "end", "year": "start_year", "year_end": "end_year",
                 "observation_id": "start_id", "observation_id_end": "end_id"})
        .sort("place_code", "basis", "scope", nulls_last=True)
        .unique(["place_code", "scope"], keep="first", maintain_order=True)
    )  # fmt: skip


def _moved(move: float, unit: str | None, as_points: bool, lang: Lang) -> str:
    return (
        theme.difference(move, unit, lang) if as_points else f"{'+' if move > 0 else ''}{theme.number(100 * move, 1)}%"
    )


def _title(ctx: Context, ranked: list[Pair], name: str, y0: int, y1: int, as_points: bool) -> str:
    lang = ctx.lang
    up, down = sum(r["move"] > 0 for r in ranked), sum(r["move"] < 0 for r in ranked)
    top = ranked[0]
    where = ctx.place(top["place_code"])
    moved = theme.esc(_moved(top["move"], top["unit"], as_points, lang))
    if len(ranked) == 1:
        return f"{where}{name}{y0}—{y1}年：{moved}" if lang == "zh" else f"{where}: {name} {moved} from {y0} to {y1}"
    if lang == "zh":
        counts = "、".join(x for x, n in ((f"{up}地上升", up), (f"{down}地下降", down)) if n) or "均无变化"
        return f"{name}{y0}—{y1}年：{len(ranked)}地中{counts}，{where}变化最大（{moved}）"
    counts = (
        " and ".join(x for x, n in ((f"rose in {up}", up), (f"fell in {down}", down)) if n) or "did not change in any"
    )
    return f"{name}, {y0} to {y1}: {counts} of {len(ranked)} places, most in {where} ({moved})"
