"""Lines in tables of points: runs of rows that share place, indicator, basis, scope and kind of period.

Here: finding the runs in a table that is in the order of its key, their numbers, the point before each point, cutting
a long table into batches at the ends of runs, and working on batches side by side. Comparing neighbours costs a fraction of hashing strings, so that ten
million points fit into seconds. Not here: what is computed along a line (pipelines/analysis).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import polars as pl

from pipelines.series.periods import stencil_of
from pipelines.warehouse.schema import in_key_order

LINE = ["place_code", "indicator_id", "basis", "scope", "period_kind"]

BATCH = 1_000_000
"""Rows worked on at a time: large enough for vectors, small enough that intermediate columns do not add up."""


def ordered(frame: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """The frame in the order of `key`; itself where it is so already, else column by column, and takes the columns out of
    `frame`, so that a wide table is never held twice."""
    if in_key_order(frame, key):
        return frame
    order = frame.select(pl.arg_sort_by(key, nulls_last=True, maintain_order=True)).to_series()
    return pl.DataFrame([frame.drop_in_place(c).gather(order) for c in frame.columns])


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


AT_ONCE = 2
"""Batches worked on side by side: much of what Polars does to a frame is one thread's work; more would only need memory."""


Part = TypeVar("Part")
Made = TypeVar("Made")


def side_by_side(work: Callable[[Part], Made], parts: Iterable[Part]) -> Iterator[Made]:
    """What `work` makes of each part, in their order, `AT_ONCE` of them at a time where Polars has several threads."""
    if pl.thread_pool_size() < AT_ONCE:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(AT_ONCE) as threads:
        begun: deque[Future[Made]] = deque()
        for part in parts:
            begun.append(threads.submit(work, part))
            if len(begun) == AT_ONCE:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


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
    """A number for each period without its year, equal where periods are comparable (2010-Q1 and 2011-Q1). `periods` have
    a year each."""
    written = periods.to_frame("period")
    # a period of four characters that has a year is that year: most are, and need no look-up
    longer = written.with_row_index("row").filter(pl.col("period").str.len_bytes() != _YEAR_LENGTH)
    if longer.is_empty():
        return pl.zeros(periods.len(), pl.UInt32, eager=True)
    known = longer.select("period").unique().with_columns(stencil_of(pl.col("period")).alias("written"))
    known = known.select("period", pl.col("written").rank("dense").cast(pl.UInt32).alias("stencil"))
    found = looked_up(longer, ["period"], known)
    return pl.zeros(periods.len(), pl.UInt32, eager=True).scatter(found["row"], found["stencil"])


_YEAR_LENGTH = 4


def looked_up(rows: pl.DataFrame, on: Sequence[str], table: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the columns of `table` found by `on`, null where there is none; only the keys pass through the join."""
    found = rows.select(on).join(table, on=on, how="left", nulls_equal=True, maintain_order="left")
    return rows.hstack(found.drop(on).get_columns())


def marked(length: int, rows: pl.Series) -> pl.Series:
    """True at `rows`, false elsewhere."""
    return pl.zeros(length, pl.UInt8, eager=True).scatter(rows, 1).cast(pl.Boolean)
