"""What changed between two warehouses: points added, changed and removed, and why.

Not here: opening warehouses (`read`) or printing (`pipelines.cli`).
"""

from __future__ import annotations

import polars as pl

from pipelines.warehouse.read import Warehouse
from pipelines.warehouse.schema import BY_NAME

KEY = list(BY_NAME["series"].key)


def _points(warehouse: Warehouse, side: str) -> pl.DataFrame:
    documents = warehouse.table("documents").select("doc_id", "path", "sha256", pl.lit(True).alias("known"))
    evidence = warehouse.table("observations").select("observation_id", "doc_id", "extractor_version")
    points = (
        warehouse.table("series")
        .select(*KEY, "value", "unit", "status", "observation_id")
        .join(evidence, on="observation_id", how="left")
        .join(documents, on="doc_id", how="left")
        .drop("known")
    )
    return points.rename({c: f"{side}_{c}" for c in points.columns if c not in KEY})


def diff_series(old: Warehouse, new: Warehouse) -> pl.DataFrame:
    """One row a changed point: change, key, both values, and the reason as far as the tables tell it."""
    before, after = _points(old, "old"), _points(new, "new")
    joined = before.join(after, on=KEY, how="full", coalesce=True, nulls_equal=True)
    paths = {side: set(w.table("documents")["path"]) for side, w in (("old", old), ("new", new))}
    same = (
        pl.col("old_value").eq_missing(pl.col("new_value"))
        & pl.col("old_unit").eq_missing(pl.col("new_unit"))
        & pl.col("old_status").eq_missing(pl.col("new_status"))
        & pl.col("old_observation_id").eq_missing(pl.col("new_observation_id"))
    )
    change = (
        pl.when(pl.col("old_value").is_null())
        .then(pl.lit("added"))
        .when(pl.col("new_value").is_null())
        .then(pl.lit("removed"))
        .otherwise(pl.lit("changed"))
    )
    why = (
        pl.when((pl.col("change") == "added") & ~pl.col("new_path").is_in(list(paths["old"])))
        .then(pl.lit("new document"))
        .when((pl.col("change") == "removed") & ~pl.col("old_path").is_in(list(paths["new"])))
        .then(pl.lit("document removed"))
        .when(pl.col("change") != "changed")
        .then(pl.lit("read or chosen differently"))
        .when(pl.col("old_path") != pl.col("new_path"))
        .then(pl.lit("another source was chosen"))
        .when(pl.col("old_sha256") != pl.col("new_sha256"))
        .then(pl.lit("the document changed"))
        .when(pl.col("old_extractor_version") != pl.col("new_extractor_version"))
        .then(pl.lit("the extractor changed"))
        .otherwise(pl.lit("chosen differently"))
    )
    return (
        joined.filter(~same)
        .with_columns(change.alias("change"))
        .with_columns(why.alias("why"))
        .select(
            "change", *KEY, "old_value", "new_value", "new_unit", "why",
            pl.coalesce("new_path", "old_path").alias("document"),
            pl.coalesce("new_observation_id", "old_observation_id").alias("observation_id"),
        )
        .rename({"new_unit": "unit"})
        .sort("change", *KEY, nulls_last=True)
    )  # fmt: skip
