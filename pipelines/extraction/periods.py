"""Periods: what time a number is about, from time words near it, else from its section.

Normal forms: 2011, 2011-Q1, 2020-H1, 2020-06, 2020-01..2020-06, 2018-05-28, 2019/2020, 2015..2017, asof:2011;
an unknown or masked year is `????`. Whether an indicator is a stock is told by the caller.

A section may hold parts with a time of their own (`一、2016年工作回顾`, `二、2017年工作安排`): the time words and numbers
under such a heading are those of its year, and a part that plans says so.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipelines.extraction.numerals import chinese_value
from pipelines.extraction.surroundings import Layout

_YEAR = r"(?:(?:19|20)[0-9]{2}|[一二][〇○零九][〇○零一二三四五六七八九]{2})"
_MASKED = r"(?:20[xX×*＊_○]{1,2}|二[0〇零○][xX×*＊_○]{1,2})"
_Y = rf"(?:{_YEAR}|{_MASKED})"
_SPOKEN = r"(?:今年|去年|上年|明年|来年|本年度?|当年)"
_MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九元])"
_CN_MONTH = r"(?:十[一二]?|[一二三四五六七八九元])"
_DAY = r"(?:(?:3[01]|[12][0-9]|0?[1-9]|三十一?|二?十[一二三四五六七八九]?|[一二三四五六七八九])[日号])"
_CN_DAY = rf"(?:{_DAY}|(?:三十一?|二?十[一二三四五六七八九]?)(?![一二三四五六七八九十百千万]))"
_TO = r"\s?[-—–~～至到]{1,2}\s?"
_QUARTERS = {"一": 1, "二": 2, "三": 3, "四": 4, "1": 1, "2": 2, "3": 3, "4": 4, "首": 1}
_HALVES = {"上": "H1", "前": "H1", "下": "H2", "后": "H2"}
_SEASON = {"春": "H1", "夏": "H1", "秋": "H2", "冬": "H2"}

TIME = re.compile(
    # what a time word can begin with: everything else is passed over at once
    r"(?=[0-9一二三四五六七八九十元首第上下截到目现今本当年全去明来几多历累过是同“\"])"
    r"(?=[0-9]{1,4}[\s年月日号季学和与\-—–~～至到./xX×*＊_○]|[一二][0〇零○九]|[一二三四五六七八九十元]{1,2}[月\-—–~～至到\s]"
    r"|[第一二三四首]{1,2}季|[上下]半|截[至止]|到目|目前|现有|[今本当]年|一年来|年[内初末底]|全年|[去上]年|上一|明年|来年|下一|过去"
    r"|[几多历是同]年|累计|[“\"十][十一二三四五])(?:"
    rf"(?P<school>(?P<s1>(?:19|20)[0-9]{{2}})\s?[-—–~～至]{{1,2}}\s?(?P<s2>(?:20)?[0-9]{{2}})\s?(?:学年度?))"
    rf"|(?P<span>(?P<a1>{_YEAR})\s?年?(?:{_TO}|\s?[和与]\s?(?={_YEAR}年之?间))(?P<a2>{_YEAR})\s?年?(?:[一二三四五]年)?)"
    rf"|(?P<ym>(?P<y>{_Y}\s?年(?:度)?|{_SPOKEN})(?:的)?\s?(?:第?(?P<q>[一二三四1-4首])季度|(?P<h>[上下前后])半年"
    rf"|(?P<m1>{_MONTH})(?:月份?)?{_TO}(?P<m2>{_MONTH})月(?!{_DAY})"
    rf"|(?P<m>{_MONTH})月(?:份|底|末)?(?:(?P<d>{_CN_DAY})(?:{_TO}(?:(?P<m9>{_MONTH})月)?(?P<d9>{_DAY}))?)?|(?P<season>[春秋])季))"
    rf"|(?P<iso>(?P<iy>(?:19|20)[0-9]{{2}})(?P<sep>[-./])(?P<im>1[0-2]|0?[1-9])(?P=sep)(?P<id>3[01]|[12][0-9]|0?[1-9])(?![0-9]))"
    r"|(?P<reign>(?<=年[（(])(?P<ry>1[0-8][0-9]{2})年(?=[）)]))"
    rf"|(?P<year>(?P<y2>{_Y})\s?(?:年度|年底|年末|年初|年(?!代|级|龄|来)))"
    rf"|(?P<mrange>(?<![0-9.])(?P<r1>1[0-2]|0?[1-9])(?:月份?)?{_TO}(?P<r2>1[0-2]|0?[1-9])月份?(?!{_DAY})"
    rf"|(?<![十一二三四五六七八九])(?P<r3>{_CN_MONTH})月份?{_TO}(?P<r4>{_CN_MONTH})月份?(?!{_DAY}))"
    rf"|(?P<md>(?:(?<![0-9.])(?P<mm>1[0-2]|0?[1-9])月(?:份|底|末)?(?P<dd>{_DAY})?"
    rf"|(?<![0-9十一二三四五六七八九])(?P<cm>{_CN_MONTH})月(?:份|底|末|(?P<cd>{_CN_DAY})))"
    rf"(?:{_TO}(?:(?P<mm9>{_MONTH})月)?(?P<dd9>{_DAY}))?(?!活动))"
    r"|(?P<quarter>第?(?P<qq>[一二三四1-4首])季度)|(?P<half>(?P<hh>上|下)半年)"
    r"|(?P<yearend>(?<!到)年(?:末|底(?=全[市县区州镇乡]|总|共有|实有|户籍|常住|人口))(?!之?前|以前))"
    r"|(?P<now>截[至止]目前|到目前(?:为止)?|目前|现有)|(?P<past>过去的?一年|一年来)"
    r"|(?P<same>(?<![一-鿿])[是同]年(?=[，,一-鿿])(?![初均轻度级龄内末底]))"
    r"|(?P<this>今年(?:以来)?|本年度?|当年|年内|全年|年初以来|去年以来)"
    r"|(?P<last>去年(?:同期)?|上年(?:同期|度)?|上一年)|(?P<next>明年|来年|下一年)|(?P<cumulative>几年来|多年来|历年|累计至)"
    r"|(?P<fyp>[“\"]?(?P<fn>十[一二三四]?)五[”\"]?(?P<during>期间|时期)?(?P<planend>期?末)?(?:规划)?))"
)
_IGNORED_AFTER = re.compile(r"^\s?(?:[一-鿿]{0,6})?(?:制定|下发|印发|颁布|出台|修订|发布的)")
_COMPARED_BEFORE = re.compile(r"(?:比|较|同比|与|和|超过|低于|高于|不到|不及|不足|相当于|接近|恢复到|由|从)$")
_FOUNDED_BEFORE = re.compile(r"[建办立始生业设]于$")  # 始建于1956年: when a thing began is not when it was counted
_EVENT_AFTER = re.compile(r"(?:正式|全面)?(?:启动|挂牌|开工|成立|召开|施行|实施|起)")  # 7月1日启动，参保31.4万人
_PLAN_AFTER = re.compile(
    r"的?(?:工作)?(?:目标|任务|计划|预算|指标)"
)  # 占全年任务的59.2%: the plan is the year's, the share is not
_ITEM = re.compile(
    r"[。；;]\s*(?:[一二三四五六七八九十]是|其[一二三四]|第[一二三四五六]，|[（(][一二三四五六七八九十0-9]+[)）])"
)
_DEADLINE_BEFORE = re.compile(r"(?:到|力争|确保|争取|预计|计划|截至)$")
_DEADLINE_AFTER = re.compile(r"年?[底末]?(?:之?前|以前)")
_GOVERNMENT_REPORT = re.compile(r"政府工作报告")

# Headings that give their part a time or a purpose: `一、2016年工作回顾`, `（二）下一步打算`, `2013年，我们将做好以下工作：`
_OPENER = re.compile(
    r"(?:^|(?<=[。；\n]))[ \t　]*(?P<number>[一二三四五六七八九十]+、|[(（][一二三四五六七八九十]+[)）]|第[一二三四五六]部分[、：:]?)?"
    r"[ \t　]*(?P<head>[^。；;：:！\n]{2,44})(?P<stop>[：:\n。]|\Z)",
    re.M,
)
_REVIEW = re.compile(
    r"回顾|总结|(?:运行|完成|执行|落实|进展|开展|收支|基本|工作|发展)情况|工作概况|主要(?:工作|做法|成效|成绩)|成效|抓了|做了|开展了|取得"
)
_PLAN = re.compile(
    r"打算|计划(?!生育|免疫|单列|内|外)|安排(?!情况)|思路|目标(?!人群)|任务|要点|展望|草案|建议|部署|谋划|要求$|下一?步|今后|努力方向|[我你]们[将要]|(?:将|要)(?:做好|抓好|重点|着力|继续)"
)
_PLAN_UNTIMED = re.compile(
    r"打算|下一?步|今后|努力方向|工作(?:思路|安排|计划|部署)$|^(?:目标任务|(?:主要|工作|总体|发展)目标)$"
)
_DIGIT = re.compile("[0-9]")
_HEADING_LENGTH = 26


REACH = 4000
"""Characters before a number in which a time word can still be about it."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Timeline:
    """Time expressions of a section and its parts; `default`, `year` and `now` are those of the section as a whole.

    `moment` is when all it counts was counted, where its head says so (`数据截至2014年9月`, `2020年11月1日零时`), else "".
    """

    default: str
    evidence: str
    year: str
    now: str
    words: tuple[TimeWord, ...]
    starts: tuple[int, ...]
    parts: tuple[Part, ...]
    part_starts: tuple[int, ...]
    moment: str = ""

    def part_at(self, position: int) -> Part:
        """The part a position lies in."""
        return self.parts[max(0, bisect_right(self.part_starts, position) - 1)]


