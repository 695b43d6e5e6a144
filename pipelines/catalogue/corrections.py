"""The analyst's corrections: guarded decisions about single readings, applied on top of what was read.

An entry names a document, a span and the characters that stand there; `expect` holds what the reading was when the
decision was made. Where either no longer fits, the entry is not applied and comes back as a fault: a stale correction
must never change a number it was not made for. Documents themselves are never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import yaml

ACTIONS = ("accept", "correct", "reject")
FIELDS = {
    "value": pl.Float64, "unit": pl.String, "period": pl.String, "place_code": pl.String, "place_name": pl.String,
    "indicator_id": pl.String, "indicator": pl.String, "kind": pl.String, "basis": pl.String, "scope": pl.String,
}  # fmt: skip
REQUIRED = ("document", "start", "end", "match", "action", "reason", "author", "date")


@dataclass(frozen=True, slots=True)
class Correction:
    """One decision; `origin` is the file and the entry's number in it."""

    origin: str
    document: str
    start: int
    end: int
    match: str
    action: str
    field: str | None
    value: Any
    expect: Any


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that was not applied, and why, in one sentence."""

    origin: str
    message: str


def load(folder: Path) -> tuple[list[Correction], list[Fault]]:
    """All entries of the folder's YAML files in order of file name; malformed ones as faults."""
    good: list[Correction] = []
    bad: list[Fault] = []
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        try:
            entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            bad.append(Fault(path.name, f"cannot be read as YAML: {str(error).splitlines()[0]}"))
            continue
        if not isinstance(entries, list):
            bad.append(Fault(path.name, "must be a list of entries."))
            continue
        for number, entry in enumerate(entries, 1):
            origin = f"{path.name}#{number}"
            message = _malformed(entry)
            if message:
                bad.append(Fault(origin, message))
                continue
            good.append(
                Correction(
                    origin, str(entry["document"]), int(entry["start"]), int(entry["end"]), str(entry["match"]),
                    entry["action"], entry.get("field"), entry.get("value"), entry.get("expect"),
                )
            )  # fmt: skip
    return good, bad


def _malformed(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return "is no mapping of fields."
    missing = [name for name in REQUIRED if entry.get(name) in (None, "")]
    if missing:
        return f"lacks {', '.join(missing)}."
    if entry["action"] not in ACTIONS:
        return f"has the unknown action {entry['action']!r}; use {', '.join(ACTIONS)}."
    if not isinstance(entry["start"], int) or not isinstance(entry["end"], int):
        return "needs whole numbers for start and end."
    if not isinstance(entry["date"], date) and not str(entry["date"])[:4].isdigit():
        return "needs a date as YYYY-MM-DD."
    if entry["action"] == "correct":
        if entry.get("field") not in FIELDS:
            return f"corrects the unknown field {entry.get('field')!r}; use {', '.join(FIELDS)}."
        if "value" not in entry or "expect" not in entry:
            return "needs value and expect to correct a field."
        if entry["field"] == "value" and not isinstance(entry["value"], (int, float)):
            return "needs a number as the new value."
    return ""


def apply(
    observations: pl.DataFrame, paths: Mapping[str, str], corrections: Iterable[Correction]
) -> tuple[pl.DataFrame, list[Fault]]:
    """Observations with the decisions applied, and the entries that no longer fit.

    `observations` has the columns of the warehouse table, `paths` maps a document's path below the raw folder (or below
    its `documents/`) to its doc_id. A corrected or accepted reading gets confidence 1 and the flag `corrected` or
    `accepted`; a rejected one loses its value and gets the flag `rejected`. A corrected value closes the interval.
    """
    faults: list[Fault] = []
    for c in corrections:
        doc_id = paths.get(c.document) or paths.get(f"documents/{c.document}")
        if doc_id is None:
            faults.append(Fault(c.origin, f"names {c.document!r}, which is not among the documents."))
            continue
        here = (pl.col("doc_id") == doc_id) & (pl.col("start_char") == c.start) & (pl.col("end_char") == c.end)
        rows = observations.filter(here)
        if rows.height != 1:
            faults.append(
                Fault(c.origin, f"finds no reading at {c.start}-{c.end} of {c.document}; look at the text again.")
            )
            continue
        row = rows.row(0, named=True)
        if row["raw"] != c.match:
            faults.append(
                Fault(
                    c.origin,
                    f"expects {c.match!r} at {c.start}-{c.end} of {c.document}, but {row['raw']!r} stands there.",
                )
            )
            continue
        if c.expect is not None and c.field and not _same(row[c.field], c.expect):
            faults.append(
                Fault(
                    c.origin, f"expects {c.field} {c.expect!r}, but it is now read as {row[c.field]!r}; decide again."
                )
            )
            continue
        observations = observations.with_columns(_change(c, here))
    return observations, faults


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, (int, float)):
        return abs(found - expected) <= 1e-9 * max(1.0, abs(expected))
    return bool(found == expected)


def _change(c: Correction, here: pl.Expr) -> list[pl.Expr]:
    flag = {"accept": "accepted", "correct": "corrected", "reject": "rejected"}[c.action]

    def put(name: str, value: Any, dtype: Any) -> pl.Expr:
        return pl.when(here).then(pl.lit(value, dtype=dtype)).otherwise(pl.col(name)).alias(name)

    kept = pl.col("flags")
    if c.action == "correct" and c.field == "value":
        kept = kept.list.set_difference(pl.lit(["damaged"]))
    changes = [
        pl.when(here).then(pl.concat_list(kept, pl.lit([flag]))).otherwise(pl.col("flags")).alias("flags"),
        put("confidence", 0.0 if c.action == "reject" else 1.0, pl.Float64),
    ]
    if c.action == "correct" and c.field is not None:
        changes.append(put(c.field, float(c.value) if c.field == "value" else c.value, FIELDS[c.field]))
    if c.action == "reject" or c.field == "value":
        bound = float(c.value) if c.action == "correct" else None
        changes += [put("value_lo", bound, pl.Float64), put("value_hi", bound, pl.Float64)]
    if c.action == "reject":
        changes.append(put("value", None, pl.Float64))
    return changes


def draft(observation: Mapping[str, Any], path: str) -> str:
    """An entry for an observation (columns of the table) of the document at `path`, as YAML to complete: it corrects the
    value to what was read, guarded by what stands there."""
    entry = {
        "document": path, "start": observation["start_char"], "end": observation["end_char"], "match": observation["raw"],
        "action": "correct", "field": "value", "value": observation["value"], "expect": observation["value"],
        "reason": "", "author": "", "date": None,
    }  # fmt: skip
    text: str = yaml.safe_dump([entry], allow_unicode=True, sort_keys=False, width=1000)
    notes = {
        "action": "accept | correct | reject", "field": f"one of {', '.join(FIELDS)}", "value": "what it should be",
        "expect": "how it was read; keep", "reason": "one sentence, with the source", "author": "your name", "date": "YYYY-MM-DD",
    }  # fmt: skip
    lines = [
        f"{line}  # {notes[key]}" if (key := line.strip().partition(":")[0]) in notes else line for line in text.splitlines()
    ]  # fmt: skip
    sentence = " ".join(str(observation["sentence"] or "").split())
    return f"# {sentence}\n" + "\n".join(lines) + "\n"
