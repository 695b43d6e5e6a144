"""What a part of documents tells of places: the rows and sums that tables across documents are made from.

Here: candidates for series, stated changes, and sums that tell which documents and which places another run changed; made
where the documents' rows are at hand, so that no step over all documents reads all observations. Not here: making series
and what follows from them place by place (`derivation`), writing parts (`parts`, `finishing`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.warehouse.schema import empty
from pipelines.warehouse.tables import row_hashes

NOWHERE = ""
"""Stands for the place of rows that name none."""

SUMMED = ("documents", "sections", "mentions", "observations", "targets", "review", "checks")
SUMS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "doc_id": pl.String,
    "n_observations": pl.Int64,
    **dict.fromkeys(SUMMED, pl.UInt64),
}
"""Per document: how many observations, and the content sum of its rows in each table."""

PLACES: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "place_code": pl.String,
    "place_name": pl.String,
    "rows": pl.Int64,
    "state": pl.UInt64,
}
"""Per place: a name, candidates, and the content sum of everything that its derived rows are made from."""


def document_evidence(tables: Mapping[str, pl.DataFrame], indicators: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """`candidates`, `stated`, `compared` and `sums` of some documents, from all of their tables with `review` and `checks`.

    `candidates` are those of `series.build` with `published_on`; `stated` those of `analysis.reconcile.stated_changes`,
    `compared` those of `analysis.targets.compared_observations`.
    """
    from pipelines.analysis.reconcile import stated_changes
    from pipelines.analysis.targets import compared_observations
    from pipelines.series.build import candidates

    dates = tables["documents"].select("doc_id", "published_on")
    chosen = candidates(tables["observations"], indicators).join(dates, on="doc_id", how="left")
    return {
        "candidates": in_order(chosen, "candidates"),
        "stated": in_order(stated_changes(tables["observations"]), "stated"),
        "compared": in_order(compared_observations(tables["observations"].lazy(), tables["targets"]), "compared"),
        "sums": document_sums(tables),
    }


_ORDER = {
    "candidates": ("place_code", "indicator_id", "observation_id", "period_kind", "period", "value"),
    "compared": ("observation_id",),
    "stated": ("to_place_code", "observation_id", "to_observation_id", "rel"),
}


def in_order(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """`candidates` and `stated` place by place, `compared` by id: equal rows make equal files."""
    return rows.sort(_ORDER[table])


def document_sums(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The columns of `SUMS`, one row a document."""
    sums = tables["documents"].select("doc_id").unique().sort("doc_id")
    counts = tables["observations"].group_by("doc_id").agg(pl.len().cast(pl.Int64).alias("n_observations"))
    sums = sums.join(counts, on="doc_id", how="left")
    for table in SUMMED:
        rows = tables.get(table, empty(table))
        one = rows.select("doc_id", row_hashes(rows).alias(table)).group_by("doc_id").agg(pl.col(table).sum())
        sums = sums.join(one, on="doc_id", how="left")
    return sums.with_columns(pl.exclude("doc_id").fill_null(0)).select(list(SUMS)).sort("doc_id")


def place_sums(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The columns of `PLACES`, one row a place that the rows speak of.

    An observation counts where it lies, where a candidate rests on it, and where a target names it.
    """
    observations, targets, chosen = tables["observations"], tables["targets"], tables["candidates"]
    named = pl.concat(
        [
            observations.select(_place(), "observation_id"),
            chosen.select(_place(), "observation_id"),
            targets.select(_place(), pl.col("actual_observation_id").alias("observation_id")),
            targets.select(_place(), pl.col("observation_ids").list.first().alias("observation_id")),
        ]
    ).unique()
    hashed = observations.select("observation_id", row_hashes(observations).alias("hash"))
    told = [named.join(hashed, on="observation_id", how="inner").select("place_code", "hash")]
    for table, place in (("candidates", "place_code"), ("stated", "to_place_code"), ("targets", "place_code")):
        rows = tables[table]
        told.append(rows.select(_place(place), row_hashes(rows).alias("hash")))
    checks = tables["checks"].select("check_id", "place_code")
    told.append(checks.select(_place(), row_hashes(checks).alias("hash")))
    names = pl.concat([observations.select(_place(), "place_name"), targets.select(_place(), "place_name")])
    return (
        pl.concat(told)
        .group_by("place_code")
        .agg(pl.col("hash").sum().alias("state"))
        .join(names.group_by("place_code").agg(pl.col("place_name").min()), on="place_code", how="left")
        .join(chosen.group_by("place_code").agg(pl.len().cast(pl.Int64).alias("rows")), on="place_code", how="left")
        .with_columns(pl.col("rows").fill_null(0))
        .select(list(PLACES))
        .sort("place_code")
    )


def _place(column: str = "place_code") -> pl.Expr:
    return pl.col(column).fill_null(NOWHERE).alias("place_code")
