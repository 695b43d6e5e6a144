"""The worklist: readings an analyst should look at, from what the other tables already say.

Not here: deciding anything; a row is an invitation to look, with the reason.
"""

from __future__ import annotations

import polars as pl

from pipelines.warehouse.schema import BY_NAME

LOW_CONFIDENCE = 0.5


_COLUMNS = list(BY_NAME["review"].schema)


def document_review(mentions: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Rows of `review` that follow from each document alone: unread mentions, damaged or doubtful readings, phrases
    without a catalogue entry."""
    seen = observations.filter(pl.col("source_kind") == "document").with_columns(
        pl.format(
            "{} = {}{}", "indicator", pl.col("value").cast(pl.String).fill_null("?"), pl.col("unit").fill_null("")
        ).alias("reading")
    )
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
    parts = [unread.select(_COLUMNS)] + [
        seen.filter(rule).with_columns(pl.lit(why).alias("why")).select(_COLUMNS) for why, rule in reasons.items()
    ]
    return pl.concat(parts).unique(["observation_id", "why"], maintain_order=True)


def disputed(series: pl.DataFrame) -> pl.DataFrame:
    """Ids of observations that were published although other sources disagree."""
    return series.filter(pl.col("conflict").is_in(["material", "severe"])).select("observation_id").unique()


def conflict_review(observations: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Rows of `review` for observations that other sources contradict."""
    return (
        observations.join(disputed(series), on="observation_id", how="semi")
        .with_columns(pl.lit("conflict").alias("why"), pl.col("value").cast(pl.String).alias("reading"))
        .select(_COLUMNS)
    )


def review_rows(mentions: pl.DataFrame, observations: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Rows of `review`: what follows from documents, and conflicts."""
    return pl.concat([document_review(mentions, observations), conflict_review(observations, series)])
