"""Published figures from tables: one number a row, each with its source.

Here: reading the CSV files of a raw folder's `series/`, checking every row, and turning rows into observations and
targets. A row that cannot be read is reported with its line and left out; nothing is guessed. Not here: choosing among
sources, anything read from prose.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.catalogue.indicators import load
from pipelines.catalogue.units import COUNTERS, base_unit
from pipelines.documents.model import DocumentError
from pipelines.documents.read import read
from pipelines.extraction.periods import period_kind
from pipelines.sidecars import printable
from pipelines.sources import doc_id_of, find_files
from pipelines.warehouse.schema import SCHEMAS, conform, empty

REQUIRED = ("place_name", "indicator_id", "period", "value", "unit", "kind", "source_title")
OPTIONAL = ("place_code", "indicator_zh", "basis", "source_url", "note")
OTHER_NAMES = {"adcode": "place_code"}
KINDS = ("actual", "target")
SHOWN = 5
"""Faulty rows named in a document's error; the rest are counted."""

SCALES = {"万": 10_000, "亿": 100_000_000, "百万": 1_000_000, "千": 1_000}

RANKS: tuple[tuple[str, int], ...] = (
    # first match decides; METHODOLOGY 4.2 (3): census, yearbook, bulletin > department > work report > news > repost
    (r"转引|转载|镜像", 2),
    (r"普查|census|年鉴|yearbook|公报|县志|市志|区志|人口资料|statistical", 1),
    (r"日报|晚报|新闻|会议|排行", 4),
    (r"工作报告", 3),
)
DEFAULT_RANK = 3
DOUBT = re.compile(r"疑|不一致|推定")

_VERSION_FILES = ("published.py",)


@dataclass(frozen=True, slots=True)
class SeriesTables:
    """What the tables of a folder give: a documents row a file, observations, and targets."""

    documents: pl.DataFrame
    observations: pl.DataFrame
    targets: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell with its place in the file's text."""

    text: str
    start: int
    end: int


class RowError(ValueError):
    """A row that cannot be read; the message says which cell and why."""


def version() -> str:
    """Hash of the code that reads these tables."""
    folder = Path(__file__).resolve().parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in _VERSION_FILES)).hexdigest()[:16]


def cells(text: str) -> Iterator[list[Cell]]:
    """The records of a comma-separated text, every cell with its offsets; quotes as RFC 4180 has them.

    >>> [[(c.text, c.start) for c in row] for row in cells('a,"b,1"\\nc,d\\n')]
    [[('a', 0), ('b,1', 3)], [('c', 8), ('d', 10)]]
    """
    row: list[Cell] = []
    at, length = 0, len(text)
    while at < length:
        if text[at] == '"':
            start = at = at + 1
            while True:
                quote = text.find('"', at)
                if quote < 0:
                    raise RowError("a quotation mark is never closed")
                if text[quote + 1 : quote + 2] != '"':
                    break
                at = quote + 2
            row.append(Cell(text[start:quote].replace('""', '"'), start, quote))
            at = quote + 1
        else:
            start = at
            while at < length and text[at] not in ",\r\n":
                at += 1
            row.append(Cell(text[start:at], start, at))
        if at < length and text[at] == ",":
            at += 1
            if at == length or text[at] in "\r\n":
                row.append(Cell("", at, at))
            else:
                continue
        elif at < length and text[at] not in "\r\n":
            raise RowError(f"characters after a closing quotation mark near {text[at : at + 10]!r}")
        at += 2 if text[at : at + 2] == "\r\n" else 1
        if any(c.text for c in row):
            yield row
        row = []


def source_rank(title: str) -> int:
    """Authority of a source by its title, 1 is highest."""
    return next((rank for pattern, rank in RANKS if re.search(pattern, title, re.IGNORECASE)), DEFAULT_RANK)


def split_unit(unit: str) -> tuple[int, str]:
    """Factor and base unit of a printed unit.

    >>> split_unit("万人"), split_unit("‰"), split_unit("亿元")
    ((10000, '人'), (1, '‰'), (100000000, '元'))
    """
    for scale in sorted(SCALES, key=len, reverse=True):
        if unit.startswith(scale) and len(unit) > len(scale):
            return SCALES[scale], base_unit(unit[len(scale) :])
    return 1, base_unit(unit)


