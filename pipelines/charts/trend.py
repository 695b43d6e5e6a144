"""Points over time: one place or a few in one panel, and the same indicator across places in small panels.

Which points exist and how far their wording reaches is decided in the series; nothing is calculated here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.charts import theme
from pipelines.charts.canvas import Canvas, scatter
from pipelines.charts.context import Context, Data, WarehouseLike, resolve
from pipelines.charts.theme import Lang, quantity, word

HOLLOW = ("implied", "derived", "forecast", "linked")
"""Statuses drawn hollow: not a value that a source states for the period."""

PARTIAL = ("ytd", "quarter", "half", "month")
"""Kinds of periods that are parts of a year: drawn as diamonds, never joined."""

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
    fig: Canvas,
    ctx: Context,
    rows: Sequence[Row],
    nth: int,
    divisor: float,
    head: str,
    at: dict[str, int],
    *,
    ring: bool = False,
    size: float = 9,
) -> tuple[bool, bool, bool]:
    """One series in the colour, dash and marker of the `nth`: ribbon, line, solid and hollow points; as wide rings
    without a line where another series has the same values (`ring`). Says whether a ribbon, hollow points and
    year-to-date points were drawn."""
    color = theme.CYCLE[nth]
    lang = ctx.lang
    annual = [r for r in rows if r["period_kind"] not in PARTIAL]
    partial = [r for r in rows if r["period_kind"] in PARTIAL]
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
                scatter(
                    x=[b[0] for b in bounds] + [b[0] for b in reversed(bounds)],
                    y=[b[2] for b in bounds] + [b[1] for b in reversed(bounds)],
                    fill="toself", mode="none", fillcolor=_rgba(color, 0.16), hoverinfo="skip", name="interval",
                ), **at,
            )  # fmt: skip
    for run in runs(solid):
        line_x += [r["year"] for r in run] + [None]
        line_y += [r["value"] / divisor for r in run] + [None]
    if line_x and not ring:
        fig.add_trace(
            scatter(
                x=line_x[:-1], y=line_y[:-1], mode="lines", hoverinfo="skip",
                line={"color": color, "width": 2.5, "dash": theme.DASHES[nth]},
                connectgaps=False, name="line",
            ), **at,
        )  # fmt: skip
    hollow_line = {"color": theme.PAPER, "line": {"color": color, "width": 2}}
    styles: list[tuple[list[Row], str, dict[str, Any]]] = [
        (solid, "solid", {"size": size, "color": color, "symbol": theme.SYMBOLS[nth]}),
        (hollow, "implied", {"size": size + 1, "symbol": theme.SYMBOLS[nth], **hollow_line}),
        (partial, "ytd", {"size": 11, "symbol": "diamond", **hollow_line}),
    ]
    if ring:
        wide = {"size": size + 8, "symbol": "circle-open", "color": color, "line": {"width": 2}}
        styles = [(part, name, wide) for part, name, _ in styles]
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
                    head, theme.esc(quantity(r["value"], r["unit"], lang)), theme.period_name(r["period"], lang), r["basis"],
                    r["observation_id"], r["status"], extra,
                )
            )  # fmt: skip
        fig.add_trace(
            scatter(
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


def _years(fig: Canvas, frame: pl.DataFrame, room: float = 0.0, step: int | None = None) -> None:
    low, high = int(frame["year"].min()), int(frame["year"].max())  # type: ignore[arg-type]
    span = high - low
    step = step or (1 if span <= 12 else 2 if span <= 24 else 5 if span <= 60 else 10)
    first = low if step == 1 else -(-low // step) * step
    fig.update_xaxes(tickvals=list(range(first, high + 1, step)), range=[low - 0.5, high + 0.5 + room], showgrid=False)


def _range(values: list[float]) -> list[float]:
    """Axis range: from zero where that wastes less than half of the height, else around the values."""
    low, high = min(values), max(values)
    if low >= 0 and low < 0.55 * high:
        return [0.0, high * 1.12 or 1.0]
    pad = (high - low) * 0.18 or abs(high) * 0.05 or 1.0
    return [low - pad, high + pad]


def spread(levels: Sequence[float], gap: float, ceiling: float = math.inf, floor: float = -math.inf) -> list[float]:
    """Label heights moved apart by at least `gap`, as little as possible in all (neighbours that touch share their
    mean), and back again where the stack would rise above `ceiling` or, more urgent, sink under `floor`."""
    order = sorted(range(len(levels)), key=lambda i: levels[i])
    blocks: list[list[float]] = []
    for nth, i in enumerate(order):
        blocks.append([levels[i] - nth * gap])
        while len(blocks) > 1 and sum(blocks[-2]) / len(blocks[-2]) > sum(blocks[-1]) / len(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    bases = [sum(block) / len(block) for block in blocks for _ in block]
    out, top = list(levels), ceiling
    for nth in range(len(order) - 1, -1, -1):
        out[order[nth]] = min(bases[nth] + nth * gap, top)
        top = out[order[nth]] - gap
    for nth, i in enumerate(order):
        out[i] = max(out[i], floor + nth * gap)
    return out


def same_points(rows: Sequence[Row], others: Sequence[Row]) -> bool:
    """Every point of `rows` has the same value in `others`: the two lines would hide one another."""
    known = {(r["period_kind"], r["period"]): r["value"] for r in others}
    return all(
        math.isclose(r["value"], known.get((r["period_kind"], r["period"]), math.nan), rel_tol=1e-9) for r in rows
    )


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
    first = frame.group_by("indicator_id", "unit").len().sort(
        ["len", "indicator_id", "unit"], descending=[True, False, False], nulls_last=True
    ).row(0, named=True)  # fmt: skip
    indicator_id, unit = first["indicator_id"], first["unit"]
    frame = frame.filter(pl.col("indicator_id").eq_missing(indicator_id) & pl.col("unit").eq_missing(unit))
    name = ctx.indicator(indicator_id)
    parts = groups(frame)
    shown = sorted(parts, key=lambda g: -len(g[1]))[: len(theme.CYCLE)]
    drawn = [r for _, rows in shown for r in rows]
    ctx.load(r["observation_id"] for r in drawn)
    divisor, axis_unit = theme.scale([r["value"] for r in drawn], unit, lang)
    fig = Canvas()
    notes: dict[str, None] = {}
    labels: list[tuple[float, float, str, str]] = []
    several_places = len({k[0] for k, _ in shown}) > 1
    several_bases = len({k[2] for k, _ in shown}) > 1
    bounds = [r[c] / divisor for r in drawn for c in ("value", "value_lo", "value_hi") if _ok(r[c])]
    colors = {key[0]: theme.CYCLE[i] for i, (key, _) in reversed(list(enumerate(shown)))}
    if targets is not None and targets.height:
        goal = _Goal(divisor, indicator_id, unit, colors if several_places else dict.fromkeys(colors, theme.INK))
        bounds += _targets(fig, ctx, targets, goal)
    span = _range(bounds)
    for i, (key, rows) in enumerate(shown):
        code, _, basis, scope = key
        color = theme.CYCLE[i]
        twin = next((j for j in range(i) if shown[j][0][0] == code and same_points(rows, shown[j][1])), None)
        label = [ctx.place(code)] if several_places else []
        if several_bases:
            label.append(ctx.basis(basis))
        if scope:
            label.append(theme.esc(scope))
        head = " · ".join([ctx.place(code), name, *([theme.esc(scope)] if scope else [])])
        ribbon, hollow, partial = _draw(fig, ctx, rows, i, divisor, head, {}, ring=twin is not None)
        for flag, note in (
            (ribbon, "ribbon"), (hollow, "implied"), (partial, "ytd_legend"), (twin is not None, "ring"),
        ):  # fmt: skip
            if flag:
                notes[note] = None
        ends = [r for r in rows if r["period_kind"] == "annual"] or rows
        last = ends[-1]
        text = theme.esc(theme.number(last["value"] / divisor))
        labels.append((last["year"], last["value"] / divisor, " ".join([*label, f"<b>{text}</b>"]), color))
        if len(shown) == 1 and len(ends) > 1:
            start = ends[0]
            falls = len(ends) > 1 and ends[1]["value"] < start["value"]
            fig.add_annotation(
                x=start["year"], y=start["value"] / divisor, text=theme.esc(theme.number(start["value"] / divisor)),
                showarrow=False, yshift=18 if falls else -18, font={"color": color, "size": 15},
            )  # fmt: skip
        for r in (x for x in rows if x["period_kind"] in PARTIAL):
            near_end = r["year"] >= max(x["year"] for x in drawn) - 1
            fig.add_annotation(
                x=r["year"], y=r["value"] / divisor, showarrow=False, xanchor="right" if near_end else "left",
                xshift=-12 if near_end else 12, text=f"{theme.esc(theme.period_name(r['period'], lang))} "
                f"{theme.esc(theme.number(r['value'] / divisor))}", font={"color": color, "size": 13},
            )  # fmt: skip
    right = _end_labels(fig, labels, span, max(r["year"] for r in drawn) - min(r["year"] for r in drawn))
    _years(fig, pl.DataFrame({"year": [r["year"] for r in drawn]}))
    fig.update_yaxes(
        range=span, tickformat=",.6~f", title_text=theme.esc(axis_unit) or None, rangemode="normal", nticks=7
    )
    fig.update_xaxes(title_text=word("year", lang))
    if title is not None:
        title = theme.esc(title)
    elif not several_places:
        title = _trend_title(ctx, ctx.place(shown[0][0][0]), name, shown[0][1], lang)
    else:
        title = _across_title(ctx, name, shown, lang)
    more = [] if len(parts) == len(shown) else [word("others", lang).format(n=len(parts) - len(shown))]
    return theme.finish(
        fig, lang=lang, chart="trend", title=title, subtitle=_subtitle(name, axis_unit, lang), height=520, right=right,
        footer=ctx.footer([r["observation_id"] for r in drawn], [k[2] for k, _ in shown]),
        legend_note=[word(k, lang) for k in notes] + more,
        meta={"observations": [r["observation_id"] for r in drawn], "indicator": indicator_id},
    )  # fmt: skip


def _subtitle(name: str, unit: str, lang: Lang) -> str:
    """The measure and the unit of the axis; `name` is already escaped."""
    if not unit:
        return name
    return f"{name}，单位：{theme.esc(unit)}" if lang == "zh" else f"{name}, {theme.esc(unit)}"


def _end_labels(
    fig: Canvas, labels: Sequence[tuple[float, float, str, str]], span: Sequence[float], years: float
) -> int:
    """A label at the end of each line, moved apart where ends are near each other; returns the right margin, pixels."""
    width = theme.WIDTH - 140
    last = max(x for x, _, _, _ in labels)
    gap = (span[1] - span[0]) * 0.062
    clusters: list[list[tuple[float, float, str, str]]] = []
    for item in sorted(labels, key=lambda i: -i[0]):
        reach = max((theme.text_width(item[2]) * 8.2 + 26) / width * max(years, 1), 0.01)
        near = (c for c in clusters if c[0][0] - item[0] < reach and any(abs(o[1] - item[1]) < 2 * gap for o in c))
        cluster = next(near, None)
        if cluster is None:
            clusters.append([item])
        else:
            cluster.append(item)
    right = 40
    for cluster in clusters:
        end = cluster[0][0]
        heights = spread([y for _, y, _, _ in cluster], gap, span[1])
        for (_, _, text, color), y in zip(cluster, heights, strict=True):
            fig.add_annotation(
                x=end, y=y, text=text, showarrow=False, xanchor="left", xshift=13, align="left",
                font={"color": color, "size": 15},
            )  # fmt: skip
            used = theme.text_width(text) * 8.2 + 34
            right = max(right, int(used - (last - end) / max(years, 1) * (width - used)))
    return right


@dataclass(frozen=True, slots=True)
class _Goal:
    """What targets are drawn for: the axis's divisor, the indicator, its unit, and a colour for each place."""

    divisor: float
    indicator_id: str | None
    unit: str | None
    colors: Mapping[str | None, str]


