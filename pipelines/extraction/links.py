"""How the numbers of a sentence belong together: parts and wholes, before and after, numerator and denominator, 分别.

Works on readings that already have phrase, unit and kind, and completes them where the neighbours decide.
"""

from __future__ import annotations

import re
from itertools import pairwise

from pipelines.extraction.cues import cue
from pipelines.extraction.kinds import beside_target, change_verb
from pipelines.extraction.phrases import joined, listed, subjects, trim
from pipelines.extraction.readings import Reading
from pipelines.extraction.surroundings import Layout

_CHANGED_TO = cue("changed_to")
_CHANGED_FROM = cue("changed_from")
_COMPARED_ONLY = cue("compared_only")
_MEASURE_SUFFIX = cue("measure_suffix")
_PAID = cue("paid")
_SPENT = cue("spent")
_CLAUSE_BORDER = re.compile("[，,；;。：:]")
_PART_BORDER = re.compile("[；;。]")
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_YEARS_LISTED = re.compile("(?:在|从)?(?P<years>(?:(?:19|20)[0-9]{2}年?(?:底|末|度)?[、和与及]?){2,})")
_LIST_BETWEEN = re.compile(r"\s?[、,，和与及]{1,2}\s?")
_LIST_MARKS = frozenset("、,，和及")
_ROUNDING = 0.06  # percentage points by which a printed share may miss the quotient of its counts
_BACK = 30  # characters before a number in which a word of change or comparison stands
_APART = 10  # characters between the value before a change and the one after it
_DEALT_WITHOUT_WORD = 4  # so many values behind a list of so many names are dealt out even without 分别
_DEALT_REACH = 22  # characters between 分别 and the first number it deals out


def link(layout: Layout, readings: list[Reading]) -> list[Reading]:
    """The readings with their links; 分别 lists are dealt out, plan amounts told from paid ones."""
    _relate(layout, readings)
    _plan_amounts(layout.text, readings)
    _distribute(layout.text, readings)
    return readings


def _relate(layout: Layout, readings: list[Reading]) -> None:
    """Links inside a sentence: parts of a whole, values before and after, numerator and denominator, targets."""
    text = layout.text
    among, opened = _positions(text, "其中"), layout.opened
    a = o = 0  # how many of them stand before the number: they move on with the numbers, no look for each
    previous: Reading | None = None
    for n, r in enumerate(readings):
        if previous is not None and previous.sentence != r.sentence:
            previous = None
        links: list[tuple[str, int]] = []
        m = r.mention
        start = r.sentence[0]
        while a < len(among) and among[a] < m.start:
            a += 1
        while o < len(opened) and opened[o] < m.start:
            o += 1
        nested = (a and among[a - 1] >= start) or (o and opened[o - 1] >= start)
        if nested and r.kind in ("actual", "target") and m.value is not None:
            whole = _whole(layout, readings, n)
            if whole is not None:
                links.append(("part_of", whole.mention.start))
        if previous is not None:
            if "target_compared" in r.rules:
                links.append(("target_of", previous.mention.start))
            elif r.kind in ("growth", "change"):
                left = text[max(start, m.start - _BACK) : m.start]
                relation = "margin_to_target" if beside_target(left) else f"{r.kind}_of"
                links.append((relation, previous.mention.start))
            if previous.mention.unit == m.unit and m.start - previous.mention.end <= _APART:
                _before_and_after(text, previous, r)
            if r.unit == "%" and r.kind == "actual" and n >= 2:
                _share(readings[n - 2], previous, r)
        if links:
            r.links = (*r.links, *links)
        previous = r


def _positions(text: str, word: str) -> list[int]:
    """Where a word stands in a text."""
    found: list[int] = []
    at = text.find(word)
    while at >= 0:
        found.append(at)
        at = text.find(word, at + len(word))
    return found


