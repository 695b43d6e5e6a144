"""The time of a section: the year it reports on, its parts with years and purposes of their own, its time words in order.

A section may hold parts with a time of their own (`一、2016年工作回顾`, `二、2017年工作安排`): the time words and numbers
under such a heading are those of its year, and a part that plans says so. Titles, mastheads and days of signing are
weighed here. Which time a single number takes is decided in `periods`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.extraction.timewords import (
    HALVES,
    QUARTERS,
    Part,
    TimeWord,
    find_times,
    is_reference,
    is_spoken,
    named_year,
    read_number,
    read_year,
    school_year_end,
    shifted,
    spoken_year,
    time_word,
    told_by_itself,
)

_DEADLINE_BEFORE = ("到", "力争", "确保", "争取", "预计", "计划", "截至")
DEADLINE_AFTER = re.compile(r"年?[底末]?(?:之?前|以前)")
_DEADLINE_ENDS = frozenset(("\n", *(word[-1] for word in _DEADLINE_BEFORE)))
_DEADLINE_BEGINS = frozenset("年底末之前以")
_GOVERNMENT_REPORT = "政府工作报告"
# Headings that give their part a time or a purpose: `一、2016年工作回顾`, `（二）下一步打算`, `2013年，我们将做好以下工作：`
_NUMBER = r"(?:[一二三四五六七八九十]+、|[(（][一二三四五六七八九十]+[)）]|第[一二三四五六]部分[、：:]?)"
_HEAD_WORDS = r"[^。；;：:！\n]{2,44}+"
_OPENER = re.compile(
    rf"(?:^|(?<=[。；\n]))[ \t　]*+(?P<number>{_NUMBER})?[ \t　]*+(?P<head>{_HEAD_WORDS})(?P<stop>[：:\n。]|\Z)", re.M
)
# Behind which borders a part can open: a line that is a heading or announces, a line or sentence that begins with a
# number. Each pattern begins with a literal, which `re` finds ten times as fast as a class.
_OPENING_BORDERS = (
    re.compile(rf"\n(?=[ \t　]*+{_HEAD_WORDS}(?:[：:\n]|\Z))"),
    *(re.compile(rf"{border}(?=[ \t　]*+{_NUMBER})") for border in ("\\n", "。", "；")),
)
_LONGEST_HEAD = 44
# words of headings; each alternative begins with a literal, so that `re` passes over the other characters at once
_REVIEW = re.compile(
    r"回顾|总结|情况(?<=(?:运行|完成|执行|落实|进展|开展|收支|基本|工作|发展)情况)|工作概况|主要(?:工作|做法|成效|成绩)|成效|抓了|做了"
    r"|开展了|取得"
)
_PLAN = re.compile(
    r"打算|计划(?!生育|免疫|单列|内|外)|安排(?!情况)|思路|目标(?!人群)|任务|要点|展望|草案|建议|部署|谋划|要求$|下一?步|今后|努力方向"
    r"|我们[将要]|你们[将要]|将(?:做好|抓好|重点|着力|继续)|要(?:做好|抓好|重点|着力|继续)"
)
_REVIEW_OR_PLAN = re.compile(f"{_REVIEW.pattern}|{_PLAN.pattern}")
_PLAN_UNTIMED = re.compile(
    r"打算|下一?步|今后|努力方向|工作(?:思路|安排|计划|部署)$|^(?:目标任务|(?:主要|工作|总体|发展)目标)$"
)
_DIGIT = re.compile("[0-9]")
_OPENING_TIME = re.compile("第?([一二三四1-4首])季度|([上下])半年")
_HEADING_LENGTH = 26


@dataclass(slots=True)
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
    explicit: tuple[int, ...] = ()
    """For each word the number of the last word before it that names its year in full (2016年, 二〇一六年); -1 if none."""

    def explicit_before(self, word: TimeWord) -> TimeWord | None:
        """The last word before another that names its year in full."""
        k = self.explicit[bisect_left(self.starts, word.start)]
        return self.words[k] if k >= 0 else None

    def part_at(self, position: int) -> Part:
        """The part a position lies in."""
        return self.parts[max(0, bisect_right(self.part_starts, position) - 1)]


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
    hits = find_times(text, start, end)
    if noise:
        opened = [a for a, _ in noise]
        hits = [h for h in hits if not (k := bisect_right(opened, h.start())) or h.start() >= noise[k - 1][1]]
    references = [is_reference(text, h, start) for h in hits]
    year, why = _section_year(text, start, hits, references, year_hint, title)
    if year == "????":
        year, why = _published(text, start, hits, noise) or (year, why)
    head = text[start : min(end, start + 400)]
    default = year
    head_words = title + head
    opening = _OPENING_TIME.search(head_words) if "季度" in head_words or "半年" in head_words else None
    if opening:
        part = f"Q{QUARTERS[opening[1]]}" if opening[1] else HALVES[opening[2]]
        default, why = f"{year}-{part}", opening.group()
    months = [int(h["r2"]) for h in hits if h.lastgroup == "mrange" and h["r2"] and int(h["r1"]) == 1]
    if default != year:
        now = default
    elif months and max(months) < 12:
        now = f"asof:{year}-{max(months):02d}"
    else:
        now = f"asof:{year}"
    if moment := _moment(text, start, hits, whole_year=year):
        now = moment
    past = shifted(year, -1) if _GOVERNMENT_REPORT in head_words else year
    whole = Part(start, year, default, now, False, why)
    parts = _parts(text, start, end, hits, whole, past)
    starts = tuple(p.start for p in parts)
    words: list[TimeWord] = []
    explicit: list[int] = []
    last_explicit = -1
    part_here, part_past, next_part, next_start = whole, past, 1, starts[1] if len(starts) > 1 else len(text)
    told: dict[str, tuple[str, str, bool, bool]] = {}  # 今年, 全年, 2016年: a part says the same words again and again
    for hit, reference in zip(hits, references, strict=True):
        begin, close = hit.span()
        while begin >= next_start:
            part_here = parts[next_part]
            part_past, next_part = part_here.year, next_part + 1
            next_start = starts[next_part] if next_part < len(starts) else len(text)
            told = {}
        written = text[begin:close]
        if (read := told.get(written)) is None:
            read = time_word(text, hit, part_here, whole, part_past)
            if told_by_itself(hit, written):
                told[written] = read
        period, kind, passing, full = read
        explicit.append(last_explicit)
        if full and not (reference or passing):
            last_explicit = len(words)
        words.append(TimeWord(begin, close, written, period, kind, reference or passing))
    return Timeline(
        default,
        why,
        year,
        now,
        tuple(words),
        tuple([w.start for w in words]),
        parts,
        starts,
        moment,
        tuple(explicit),
    )


def _moment(text: str, start: int, hits: Sequence[re.Match[str]], whole_year: str) -> str:
    """The moment of counting that the head of a section declares, as a period; "" if none."""
    for hit in hits:
        if hit.start() > start + _HEAD:
            return ""
        y = named_year(hit)
        if not y or is_spoken(y) or read_year(y) != whole_year:
            continue
        at = _COUNTED_AT.search(text, max(start, hit.start() - 16), hit.start())
        kind = hit.lastgroup
        if at is None and not (kind == "ym" and hit["d"] and _ALL_COUNTED.match(text, hit.end())):
            continue  # 2010年11月1日零时，常住人口为326871人: one sentence's moment is not that of all
        if kind == "ym" and hit["m"] and not hit["d9"]:
            day = f"-{read_number(hit['d']):02d}" if hit["d"] else ""
            return f"asof:{whole_year}-{read_number(hit['m']):02d}{day}"
        if kind == "iso":
            return f"asof:{whole_year}-{int(hit['im']):02d}-{int(hit['id']):02d}"
        if kind == "year" and at is not None:
            return f"asof:{whole_year}"
    return ""


_HEAD = 500  # characters of a section that can say when all it counts was counted

_ALL_COUNTED = re.compile(r"(?:零时|[02]4?时)[^。！；\n]{0,40}?(?:如下|(?:标准|统计)时[点间])")
_COUNTED_AT = re.compile(
    r"(?:(?:数据|资料|数字)(?:均|全部|统计|采集)?(?:时间)?(?:截[至止](?:到|时间|日期)?[为是：:]?|为)|(?:统计|标准|普查)(?:标准)?时(?:点|间)[为是：:]?)$"
)


def is_deadline(text: str, begin: int, end: int, floor: int = 0) -> bool:
    """True for a time by which something shall be done: 到2017年底, 2016年底前."""
    before = text[max(floor, begin - 2) : begin]
    if before[-1:] in _DEADLINE_ENDS and before.removesuffix("\n").endswith(_DEADLINE_BEFORE):
        return True
    return text[end : end + 1] in _DEADLINE_BEGINS and DEADLINE_AFTER.match(text, end) is not None


def _section_year(
    text: str,
    start: int,
    hits: Sequence[re.Match[str]],
    references: Sequence[bool],
    year_hint: int | None,
    title: str,
) -> tuple[str, str]:
    """The year a section reports on, and the words that tell it."""
    if year_hint:
        return str(year_hint), "sidecar"
    if titled := _YEAR_IN_TITLE.search(title):
        return titled[1], titled.group()
    masked = 0
    evidence: dict[str, str] = {}
    years: dict[str, int] = {}
    stamps: dict[str, int] = {}
    counted: dict[str, int] = {}
    for hit, reference in zip(hits, references, strict=True):
        kind = hit.lastgroup
        if kind == "school":
            value = school_year_end(hit)
        elif not (written := named_year(hit)) or is_spoken(written):
            continue
        else:
            value = read_year(written)
        if value == "????":
            masked += 1
            continue
        if reference:
            continue
        begin, close = hit.span()
        if text[close : close + 1] in ("起", "以") or (begin > start and text[begin - 1] in "从自"):
            continue
        if not is_deadline(text, begin, close, start):
            told = years
            if (kind == "ym" or kind == "iso") and (_alone_on_its_line(text, hit) or _in_masthead(text, start, hit)):
                told = stamps  # the day of signing says when a report was written, not which year it is about
        elif _COUNTED_AT.search(text, max(start, begin - 16), begin):
            told = counted  # 数据截至2014年9月: the moment of counting, not a deadline
        else:
            continue
        told[value] = told.get(value, 0) + 1
        if value not in evidence:
            evidence[value] = hit.group()
    years = years or counted or stamps
    first = _FIRST_LINE.match(text, start)
    if first and _TITLE_LINE.search(first["line"]):
        named = {
            read_year(y): h.group()
            for h in hits[:3]
            if h.end() <= first.end() and h.lastgroup != "iso" and (y := named_year(h))
        }
        if len(named) == 1 and (year := next(iter(named))).isdigit():
            return year, named[year]
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
    if hit.start() - start > _MASTHEAD or not hit["d" if hit.lastgroup == "ym" else "id"]:
        return False
    line = text.rfind("\n", start, hit.start()) + 1
    return (
        text[hit.end() : hit.end() + 1] in ("\n", "") and _ISSUE.search(text, max(line, start), hit.start()) is not None
    )


_ISSUE = re.compile(r"第\s?[0-9一二三四五六七八九十]+\s?期")
_YEAR_IN_TITLE = re.compile("((?:19|20)[0-9]{2})年")
_FIRST_LINE = re.compile(r"\s{0,40}(?P<line>[^\n。]{4,45}?)[ \t　]*\n")
_TITLE_LINE = re.compile(r"(?:总结|小结|汇报|报告|公报|通报|简报|情况)(?:[（(][^（）()]{1,8}[)）])?$")


def _published(
    text: str, start: int, hits: Sequence[re.Match[str]], noise: Sequence[tuple[int, int]]
) -> tuple[str, str] | None:
    """The year a news item was published in, and the words that say so, where the item itself only says 今年.

    A report copied to another site bears the day of copying: only what is written as news (`本网讯`) speaks of its day.
    """
    if not noise or not any(h.lastgroup == "this" and h.group().startswith("今年") for h in hits):
        return None
    if any(h.lastgroup != "iso" and (y := named_year(h)) and not is_spoken(y) for h in hits):
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
    for opener in _openers(text, start, end):
        head = opener["head"].rstrip(" \t　")
        a = opener.start("head")
        b = a + len(head)
        at, stop = opener.start(), opener["stop"]
        alone = stop != "。" and (at == start or text[at - 1 : at] == "\n")
        heading = b - a <= _HEADING_LENGTH and (alone or opener["number"] is not None)
        announces = stop in ("：", ":")
        if not (heading or announces):
            continue
        if not _REVIEW_OR_PLAN.search(head):
            continue
        review, plan = _REVIEW.search(head) is not None, _PLAN.search(head) is not None
        if "报告" in head or _other_digits(head):
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


def _openers(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Sentence openings of a section that can be headings or announce what follows, in order."""
    begins = {start}
    for pattern in _OPENING_BORDERS:
        begins.update([m.end() for m in pattern.finditer(text, start, end)])
    for colon in "：:":
        at = text.find(colon, start, end)
        while at >= 0:
            low = max(start, at - _LONGEST_HEAD)
            while low > start and text[low - 1] in " \t　":
                low -= 1
            low = max(start, low - 1)
            begins.add(max(text.rfind("。", low, at), text.rfind("；", low, at), start - 1) + 1)
            at = text.find(colon, at + 1, end)
    for begin in sorted(begins):
        if (opener := _OPENER.match(text, begin, end)) is not None:
            yield opener


