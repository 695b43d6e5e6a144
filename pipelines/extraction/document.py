"""One document from file to rows: read, restore, find, attribute, and lay out as records and table rows.

The only place where the steps are put in order. It knows no warehouse and no Dagster; a process pool may call it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.catalogue.indicators import link as link_indicator
from pipelines.catalogue.indicators import load as load_indicators
from pipelines.catalogue.places import NO_PLACE, PlaceGuess, by_code, finder
from pipelines.catalogue.places import load as load_places
from pipelines.documents.clean import furniture
from pipelines.documents.model import Edit, Section, Sidecar, SourceText
from pipelines.documents.read import read
from pipelines.documents.restore import restore
from pipelines.documents.split import duplicated_spans, split
from pipelines.documents.textmap import OffsetMap
from pipelines.extraction.attribution import STOCK, attribute
from pipelines.extraction.kinds import beside_target, set_by, tone
from pipelines.extraction.mentions import Mention, find_mentions
from pipelines.extraction.periods import Timeline, period_kind, period_of, timeline
from pipelines.extraction.readings import Reading
from pipelines.extraction.surroundings import Layout
from pipelines.extraction.tables import Cell, find_cells
from pipelines.extraction.target_reading import TargetReading, read_target
from pipelines.extraction.written import interval

_BASIS = (
    ("常住", re.compile("常住")),
    ("户籍", re.compile("户籍|公安")),
    ("不变价", re.compile("不变价|可比价")),
    ("现价", re.compile("现价|当年价")),
    ("全口径", re.compile("全口径")),
    ("本级", re.compile("本级")),
)
_STATUS = (
    ("census", re.compile("普查")),
    ("revised", re.compile("修订|最终核实")),
    ("preliminary", re.compile("快报|初步核算|初步统计")),
    ("forecast", re.compile("预计|据预测")),
)
_RANKS = (
    (1, re.compile("公报|年鉴|普查|统计局")),
    (2, re.compile("计生委|卫生局|卫计|教育局|扶贫办|部门|局|委")),
    (3, re.compile("政府工作报告")),
)
_SURE_PLACE = 0.45  # a visitor's county or one event's must not name the section: below, no place
_SCOPED = re.compile(r"^(?:全|我|本)(?:县|区|市|州|省|旗)?$")


@dataclass(slots=True)
class DocumentTables:
    """Rows of one document, one list per table; columns as declared in `warehouse.schema`, `extractor_version` left out."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    sections: list[dict[str, Any]] = field(default_factory=list)
    mentions: list[dict[str, Any]] = field(default_factory=list)
    observations: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Read:
    """A document after every reading step, before it is laid out."""

    source: SourceText
    text: str
    layout: Layout
    map: OffsetMap
    edits: tuple[Edit, ...]
    mentions: list[Mention]
    readings: list[Reading]
    sections: list[Section]
    timelines: list[Timeline]
    places: list[PlaceGuess]
    duplicates: list[tuple[int, int]]


def _understand(source: SourceText, sidecar: Sidecar | None) -> _Read:
    restored = restore(source.plain if source.plain is not None else source.text)
    text = restored.text
    to_file = source.plain_map.then(restored.map) if source.plain is not None else restored.map
    noise = furniture(text)
    cells = find_cells(text)
    layout = Layout(text)
    mentions = _with_cells(find_mentions(text, noise), cells)
    readings = _with_cell_readings(attribute(layout, [m for m in mentions if m.rule != "table_cell"]), cells)
    sections = split(text, noise, _heading_place)
    hint = sidecar.year if sidecar else None
    title = (sidecar.title or "") if sidecar else ""
    timelines = [timeline(text, s.start, s.end, hint, title) for s in sections]
    whole = _sidecar_place(sidecar)
    places = []
    for section in sections:
        if whole is not None:
            places.append(whole)
            continue
        head = title + "\n" if title else ""
        shift = len(head) - section.start
        ignore = [(a + shift, b + shift) for a, b in noise if a >= section.start and b <= section.end]
        span = (0, len(title)) if title else None
        year = timelines[section.number].year
        guess = finder().resolve(
            head + text[section.start : section.end], span, ignore, int(year) if year.isdigit() else None
        )
        places.append(guess if guess.confidence >= _SURE_PLACE else NO_PLACE)
    return _Read(
        source,
        text,
        layout,
        to_file,
        restored.edits,
        mentions,
        readings,
        sections,
        timelines,
        places,
        duplicated_spans(text),
    )