def interval(printed: str, unit: str) -> tuple[float, float, float, str]:
    """Value, lowest and highest value that would print like this, and base unit (METHODOLOGY 2.1).

    >>> interval("94.9", "万人"), interval("2256", "人")
    ((949000.0, 948500.0, 949500.0, '人'), (2256.0, 2256.0, 2256.0, '人'))
    """
    try:
        number = Decimal(printed.replace(",", "").replace("−", "-"))
    except InvalidOperation as error:
        raise RowError(f"value {printed[:30]!r} is no number") from error
    if not number.is_finite():
        raise RowError(f"value {printed[:30]!r} is no number")
    factor, base = split_unit(unit)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    exact = factor == 1 and exponent >= 0 and base in COUNTERS
    half = Decimal(0) if exact else Decimal(10) ** min(exponent, 0) * factor / 2
    value = number * factor
    return float(value), float(value - half), float(value + half), base


def _status(row: Mapping[str, str]) -> str:
    words = row["source_title"] + row["note"]
    if re.search(r"普查|census", words, re.IGNORECASE):
        return "census"
    if re.search(r"修订|最终核实", words):
        return "revised"
    if re.search(r"快报|初步", words):
        return "preliminary"
    return "reported"


def _relation(row: Mapping[str, str]) -> str:
    if "上限" in row["note"]:
        return "at_most"
    if "下限" in row["note"]:
        return "at_least"
    polarity = load()[row["indicator_id"]].polarity
    return {"ceiling": "at_most", "floor": "at_least"}.get(polarity, "equal")


def _set_by(code: str) -> str:
    if code.endswith("0000"):
        return "省定"
    return "市定" if code.endswith("00") else ""


def _check(row: Mapping[str, str]) -> None:
    if row["indicator_id"] not in load():
        raise RowError(f"indicator_id {row['indicator_id'][:40]!r} is not in the catalogue")
    if row["kind"] not in KINDS:
        raise RowError(f"kind {row['kind'][:20]!r} is neither actual nor target")
    if row["place_code"] and not re.fullmatch(r"[0-9]{6}", row["place_code"]):
        raise RowError(f"place_code {row['place_code'][:20]!r} is not six digits")
    if period_kind(row["period"]) == "unknown":
        raise RowError(f"period {row['period'][:20]!r} is not understood (2011, 2020-H1, 2011-Q1, 2020-06 ...)")
    if not row["unit"]:
        raise RowError("unit is empty")
    if not row["source_title"]:
        raise RowError("source_title is empty: a figure without a source is not used")


def _observation(doc_id: str, name: str, row: Mapping[str, str], value: Cell, repeat: int) -> dict[str, Any]:
    number, low, high, unit = interval(row["value"].strip(), row["unit"])
    identity = "\t".join([name, *(row[c] for c in (*REQUIRED, *OPTIONAL)), str(repeat)])
    doubt = bool(DOUBT.search(row["note"]))
    sentence = "；".join(part for part in (row["source_title"], row["note"]) if part)
    return {
        "observation_id": f"series:{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
        "doc_id": doc_id,
        "section": 0,
        "start_char": value.start,
        "end_char": value.end,
        "raw": value.text,
        "sentence": f"{sentence}：{row['place_name']}{row['period']}{row['indicator_zh']}{row['value']}{row['unit']}",
        "class": "indicator",
        "indicator": row["indicator_zh"] or load()[row["indicator_id"]].name_zh,
        "indicator_id": row["indicator_id"],
        "value": number,
        "value_lo": low,
        "value_hi": high,
        "values": [],
        "unit": unit,
        "kind": row["kind"],
        "direction": None,
        "approx": "exact",
        "scope": "",
        "place_code": row["place_code"] or None,
        "place_name": row["place_name"] or None,
        "basis": row["basis"],
        "period": row["period"],
        "period_kind": period_kind(row["period"]),
        "period_text": row["period"],
        "status": _status(row),
        "source_kind": "series",
        "source_rank": source_rank(row["source_title"]),
        "links_rel": [],
        "links_to": [],
        "flags": ["source_doubt"] if doubt else [],
        "candidates": [],
        "confidence": 0.7 if doubt else 0.98,
        "rule": "series:row",
        "extractor_version": version(),
    }


