"""Corrections: applied where they fit, reported where they no longer do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.catalogue.corrections import apply, load
from pipelines.warehouse.schema import BY_NAME

ENTRY: dict[str, Any] = {
    "document": "report.txt", "start": 10, "end": 14, "match": "120人", "action": "correct", "field": "value", "value": 102,
    "expect": 120, "reason": "digits swapped, see the table on page 2", "author": "an analyst", "date": "2026-01-05",
}  # fmt: skip


def observations() -> pl.DataFrame:
    row = dict.fromkeys(BY_NAME["observations"].schema) | {
        "observation_id": "d:10-14", "doc_id": "d", "start_char": 10, "end_char": 14, "raw": "120人", "value": 120.0,
        "value_lo": 120.0, "value_hi": 120.0, "unit": "人", "period": "2019", "flags": [], "confidence": 0.9,
    }  # fmt: skip
    return pl.DataFrame([row], schema=BY_NAME["observations"].schema, orient="row")


def write(folder: Path, entries: Any) -> Path:
    (folder / "decisions.yaml").write_text(yaml.safe_dump(entries, allow_unicode=True), encoding="utf-8")
    return folder


def applied(folder: Path, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    good, bad = load(write(folder, [ENTRY | changes]))
    frame, stale = apply(observations(), {"documents/report.txt": "d"}, good)
    return frame.row(0, named=True), [f.message for f in [*bad, *stale]]


def test_a_value_is_corrected(tmp_path: Path) -> None:
    row, faults = applied(tmp_path)
    assert (row["value"], row["value_lo"], row["value_hi"], row["flags"], row["confidence"]) == (
        102,
        102,
        102,
        ["corrected"],
        1,
    )
    assert not faults


def test_other_fields_accepting_and_rejecting(tmp_path: Path) -> None:
    assert applied(tmp_path, field="period", value="2018", expect="2019")[0]["period"] == "2018"
    assert applied(tmp_path, action="accept", field=None)[0]["flags"] == ["accepted"]
    row, _ = applied(tmp_path, action="reject", field=None)
    assert (row["value"], row["flags"], row["confidence"]) == (None, ["rejected"], 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"match": "130人"}, "stands there"),
        ({"expect": 121}, "decide again"),
        ({"start": 11}, "finds no reading"),
        ({"document": "other.txt"}, "not among the documents"),
        ({"action": "delete"}, "unknown action"),
        ({"field": "raw"}, "unknown field"),
        ({"reason": ""}, "lacks reason"),
        ({"value": "many"}, "needs a number"),
    ],
)
def test_what_no_longer_fits_is_reported_and_not_applied(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    row, faults = applied(tmp_path, **changes)
    assert row["value"] == 120 and row["flags"] == []
    assert len(faults) == 1 and words in faults[0]


def test_files_that_are_no_lists(tmp_path: Path) -> None:
    assert [f.message for f in load(write(tmp_path, {"document": "x"}))[1]] == ["must be a list of entries."]
    (tmp_path / "decisions.yaml").write_text("[: ", encoding="utf-8")
    assert "cannot be read" in load(tmp_path)[1][0].message
    assert load(tmp_path / "nowhere") == ([], [])