def _heading_place(line: str) -> str | None:
    """Code of the county a heading names alone: `一、江苏省东台市（2021年）`; None for any other line."""
    bare = re.sub(r"^(?:[一二三四五六七八九十]+、|[(（][一二三四五六七八九十0-9]+[)）]|[0-9]+[、.．])", "", line)
    bare = re.sub(r"[（(][^（）()]*[)）]$", "", bare)
    if not re.search(r"[县区市旗]$", bare):
        return None
    found = load_places().find(bare)
    return found[0].place_code if len(found) == 1 and found[0].level == "county" else None


def _row_place(row: str, around: str, year: str | None) -> PlaceGuess | None:
    """The county a table row or a phrase begins with; where the name is common, the one whose superior `around` names."""
    if not re.fullmatch(r"[一-鿿]{1,10}[县区市旗]", row):
        return None
    found = list(load_places().find(row, year=int(year)) if year else load_places().find(row))
    if len(found) > 1:
        found = [
            p
            for p in found
            if any(a.name_zh in around for a in load_places().ancestors(p) if a.place_code != p.place_code)
        ]
    if len(found) != 1 or found[0].level != "county":
        return None
    return PlaceGuess(found[0].place_code, found[0].full_name_zh, row, 0.9)


def _with_cells(mentions: list[Mention], cells: Sequence[Cell]) -> list[Mention]:
    if not cells:
        return mentions
    spans = [(c.mention.start, c.mention.end) for c in cells]
    starts = [a for a, _ in spans]

    def inside(m: Mention) -> bool:
        i = bisect_right(starts, m.end - 1) - 1
        return i >= 0 and m.start < spans[i][1]

    return sorted([m for m in mentions if not inside(m)] + [c.mention for c in cells], key=lambda m: m.start)


def _with_cell_readings(readings: list[Reading], cells: Sequence[Cell]) -> list[Reading]:
    made = [
        Reading(
            c.mention, "indicator", c.column, c.mention.unit, "actual", None, "", bool(STOCK.search(c.column)),
            (c.mention.start, c.mention.end), (c.mention.start, c.mention.end), ("table_cell",), confidence=0.85,
            row=c.row, year=c.year or "",
        )
        for c in cells
    ]  # fmt: skip
    return sorted(readings + made, key=lambda r: r.mention.start)


def _sidecar_place(sidecar: Sidecar | None) -> PlaceGuess | None:
    if sidecar is None or not (sidecar.place_code or sidecar.place):
        return None
    if sidecar.place_code:
        place = by_code().get(sidecar.place_code)
        return PlaceGuess(sidecar.place_code, place.full_name_zh if place else sidecar.place, "sidecar", 1.0)
    return PlaceGuess(None, sidecar.place, "sidecar", 1.0)


def _section_of(r: _Read, position: int) -> int:
    return max(0, bisect_right([s.start for s in r.sections], position) - 1)


def _damaged(edits: Sequence[Edit], starts: Sequence[int], start: int, end: int) -> bool:
    """True where a repair that may have eaten or made up a digit touches the raw span."""
    i = bisect_right(starts, end) - 1
    while i >= 0 and edits[i].start >= start - 40:
        if edits[i].number_risk and edits[i].end >= start and edits[i].start <= end:
            return True
        i -= 1
    return False