def _target(observation: Mapping[str, Any], row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "target_id": f"target:{observation['observation_id']}",
        "doc_id": observation["doc_id"],
        "place_code": observation["place_code"],
        "place_name": observation["place_name"],
        "indicator_id": observation["indicator_id"],
        "indicator": observation["indicator"],
        "scope": "",
        "period": observation["period"],
        "value": observation["value"],
        "unit": observation["unit"],
        "relation": _relation(row),
        "set_by": _set_by(row["place_code"]),
        "tone": "",
        "reading": "level",
        "reading_confidence": "high",
        "alternative_value": None,
        "robust": None,
        "actual_observation_id": None,
        "observation_ids": [observation["observation_id"]],
        "sentence": observation["sentence"],
        "flags": observation["flags"],
    }


def _header(first: list[Cell]) -> list[str]:
    names = [OTHER_NAMES.get(c.text.strip().lstrip("\ufeff"), c.text.strip().lstrip("\ufeff")) for c in first]
    missing = [c for c in REQUIRED if c not in names]
    unknown = [c for c in names if c not in REQUIRED and c not in OPTIONAL]
    repeated = [c for c, n in Counter(names).items() if n > 1]
    faults = []
    if missing:
        faults.append(f"columns {', '.join(missing)} are missing")
    if unknown:
        faults.append(f"columns {', '.join(repr(c[:30]) for c in unknown)} are unknown")
    if repeated:
        faults.append(f"columns {', '.join(repeated)} stand twice")
    if faults:
        raise RowError("; ".join(faults) + f"; needed are {', '.join(REQUIRED)}, allowed {', '.join(OPTIONAL)}")
    return names


def _read_table(name: str, text: str, doc_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """Observations, targets and faults of one table."""
    observations: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    faults: list[str] = []
    seen: Counter[tuple[str, ...]] = Counter()
    records = cells(text)
    try:
        names = _header(next(records, []))
        for record in records:
            line = text.count("\n", 0, record[0].start) + 1
            try:
                if len(record) != len(names):
                    raise RowError(f"{len(record)} cells instead of {len(names)}")
                by_name = dict(zip(names, record, strict=True))
                row = {c: by_name[c].text.strip() if c in by_name else "" for c in (*REQUIRED, *OPTIONAL)}
                _check(row)
                seen[tuple(row.values())] += 1
                observation = _observation(doc_id, name, row, by_name["value"], seen[tuple(row.values())])
            except RowError as error:
                faults.append(f"line {line}: {error}")
                continue
            observations.append(observation)
            if row["kind"] == "target":
                targets.append(_target(observation, row))
    except RowError as error:
        faults.append(str(error))
    return observations, targets, faults


def _document(path: Path, name: str, doc_id: str) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "path": printable(name),
        "sha256": "",
        "media_type": "text/csv",
        "title": printable(path.name),
        "status": "ok",
        "extractor_version": version(),
    }


def _decoded(path: Path) -> tuple[str, str | None, str]:
    """The table as text with newlines as in the file, its encoding, and the hash of its bytes."""
    from pipelines.documents.decode import decode

    source = read(path)  # size limits and clear errors for anything that is no text
    if source.media_type != "text/csv":
        raise DocumentError("bad_table", "Not a table; files below series/ must be comma-separated (.csv).")
    text, encoding = decode(path.read_bytes())
    return text, encoding, source.sha256


def read_series(folder: Path) -> SeriesTables:
    """Every table below a folder; none where there is no such folder. Names in the tables start with the folder's."""
    documents: list[dict[str, Any]] = []
    observations: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    for path in sorted(find_files(folder)) if folder.is_dir() else []:
        if path.name == "README.md" or path.suffix == ".yaml":
            continue
        name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        document = _document(path, name, doc_id_of(name))
        documents.append(document)
        try:
            text, document["encoding"], document["sha256"] = _decoded(path)
        except DocumentError as error:
            document |= {
                "status": "bad_table" if error.status == "undecodable" else error.status,
                "error": error.message,
            }
            documents[-1] = document
            continue
        rows, wanted, faults = _read_table(printable(name), text, document["doc_id"])
        observations += rows
        targets += wanted
        document |= {"n_chars": len(text), "n_sections": 0, "n_mentions": len(rows), "n_repairs": 0, "n_damaged": 0}
        if faults:
            more = f" and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
            kept = f"{len(rows)} rows are used, {len(faults)} are not" if rows else "no row is used"
            document |= {"status": "bad_table", "error": f"{kept}: {'; '.join(faults[:SHOWN])}{more}."}
    return SeriesTables(
        _frame("documents", documents), _frame("observations", observations), _frame("targets", targets)
    )


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return conform(table, pl.DataFrame(rows, schema=SCHEMAS[table], orient="row")) if rows else empty(table)