def _before_and_after(text: str, previous: Reading, r: Reading) -> None:
    """由A降到B: A is the value before, B the value of the indicator that A's phrase names."""
    m, old = r.mention, previous.mention
    # up to the digits: in 由7.66‰一举突破10‰ the verb is also the number's bound
    left = text[max(r.sentence[0], m.start - _BACK) : m.number_start].rstrip()
    if not _CHANGED_TO.search(left) or not _CHANGED_FROM.search(text[max(0, old.start - 16) : old.start]):
        return
    previous.links = (*previous.links, ("previous_of", m.start))
    if "norm" in (previous.kind, r.kind):
        for reading in (previous, r):
            reading.kind, reading.mention_class = "norm", "norm"
    previous.unit = r.unit = max(previous.unit or "", r.unit or "", key=len) or None  # 由460元提高到每人每月530元
    r.indicator = previous.indicator


def _share(below: Reading, above: Reading, r: Reading) -> None:
    """Two counts and the percentage they make: denominator, numerator, share."""
    if below.sentence != r.sentence or below.unit != above.unit or r.mention.value is None:
        return
    whole, part = below.mention.value, above.mention.value
    if whole and part is not None and abs(100 * part / whole - r.mention.value) <= _ROUNDING:
        below.links = (*below.links, ("denominator_of", r.mention.start))
        above.links = (*above.links, ("numerator_of", r.mention.start))


def _whole(layout: Layout, readings: list[Reading], n: int) -> Reading | None:
    """The quantity this one is a part of: the last before `其中` or before the bracket it stands in, of the same unit."""
    r = readings[n]
    start, end = r.sentence[0], r.mention.start
    anchor = layout.open_bracket(start, end)
    among = layout.text.rfind("其中", start, end)
    if among > anchor and layout.part_start(end, among) == among:
        anchor = among
    if anchor < 0:
        return None
    for k in range(n - 1, -1, -1):
        other = readings[k]
        if other.mention.start < start:
            return None
        if other.mention.end <= anchor:
            whole, part = other.mention.value, r.mention.value
            fits = other.unit == r.unit and whole is not None and part is not None and whole >= part
            return other if fits else None
    return None


def _plan_amounts(text: str, readings: list[Reading]) -> None:
    """A year's amount of which a part is paid is a plan: `助学金60万元，上半年已拨付25万元`."""
    for n, r in enumerate(readings[1:], 1):
        paid = r.mention
        if r.unit != "元" or r.sentence != readings[n - 1].sentence or paid.value is None:
            continue
        if not _PAID.search(text[max(0, paid.start - 10) : paid.start]):
            continue
        k = n - 1
        while k >= 0 and readings[k].sentence == r.sentence and n - k <= 2 and readings[k].unit != "元":
            k -= 1
        plan = readings[k]
        if (
            k < 0
            or plan.unit != "元"
            or plan.kind != "actual"
            or (plan.mention.value or 0) < paid.value
            or _PART_BORDER.search(text, plan.mention.end, paid.start)
            or _SPENT.search(text, plan.clause[0], plan.mention.start)
        ):
            continue
        plan.kind, plan.direction = "target", None
        plan.rules = (*plan.rules, "plan_amount")
        plan.links = (*plan.links, ("target_of", paid.start))
        r.links = (*r.links, ("part_of", plan.mention.start))


def _distribute(text: str, readings: list[Reading]) -> None:
    """`分别`: values given to a list of subjects in order.

    Subjects are the quantities of the clauses before (`收入3亿元，支出2亿元，分别增长8%、5%`), or a list of
    names in the same clause (`小学、初中入学率分别为99.8%、98.7%`).
    """
    words = _positions(text, "分别")
    w = n = 0  # words before the number; number
    while n < len(readings):
        r = readings[n]
        if r.mention.flags and "unit_from_list" in r.mention.flags:
            _share_phrase(text, readings, n)
        start = r.mention.start
        while w < len(words) and words[w] + 2 <= start:
            w += 1
        at = words[w - 1] if w else -1
        if at < max(0, r.sentence[0], start - _DEALT_REACH) or any(c.isdigit() for c in text[at:start]):
            n += 1
            continue
        last = n
        while last + 1 < len(readings) and _LIST_BETWEEN.fullmatch(
            text, readings[last].mention.end, readings[last + 1].mention.start
        ):
            last += 1
        if last > n:
            _deal_out(text, readings, n, last, at)
        n = last + 1


