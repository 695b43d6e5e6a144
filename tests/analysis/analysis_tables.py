"""Small tables in the warehouse's schemas, for tests."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl

from pipelines.assets.steps import indicator_rows
from pipelines.catalogue.indicators import load
from pipelines.warehouse.schema import SCHEMAS, conform

PLACE = "330322"


@lru_cache(maxsize=1)
def indicators() -> pl.DataFrame:
    """The shipped catalogue as the table `indicators`."""
    return indicator_rows()


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = SCHEMAS[table]
    return conform(table, pl.DataFrame([{c: r.get(c) for c in schema} for r in rows], schema=schema, orient="row"))


def observation(
    observation_id: str,
    indicator_id: str | None,
    value: float | None,
    unit: str,
    period: str | None,
    period_kind: str = "annual",
    lo: float | None = None,
    hi: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One row of `observations`; without lo and hi the value is exact."""
    entry = load().get(indicator_id or "")
    row: dict[str, Any] = {
        "observation_id": observation_id,
        "doc_id": "d1",
        "section": 0,
        "start_char": 0,
        "end_char": 1,
        "raw": str(value),
        "sentence": "",
        "class": "indicator",
        "indicator": entry.name_zh if entry else "",
        "indicator_id": indicator_id,
        "value": value,
        "value_lo": value if lo is None else lo,
        "value_hi": value if hi is None and lo is None else hi,
        "values": [] if value is None else [value],
        "unit": unit,
        "kind": "actual",
        "approx": "exact",
        "scope": "",
        "place_code": PLACE,
        "basis": "",
        "period": period,
        "period_kind": period_kind,
        "status": "reported",
        "source_kind": "document",
        "source_rank": 3,
        "links_rel": [],
        "links_to": [],
        "flags": [],
        "candidates": [],
        "confidence": 0.9,
        "rule": "test",
        "extractor_version": "test",
    }
    unknown = more.keys() - SCHEMAS["observations"].keys()
    assert not unknown, unknown
    return row | more


def observations(*rows: dict[str, Any]) -> pl.DataFrame:
    return _frame("observations", list(rows))


def point(
    indicator_id: str,
    period: str,
    value: float,
    unit: str,
    kind: str = "annual",
    lo: float | None = None,
    hi: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One row of `series`."""
    return {
        "place_code": PLACE,
        "indicator_id": indicator_id,
        "basis": "",
        "scope": "",
        "period_kind": kind,
        "period": period,
        "year": int(period[-4:]) if kind in ("school_year", "annual") else int(period[:4]),
        "value": value,
        "value_lo": value if lo is None else lo,
        "value_hi": value if hi is None else hi,
        "unit": unit,
        "status": "reported",
        "observation_id": f"o:{indicator_id}:{period}",
        "n_sources": 1,
        "other_observation_ids": [],
        "flags": [],
    } | more


def series(*rows: dict[str, Any]) -> pl.DataFrame:
    return _frame("series", list(rows))


def target(
    target_id: str,
    indicator_id: str | None,
    value: float | None,
    unit: str,
    relation: str,
    period: str | None,
    place: str | None = None,
    actual: str | None = None,
    reading: str | None = None,
    confidence: str | None = None,
    alternative: float | None = None,
) -> dict[str, Any]:
    """One row of `targets`."""
    return {
        "target_id": target_id,
        "doc_id": "d1",
        "place_code": place,
        "indicator_id": indicator_id,
        "indicator": indicator_id or "目标",
        "scope": "",
        "period": period,
        "value": value,
        "unit": unit,
        "relation": relation,
        "set_by": "市定",
        "tone": "",
        "reading": reading,
        "reading_confidence": confidence,
        "alternative_value": alternative,
        "actual_observation_id": actual,
        "observation_ids": [],
        "sentence": "",
        "flags": [],
    }


def targets(*rows: dict[str, Any]) -> pl.DataFrame:
    return _frame("targets", list(rows))
