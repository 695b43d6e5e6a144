"""Time expressions: what they look like and what each says by itself, in a section whose year is known.

Normal forms: 2011, 2011-Q1, 2020-H1, 2020-06, 2020-01..2020-06, 2018-05-28, 2019/2020, 2015..2017, asof:2011;
an unknown or masked year is `????`. Which year a section reports on is found in `timelines`, which expression a number
takes in `periods`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from pipelines.extraction.numerals import chinese_value

_YEAR = r"(?:(?:19|20)[0-9]{2}|[一二][〇○零九][〇○零一二三四五六七八九]{2})"
_MASKED = r"(?:20[xX×*＊_○]{1,2}|二[0〇零○][xX×*＊_○]{1,2})"
_Y = rf"(?:{_YEAR}|{_MASKED})"
SPOKEN = r"(?:今年|去年|上年|明年|来年|本年度?|当年)"
_SPOKEN = {"今年": 0, "本年": 0, "当年": 0, "去年": -1, "上年": -1, "明年": 1, "来年": 1}
_MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九元])"
_CN_MONTH = r"(?:十[一二]?|[一二三四五六七八九元])"
_DAY = r"(?:(?:3[01]|[12][0-9]|0?[1-9]|三十一?|二?十[一二三四五六七八九]?|[一二三四五六七八九])[日号])"
_CN_DAY = rf"(?:{_DAY}|(?:三十一?|二?十[一二三四五六七八九]?)(?![一二三四五六七八九十百千万]))"
_TO = r"\s?[-—–~～至到]{1,2}\s?"
QUARTERS = {"一": 1, "二": 2, "三": 3, "四": 4, "1": 1, "2": 2, "3": 3, "4": 4, "首": 1}
HALVES = {"上": "H1", "前": "H1", "下": "H2", "后": "H2"}
_SEASON = {"春": "H1", "夏": "H1", "秋": "H2", "冬": "H2"}
# The two ways a time expression begins: with a number, or with a word. What each group means is told by the name of the
# outermost one, `hit.lastgroup`.
_IN_YEAR = (
    rf"(?:的)?\s?(?:第?(?P<q>[一二三四1-4首])季度|(?P<h>[上下前后])半年"
    rf"|(?P<m1>{_MONTH})(?:月份?)?{_TO}(?P<m2>{_MONTH})月(?!{_DAY})"
    rf"|(?P<m>{_MONTH})月(?:份|底|末)?(?:(?P<d>{_CN_DAY})(?:{_TO}(?:(?P<m9>{_MONTH})月)?(?P<d9>{_DAY}))?)?|(?P<season>[春秋])季)"
)
NUMBERED = re.compile(
    rf"(?P<school>(?P<s1>(?:19|20)[0-9]{{2}})\s?[-—–~～至]{{1,2}}\s?(?P<s2>(?:20)?[0-9]{{2}})\s?(?:学年度?))"
    rf"|(?P<span>(?P<a1>{_YEAR})\s?年?(?:{_TO}|\s?[和与]\s?(?={_YEAR}年之?间))(?P<a2>{_YEAR})\s?年?(?:[一二三四五]年)?)"
    rf"|(?P<ym>(?P<y>{_Y}\s?年(?:度)?){_IN_YEAR})"
    rf"|(?P<iso>(?P<iy>(?:19|20)[0-9]{{2}})(?P<sep>[-./])(?P<im>1[0-2]|0?[1-9])(?P=sep)(?P<id>3[01]|[12][0-9]|0?[1-9])(?![0-9]))"
    r"|(?P<reign>(?<=年[（(])(?P<ry>1[0-8][0-9]{2})年(?=[）)]))"
    rf"|(?P<year>(?P<y2>{_Y})\s?(?:年度|年底|年末|年初|年(?!代|级|龄|来)))"
    rf"|(?P<mrange>(?<![0-9.])(?P<r1>1[0-2]|0?[1-9])(?:月份?)?{_TO}(?P<r2>1[0-2]|0?[1-9])月份?(?!{_DAY})"
    rf"|(?<![十一二三四五六七八九])(?P<r3>{_CN_MONTH})月份?{_TO}(?P<r4>{_CN_MONTH})月份?(?!{_DAY}))"
    rf"|(?P<md>(?:(?<![0-9.])(?P<mm>1[0-2]|0?[1-9])月(?:份|底|末)?(?P<dd>{_DAY})?"
    rf"|(?<![0-9十一二三四五六七八九])(?P<cm>{_CN_MONTH})月(?:份|底|末|(?P<cd>{_CN_DAY})))"
    rf"(?:{_TO}(?:(?P<mm9>{_MONTH})月)?(?P<dd9>{_DAY}))?(?!活动))"
    r"|(?P<quarter>(?:第(?![1-4]))?(?P<qq>[一二三四1-4首])季度)|(?P<past>一年来)"
    r"|(?P<fyp>[“\"]?(?P<fn>十[一二三四]?)五[”\"]?(?P<during>期间|时期)?(?P<planend>期?末)?(?:规划)?)"
)
WORDED = re.compile(
    rf"(?P<ym>(?P<y>{SPOKEN})(?=[的\s第一二三四五六七八九十元首0-9上下前后春秋]){_IN_YEAR})"
    r"|(?P<this>今年(?:以来)?|本年度?|当年|年内|全年|年初以来|去年以来)"
    r"|(?P<last>去年(?:同期)?|上年(?:同期|度)?|上一年)|(?P<half>(?P<hh>上|下)半年)"
    r"|(?P<yearend>(?<!到)年(?:末|底(?=全[市县区州镇乡]|总|共有|实有|户籍|常住|人口))(?!之?前|以前))"
    r"|(?P<next>明年|来年|下一年)|(?P<now>截[至止]目前|到目前(?:为止)?|目前|现有)|(?P<past>过去的?一年)"
    r"|(?P<same>(?<![一-鿿])[是同]年(?=[，,一-鿿])(?![初均轻度级龄内末底]))|(?P<cumulative>几年来|多年来|历年|累计至)"
)
# Where a time expression can begin: so far before the character that each of them has. Trying the patterns at every
# character takes 20 ms a megabyte, finding these takes 4: the patterns below begin with a literal, which `re` finds ten
# times as fast as a class. A test holds that no time expression begins elsewhere.
_YEAR_SIGN = re.compile(
    r"年(?:(?<=[今本当全去上明来几多历是同0-9〇零一二三四五六七八九xX×*＊_○半\s]年)|(?=[内初末底]))"
)
_BEFORE_YEAR = (
    dict.fromkeys("今本当全去上明来几多历是同", (1,))
    | dict.fromkeys("0123456789〇零二三四五六七八九", (4,))  # 2016年, 二〇一六年
    | dict.fromkeys("xX×*＊_○", (4, 3))  # 20xx年, 20x年
    | {"半": (2,)}
    | {space: (5, 4) for space in map(chr, range(0x3001)) if space.isspace()}  # 2016 年, 20x 年
)
_BEHIND_YEAR = frozenset("内初末底")
_BEFORE_ONE_YEAR = (  # what stands before 一年: 二〇一一年, 上一年, 过去一年, 过去的一年
    dict.fromkeys("〇○零一二三四五六七八九", 4) | {"上": 2, "下": 2, "去": 3, "的": 4}
)
_YEARS_ALONE = (
    tuple(  # 2010—2015, 2016.5.28; one pattern for each first character, for `re` finds a literal much faster
        re.compile(rf"{first}(?={second}{digit}{{2}}\s{{0,2}}[-—–~～至到和与./])")
        for first, second, digit in (
            ("2", "0", "[0-9]"),
            ("1", "9", "[0-9]"),
            ("二", "[〇○零九]", "[〇○零一二三四五六七八九]"),
            ("一", "[〇○零九]", "[〇○零一二三四五六七八九]"),
        )
    )
)
_MONTH_BEGINS = re.compile(
    r"[0-9一二三四五六七八九十元](?=月|[0-9]月|[一二]月|[0-9]?\s?[-—–~～至到]{1,2}\s?[0-9]{1,2}月)"
)
_MONTH_REACH = 8  # characters from the beginning of 10 －－ 12月 to its 月
_OTHER_SIGNS = (
    (re.compile("季(?=度)"), (2, 1)),  # 第一季度, 一季度
    (re.compile("目(?=前)"), (2, 1, 0)),  # 截至目前, 到目前, 目前
    (re.compile("现(?=有)"), (0,)),
    (re.compile("累(?=计至)"), (0,)),
    (re.compile("五(?:(?<=十五)|(?<=十[一二三四]五))"), (3, 2, 1)),  # “十三五, 十三五 or “十五, 十五
)
_WORD_BEGINS = frozenset("今本当全去上明来几多历是同年下截到目现过累")


_IGNORED_AFTER = re.compile(r"\s?[一-鿿]{0,6}(?:制定|下发|印发|颁布|出台|修订|发布的)")
_ISSUED = re.compile("制定|下发|印发|颁布|出台|修订|发布的")
_COMPARED_BEFORE = (
    "比",
    "较",
    "与",
    "和",
    "超过",
    "低于",
    "高于",
    "不到",
    "不及",
    "不足",
    "相当于",
    "接近",
    "恢复到",
    "由",
    "从",
    *(c + "于" for c in "建办立始生业设"),  # 始建于1956年: when a thing began is not when it was counted
)
_COMPARED_ENDS = frozenset(("\n", *(word[-1] for word in _COMPARED_BEFORE)))  # the line may break behind them

_EVENT_AFTER = re.compile(r"(?:正式|全面)?(?:启动|挂牌|开工|成立|召开|施行|实施|起)")  # 7月1日启动，参保31.4万人

PLAN_AFTER = re.compile(
    r"的?(?:工作)?(?:目标|任务|计划|预算|指标)"
)  # 占全年任务的59.2%: the plan is the year's, the share is not


@dataclass(slots=True)
class TimeWord:
    """One time expression: where it stands, its normal form, and whether it speaks of part of a year."""

    start: int
    end: int
    text: str
    period: str
    kind: str
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a section from one heading to the next: its year, the period of a number without a time word of its
    own, what 目前 means there, and whether it speaks of what is planned."""

    start: int
    year: str
    default: str
    now: str
    plan: bool
    evidence: str