def _year(text: str | None) -> str:
    digits = (text or "").strip().rstrip("年度").strip()
    if re.fullmatch(r"[0-9]{4}", digits):
        return digits
    value = chinese_value(digits) if re.fullmatch(r"[一二三四五六七八九〇○零]{4}", digits) else None
    return str(int(value)) if value is not None else "????"


def _number(text: str) -> int:
    """Value of a written month or day: 3, 十二, 元, 二十三日."""
    bare = text.rstrip("日号")
    return int(bare) if bare.isdigit() and bare.isascii() else 1 if bare == "元" else int(chinese_value(bare) or 0)


def _shift(year: str, by: int) -> str:
    return str(int(year) + by) if year.isdigit() else "????"


def timeline(
    text: str,
    start: int,
    end: int,
    year_hint: int | None = None,
    title: str = "",
    noise: Sequence[tuple[int, int]] = (),
) -> Timeline:
    """Read a section's time expressions, its parts, and infer its year; what `noise` covers (page furniture, in order)
    says nothing.

    The year is the sidecar's, else the title's, else the commonest explicit year of the section (later wins a tie;
    deadlines such as `到2018年底前` have no say); a section whose years are masked keeps `????`.
    """
    hits = list(TIME.finditer(text, start, end))
    if noise:
        opened = [a for a, _ in noise]
        hits = [h for h in hits if not (k := bisect_right(opened, h.start())) or h.start() >= noise[k - 1][1]]
    year, why = _section_year(text, start, hits, year_hint, title)
    if year == "????":
        year, why = _published(text, start, hits, noise) or (year, why)
    head = text[start : min(end, start + 400)]
    default = year
    opening = re.search(r"第?([一二三四1-4首])季度|([上下])半年", title + head)
    if opening:
        part = f"Q{_QUARTERS[opening[1]]}" if opening[1] else _HALVES[opening[2]]
        default, why = f"{year}-{part}", opening.group()
    months = [int(h["r2"]) for h in hits if h["r2"] and int(h["r1"]) == 1]
    if default != year:
        now = default
    elif months and max(months) < 12:
        now = f"asof:{year}-{max(months):02d}"
    else:
        now = f"asof:{year}"
    if moment := _moment(text, start, hits, whole_year=year):
        now = moment
    past = _shift(year, -1) if _GOVERNMENT_REPORT.search(title + head) else year
    whole = Part(start, year, default, now, False, why)
    parts = _parts(text, start, end, hits, whole, past)
    starts = tuple(p.start for p in parts)
    words = []
    for hit in hits:
        part_here = parts[max(0, bisect_right(starts, hit.start()) - 1)]
        words.append(_word(text, hit, part_here, whole, past if part_here is whole else part_here.year, start))
    return Timeline(default, why, year, now, tuple(words), tuple(w.start for w in words), parts, starts, moment)


