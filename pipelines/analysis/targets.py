"""Gaps between values and targets: attainment, ceilings, pace within the year, annualised values.

Here: METHODOLOGY 6 and 7 as expressions, and the `target_gaps` table. Not here: whether a phrase names the target or a
margin (pipelines/extraction/target_reading.py), or classes of progress over years (progress.py).
"""

from __future__ import annotations

import polars as pl

from pipelines.analysis.intervals import divided
from pipelines.analysis.progress import cagr_ratio, linear_ratio, progress_class
from pipelines.series.periods import elapsed_share, first_year_of, year_of
from pipelines.warehouse.schema import SCHEMAS, conform

POLARITY_ENDS = {"birth_rate": 2015, "natural_growth_rate": 2015}
"""Last year in which the catalogue's polarity holds; none after the two-child policy (METHODOLOGY 6)."""

SEASONAL_SPREAD = 0.20
"""d = 0.20(1 - e): how far a part of the year may stray from its share of the calendar (METHODOLOGY 7.3)."""


def signed_gap(actual: pl.Expr, target: pl.Expr, direction: pl.Expr) -> pl.Expr:
    """Gap, positive where the target is met: A - T for a floor (direction 1), T - A for a ceiling (-1) (METHODOLOGY 6)."""
    return (actual - target) * direction


def two_sided_gap(actual: pl.Expr, lower: pl.Expr, upper: pl.Expr) -> pl.Expr:
    """Gap to a target range [L, U]: min(A - L, U - A) (METHODOLOGY 6)."""
    return pl.min_horizontal(actual - lower, upper - actual)


def attainment(actual: pl.Expr, target: pl.Expr) -> pl.Expr:
    """完成率 A/T; for a ceiling the same ratio is `ceiling_use`, lower is better (METHODOLOGY 6). Null for T = 0."""
    return divided(actual, target)


def pace(actual: pl.Expr, target: pl.Expr, elapsed: pl.Expr) -> pl.Expr:
    """(A/T)/e (METHODOLOGY 7.2): a ceiling is kept at the present pace if <= 1, a floor reached if >= 1."""
    return divided(divided(actual, target), elapsed)


def gap_to_date(actual: pl.Expr, target: pl.Expr, elapsed: pl.Expr, direction: pl.Expr) -> pl.Expr:
    """Gap against the share of the target due by now (METHODOLOGY 7.2)."""
    return (actual - target * elapsed) * direction


def room_for_rest(actual: pl.Expr, target: pl.Expr, elapsed: pl.Expr) -> pl.Expr:
    """What the rest of the year may hold, as an annual rate: (T - A)/(1 - e) (METHODOLOGY 7.2)."""
    return divided(target - actual, 1 - elapsed)


def annualised(
    value: pl.Expr, lo: pl.Expr, hi: pl.Expr, elapsed: pl.Expr, spread: pl.Expr | None = None
) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Value A/e with its ends [lo/(e(1 + d)), hi/(e(1 - d))] (METHODOLOGY 7.3).

    `spread` is d; left out, it is 0.20(1 - e). With own shares of past years, pass their mean as `elapsed` and
    `own_share_spread` as `spread`. Only for indicators whose catalogue column `annualise` is yes.
    """
    d = SEASONAL_SPREAD * (1 - elapsed) if spread is None else spread
    return divided(value, elapsed), divided(lo, elapsed * (1 + d)), divided(hi, elapsed * (1 - d))


def own_share_spread(smallest: pl.Expr, largest: pl.Expr, mean: pl.Expr) -> pl.Expr:
    """d = max(0.02, (max q - min q)/(2 mean q)) from two or more own years (METHODOLOGY 7.3)."""
    return pl.max_horizontal(pl.lit(0.02), divided(largest - smallest, 2 * mean))


def gap_status(gap: pl.Expr, gap_lo: pl.Expr, gap_hi: pl.Expr) -> pl.Expr:
    """met, met_within_rounding, missed, or open where a one-sided value does not decide (METHODOLOGY 6)."""
    return (
        pl.when(gap_lo >= 0)
        .then(pl.lit("met"))
        .when(gap_hi < 0)
        .then(pl.lit("missed"))
        .when(gap_hi.is_null() | gap_lo.is_null())
        .then(pl.lit("open"))
        .when(gap.is_not_null())
        .then(pl.lit("met_within_rounding"))
        .otherwise(pl.lit("open"))
    )


_VALUE = ["value", "value_lo", "value_hi", "value_unit", "period", "period_kind", "value_basis", "one_sided"]


def _linked(targets: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Targets with the observation that their own phrase compares them with; the place may be unknown."""
    seen = observations.select(
        pl.col("observation_id"),
        pl.col("value"),
        pl.col("value_lo"),
        pl.col("value_hi"),
        pl.col("unit").alias("value_unit"),
        pl.col("period"),
        pl.col("period_kind"),
        pl.col("basis").alias("value_basis"),
        (pl.col("value_lo").is_not_null() & pl.col("value_hi").is_null()).alias("one_sided"),
        pl.col("flags").list.contains("damaged").alias("is_damaged"),
    ).filter(pl.col("value").is_not_null() & ~pl.col("is_damaged"))
    return targets.join(
        seen.drop("is_damaged"), left_on="actual_observation_id", right_on="observation_id", how="inner"
    ).with_columns(pl.col("actual_observation_id").alias("observation_id"))