def find_times(text: str, start: int, end: int) -> list[re.Match[str]]:
    """The time expressions between two positions, in order; which kind each is says its `lastgroup`."""
    hits: list[re.Match[str]] = []
    position = start
    for begin in _beginnings(text, start, end):
        if begin < position:
            continue
        hit = (WORDED if text[begin] in _WORD_BEGINS else NUMBERED).match(text, begin, end)
        if hit is not None:
            hits.append(hit)
            position = hit.end()
    return hits


def _beginnings(text: str, start: int, end: int) -> list[int]:
    """Positions where a time expression may begin, in order; some may be before `start`, some twice."""
    begins = [m.start() for pattern in _YEARS_ALONE for m in pattern.finditer(text, start, end)]
    add = begins.append
    for sign in _YEAR_SIGN.finditer(text, start, end):
        at = sign.start()
        before = text[at - 1]
        if (back := _BEFORE_YEAR.get(before)) is not None:
            for n in back:
                add(at - n)
        elif before == "一":
            if text[at + 1 : at + 2] == "来":
                add(at - 1)
            if (n := _BEFORE_ONE_YEAR.get(text[at - 2], 0)) > 0:
                add(at - n)
        if text[at + 1 : at + 2] in _BEHIND_YEAR:
            add(at)
    at = text.find("月", start, end)
    while at >= 0:
        begins += [m.start() for m in _MONTH_BEGINS.finditer(text, max(start, at - _MONTH_REACH), at + 1)]
        at = text.find("月", at + 1, end)
    for pattern, offsets in _OTHER_SIGNS:
        for sign in pattern.finditer(text, start, end):
            at = sign.start()
            for n in offsets:
                add(at - n)
    begins.sort()
    return begins