def _other_digits(head: str) -> bool:
    """True for a heading with a number that is no time: 1.2016年出生人口目标5000人."""
    if _DIGIT.search(head) is None:
        return False
    position = 0
    for hit in find_times(head, 0, len(head)):
        if _DIGIT.search(head, position, hit.start()):
            return True
        position = hit.end()
    return _DIGIT.search(head, position) is not None


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
        told = named_year(hit)
        return not told or hit.lastgroup == "iso" or spoken_year(told, whole.year) <= whole.year
    kind = hit.lastgroup
    if not before.endswith(_SENTENCE_BORDERS) or kind not in ("half", "quarter"):
        return False
    named = HALVES[hit["hh"]] if kind == "half" else f"Q{QUARTERS[hit['qq']]}"
    planned = part.default[5:]
    return planned in _MONTHS and _MONTHS[named][1] < _MONTHS[planned][0]


_REPORTED_UNTIL = re.compile(r"[。！!\n][ \t　]*截[至止]到?$")
_SENTENCE_BORDERS = ("。", "！", "!", "\n")
_MONTHS = {"Q1": (1, 3), "Q2": (4, 6), "Q3": (7, 9), "Q4": (10, 12), "H1": (1, 6), "H2": (7, 12)}


def _opens_part(hit: re.Match[str]) -> bool:
    if hit.lastgroup == "ym":
        return bool(hit["q"] or hit["h"] or hit["m1"])
    return hit.lastgroup in _OPENING_KINDS


_OPENING_KINDS = frozenset(("year", "this", "last", "next", "half", "quarter", "past"))


def _part_period(hit: re.Match[str], whole: Part, past: str) -> tuple[str, str]:
    """Year and default period of a part whose heading has this time word."""
    kind = hit.lastgroup
    if kind == "ym":
        year = spoken_year(hit["y"], whole.year)
        if hit["q"]:
            return year, f"{year}-Q{QUARTERS[hit['q']]}"
        if hit["h"]:
            return year, f"{year}-{HALVES[hit['h']]}"
        return year, f"{year}-{read_number(hit['m1']):02d}..{year}-{read_number(hit['m2']):02d}"
    if kind == "half":
        return whole.year, f"{whole.year}-{HALVES[hit['hh']]}"
    if kind == "quarter":
        return whole.year, f"{whole.year}-Q{QUARTERS[hit['qq']]}"
    year = (
        past
        if kind == "past"
        else shifted(whole.year, -1)
        if kind == "last"
        else shifted(whole.year, 1)
        if kind == "next"
        else read_year(hit["y2"])
        if kind == "year"
        else whole.year
    )
    return year, year