def _in_one_list(text: str, earlier: list[Reading], count: int, r: Reading) -> bool:
    """True where so many quantities of one list stand in the sentence before: they are the subjects of 分别."""
    if len(earlier) != count or earlier[0].sentence != r.sentence:
        return False
    return all(
        a.mention.unit == b.mention.unit and not _CLAUSE_BORDER.search(text, a.mention.end, b.mention.start)
        for a, b in pairwise(earlier)
    )


def _share_phrase(text: str, readings: list[Reading], n: int) -> None:
    """A list with one unit at its end has one phrase too: 资助500、1000、2000元."""
    r = readings[n]
    if "list" in r.rules:
        return
    members = [r]
    for k in range(n + 1, len(readings)):
        other = readings[k]
        if text[readings[k - 1].mention.end : other.mention.start].strip() not in _LIST_MARKS:
            break
        other.indicator, other.kind, other.direction = r.indicator, r.kind, r.direction
        other.unit, other.mention_class = r.unit, r.mention_class
        other.rules = (*other.rules, "list")
        members.append(other)
    if len(members) >= _DEALT_WITHOUT_WORD:
        for border in ("，", ",", "；", ";"):
            for clause in reversed(text[r.sentence[0] : r.clause[0]].split(border)):
                if names := listed(clause, len(members)):
                    for member, name in zip(members, names, strict=True):
                        member.indicator = joined(name, member.indicator)
                        member.rules = (*member.rules, "dealt")
                    return


def _deal_out(text: str, readings: list[Reading], first: int, last: int, at: int) -> None:
    """Give the values `first`..`last` behind 分别 (at position `at`) to their subjects."""
    r = readings[first]
    count = last - first + 1
    head = text[r.sentence[0] : at]
    own = head[max(head.rfind(c) for c in "，,；;：:") + 1 :].strip()
    if _COMPARED_ONLY.fullmatch(own):
        own = ""
    earlier = readings[max(0, first - count) : first]
    if (
        not own
        and r.kind in ("growth", "change", "completion")
        and len(earlier) == count
        and earlier[0].sentence == r.sentence
    ):
        verb = change_verb(text[r.sentence[0] : r.mention.start])
        relation = {"growth": "growth_of", "change": "change_of"}.get(r.kind, "part_of")
        for given, subject in zip(readings[first : last + 1], earlier, strict=True):
            given.indicator = subject.indicator + verb
            given.kind, given.direction = r.kind, r.direction
            if given.mention.unit in ("%", r.mention.unit):
                given.unit = r.unit
            given.links = ((relation, subject.mention.start),)
            given.rules = (*given.rules, "distributed")
        return
    years = _YEARS_LISTED.match(own)
    if years and len(told := _YEAR.findall(years["years"])) == count:
        # 2007年、2008年、2009年全区常住人口分别为…: one row, three years
        for given, year in zip(readings[first : last + 1], told, strict=True):
            given.indicator, given.year = trim(own[years.end() :])[0] or r.indicator, year
            given.kind, given.direction, given.mention_class = r.kind, r.direction, r.mention_class
            if given.mention.unit == r.mention.unit:
                given.unit = r.unit
            given.rules = (*given.rules, "distributed")
        return
    names = subjects(own, count)
    if not names and r.kind in ("actual", "norm", "target") and _in_one_list(text, earlier, count, r):
        # 高血压患者16873人、糖尿病患者4012人，规范管理率分别达到72.4%、70.1%
        measure = own or ("标准" if r.kind == "norm" else "")
        names = [joined(_MEASURE_SUFFIX.sub("", e.indicator), measure) for e in earlier] if measure else []
    for k in range(first, last + 1):
        given = readings[k]
        if names:
            given.indicator = names[k - first]
            given.kind, given.direction, given.mention_class = r.kind, r.direction, r.mention_class
            given.rules = (*given.rules, "distributed")
        else:
            # values dealt out over subjects that were not found: none of them may pass for the last one named
            given.confidence = 0.3
            given.flags = (*given.flags, "undistributed")
            given.rules = (*given.rules, "undistributed")
