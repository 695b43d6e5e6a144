"""Periods: what time a number is about, from the time words near it, else from its part, else from its section.

Whether an indicator is a stock is told by the caller.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache

from pipelines.extraction.surroundings import Layout
from pipelines.extraction.timelines import DEADLINE_AFTER, Timeline, is_deadline
from pipelines.extraction.timewords import COMPARED_LIST, PLAN_AFTER, UNTIL, Part, TimeWord, read_number, shifted

_ITEM = re.compile(
    r"[。；;]\s*(?:[一二三四五六七八九十]是|其[一二三四]|第[一二三四五六]，|[（(][一二三四五六七八九十0-9]+[)）])"
)
REACH = 4000
"""Characters before a number in which a time word can still be about it."""


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
    part = line.part_at(mention_start) if len(line.parts) > 1 else line.parts[0]
    floor = max(0, mention_start - REACH)  # a line without end must not make every number search all of it
    # the borders of Layout.line_start and Layout.sentence_start, without two calls for each number
    ends = layout.lines
    k = bisect_left(ends, mention_start)
    paragraph = border + 1 if k and (border := ends[k - 1]) >= floor else floor
    ends = layout.sentence_ends
    k = bisect_left(ends, mention_start)
    sentence = border + 1 if k and (border := ends[k - 1]) >= paragraph else paragraph
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
        if w.text[:2] in _YEAR_BEFORE and not (opens and w.start >= sentence) and not _of_that(text, w, mention_start):
            continue  # 不到上年1667人的一半；自然增长率…: the year before is named in passing
        if w.start >= sentence:
            if not opens and w.kind in _PARTS_OF_YEAR and w.start < layout.part_start(mention_start, sentence):
                continue
            chosen = w
            break
        if w.start < sentence and _SINCE_AFTER.match(text, w.end):
            continue  # 2006年起…: a beginning says nothing of the sentences that follow
        if opens and w.kind != "now" and _dated(w.text):
            if w.kind in _PARTS_OF_YEAR and (
                DEADLINE_AFTER.match(text, w.end) or _ITEM.search(text, w.end, mention_start)
            ):
                continue  # 9月底前…。; 一是…5月份…。二是…: a part of the year ends with its sentence or its item
            if w.period == against:
                break  # 2015年为2900人。与2015年相比，降至6.2%: nothing is compared with its own time
            chosen = w
            break
        if (w.kind == "annual" or w.kind == "span") and _dated(w.text) and not is_deadline(text, w.start, w.end):
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
        share = statement == "completion" and PLAN_AFTER.match(text, w.end)  # 完成全年任务的41%
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
        and (UNTIL.search(text[max(0, chosen.start - 3) : chosen.start]) or _MOMENT.match(text, chosen.end))
    )
    if stock and chosen is not None and chosen.text.endswith(_COUNTED_UNTIL) and (month := _month_end(chosen, period)):
        period = f"asof:{month}"
    elif stock and (annual or until):
        period = f"asof:{period}"
    elif statement in ("change", "growth") and period[:5] == "asof:" and _YEAR_END.fullmatch(period):
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
        if COMPARED_LIST.match(layout.text, w.end):
            return (f"asof:{w.period}" if stock and period_kind(w.period) == "annual" else w.period), w.text
    return None, ""


def over_years(line: Timeline, layout: Layout, position: int, period: str | None) -> bool:
    """True where a change is told against a year other than the one before (比1973年提高52.8个百分点), or as that of
    several years (18年增加109313人, 年均递增22.4‰), while `period` is a single time."""
    if not period or ".." in period:
        return False
    text, sentence = layout.text, layout.sentence_start(position)
    clause = layout.clause_start(position, sentence)
    near = max(clause, position - 20)
    if SEVERAL_SIGN.search(text, near, position) and SEVERAL_YEARS.search(text, near, position):
        return True
    words = line.words
    for k in range(bisect_right(line.starts, position) - 1, -1, -1):
        w = words[k]
        if w.start < sentence:
            break
        if w.reference and (text[max(0, w.start - 1) : w.start] in ("比", "较") or COMPARED_LIST.match(text, w.end)):
            base, year = w.period.removeprefix("asof:"), period.removeprefix("asof:")[:4]
            return base.isdigit() and year.isdigit() and int(base) < int(year) - 1
        if w.start >= clause or w.kind in ("annual", "span"):
            break
    return False


def _month_end(word: TimeWord, period: str) -> str:
    """The month that 截至11月底 or 6月末 counts until; "" for another time."""
    bare = period.removeprefix("asof:")
    month = re.search(r"[0-9]+|[一二三四五六七八九十]+(?=月)", word.text[-5:].split("年")[-1])
    return f"{bare[:4]}-{read_number(month.group()):02d}" if month and word.kind in ("ytd", "month", "quarter") else ""


_COUNTED_UNTIL = ("月底", "月末")
_YEAR_END = re.compile("asof:[0-9]{4}")
_RISEN = "(?:间|来|里|内)?(?:共|累计|净|[增减提下上升降])"
SEVERAL_YEARS = re.compile(
    rf"(?:(?<![0-9])[0-9]{{1,2}}|(?<![一二三四五六七八九十〇○零])[二三四五六七八九十]{{1,3}})年{_RISEN}|[较比][二三四五六七八九十两]年前|年均|年平均"
)
SEVERAL_SIGN = re.compile(rf"年(?:平?均|前|(?<=[0-9二三四五六七八九十]年){_RISEN})")
"""Found wherever SEVERAL_YEARS is, in a tenth of the time: it begins with a literal."""


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
    return _EACH_YEAR.sub(lambda m: shifted(m.group(), -1), base)


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


@lru_cache(maxsize=4096)
def _dated(written: str) -> bool:
    return _DATED.search(written) is not None


def _of_that(text: str, word: TimeWord, position: int) -> bool:
    """True where a number follows a time word directly (上年同期的1960人) or is the plan it speaks of (全年计划培训300人次)."""
    if 0 <= position - word.end <= 12 and _OF_THAT_TIME.fullmatch(text, word.end, position) is not None:
        return True
    return PLAN_AFTER.match(text, word.end) is not None and not _NEXT_NUMBER.search(text, word.end, position)


_OF_THAT_TIME = re.compile(
    r"\s?(?:同期|年)?(?:末|底)?(?:第[一二三四五六七]次)?(?:全国)?(?:人口普查)?[的为]?(?:目标|任务|计划|预算)*(?:数|的)?(?:约|近)?"
)
_SINCE_AFTER = re.compile("(?:季学期|春季|秋季)?(?:起|开始|以来|之?后)")
_NEXT_NUMBER = re.compile("[0-9，,。；;]")
_MOMENT = re.compile("零时|[02]4?时")
_FLOW = re.compile(r"率|比|增|减|降|升|出生|死亡|新|全年")
_SAME_YEAR = re.compile(r"[是同]年|全年|当年|年内|本年度?|年[末底]")
_YEAR_BEFORE = frozenset(("去年", "上年", "上一"))  # how 去年, 上年 and 上一年 begin


def _anchored(line: Timeline, word: TimeWord, paragraph: int) -> str:
    """Period of a relative word, counted from the last explicit year of its paragraph (`1953年末…；全年…`)."""
    back = _years_back(word.text)
    if back is None:
        return word.period
    earlier = line.explicit_before(word)
    if earlier is None or earlier.start < paragraph:
        return word.period
    year = str(int(earlier.period.removeprefix("asof:")[:4]) - back)
    return f"asof:{year}" if word.kind == "yearend" else year


@lru_cache(maxsize=4096)
def _years_back(written: str) -> int | None:
    """How many years before the one last named a word speaks of: 0 for 全年, 1 for 上年; None for other words."""
    return 0 if _SAME_YEAR.match(written) else 1 if written[:2] in _YEAR_BEFORE else None


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
