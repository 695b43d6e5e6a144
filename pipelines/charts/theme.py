"""How every figure looks: one template, few colours, fonts with Chinese glyphs, words in two languages, number formats.

What a figure shows does not belong here, nor does reading the warehouse.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import plotly.graph_objects as go  # type: ignore[import-untyped, unused-ignore]

from pipelines.charts.canvas import Canvas

Lang = Literal["zh", "en"]

FONT = (
    "'Noto Sans CJK SC','Noto Sans SC','Source Han Sans SC','PingFang SC','Microsoft YaHei','WenQuanYi Micro Hei',"
    "'Heiti SC',Arial,sans-serif"
)
INK, MUTED, FAINT, PAPER = "#1F2933", "#5B6670", "#D5DAE0", "#FFFFFF"
# Okabe and Ito's palette without yellow: told apart by colour-blind readers, and ordered by lightness for grey print.
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#AA4499", "#56B4E9"
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "triangle-up", "cross", "triangle-down", "star")
"""Line and marker of the nth series, so that print without colours tells them apart."""
GOOD, BAD, OPEN = BLUE, VERMILLION, MUTED
WIDTH = 960

WORDS: dict[str, tuple[str, str]] = {
    "no_data": ("没有数据", "no data"),
    "source": ("来源", "Source"),
    "basis": ("口径", "Basis"),
    "basis_unknown": ("未注明", "not stated"),
    "vintage": ("数据版本", "Data vintage"),
    "reading": ("目标读法", "Reading of the target"),
    "level": ("按水平值", "as a level"),
    "margin": ("按差额", "as a margin"),
    "value": ("数值", "Value"),
    "interval": ("区间", "Interval"),
    "period": ("时期", "Period"),
    "status": ("状态", "Status"),
    "click": ("点击查看原文", "click for the source text"),
    "year": ("年份", "Year"),
    "implied": ("空心：推算值", "hollow: implied by a later report"),
    "ytd_legend": ("空心菱形：年内累计", "hollow diamond: year to date"),
    "ribbon": ("色带：措辞允许的区间", "band: what the wording allows"),
    "break": ("口径变动", "break"),
    "ceiling": ("上限", "ceiling"),
    "floor": ("下限", "floor"),
    "equal": ("定值", "fixed"),
    "target": ("目标", "Target"),
    "share_of_target": ("占目标的百分比（%），目标 = 100", "Share of the target (%), target = 100"),
    "due": ("按时间进度应达", "due by now"),
    "annualised": ("按此进度全年", "whole year at this pace"),
    "met": ("已达到", "met"),
    "met_within_rounding": ("在四舍五入范围内达到", "met within rounding"),
    "missed": ("未达到", "missed"),
    "on_pace_robust": ("进度稳妥", "on pace, robust"),
    "on_pace": ("进度达标", "on pace"),
    "under_way": ("进行中", "under way"),
    "behind_pace": ("进度落后", "behind pace"),
    "open": ("未定", "open"),
    "gap": ("差距", "gap"),
    "headroom": ("余量", "headroom"),
    "points_pct": ("个百分点", "percentage points"),
    "points_permil": ("个千分点", "per mille points"),
    "change": ("变化", "Change"),
    "growth": ("比上期增长（%）", "Growth on the prior period (%)"),
    "within_rounding": ("浅色：变化未超出四舍五入", "pale: no change beyond rounding"),
    "sources_n": ("来源数", "Sources"),
    "one": ("一个来源", "one source"),
    "several": ("多来源一致", "several sources agree"),
    "conflict": ("来源不一致", "sources disagree"),
    "missing": ("缺", "missing"),
    "exact": ("完全相符", "exact"),
    "rounding": ("舍入内相符", "within rounding"),
    "loose": ("大致相符", "loose"),
    "fails": ("不符", "fails"),
    "holds": ("相符", "hold"),
    "found": ("所得", "found"),
    "expected": ("应为", "expected"),
    "proposal": ("建议（从不自动采用）", "proposal (never applied)"),
    "undecided": ("无法判断", "undecided"),
    "flag": ("提示", "flag"),
    "checks": ("核对次数（次）", "Checks (number)"),
    "places_one": ("地区", "Place"),
    "kind": ("种类", "kind"),
    "at_most": ("上限 ≤", "ceiling ≤"),
    "at_least": ("下限 ≥", "floor ≥"),
    "elapsed_share": ("已过时间占比", "elapsed share"),
    "pace": ("进度比", "pace"),
    "annualised_value": ("全年推算", "annualised"),
    "annualised_lo": ("推算下限", "annualised, low"),
    "annualised_hi": ("推算上限", "annualised, high"),
    "alternative_gap": ("另读差距", "gap of the other reading"),
    "low_confidence": ("把握不大", "low confidence"),
    "unread": ("未读", "unread"),
    "uncatalogued": ("不在目录中", "not in the catalogue"),
    "damaged": ("受损", "damaged"),
    "minor": ("轻微", "minor"),
    "material": ("明显", "material"),
    "severe": ("严重", "severe"),
    "place_code": ("地区", "place"),
    "place_name": ("地区", "place"),
    "indicator_id": ("指标", "indicator"),
    "indicator": ("指标（原文）", "indicator (as written)"),
    "unit": ("单位", "unit"),
    "relation": ("关系", "relation"),
    "verdict": ("结论", "verdict"),
    "subject": ("核对内容", "what was checked"),
    "difference": ("差额", "difference"),
    "tolerance": ("容许误差", "tolerance"),
    "sentence": ("句子", "sentence"),
    "why": ("原因", "why"),
    "raw": ("原文", "as found"),
    "reason": ("原因", "reason"),
    "prior_period": ("上期", "prior period"),
    "prior_value": ("上期数值", "prior value"),
    "target_period": ("目标期", "target period"),
    "abs_change": ("变化量", "change"),
    "beyond_rounding": ("超出舍入", "beyond rounding"),
    "alternative_target": ("另一读法", "other reading"),
    "alternative_value": ("另一读法", "other reading"),
    "robust": ("两读一致", "robust"),
    "n": ("个数", "number"),
    "example": ("例句", "example"),
    "title": ("标题", "title"),
    "path": ("文件", "path"),
    "points": ("数值个数", "values"),
    "n_places": ("地区数", "places"),
    "first_year": ("起", "from"),
    "last_year": ("止", "to"),
    "name": ("名称", "name"),
    "n_sources": ("来源数", "sources"),
    "conflict_delta": ("相对差", "relative difference"),
    "observation_id": ("编号", "observation"),
    "set_by": ("由谁定", "set by"),
    "n_repairs": ("修复", "repairs"),
    "n_damaged": ("不确定", "uncertain"),
    "n_mentions": ("数字", "numbers"),
    "places": ("地区数", "Places"),
    "reported": ("公布", "reported"),
    "preliminary": ("初步", "preliminary"),
    "revised": ("修订", "revised"),
    "census": ("普查", "census"),
    "forecast": ("预计", "forecast"),
    "derived": ("由分子分母算出", "derived"),
    "implied_status": ("由变化推算", "implied"),
    "zero_base": ("基期为零", "zero base"),
    "negative_base": ("基期为负", "negative base"),
    "sign_change": ("正负号改变", "sign change"),
    "parts": ("分项合计", "sum of parts"),
    "rate": ("比率", "rate"),
    "year_unknown": ("年份不明", "year not stated"),
    "ring": ("外圈：另一口径数值相同", "ring: equal on another basis"),
    "deviation": ("差额为容许误差的倍数", "Difference as a multiple of the tolerance"),
    "own_axes": ("各图坐标不同", "each panel has its own axis"),
    "same_axes": ("坐标相同", "same axes in all panels"),
    "unit_mismatch": ("单位不同", "units differ"),
    "basis_mismatch": ("口径不同", "bases differ"),
    "one_sided": ("只有一侧界限", "bounded on one side"),
    "births": ("出生数与出生率", "births and birth rate"),
    "natural_growth": ("自然增长", "natural growth"),
    "balance": ("人口平衡", "population balance"),
    "repair": ("改正建议", "proposed repair"),
    "plan": ("计划完成", "plan completion"),
    "per_head": ("人均", "per head"),
    "shares": ("构成", "shares"),
    "lost_digit": ("缺失数字", "lost digit"),
    "range": ("取值范围", "plausible range"),
    "outlier": ("离群", "outlier"),
    "slip": ("数位或单位错位", "digit or unit slip"),
    "whole_place": ("未标明地区", "Place not stated"),
    "others": ("另有 {n} 项未列出", "{n} more not shown"),
    "evidence": ("数据与出处", "Data and evidence"),
    "file": ("文件", "file"),
}

UNITS_EN = {
    "人": "persons",
    "户": "households",
    "元": "yuan",
    "人次": "person-times",
    "例": "cases",
    "个": "units",
    "平方公里": "km²",
    "平方千米": "km²",
    "岁": "years",
    "对": "couples",
    "亩": "mu",
    "吨": "tonnes",
    "公里": "km",
    "次": "times",
    "所": "facilities",
    "张": "beds",
    "": "",
}


def word(key: str, lang: Lang) -> str:
    """The word for `key` in the language; the key itself where none is known (with spaces for underscores)."""
    pair = WORDS.get(key)
    return key.replace("_", " ") if pair is None else pair[0 if lang == "zh" else 1]


def clean(text: object) -> str:
    """Text without control, format and surrogate characters, white space collapsed; for any place that shows text."""
    s = "" if text is None else str(text)
    s = re.sub(r"\s+", " ", s)
    if s.isprintable():  # as nearly all text is; the categories below are none of them printable
        return s.strip()
    return "".join(c for c in s if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn")).strip()


def esc(text: object) -> str:
    """Text from documents, made safe for figures: no tag, entity, template or formula in it has any effect."""
    return html.escape(clean(text), quote=True).replace("%{", "%&#123;").replace("$", "&#36;")


def wrap(text: object, width: int = 42, limit: int = 260) -> str:
    """Escaped text broken into lines of about `width` narrow characters (a Chinese one counts twice), for hovers."""
    s = clean(text)
    if len(s) > limit:
        s = s[: limit - 1] + "…"
    lines: list[str] = []
    line, used = "", 0
    for ch in s:
        w = 2 if unicodedata.east_asian_width(ch) in "WF" else 1
        if used + w > width and ch not in "，。；、：）”" and (w == 2 or ch == " " or used > width * 1.4):
            lines.append(line)
            line, used = "", 0
        line, used = line + ch, used + w
    lines.append(line)
    return "<br>".join(esc(x) for x in lines if x.strip())


def text_width(text: str) -> int:
    """Width in half-width characters; markup of our own does not count."""
    bare = html.unescape(re.sub(r"<[^>]*>", "", text))
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in bare)


def number(value: float | None, digits: int | None = None) -> str:
    """A value as it is read: thousands separated, at most two decimals (four significant figures below one)."""
    if value is None or not math.isfinite(value):
        return "–"
    if digits is None:
        a = abs(value)
        digits = 0 if a >= 10000 and value == round(value) else 2 if a >= 1 or a == 0 else 4
    s = f"{value:,.{digits}f}"
    s = s.rstrip("0").rstrip(".") if "." in s else s
    return s.replace("-", "−") if s not in ("-0", "") else "0"


def unit_name(unit: str | None, lang: Lang) -> str:
    """The unit as it is written in the language; a Chinese unit without an English name stays as it is."""
    u = unit or ""
    return u if lang == "zh" else UNITS_EN.get(u, u)


def scale(values: Iterable[float | None], unit: str | None, lang: Lang) -> tuple[float, str]:
    """Divisor and unit that keep an axis readable: 万 and 亿 in Chinese, million and billion in English."""
    top = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    name = unit_name(unit, lang)
    if (unit or "") in ("%", "‰", ""):
        return 1.0, name
    if lang == "zh":
        steps = ((1e8, 1e8, "亿"), (1e5, 1e4, "万"))
        for limit, divisor, word_ in steps:
            if top >= limit:
                return divisor, word_ + name
    else:
        for limit, divisor, word_ in ((1e10, 1e9, "billion "), (1e6, 1e6, "million ")):
            if top >= limit:
                return divisor, word_ + name
    return 1.0, name


def quantity(value: float | None, unit: str | None, lang: Lang) -> str:
    """Value with its unit, as in a sentence: 8.2‰, 43.5万人, 435,000 persons."""
    if value is None:
        return "–"
    divisor, name = scale([value], unit, lang)
    sep = "" if name in ("%", "‰", "") or lang == "zh" else " "
    return f"{number(value / divisor)}{sep}{name}"


def points(unit: str | None, lang: Lang) -> str:
    """Unit of a difference: points for rates, else the unit itself."""
    if unit == "%":
        return word("points_pct", lang)
    if unit == "‰":
        return word("points_permil", lang)
    return unit_name(unit, lang)


def difference(value: float | None, unit: str | None, lang: Lang) -> str:
    """A signed difference with its unit."""
    if value is None:
        return "–"
    sign = "+" if value > 0 else ""
    if unit in ("%", "‰"):
        return f"{sign}{number(value)}{'' if lang == 'zh' else ' '}{points(unit, lang)}"
    return sign + quantity(value, unit, lang)


BASES_EN = {
    "常住": "resident",
    "户籍": "registered (hukou)",
    "现价": "current prices",
    "当年价": "current prices",
    "可比价": "comparable prices",
    "不变价": "constant prices",
}


def basis_name(basis: str, lang: Lang) -> str:
    """The basis as it is written in the language; one without an English name stays as it is."""
    return basis if lang == "zh" else BASES_EN.get(basis, basis)


def paren(text: str, lang: Lang) -> str:
    """Text in the language's brackets."""
    return f"（{text}）" if lang == "zh" else f" ({text})"


