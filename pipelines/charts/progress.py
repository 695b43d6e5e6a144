"""Targets and growth: how far a value is from its target, and how it changed on the period before.

Gaps, paces and rates come ready from the warehouse; none is calculated here.
"""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from pipelines.charts import theme
from pipelines.charts.canvas import Canvas, bar, scatter
from pipelines.charts.context import Context, Data, WarehouseLike, resolve
from pipelines.charts.theme import Lang, difference, quantity, word

Row = dict[str, Any]

MET = ("met", "met_within_rounding", "on_pace_robust", "on_pace")
MISSED = ("missed", "behind_pace")


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def target_gap(
    gaps: Data,
    *,
    warehouse: WarehouseLike | None = None,
    indicator: str | None = None,
    place: str | None = None,
    lang: Lang = "zh",
    limit: int = 14,
    title: str | None = None,
) -> Any:
    """Value against target, a row each, as a share of the target (target = 100).

    `gaps`: rows of table `target_gaps`, or a warehouse. The band lies on the side that meets the target (left of it
    for a ceiling, right for a floor) and the triangle points there; a full marker is a final value, a hollow one a
    year-to-date value, a square one misses or is behind pace; the thin upright line is what was due by now, the cross
    with its line the whole year at this pace. Shows at most `limit` rows, shortfalls first. Returns a Plotly figure.
    """
    frame, ctx = resolve(gaps, "target_gaps", warehouse, lang, indicator, place)
    frame = frame.filter(
        pl.col("value").is_finite().fill_null(False)
        & pl.col("target").is_finite().fill_null(False)
        & (pl.col("target") > 0).fill_null(False)
    )
    if frame.height == 0:
        return theme.empty_figure(lang, "target_gap")
    ranked = sorted(
        frame.iter_rows(named=True),
        key=lambda r: (0 if r["status"] in MISSED else 1 if r["status"] in MET else 2, -abs(1 - r["value"] / r["target"]),
                       r["observation_id"]),
    )  # fmt: skip
    shown = ranked[:limit]
    ctx.load(r["observation_id"] for r in shown)
    ctx.load(str(r["target_id"]).removeprefix("target:") for r in shown)
    several = len({(r["place_code"], r["place_name"]) for r in frame.iter_rows(named=True)}) > 1
    unnamed = any(not r["place_code"] and not r["place_name"] for r in shown)
    one_indicator = frame["indicator_id"].n_unique() == 1 and several
    top = 130.0
    for r in shown:
        top = max(top, min(100 * r["value"] / r["target"], 260.0) + 8)
    fig = Canvas()
    labels: list[str] = []
    right_text: list[str] = []
    used: dict[str, None] = {}
    for i, r in enumerate(shown):
        y = len(shown) - 1 - i
        share = 100 * r["value"] / r["target"]
        clipped = min(max(share, 0.0), top - 4)
        ytd = r["gap_label"] == "headroom" or r["period_kind"] != "annual"
        color = theme.BAD if r["status"] in MISSED else theme.GOOD if r["status"] in MET else theme.OPEN
        ceiling, floor = r["relation"] == "at_most", r["relation"] == "at_least"
        if ceiling or floor:
            fig.add_shape(
                type="rect", x0=0 if ceiling else 100, x1=100 if ceiling else top, y0=y - 0.3, y1=y + 0.3,
                fillcolor="#E6F0F7", line={"width": 0}, layer="below",
            )  # fmt: skip
        fig.add_shape(type="line", x0=100, x1=clipped, y0=y, y1=y, line={"color": color, "width": 4}, layer="below")
        fig.add_shape(type="line", x0=100, x1=100, y0=y - 0.36, y1=y + 0.36, line={"color": theme.INK, "width": 3})
        if ceiling or floor:
            fig.add_trace(
                scatter(
                    x=[100 + (-1.3 if ceiling else 1.3) * top / 130], y=[y + 0.22], mode="markers", hoverinfo="skip",
                    marker={"symbol": "triangle-left" if ceiling else "triangle-right", "size": 14,
                            "color": theme.INK}, name="direction",
                )
            )  # fmt: skip
        if _finite(r["elapsed_share"]) and 0 < r["elapsed_share"] < 1 and _finite(r["pace"]):
            due = 100 * r["elapsed_share"]
            used["due"] = None
            fig.add_trace(
                scatter(
                    x=[due], y=[y], mode="markers", name="pace", hoverinfo="text",
                    marker={"symbol": "line-ns", "size": 22, "line": {"color": theme.MUTED, "width": 2.5}},
                    hovertext=[f"{word('due', lang)} {theme.number(due)}%"],
                )
            )  # fmt: skip
        if _finite(r["annualised_value"]):
            a = 100 * r["annualised_value"] / r["target"]
            ends = [100 * r[k] / r["target"] if _finite(r[k]) else a for k in ("annualised_lo", "annualised_hi")]
            used["annualised"] = None
            fig.add_trace(
                scatter(
                    x=[min(e, top - 2) for e in ends], y=[y - 0.17, y - 0.17], mode="lines", hoverinfo="skip",
                    line={"color": color, "width": 1.5}, name="annualised interval",
                )
            )  # fmt: skip
            fig.add_trace(
                scatter(
                    x=[min(a, top - 2)], y=[y - 0.17], mode="markers", name="annualised", hoverinfo="text",
                    marker={"symbol": "x-thin", "size": 9, "line": {"color": color, "width": 2}},
                    hovertext=[f"{word('annualised', lang)} {theme.esc(quantity(r['annualised_value'], r['unit'], lang))}"],
                )
            )  # fmt: skip
        value, goal = (theme.esc(quantity(r[k], r["unit"], lang)) for k in ("value", "target"))
        sign = "≤" if ceiling else "≥" if floor else "="
        gap_text = theme.esc(difference(r["gap"], r["unit"], lang)) if _finite(r["gap"]) else ""
        state = word(r["status"] or "open", lang)
        sep = "：" if lang == "zh" else ": "
        extra = [
            f"{word('target', lang)}{sep}{sign}{goal}"
            f"{theme.paren(theme.esc(theme.period_name(r['target_period'], lang)), lang)}",
            f"{word(r['gap_label'] or 'gap', lang)}{sep}{gap_text}",
        ]
        if r["reading"]:
            extra.append(f"{word('reading', lang)}{sep}{word(r['reading'], lang)}")
            if _finite(r["alternative_target"]):
                extra[-1] += theme.paren(
                    ("另读 " if lang == "zh" else "else ")
                    + theme.esc(quantity(r["alternative_target"], r["unit"], lang)),
                    lang,
                )
        name = ctx.indicator(r["indicator_id"], r["indicator"])
        where = ctx.place(r["place_code"], r["place_name"])
        head, period = f"{where} · {name}", theme.period_name(r["period"], lang)
        symbol = "square" if r["status"] in MISSED else "circle"
        fig.add_trace(
            scatter(
                x=[clipped], y=[y], mode="markers", name="value", hoverinfo="text",
                marker={"symbol": symbol, "size": 15, "color": theme.PAPER if ytd else color,
                        "line": {"color": color, "width": 3}},
                hovertext=[ctx.hover(head, value, period, None, r["observation_id"], state, extra)],
                customdata=[[ctx.link(r["observation_id"]), r["observation_id"]]],
            )
        )  # fmt: skip
        if ytd:
            used["ytd"] = None
        if share > top - 4:
            fig.add_annotation(x=top - 4, y=y, text="»", showarrow=False, xshift=14, font={"color": color, "size": 18})
        if not r["place_code"] and not r["place_name"]:
            title_of = ctx.document(r["observation_id"])
            where = theme.esc(title_of if len(title_of) <= 14 else title_of[:13] + "…") or where
        first = where if one_indicator else name
        second = [theme.esc(period)] if one_indicator or not (several or unnamed) else [where, theme.esc(period)]
        labels.append(f"{first}<br><span style='font-size:12px;color:{theme.MUTED}'>{' · '.join(second)}</span>")
        kind = word("ceiling" if ceiling else "floor" if floor else "equal", lang)
        right_text.append(
            f"<b>{value}</b>　{kind} {sign}{goal}<br><span style='font-size:13px;color:{color}'>{gap_text}"
            f"{'，' if lang == 'zh' else ', '}{state}</span>"
        )
    for i, text in enumerate(right_text):
        fig.add_annotation(
            x=1, xref="paper", y=len(shown) - 1 - i, text=text, showarrow=False, xanchor="left", align="left", xshift=14,
            font={"size": 14},
        )  # fmt: skip
    fig.update_yaxes(
        tickvals=[len(shown) - 1 - i for i in range(len(shown))], ticktext=labels, range=[-0.6, len(shown) - 0.4],
        showgrid=False, tickfont={"size": 14}, showline=False,
    )  # fmt: skip
    fig.update_xaxes(range=[0, top], title_text=word("share_of_target", lang), tickformat=",.0f")
    met, missed = frame.filter(pl.col("status").is_in(MET)).height, frame.filter(pl.col("status").is_in(MISSED)).height
    where = "" if several else ctx.place(shown[0]["place_code"], shown[0]["place_name"])
    title = theme.esc(title) if title is not None else _gap_title(where, frame.height, met, missed, lang)
    notes = []
    if "due" in used:
        notes.append(("竖线：" if lang == "zh" else "upright line: ") + word("due", lang))
    if "annualised" in used:
        notes.append(("×：" if lang == "zh" else "×: ") + word("annualised", lang))
    if "ytd" in used:
        notes.append("空心：年内数值" if lang == "zh" else "hollow: value within the year")
    if missed:
        notes.append("方形：未达到或落后" if lang == "zh" else "square: missed or behind")
    if len(ranked) > len(shown):
        notes.append(word("others", lang).format(n=len(ranked) - len(shown)))
    left = min(max(theme.text_width(x) for y in labels for x in y.split("<br>")) * 8 + 36, 330)
    right = max(theme.text_width(x) for y in right_text for x in y.split("<br>")) * 8 + 30
    subtitle = (
        "数值占目标的百分比；底带和三角指向达标一侧"
        if lang == "zh"
        else "Value as % of the target; band and triangle show the side that meets it"
    )
    readings = list(dict.fromkeys(word(r["reading"], lang) for r in shown if r["reading"]))
    sep = "：" if lang == "zh" else ": "
    return theme.finish(
        fig, lang=lang, chart="target_gap", title=title, subtitle=subtitle, legend_note=notes, left=left, right=right,
        footer=ctx.footer(
            (r["observation_id"] for r in shown), None,
            f"{word('reading', lang)}{sep}{('、' if lang == 'zh' else ', ').join(readings)}" if readings else "",
        ),
        height=200 + 58 * len(shown), width=max(theme.WIDTH, left + right + 400),
        meta={"observations": [r["observation_id"] for r in shown]},
    )  # fmt: skip