def _from_series(targets: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Targets with the points of the same place, indicator, scope and year."""
    points = series.select(
        "place_code",
        "indicator_id",
        "scope",
        "year",
        "observation_id",
        "value",
        "value_lo",
        "value_hi",
        pl.col("unit").alias("value_unit"),
        "period",
        "period_kind",
        pl.col("basis").alias("value_basis"),
        pl.col("flags").list.contains("one_sided").alias("one_sided"),
    ).filter(pl.col("period_kind").is_in(["annual", "ytd", "quarter", "half", "month", "school_year", "asof"]))
    return targets.filter(pl.col("place_code").is_not_null() & pl.col("indicator_id").is_not_null()).join(
        points,
        left_on=["place_code", "indicator_id", "scope", "target_year"],
        right_on=["place_code", "indicator_id", "scope", "year"],
        how="inner",
    )


def _with_base(pairs: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the last annual point before the plan period, the base of METHODOLOGY 8.1."""
    bases = (
        series.filter((pl.col("period_kind") == "annual") & (pl.col("conflict") != "severe").fill_null(True))
        .select(
            "place_code",
            "indicator_id",
            "scope",
            pl.col("basis").alias("value_basis"),
            pl.col("year").alias("base_year"),
            pl.col("value").alias("base_value"),
        )
        .sort("base_year")
    )
    dated = pairs.filter(pl.col("plan_start").is_not_null() & pl.col("place_code").is_not_null()).sort("plan_start")
    joined = dated.join_asof(
        bases,
        left_on="plan_start",
        right_on="base_year",
        by=["place_code", "indicator_id", "scope", "value_basis"],
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    if "base_year" not in joined.columns:
        joined = joined.with_columns(pl.lit(None, pl.Int64).alias("base_year"))
    rest = pairs.filter(pl.col("plan_start").is_null() | pl.col("place_code").is_null())
    return pl.concat([joined, rest], how="diagonal")


def target_gaps(
    series: pl.DataFrame, targets: pl.DataFrame, indicators: pl.DataFrame, observations: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The `target_gaps` table (METHODOLOGY 6 to 8).

    A target meets the observation that its phrase names (`actual_observation_id`; needs `observations`; also where the
    place is masked) and every point of its place, indicator, scope and year. A year-to-date value of an accumulating
    indicator is set against pace: its gap is labelled `headroom`, and it is annualised only where the catalogue says
    `yes`. Targets or values that could not be read give no row. Raises SchemaError where the result would not fit.
    """
    wanted = targets.filter(pl.col("value").is_not_null()).select(
        "target_id",
        "place_code",
        "place_name",
        "indicator_id",
        "indicator",
        "scope",
        pl.col("period").alias("target_period"),
        pl.col("value").alias("target"),
        pl.col("unit").alias("target_unit"),
        "relation",
        "reading",
        "reading_confidence",
        pl.col("alternative_value").alias("alternative_target"),
        "robust",
        "actual_observation_id",
        pl.col("flags").alias("target_flags"),
        year_of(pl.col("period")).alias("target_year"),
        first_year_of(pl.col("period")).alias("plan_start"),
    )
    columns = [*wanted.columns, "observation_id", *_VALUE]
    pairs = _from_series(wanted, series).select(columns)
    if observations is not None:
        pairs = pl.concat([_linked(wanted, observations).select(columns), pairs])
    pairs = pairs.unique(["target_id", "observation_id"], keep="first", maintain_order=True)
    pairs = _with_base(pairs, series).join(
        indicators.select("indicator_id", "polarity", "annualise", "measure_type"), on="indicator_id", how="left"
    )
    one_sided = pl.col("one_sided").fill_null(False)
    lo = pl.coalesce("value_lo", "value")
    hi = pl.when(~one_sided).then(pl.coalesce("value_hi", "value"))
    share = elapsed_share(pl.col("period"))
    target_is_part = elapsed_share(pl.col("target_period")).is_not_null().fill_null(False)
    last_year = pl.col("indicator_id").replace_strict(POLARITY_ENDS, default=None, return_dtype=pl.Int64)
    expired = (pl.coalesce("target_year", year_of(pl.col("period"))) > last_year).fill_null(False)
    stated = pl.col("relation").replace_strict({"at_most": -1, "at_least": 1}, default=None, return_dtype=pl.Int64)
    by_polarity = pl.col("polarity").replace_strict({"ceiling": -1, "floor": 1}, default=None, return_dtype=pl.Int64)
    is_ratio = pl.col("target_unit").is_in(["%", "‰", "1/10万", "1/万", "男/100女"]).fill_null(False)
    # polarity is the catalogue's, the verb only speaks where the catalogue is silent
    direction = pl.coalesce(by_polarity, stated, pl.when(~is_ratio).then(pl.lit(1, pl.Int64)))
    annualise = pl.coalesce("annualise", pl.when(is_ratio).then(pl.lit("never")).otherwise(pl.lit("pace_only")))
    pairs = pairs.with_columns(
        lo.alias("lo"),
        hi.alias("hi"),
        pl.when(~target_is_part).then(share).alias("share"),
        pl.when(~expired).then(direction).alias("direction"),
        annualise.alias("annualise"),
        expired.alias("expired"),
        (by_polarity.is_not_null() & stated.is_not_null() & (by_polarity != stated)).alias("polarity_mismatch"),
        (by_polarity.is_null() & stated.is_null()).alias("direction_assumed"),
        (pl.col("value_unit") != pl.col("target_unit")).fill_null(False).alias("unit_mismatch"),
    )
    fits = ~pl.col("unit_mismatch")
    value, target = pl.col("value"), pl.col("target")
    e, d = pl.col("share"), pl.col("direction")
    gap = pl.when(fits).then(signed_gap(value, target, d))
    up, down = (pl.col("lo") - target) * d, (pl.col("hi") - target) * d
    accumulating = e.is_not_null() & (pl.col("annualise") != "never")
    yearly_value, yearly_lo, yearly_hi = annualised(value, pl.col("lo"), pl.col("hi"), e)
    annual = fits & accumulating & (pl.col("annualise") == "yes")
    alternative = signed_gap(value, pl.col("alternative_target"), d)
    pairs = pairs.with_columns(
        gap.alias("gap"),
        pl.when(fits).then(pl.when(d > 0).then(up).otherwise(down)).alias("gap_lo"),
        pl.when(fits).then(pl.when(d > 0).then(down).otherwise(up)).alias("gap_hi"),
        pl.when(fits).then(alternative).alias("alternative_gap"),
        pl.when(accumulating).then(pl.lit("headroom")).otherwise(pl.lit("gap")).alias("gap_label"),
        pl.when(fits & (d > 0)).then(attainment(value, target)).alias("attainment"),
        pl.when(fits & (d < 0)).then(attainment(value, target)).alias("ceiling_use"),
        pl.when(fits & accumulating).then(pace(value, target, e)).alias("pace"),
        pl.when(fits & accumulating).then(gap_to_date(value, target, e, d)).alias("gap_to_date"),
        pl.when(fits & accumulating).then(room_for_rest(value, target, e)).alias("room_for_rest"),
        pl.when(annual).then(yearly_value).alias("annualised_value"),
        pl.when(annual).then(yearly_lo).alias("annualised_lo"),
        pl.when(annual).then(yearly_hi).alias("annualised_hi"),
        accumulating.alias("accumulating"),
    )
    good_pace = pl.when(d > 0).then(pl.col("pace") >= 1).otherwise(pl.col("pace") <= 1)
    robustly = pl.when(d > 0).then(pl.col("annualised_lo") >= target).otherwise(pl.col("annualised_hi") <= target)
    while_running = (
        pl.when((d > 0) & (pl.col("gap_lo") >= 0))
        .then(pl.lit("met"))
        .when((d < 0) & (pl.col("gap_hi") < 0))
        .then(pl.lit("missed"))
        .when(robustly.fill_null(False))
        .then(pl.lit("on_pace_robust"))
        .when(good_pace)
        .then(pl.lit("on_pace"))
        .when(good_pace.is_not_null())
        .then(pl.lit("behind_pace"))
        .otherwise(pl.lit("open"))
    )
    status = (
        pl.when(~fits)
        .then(pl.lit("not_comparable"))
        .when(d.is_null())
        .then(pl.lit("no_direction"))
        .when("accumulating")
        .then(while_running)
        .otherwise(gap_status(pl.col("gap"), pl.col("gap_lo"), pl.col("gap_hi")))
    )
    value_year = year_of(pl.col("period"))
    t0, x0 = pl.col("base_year"), pl.col("base_value")
    ready = fits & e.is_null() & t0.is_not_null() & (value_year - t0 >= 1)
    ratio = cagr_ratio(x0, value, target, value_year - t0, pl.col("target_year") - t0)
    straight = linear_ratio(x0, value, target, value_year - t0, pl.col("target_year") - t0)
    classed = progress_class(ratio, straight, x0, value, target, d)
    by_cagr, by_line = (
        progress_class(ratio, ratio, x0, value, target, d),
        progress_class(straight, straight, x0, value, target, d),
    )
    pairs = pairs.with_columns(
        status.alias("status"),
        pl.when(ready).then(classed).when(e.is_null()).then(pl.lit("insufficient_data")).alias("progress_class"),
        (ready & ratio.is_not_null() & (by_cagr != by_line)).fill_null(False).alias("method_sensitive"),
        pl.coalesce(
            "robust",
            pl.when(pl.col("alternative_gap").is_not_null()).then(
                (pl.col("gap") >= 0) == (pl.col("alternative_gap") >= 0)
            ),
        ).alias("robust"),
        pl.coalesce("reading_confidence", pl.lit("high")).alias("confidence"),
        pl.col("share").alias("elapsed_share"),
        pl.col("target_unit").alias("unit"),
    )
    flags = (
        pl.concat_list(
            pl.when(e.is_not_null() & (pl.col("annualise") == "never")).then(pl.lit("ytd_sample")),
            pl.when("method_sensitive").then(pl.lit("method_sensitive")),
            pl.when("unit_mismatch").then(pl.lit("unit_mismatch")),
            pl.when("polarity_mismatch").then(pl.lit("polarity_mismatch")),
            pl.when("expired").then(pl.lit("polarity_expired")),
            pl.when(pl.col("direction_assumed") & d.is_not_null()).then(pl.lit("direction_assumed")),
            pl.when(one_sided).then(pl.lit("one_sided")),
            pl.when(pl.col("target_year").is_null()).then(pl.lit("unknown_year")),
        )
        .list.drop_nulls()
        .alias("flags")
    )
    result = pairs.with_columns(flags).select(list(SCHEMAS["target_gaps"]))
    return conform("target_gaps", result.sort("target_id", "observation_id"))
