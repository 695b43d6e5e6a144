"""Lines in tables of points: runs of rows that share place, indicator, basis, scope and kind of period.

Here: finding the runs in a table that is in the order of its key, their numbers, the point before each point, and cutting
a long table into batches at the ends of runs. Comparing neighbours costs a fraction of hashing strings, so that ten
million points fit into seconds. Not here: what is computed along a line (pipelines/analysis).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from pipelines.series.periods import stencil_of
from pipelines.warehouse.schema import in_key_order

LINE = ["place_code", "indicator_id", "basis", "scope", "period_kind"]

BATCH = 1_000_000
"""Rows worked on at a time: large enough for vectors, small enough that intermediate columns do not add up."""


def ordered(frame: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """The frame in the order of `key`; itself where it is so already."""
    return frame if in_key_order(frame, key) else frame.sort(key, nulls_last=True, maintain_order=True)


def contiguous(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with each column in one piece, so that slices of it share its memory; works column by column, and takes
    the columns out of `frame`."""
    if frame.n_chunks() == 1:
        return frame
    return pl.DataFrame([frame.drop_in_place(c).rechunk() for c in frame.columns])


def starts(columns: Sequence[str]) -> pl.Expr:
    """True in the first row of every run of equal values of `columns`."""
    return pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift(1)) for c in columns) | (pl.row_index() == 0)


def run_number(columns: Sequence[str]) -> pl.Expr:
    """Number of the run of equal `columns`, from 0."""
    return starts(columns).cum_sum().cast(pl.UInt32) - 1


def batches(frame: pl.DataFrame, together: Sequence[str], rows: int = BATCH) -> Iterator[pl.DataFrame]:
    """Slices of about `rows` rows of a frame in order of `together`, cut where these columns change."""
    if frame.height <= rows:
        yield frame
        return
    first = frame.select(starts(together).arg_true()).to_series()
    begin = 0
    while begin < frame.height:
        at = first.search_sorted(begin + rows)
        end = int(first[at]) if at < first.len() else frame.height
        yield frame.slice(begin, end - begin)
        begin = end


def place_slices(points: pl.LazyFrame, rows: int = BATCH) -> list[tuple[int, int]]:
    """Begin and length of slices of about `rows` rows that hold whole places; one slice of all rows where the places do
    not stand together."""
    places = points.select("place_code").with_row_index("row").group_by("place_code")
    spans = places.agg(pl.col("row").min().alias("begin"), pl.len().alias("n"), pl.col("row").max().alias("last"))
    table = spans.collect().sort("begin")
    total = int(table["n"].sum())
    if not total:
        return []
    if (table["last"] - table["begin"] + 1 != table["n"]).any():
        return [(0, total)]
    groups = table.group_by((pl.col("begin") // rows).alias("group"), maintain_order=True)
    return list(groups.agg(pl.col("begin").first(), pl.col("n").sum()).select("begin", "n").iter_rows())


def stencils(periods: pl.Series) -> pl.Series:
    """A number for each period without its year, equal where periods are comparable (2010-Q1 and 2011-Q1)."""
    known = pl.DataFrame({"period": periods.unique()}).with_columns(stencil_of(pl.col("period")).alias("written"))
    known = known.with_columns(pl.col("written").rank("dense").cast(pl.UInt32).alias("stencil"))
    return pl.DataFrame({"period": periods}).join(known, on="period", how="left", maintain_order="left")["stencil"]
