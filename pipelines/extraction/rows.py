"""One row for each reading: value and interval, offsets in the file, period, place, catalogue entry, flags.

Here a reading meets its document: section, place, timeline, repairs. What the number says is already decided.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pipelines.catalogue.indicators import link as link_indicator
from pipelines.catalogue.places import PlaceGuess
from pipelines.catalogue.places import load as load_places
from pipelines.documents.model import Edit, Section, SourceText
from pipelines.documents.textmap import OffsetMap
from pipelines.extraction.cues import cue
from pipelines.extraction.levels import is_level, names_level
from pipelines.extraction.mentions import Mention
from pipelines.extraction.periods import compared_with, over_years, period_kind, period_of
from pipelines.extraction.readings import Reading
from pipelines.extraction.scopes import clause_scope, is_own_township, section_scope
from pipelines.extraction.surroundings import Layout
from pipelines.extraction.timelines import Timeline
from pipelines.extraction.written import interval

_BASES = (
    ("常住", re.compile("常住")),
    ("户籍", re.compile("户籍|公安")),
    ("不变价", re.compile("不变价|可比价")),
    ("现价", re.compile("现价|当年价")),
    ("全口径", re.compile("全口径")),
    ("本级", re.compile("本级")),
)
_ANY_BASIS = re.compile("常住|户籍|公安|[变比现年]价|全口径|本级")
_STATUSES = (
    ("census", re.compile("普查")),
    ("revised", re.compile("修订|最终核实")),
    ("preliminary", re.compile("快报|初步核算|初步统计")),
    ("forecast", re.compile("预计|据预测")),
)
_ANY_STATUS = re.compile("普查|修订|最终核实|快报|初步[核统]|预[计测]")
_WHOLE_PLACE = re.compile(r"(?:全|我|本)(?:县|区|市|州|省|旗)?$")
_OWN_PLACE = re.compile(r"[一-鿿]{1,10}?[县区市旗](?=[一-鿿]{2})")
_PLACE_NAME = re.compile(r"[一-鿿]{1,10}[县区市旗]")
_PLACE_ENDS = re.compile("[县区市旗]")
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_BULLETIN = cue("bulletin_title")
_MOVED = frozenset(("change", "growth"))
_MEAN_GROWTH = re.compile("年(?:平)?均(?:增长|递增|增速|下降)")
_OF_THAT_TIME = re.compile("(?:同期|末|底)?的?$")
_TITLE = 48  # characters of a section that hold its title
_HEAD = 600  # characters of a document in which the superior of a common county name is looked for
_RISK_REACH = 40  # characters before a mention from which a repair can reach into it


@dataclass(frozen=True, slots=True)
class Understood:
    """A document after every reading step, before it is laid out as rows."""

    source: SourceText
    layout: Layout
    map: OffsetMap
    edits: tuple[Edit, ...]
    mentions: list[Mention]
    readings: list[Reading]
    sections: list[Section]
    timelines: list[Timeline]
    places: list[PlaceGuess]
    duplicates: list[tuple[int, int]]

    @property
    def text(self) -> str:
        """The restored text."""
        return self.layout.text

    def section_at(self, position: int) -> int:
        """Number of the section that holds a position of the restored text."""
        if len(self.sections) == 1:
            return 0
        return max(0, bisect_right(self.sections, position, key=lambda s: s.start) - 1)


@dataclass(slots=True)
class Row:
    """One observation before it gets its document's fields; offsets in the file, values in `unit`."""

    reading: Reading
    section: int
    start: int
    end: int
    sentence: str
    indicator: str
    indicator_id: str | None
    value: float | None
    value_lo: float | None
    value_hi: float | None
    values: tuple[float, ...]
    unit: str | None
    kind: str
    direction: str | None
    scope: str
    place_code: str | None
    place_name: str | None
    basis: str
    period: str | None
    period_text: str | None
    status: str
    flags: list[str]
    confidence: float
    rule: str
    links: list[tuple[str, Row]] = field(default_factory=list)