def _moment(text: str, start: int, hits: Sequence[re.Match[str]], whole_year: str) -> str:
    """The moment of counting that the head of a section declares, as a period; "" if none."""
    for hit in hits:
        if hit.start() > start + _HEAD:
            return ""
        y = hit["y"] or hit["y2"] or hit["iy"]
        if not y or re.fullmatch(_SPOKEN, y) or _year(y) != whole_year:
            continue
        at = _COUNTED_AT.search(text, max(start, hit.start() - 16), hit.start())
        if at is None and not (hit["d"] and _ALL_COUNTED.match(text, hit.end())):
            continue  # 2010年11月1日零时，常住人口为326871人: one sentence's moment is not that of all
        if hit["ym"] and hit["m"] and not hit["d9"]:
            day = f"-{_number(hit['d']):02d}" if hit["d"] else ""
            return f"asof:{whole_year}-{_number(hit['m']):02d}{day}"
        if hit["iso"]:
            return f"asof:{whole_year}-{int(hit['im']):02d}-{int(hit['id']):02d}"
        if hit["year"] and at is not None:
            return f"asof:{whole_year}"
    return ""


_HEAD = 500  # characters of a section that can say when all it counts was counted
_ALL_COUNTED = re.compile(r"(?:零时|[02]4?时)[^。！；\n]{0,40}?(?:如下|(?:标准|统计)时[点间])")
_COUNTED_AT = re.compile(
    r"(?:(?:数据|资料|数字)(?:均|全部|统计|采集)?(?:时间)?(?:截[至止](?:到|时间|日期)?[为是：:]?|为)|(?:统计|标准|普查)(?:标准)?时(?:点|间)[为是：:]?)$"
)


def _section_year(
    text: str, start: int, hits: Sequence[re.Match[str]], year_hint: int | None, title: str
) -> tuple[str, str]:
    """The year a section reports on, and the words that tell it."""
    years: Counter[str] = Counter()
    masked = 0
    evidence: dict[str, str] = {}
    stamps: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for hit in hits:
        if hit["school"]:
            value = hit["s2"] if len(hit["s2"]) == 4 else hit["s1"][:2] + hit["s2"]
        elif hit["y"] and re.fullmatch(_SPOKEN, hit["y"]):
            continue
        elif hit["y"] or hit["y2"] or hit["iy"]:
            value = _year(hit["y"] or hit["y2"] or hit["iy"])
        else:
            continue
        if value == "????":
            masked += 1
            continue
        before, after = text[max(start, hit.start() - 2) : hit.start()], text[hit.end() : hit.end() + 4]
        if _reference(text, hit, start) or after[:1] in ("起", "以") or before[-1:] in ("从", "自"):
            continue
        if _DEADLINE_BEFORE.search(before) or _DEADLINE_AFTER.match(after):
            if _COUNTED_AT.search(text, max(start, hit.start() - 16), hit.start()):
                counted[value] += 1  # 数据截至2014年9月: the moment of counting, not a deadline
                evidence.setdefault(value, hit.group())
            continue
        evidence.setdefault(value, hit.group())
        if (hit["ym"] or hit["iso"]) and (_alone_on_its_line(text, hit) or _in_masthead(text, start, hit)):
            stamps[value] += 1  # the day of signing says when a report was written, not which year it is about
            continue
        years[value] += 1
    years = years or counted or stamps
    titled = re.search(r"((?:19|20)[0-9]{2})年", title)
    if year_hint:
        return str(year_hint), "sidecar"
    if titled:
        return titled[1], titled.group()
    first = _FIRST_LINE.match(text, start)
    if first and _TITLE_LINE.search(first["line"]):
        named = {
            _year(h["y"] or h["y2"]): h.group() for h in hits[:3] if h.end() <= first.end() and (h["y"] or h["y2"])
        }
        if len(named) == 1 and (told := next(iter(named))).isdigit():
            return told, named[told]
    if years and sum(years.values()) >= masked:
        most = max(years.values())
        year = max(y for y, n in years.items() if n >= max(1, most * 0.6))
        written = max(stamps, default=year)
        if year > written and _REVIEW.search(text, start, start + _MASTHEAD):
            year = written  # a review of 8 November 2021 that names the levy of 2022 is none of 2022
        return year, evidence[year]
    return "????", "no year in the section"


_MASTHEAD = 120  # characters in which a bulletin says what it is and when it was issued