_PART = re.compile(r"^(?P<y>\d{4}|\?{4})-(?P<p>Q[1-4]|H[12]|\d{2})$")
_SPAN = re.compile(r"^(\d{4}|\?{4})(?:-(\d{2}))?\.\.(\d{4}|\?{4})(?:-(\d{2}))?$")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def period_name(period: object, lang: Lang) -> str:
    """A period as it is read: 2011, 2020年上半年, Q1 2011, Jan–Jun 2020; an unknown year is named, not shown as ????."""
    text, zh = clean(period), lang == "zh"
    if text in ("", "????"):
        return word("year_unknown", lang)
    if text.startswith("asof:"):
        name = period_name(text[5:], lang)
        return f"{name}{'年' if name.isdigit() else ''}末" if zh else f"end of {name}"
    if found := _PART.match(text):
        year, part = found["y"], found["p"]
        known = year != "????"
        if part[0] == "Q":
            nth = "一二三四"[int(part[1]) - 1]
            return f"{_year(year, lang)}第{nth}季度" if zh else f"{part}{' ' if known else ', '}{_year(year, lang)}"
        if part[0] == "H":
            half = ("上半年", "下半年")[int(part[1]) - 1] if zh else ("first half", "second half")[int(part[1]) - 1]
            return f"{_year(year, lang)}{half}" if zh else f"{half}{' of ' if known else ', '}{_year(year, lang)}"
        month = int(part)
        if 1 <= month <= 12:
            return f"{_year(year, lang)}{month}月" if zh else f"{_MONTHS[month - 1]} {_year(year, lang)}"
    if found := _SPAN.match(text):
        y0, m0, y1, m1 = found.groups()
        if m0 and m1 and y0 == y1 and 1 <= int(m0) <= 12 and 1 <= int(m1) <= 12:
            if zh:
                return f"{_year(y0, lang)}{int(m0)}—{int(m1)}月"
            return f"{_MONTHS[int(m0) - 1]}–{_MONTHS[int(m1) - 1]} {_year(y0, lang)}"
        if not m0 and not m1:
            a, b = (y if y != "????" else "?" for y in (y0, y1))
            return f"{a}—{b}年" if zh else f"{a}–{b}"
    return text


