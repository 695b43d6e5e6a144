"""Points over time: one place or a few in one panel, and the same indicator across places in small panels.

Which points exist and how far their wording reaches is decided in the series; nothing is calculated here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped, unused-ignore]
import polars as pl
from plotly.subplots import make_subplots  # type: ignore[import-untyped, unused-ignore]

from pipelines.charts import theme
from pipelines.charts.context import Context, Data, WarehouseLike, resolve
from pipelines.charts.theme import Lang, quantity, word

HOLLOW = ("implied", "derived", "forecast", "linked")
"""Statuses drawn hollow: not a value that a source states for the period."""

Row = dict[str, Any]


def runs(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows sorted by year, cut where a year is missing or a break is flagged; only rows of one run are joined."""
    out: list[list[Row]] = []
    for row in rows:
        if out and row["year"] == out[-1][-1]["year"] + 1 and not is_break(row):
            out[-1].append(row)
        else:
            out.append([row])
    return out


def is_break(row: Row) -> bool:
    """The point cannot be compared with the one before it."""
    return any(str(f).startswith("break") for f in row["flags"] or ())


def usable(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows with a finite value and a year, in order."""
    return frame.filter(
        pl.col("value").is_not_null() & pl.col("value").is_finite() & pl.col("year").is_not_null()
    ).sort("place_code", "indicator_id", "basis", "scope", "period_kind", "year", "period", nulls_last=True)


def groups(frame: pl.DataFrame) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Rows by place, indicator, basis and scope, in order."""
    keys = ["place_code", "indicator_id", "basis", "scope"]
    parts = frame.with_columns(pl.col("basis", "scope").fill_null("")).partition_by(keys, as_dict=True)
    return [(k, list(v.iter_rows(named=True))) for k, v in parts.items()]


def _rgba(color: str, alpha: float) -> str:
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},{alpha})"


def _draw(
    fig: Any, ctx: Context, rows: Sequence[Row], color: str, divisor: float, head: str, at: dict[str, int]
) -> tuple[bool, bool, bool]:
    """One series: ribbon, line, solid and hollow points. Says whether a ribbon, hollow points and year-to-date points
    were drawn."""
    lang = ctx.lang
    annual = [r for r in rows if r["period_kind"] not in ("ytd", "quarter", "half", "month")]
    partial = [r for r in rows if r["period_kind"] in ("ytd", "quarter", "half", "month")]
    solid = [r for r in annual if r["status"] not in HOLLOW]
    hollow = [r for r in annual if r["status"] in HOLLOW]
    ribbon = False
    line_x: list[float | None] = []
    line_y: list[float | None] = []
    for run in runs(annual):
        bounds = [
            (r["year"], (r["value_lo"] if _ok(r["value_lo"]) else r["value"]) / divisor,
             (r["value_hi"] if _ok(r["value_hi"]) else r["value"]) / divisor) for r in run
        ]  # fmt: skip
        spread = max((abs(h - lo) / max(abs(h), 1e-12) for _, lo, h in bounds), default=0.0)
        if spread > 0.004:
            ribbon = True
            if len(bounds) == 1:
                x, lo, hi = bounds[0]
                bounds = [(x - 0.18, lo, hi), (x + 0.18, lo, hi)]
            fig.add_trace(
                go.Scatter(
                    x=[b[0] for b in bounds] + [b[0] for b in reversed(bounds)],
                    y=[b[2] for b in bounds] + [b[1] for b in reversed(bounds)],
                    fill="toself", mode="none", fillcolor=_rgba(color, 0.16), hoverinfo="skip", name="interval",
                ), **at,
            )  # fmt: skip
    for run in runs(solid):
        line_x += [r["year"] for r in run] + [None]
        line_y += [r["value"] / divisor for r in run] + [None]
    if line_x:
        fig.add_trace(
            go.Scatter(
                x=line_x[:-1], y=line_y[:-1], mode="lines", line={"color": color, "width": 2.5}, hoverinfo="skip",
                connectgaps=False, name="line",
            ), **at,
        )  # fmt: skip
    styles = (
        (solid, "solid", {"size": 9, "color": color}),
        (hollow, "implied", {"size": 10, "color": theme.PAPER, "line": {"color": color, "width": 2}}),
        (partial, "ytd", {"size": 11, "symbol": "diamond", "color": theme.PAPER, "line": {"color": color, "width": 2}}),
    )
    for part, name, marker in styles:
        if not part:
            continue
        texts = []
        for r in part:
            extra = []
            if _ok(r["value_lo"]) and _ok(r["value_hi"]) and r["value_lo"] != r["value_hi"]:
                sep = "：" if lang == "zh" else ": "
                low, high = quantity(r["value_lo"], r["unit"], lang), quantity(r["value_hi"], r["unit"], lang)
                extra.append(f"{word('interval', lang)}{sep}{theme.esc(low)} – {theme.esc(high)}")
            texts.append(
                ctx.hover(
                    head, theme.esc(quantity(r["value"], r["unit"], lang)), r["period"], r["basis"],
                    r["observation_id"], r["status"], extra,
                )
            )  # fmt: skip
        fig.add_trace(
            go.Scatter(
                x=[r["year"] for r in part], y=[r["value"] / divisor for r in part], mode="markers", marker=marker,
                hovertext=texts, hoverinfo="text", name=name,
                customdata=[[ctx.link(r["observation_id"]), r["observation_id"] or ""] for r in part],
            ), **at,
        )  # fmt: skip
    for r in annual:
        if is_break(r):
            fig.add_vline(x=r["year"] - 0.5, line={"color": theme.MUTED, "dash": "dot", "width": 1.5}, **at)
            fig.add_annotation(
                x=r["year"] - 0.5, y=1, yref="y domain", text=word("break", lang), showarrow=False, xanchor="left",
                xshift=4, font={"size": 12, "color": theme.MUTED}, yanchor="top", **at,
            )  # fmt: skip
    return ribbon, bool(hollow), bool(partial)


