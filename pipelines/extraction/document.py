"""One document from file to rows: read, restore, find, attribute, and lay out as records and table rows.

The only place where the steps are put in order. It knows no warehouse and no Dagster; a process pool may call it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.catalogue.places import NO_PLACE, PlaceGuess, by_code, finder
from pipelines.catalogue.places import load as load_places
from pipelines.documents.clean import furniture
from pipelines.documents.model import Section, Sidecar, SourceText
from pipelines.documents.read import read
from pipelines.documents.restore import restore
from pipelines.documents.split import duplicated_spans, split
from pipelines.extraction.attribution import attribute, is_stock
from pipelines.extraction.mentions import Mention, find_mentions
from pipelines.extraction.periods import period_kind
from pipelines.extraction.readings import Reading
from pipelines.extraction.rows import Row, Understood, rows_of
from pipelines.extraction.surroundings import Layout
from pipelines.extraction.table_reading import Cell
from pipelines.extraction.tables import find_tables, overlay
from pipelines.extraction.target_rows import TargetRow, settle_targets
from pipelines.extraction.timelines import Timeline, timeline

_RANKS = (
    (1, re.compile("公报|年鉴|普查|统计局")),
    (2, re.compile("计生委|卫生局|卫计|教育局|扶贫办|部门|局|委")),
    (3, re.compile("政府工作报告")),
)
_OTHER_RANK = 4
_SURE_PLACE = 0.45  # a visitor's county or one event's must not name the section: below, no place
_BARE_CONFIDENCE = 0.9


@dataclass(slots=True)
class DocumentTables:
    """Rows of one document, one list per table; columns as declared in `warehouse.schema`, `extractor_version` left out."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    sections: list[dict[str, Any]] = field(default_factory=list)
    mentions: list[dict[str, Any]] = field(default_factory=list)
    observations: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)


def _understand(source: SourceText, sidecar: Sidecar | None) -> Understood:
    restored = restore(source.plain if source.plain is not None else source.text)
    text = restored.text
    to_file = source.plain_map.then(restored.map) if source.plain is not None else restored.map
    noise = furniture(text)
    tables = find_tables(text)
    layout = Layout(text)
    sections = split(text, noise, _heading_place)
    hint = sidecar.year if sidecar else None
    title = (sidecar.title or "") if sidecar else ""
    timelines = [timeline(text, s.start, s.end, hint, title, noise) for s in sections]
    planned = _planned(sections, timelines)
    mentions = find_mentions(text, noise)
    readings: list[Reading]
    if tables.lines:
        mentions = overlay(mentions, tables)
        prose = attribute(layout, [m for m in mentions if m.rule != "table_cell"], planned)
        readings = _with_cell_readings(prose, tables.cells)
    else:
        readings = attribute(layout, mentions, planned)
    whole = _sidecar_place(sidecar)
    places = [
        whole if whole is not None else _section_place(text, s, timelines[s.number], noise, title) for s in sections
    ]
    return Understood(
        source, layout, to_file, restored.edits, mentions, readings, sections, timelines, places, duplicated_spans(text)
    )


def _planned(sections: Sequence[Section], timelines: Sequence[Timeline]) -> Callable[[int], bool | None]:
    """Tells whether a position lies in a part that speaks of what is to come, or of what has been; None if unsaid.

    A section that has a planning part reviews in its others; one without headings of either kind says nothing.
    """
    starts: list[int] = []
    plans: list[bool | None] = []
    for section, line in zip(sections, timelines, strict=True):
        unsaid = None if len(line.parts) == 1 else False
        for n, part in enumerate(line.parts):
            starts.append(section.start if n == 0 else part.start)
            plans.append(part.plan or (unsaid if n == 0 else False))

    def planned(position: int) -> bool | None:
        return plans[max(0, bisect_right(starts, position) - 1)]

    return planned


def _section_place(
    text: str, section: Section, line: Timeline, noise: Sequence[tuple[int, int]], title: str
) -> PlaceGuess:
    """The county a section is about, by its title and text without page furniture; NO_PLACE where that is unsure."""
    head = title + "\n" if title else ""
    shift = len(head) - section.start
    ignore = [(a + shift, b + shift) for a, b in noise if a >= section.start and b <= section.end]
    guess = finder().resolve(
        head + text[section.start : section.end],
        (0, len(title)) if title else None,
        ignore,
        int(line.year) if line.year.isdigit() else None,
    )
    return guess if guess.confidence >= _SURE_PLACE else NO_PLACE


_NUMBERING = re.compile(r"(?:[一二三四五六七八九十]+、|[(（][一二三四五六七八九十0-9]+[)）]|[0-9]+[、.．])")
_IN_BRACKETS = re.compile(r"[（(][^（）()]*[)）]$")


