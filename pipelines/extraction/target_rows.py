"""Targets of a document: compared targets settled as level or margin, and one target row for each.

Which of the two a phrase means is decided in `target_reading` (METHODOLOGY 5); here the decision is carried out on rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.catalogue.indicators import load as load_indicators
from pipelines.extraction.kinds import beside_target, set_by, tone
from pipelines.extraction.periods import period_kind
from pipelines.extraction.rows import Row, Understood
from pipelines.extraction.target_reading import TargetReading, read_target

_COMPARED = ("target_of", "margin_to_target")
_PARTS_OF_YEAR = frozenset(("quarter", "half", "ytd", "month"))
_POINTS = {"%": "百分点", "‰": "千分点"}


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target: the row that states it, the actual value beside it, its level, and how sure the reading is."""

    row: Row
    actual: Row | None
    period: str | None
    value: float | None
    unit: str | None
    relation: str
    set_by: str
    tone: str
    reading: str | None
    reading_confidence: str | None
    alternative_value: float | None
    robust: bool | None


def settle_targets(r: Understood, rows: list[Row]) -> list[TargetRow]:
    """Decide level or margin for every compared target, fix kind and unit of its row, and build the target rows."""
    pending: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        if any(relation in _COMPARED for relation, _ in row.links):
            pending.setdefault(row.reading.sentence, []).append(row)
    decided: dict[int, tuple[Row, TargetReading, Row]] = {}
    for members in pending.values():
        # certain readings first: they are the siblings that the uncertain ones are judged beside
        first = [(row, found) for row in members if (found := _read(r, row, [])) is not None]
        siblings = [
            (str(found[0].reading), row.reading.mention.unit or "", _relation(r, row))
            for row, found in first
            if found[0].confidence == "high"
        ]
        for row, found in first:
            settled = found if found[0].confidence == "high" else _read(r, row, siblings) or found
            decided[row.reading.mention.start] = (row, *settled)
    targets = [_settle(r, row, result, actual) for row, result, actual in decided.values()]
    for row in rows:
        if row.kind == "target" and row.reading.mention.start not in decided:
            relation = row.direction or (
                "equal" if row.reading.mention.approx == "exact" else row.reading.mention.approx
            )
            if relation not in ("at_most", "at_least", "equal"):
                relation = "equal"
            targets.append(_target_row(r, row, row.value, relation, None, _only_actual(rows, row)))
    return targets


def _read(r: Understood, row: Row, siblings: list[tuple[str, str, str]]) -> tuple[TargetReading, Row] | None:
    """Level or margin for a phrase that compares with a target; None where the row is no such phrase."""
    actual = next((to for relation, to in row.links if relation in _COMPARED), None)
    relation = _relation(r, row) if actual is not None and row.value is not None else ""
    if actual is None or row.value is None or not relation:
        return None
    m = row.reading.mention
    entry = load_indicators().get(actual.indicator_id or "")
    limits = None
    if entry is not None and entry.target_min is not None and entry.target_max is not None:
        limits = (entry.target_min, entry.target_max)
    elif relation == "高于" and actual.unit == "%" and actual.value is not None:
        # a floor far below what is reached is none in use: 及时率93.4%，高于市定目标3.4%
        limits = (actual.value / 2, 100.0)
    result = read_target(
        actual=actual.value,
        actual_unit=actual.unit or "",
        value=row.value,
        value_unit=m.unit or actual.unit or "",  # 性别比114.6，高于市定目标2.6
        relation=relation,
        before=r.text[row.reading.clause[0] : m.start],
        after=r.text[m.end : m.end + 10],
        target_range=limits,
        actual_is_year_to_date=period_kind(actual.period) in _PARTS_OF_YEAR,
        siblings=siblings,
    )
    return result, actual


def _settle(r: Understood, row: Row, result: TargetReading, actual: Row) -> TargetRow:
    ceiling = _relation(r, row) == "低于"
    relation = "at_most" if ceiling else "at_least"
    if result.reading == "margin":
        row.kind, row.direction = "change", "down" if ceiling else "up"
        row.unit = _POINTS.get(row.unit or "", row.unit or actual.unit)
        who = set_by(r.text[row.reading.sentence[0] : row.reading.mention.start])[:2]
        row.indicator = f"{actual.indicator}{'低于' if ceiling else '高于'}{who}目标幅度"
        row.indicator_id = None
        row.links = [("margin_to_target", actual)]
        row.period = actual.period.removeprefix("asof:") if actual.period else None
    elif result.reading == "level":
        row.kind, row.direction = "target", relation
        row.unit = actual.unit if row.unit in ("百分点", None) else row.unit
        row.indicator, row.indicator_id = actual.indicator, actual.indicator_id
        row.links = [("target_of", actual)]
        if row.period and period_kind(row.period) in _PARTS_OF_YEAR:
            row.period = row.period[:4]
    row.rule += f">target_{result.reading or 'unreadable'}"
    return _target_row(r, row, result.target, relation, result, actual)


def _only_actual(rows: list[Row], target: Row) -> Row | None:
    """The one actual value of the target's indicator in a document whose place is masked, which no series can hold."""
    if target.place_code is not None or target.indicator_id is None:
        return None
    found = [
        row
        for row in rows
        if row.kind == "actual"
        and row.value is not None
        and (row.indicator_id, row.unit, row.section) == (target.indicator_id, target.unit, target.section)
    ]
    return found[0] if len(found) == 1 else None


def _relation(r: Understood, row: Row) -> str:
    return beside_target(r.text[row.reading.clause[0] : row.reading.mention.start])


def _target_row(
    r: Understood, row: Row, value: float | None, relation: str, result: TargetReading | None, actual: Row | None
) -> TargetRow:
    period = row.period.removeprefix("asof:") if row.period else row.period
    if actual is not None and period and period_kind(period) != "annual":
        period = period[:4]
    reading = row.reading
    before = r.text[reading.sentence[0] : reading.mention.start]
    return TargetRow(
        row,
        actual,
        period,
        value,
        actual.unit if actual else row.unit,
        relation,
        set_by(before),
        tone(before, r.text[reading.mention.end : reading.clause[1]]),
        result.reading if result else "level",
        result.confidence if result else "high",
        result.alternative_value if result else None,
        result.robust if result else True,
    )