def _in_masthead(text: str, start: int, hit: re.Match[str]) -> bool:
    """True for the day of issue in the head of a bulletin: 第11期（总第58期）　2021年11月8日."""
    if hit.start() - start > _MASTHEAD or not hit["d" if hit["ym"] else "id"]:
        return False
    line = text.rfind("\n", start, hit.start()) + 1
    return (
        text[hit.end() : hit.end() + 1] in ("\n", "") and _ISSUE.search(text, max(line, start), hit.start()) is not None
    )


_ISSUE = re.compile(r"第\s?[0-9一二三四五六七八九十]+\s?期")


_FIRST_LINE = re.compile(r"\s{0,40}(?P<line>[^\n。]{4,45}?)[ \t　]*\n")
_TITLE_LINE = re.compile(r"(?:总结|小结|汇报|报告|公报|通报|简报|情况)(?:[（(][^（）()]{1,8}[)）])?$")


def _published(
    text: str, start: int, hits: Sequence[re.Match[str]], noise: Sequence[tuple[int, int]]
) -> tuple[str, str] | None:
    """The year a news item was published in, and the words that say so, where the item itself only says 今年.

    A report copied to another site bears the day of copying: only what is written as news (`本网讯`) speaks of its day.
    """
    if not any(h["this"] and h.group().startswith("今年") for h in hits):
        return None
    if any((h["y"] or h["y2"]) and not re.fullmatch(_SPOKEN, h["y"] or h["y2"]) for h in hits):
        return None  # a year that is masked or named in passing: the text has time words of its own
    for a, b in noise:
        if start <= a <= start + _PAGE_HEAD and (stamp := _PUBLISHED.search(text, a, b)):
            if int(stamp["month"]) == 1 or not _NEWS.search(text, b, b + 60):
                return None  # in January 今年 may still be the year that has ended
            return stamp["year"], stamp.group()
    return None


_PAGE_HEAD = 1000
_PUBLISHED = re.compile(r"发布(?:日期|时间)[:：]\s?(?P<year>20[0-9]{2})[-年/.](?P<month>1[0-2]|0?[1-9])(?![0-9])")
_NEWS = re.compile(r"^[ \t　]*(?:[本][网报站台刊]|[一-鿿]{2,8}[网报台社])?讯[ 　:：（(]", re.M)


def _alone_on_its_line(text: str, hit: re.Match[str]) -> bool:
    start, end = hit.span()
    low, high = max(0, start - _STAMP_REACH), min(len(text), end + _STAMP_REACH)
    a, b = text.rfind("\n", low, start), text.find("\n", end, high)
    if (a < 0 and low > 0) or (b < 0 and high < len(text)):
        return False  # the line goes on beyond what a line of date and signature holds
    around = text[a + 1 if a >= 0 else 0 : start] + text[end : b if b >= 0 else len(text)]
    return not around.strip(" \t　()（）")


_STAMP_REACH = 40  # characters of a line that holds no more than a date


def _parts(text: str, start: int, end: int, hits: Sequence[re.Match[str]], whole: Part, past: str) -> tuple[Part, ...]:
    """The section's opening part and those that headings open, in order."""
    parts = [whole]
    starts = [h.start() for h in hits]
    for opener in _OPENER.finditer(text, start, end):
        head = opener["head"].rstrip(" \t　")
        a = opener.start("head")
        b = a + len(head)
        at_line_start = opener.start() == start or text[opener.start() - 1 : opener.start()] == "\n"
        alone = at_line_start and opener["stop"] != "。"
        heading = b - a <= _HEADING_LENGTH and (alone or opener["number"] is not None)
        announces = opener["stop"] in ("：", ":")
        if not (heading or announces):
            continue
        review, plan = _REVIEW.search(head) is not None, _PLAN.search(head) is not None
        if not (review or plan) or "报告" in head or _DIGIT.search(TIME.sub("", head)):
            continue
        i = bisect_right(starts, a - 1)
        timed = [h for h in hits[i : i + 4] if h.end() <= b and _opens_part(h)]
        if not timed:
            # `三、下一步打算` begins a plan and `二、主要成效` ends one; neither says of which year
            if heading and not review and not parts[-1].plan and _PLAN_UNTIMED.search(head):
                parts.append(Part(a, whole.year, whole.year, whole.now, True, head))
            elif heading and alone and review and parts[-1].plan:
                parts.append(Part(a, whole.year, whole.default, whole.now, False, head))
            continue
        if timed[0].start() - a > (8 if announces and not heading else 14):
            continue
        periods = {_part_period(h, whole, past) for h in timed}
        if len(periods) != 1:
            continue
        ((year, default),) = periods
        now = default if default != year else f"asof:{year}"
        if year == whole.year and default == year:
            default, now = (default, now) if plan and not review else (whole.default, whole.now)
        parts.append(Part(a, year, default, now, plan and not review, head))
    return tuple(_until_reported(text, parts, hits, starts, whole, end))


def _until_reported(
    text: str, parts: list[Part], hits: Sequence[re.Match[str]], starts: Sequence[int], whole: Part, end: int
) -> list[Part]:
    """Parts that end where a sentence opens with a time already past: 截至9月底，… or 上半年，… under 下半年工作打算."""
    out: list[Part] = []
    for k, part in enumerate(parts):
        out.append(part)
        if not part.plan or part.year != whole.year:
            continue
        last = parts[k + 1].start if k + 1 < len(parts) else end
        for i in range(bisect_right(starts, part.start), bisect_right(starts, last - 1)):
            if _past_opening(text, hits[i], part, whole):
                until = text.rfind("截", hits[i].start() - 4, hits[i].start())
                start = until if until >= 0 else hits[i].start()
                out.append(Part(start, whole.year, whole.default, whole.now, False, hits[i].group()))
                break
    return out


