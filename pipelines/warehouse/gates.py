"""What must hold before a warehouse is published.

Here: rules across tables, as pure functions of frames; a fault names the rows. Rules inside one table (columns, types,
keys) are `schema.conform`. Not here: verdicts about the documents' own figures, which are rows of `checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

LINE = ("place_code", "indicator_id", "basis", "scope", "period_kind")
"""What makes one line in a chart; the unit must not change along it."""

UNPUBLISHABLE = ("damaged", "masked_value", "unreadable")
"""Flags of observations whose value must never become a point."""


def _name(rows: pl.DataFrame, columns: tuple[str, ...], limit: int = 3) -> str:
    shown = "; ".join(" ".join(str(v) for v in row) for row in rows.select(columns).head(limit).rows())
    return shown + (f" and {rows.height - limit} more" if rows.height > limit else "")


def _missing(rows: pl.DataFrame, column: str, known: pl.DataFrame, known_column: str) -> pl.DataFrame:
    return rows.filter(pl.col(column).is_not_null()).join(
        known.select(known_column), left_on=column, right_on=known_column, how="anti"
    )


def faults(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """Every broken rule, one sentence each; empty where the tables may be published."""
    return list(_faults(tables))


def _faults(tables: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    series, observations, targets = tables["series"], tables["observations"], tables["targets"]
    loose = _missing(series, "observation_id", observations, "observation_id")
    if loose.height:
        yield f"series: {loose.height} points without an observation: {_name(loose, ('indicator_id', 'period', 'observation_id'))}"
    evidence = series.select("observation_id", "indicator_id", "period").join(
        observations.select("observation_id", pl.col("value").alias("seen"), pl.col("flags").alias("seen_flags")),
        on="observation_id",
        how="inner",
    )
    damaged = evidence.filter(
        pl.any_horizontal(pl.col("seen_flags").list.contains(flag) for flag in UNPUBLISHABLE) | pl.col("seen").is_null()
    )
    if damaged.height:
        yield f"series: {damaged.height} points rest on damaged values: {_name(damaged, ('indicator_id', 'period', 'observation_id'))}"
    mixed = (
        series.group_by(LINE).agg(pl.col("unit").unique().sort().alias("units")).filter(pl.col("units").list.len() > 1)
    )
    if mixed.height:
        yield f"series: {mixed.height} series mix units: {_name(mixed.sort(LINE), ('place_code', 'indicator_id', 'units'))}"
    outside = series.filter(
        (pl.col("value") < pl.col("value_lo") - 1e-9) | (pl.col("value") > pl.col("value_hi") + 1e-9)
    )
    if outside.height:
        yield f"series: {outside.height} values lie outside their interval: {_name(outside, ('indicator_id', 'period', 'value'))}"
    for name in ("growth_rates", "target_gaps"):
        loose = _missing(tables[name], "observation_id", observations, "observation_id")
        if loose.height:
            yield f"{name}: {loose.height} rows without an observation: {_name(loose, ('indicator_id', 'period', 'observation_id'))}"
    loose = _missing(tables["target_gaps"], "target_id", targets, "target_id")
    if loose.height:
        yield f"target_gaps: {loose.height} rows without a target: {_name(loose, ('target_id',))}"
    loose = _missing(observations.filter(pl.col("source_kind") == "document"), "doc_id", tables["documents"], "doc_id")
    if loose.height:
        yield f"observations: {loose.height} rows without a document: {_name(loose, ('observation_id',))}"
    loose = _missing(series, "indicator_id", tables["indicators"], "indicator_id")
    if loose.height:
        yield f"series: {loose.height} points of unknown indicators: {_name(loose, ('indicator_id', 'period'))}"