def rows_of(r: Understood) -> list[Row]:
    """The rows of a document's readings, in order, with their links."""
    damage = _Damage(r)
    rows: list[Row] = []
    text, sections = r.text, r.sections
    head = text[:_HEAD]
    last_sentence, status = "", "reported"
    parts = [section_scope(text, s.start, s.end) for s in sections]
    before: tuple[Reading, bool] | None = None
    for reading in r.readings:
        m = reading.mention
        number = r.section_at(m.start) if len(sections) > 1 else 0
        place = r.places[number]
        flags = list(reading.flags)
        value, values = m.value, m.values
        if damage.any and "damaged" not in flags and damage.touches(m):
            flags.append("damaged")
        confidence = reading.confidence
        if "damaged" in flags:
            value, values, lo, hi = None, (), None, None
            confidence = min(confidence, 0.3)
        else:
            lo, hi = interval(m, reading.unit)
        if sections[number].duplicate_of is not None or (
            (k := bisect_right(r.duplicates, (m.start, len(text)))) and m.start < r.duplicates[k - 1][1]
        ):
            flags.append("duplicate")
        line = r.timelines[number]
        level = is_level(reading, text, before, bool(line.moment))
        before = reading, level
        period: str | None
        if reading.year:
            period, words = f"asof:{reading.year}" if reading.stock else reading.year, reading.year
        elif "table_cell" in reading.rules:
            period, words = (
                None if "unknown_year" in flags else _of_table(line, text, sections[number].start, m.start, level),
                "",
            )
            if period is None and "unknown_year" not in flags:
                flags.append("unknown_year")
        else:
            period, words, _ = period_of(line, r.layout, m.start, m.end, level, reading.kind)
            if level and period_kind(period) in ("quarter", "half") and names_level(reading):
                period = f"asof:{period}"  # 上半年，…。寄宿生1385名: a level at the end of the half year
        indicator = reading.indicator
        scope = reading.scope
        if scope and _WHOLE_PLACE.match(scope):
            scope = ""
        if not reading.scope or is_own_township(scope):
            clause = reading.clause[0]
            named_part = "" if reading.row else clause_scope(r.layout, clause, reading.sentence[0], m.start)
            scope = named_part or parts[number] or scope
            if named_part:
                indicator = indicator.removeprefix(named_part) or indicator
        if reading.row:
            year = period[:4] if period and period[:4].isdigit() else None
            if (own := place_named(reading.row, head, year)) is not None:
                place = own
            else:
                scope = reading.row + reading.scope
        elif _PLACE_ENDS.search(indicator, 1, 12) and (named := _OWN_PLACE.match(indicator)):
            own = place_named(named.group(), head, None)
            if own is not None:
                # 晋江市常住人口206.9万人: the phrase itself names another county than the section
                place, indicator = own, indicator[named.end() :]
        linked = link_indicator(indicator, reading.unit or "") if reading.kind != "norm" or reading.unit else None
        if reading.links and any(rel == "previous_of" for rel, _ in reading.links) and not _told(text, words, m.start):
            # 由5.73‰降到5.13‰: the value before, and nothing says before when; unless 与2010年相比 opens the list
            period, words = compared_with(line, r.layout, m.start, level)
            if period is None:
                flags.append("prior_value")
        elif "compared_census" in reading.rules and not _year_before(text, words, m.start):
            # 比第六次人口普查的815848人增加: the value of another census, and no year says which
            flags.append("prior_value")
            period = None
        elif (reading.kind in _MOVED or ("均" in indicator and _MEAN_GROWTH.search(indicator))) and over_years(
            line, r.layout, m.start, period
        ):
            period = None  # 比1973年提高52.8个百分点: a change over several years is that of none of them
        if period and "????" in period:
            flags.append("unknown_year")
        start, end = r.map.to_original(m.start, m.end)
        sentence = r.layout.sentence(m.start, m.end)
        if sentence is not last_sentence:
            last_sentence = sentence
            status = (_first_named(_STATUSES, sentence) if _ANY_STATUS.search(sentence) else "") or "reported"
        rows.append(
            Row(
                reading,
                number,
                start,
                end,
                sentence,
                indicator,
                linked[0] if linked else None,
                value,
                lo,
                hi,
                values,
                reading.unit,
                reading.kind,
                reading.direction,
                scope,
                place.place_code,
                place.full_name,
                _basis(indicator),
                period,
                words or None,
                status,
                flags,
                confidence,
                ">".join(reading.rules),
            )
        )
    _connect(rows)
    return rows