def _rows(r: _Read) -> list[dict[str, Any]]:
    """Observation rows without document fields, in order, with file offsets; `_reading` keeps the reading."""
    risky = [e for e in r.edits if e.number_risk]
    plain_starts = [e.start for e in risky]
    rows: list[dict[str, Any]] = []
    head = r.text[:600]
    for reading in r.readings:
        m = reading.mention
        number = _section_of(r, m.start)
        section = r.sections[number]
        guess = r.places[number]
        period: str | None
        period, words, _ = period_of(r.timelines[number], r.text, m.start, m.end, reading.stock)
        flags = list(reading.flags)
        value: float | None = m.value
        values = list(m.values)
        lo, hi = interval(m, reading.unit)
        raw_start, raw_end = r.map.to_original(m.start, m.end)
        plain_start, plain_end = _plain_span(r, m)
        if risky and _damaged(risky, plain_starts, plain_start, plain_end) and "damaged" not in flags:
            flags.append("damaged")
        if "damaged" in flags:
            value, values, lo, hi = None, [], None, None
        if section.duplicate_of is not None or any(a <= m.start < b for a, b in r.duplicates):
            flags.append("duplicate")
        sentence = r.layout.sentence(m.start, m.end)
        scope = "" if _SCOPED.match(reading.scope) else reading.scope
        indicator = reading.indicator
        if year := reading.year:
            period, words = f"asof:{year}" if reading.stock else year, year
        if (row_name := reading.row) and (
            own := _row_place(row_name, head, period[:4] if period and period[:4].isdigit() else None)
        ):
            guess = own
        elif row_name:
            scope = row_name
        elif (named := re.match(r"[一-鿿]{1,10}?[县区市旗](?=[一-鿿]{2})", indicator)) and (
            own := _row_place(named.group(), head, None)
        ):
            # 晋江市常住人口206.9万人: the phrase itself names another county than the section
            guess, indicator = own, indicator[named.end() :]
        linked = link_indicator(indicator, reading.unit or "") if reading.kind != "norm" or reading.unit else None
        basis = next((b for b, pattern in _BASIS if pattern.search(indicator)), "")
        told = words and re.search(re.escape(words) + r"(?:同期|末|底)?的?$", r.text[max(0, m.start - 16) : m.start])
        if any(rel == "previous_of" for rel, _ in reading.links) and not told:
            # 由5.73‰降到5.13‰: the value before, and nothing says before when
            flags.append("prior_value")
            period = None
        if period and "????" in period:
            flags.append("unknown_year")
        place_code, place_name = guess.place_code, guess.full_name
        rows.append(
            {
                "section": number,
                "start_char": raw_start,
                "end_char": raw_end,
                "raw": r.source.text[raw_start:raw_end],
                "sentence": sentence,
                "class": reading.mention_class,
                "indicator": indicator,
                "indicator_id": linked[0] if linked else None,
                "value": value,
                "value_lo": lo,
                "value_hi": hi,
                "values": values,
                "unit": reading.unit,
                "kind": reading.kind,
                "direction": reading.direction,
                "approx": m.approx,
                "scope": scope,
                "place_code": place_code,
                "place_name": place_name,
                "basis": basis,
                "period": period,
                "period_kind": period_kind(period),
                "period_text": words or None,
                "status": next((s for s, pattern in _STATUS if pattern.search(sentence)), "reported"),
                "flags": flags,
                "candidates": list(m.candidates),
                "confidence": min(reading.confidence, 0.3 if "damaged" in flags else 1.0),
                "rule": ">".join(reading.rules),
                "_reading": reading,
                "_scope_text": reading.scope,
            }
        )
    return rows


def _plain_span(r: _Read, m: Mention) -> tuple[int, int]:
    """The mention's span in the text that was restored (before markup was mapped back to the file)."""
    start, end = r.map.to_original(m.start, m.end)
    return r.source.plain_map.to_derived(start, end) if r.source.plain is not None else (start, end)


def _links(r: _Read, rows: list[dict[str, Any]]) -> dict[int, int]:
    """Restored start of a mention -> its row."""
    return {row["_reading"].mention.start: i for i, row in enumerate(rows)}


