"""What changed between two vintages, and why: every reason on tables that differ in that alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_tables import frame, mention, observation, point, small_tables, stage_all

from pipelines.warehouse.diff import diff_series
from pipelines.warehouse.read import open_warehouse
from pipelines.warehouse.store import Store

Tables = dict[str, pl.DataFrame]


def published(folder: Path, tables: Tables) -> Path:
    store = Store(folder)
    stage_all(store, tables)
    store.publish(inputs_sha256="i", extractor_version="v1")
    return folder


def changes(tmp_path: Path, before: Tables, after: Tables) -> list[dict[str, Any]]:
    old, new = published(tmp_path / "old", before), published(tmp_path / "new", after)
    with open_warehouse(old) as a, open_warehouse(new) as b:
        return diff_series(a, b).rows(named=True)


def with_rows(seen: list[dict[str, Any]], documents: list[dict[str, Any]] | None = None) -> Tables:
    """Tables with these observations, all of them points unless they lost their value."""
    told = documents or [{"doc_id": "d1", "path": "a.txt", "sha256": "00", "status": "ok", "extractor_version": "v1"}]
    return small_tables() | {
        "documents": frame("documents", *told),
        "observations": frame("observations", *seen),
        "mentions": frame("mentions", *(mention(o) for o in seen)),
        "series": frame("series", *(point(o) for o in seen if o["value"] is not None)),
    }


def document(doc_id: str, **other: Any) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "path": f"{doc_id}.txt",
        "sha256": "00",
        "status": "ok",
        "extractor_version": "v1",
    } | other


A, B = observation(2009, 10.5), observation(2010, 11.25)


def test_nothing_changed(tmp_path: Path) -> None:
    assert changes(tmp_path, with_rows([A, B]), with_rows([A, B])) == []


def test_a_new_document_adds_points_and_its_removal_takes_them(tmp_path: Path) -> None:
    second = observation(2010, 11.25, doc_id="d2", observation_id="d2:2010-2014")
    one = with_rows([A], [document("d1")])
    two = with_rows([A, second], [document("d1"), document("d2")])
    (row,) = changes(tmp_path / "there", one, two)
    assert (row["change"], row["period"], row["why"]) == ("added", "2010", "new document")
    assert (row["old_value"], row["new_value"], row["document"]) == (None, 11.25, "d2.txt")
    (row,) = changes(tmp_path / "back", two, one)
    assert (row["change"], row["why"], row["unit"]) == ("removed", "document removed", "‰")


@pytest.mark.parametrize(
    ("flags", "value", "change"), [(["corrected"], 1.25, "changed"), (["rejected"], None, "removed")]
)
def test_a_correction_is_named(tmp_path: Path, flags: list[str], value: float | None, change: str) -> None:
    decided = observation(2010, 11.25, flags=flags) | {"value": value, "value_lo": value, "value_hi": value}
    (row,) = changes(tmp_path, with_rows([A, B]), with_rows([A, decided]))
    assert (row["change"], row["why"], row["new_value"]) == (change, "correction", value)
    assert row["observation_id"] == "d1:2010-2014"


def test_a_correction_taken_back_is_one_too(tmp_path: Path) -> None:
    decided = observation(2010, 1.25, flags=["corrected"])
    (row,) = changes(tmp_path, with_rows([A, decided]), with_rows([A, B]))
    assert (row["why"], row["old_value"], row["new_value"]) == ("correction", 1.25, 11.25)


@pytest.mark.parametrize(
    ("document_after", "why"),
    [
        ({"sha256": "01"}, "the document changed"),
        ({"extractor_version": "v2"}, "extractor version"),
        ({"sha256": "01", "extractor_version": "v2"}, "the document changed"),
        ({}, "chosen differently"),
    ],
)
def test_what_was_read_differently(tmp_path: Path, document_after: dict[str, Any], why: str) -> None:
    after = with_rows([A, observation(2010, 11.52)], [document("d1", **document_after)])
    (row,) = changes(tmp_path, with_rows([A, B], [document("d1")]), after)
    assert (row["change"], row["old_value"], row["new_value"], row["why"]) == ("changed", 11.25, 11.52, why)


def test_another_source(tmp_path: Path) -> None:
    other = observation(2010, 11.3, doc_id="d2", observation_id="d2:2010-2014")
    both = [document("d1"), document("d2")]
    before = with_rows([A, B, other], both)
    points = {"series": frame("series", point(A), point(B))}
    chosen = {"series": frame("series", point(A), point(other))}
    (row,) = changes(tmp_path, before | points, before | chosen)
    assert (row["change"], row["why"], row["document"]) == ("changed", "another source was chosen", "d2.txt")
