"""Breaks in series: years from which figures are on another footing than before.

Here: the table of breaks (`breaks.csv`, one row per indicator) and whether a pair of points lies on two sides of one.
Not here: what is done with a pair that does (pipelines/analysis/growth.py and progress.py).
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import polars as pl

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


def with_breaks(pairs: pl.DataFrame, breaks: pl.DataFrame) -> pl.DataFrame:
    """`pairs` with the boolean column `crosses_break` (METHODOLOGY 4.6).

    Needs indicator_id, basis, place_code, year, n_years, status and prior_status. A census break does not divide two
    census-revised values. Raises ColumnNotFoundError where a column is missing.
    """
    rows = pairs.with_row_index("pair")
    crossed = (
        rows.select("pair", "indicator_id", "basis", "place_code", "year", "n_years", "status", "prior_status")
        .filter(pl.col("n_years").is_not_null())
        .join(breaks.rename({"basis": "b_basis", "place_code": "b_place"}), on="indicator_id", how="inner")
        .filter(
            (pl.col("first_year_after") <= pl.col("year"))
            & (pl.col("first_year_after") > pl.col("year") - pl.col("n_years"))
            & ((pl.col("b_basis") == "") | (pl.col("b_basis") == pl.col("basis")))
            & ((pl.col("b_place") == "") | (pl.col("b_place") == pl.col("place_code")))
            & ~((pl.col("census") == "yes") & (pl.col("status") == "revised") & (pl.col("prior_status") == "revised"))
        )
        .select("pair")
        .unique()
        .with_columns(pl.lit(True).alias("crosses_break"))
    )
    return (
        rows.join(crossed, on="pair", how="left", maintain_order="left")
        .drop("pair")
        .with_columns(pl.col("crosses_break").fill_null(False))
    )