def _past_opening(text: str, hit: re.Match[str], part: Part, whole: Part) -> bool:
    if text[hit.end() : hit.end() + 1] not in ("，", ","):
        return False
    before = text[max(0, hit.start() - 8) : hit.start()].rstrip(" \t　")
    if _REPORTED_UNTIL.search(before):
        told = hit["y"] or hit["y2"]
        return not told or _spoken_year(told, whole.year) <= whole.year
    if not before.endswith(_SENTENCE_BORDERS) or not (hit["half"] or hit["quarter"]):
        return False
    named = _HALVES[hit["hh"]] if hit["half"] else f"Q{_QUARTERS[hit['qq']]}"
    planned = part.default[5:]
    return planned in _MONTHS and _MONTHS[named][1] < _MONTHS[planned][0]


_REPORTED_UNTIL = re.compile(r"[。！!\n][ \t　]*截[至止]到?$")
_SENTENCE_BORDERS = ("。", "！", "!", "\n")
_MONTHS = {"Q1": (1, 3), "Q2": (4, 6), "Q3": (7, 9), "Q4": (10, 12), "H1": (1, 6), "H2": (7, 12)}


def _opens_part(hit: re.Match[str]) -> bool:
    if hit["ym"]:
        return bool(hit["q"] or hit["h"] or hit["m1"])
    return bool(
        hit["year"] or hit["this"] or hit["last"] or hit["next"] or hit["half"] or hit["quarter"] or hit["past"]
    )


def _part_period(hit: re.Match[str], whole: Part, past: str) -> tuple[str, str]:
    """Year and default period of a part whose heading has this time word."""
    if hit["ym"]:
        year = _spoken_year(hit["y"], whole.year)
        if hit["q"]:
            return year, f"{year}-Q{_QUARTERS[hit['q']]}"
        if hit["h"]:
            return year, f"{year}-{_HALVES[hit['h']]}"
        return year, f"{year}-{_number(hit['m1']):02d}..{year}-{_number(hit['m2']):02d}"
    if hit["half"]:
        return whole.year, f"{whole.year}-{_HALVES[hit['hh']]}"
    if hit["quarter"]:
        return whole.year, f"{whole.year}-Q{_QUARTERS[hit['qq']]}"
    year = (
        past
        if hit["past"]
        else _shift(whole.year, -1)
        if hit["last"]
        else _shift(whole.year, 1)
        if hit["next"]
        else _year(hit["y2"])
        if hit["year"]
        else whole.year
    )
    return year, year


def _spoken_year(written: str, year: str) -> str:
    if re.match(r"今年|本年|当年", written):
        return year
    if re.match(r"去年|上年", written):
        return _shift(year, -1)
    if re.match(r"明年|来年", written):
        return _shift(year, 1)
    return _year(written)


def _reference(text: str, hit: re.Match[str], start: int) -> bool:
    before = text[max(start, hit.start() - 3) : hit.start()]
    after = text[hit.end() : hit.end() + 12]
    if _COMPARED_BEFORE.search(before) or _FOUNDED_BEFORE.search(before) or _IGNORED_AFTER.match(after):
        return True
    if (hit["this"] and _PLAN_AFTER.match(after)) or (hit.group()[-1] in "日号" and _EVENT_AFTER.match(after)):
        return True
    if before[-1:] in ("“", '"') and not hit["fyp"]:
        return True  # 荣获“2017年度先进单位”
    if (hit["y"] or hit["y2"]) and _COMPARED_LIST.match(text, hit.end()):
        clause = text[max(start, hit.start() - 16) : hit.start()]
        if _WITH_OPENING.search(clause):
            return True  # 同第五次全国人口普查2000年11月1日零时的75万人相比
    opened = text.rfind("《", max(start, hit.start() - 30), hit.start())
    return opened >= 0 and text.find("》", opened, hit.start()) < 0