def _heading_place(line: str) -> str | None:
    """Code of the county a heading names alone: `一、江苏省东台市（2021年）`; None for any other line."""
    if not any(c in line for c in "县区市旗"):
        return None
    numbering = _NUMBERING.match(line)
    bare = _IN_BRACKETS.sub("", line[numbering.end() :] if numbering else line)
    if bare[-1:] not in ("县", "区", "市", "旗"):
        return None
    found = load_places().find(bare)
    return found[0].place_code if len(found) == 1 and found[0].level == "county" else None


def _with_cell_readings(readings: list[Reading], cells: Sequence[Cell]) -> list[Reading]:
    made = [
        Reading(
            c.mention, "indicator", c.column, c.mention.unit, c.kind, None, c.scope, _at_end(c),
            (c.mention.start, c.mention.end), (c.mention.start, c.mention.end), ("table_cell",), flags=c.flags,
            confidence=0.5 if c.flags else 0.85, row=c.row, year=c.period or "",
        )
        for c in cells
    ]  # fmt: skip
    return sorted(readings + made, key=lambda r: r.mention.start)


def _at_end(cell: Cell) -> bool:
    """True where a table's figure is one of the end of its period: 年末, or what is counted at a moment."""
    return cell.kind in ("actual", "target") and (cell.level or is_stock(cell.column))


def _sidecar_place(sidecar: Sidecar | None) -> PlaceGuess | None:
    if sidecar is None or not (sidecar.place_code or sidecar.place):
        return None
    if sidecar.place_code:
        place = by_code().get(sidecar.place_code)
        return PlaceGuess(sidecar.place_code, place.full_name_zh if place else sidecar.place, "sidecar", 1.0)
    return PlaceGuess(None, sidecar.place, "sidecar", 1.0)


def extract_records(path: Path, sidecar: Sidecar | None = None) -> list[dict[str, Any]]:
    """One record per numeric mention of a file, as CONTRACT section 4 lists the fields; raises DocumentError."""
    r = _understand(read(path), sidecar)
    rows = rows_of(r)
    settle_targets(r, rows)
    by_start = {row.reading.mention.start: row for row in rows}
    records: list[dict[str, Any]] = []
    for m in r.mentions:
        row = by_start.get(m.start)
        if row is None:
            records.append(_bare_record(path.name, r, m))
            continue
        reading = row.reading
        records.append(
            {
                "doc": path.name,
                "section": row.section,
                "start": row.start,
                "end": row.end,
                "raw": r.source.text[row.start : row.end],
                "class": reading.mention_class,
                "value": list(row.values) if row.values else row.value,
                "unit": row.unit,
                "indicator": row.indicator,
                "indicator_id": row.indicator_id,
                "kind": row.kind,
                "direction": row.direction,
                "approx": m.approx,
                "scope": row.scope or reading.scope or None,
                "place": row.place_name,
                "place_code": row.place_code,
                "period": row.period,
                "period_text": row.period_text,
                "links": [{"rel": relation, "to": to.start} for relation, to in row.links],
                "flags": row.flags,
                "confidence": row.confidence,
                "sentence": row.sentence,
            }
        )
    return records


def _bare_record(doc: str, r: Understood, m: Mention) -> dict[str, Any]:
    """The record of a mention that is no quantity: its class, and nothing read from it."""
    start, end = r.map.to_original(m.start, m.end)
    return {
        "doc": doc,
        "section": r.section_at(m.start),
        "start": start,
        "end": end,
        "raw": r.source.text[start:end],
        "class": m.mention_class,
        "value": None,
        "unit": None,
        "indicator": None,
        "indicator_id": None,
        "kind": None,
        "direction": None,
        "approx": None,
        "scope": None,
        "place": None,
        "place_code": None,
        "period": None,
        "period_text": None,
        "links": [],
        "flags": list(m.flags),
        "confidence": _BARE_CONFIDENCE,
        "sentence": r.layout.sentence(m.start, m.end),
    }


def extract_document(path: Path, doc_name: str, doc_id: str, sidecar: Sidecar | None = None) -> DocumentTables:
    """Rows of every document table for one file; raises DocumentError where it cannot be read.

    `doc_name` is the path inside the raw folder; observation ids are `doc_id:start-end` in the decoded file.
    """
    source = read(path)
    r = _understand(source, sidecar)
    rows = rows_of(r)
    targets = settle_targets(r, rows)
    publisher = (sidecar.publisher if sidecar else None) or ""
    title = (sidecar.title if sidecar else None) or _first_heading(r.text)
    rank = next((n for n, pattern in _RANKS if pattern.search(publisher + (title or ""))), _OTHER_RANK)
    return DocumentTables(
        documents=[_document_row(r, doc_name, doc_id, title, sidecar)],
        sections=[_section_row(r, doc_id, s) for s in r.sections],
        mentions=_mention_rows(r, doc_id, rows),
        observations=[_observation(r, row, doc_id, rank) for row in rows],
        targets=[_target(target, doc_id) for target in targets],
    )