def _ok(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _years(fig: Any, frame: pl.DataFrame, room: float = 0.0, step: int | None = None) -> None:
    low, high = int(frame["year"].min()), int(frame["year"].max())  # type: ignore[arg-type]
    span = high - low
    step = step or (1 if span <= 12 else 2 if span <= 24 else 5)
    fig.update_xaxes(tickvals=list(range(low, high + 1, step)), range=[low - 0.5, high + 0.5 + room], showgrid=False)


def _range(values: list[float]) -> list[float]:
    """Axis range: from zero where that wastes less than half of the height, else around the values."""
    low, high = min(values), max(values)
    if low >= 0 and low < 0.55 * high:
        return [0.0, high * 1.12 or 1.0]
    pad = (high - low) * 0.18 or abs(high) * 0.05 or 1.0
    return [low - pad, high + pad]


def _spread(levels: list[float], gap: float) -> list[float]:
    """Label heights moved apart so that they do not overlap."""
    order = sorted(range(len(levels)), key=lambda i: levels[i])
    out = list(levels)
    for before, i in zip(order, order[1:], strict=False):
        out[i] = max(out[i], out[before] + gap)
    return out


def _trend_title(ctx: Context, place: str, name: str, rows: list[Row], lang: Lang) -> str:
    solid = [r for r in rows if r["period_kind"] == "annual"] or rows
    first, last = solid[0], solid[-1]
    if len(solid) < 2 or first["year"] == last["year"]:
        v = quantity(last["value"], last["unit"], lang)
        return f"{place}{name}：{last['year']}年为{v}" if lang == "zh" else f"{place}: {name}, {v} in {last['year']}"
    a, b = quantity(first["value"], first["unit"], lang), quantity(last["value"], last["unit"], lang)
    up = last["value"] - first["value"]
    same = abs(up) <= 0.005 * max(abs(first["value"]), 1e-12)
    if lang == "zh":
        verb = "基本持平" if same else ("上升" if up > 0 else "下降")
        return f"{place}{name}{verb}：{first['year']}年{a}，{last['year']}年{b}"
    verb = "held steady" if same else ("rose" if up > 0 else "fell")
    return f"{place}: {name} {verb}, from {a} in {first['year']} to {b} in {last['year']}"


def trend(
    series: Data,
    *,
    warehouse: WarehouseLike | None = None,
    targets: pl.DataFrame | None = None,
    indicator: str | None = None,
    place: str | None = None,
    lang: Lang = "zh",
    title: str | None = None,
) -> Any:
    """Line chart of published points.

    `series`: rows of table `series` (one indicator; a line per place, basis and scope), or a warehouse to read them
    from; values in `unit`, years on the x axis. Missing years are never bridged; a flagged break ends the line and is
    marked; the ribbon is what the wording allows; implied values and year-to-date values are hollow and not joined.
    `targets`: rows of table `targets` for the same indicator, drawn as short bars. `indicator`, `place`: keep only
    these (id, code or name). Returns a Plotly figure; an empty one that says so where there are no points.
    """
    frame, ctx = resolve(series, "series", warehouse, lang, indicator, place)
    frame = usable(frame)
    if frame.height == 0:
        return theme.empty_figure(lang, "trend")
    indicator_id, unit = frame["indicator_id"][0], frame["unit"][0]
    frame = frame.filter(pl.col("indicator_id").eq_missing(indicator_id) & pl.col("unit").eq_missing(unit))
    ctx.load(frame["observation_id"].to_list())
    divisor, axis_unit = theme.scale(frame["value"].to_list(), unit, lang)
    name = ctx.indicator(indicator_id)
    parts = groups(frame)
    fig = go.Figure()
    notes: dict[str, None] = {}
    labels: list[tuple[float, float, str, str]] = []
    shown = parts[: len(theme.CYCLE)]
    for i, ((code, _, basis, scope), rows) in enumerate(shown):
        color = theme.CYCLE[i]
        label = [ctx.place(code)] if len({k[0] for k, _ in shown}) > 1 else []
        if len({k[2] for k, _ in shown}) > 1:
            label.append(ctx.basis(basis))
        if scope:
            label.append(theme.esc(scope))
        head = " · ".join([ctx.place(code), name, *([theme.esc(scope)] if scope else [])])
        ribbon, hollow, partial = _draw(fig, ctx, rows, color, divisor, head, {})
        for flag, key in ((ribbon, "ribbon"), (hollow, "implied"), (partial, "ytd_legend")):
            if flag:
                notes[key] = None
        ends = [r for r in rows if r["period_kind"] == "annual"] or rows
        last = ends[-1]
        text = theme.esc(theme.number(last["value"] / divisor))
        labels.append((last["year"], last["value"] / divisor, " ".join([*label, f"<b>{text}</b>"]), color))
        if len(shown) == 1 and len(ends) > 1:
            first = ends[0]
            fig.add_annotation(
                x=first["year"], y=first["value"] / divisor, text=theme.esc(theme.number(first["value"] / divisor)),
                showarrow=False, yshift=18, font={"color": color, "size": 15},
            )  # fmt: skip
        for r in (x for x in rows if x["period_kind"] in ("ytd", "quarter", "half", "month")):
            fig.add_annotation(
                x=r["year"], y=r["value"] / divisor, showarrow=False, xanchor="left", xshift=10,
                text=f"{theme.esc(r['period'])} {theme.esc(theme.number(r['value'] / divisor))}",
                font={"color": color, "size": 12}, bgcolor="rgba(255,255,255,0.75)",
            )  # fmt: skip
    bounds = [v / divisor for c in ("value", "value_lo", "value_hi") for v in frame[c].to_list() if _ok(v)]
    if targets is not None and targets.height:
        bounds += _targets(fig, ctx, targets, divisor, indicator_id, set(frame["place_code"].to_list()), unit)
    span = _range(bounds)
    heights = _spread([y for _, y, _, _ in labels], (span[1] - span[0]) * 0.065)
    longest = max(theme.text_width(t) for _, _, t, _ in labels)
    right = max(int(longest * 8.2) + 30, 60)
    end = max(x for x, _, _, _ in labels)
    for (x, _, text, color), y in zip(labels, heights, strict=True):
        fig.add_annotation(
            x=x if len(labels) == 1 else end, y=y, text=text, showarrow=False, xanchor="left", xshift=12, align="left",
            font={"color": color, "size": 15},
        )  # fmt: skip
    _years(fig, frame)
    fig.update_yaxes(
        range=span, tickformat=",.6~f", title_text=theme.esc(axis_unit) or None, rangemode="normal", nticks=7
    )
    fig.update_xaxes(title_text=word("year", lang))
    place_name = ctx.place(shown[0][0][0]) if len({k[0] for k, _ in shown}) == 1 else ""
    if title is None and place_name:
        main = max(shown, key=lambda g: len(g[1]))[1]
        title = _trend_title(ctx, place_name, name, main, lang)
    elif title is None:
        title = _across_title(ctx, name, shown, lang)
    else:
        title = theme.esc(title)
    more = [] if len(parts) == len(shown) else [word("others", lang).format(n=len(parts) - len(shown))]
    unit_text = ctx.unit(unit)
    subtitle = (f"{name}，单位：{unit_text}" if lang == "zh" else f"{name}, {unit_text}") if unit_text else name
    return theme.finish(
        fig, lang=lang, chart="trend", title=title, subtitle=subtitle, height=520, right=right,
        footer=ctx.footer(frame["observation_id"].to_list(), frame["basis"].to_list()),
        legend_note=[word(k, lang) for k in notes] + more,
        meta={"observations": frame["observation_id"].to_list(), "indicator": indicator_id},
    )  # fmt: skip


def _targets(
    fig: Any, ctx: Context, targets: pl.DataFrame, divisor: float, indicator_id: str, places: set[Any], unit: str
) -> list[float]:
    """Targets as short bars with the side that is good; returns their heights."""
    lang = ctx.lang
    rows = targets.filter(
        pl.col("indicator_id").eq_missing(indicator_id)
        & pl.col("value").is_not_null()
        & pl.col("unit").eq_missing(unit)
        & pl.col("place_code").is_in([p for p in places if p])
    ).iter_rows(named=True)
    heights: list[float] = []
    for r in rows:
        year = str(r["period"] or "")[:4]
        if not year.isdigit():
            continue
        y = r["value"] / divisor
        heights.append(y)
        ids = r["observation_ids"] or [None]
        ctx.load(ids)
        sign = {"at_most": "≤", "at_least": "≥"}.get(r["relation"], "=")
        fig.add_trace(
            go.Scatter(
                x=[int(year) - 0.35, int(year) + 0.35], y=[y, y], mode="lines", name="target",
                line={"color": theme.INK, "width": 3}, hoverinfo="text",
                hovertext=[ctx.hover(word("target", lang), sign + theme.esc(quantity(r["value"], unit, lang)),
                                     r["period"], None, ids[0])] * 2,
                customdata=[[ctx.link(ids[0]), ids[0] or ""]] * 2,
            )
        )  # fmt: skip
        fig.add_annotation(
            x=int(year), y=y, text=f"{word('target', lang)} {sign}{theme.esc(theme.number(y))}", showarrow=False,
            yshift=12 if r["relation"] != "at_least" else -12, font={"size": 12, "color": theme.INK},
        )  # fmt: skip
    return heights


def _across_title(ctx: Context, name: str, parts: Sequence[tuple[tuple[Any, ...], list[Row]]], lang: Lang) -> str:
    ends = []
    for key, rows in parts:
        annual = [r for r in rows if r["period_kind"] == "annual"] or rows
        ends.append((annual[-1]["value"], ctx.place(key[0]), annual[-1]))
    high, low = max(ends, key=lambda e: e[0]), min(ends, key=lambda e: e[0])
    a, b = quantity(high[0], high[2]["unit"], lang), quantity(low[0], low[2]["unit"], lang)
    if high[1] == low[1]:
        return f"{name}：{high[1]}{a}" if lang == "zh" else f"{name}: {a} in {high[1]}"
    if lang == "zh":
        return (
            f"{name}：{high[1]}最高（{high[2]['year']}年{a}），{low[1]}最低（{low[2]['year']}年{b}）"
            if high[2]["year"] != low[2]["year"]
            else f"{name}：{high[2]['year']}年{high[1]}最高（{a}），{low[1]}最低（{b}）"
        )
    return f"{name} is highest in {high[1]} ({a}, {high[2]['year']}) and lowest in {low[1]} ({b}, {low[2]['year']})"


def small_multiples(
    series: Data,
    *,
    warehouse: WarehouseLike | None = None,
    indicator: str | None = None,
    lang: Lang = "zh",
    columns: int = 3,
    limit: int = 12,
    title: str | None = None,
) -> Any:
    """One panel per place (at most `limit`), the same axes in all, the other places in pale grey behind.

    `series`: rows of table `series` for one indicator, or a warehouse; where a place has several bases the longest
    series is drawn. Values in `unit`, years on the x axis. Returns a Plotly figure.
    """
    frame, ctx = resolve(series, "series", warehouse, lang, indicator)
    frame = usable(frame.filter(pl.col("period_kind") == "annual"))
    if frame.height == 0:
        return theme.empty_figure(lang, "small_multiples")
    if indicator is None:
        best = (
            frame.group_by("indicator_id").agg(n=pl.col("place_code").n_unique(), k=pl.len()).sort(
                ["n", "k", "indicator_id"], descending=[True, True, False]
            )
        )  # fmt: skip
        frame = frame.filter(pl.col("indicator_id").eq_missing(best["indicator_id"][0]))
    indicator_id, unit = frame["indicator_id"][0], frame["unit"][0]
    frame = frame.filter(pl.col("unit").eq_missing(unit) & pl.col("indicator_id").eq_missing(indicator_id))
    ctx.load(frame["observation_id"].to_list())
    longest: dict[Any, tuple[tuple[Any, ...], list[Row]]] = {}
    for key, rows in groups(frame):
        if key[0] not in longest or len(rows) > len(longest[key[0]][1]):
            longest[key[0]] = (key, rows)
    every = sorted(longest.values(), key=lambda g: (-len(g[1]), str(g[0][0])))
    shown = every[:limit]
    divisor, axis_unit = theme.scale([r["value"] for _, rows in shown for r in rows], unit, lang)
    n_cols = min(columns, len(shown))
    n_rows = math.ceil(len(shown) / n_cols)
    fig = make_subplots(
        rows=n_rows, cols=n_cols, shared_xaxes="all", shared_yaxes="all", horizontal_spacing=0.04,
        vertical_spacing=min(0.3 / n_rows, 0.12), subplot_titles=[f"<b>{ctx.place(k[0])}</b>" for k, _ in shown],
    )  # fmt: skip
    fig.update_annotations(font={"size": 15, "color": theme.INK}, yshift=2)
    name = ctx.indicator(indicator_id)
    notes: dict[str, None] = {}
    for i, (key, rows) in enumerate(shown):
        at = {"row": i // n_cols + 1, "col": i % n_cols + 1}
        xs: list[int | None] = []
        ys: list[float | None] = []
        for other, other_rows in shown:
            if other == key:
                continue
            for run in runs([r for r in other_rows if r["status"] not in HOLLOW]):
                xs += [r["year"] for r in run] + [None]
                ys += [r["value"] / divisor for r in run] + [None]
        fig.add_trace(
            go.Scatter(x=xs, y=ys, mode="lines", line={"color": theme.FAINT, "width": 1.2}, hoverinfo="skip"), **at
        )
        ribbon, hollow, _ = _draw(fig, ctx, rows, theme.BLUE, divisor, f"{ctx.place(key[0])} · {name}", at)
        notes.update({k: None for k, f in (("ribbon", ribbon), ("implied", hollow)) if f})
        last = rows[-1]
        fig.add_annotation(
            x=last["year"], y=last["value"] / divisor, text=theme.esc(theme.number(last["value"] / divisor)),
            showarrow=False, xanchor="left", xshift=7,
            font={"color": theme.BLUE, "size": 14}, **at,
        )  # fmt: skip
    span = int(frame["year"].max()) - int(frame["year"].min())  # type: ignore[arg-type]
    _years(fig, frame, step=max(1, math.ceil(span / 4)), room=max(1.0, span * 0.2))
    fig.update_yaxes(
        range=_range(
            [r[c] / divisor for _, rows in shown for r in rows for c in ("value", "value_lo", "value_hi") if _ok(r[c])]
        ),
        tickformat=",.6~f",
    )
    fig.update_yaxes(title_text=theme.esc(axis_unit) or None, col=1)
    more = [] if len(every) == len(shown) else [word("others", lang).format(n=len(every) - len(shown))]
    unit_text = ctx.unit(unit)
    subtitle = (
        f"{name}，单位：{unit_text}，坐标相同" if lang == "zh" else f"{name}, {unit_text}; same axes in all panels"
    )
    fig = theme.finish(
        fig, lang=lang, chart="small_multiples", subtitle=subtitle, legend_note=[word(k, lang) for k in notes] + more,
        title=theme.esc(title) if title else _across_title(ctx, name, shown, lang),
        footer=ctx.footer(frame["observation_id"].to_list(), [k[2] for k, _ in shown]), axis_space=40,
        height=190 + 210 * n_rows, meta={"observations": frame["observation_id"].to_list(), "indicator": indicator_id},
    )  # fmt: skip
    return theme.raise_head(fig, 24)