def _word(text: str, hit: re.Match[str], part: Part, whole: Part, past: str, start: int) -> TimeWord:
    """A time word in its normal form. 全年, 上年 and months count from the year of the part they stand in, 今年, 去年 and
    明年 from the year of the section: a report of 2017 says 去年 under `2016年工作回顾` and means 2016."""
    year = part.year

    def word(period: str, kind: str) -> TimeWord:
        return TimeWord(hit.start(), hit.end(), hit.group(), period, kind, _reference(text, hit, start))

    def day(year: str, month: int, first: str | None, last_month: str | None, last: str | None) -> TimeWord:
        if first is None:
            return word(f"{year}-{month:02d}", "month")
        begin = f"{year}-{month:02d}-{_number(first):02d}"
        if last is None:
            return word(begin, "day")
        end_month = _number(last_month) if last_month else month
        return word(f"{begin}..{year}-{end_month:02d}-{_number(last):02d}", "span")

    if hit["school"]:
        second = hit["s2"] if len(hit["s2"]) == 4 else hit["s1"][:2] + hit["s2"]
        return word(f"{hit['s1']}/{second}", "school_year")
    if hit["span"]:
        return word(f"{_year(hit['a1'])}..{_year(hit['a2'])}", "span")
    if hit["ym"]:
        spoken_from = whole.year if re.match("[今去明来]", hit["y"]) else year
        y = _spoken_year(hit["y"], spoken_from) if re.fullmatch(_SPOKEN, hit["y"]) else _year(hit["y"])
        if hit["q"]:
            return word(f"{y}-Q{_QUARTERS[hit['q']]}", "quarter")
        if hit["h"]:
            return word(f"{y}-{_HALVES[hit['h']]}", "half")
        if hit["m1"]:
            return word(f"{y}-{_number(hit['m1']):02d}..{y}-{_number(hit['m2']):02d}", "ytd")
        if hit["season"]:
            return word(f"{y}-{_SEASON[hit['season']]}", "half")
        if (
            hit["d"] is None
            and hit.group()[-1] in "底末"
            and _UNTIL.search(text[max(0, hit.start() - 3) : hit.start()])
        ):
            return word(f"{y}-01..{y}-{_number(hit['m']):02d}", "ytd")  # 截至2018年10月底，脱贫2100户
        return day(y, _number(hit["m"]), hit["d"], hit["m9"], hit["d9"])
    if hit["iso"]:
        return word(f"{hit['iy']}-{int(hit['im']):02d}-{int(hit['id']):02d}", "day")
    if hit["reign"]:
        return word(hit["ry"], "annual")
    if hit["same"]:
        return word("????", "annual")
    if hit["year"]:
        y = _year(hit["y2"])
        return word(f"asof:{y}" if hit.group().endswith(("底", "末")) and y != "????" else y, "annual")
    if hit["mrange"]:
        first, last = _number(hit["r1"] or hit["r3"]), _number(hit["r2"] or hit["r4"])
        return word(f"{year}-{first:02d}..{year}-{last:02d}", "ytd")
    if hit["md"]:
        month = _number(hit["mm"] or hit["cm"])
        dated = hit["dd"] or hit["cd"]
        if not dated and re.search(r"[底末]$", hit.group()):
            ended = {3: "Q1", 6: "H1"}.get(month)
            if part.default != year and ended is not None and part.default.endswith(ended):
                return word(part.default, "quarter")
            until = re.search(r"(?:截[至止]|到|至)$", text[max(0, hit.start() - 2) : hit.start()])
            return word(f"{year}-01..{year}-{month:02d}" if until else f"{year}-{month:02d}", "ytd")
        return day(year, month, dated, hit["mm9"], hit["dd9"] if dated else None)
    if hit["quarter"]:
        return word(f"{year}-Q{_QUARTERS[hit['qq']]}", "quarter")
    if hit["half"]:
        return word(f"{year}-{_HALVES[hit['hh']]}", "half")
    if hit["now"]:
        return word(whole.now if part.plan else part.now, "now")
    if hit["yearend"]:
        return word(f"asof:{year}", "yearend")
    if hit["past"]:
        return word(past if past != whole.year else part.default, "annual")
    if hit["this"]:
        if re.match("今年", hit.group()) and not part.plan:
            return word(whole.default, "annual")
        return word(year if hit.group() == "全年" else part.default, "annual")
    if hit["last"]:
        return word(_shift(whole.year if hit.group().startswith("去年") else year, -1), "annual")
    if hit["next"]:
        return word(_shift(whole.year, 1), "annual")
    if hit["cumulative"]:
        return word(f"????..{year}", "span")
    plan = {"十": 2001, "十一": 2006, "十二": 2011, "十三": 2016, "十四": 2021}[hit["fn"]]
    # “十三五”期间，全县计划…: the plan's years are meant; 十三五规划 names the plan in passing
    if hit["planend"]:
        return word(str(plan + 4), "annual")
    period = f"{plan}..{plan + 4}"
    return TimeWord(
        hit.start(), hit.end(), hit.group(), period, "plan", not hit["during"] or _reference(text, hit, start)
    )


def period_of(
    line: Timeline, layout: Layout, mention_start: int, mention_end: int, stock: bool, statement: str = "actual"
) -> tuple[str, str, str]:
    """Period, its words, and the kind of time word that decided, for one mention; `statement` is what kind of statement
    the number makes (actual, target, change, ...).

    In order: the last time word before the number in its sentence; one after it in the same clause; the time word that
    opens an earlier sentence of the paragraph (`2018年5月28日，…`); the section's default. A part of a year named in the
    middle of a sentence ends at a semicolon (`上半年已拨付25万元；取暖费40万元`).
    """
    text, words = layout.text, line.words
    part = line.part_at(mention_start)
    floor = max(0, mention_start - REACH)  # a line without end must not make every number search all of it
    paragraph = layout.line_start(mention_start, floor)
    sentence = layout.sentence_start(mention_start, mention_start - paragraph)
    semicolon = layout.part_start(mention_start, sentence)
    chosen: TimeWord | None = None
    following = bisect_right(line.starts, mention_start)
    against = ""
    i = following - 1
    while i >= 0 and words[i].start >= paragraph:
        w = words[i]
        i -= 1
        if w.reference or w.end > mention_start:
            against = w.period if w.start >= sentence else against
            continue
        opens = w.start - sentence <= 4 if w.start >= sentence else _opens_sentence(text, w.start, paragraph)
        if w.kind == "yearend" and not stock and _FLOW.search(text, w.end, mention_start):
            continue  # 年末总人口…，出生率…: what is counted at the year's end stops where rates and changes begin
        if _YEAR_BEFORE.match(w.text) and not (opens and w.start >= sentence) and not _of_that(text, w, mention_start):
            continue  # 不到上年1667人的一半；自然增长率…: the year before is named in passing
        if w.start >= sentence:
            if w.start < semicolon and not opens and w.kind in _PARTS_OF_YEAR:
                continue
            chosen = w
            break
        if w.start < sentence and _SINCE_AFTER.match(text, w.end):
            continue  # 2006年起…: a beginning says nothing of the sentences that follow
        if opens and w.kind != "now" and _DATED.search(w.text):
            if w.kind in _PARTS_OF_YEAR and (
                _DEADLINE_AFTER.match(text, w.end) or _ITEM.search(text, w.end, mention_start)
            ):
                continue  # 9月底前…。; 一是…5月份…。二是…: a part of the year ends with its sentence or its item
            if w.period == against:
                break  # 2015年为2900人。与2015年相比，降至6.2%: nothing is compared with its own time
            chosen = w
            break
        if w.kind in ("annual", "span") and _DATED.search(w.text) and not _deadline(text, w):
            break  # 2000年为…，2010年为…。分孩次看…: the sentence before ended in another year
    if chosen is None and following < len(words):
        w = words[following]
        if (
            w.kind in ("day", "month", "ytd")
            and not w.reference
            and w.start < layout.clause_end(mention_end, mention_end + REACH)
        ):
            chosen = w
    if following and words[following - 1].reference and statement not in ("change", "growth"):
        # a difference is no level of the time compared with: 较上年预算增加400万元
        w = words[following - 1]
        share = statement == "completion" and _PLAN_AFTER.match(text, w.end)  # 完成全年任务的41%
        if (_of_that(text, w, mention_start) and not share) or _compared_level(text, w, mention_start, mention_end):
            chosen = w  # 比上年的1960人减少: the number is that of the time compared with
    if chosen is None:
        period, told, kind = part.default, "", "default"
        if stock and line.moment and not part.plan:
            period = line.moment
    else:
        period, told, kind = _anchored(line, chosen, paragraph), chosen.text, chosen.kind
        if told.endswith("同期"):
            period = _same_time_before(line, chosen, sentence, part) or period
    if (
        statement == "target"
        and period_kind(period) in _WITHIN_YEAR
        and _set_for_year(text, sentence, mention_start, mention_end)
    ):
        period = period[:4]  # 完成年度目标720人的67%: what is set for the year is no goal for its first quarter
    annual = len(period) == 4 and period.isdigit() and (statement != "target" or period in (part.year, part.default))
    until = (
        kind == "day"
        and chosen is not None
        and (_UNTIL.search(text[max(0, chosen.start - 3) : chosen.start]) or _MOMENT.match(text, chosen.end))
    )
    if stock and chosen is not None and _COUNTED_UNTIL.search(chosen.text) and (month := _month_end(chosen, period)):
        period = f"asof:{month}"
    elif stock and (annual or until):
        period = f"asof:{period}"
    elif statement in ("change", "growth") and _YEAR_END.fullmatch(period):
        period = period.removeprefix(
            "asof:"
        )  # 年末存款余额835亿元，比年初增加96亿元: the level is of the day, the change of the year
    return period, told, kind