def _targets(fig: Canvas, ctx: Context, targets: pl.DataFrame, goal: _Goal) -> list[float]:
    """Targets as short bars, with a triangle on the side that meets them; returns their heights."""
    lang = ctx.lang
    rows = targets.filter(
        pl.col("indicator_id").eq_missing(goal.indicator_id)
        & pl.col("value").is_not_null()
        & pl.col("unit").eq_missing(goal.unit)
        & pl.col("place_code").is_in([p for p in goal.colors if p])
    ).sort("period", "value", "target_id").unique(["place_code", "period", "relation", "value"], keep="first", maintain_order=True)  # fmt: skip
    heights: list[float] = []
    for r in rows.iter_rows(named=True):
        year = str(r["period"] or "")[:4]
        if not year.isdigit():
            continue
        y, x = r["value"] / goal.divisor, int(year)
        heights.append(y)
        ids = r["observation_ids"] or [None]
        ctx.load(ids)
        relations = {"at_most": ("≤", "ceiling", "triangle-down"), "at_least": ("≥", "floor", "triangle-up")}
        sign, kind, symbol = relations.get(r["relation"], ("=", "target", "line-ew"))
        color = goal.colors[r["place_code"]]
        fig.add_trace(
            scatter(
                x=[x - 0.35, x, x + 0.35], y=[y, y, y], mode="lines+markers", name="target",
                line={"color": color, "width": 3},
                marker={"symbol": symbol, "size": [0, 13, 0], "color": color, "standoff": 0}, hoverinfo="text",
                hovertext=[ctx.hover(word(kind, lang), sign + theme.esc(quantity(r["value"], r["unit"], lang)),
                                     theme.period_name(r["period"], lang), None, ids[0])] * 3,
                customdata=[[ctx.link(ids[0]), ids[0] or ""]] * 3,
            )
        )  # fmt: skip
        fig.add_annotation(
            x=x, y=y, text=f"{word(kind, lang)} {sign}{theme.esc(theme.number(y))}", showarrow=False,
            yshift=13 if r["relation"] != "at_least" else -13, font={"size": 13, "color": color},
        )  # fmt: skip
    return heights