def _connect(rows: Sequence[Row]) -> None:
    """Turn the readings' links, which name the other mention's start, into links between rows."""
    if not any(row.reading.links for row in rows):
        return
    at = {row.reading.mention.start: row for row in rows}
    for row in rows:
        if row.reading.links:
            row.links = [(relation, at[start]) for relation, start in row.reading.links if start in at]


def _first_named(patterns: Sequence[tuple[str, re.Pattern[str]]], text: str) -> str:
    return next((name for name, pattern in patterns if pattern.search(text)), "")


@lru_cache(maxsize=65536)
def _basis(indicator: str) -> str:
    """The basis an indicator names (常住, 户籍, 现价, …), "" if none."""
    return _first_named(_BASES, indicator) if _ANY_BASIS.search(indicator) else ""


def _of_table(line: Timeline, text: str, start: int, position: int, level: bool) -> str | None:
    """The period of a table that names none: the moment the section counts at, what its title, the sidecar or its part's
    heading tells, or the only year of the section, which begins at `start`.

    The commonest year of the other tables around it is no evidence.
    """
    part = line.part_at(position)
    if level and line.moment and not part.plan:
        return line.moment
    told = {w.period[:4] for w in line.words if w.period[:4].isdigit()}
    title = text.find("\n", start, start + _TITLE)
    titled = _BULLETIN.search(text, start, max(title, start)) is not None and any(
        w.start < title and w.period[:4] == line.year for w in line.words
    )
    if part.evidence == line.evidence != "sidecar" and told != {line.year} and not titled:
        return None
    return f"asof:{part.default}" if level and part.default.isdigit() else part.default


def _told(text: str, words: str, start: int) -> bool:
    """True where the time word of a value before stands directly before it: 由2010年的5.73‰降到5.13‰."""
    before = text[max(0, start - 16) : start]
    at = before.rfind(words) if words else -1
    return at >= 0 and _OF_THAT_TIME.fullmatch(before, at + len(words)) is not None


def _year_before(text: str, words: str, start: int) -> bool:
    """True where the time word with its year stands in the words that compare: 与2010年第六次人口普查的…"""
    before = text[max(0, start - 30) : start]
    at = max(before.rfind(c) for c in "比与和较同")
    return bool(_YEAR.search(words)) and words in before[at + 1 :]


def place_named(name: str, around: str, year: str | None) -> PlaceGuess | None:
    """The county a table row or a phrase begins with; where the name is common, the one whose superior `around` names."""
    if not _PLACE_NAME.fullmatch(name):
        return None
    found = list(load_places().find(name, year=int(year)) if year else load_places().find(name))
    if len(found) > 1:
        found = [
            p
            for p in found
            if any(a.name_zh in around for a in load_places().ancestors(p) if a.place_code != p.place_code)
        ]
    if len(found) != 1 or found[0].level != "county":
        return None
    return PlaceGuess(found[0].place_code, found[0].full_name_zh, name, 0.9)


class _Damage:
    """The repairs of a document that may have eaten or made up a digit."""

    def __init__(self, r: Understood) -> None:
        self._risky = [e for e in r.edits if e.number_risk]
        self._starts = [e.start for e in self._risky]
        self._read = r
        self.any = bool(self._risky)

    def touches(self, m: Mention) -> bool:
        """True where one of them touches the mention."""
        r = self._read
        start, end = r.map.to_original(m.start, m.end)
        if r.source.plain is not None:  # edits count in the text that was restored, before its markup
            start, end = r.source.plain_map.to_derived(start, end)
        i = bisect_right(self._starts, end) - 1
        while i >= 0 and self._risky[i].start >= start - _RISK_REACH:
            if self._risky[i].end >= start and self._risky[i].start <= end:
                return True
            i -= 1
        return False