def compared_with(line: Timeline, layout: Layout, position: int, stock: bool) -> tuple[str | None, str]:
    """The year, and its word, that opens the list a value before stands in: 与2010年相比，平均受教育年限由8.14年提高至8.97年.

    None and "" where no such words stand in the sentence, or another time has been named since.
    """
    sentence = layout.sentence_start(position)
    for k in range(bisect_right(line.starts, position) - 1, -1, -1):
        w = line.words[k]
        if w.start < sentence or not w.reference:
            break
        if _COMPARED_LIST.match(layout.text, w.end):
            return (f"asof:{w.period}" if stock and period_kind(w.period) == "annual" else w.period), w.text
    return None, ""


def over_years(line: Timeline, layout: Layout, position: int, period: str | None) -> bool:
    """True where a change is told against a year other than the one before (比1973年提高52.8个百分点), or as that of
    several years (18年增加109313人, 年均递增22.4‰), while `period` is a single time."""
    if not period or ".." in period:
        return False
    text, sentence = layout.text, layout.sentence_start(position)
    clause = layout.clause_start(position, sentence)
    if _SEVERAL_YEARS.search(text, max(clause, position - 20), position):
        return True
    year = period.removeprefix("asof:")[:4]
    for k in range(bisect_right(line.starts, position) - 1, -1, -1):
        w = line.words[k]
        if w.start < sentence:
            break
        base = w.period.removeprefix("asof:")
        compared = layout.text[max(0, w.start - 1) : w.start] in ("比", "较") or _COMPARED_LIST.match(text, w.end)
        if not w.reference or not compared:
            if w.start >= clause or w.kind in ("annual", "span"):
                break
            continue
        return base.isdigit() and year.isdigit() and int(base) < int(year) - 1
    return False


def _month_end(word: TimeWord, period: str) -> str:
    """The month that 截至11月底 or 6月末 counts until; "" for another time."""
    bare = period.removeprefix("asof:")
    month = re.search(r"[0-9]+|[一二三四五六七八九十]+(?=月)", word.text[-5:].split("年")[-1])
    return f"{bare[:4]}-{_number(month.group()):02d}" if month and word.kind in ("ytd", "month", "quarter") else ""


_COUNTED_UNTIL = re.compile(r"月[底末]$")
_YEAR_END = re.compile("asof:[0-9]{4}")
_WITH_OPENING = re.compile("(?:^|[，,。；;\\n])[^，,。；;\\n]{0,4}?[与和同跟较比][^，,。；;\\n]*$")
_COMPARED_LIST = re.compile(r"[^，,。；;]{0,24}?相?比(?:较)?[，,]")
_SEVERAL_YEARS = re.compile(
    r"(?:(?<![0-9])[0-9]{1,2}|(?<![一二三四五六七八九十〇○零])[二三四五六七八九十]{1,3})年(?:间|来|里|内)?(?:共|累计|净|[增减提下上升降])|[较比][二三四五六七八九十两]年前|年均|年平均"
)


def _compared_level(text: str, word: TimeWord, start: int, end: int) -> bool:
    """True for the level of the time compared with: 与2010年第六次普查的43万人相比, 比2010年全县平均的61人高."""
    if not 0 < start - word.end <= 16 or not _OF_ITS.fullmatch(text, word.end, start):
        return False
    if text[max(0, word.start - 1) : word.start] in ("比", "较"):
        return True
    return _COMPARED_AFTER.match(text, end) is not None


