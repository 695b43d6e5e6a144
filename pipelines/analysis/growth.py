"""The table of growth rates: every point against the one a year before it, or the last one known.

Here: the point before each point, the reasons why a rate is withheld, intervals, and the class of each line's trend. Not
here: the formulas (change.py, progress.py), choosing the values, also those that a stated growth rate implies
(pipelines/series), or judging them against targets (targets.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import polars as pl

from pipelines.analysis.change import (
    absolute_change,
    cagr,
    growth_reason,
    mean_rate,
    relative_growth,
    small_base,
    symmetric_growth,
)
from pipelines.analysis.intervals import beyond_rounding, difference_interval, finite, growth_interval, poisson_interval
from pipelines.analysis.progress import POLARITY_ENDS, shortfall_cagr, trend_class
from pipelines.series.breaks import crossings, known_breaks
from pipelines.series.build import EVENT_UNITS
from pipelines.series.lines import (
    LINE,
    batches,
    contiguous,
    marked,
    ordered,
    place_slices,
    side_by_side,
    starts,
    stencils,
)
from pipelines.warehouse.schema import SCHEMAS, conform, empty

POINT_UNITS = ("%", "‰", "1/10万", "1/万")
"""Units whose change is a difference in points (METHODOLOGY 1.3)."""


REASONS = (
    "basis_mismatch", "missing", "unit_mismatch", "conflict", "one_sided", "break", "zero_base", "sign_change",
    "negative_base",
)  # fmt: skip
"""Why growth is withheld, in the order of the tests."""

FLAGS = ("small_base", "points", "gap_in_series", "unstable", "implied", "two_point", "within_chance")

_STENCIL, _YEAR = 2**32, 2**12
"""Places of line, stencil and year in one integer: line from bit 32, stencil from bit 12, year below."""


def _code(reason: str) -> pl.Expr:
    return pl.lit(REASONS.index(reason), pl.UInt8)


_PRIOR = ("period", "year", "value", "value_lo", "value_hi", "unit", "observation_id", "withheld", "revised", "marks")


def _paired(points: pl.DataFrame, first: pl.Series) -> pl.DataFrame:
    """Points, in the order of their key, with their `line` and `stencil`, and the columns of the last earlier point of
    the same line and stencil (`prior_...`, all null without one). `first` is true where a line begins.

    Within a line the points are taken in the order of stencil and year, so that the point before is the next one below;
    a missing year stays missing, because the years themselves are compared.
    """
    line = first.cum_sum().cast(pl.UInt32) - 1
    points = points.with_columns(line.alias("line"), stencils(points["period"]).alias("stencil"))
    at = pl.col("line").cast(pl.UInt64) * _STENCIL + pl.col("stencil").cast(pl.UInt64) * _YEAR + pl.col("year")
    rows = points.select(at.alias("at")).with_row_index("row")
    if not rows["at"].is_sorted():
        rows = rows.sort("at")
    follows = (pl.col("at") // _YEAR == pl.col("at").shift(1) // _YEAR) & (pl.col("at") > pl.col("at").shift(1))
    before = rows.select("row", pl.when(follows).then(pl.col("row").shift(1)).alias("before"))
    if not before["row"].is_sorted():
        before = before.sort("row")
    return points.with_columns(points[c].gather(before["before"]).alias(f"prior_{c}") for c in _PRIOR)


def _on_another_basis(points: pl.DataFrame, lines: pl.DataFrame) -> pl.Series:
    """True for points without a prior one where another basis of the same place and indicator, scope and kind of period
    has the value of the year before."""
    apart_from_basis = lines.select(pl.struct("place_code", "indicator_id", "scope", "period_kind").rank("dense"))
    group = apart_from_basis.to_series().cast(pl.UInt64)
    at = group.gather(points["line"]) * _STENCIL + pl.col("stencil").cast(pl.UInt64) * _YEAR + pl.col("year")
    rows = points.select(at.alias("key"), pl.col("prior_year").is_null().alias("alone")).with_row_index("row")
    rows = rows.filter(group.is_duplicated().gather(points["line"]))
    alone = rows.filter("alone").select("row", pl.col("key") - 1)
    return marked(points.height, alone.join(rows.select("key"), on="key", how="semi")["row"])


def _within_chance(points: pl.DataFrame, lines: pl.DataFrame, events: pl.Series) -> pl.Series:
    """Rows of counts of events whose 95% Poisson interval overlaps that of the count before: the change may be chance."""
    counted = lines["indicator_id"].is_in(events.implode()).gather(points["line"])
    rows = (
        points.select("value", "prior_value")
        .with_row_index("row")
        .filter(counted & pl.col("prior_value").is_not_null() & (pl.col("prior_value") != pl.col("value")))
    )
    lo0, hi0 = poisson_interval(pl.col("prior_value"))
    lo1, hi1 = poisson_interval(pl.col("value"))
    return rows.filter((lo1 <= hi0) & (lo0 <= hi1))["row"]


TREND_YEARS, TREND_POINTS = 5, 3
"""Window of a trend without a target and the points it needs to be more than two ends (METHODOLOGY 8.2)."""


def _trends(points: pl.DataFrame, lines: pl.DataFrame, polarity: pl.DataFrame, breaks: pl.DataFrame) -> pl.DataFrame:
    """The class of the last `TREND_YEARS` years of every annual line whose indicator has a good side: row (of its last
    point), trend_class, two_point. Bounds, disputed and implied values take no part; null across a break."""
    directed = lines.with_row_index("line").join(polarity, on="indicator_id", how="inner")
    directed = directed.filter(pl.col("period_kind") == "annual").select(
        pl.col("line").cast(pl.UInt32), "direction", pl.col("last_year").fill_null(9999)
    )
    chosen = marked(lines.height, directed["line"])
    columns = ("line", "year", "value", "unit", "revised")
    usable = (
        points.select(*columns, (pl.col("withheld") == 0) & (pl.col("marks") < 2 ** FLAGS.index("implied")))
        .with_row_index("row")
        .filter(chosen.gather(points["line"]) & pl.col("withheld"))
    )
    usable = usable.with_columns(pl.col("year").last().over("line").alias("end"))
    ends = (
        usable.filter(pl.col("year") >= pl.col("end") - TREND_YEARS)
        .group_by("line", maintain_order=True)
        .agg(
            pl.col("row", "year", "value", "revised", "unit").last(),
            *(pl.col(c).first().alias(f"prior_{c}") for c in ("year", "value", "revised")),
            pl.len().alias("n"),
        )
        .join(directed, on="line", how="inner")
        .filter((pl.col("n") > 1) & (pl.col("year") <= pl.col("last_year")))
    )
    across = marked(ends.height, crossings(ends, lines, breaks))
    x0, x1, d = pl.col("prior_value"), pl.col("value"), pl.col("direction")
    years = pl.col("year") - pl.col("prior_year")
    rate, side = shortfall_cagr(x0, x1, years, d)
    is_percentage = pl.col("unit") == "%"
    rate = pl.when(is_percentage).then(rate).otherwise(cagr(x0, x1, years))
    side = pl.when(is_percentage).then(side).otherwise(d)
    return ends.filter(~across).select(
        "row", trend_class(rate, side).alias("trend_class"), (pl.col("n") < TREND_POINTS).alias("two_point")
    )


def _rates(
    points: pl.DataFrame, counts: pl.Series, events: pl.Series, polarity: pl.DataFrame, breaks: pl.DataFrame
) -> pl.DataFrame:
    """Rows of `growth_rates` for points in the order of their key; whole places and indicators at a time."""
    first = points.select(starts(LINE)).to_series()
    lines = points.select(LINE).filter(first)
    points = _paired(points, first)
    points = points.with_columns(
        _on_another_basis(points, lines).alias("elsewhere"),
        marked(points.height, crossings(points, lines, breaks)).alias("crosses_break"),
        lines["indicator_id"].is_in(counts.implode()).gather(points["line"]).alias("is_count"),
    )
    trends = _trends(points, lines, polarity, breaks).filter(pl.col("trend_class").is_not_null())
    classes = pl.repeat(None, points.height, dtype=pl.String, eager=True).scatter(trends["row"], trends["trend_class"])
    points = points.with_columns(
        classes.alias("trend_class"),
        marked(points.height, trends.filter("two_point")["row"]).cast(pl.UInt8).alias("two_point"),
        marked(points.height, _within_chance(points, lines, events)).cast(pl.UInt8).alias("within_chance"),
    )
    x0, x1 = pl.col("prior_value"), pl.col("value")
    lo0, hi0, lo1, hi1 = (pl.col(c) for c in ("prior_value_lo", "prior_value_hi", "value_lo", "value_hi"))
    n_years = (pl.col("year") - pl.col("prior_year")).alias("n_years")
    # one_sided and severe of either side; conflict speaks first
    barred = pl.max_horizontal("withheld", "prior_withheld")
    reason = (
        pl.when(x0.is_null() & pl.col("elsewhere"))
        .then(_code("basis_mismatch"))
        .when(x0.is_null())
        .then(_code("missing"))
        .when(pl.col("unit") != pl.col("prior_unit"))
        .then(_code("unit_mismatch"))
        .when(barred == 2)
        .then(_code("conflict"))
        .when(barred == 1)
        .then(_code("one_sided"))
        .when("crosses_break")
        .then(_code("break"))
        .otherwise(growth_reason(x0, x1, _code))
    )
    comparable = (pl.col("code") >= REASONS.index("zero_base")) | pl.col("code").is_null()
    computable = pl.col("code").is_null()
    yearly = pl.col("n_years") == 1
    change_lo, change_hi = difference_interval(lo1, hi1, lo0, hi0)
    growth_lo, growth_hi = growth_interval(lo1, hi1, lo0, hi0)
    is_rate = pl.col("unit").is_in(POINT_UNITS)
    both = pl.when("comparable")
    single = pl.when("single")
    shown = pl.when(pl.col("code").is_null() & ~yearly).then(_code("missing")).otherwise(pl.col("code"))
    flags = (
        small_base(x0, lo0, hi0, pl.col("is_count")).fill_null(False).cast(pl.UInt8)
        + 2 * (x0.is_not_null() & pl.col("is_rate")).cast(pl.UInt8)
        + 4 * (pl.col("n_years") > 1).fill_null(False).cast(pl.UInt8)
        + (pl.col("marks") | pl.col("prior_marks").fill_null(0))
        + 32 * pl.col("two_point")
        + 64 * pl.col("within_chance")
    )
    computed = (
        points.lazy()
        .with_columns(reason.alias("code"), n_years, is_rate.alias("is_rate"))
        .with_columns(
            comparable.alias("comparable"),
            (computable & yearly).fill_null(False).alias("single"),
            # in a column of its own: an expression that is used twice is computed twice
            pl.when(computable & ~pl.col("is_rate")).then(mean_rate(x0, x1, pl.col("n_years"))).alias("rate"),
        )
        .select(
            "n_years",
            both.then(absolute_change(x0, x1)).alias("abs_change"),
            both.then(change_lo).alias("abs_change_lo"),
            both.then(change_hi).alias("abs_change_hi"),
            single.then(relative_growth(x0, x1)).alias("growth"),
            single.then(growth_lo).alias("growth_lo"),
            single.then(growth_hi).alias("growth_hi"),
            finite(pl.col("rate")).alias("cagr"),
            both.then(symmetric_growth(x0, x1)).alias("symmetric_growth"),
            both.then(beyond_rounding(change_lo, change_hi)).alias("beyond_rounding"),
            shown.alias("reason"),
            flags.alias("flags"),
        )
        .collect()
        .rechunk()  # so that columns taken over unchanged keep sharing their memory with `points`
    )
    return conform(
        "growth_rates",
        points.select(c for c in SCHEMAS["growth_rates"] if c in points.columns).with_columns(
            *computed.drop("reason", "flags").get_columns(),
            pl.Series("reason", REASONS).gather(computed["reason"]),
            _words().gather(computed["flags"]).alias("flags"),
        ),
    )


@lru_cache(maxsize=1)
def _words() -> pl.Series:
    """The lists of flags that the codes of `_rates` stand for."""
    return pl.Series([[f for i, f in enumerate(FLAGS) if code & 2**i] for code in range(2 ** len(FLAGS))])


def growth_parts(
    series: pl.DataFrame | pl.LazyFrame, indicators: pl.DataFrame, breaks: pl.DataFrame | None = None
) -> Iterator[pl.DataFrame]:
    """The `growth_rates` table in parts of about a million rows, whole places at a time, in the order of the key.

    Of a scan of a table that is stored in the order of its key, one part is in memory at a time.
    """
    known = known_breaks() if breaks is None else breaks
    counts = indicators.filter(pl.col("measure_type").str.starts_with("count"))["indicator_id"]
    events = indicators.filter(pl.col("unit").is_in(EVENT_UNITS))["numerator_id"].drop_nulls().unique()
    directions = {"ceiling": -1.0, "floor": 1.0}
    polarity = indicators.select(
        "indicator_id",
        pl.col("polarity").replace_strict(directions, default=None, return_dtype=pl.Float64).alias("direction"),
        pl.col("indicator_id").replace_strict(POLARITY_ENDS, default=None, return_dtype=pl.Int64).alias("last_year"),
    ).filter(pl.col("direction").is_not_null())
    one_sided = pl.col("flags").list.contains("one_sided") | pl.col("value_hi").is_null()
    unstable = pl.col("flags").list.contains("unstable").cast(pl.UInt8)
    severe = (pl.col("conflict") == "severe").fill_null(False)
    needed: tuple[str | pl.Expr, ...] = (
        *LINE,
        *("period", "year", "value", "value_lo", "value_hi", "unit", "observation_id"),
        (pl.col("status") == "revised").alias("revised"),
        pl.when(severe).then(2).when(one_sided).then(1).otherwise(0).cast(pl.UInt8).alias("withheld"),
        (unstable * 8 + (pl.col("status") == "implied").cast(pl.UInt8) * 16).cast(pl.UInt8).alias("marks"),
    )

    def parts() -> Iterator[pl.DataFrame]:
        for begin, length in place_slices(series.lazy()):
            points = series.lazy().slice(begin, length).select(needed).collect()
            yield from batches(contiguous(ordered(points, [*LINE, "period"])), ["place_code", "indicator_id"])

    yield from side_by_side(lambda part: _rates(part, counts, events, polarity, known), parts())


def growth_rates(
    series: pl.DataFrame | pl.LazyFrame, indicators: pl.DataFrame, breaks: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The `growth_rates` table: every point against the point one year before, else against the last earlier one.

    The prior point is told by its year, never by row order, so that a missing year stays missing: then
    `growth` is null with reason `missing`, while `cagr` and the change cover `n_years`. Growth is a ratio; the change of
    a rate is in points. `series` may be a scan of the stored table: then only what is needed is read. METHODOLOGY 1 and
    4.6.
    """
    parts = list(growth_parts(series, indicators, breaks))
    return pl.concat(parts, rechunk=False) if parts else empty("growth_rates")
