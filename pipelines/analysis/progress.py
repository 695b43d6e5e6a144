"""Progress of a series, with and without a target: Eurostat classes, UN and ESCAP cross-checks, trends.

Here: METHODOLOGY 8 as expressions over pairs of points, and regressions over groups of points. Not here: the gap to a
target in one year (targets.py), or which points are comparable (growth.py, pipelines/series/breaks.py).

A direction is +1 where more is better (floor) and -1 where less is (ceiling).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from pipelines.analysis.change import cagr
from pipelines.analysis.intervals import divided, finite
from pipelines.series.lines import looked_up, run_number, starts

POLARITY_ENDS = {"birth_rate": 2015, "natural_growth_rate": 2015}
"""Last year in which the catalogue's polarity holds; none after the two-child policy (METHODOLOGY 6)."""


def _meets(value: pl.Expr, target: pl.Expr, direction: pl.Expr) -> pl.Expr:
    return (value - target) * direction >= 0


def trend_class(rate: pl.Expr, direction: pl.Expr) -> pl.Expr:
    """Eurostat class without a target from a CAGR: significant, moderate, moderate_away, significant_away
    (METHODOLOGY 8.2)."""
    signed = rate * direction
    return (
        pl.when(signed >= 0.01)
        .then(pl.lit("significant"))
        .when(signed >= 0)
        .then(pl.lit("moderate"))
        .when(signed >= -0.01)
        .then(pl.lit("moderate_away"))
        .when(signed < -0.01)
        .then(pl.lit("significant_away"))
    )


