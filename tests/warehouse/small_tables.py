"""A warehouse of three observations, for tests of the store; every column filled with something of its type."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.warehouse.schema import BY_NAME, SCHEMAS, TABLES, empty
from pipelines.warehouse.store import Store

DEFAULTS: dict[Any, Any] = {pl.String: "", pl.Int64: 0, pl.Float64: None, pl.Boolean: None}


def frame(table: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """Rows with defaults for every column not given."""
    full = [
        {c.name: row.get(c.name, [] if c.dtype.is_nested() else DEFAULTS[c.dtype] if c.required else None) for c in BY_NAME[table].columns}
        for row in rows
    ]  # fmt: skip
    return pl.DataFrame(full, schema=SCHEMAS[table], orient="row") if full else empty(table)


def observation(year: int, value: float, **other: Any) -> dict[str, Any]:
    return {
        "observation_id": f"d1:{year}-{year + 4}",
        "doc_id": "d1",
        "start_char": year,
        "end_char": year + 4,
        "raw": f"{value}‰",
        "sentence": f"{year}年全县人口出生率{value}‰。",
        "class": "indicator",
        "indicator": "人口出生率",
        "indicator_id": "birth_rate",
        "value": value,
        "value_lo": value - 0.005,
        "value_hi": value + 0.005,
        "unit": "‰",
        "kind": "actual",
        "approx": "exact",
        "place_code": "511723",
        "place_name": "四川省达州市开江县",
        "period": str(year),
        "period_kind": "annual",
        "status": "reported",
        "source_kind": "document",
        "source_rank": 3,
        "confidence": 0.9,
        "rule": "test",
        "extractor_version": "v1",
    } | other


def mention(seen: dict[str, Any]) -> dict[str, Any]:
    """The mention an observation was read from."""
    return {c: seen[c] for c in ("doc_id", "start_char", "end_char", "raw", "class", "rule")}


def point(seen: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {c: seen[c] for c in SCHEMAS["series"] if c in seen} | {
        "year": int(seen["period"][:4]),
        "n_sources": 1,
        "other_observation_ids": [],
        "flags": [],
    } | other  # fmt: skip


def small_tables() -> dict[str, pl.DataFrame]:
    seen = [observation(year, value) for year, value in ((2009, 10.5), (2010, 11.25), (2011, 1.63))]
    return {t.name: empty(t.name) for t in TABLES if t.name != "publications"} | {
        "documents": frame(
            "documents", {"doc_id": "d1", "path": "a.txt", "sha256": "00", "status": "ok", "title": "甲"}
        ),
        "observations": frame("observations", *seen),
        "mentions": frame("mentions", *(mention(o) for o in seen)),
        "series": frame("series", *(point(o) for o in seen)),
        "places": frame(
            "places",
            {
                "place_code": "511723",
                "name_zh": "开江县",
                "full_name_zh": "四川省达州市开江县",
                "name_en": "Kaijiang",
                "level": "county",
            },
        ),
        "indicators": frame(
            "indicators", {"indicator_id": "birth_rate", "name_zh": "出生率", "unit": "‰", "polarity": "ceiling"}
        ),
    }


def stage_all(store: Store, tables: dict[str, pl.DataFrame] | None = None) -> None:
    for name, rows in (tables or small_tables()).items():
        store.stage(name, rows)