def _year(year: str, lang: Lang) -> str:
    if year == "????":
        return word("year_unknown", lang) + ("，" if lang == "zh" else "")
    return f"{year}年" if lang == "zh" else year


def status_word(status: str, lang: Lang) -> str:
    """Name of a point's status."""
    return word("implied_status" if status == "implied" else status, lang)


def _template() -> Any:
    axis = {
        "showgrid": True,
        "gridcolor": "#EEF1F4",
        "linecolor": FAINT,
        "ticks": "",
        "zeroline": False,
        "title": {"font": {"size": 14, "color": MUTED}, "standoff": 12},
        "tickfont": {"size": 14, "color": INK},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 14, "color": INK},
            "paper_bgcolor": PAPER,
            "plot_bgcolor": PAPER,
            "colorway": list(CYCLE),
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"font": {"family": FONT, "size": 13, "color": INK}, "bgcolor": "#FFFFFF", "align": "left"},
            "showlegend": False,
            "hovermode": "closest",
        }
    )


TEMPLATE = _template()
"""The one Plotly template of the project."""


def lines_of(parts: Sequence[str], width: int) -> list[str]:
    """Parts joined into lines no wider than `width` half-width characters; a part that is longer is cut."""
    lines: list[str] = []
    for part in parts:
        p = part
        if text_width(p) > width:
            p = html.unescape(p)
            while text_width(p) > width - 2:
                p = p[:-1]
            p = esc(p) + "…"
        if lines and text_width(lines[-1]) + text_width(p) + 3 <= width:
            lines[-1] += "　" + p
        else:
            lines.append(p)
    return lines