@lru_cache(maxsize=4096)
def read_year(text: str | None) -> str:
    digits = (text or "").strip().rstrip("年度").strip()
    if re.fullmatch(r"[0-9]{4}", digits):
        return digits
    value = chinese_value(digits) if re.fullmatch(r"[一二三四五六七八九〇○零]{4}", digits) else None
    return str(int(value)) if value is not None else "????"


def read_number(text: str) -> int:
    """Value of a written month or day: 3, 十二, 元, 二十三日."""
    bare = text.rstrip("日号")
    return int(bare) if bare.isdigit() and bare.isascii() else 1 if bare == "元" else int(chinese_value(bare) or 0)


def shifted(year: str, by: int) -> str:
    return str(int(year) + by) if year.isdigit() else "????"


def spoken_year(written: str, year: str) -> str:
    by = _SPOKEN.get(written[:2])
    return read_year(written) if by is None else shifted(year, by) if by else year


def named_year(hit: re.Match[str]) -> str:
    """The year as an expression writes it: 2016, 二〇一六年, 去年; "" for an expression without one."""
    kind = hit.lastgroup
    return hit["y2"] if kind == "year" else hit["y"] if kind == "ym" else hit["iy"] if kind == "iso" else ""


def names_its_year(written: str, period: str) -> bool:
    """True for 2016年, 二〇一六年末, 2016年5月: what follows in the paragraph can count from that year."""
    return written[0] in "12一二" and _FULL_YEAR.match(written) is not None and _IN_ONE_YEAR.match(period) is not None


