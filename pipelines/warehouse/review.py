"""The worklist: readings an analyst should look at, from what the other tables already say.

Not here: deciding anything; a row is an invitation to look, with the reason.
"""

from __future__ import annotations

import polars as pl

from pipelines.warehouse.schema import BY_NAME

LOW_CONFIDENCE = 0.5


def review_rows(mentions: pl.DataFrame, observations: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Rows of `review`: unread mentions, damaged or doubtful readings, phrases without a catalogue entry, conflicts."""
    seen = observations.filter(pl.col("source_kind") == "document").with_columns(
        pl.format(
            "{} = {}{}", "indicator", pl.col("value").cast(pl.String).fill_null("?"), pl.col("unit").fill_null("")
        ).alias("reading")
    )
    conflicts = series.filter(pl.col("conflict").is_in(["material", "severe"]))["observation_id"].unique()
    unread = mentions.filter(pl.col("class") == "unread").select(
        pl.format("{}:{}-{}", "doc_id", "start_char", "end_char").alias("observation_id"),
        pl.lit("unread").alias("why"),
        "doc_id",
        "raw",
        pl.lit(None, dtype=pl.String).alias("reading"),
        pl.lit(None, dtype=pl.String).alias("sentence"),
    )
    reasons = {
        "damaged": pl.col("flags").list.contains("damaged"),
        "low_confidence": pl.col("confidence") < LOW_CONFIDENCE,
        "uncatalogued": pl.col("indicator_id").is_null() & (pl.col("class") == "indicator"),
    }
    columns = list(BY_NAME["review"].schema)
    parts = [unread] + [
        seen.filter(rule).with_columns(pl.lit(why).alias("why")).select(columns) for why, rule in reasons.items()
    ]
    parts.append(
        observations.filter(pl.col("observation_id").is_in(conflicts.to_list()))
        .with_columns(pl.lit("conflict").alias("why"), pl.col("value").cast(pl.String).alias("reading"))
        .select(columns)
    )
    return pl.concat([part.select(columns) for part in parts]).unique(["observation_id", "why"], maintain_order=True)