def _across_title(ctx: Context, name: str, parts: Sequence[tuple[tuple[Any, ...], list[Row]]], lang: Lang) -> str:
    tails = [([r for r in rows if r["period_kind"] == "annual"] or rows)[-1] for _, rows in parts]
    common = max({r["year"] for r in tails}, key=lambda y: (sum(r["year"] == y for r in tails), y))
    same_year = [r for r in tails if r["year"] == common]
    ends = [(r["value"], ctx.place(r["place_code"]), r) for r in (same_year if len(same_year) > 1 else tails)]
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
    """One panel per place (at most `limit`): the places with the longest series, the other places in pale grey behind.

    `series`: rows of table `series` for one indicator, or a warehouse (without `indicator` the one known for most
    places); where a place has several bases the longest series is drawn. Values in `unit`, years on the x axis. The
    axes are the same in all panels, but where sizes differ more than fourfold (populations) each panel has its own, and
    the subtitle says so. Returns a Plotly figure.
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
    longest: dict[Any, tuple[tuple[Any, ...], list[Row]]] = {}
    for key, rows in groups(frame):
        if key[0] not in longest or len(rows) > len(longest[key[0]][1]):
            longest[key[0]] = (key, rows)
    every = sorted(longest.values(), key=lambda g: (-len(g[1]), str(g[0][0])))
    enough = next(n for n in (3, 2, 1) if sum(len(rows) >= n for _, rows in every) > 1 or n == 1)
    shown = [g for g in every if len(g[1]) >= enough][:limit]
    drawn = [r for _, rows in shown for r in rows]
    tops = [max(abs(r["value"]) for r in rows) for _, rows in shown]
    own = unit not in ("%", "‰") and max(tops) > 4 * max(min(tops), 1e-12)
    ctx.load(r["observation_id"] for r in drawn)
    divisor, axis_unit = theme.scale([r["value"] for r in drawn], unit, lang)
    n_cols = min(columns, 2 if len(shown) == 4 else len(shown))
    n_rows = math.ceil(len(shown) / n_cols)
    fig = Canvas(
        rows=n_rows, cols=n_cols, panel_font={"size": 15, "color": theme.INK}, shared_xaxes="all", shared_yaxes=False if own else "all",
        horizontal_spacing=0.07 if own else 0.04,
        vertical_spacing=min(0.3 / n_rows, 0.12), subplot_titles=[f"<b>{ctx.place(k[0])}</b>" for k, _ in shown],
    )  # fmt: skip
    name = ctx.indicator(indicator_id)
    notes: dict[str, None] = {}
    for i, (key, rows) in enumerate(shown):
        at = {"row": i // n_cols + 1, "col": i % n_cols + 1}
        xs: list[int | None] = []
        ys: list[float | None] = []
        for other, other_rows in shown:
            if other == key or own:
                continue
            for run in runs([r for r in other_rows if r["status"] not in HOLLOW]):
                xs += [r["year"] for r in run] + [None]
                ys += [r["value"] / divisor for r in run] + [None]
        fig.add_trace(
            scatter(x=xs, y=ys, mode="lines", line={"color": theme.FAINT, "width": 1.2}, hoverinfo="skip"), **at
        )
        ribbon, hollow, _ = _draw(fig, ctx, rows, 0, divisor, f"{ctx.place(key[0])} · {name}", at, size=6)
        notes.update({k: None for k, f in (("ribbon", ribbon), ("implied", hollow)) if f})
        last = rows[-1]
        fig.add_annotation(
            x=last["year"], y=last["value"] / divisor, text=theme.esc(theme.number(last["value"] / divisor)),
            showarrow=False, xanchor="left", xshift=7,
            font={"color": theme.BLUE, "size": 14}, **at,
        )  # fmt: skip
        if own:
            levels = [r[c] / divisor for r in rows for c in ("value", "value_lo", "value_hi") if _ok(r[c])]
            fig.update_yaxes(range=_range(levels), nticks=4, **at)
    years = pl.DataFrame({"year": [r["year"] for r in drawn]})
    span = max(r["year"] for r in drawn) - min(r["year"] for r in drawn)
    steps = (1, 2, 5, 10, 20, 50)
    _years(fig, years, step=next((s for s in steps if span / s <= 12 / n_cols + 1), 50), room=max(1.0, span * 0.2))
    if not own:
        levels = [r[c] / divisor for r in drawn for c in ("value", "value_lo", "value_hi") if _ok(r[c])]
        fig.update_yaxes(range=_range(levels))
    fig.update_yaxes(tickformat=",.6~f")
    fig.update_yaxes(title_text=theme.esc(axis_unit) or None, col=1)
    more = [] if len(every) == len(shown) else [word("others", lang).format(n=len(every) - len(shown))]
    axes = word("own_axes" if own else "same_axes", lang)
    subtitle = f"{_subtitle(name, axis_unit, lang)}{'，' if lang == 'zh' else '; '}{axes}"
    return theme.finish(
        fig, lang=lang, chart="small_multiples", head_room=24, subtitle=subtitle, legend_note=[word(k, lang) for k in notes] + more,
        title=theme.esc(title) if title else _changes_title(ctx, name, shown, lang),
        footer=ctx.footer([r["observation_id"] for r in drawn], [k[2] for k, _ in shown]), axis_space=40,
        height=190 + 210 * n_rows,
        meta={"observations": [r["observation_id"] for r in drawn], "indicator": indicator_id},
    )  # fmt: skip


def _changes_title(ctx: Context, name: str, parts: Sequence[tuple[tuple[Any, ...], list[Row]]], lang: Lang) -> str:
    """How many places rose and fell between their first and last point, and where the relative change is largest."""
    moves = [(rows[0], rows[-1]) for _, rows in parts if len(rows) > 1]
    if not moves:
        return _across_title(ctx, name, parts, lang)
    up = sum(b["value"] > a["value"] for a, b in moves)
    down = sum(b["value"] < a["value"] for a, b in moves)
    a, b = max(moves, key=lambda m: abs(m[1]["value"] - m[0]["value"]) / max(abs(m[0]["value"]), 1e-12))
    where = ctx.place(a["place_code"])
    first, last = (quantity(r["value"], r["unit"], lang) for r in (a, b))
    if lang == "zh":
        counts = "、".join(x for x, n in ((f"{up}地上升", up), (f"{down}地下降", down)) if n) or "均无变化"
        return f"{name}：{len(moves)}地中{counts}，{where}变化最大（{a['year']}年{first}，{b['year']}年{last}）"
    counts = " and ".join(x for x, n in ((f"up in {up}", up), (f"down in {down}", down)) if n) or "unchanged in all"
    return (
        f"{name} is {counts} of {len(moves)} places; largest change in {where} "
        f"({first} in {a['year']}, {last} in {b['year']})"
    )