_FULL_YEAR = re.compile("1[5-9]|20|[一二]")
_IN_ONE_YEAR = re.compile("(?:asof:)?[0-9]{4}(?:$|-)")


def is_spoken(written: str) -> bool:
    """True for a year that is told from the text's own: 今年, 去年."""
    return written[:2] in _SPOKEN


def is_reference(text: str, hit: re.Match[str], start: int) -> bool:
    """True for a time that is compared with, when a document or a body was made, or that is named in passing."""
    begin, end = hit.span()
    kind = hit.lastgroup
    last = text[begin - 1] if begin > start else ""
    if last in _COMPARED_ENDS:
        before = text[max(start, begin - 3) : begin]
        if before.removesuffix("\n").endswith(_COMPARED_BEFORE):
            return True
    if _ISSUED.search(text, end, end + 12) and _IGNORED_AFTER.match(text, end, end + 12):
        return True
    if kind == "this":
        if PLAN_AFTER.match(text, end, end + 12):
            return True
    elif text[end - 1] in "日号" and _EVENT_AFTER.match(text, end, end + 12):
        return True
    if kind != "fyp" and (last == "“" or last == '"'):
        return True  # 荣获“2017年度先进单位”
    if (
        (kind == "year" or kind == "ym")
        and text.find("比", end, end + _LIST_REACH) >= 0
        and COMPARED_LIST.match(text, end)
        and _WITH_OPENING.search(text[max(start, begin - 16) : begin])
    ):
        return True  # 同第五次全国人口普查2000年11月1日零时的75万人相比
    opened = text.rfind("《", begin - 30 if begin > start + 30 else start, begin)
    return opened >= 0 and text.find("》", opened, begin) < 0


def time_word(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str, bool, bool]:
    """Normal form and kind of a time expression, whether it is only named in passing (十三五规划), and whether it names its
    year in full. 全年, 上年 and months
    count from the year of the part they stand in, 今年, 去年 and 明年 from the year of the section: a report of 2017 says
    去年 under `2016年工作回顾` and means 2016."""
    period, kind = _READERS[hit.lastgroup or "year"](text, hit, part, whole, past)
    passing = kind == "plan" and not hit["during"]  # “十三五”期间，全县计划…: the plan's years are meant
    return period, kind, passing, names_its_year(hit.group(), period)


def told_by_itself(hit: re.Match[str], written: str) -> bool:
    """False where the words before an expression change its meaning: 6月底, 截至6月底."""
    return written[-1] not in "底末" or hit.lastgroup not in ("ym", "md")