def _gap_title(where: str, n: int, met: int, missed: int, lang: Lang) -> str:
    """How many of `n` targets are met, missed, open; only what there is."""
    other = n - met - missed
    if lang == "zh":
        lead = f"{where}：{n}项目标" if where else f"{n}项目标"
        if met == n:
            return f"{lead}{'全部' if n > 1 else ''}达到或进度达标"
        parts = ((met, f"{met}项达到或进度达标"), (missed, f"{missed}项未达到或落后"), (other, f"{other}项未定"))
        return f"{lead}中" + "，".join(text for count, text in parts if count)
    lead = f"{where}: " if where else ""
    if met == n:
        return f"{lead}{'all ' if n > 1 else ''}{n} target{'s' if n > 1 else ''} met or on pace"
    parts = (
        (met, f"{met} of {n} targets met or on pace"),
        (missed, f"{missed} missed or behind"),
        (other, f"{other} open"),
    )
    text = ", ".join(t for count, t in parts if count)
    return lead + (text if met else f"of {n} targets {text}")


def growth(
    growth_rates: Data,
    *,
    warehouse: WarehouseLike | None = None,
    indicator: str | None = None,
    place: str | None = None,
    lang: Lang = "zh",
    limit: int = 16,
    title: str | None = None,
) -> Any:
    """Change on the prior period: bars over time for one series, or sorted bars for several.

    `growth_rates`: rows of table `growth_rates`, or a warehouse. Rates (% or ‰) show the change in points, everything
    else the growth in %; pale bars may be rounding only; whiskers are what the wording allows. For several series the
    latest period of each is drawn, at most `limit`; where one has several bases, the longest. A growth that has no meaning is named, not drawn. Returns a Plotly
    figure.
    """
    frame, ctx = resolve(growth_rates, "growth_rates", warehouse, lang, indicator, place)
    frame = frame.filter(pl.col("period_kind").is_in(["annual", "school_year"]))
    if frame.height:
        if indicator is None and frame["indicator_id"].n_unique() > 1:
            rate = pl.col("unit").is_in(["%", "‰"])
            frame = frame.filter(~rate) if frame.filter(~rate).height else frame
        frame = frame.filter(
            pl.col("growth").is_not_null() | pl.col("abs_change").is_not_null() | pl.col("reason").is_not_null()
        ).sort("place_code", "indicator_id", "basis", "scope", "period", nulls_last=True)
    if frame.height == 0:
        return theme.empty_figure(lang, "growth")
    keys = ["place_code", "indicator_id", "basis", "scope"]
    lengths = frame.group_by(keys).agg(n=pl.len(), end=pl.col("period").max())
    longest = lengths.sort("n", "end", *keys, descending=[True, True, False, False, False, False], nulls_last=True)
    frame = frame.join(
        longest.unique(["place_code", "indicator_id", "scope"], keep="first", maintain_order=True).select(keys),
        on=keys, how="semi", nulls_equal=True,
    )  # fmt: skip
    single = frame.select(keys).n_unique() == 1
    if not single:
        frame = frame.filter((pl.col("growth").is_not_null()) | (pl.col("abs_change").is_not_null()))
        if frame.height == 0:
            return theme.empty_figure(lang, "growth")
        frame = frame.group_by(keys, maintain_order=True).last().select(frame.columns)
    rows = list(frame.iter_rows(named=True))
    as_points = all(r["unit"] in ("%", "‰") for r in rows) and len({r["unit"] for r in rows}) == 1
    unit = rows[0]["unit"]
    field = "abs_change" if as_points else "growth"
    k = 1.0 if as_points else 100.0

    def length(r: Row) -> float | None:
        v = r[field]
        return v * k if _finite(v) else None

    if not single:
        rows = sorted((r for r in rows if length(r) is not None), key=lambda r: -(length(r) or 0.0))
        if len(rows) > limit:
            rows = rows[: limit // 2] + rows[-(limit - limit // 2) :]
    if not rows:
        return theme.empty_figure(lang, "growth")
    ctx.load(r["observation_id"] for r in rows)
    values = [length(r) for r in rows]
    low = [max((v or 0) - k * r[field + "_lo"], 0) if v is not None and _finite(r[field + "_lo"]) else 0 for v, r in zip(values, rows, strict=True)]  # fmt: skip
    high = [max(k * r[field + "_hi"] - (v or 0), 0) if v is not None and _finite(r[field + "_hi"]) else 0 for v, r in zip(values, rows, strict=True)]  # fmt: skip
    colors = [
        ("#9CC3DE" if (v or 0) >= 0 else "#EDB48C") if r["beyond_rounding"] is False else (theme.BLUE if (v or 0) >= 0 else theme.BAD)
        for v, r in zip(values, rows, strict=True)
    ]  # fmt: skip
    unit_text = theme.points(unit, lang) if as_points else "%"
    one_place = len({r["place_code"] for r in rows}) == 1
    one_indicator = len({r["indicator_id"] for r in rows}) == 1
    texts, labels = [], []
    for r, v in zip(rows, values, strict=True):
        name, where = ctx.indicator(r["indicator_id"]), ctx.place(r["place_code"])
        plain = f"{'+' if (v or 0) > 0 else ''}{theme.number(v)}"
        texts.append(
            ctx.hover(
                f"{where} · {name}", f"{theme.esc(quantity(r['value'], r['unit'], lang))}{theme.paren(f'{plain} {unit_text}', lang)}" if v is not None
                else theme.esc(quantity(r["value"], r["unit"], lang)),
                f"{theme.period_name(r['prior_period'], lang) if r['prior_period'] else '–'} → "
                f"{theme.period_name(r['period'], lang)}", r["basis"], r["observation_id"],
            )
        )  # fmt: skip
        bits = [x for x, hide in ((where, one_place), (name, one_indicator and not one_place)) if not hide]
        note = ctx.basis(r["basis"]) if r["basis"] else ""
        labels.append(" · ".join(bits or [name]) + f"<br><span style='font-size:12px;color:{theme.MUTED}'>{' · '.join(x for x in (theme.esc(theme.period_name(r['period'], lang)), note) if x)}</span>")  # fmt: skip
    custom = [[ctx.link(r["observation_id"]), r["observation_id"]] for r in rows]
    data_labels = [
        "" if v is None else f"{'+' if v > 0 else ''}{theme.number(v, 1 if abs(v) >= 10 else 2)}" for v in values
    ]
    fig = Canvas()
    common: dict[str, Any] = {
        "marker": {"color": colors, "line": {"width": 0}},
        "hovertext": texts,
        "hoverinfo": "text",
        "customdata": custom,
    }
    whisker = {"type": "data", "symmetric": False, "array": high, "arrayminus": low, "color": theme.MUTED, "thickness": 1.2, "width": 4}  # fmt: skip
    ends = [0.0] + [v + h for v, h in zip(values, high, strict=True) if v is not None]
    ends += [v - d for v, d in zip(values, low, strict=True) if v is not None]
    span = (max(ends) - min(ends)) or 1.0
    pad = [min(ends) - (0.14 * span if min(ends) < 0 else 0), max(ends) + (0.14 * span if max(ends) > 0 else 0)]
    axis_title = (word("change", lang) + f"（{unit_text}）" if lang == "zh" else f"Change ({unit_text})") if as_points else word("growth", lang)  # fmt: skip
    where = ctx.place(rows[0]["place_code"]) if one_place else ""
    name = ctx.indicator(rows[0]["indicator_id"]) if one_indicator else ""
    if single:
        x = [int(str(r["period"])[-4:]) if str(r["period"])[-4:].isdigit() else i for i, r in enumerate(rows)]
        fig.add_trace(bar(x=x, y=values, error_y=whisker, **common))
        drawn = [v for v in values if v is not None]
        crowded = len(rows) > 15
        notable = {max(drawn), min(drawn), drawn[-1]} if crowded and drawn else set(drawn)
        for xi, v, h, d, t, r in zip(x, values, high, low, data_labels, rows, strict=True):
            if crowded and v not in notable:
                continue
            up = (v or 0) >= 0
            fig.add_annotation(
                x=xi, y=0 if v is None else (v + h if up else v - d), text=t or f"<i>{theme.esc(word(r['reason'] or 'missing', lang))}</i>",
                showarrow=False, yshift=12 if up else -12, font={"size": 14 if t else 12, "color": theme.INK if t else theme.MUTED},
            )  # fmt: skip
        ticks = x if not crowded else [year for year in range(min(x), max(x) + 1) if year % 5 == 0]
        fig.update_xaxes(tickvals=ticks, tickangle=0, showgrid=False, title_text=word("year", lang))
        fig.update_yaxes(title_text=axis_title, range=pad, tickformat=",.4~f", zeroline=True, zerolinecolor=theme.INK)
        left, height = 90, 500
    else:
        y = list(range(len(rows)))[::-1]
        fig.add_trace(bar(x=values, y=y, orientation="h", error_x=whisker, **common))
        for yi, v, h, d, t in zip(y, values, high, low, data_labels, strict=True):
            up = (v or 0) >= 0
            fig.add_annotation(
                x=(v or 0) + h if up else (v or 0) - d, y=yi, text=t, showarrow=False, xanchor="left" if up else "right",
                xshift=6 if up else -6, font={"size": 14},
            )  # fmt: skip
        fig.update_yaxes(tickvals=y, ticktext=labels, showgrid=False, showline=False, range=[-0.6, len(rows) - 0.4])
        fig.update_xaxes(title_text=axis_title, range=pad, tickformat=",.4~f", zeroline=True, zerolinecolor=theme.INK)
        left = min(max(theme.text_width(p) for t in labels for p in t.split("<br>")) * 8 + 36, 380)
        height = 200 + 46 * len(rows)
    ordered = [(v, r) for v, r in zip(values, rows, strict=True) if v is not None]
    if title is not None:
        title = theme.esc(title)
    elif not ordered:
        title = f"{where}{name}"
    else:
        title = _growth_title(ctx, ordered, single, where, name, unit_text, lang)
    notes = [word("within_rounding", lang)] if any(r["beyond_rounding"] is False for r in rows) else []
    if lang == "zh":
        subtitle = f"{where}{name or '各指标'}，{'比上期变化' if as_points else '比上期增长'}，单位：{unit_text}"
    else:
        lead = ", ".join(x for x in (where, name or "all indicators") if x)
        subtitle = f"{lead}: {'change' if as_points else 'growth'} on the prior period, {unit_text}"
    return theme.finish(
        fig, lang=lang, chart="growth", title=title, subtitle=subtitle, legend_note=notes, left=left, height=height,
        footer=ctx.footer((r["observation_id"] for r in rows), [r["basis"] for r in rows]),
        meta={"observations": [r["observation_id"] for r in rows]},
    )  # fmt: skip


def _growth_title(
    ctx: Context, ordered: list[tuple[float, Row]], single: bool, where: str, name: str, unit_text: str, lang: Lang
) -> str:
    def amount(v: float) -> str:
        gap = "" if unit_text == "%" or lang == "zh" else " "
        return f"{'+' if v > 0 else ''}{theme.number(v, 2)}{gap}{unit_text}"

    if single:
        v, last = ordered[-1]
        down = sum(1 for x, _ in ordered if x < 0)
        period = theme.esc(last["period"])
        if lang == "zh":
            return f"{where}{name}：{period}年{amount(v)}，{len(ordered)}期中{down}期下降"
        return f"{where}: {name} {amount(v)} in {period}; down in {down} of {len(ordered)} periods"
    best, worst = max(ordered, key=lambda p: p[0]), min(ordered, key=lambda p: p[0])

    def label(r: Row) -> str:
        bits = [] if where else [ctx.place(r["place_code"])]
        bits += [] if name else [ctx.indicator(r["indicator_id"])]
        return ("" if lang == "zh" else ", ").join(bits)

    zh = lang == "zh"
    lead = f"{where}{name}" if zh else ", ".join(x for x in (where, name) if x)
    lead += ("：" if zh else ": ") if lead else ""
    if best is worst:
        return f"{lead}{label(best[1]) or theme.esc(theme.period_name(best[1]['period'], lang))} {amount(best[0])}"
    high = ("升幅最大", "rose most") if best[0] > 0 else ("降幅最小", "fell least")
    low = ("降幅最大", "fell most") if worst[0] < 0 else ("升幅最小", "rose least")
    if zh:
        return f"{lead}{label(best[1])}{high[0]}（{amount(best[0])}），{label(worst[1])}{low[0]}（{amount(worst[0])}）"
    return f"{lead}{label(best[1])} {high[1]} ({amount(best[0])}), {label(worst[1])} {low[1]} ({amount(worst[0])})"
