"""What changed between two warehouses: points added, changed and removed, and why.

The reason is the first that holds: a document came or went; the analyst's corrections differ for the observation; the
document's bytes differ; another version of the program read it; another source was chosen. Not here: opening warehouses
(`read`) or printing (`pipelines.cli`).
"""

from __future__ import annotations

import polars as pl

from pipelines.warehouse.read import Warehouse
from pipelines.warehouse.schema import BY_NAME

KEY = list(BY_NAME["series"].key)

_DECIDED = ("accepted", "corrected", "rejected")
"""Flags that corrections leave on an observation."""

_POINTS = "SELECT s.*, o.doc_id FROM series s LEFT JOIN observations o ON s.observation_id = o.observation_id"


def _points(warehouse: Warehouse, side: str) -> pl.DataFrame:
    points = warehouse.sql(_POINTS).select(*KEY, "value", "unit", "status", "observation_id", "doc_id")
    return points.rename({c: f"{side}_{c}" for c in points.columns if c not in KEY})


def _documents(warehouse: Warehouse, side: str) -> pl.DataFrame:
    rows = warehouse.table("documents").select("doc_id", "path", "sha256", "extractor_version")
    return rows.rename({c: f"{side}_{c}" for c in rows.columns if c != "doc_id"})


def _decisions(warehouse: Warehouse, side: str) -> pl.DataFrame:
    """Observations that corrections touched, with what came of it."""
    wanted = " OR ".join(f"list_contains(flags, '{flag}')" for flag in _DECIDED)
    query = f"SELECT observation_id, flags, value, indicator_id, place_code, period FROM observations WHERE {wanted}"  # noqa: S608
    rows = warehouse.sql(query)
    decided = pl.col("flags").list.set_intersection(list(_DECIDED)).list.sort().list.join(",")
    rest = pl.concat_str(
        pl.col("value").cast(pl.String), "indicator_id", "place_code", "period", separator="|", ignore_nulls=True
    )
    return rows.select("observation_id", pl.concat_str(decided, rest, separator=":").alias(f"{side}_decision"))


def diff_series(old: Warehouse, new: Warehouse) -> pl.DataFrame:
    """One row a changed point, in order of change and key: change (added, changed, removed), the key, both values, unit,
    why, the document and the observation. A point counts as changed if its value, unit, status or observation does."""
    joined = _points(old, "old").join(_points(new, "new"), on=KEY, how="full", coalesce=True, nulls_equal=True)
    same = pl.all_horizontal(
        pl.col(f"old_{c}").eq_missing(pl.col(f"new_{c}")) for c in ("value", "unit", "status", "observation_id")
    )
    rows = joined.filter(~same).with_columns(
        pl.coalesce("new_doc_id", "old_doc_id").alias("doc_id"),
        pl.coalesce("new_observation_id", "old_observation_id").alias("observation_id"),
        pl.when(pl.col("old_value").is_null())
        .then(pl.lit("added"))
        .when(pl.col("new_value").is_null())
        .then(pl.lit("removed"))
        .otherwise(pl.lit("changed"))
        .alias("change"),
    )
    for side, warehouse in (("old", old), ("new", new)):
        rows = rows.join(_documents(warehouse, side), on="doc_id", how="left", maintain_order="left")
        # the observation now chosen and the one given up: a decision on either explains the change
        decisions = _decisions(warehouse, side)
        for which in ("observation_id", "old_observation_id"):
            found = decisions.rename({f"{side}_decision": f"{side}_decision_{which}"})
            rows = rows.join(found, left_on=which, right_on="observation_id", how="left", maintain_order="left")
    decided = pl.any_horizontal(
        pl.col(f"old_decision_{which}").ne_missing(pl.col(f"new_decision_{which}"))
        for which in ("observation_id", "old_observation_id")
    )
    why = (
        pl.when(pl.col("old_path").is_null() & pl.col("new_path").is_not_null())
        .then(pl.lit("new document"))
        .when(pl.col("new_path").is_null() & pl.col("old_path").is_not_null())
        .then(pl.lit("document removed"))
        .when(decided)
        .then(pl.lit("correction"))
        .when(pl.col("old_doc_id") != pl.col("new_doc_id"))
        .then(pl.lit("another source was chosen"))
        .when(pl.col("old_sha256") != pl.col("new_sha256"))
        .then(pl.lit("the document changed"))
        .when(pl.col("old_extractor_version") != pl.col("new_extractor_version"))
        .then(pl.lit("extractor version"))
        .otherwise(pl.lit("chosen differently"))
    )
    return (
        rows.with_columns(why.alias("why"), pl.coalesce("new_unit", "old_unit").alias("unit"))
        .select(
            "change", *KEY, "old_value", "new_value", "unit", "why",
            pl.coalesce("new_path", "old_path").alias("document"), "observation_id",
        )
        .sort("change", *KEY, nulls_last=True)
    )  # fmt: skip