def _same_time_before(line: Timeline, word: TimeWord, sentence: int, part: Part) -> str:
    """The part of a year that 上年同期 is the counterpart of, a year before; "" where it is a whole year."""
    base = part.default
    for k in range(bisect_right(line.starts, word.start) - 2, -1, -1):
        earlier = line.words[k]
        if earlier.start < sentence:
            break
        if not earlier.reference and period_kind(earlier.period) in _WITHIN_YEAR:
            base = earlier.period
            break
    if period_kind(base) not in _WITHIN_YEAR:
        return ""
    return _EACH_YEAR.sub(lambda m: _shift(m.group(), -1), base)


def _set_for_year(text: str, sentence: int, start: int, end: int) -> bool:
    """True for a target set from above, which holds for the year: 市定目标85%, 市定95%的目标, 年度任务720人."""
    before = text[max(sentence, start - 24) : start]
    if _YEARLY_GOAL.search(before):
        return True
    return _SET_ABOVE.search(before) is not None and _GOAL_AFTER.match(text, end) is not None


_SET_ABOVE = re.compile("[国省市州县区][定控]$")
_GOAL_AFTER = re.compile("的?(?:目标|指标|任务)")
_YEARLY_GOAL = re.compile(
    r"(?:全年|年度|年初|[国省市州县区]定|[国省市州县区]控|责任)[^，,。；;0-9]{0,6}(?:目标|任务|计划|指标|控制线|要求)[数值]?[的为是（(]?$"
)
_OF_ITS = re.compile(r"(?:[^，,。；;：:0-9（(增减多少新]{1,14})?的")
_COMPARED_AFTER = re.compile(r"[一-鿿]{0,3}?(?:相比|比较)")
_EACH_YEAR = re.compile(r"[0-9]{4}")
_WITHIN_YEAR = frozenset(("ytd", "month", "half", "quarter"))
_PARTS_OF_YEAR = frozenset(("ytd", "month", "now", "day", "half", "quarter"))
_DATED = re.compile("[0-9]|季度|半年")


def _deadline(text: str, word: TimeWord) -> bool:
    """到2017年底, 2016年底前: a year something shall be done by."""
    before = text[max(0, word.start - 2) : word.start]
    return _DEADLINE_BEFORE.search(before) is not None or _DEADLINE_AFTER.match(text, word.end) is not None


def _of_that(text: str, word: TimeWord, position: int) -> bool:
    """True where a number follows a time word directly (上年同期的1960人) or is the plan it speaks of (全年计划培训300人次)."""
    if 0 <= position - word.end <= 12 and _OF_THAT_TIME.fullmatch(text, word.end, position) is not None:
        return True
    return _PLAN_AFTER.match(text, word.end) is not None and not _NEXT_NUMBER.search(text, word.end, position)


_OF_THAT_TIME = re.compile(
    r"\s?(?:同期|年)?(?:末|底)?(?:第[一二三四五六七]次)?(?:全国)?(?:人口普查)?[的为]?(?:目标|任务|计划|预算)*(?:数|的)?(?:约|近)?"
)
_SINCE_AFTER = re.compile("(?:季学期|春季|秋季)?(?:起|开始|以来|之?后)")
_NEXT_NUMBER = re.compile("[0-9，,。；;]")
_MOMENT = re.compile("零时|[02]4?时")
_UNTIL = re.compile(r"截[至止]到?$")
_FLOW = re.compile(r"率|比|增|减|降|升|出生|死亡|新|全年")
_SAME_YEAR = re.compile(r"[是同]年|全年|当年|年内|本年度?|年[末底]")
_YEAR_BEFORE = re.compile(r"去年|上年|上一年")


def _anchored(line: Timeline, word: TimeWord, paragraph: int) -> str:
    """Period of a relative word, counted from the last explicit year of its paragraph (`1953年末…；全年…`)."""
    back = 0 if _SAME_YEAR.match(word.text) else 1 if _YEAR_BEFORE.match(word.text) else None
    if back is None:
        return word.period
    i = bisect_right(line.starts, word.start) - 1
    for k in range(i - 1, -1, -1):
        earlier = line.words[k]
        if earlier.start < paragraph:
            break
        year = re.match(r"(?:asof:)?([0-9]{4})(?:$|-)", earlier.period)
        if year and not earlier.reference and re.match(r"(?:1[5-9]|20|[一二])", earlier.text):
            return ("asof:" if word.kind == "yearend" else "") + str(int(year[1]) - back)
    return word.period


def _opens_sentence(text: str, position: int, paragraph: int) -> bool:
    before = text[max(paragraph, position - 4) : position]
    return position - paragraph <= 8 or before.rstrip()[-1:] in "。！!\n" or "。" in before


@lru_cache(maxsize=4096)
def period_kind(period: str | None) -> str:
    """annual, ytd, quarter, half, month, school_year, asof, span, day, or unknown."""
    if not period:
        return "unknown"
    if period.startswith("asof:"):
        return "asof"
    if "/" in period:
        return "school_year"
    if ".." in period:
        first, _, last = period.partition("..")
        return "ytd" if re.fullmatch(r"[0-9?]{4}-01", first) and first[:4] == last[:4] else "span"
    for pattern, kind in (
        (r"[0-9?]{4}", "annual"),
        (r"[0-9?]{4}-Q[1-4]", "quarter"),
        (r"[0-9?]{4}-H[12]", "half"),
        (r"[0-9?]{4}-[0-9]{2}", "month"),
        (r"[0-9?]{4}-[0-9]{2}-[0-9]{2}", "day"),
    ):
        if re.fullmatch(pattern, period):
            return kind
    return "unknown"
