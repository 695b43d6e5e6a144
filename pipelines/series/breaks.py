"""Breaks in series: years from which figures are on another footing than before.

Here: the table of breaks (`breaks.csv`, one row per indicator) and whether a pair of points lies on two sides of one.
Not here: what is done with a pair that does (pipelines/analysis/growth.py and progress.py).
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import polars as pl

from pipelines.series.lines import marked

SCHEMA = {
    "break_id": pl.String,
    "indicator_id": pl.String,
    "basis": pl.String,
    "place_code": pl.String,
    "first_year_after": pl.Int64,
    "census": pl.String,
    "why": pl.String,
}


@lru_cache(maxsize=1)
def known_breaks() -> pl.DataFrame:
    """The shipped breaks, METHODOLOGY 4.6; empty `basis` or `place_code` means every one."""
    table = pl.read_csv(files(__package__).joinpath("breaks.csv").read_bytes(), schema=SCHEMA)
    return table.with_columns(pl.col("basis", "place_code").fill_null(""))


def crossings(points: pl.DataFrame, lines: pl.DataFrame, breaks: pl.DataFrame) -> pl.Series:
    """Rows of `points` that lie on the other side of a break than the point before them (METHODOLOGY 4.6).

    `points` has line, year, prior_year (null without a point before), revised and prior_revised; `line` is the row of
    `lines` with its indicator_id, basis and place_code. A census break does not divide two census-revised values.
    """
    broken = (
        lines.select("indicator_id", "basis", "place_code")
        .with_row_index("line")
        .join(breaks.rename({"basis": "b_basis", "place_code": "b_place"}), on="indicator_id", how="inner")
        .filter(
            ((pl.col("b_basis") == "") | (pl.col("b_basis") == pl.col("basis")))
            & ((pl.col("b_place") == "") | (pl.col("b_place") == pl.col("place_code")))
        )
        .select(pl.col("line").cast(pl.UInt32), "first_year_after", pl.col("census") == "yes")
    )
    affected = marked(lines.height, broken["line"])
    return (
        points.select("line", "year", "prior_year", "revised", "prior_revised")
        .with_row_index("row")
        .filter(affected.gather(points["line"]) & pl.col("prior_year").is_not_null())
        .join(broken, on="line", how="inner")
        .filter(
            (pl.col("first_year_after") <= pl.col("year"))
            & (pl.col("first_year_after") > pl.col("prior_year"))
            & ~(pl.col("census") & pl.col("revised") & pl.col("prior_revised"))
        )["row"]
    )