def _target_reading(
    rows: list[dict[str, Any]], row: dict[str, Any], at: dict[int, int], text: str, siblings: list[tuple[str, str, str]]
) -> tuple[TargetReading, dict[str, Any]] | None:
    """Level or margin for a phrase that compares with a target; None where the row is no such phrase."""
    reading: Reading = row["_reading"]
    to = next((t for rel, t in reading.links if rel in ("target_of", "margin_to_target")), None)
    if to is None or to not in at or row["value"] is None:
        return None
    actual = rows[at[to]]
    m = reading.mention
    before = text[reading.clause[0] : m.start]
    relation = beside_target(before)
    if not relation:
        return None
    entry = load_indicators().get(actual["indicator_id"] or "")
    limits = (
        (entry.target_min, entry.target_max)
        if entry and entry.target_min is not None and entry.target_max is not None
        else None
    )
    year_to_date = actual["period_kind"] in ("quarter", "half", "ytd", "month")
    result = read_target(
        actual=actual["value"],
        actual_unit=actual["unit"] or "",
        value=row["value"],
        value_unit=m.unit or "",
        relation=relation,
        before=before,
        after=text[m.end : m.end + 10],
        target_range=limits,
        actual_is_year_to_date=year_to_date,
        siblings=siblings,
    )
    return result, actual