def finish(
    fig: Canvas,
    *,
    lang: Lang,
    chart: str,
    title: str,
    subtitle: str,
    footer: Sequence[str],
    height: int = 520,
    width: int = WIDTH,
    left: int = 80,
    right: int = 40,
    legend_note: Sequence[str] = (),
    axis_space: int = 58,
    head_room: int = 0,
    meta: dict[str, Any] | None = None,
) -> Any:
    """The figure with title, subtitle, footer, margins and template; `title`, `subtitle` and `footer` are already
    escaped. `head_room`: pixels between head and panel, for legends and panel titles."""
    limit = int((width - 48) / 10.4)
    title_lines = _fold(title, limit)
    sub_lines = _fold("  ·  ".join(x for x in [subtitle, *legend_note] if x), int((width - 48) / 7.0))
    foot_lines = lines_of([f for f in footer if f], int((width - 48) / 6.3))
    top = 26 + 27 * len(title_lines) + 20 * len(sub_lines) + 18 + head_room
    bottom = axis_space + 10 + 17 * len(foot_lines)
    fig.update_layout(
        template=TEMPLATE,
        width=width,
        height=height,
        margin={"l": left, "r": right, "t": top, "b": bottom, "pad": 4},
        meta={"chart": chart, "lang": lang, "title": html.unescape(re.sub("<[^>]*>", "", title)), **(meta or {})},
    )
    common: dict[str, Any] = {"xref": "paper", "yref": "paper", "showarrow": False, "align": "left", "xanchor": "left"}
    fig.add_annotation(
        x=0, y=1, xshift=24 - left, yshift=top - 18, yanchor="top", text="<br>".join(f"<b>{t}</b>" for t in title_lines),
        font={"size": 20, "color": INK}, name="title", **common,
    )  # fmt: skip
    fig.add_annotation(
        x=0, y=1, xshift=24 - left, yshift=top - 24 - 27 * len(title_lines), yanchor="top",
        text="<br>".join(sub_lines), font={"size": 14, "color": MUTED}, name="subtitle", **common,
    )  # fmt: skip
    fig.add_annotation(
        x=0, y=0, xshift=24 - left, yshift=-axis_space, yanchor="top", text="<br>".join(foot_lines),
        font={"size": 12, "color": MUTED}, name="footer", **common,
    )  # fmt: skip
    return fig.figure()


def _fold(text: str, width: int) -> list[str]:
    """Escaped text in lines of at most `width` half-width characters, broken at spaces or between Chinese characters."""
    s = html.unescape(text)
    lines, line = [], ""
    for piece in re.findall(r"[^\s\u2e80-\uffef]+|\s|[\u2e80-\uffef]", s):
        if line and text_width(esc_raw(line + piece)) > width and piece not in "，。；、：）":
            lines.append(line.strip())
            line = ""
        line += piece
    lines.append(line.strip())
    return [esc(x) for x in lines if x]


def esc_raw(text: str) -> str:
    """Escaping without cleaning, for measuring."""
    return html.escape(text)


def empty_figure(lang: Lang = "zh", chart: str = "empty", title: str | None = None) -> Any:
    """A figure that says there is no data; what every chart function returns for an empty frame."""
    fig = Canvas()
    fig.add_annotation(
        x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, text=word("no_data", lang),
        font={"size": 22, "color": MUTED},
    )  # fmt: skip
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False)
    return finish(fig, lang=lang, chart=chart, title=title or word("no_data", lang), subtitle="", footer=(), height=320)