def shortfall_cagr(x0: pl.Expr, x1: pl.Expr, years: pl.Expr, direction: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """CAGR and direction for a percentage: a floor that starts at 95% or more is judged by its shortfall 100 - x
    (METHODOLOGY 8.2)."""
    near_full = (direction > 0) & (x0 >= 95) & (x0 <= 100)
    rate = pl.when(near_full).then(cagr(100 - x0, 100 - x1, years)).otherwise(cagr(x0, x1, years))
    return rate, pl.when(near_full).then(-1).otherwise(direction)


def cagr_ratio(x0: pl.Expr, x1: pl.Expr, target: pl.Expr, years: pl.Expr, plan_years: pl.Expr) -> pl.Expr:
    """R = CAGR(x0 to x1)/CAGR(x0 to T over the plan); null where a value is not positive (METHODOLOGY 8.3)."""
    return divided(cagr(x0, x1, years), cagr(x0, target, plan_years))


def linear_ratio(x0: pl.Expr, x1: pl.Expr, target: pl.Expr, years: pl.Expr, plan_years: pl.Expr) -> pl.Expr:
    """R_lin: yearly change so far over the yearly change that leads to the target (METHODOLOGY 8.3)."""
    return divided(divided(x1 - x0, years), divided(target - x0, plan_years))


def ratio_class(ratio: pl.Expr) -> pl.Expr:
    """on_track, moderate, insufficient, moving_away by R (METHODOLOGY 8.3)."""
    return (
        pl.when(ratio >= 0.95)
        .then(pl.lit("on_track"))
        .when(ratio >= 0.60)
        .then(pl.lit("moderate"))
        .when(ratio >= 0)
        .then(pl.lit("insufficient"))
        .when(ratio < 0)
        .then(pl.lit("moving_away"))
    )


def progress_class(
    ratio: pl.Expr, straight: pl.Expr, x0: pl.Expr, x1: pl.Expr, target: pl.Expr, direction: pl.Expr
) -> pl.Expr:
    """Class towards a target: met, lost, insufficient_data, else by R, or by R_lin where R is null (METHODOLOGY 8.1,
    8.3)."""
    return (
        pl.when(_meets(x1, target, direction))
        .then(pl.lit("met"))
        .when(_meets(x0, target, direction))
        .then(pl.lit("lost"))
        .otherwise(pl.coalesce(ratio_class(pl.coalesce(ratio, straight)), pl.lit("insufficient_data")))
    )


def method_sensitive(ratio: pl.Expr, straight: pl.Expr) -> pl.Expr:
    """True where R and R_lin give different classes (METHODOLOGY 8.3)."""
    return ratio_class(ratio) != ratio_class(straight)


# ------------------------------------------------------------------------------------------------------- cross-checks


def carried_on(x1: pl.Expr, rate: pl.Expr, years: pl.Expr) -> pl.Expr:
    """x1(1 + rate)^years, before a test for overflow (METHODOLOGY 8.4)."""
    return x1 * ((1 + rate).log() * years).exp()


def un_projection(x0: pl.Expr, x1: pl.Expr, years: pl.Expr, years_left: pl.Expr) -> pl.Expr:
    """UN Progress Chart: the value at the target year if the CAGR so far holds (METHODOLOGY 8.4)."""
    return finite(carried_on(x1, cagr(x0, x1, years), years_left))


def un_share(x0: pl.Expr, projected: pl.Expr, target: pl.Expr) -> pl.Expr:
    """Share of the way from base to target that the projection covers (METHODOLOGY 8.4)."""
    return divided(projected - x0, target - x0)


def un_class(share: pl.Expr) -> pl.Expr:
    """on_track, fair, stagnation, regression (METHODOLOGY 8.4)."""
    return (
        pl.when(share >= 0.95)
        .then(pl.lit("on_track"))
        .when(share >= 0.10)
        .then(pl.lit("fair"))
        .when(share >= 0)
        .then(pl.lit("stagnation"))
        .when(share < 0)
        .then(pl.lit("regression"))
    )


def sdg_arrow(straight: pl.Expr) -> pl.Expr:
    """SDG Index arrow by R_lin: up, right_up, right, down (METHODOLOGY 8.4)."""
    return (
        pl.when(straight >= 1)
        .then(pl.lit("up"))
        .when(straight >= 0.5)
        .then(pl.lit("right_up"))
        .when(straight >= 0)
        .then(pl.lit("right"))
        .when(straight < 0)
        .then(pl.lit("down"))
    )


def oecd_distance(actual: pl.Expr, target: pl.Expr, sigma: pl.Expr, direction: pl.Expr) -> pl.Expr:
    """max(0, D(T - A))/σ with the spread σ of peers in the same year (METHODOLOGY 8.4)."""
    return divided(pl.max_horizontal(pl.lit(0.0), (target - actual) * direction), sigma)


def escap_status(x0: pl.Expr, x1: pl.Expr, target: pl.Expr, direction: pl.Expr) -> pl.Expr:
    """ESCAP Current Status 10·D(x1 - x0)/|T - x0|; below 0 regressed (METHODOLOGY 8.5)."""
    return divided(10 * (x1 - x0) * direction, (target - x0).abs())


def escap_parity(x0: pl.Expr, x1: pl.Expr, target: pl.Expr) -> pl.Expr:
    """ESCAP status for a parity target: 10 - 10|T - x1|/|T - x0| (METHODOLOGY 8.5)."""
    return 10 - divided(10 * (target - x1).abs(), (target - x0).abs())


def escap_line(years: pl.Expr, plan_years: pl.Expr) -> pl.Expr:
    """Status that an even advance would have by now: 10(t1 - t0)/(tT - t0) (METHODOLOGY 8.5)."""
    return divided(10 * years, plan_years)


def anticipated_gap(base: pl.Expr, projected: pl.Expr, target: pl.Expr, direction: pl.Expr) -> pl.Expr:
    """ESCAP Anticipated Progress P = 100·max(0, D(T - x̂))/|T - x0| (METHODOLOGY 8.6)."""
    return divided(100 * pl.max_horizontal(pl.lit(0.0), (target - projected) * direction), (target - base).abs())


def anticipated_class(p: pl.Expr) -> pl.Expr:
    """maintain, accelerate, reverse (METHODOLOGY 8.6)."""
    return (
        pl.when(p <= 10)
        .then(pl.lit("maintain"))
        .when(p <= 100)
        .then(pl.lit("accelerate"))
        .when(p > 100)
        .then(pl.lit("reverse"))
    )


def required_change(x1: pl.Expr, target: pl.Expr, years_left: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Required change a year: (T - x1)/years, and (T/x1)^(1/years) - 1 as a ratio (METHODOLOGY 8.7)."""
    return divided(target - x1, years_left), cagr(x1, target, years_left)


# ------------------------------------------------------------------------------------------------------------- trends


def student_cdf(t: float, df: int) -> float:
    """Distribution function of Student's t for a whole number of degrees of freedom >= 1."""
    theta = math.atan(t / math.sqrt(df))
    c, s = math.cos(theta), math.sin(theta)
    if df % 2:
        total, term = 0.0, c
        for k in range(1, (df - 1) // 2 + 1):
            total += term
            term *= c * c * (2 * k) / (2 * k + 1)
        area = 2 / math.pi * (theta + s * total)
    else:
        total, term = 0.0, 1.0
        for k in range(1, df // 2 + 1):
            total += term
            term *= c * c * (2 * k - 1) / (2 * k)
        area = s * total
    return 0.5 + area / 2


def student_quantile(p: float, df: int) -> float:
    """Quantile of Student's t, by bisection."""
    lo, hi = -1e4, 1e4
    for _ in range(200):
        middle = (lo + hi) / 2
        if student_cdf(middle, df) < p:
            lo = middle
        else:
            hi = middle
    return (lo + hi) / 2


_ROUNDING = 1e-12
"""What a line leaves is the rounding of 64-bit sums below this share of the squares about the mean, and a deviation below
this share of the mean that of its values."""


def trend(points: pl.DataFrame, by: Sequence[str], theta: float = 0.0) -> pl.DataFrame:
    """Regression of `value` on `year` within groups, weighted by (year - first year + 1)^theta.

    One row per group: `by`, n, first_year, last_year, last_value, mean_year, mean_value, slope, s (residual standard
    error), se (of the slope), sxx. Slope needs two different years, s and se three points; null otherwise.
    METHODOLOGY 8.6 (theta 1) and 8.8 (theta 0).
    """
    rows = points.filter(pl.col("value").is_not_null()).select(*by, "year", "value").sort(*by, "year")
    group = rows.select(run_number(by).alias("group")) if by else rows.select(pl.lit(0).alias("group"))
    rows = rows.hstack([group["group"].cast(pl.UInt32)]).with_columns(pl.col("year").cast(pl.Float64).alias("t"))
    # means first, then the sums about them, as columns: sums of sums within groups are worked out group by group
    means = _sums(rows.with_columns(pl.col("year").first().over("group").alias("first")), theta)
    x, t = pl.col("value"), pl.col("t")
    about = (
        rows.with_columns(means[c].gather(rows["group"]) for c in ("first_year", "mean_year", "mean_value"))
        .with_columns(_weight(pl.col("first_year"), theta).alias("w"))
        .select(
            "group",
            (pl.col("w") * (t - pl.col("mean_year")) ** 2).alias("sxx"),
            (pl.col("w") * (t - pl.col("mean_year")) * (x - pl.col("mean_value"))).alias("sxy"),
            (pl.col("w") * (x - pl.col("mean_value")) ** 2).alias("syy"),
        )
    )
    sums = means.hstack(
        about.group_by("group", maintain_order=True).agg(pl.col("sxx", "sxy", "syy").sum()).drop("group").get_columns()
    )
    sums = rows.filter(starts(["group"])).select(by).hstack(sums.get_columns())
    slope = divided(pl.col("sxy"), pl.col("sxx"))
    left = pl.col("syy") - slope * pl.col("sxy")
    # points on a line leave the rounding of the sums, whose sign and size say nothing: no deviation
    noise = _ROUNDING * pl.col("syy") + pl.col("n") * (_ROUNDING * pl.col("mean_value")) ** 2
    residual = pl.when(left > noise).then(left).when(left.is_not_null()).then(0.0)
    s = pl.when(pl.col("n") > 2).then(divided(residual, pl.col("n") - 2).sqrt())
    out = sums.with_columns(slope.alias("slope"), s.alias("s")).with_columns(
        divided(pl.col("s"), pl.col("sxx").sqrt()).alias("se")
    )
    columns = ["n", "first_year", "last_year", "last_value", "mean_year", "mean_value", "slope", "s", "se", "sxx"]
    return out.select(*by, *columns)


def _weight(first: pl.Expr, theta: float) -> pl.Expr:
    return (pl.col("year") - first + 1).cast(pl.Float64).pow(theta) if theta else pl.lit(1.0)


def _sums(rows: pl.DataFrame, theta: float) -> pl.DataFrame:
    """n, first_year, last_year, last_value, mean_year and mean_value of each group of `rows`, weighted."""
    weighed = rows.with_columns(_weight(pl.col("first"), theta).alias("w")).with_columns(
        (pl.col("w") * pl.col("t")).alias("wt"), (pl.col("w") * pl.col("value")).alias("wx")
    )
    return (
        weighed.group_by("group", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("n"),
            pl.col("year").first().alias("first_year"),
            pl.col("year").last().alias("last_year"),
            pl.col("value").last().alias("last_value"),
            pl.col("w", "wt", "wx").sum(),
        )
        .select(
            *("n", "first_year", "last_year", "last_value"),
            (pl.col("wt") / pl.col("w")).alias("mean_year"),
            (pl.col("wx") / pl.col("w")).alias("mean_value"),
        )
    )


def fitted(year: pl.Expr) -> pl.Expr:
    """Value of the fitted line in `year`, for the columns of `trend`."""
    return pl.col("mean_value") + pl.col("slope") * (year - pl.col("mean_year"))


def projection(fits: pl.DataFrame) -> pl.DataFrame:
    """`trend` rows with `target`, `target_year` and `direction`, extended by the attainment date (METHODOLOGY 8.8).

    Adds slope_lo, slope_hi (80% range), date, date_early, date_late (null where the range of slopes reaches zero),
    at_target, at_target_lo, at_target_hi (80% prediction interval in the target year) and p_met. Ranges need n >= 4;
    dates beyond last_year + (last_year - first_year) are null.
    """
    known = sorted({int(n) - 2 for n in fits["n"].unique().to_list() if n is not None and n >= 4})
    quantiles = {df: student_quantile(0.90, df) for df in known}
    df = pl.col("n") - 2
    tq = df.replace_strict(quantiles, default=None, return_dtype=pl.Float64) if known else pl.lit(None, pl.Float64)
    rows = fits.with_columns(tq.alias("tq")).with_columns(
        (pl.col("slope") - pl.col("tq") * pl.col("se")).alias("slope_lo"),
        (pl.col("slope") + pl.col("tq") * pl.col("se")).alias("slope_hi"),
    )
    way = pl.col("target") - pl.col("last_value")
    limit = 2 * pl.col("last_year") - pl.col("first_year")

    def date(slope: pl.Expr) -> pl.Expr:
        when = pl.col("last_year") + divided(way, pl.when(slope * way > 0).then(slope))
        return pl.when(when <= limit).then(when)

    fast = pl.when(way < 0).then("slope_lo").otherwise("slope_hi")
    slow = pl.when(way < 0).then("slope_hi").otherwise("slope_lo")
    at = fitted(pl.col("target_year"))
    spread = (
        pl.col("s") * (1 + 1 / pl.col("n") + (pl.col("target_year") - pl.col("mean_year")) ** 2 / pl.col("sxx")).sqrt()
    )
    rows = rows.with_columns(
        date(pl.col("slope")).alias("date"),
        date(fast).alias("date_early"),
        date(slow).alias("date_late"),
        at.alias("at_target"),
        (at - pl.col("tq") * spread).alias("at_target_lo"),
        (at + pl.col("tq") * spread).alias("at_target_hi"),
        divided((at - pl.col("target")) * pl.col("direction"), spread).alias("t_met"),
    )
    return rows.with_columns(_chances(rows, known)).drop("tq", "t_met")


def _chances(rows: pl.DataFrame, degrees: Sequence[int]) -> pl.Series:
    """`p_met` of rows with n and t_met, for each number of degrees of freedom apart: their formulas differ."""
    told = rows.select(pl.row_index("row"), "n", "t_met")
    parts = [
        told.filter(pl.col("n") - 2 == d).select("row", _student_cdf_expr(pl.col("t_met"), d).alias("p_met"))
        for d in degrees
    ]
    found = pl.concat([pl.DataFrame(schema={"row": told.schema["row"], "p_met": pl.Float64}), *parts])
    return looked_up(told.select("row"), ["row"], found)["p_met"]


def _student_cdf_expr(t: pl.Expr, df: int) -> pl.Expr:
    theta = (t / math.sqrt(df)).arctan()
    c, s = theta.cos(), theta.sin()
    total = pl.lit(0.0)
    if df % 2:
        coefficient = 1.0
        for k in range(1, (df - 1) // 2 + 1):
            total = total + coefficient * c.pow(2 * k - 1)
            coefficient *= 2 * k / (2 * k + 1)
        return 0.5 + (theta + s * total) / math.pi
    coefficient = 1.0
    for k in range(1, df // 2 + 1):
        total = total + coefficient * c.pow(2 * k - 2)
        coefficient *= (2 * k - 1) / (2 * k)
    return 0.5 + s * total / 2