def _settle_targets(r: _Read, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decide level or margin for every compared target, fix kind and unit of the row, and build the targets rows."""
    at = _links(r, rows)
    targets: list[dict[str, Any]] = []
    pending: dict[tuple[int, int], list[int]] = {}
    for i, row in enumerate(rows):
        if any(rel in ("target_of", "margin_to_target") for rel, _ in row["_reading"].links):
            pending.setdefault(row["_reading"].sentence, []).append(i)
    decided: dict[int, tuple[TargetReading, dict[str, Any]]] = {}
    for members in pending.values():
        # certain readings first: they are the siblings that the uncertain ones are judged beside
        first = {i: _target_reading(rows, rows[i], at, r.text, []) for i in members}
        sure = [(i, x) for i, x in first.items() if x is not None and x[0].confidence == "high"]
        siblings = [
            (str(x[0].reading), rows[i]["_reading"].mention.unit or "", _relation(r.text, rows[i])) for i, x in sure
        ]
        for i, x in first.items():
            if x is None:
                continue
            decided[i] = x if x[0].confidence == "high" else (_target_reading(rows, rows[i], at, r.text, siblings) or x)
    for i, (result, actual) in decided.items():
        row = rows[i]
        reading: Reading = row["_reading"]
        ceiling = _relation(r.text, row) == "低于"
        if result.reading == "margin":
            row["kind"], row["direction"] = "change", "down" if ceiling else "up"
            row["unit"] = {"%": "百分点", "‰": "千分点"}.get(row["unit"] or "", row["unit"])
            row["indicator"] = (
                actual["indicator"] + ("低于" if ceiling else "高于") + _set_by(r, reading)[:2] + "目标幅度"
            )
            row["indicator_id"] = None
            row["_links"] = [("margin_to_target", actual)]
        elif result.reading == "level":
            row["kind"], row["direction"] = "target", "at_most" if ceiling else "at_least"
            row["unit"] = actual["unit"] if row["unit"] == "百分点" else row["unit"]
            row["indicator"], row["indicator_id"] = actual["indicator"], actual["indicator_id"]
            row["_links"] = [("target_of", actual)]
            if row["period_kind"] in ("quarter", "half", "ytd", "month"):
                row["period"] = row["period"][:4]
                row["period_kind"] = period_kind(row["period"])
        row["rule"] += f">target_{result.reading or 'unreadable'}"
        targets.append(
            _target_row(r, row, reading, result.target, "at_most" if ceiling else "at_least", result, actual)
        )
    for i, row in enumerate(rows):
        if row["kind"] == "target" and i not in decided:
            relation = row["direction"] or ("equal" if row["approx"] == "exact" else row["approx"])
            if relation not in ("at_most", "at_least", "equal"):
                relation = "equal"
            targets.append(_target_row(r, row, row["_reading"], row["value"], relation, None, _only_actual(rows, row)))
    return targets


def _only_actual(rows: list[dict[str, Any]], target: dict[str, Any]) -> dict[str, Any] | None:
    """The one actual value of the target's indicator in a document whose place is masked, which no series can hold."""
    if target["place_code"] is not None or target["indicator_id"] is None:
        return None
    found = [
        row
        for row in rows
        if row["kind"] == "actual"
        and row["value"] is not None
        and (row["indicator_id"], row["unit"], row["section"])
        == (target["indicator_id"], target["unit"], target["section"])
    ]
    return found[0] if len(found) == 1 else None


def _set_by(r: _Read, reading: Reading) -> str:
    return set_by(r.text[reading.sentence[0] : reading.mention.start])


def _relation(text: str, row: dict[str, Any]) -> str:
    reading: Reading = row["_reading"]
    return beside_target(text[reading.clause[0] : reading.mention.start])


def _target_row(
    r: _Read,
    row: dict[str, Any],
    reading: Reading,
    value: float | None,
    relation: str,
    result: TargetReading | None,
    actual: dict[str, Any] | None,
) -> dict[str, Any]:
    unit = actual["unit"] if actual else row["unit"]
    period = row["period"]
    if period:
        period = period.removeprefix("asof:")
    if actual is not None and period and not re.fullmatch(r"[0-9?]{4}", period):
        period = period[:4]
    return {
        "_row": row,
        "_actual": actual,
        "place_code": row["place_code"],
        "place_name": row["place_name"],
        "indicator_id": actual["indicator_id"] if actual else row["indicator_id"],
        "indicator": actual["indicator"] if actual else row["indicator"],
        "scope": row["scope"],
        "period": period,
        "value": value,
        "unit": unit,
        "relation": relation,
        "set_by": _set_by(r, reading),
        "tone": tone(
            r.text[reading.sentence[0] : reading.mention.start], r.text[reading.mention.end : reading.clause[1]]
        ),
        "reading": result.reading if result else "level",
        "reading_confidence": result.confidence if result else "high",
        "alternative_value": result.alternative_value if result else None,
        "robust": result.robust if result else True,
        "sentence": row["sentence"],
        "flags": list(row["flags"]),
    }


def extract_records(path: Path, sidecar: Sidecar | None = None) -> list[dict[str, Any]]:
    """One record per numeric mention of a file, as CONTRACT section 4 lists the fields; raises DocumentError."""
    r = _understand(read(path), sidecar)
    rows = _rows(r)
    _settle_targets(r, rows)
    by_start = {row["_reading"].mention.start: row for row in rows}
    records: list[dict[str, Any]] = []
    for m in r.mentions:
        row = by_start.get(m.start)
        if row is None:
            start, end = r.map.to_original(m.start, m.end)
            records.append(
                _bare_record(
                    path.name,
                    _section_of(r, m.start),
                    start,
                    end,
                    r.source.text[start:end],
                    m,
                    r.layout.sentence(m.start, m.end),
                )
            )
            continue
        reading: Reading = row["_reading"]
        links = row.get("_links")
        links_out = (
            [{"rel": rel, "to": to["start_char"]} for rel, to in links]
            if links is not None
            else [{"rel": rel, "to": by_start[t]["start_char"]} for rel, t in reading.links if t in by_start]
        )
        value: Any = row["values"] if row["values"] else row["value"]
        records.append(
            {
                "doc": path.name,
                "section": row["section"],
                "start": row["start_char"],
                "end": row["end_char"],
                "raw": row["raw"],
                "class": row["class"],
                "value": value,
                "unit": row["unit"],
                "indicator": row["indicator"],
                "indicator_id": row["indicator_id"],
                "kind": row["kind"],
                "direction": row["direction"],
                "approx": row["approx"],
                "scope": row["_scope_text"] or None,
                "place": row["place_name"],
                "place_code": row["place_code"],
                "period": row["period"],
                "period_text": row["period_text"],
                "links": links_out,
                "flags": row["flags"],
                "confidence": row["confidence"],
                "sentence": row["sentence"],
            }
        )
    return records


def _bare_record(doc: str, section: int, start: int, end: int, raw: str, m: Mention, sentence: str) -> dict[str, Any]:
    return {
        "doc": doc,
        "section": section,
        "start": start,
        "end": end,
        "raw": raw,
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
        "confidence": 0.9,
        "sentence": sentence,
    }


def extract_document(path: Path, doc_name: str, doc_id: str, sidecar: Sidecar | None = None) -> DocumentTables:
    """Rows of every document table for one file; raises DocumentError where it cannot be read.

    `doc_name` is the path inside the raw folder; observation ids are `doc_id:start-end` in the decoded file.
    """
    source = read(path)
    r = _understand(source, sidecar)
    rows = _rows(r)
    targets = _settle_targets(r, rows)
    tables = DocumentTables()
    ids = {id(row): f"{doc_id}:{row['start_char']}-{row['end_char']}" for row in rows}
    by_start = {row["_reading"].mention.start: row for row in rows}
    title = (sidecar.title if sidecar else None) or _first_heading(r.text)
    rank = next(
        (
            n
            for n, pattern in _RANKS
            if pattern.search(((sidecar.publisher if sidecar else None) or "") + (title or ""))
        ),
        4,
    )
    for row in rows:
        links = row.get("_links")
        pairs = (
            [(rel, ids[id(to)]) for rel, to in links]
            if links is not None
            else [(rel, ids[id(by_start[t])]) for rel, t in row["_reading"].links if t in by_start]
        )
        record = {k: v for k, v in row.items() if not k.startswith("_")}
        record |= {
            "observation_id": ids[id(row)],
            "doc_id": doc_id,
            "source_kind": "document",
            "source_rank": rank,
            "links_rel": [rel for rel, _ in pairs],
            "links_to": [to for _, to in pairs],
        }
        tables.observations.append(record)
    for target in targets:
        row, actual = target.pop("_row"), target.pop("_actual")
        source_ids = [ids[id(row)]] + ([ids[id(actual)]] if actual is not None else [])
        tables.targets.append(
            target
            | {
                "target_id": f"target:{ids[id(row)]}",
                "doc_id": doc_id,
                "observation_ids": source_ids,
                "actual_observation_id": ids[id(actual)] if actual is not None else None,
            }
        )
    for m in r.mentions:
        start, end = r.map.to_original(m.start, m.end)
        found = by_start.get(m.start)
        tables.mentions.append(
            {
                "doc_id": doc_id,
                "section": _section_of(r, m.start),
                "start_char": start,
                "end_char": end,
                "raw": source.text[start:end],
                "class": found["class"] if found else m.mention_class,
                "rule": m.rule,
            }
        )
    for section, line, guess in zip(r.sections, r.timelines, r.places, strict=True):
        start, end = r.map.to_original(section.start, section.end)
        tables.sections.append(
            {
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
        )
    tables.documents.append(
        {
            "doc_id": doc_id,
            "path": doc_name,
            "sha256": source.sha256,
            "media_type": source.media_type,
            "encoding": source.encoding,
            "title": title,
            "source_url": sidecar.source_url if sidecar else None,
            "publisher": sidecar.publisher if sidecar else None,
            "published_on": sidecar.published_on if sidecar else None,
            "n_chars": len(source.text),
            "n_sections": len(r.sections),
            "n_mentions": len(r.mentions),
            "n_repairs": len(r.edits),
            "n_damaged": sum(1 for e in r.edits if not e.certain),
            "status": "ok",
            "error": None,
        }
    )
    return tables


def _first_heading(text: str) -> str | None:
    for line in text.splitlines():
        bare = line.strip()
        if 4 <= len(bare) <= 50 and "。" not in bare:
            return bare
    return None
