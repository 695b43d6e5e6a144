"""Change and growth of series, and wordings of multiples.

Here: change between two values, the reasons why a growth rate is withheld, and mean annual growth over gaps. Not here:
choosing the values, also those that a stated growth rate implies (pipelines/series), or judging them against targets
(targets.py, progress.py).
"""

from __future__ import annotations

import polars as pl

from pipelines.analysis.intervals import beyond_rounding, difference_interval, divided, finite, growth_interval
from pipelines.series.breaks import crossings, known_breaks
from pipelines.series.lines import LINE, batches, contiguous, ordered, run_number, starts, stencils
from pipelines.warehouse.schema import SCHEMAS, conform

POINT_UNITS = ("%", "‰", "1/10万", "1/万")
"""Units whose change is a difference in points (METHODOLOGY 1.3)."""


def absolute_change(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """x1 - x0, in the unit or in points (METHODOLOGY 1.1, 1.3)."""
    return x1 - x0


def relative_growth(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """x1/x0 - 1 as a ratio; null where `growth_reason` gives one (METHODOLOGY 1.2, 1.6)."""
    return finite(x1 / pl.when((x0 > 0) & (x1 >= 0)).then(x0) - 1)


def growth_reason(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """Why growth cannot be computed from two values; null where it can (METHODOLOGY 1.6)."""
    return (
        pl.when(x0.is_null() | x1.is_null())
        .then(pl.lit("missing"))
        .when(x0 == 0)
        .then(pl.lit("zero_base"))
        .when(((x0 < 0) & (x1 > 0)) | ((x0 > 0) & (x1 < 0)))
        .then(pl.lit("sign_change"))
        .when(x0 < 0)
        .then(pl.lit("negative_base"))
    )


def change_words(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """The words shown where growth is withheld: from zero, 持平, 降幅扩大, 由负转正 ... (METHODOLOGY 1.6)."""
    return (
        pl.when((x0 == 0) & (x1 == 0))
        .then(pl.lit("持平"))
        .when(x0 == 0)
        .then(pl.lit("from zero"))
        .when((x0 < 0) & (x1 > 0))
        .then(pl.lit("由负转正"))
        .when((x0 > 0) & (x1 < 0))
        .then(pl.lit("由正转负"))
        .when((x0 < 0) & (x1 < x0))
        .then(pl.lit("降幅扩大"))
        .when((x0 < 0) & (x1 > x0))
        .then(pl.lit("降幅收窄"))
        .when(x0 < 0)
        .then(pl.lit("持平"))
    )


def symmetric_growth(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """2(x1 - x0)/(|x1| + |x0|), in [-2, 2]; null where both are zero; for ranking only (METHODOLOGY 1.6)."""
    s = x0.abs() + x1.abs()
    return finite(2 * ((x1 - x0) / pl.when(s > 0).then(s)))


def cagr(x0: pl.Expr, x1: pl.Expr, years: pl.Expr) -> pl.Expr:
    """(x1/x0)^(1/years) - 1 for positive values and years > 0, else null (METHODOLOGY 1.5)."""
    fit = (x0 > 0) & (x1 > 0) & (years > 0)
    return finite(((pl.when(fit).then(x1).log() - pl.when(fit).then(x0).log()) / years).exp() - 1)


def change_per_year(x0: pl.Expr, x1: pl.Expr, years: pl.Expr) -> pl.Expr:
    """(x1 - x0)/years, for rates and for values that may be zero or negative (METHODOLOGY 1.5)."""
    return divided(x1 - x0, years)


def contribution(part_change: pl.Expr, total_change: pl.Expr) -> pl.Expr:
    """贡献率: change of the part over change of the total (METHODOLOGY 1.7)."""
    return divided(part_change, total_change)


def small_base(x0: pl.Expr, lo0: pl.Expr, hi0: pl.Expr, is_count: pl.Expr) -> pl.Expr:
    """True for a counted base below 20, or one whose interval is wider than a quarter (METHODOLOGY 1.6)."""
    wide = divided(hi0, pl.when(lo0 > 0).then(lo0)) > 1.25
    return (x0 > 0) & ((is_count & (x0 < 20)) | wide.fill_null(False))


# ---------------------------------------------------------------------------------------------- multiples and wordings


def raised_by_times(x0: pl.Expr, n: pl.Expr) -> pl.Expr:
    """增长 n 倍, 提高一倍: (1 + n)x0 (METHODOLOGY 1.4)."""
    return (1 + n) * x0


def raised_to_times(x0: pl.Expr, n: pl.Expr) -> pl.Expr:
    """增长到 n 倍, 是 ... 的 n 倍; also 下降到 p, 为上年的 p with p as a ratio (METHODOLOGY 1.4)."""
    return n * x0


def doubled(x0: pl.Expr, n: pl.Expr) -> pl.Expr:
    """翻 n 番: 2^n x0 (METHODOLOGY 1.4)."""
    return x0 * (n * pl.lit(2.0).log()).exp()


def doublings(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """Number of doublings 番 between two positive values (METHODOLOGY 1.4)."""
    return finite((pl.when(x1 > 0).then(x1) / pl.when(x0 > 0).then(x0)).log(2.0))


def lowered_by(x0: pl.Expr, p: pl.Expr) -> pl.Expr:
    """下降 p, with p a ratio: (1 - p)x0; null for 减少 n 倍 with n >= 1 (METHODOLOGY 1.4)."""
    return (1 - pl.when(p < 1).then(p)) * x0


def plan_from_completion(actual: pl.Expr, completion: pl.Expr) -> pl.Expr:
    """Plan T = A/c from a completion rate given as a ratio (METHODOLOGY 1.4, 6)."""
    return divided(actual, pl.when(completion > 0).then(completion))


def tenths(n: float) -> float:
    """n 成 as a ratio (METHODOLOGY 1.4)."""
    return n / 10


def completion_over(completion: float) -> float:
    """超额完成 as a ratio: 完成121.67% is 超21.67% (METHODOLOGY 1.4)."""
    return completion - 1


def multiple_reading(x0: pl.Expr, x1: pl.Expr, n: pl.Expr, half_unit: pl.Expr) -> pl.Expr:
    """Which reading of `n 倍` the two ends support: by, to, or null with neither or both (METHODOLOGY 1.4).

    A reading is supported where the quotient lies within `half_unit` of n: 2.33744 is written 2.3. `to` where the
    wording says "by" is the flag `bei_as_ratio`.
    """
    ratio = divided(x1, x0)
    to = (ratio - n).abs() <= half_unit
    by = (ratio - 1 - n).abs() <= half_unit
    return pl.when(to & ~by).then(pl.lit("to")).when(by & ~to).then(pl.lit("by"))


# ------------------------------------------------------------------------------------------------------- frame of rates

REASONS = (
    "basis_mismatch", "missing", "unit_mismatch", "conflict", "one_sided", "break", "zero_base", "sign_change",
    "negative_base",
)  # fmt: skip
"""Why growth is withheld, in the order of the tests."""

FLAGS = ("small_base", "points", "gap_in_series", "unstable", "implied")

_STENCIL, _YEAR = 2**32, 2**12
"""Places of line, stencil and year in one integer: line from bit 32, stencil from bit 12, year below."""


def _code(reason: str) -> pl.Expr:
    return pl.lit(REASONS.index(reason), pl.UInt8)


def _marks(length: int, rows: pl.Series) -> pl.Series:
    """True at `rows`, false elsewhere."""
    return pl.zeros(length, pl.UInt8, eager=True).scatter(rows, 1).cast(pl.Boolean)


_PRIOR = ("period", "year", "value", "value_lo", "value_hi", "unit", "observation_id", "withheld", "revised", "marks")


def _paired(points: pl.DataFrame) -> pl.DataFrame:
    """Points, in the order of their key, with their `line` and `stencil`, and the columns of the last earlier point of
    the same line and stencil (`prior_...`, all null without one).

    Within a line the points are taken in the order of stencil and year, so that the point before is the next one below;
    a missing year stays missing, because the years themselves are compared.
    """
    points = points.with_columns(run_number(LINE).alias("line"), stencils(points["period"]).alias("stencil"))
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
    apart_from_basis = pl.struct("place_code", "indicator_id", "scope", "period_kind").rank("dense").cast(pl.UInt64)
    group = lines.select(apart_from_basis).to_series().gather(points["line"])
    at = group * _STENCIL + pl.col("stencil").cast(pl.UInt64) * _YEAR + pl.col("year")
    key = points.select(at.alias("key"), pl.col("prior_year").is_null().alias("alone"))
    first = key.with_row_index("row").filter("alone").select("row", pl.col("key") - 1)
    there = key.filter(pl.col("key").is_in(first["key"].implode()))["key"]
    return _marks(points.height, first.filter(pl.col("key").is_in(there.implode()))["row"])


def _rates(points: pl.DataFrame, counts: pl.Series, breaks: pl.DataFrame) -> pl.DataFrame:
    """Rows of `growth_rates` for points in the order of their key; whole places and indicators at a time."""
    points = _paired(points)
    lines = points.select(LINE).filter(starts(LINE))
    points = points.with_columns(
        _on_another_basis(points, lines).alias("elsewhere"),
        _marks(points.height, crossings(points, lines, breaks)).alias("crosses_break"),
        lines["indicator_id"].is_in(counts.implode()).gather(points["line"]).alias("is_count"),
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
        .when(x0 == 0)
        .then(_code("zero_base"))
        .when(((x0 < 0) & (x1 > 0)) | ((x0 > 0) & (x1 < 0)))
        .then(_code("sign_change"))
        .when(x0 < 0)
        .then(_code("negative_base"))
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
    )
    computed = (
        points.lazy()
        .with_columns(reason.alias("code"), n_years, is_rate.alias("is_rate"))
        .with_columns(comparable.alias("comparable"), (computable & yearly).fill_null(False).alias("single"))
        .select(
            "n_years",
            both.then(absolute_change(x0, x1)).alias("abs_change"),
            both.then(change_lo).alias("abs_change_lo"),
            both.then(change_hi).alias("abs_change_hi"),
            single.then(relative_growth(x0, x1)).alias("growth"),
            single.then(growth_lo).alias("growth_lo"),
            single.then(growth_hi).alias("growth_hi"),
            pl.when(computable & ~pl.col("is_rate")).then(cagr(x0, x1, pl.col("n_years"))).alias("cagr"),
            both.then(symmetric_growth(x0, x1)).alias("symmetric_growth"),
            both.then(beyond_rounding(change_lo, change_hi)).alias("beyond_rounding"),
            shown.alias("reason"),
            flags.alias("flags"),
        )
        .collect()
        .rechunk()  # so that columns taken over unchanged keep sharing their memory with `points`
    )
    words = pl.Series([[f for i, f in enumerate(FLAGS) if code & 2**i] for code in range(2 ** len(FLAGS))])
    words = words.cast(SCHEMAS["growth_rates"]["flags"])
    return conform(
        "growth_rates",
        points.select(c for c in SCHEMAS["growth_rates"] if c in points.columns).with_columns(
            *computed.drop("reason", "flags").get_columns(),
            pl.Series("reason", REASONS).gather(computed["reason"]),
            words.gather(computed["flags"]).alias("flags"),
        ),
    )


def growth_rates(
    series: pl.DataFrame | pl.LazyFrame, indicators: pl.DataFrame, breaks: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The `growth_rates` table: every point against the point one year before, else against the last earlier one.

    The prior point is told by its year, never by row order, so that a missing year stays missing: then
    `growth` is null with reason `missing`, while `cagr` and the change cover `n_years`. Growth is a ratio; the change of
    a rate is in points. `series` may be a scan of the stored table: then only what is needed is read. METHODOLOGY 1 and
    4.6.
    """
    known = known_breaks() if breaks is None else breaks
    counts = indicators.filter(pl.col("measure_type").str.starts_with("count"))["indicator_id"]
    one_sided = pl.col("flags").list.contains("one_sided") | pl.col("value_hi").is_null()
    unstable = pl.col("flags").list.contains("unstable").cast(pl.UInt8)
    severe = (pl.col("conflict") == "severe").fill_null(False)
    points = (
        series.lazy()
        .select(
            *LINE,
            *("period", "year", "value", "value_lo", "value_hi", "unit", "observation_id"),
            (pl.col("status") == "revised").alias("revised"),
            pl.when(severe).then(2).when(one_sided).then(1).otherwise(0).cast(pl.UInt8).alias("withheld"),
            (unstable * 8 + (pl.col("status") == "implied").cast(pl.UInt8) * 16).cast(pl.UInt8).alias("marks"),
        )
        .collect()
    )
    points = contiguous(ordered(points, [*LINE, "period"]))
    parts = [_rates(part, counts, known) for part in batches(points, ["place_code", "indicator_id"])]
    return pl.concat(parts, rechunk=False)