def _id(doc_id: str, row: Row) -> str:
    return f"{doc_id}:{row.start}-{row.end}"


def _observation(r: Understood, row: Row, doc_id: str, rank: int) -> dict[str, Any]:
    reading = row.reading
    return {
        "observation_id": _id(doc_id, row),
        "doc_id": doc_id,
        "source_kind": "document",
        "source_rank": rank,
        "section": row.section,
        "start_char": row.start,
        "end_char": row.end,
        "raw": r.source.text[row.start : row.end],
        "sentence": row.sentence,
        "class": reading.mention_class,
        "indicator": row.indicator,
        "indicator_id": row.indicator_id,
        "value": row.value,
        "value_lo": row.value_lo,
        "value_hi": row.value_hi,
        "values": list(row.values),
        "unit": row.unit,
        "kind": row.kind,
        "direction": row.direction,
        "approx": reading.mention.approx,
        "scope": row.scope,
        "place_code": row.place_code,
        "place_name": row.place_name,
        "basis": row.basis,
        "period": row.period,
        "period_kind": period_kind(row.period),
        "period_text": row.period_text,
        "status": row.status,
        "flags": row.flags,
        "candidates": list(reading.mention.candidates),
        "confidence": row.confidence,
        "rule": row.rule,
        "links_rel": [relation for relation, _ in row.links] if row.links else [],
        "links_to": [_id(doc_id, to) for _, to in row.links] if row.links else [],
    }


def _target(target: TargetRow, doc_id: str) -> dict[str, Any]:
    row, actual = target.row, target.actual
    named = actual or row
    return {
        "target_id": f"target:{_id(doc_id, row)}",
        "doc_id": doc_id,
        "observation_ids": [_id(doc_id, row)] + ([_id(doc_id, actual)] if actual is not None else []),
        "actual_observation_id": _id(doc_id, actual) if actual is not None else None,
        "place_code": row.place_code,
        "place_name": row.place_name,
        "indicator_id": named.indicator_id,
        "indicator": named.indicator,
        "scope": row.scope,
        "period": target.period,
        "value": target.value,
        "unit": target.unit,
        "relation": target.relation,
        "set_by": target.set_by,
        "tone": target.tone,
        "reading": target.reading,
        "reading_confidence": target.reading_confidence,
        "alternative_value": target.alternative_value,
        "robust": target.robust,
        "sentence": row.sentence,
        "flags": list(row.flags),
    }


def _mention_rows(r: Understood, doc_id: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    by_start = {row.reading.mention.start: row for row in rows}
    text = r.source.text
    out: list[dict[str, Any]] = []
    for m in r.mentions:
        row = by_start.get(m.start)
        if row is not None:
            start, end, section, mention_class = row.start, row.end, row.section, row.reading.mention_class
        else:
            start, end = r.map.to_original(m.start, m.end)
            section, mention_class = r.section_at(m.start), m.mention_class
        out.append(
            {
                "doc_id": doc_id,
                "section": section,
                "start_char": start,
                "end_char": end,
                "raw": text[start:end],
                "class": mention_class,
                "rule": m.rule,
            }
        )
    return out


def _section_row(r: Understood, doc_id: str, section: Section) -> dict[str, Any]:
    start, end = r.map.to_original(section.start, section.end)
    line, guess = r.timelines[section.number], r.places[section.number]
    return {
        "doc_id": doc_id,
        "section": section.number,
        "start_char": start,
        "end_char": end,
        "place_code": guess.place_code,
        "place_name": guess.full_name,
        "place_evidence": guess.evidence,
        "period_default": line.default,
        "period_evidence": line.evidence,
        "duplicate_of": section.duplicate_of,
    }


def _document_row(
    r: Understood, doc_name: str, doc_id: str, title: str | None, sidecar: Sidecar | None
) -> dict[str, Any]:
    source = r.source
    return {
        "doc_id": doc_id,
        "path": doc_name,
        "sha256": source.sha256,
        "media_type": source.media_type,
        "encoding": source.encoding,
        "title": title,
        "source_url": sidecar.source_url if sidecar else None,
        "publisher": sidecar.publisher if sidecar else None,
        "published_on": sidecar.published_on if sidecar else None,
        "licence": sidecar.licence if sidecar else None,
        "n_chars": len(source.text),
        "n_sections": len(r.sections),
        "n_mentions": len(r.mentions),
        "n_repairs": len(r.edits),
        "n_damaged": sum(1 for e in r.edits if not e.certain),
        "status": "ok",
        "error": None,
    }


def _first_heading(text: str) -> str | None:
    for line in text.splitlines():
        bare = line.strip()
        if 4 <= len(bare) <= 50 and "。" not in bare:
            return bare
    return None