def _school(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return f"{hit['s1']}/{school_year_end(hit)}", "school_year"


def school_year_end(hit: re.Match[str]) -> str:
    """The year in which a school year ends: 2017 of 2016-17学年."""
    second: str = hit["s2"]
    return second if len(second) == 4 else hit["s1"][:2] + second


def _span(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return f"{read_year(hit['a1'])}..{read_year(hit['a2'])}", "span"


def _in_year(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    written: str = hit["y"]
    y = spoken_year(written, whole.year if written[0] in "今去明来" else part.year)
    if hit["q"]:
        return f"{y}-Q{QUARTERS[hit['q']]}", "quarter"
    if hit["h"]:
        return f"{y}-{HALVES[hit['h']]}", "half"
    if hit["m1"]:
        return f"{y}-{read_number(hit['m1']):02d}..{y}-{read_number(hit['m2']):02d}", "ytd"
    if hit["season"]:
        return f"{y}-{_SEASON[hit['season']]}", "half"
    month = read_number(hit["m"])
    if hit["d"] is None and text[hit.end() - 1] in "底末" and UNTIL.search(text[max(0, hit.start() - 3) : hit.start()]):
        return f"{y}-01..{y}-{month:02d}", "ytd"  # 截至2018年10月底，脱贫2100户
    return _day(y, month, hit["d"], hit["m9"], hit["d9"])


def _iso(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return f"{hit['iy']}-{int(hit['im']):02d}-{int(hit['id']):02d}", "day"


def _reign(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return hit["ry"], "annual"


def _same(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return "????", "annual"


def _year(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    y = read_year(hit["y2"])
    return f"asof:{y}" if text[hit.end() - 1] in "底末" and y != "????" else y, "annual"


def _months(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    first, last = read_number(hit["r1"] or hit["r3"]), read_number(hit["r2"] or hit["r4"])
    return f"{part.year}-{first:02d}..{part.year}-{last:02d}", "ytd"


def _month_or_day(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    year, month = part.year, read_number(hit["mm"] or hit["cm"])
    dated = hit["dd"] or hit["cd"]
    if not dated and text[hit.end() - 1] in "底末":
        ended = {3: "Q1", 6: "H1"}.get(month)
        if part.default != year and ended is not None and part.default.endswith(ended):
            return part.default, "quarter"
        until = re.search(r"(?:截[至止]|到|至)$", text[max(0, hit.start() - 2) : hit.start()])
        return f"{year}-01..{year}-{month:02d}" if until else f"{year}-{month:02d}", "ytd"
    return _day(year, month, dated, hit["mm9"], hit["dd9"] if dated else None)


def _day(year: str, month: int, first: str | None, last_month: str | None, last: str | None) -> tuple[str, str]:
    if first is None:
        return f"{year}-{month:02d}", "month"
    begin = f"{year}-{month:02d}-{read_number(first):02d}"
    if last is None:
        return begin, "day"
    end_month = read_number(last_month) if last_month else month
    return f"{begin}..{year}-{end_month:02d}-{read_number(last):02d}", "span"


def _quarter(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return f"{part.year}-Q{QUARTERS[hit['qq']]}", "quarter"


def _half(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return f"{part.year}-{HALVES[hit['hh']]}", "half"


def _now(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return whole.now if part.plan else part.now, "now"


def _year_end(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return f"asof:{part.year}", "yearend"


def _past(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return past if past != whole.year else part.default, "annual"


def _this(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    written = hit.group()
    if written.startswith("今年") and not part.plan:
        return whole.default, "annual"
    return part.year if written == "全年" else part.default, "annual"


def _last(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return shifted(whole.year if text[hit.start()] == "去" else part.year, -1), "annual"


def _next(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return shifted(whole.year, 1), "annual"


def _cumulative(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    return f"????..{part.year}", "span"


_PLAN_BEGINS = {"十": 2001, "十一": 2006, "十二": 2011, "十三": 2016, "十四": 2021}


def _five_years(text: str, hit: re.Match[str], part: Part, whole: Part, past: str) -> tuple[str, str]:
    first = _PLAN_BEGINS[hit["fn"]]
    return (str(first + 4), "annual") if hit["planend"] else (f"{first}..{first + 4}", "plan")


_READERS: dict[str, Callable[[str, re.Match[str], Part, Part, str], tuple[str, str]]] = {
    "school": _school,
    "span": _span,
    "ym": _in_year,
    "iso": _iso,
    "reign": _reign,
    "year": _year,
    "mrange": _months,
    "md": _month_or_day,
    "quarter": _quarter,
    "half": _half,
    "yearend": _year_end,
    "now": _now,
    "past": _past,
    "same": _same,
    "this": _this,
    "last": _last,
    "next": _next,
    "cumulative": _cumulative,
    "fyp": _five_years,
}
_WITH_OPENING = re.compile("(?:^|[，,。；;\\n])[^，,。；;\\n]{0,4}?[与和同跟较比][^，,。；;\\n]*$")
COMPARED_LIST = re.compile(r"[^，,。；;]{0,24}?相?比(?:较)?[，,]")
_LIST_REACH = 26  # characters in which 比 of such a list stands
UNTIL = re.compile(r"截[至止]到?$")
