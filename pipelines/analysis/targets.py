"""Gaps between values and targets: attainment, ceilings, pace within the year, annualised values.

Here: METHODOLOGY 6 and 7 as expressions, and the `target_gaps` table. Not here: whether a phrase names the target or a
margin (pipelines/extraction/target_reading.py), or classes of progress over years (progress.py).
"""

from __future__ import annotations

import polars as pl

from pipelines.analysis.intervals import divided
from pipelines.analysis.progress import (
    POLARITY_ENDS,
    cagr_ratio,
    escap_line,
    escap_parity,
    escap_status,
    linear_ratio,
    progress_class,
    projection,
    required_change,
    trend,
    un_class,
    un_projection,
    un_share,
)
from pipelines.series.breaks import crossings, known_breaks
from pipelines.series.build import one_sided
from pipelines.series.periods import elapsed_share, first_year_of, stencil_of, year_of
from pipelines.warehouse.schema import SCHEMAS, conform, empty

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


_VALUE = [
    "value",
    "value_lo",
    "value_hi",
    "value_unit",
    "period",
    "period_kind",
    "value_basis",
    "value_status",
    "one_sided",
]
_COMPARABLE_KINDS = ("annual", "ytd", "quarter", "half", "month", "school_year", "asof")
_RATIO_UNITS = ("%", "‰", "1/10万", "1/万", "男/100女")
_BIRTH_CONTROL_YEAR = "计划生育年度"


def _wanted(targets: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Readable targets, a range (103至107) with both of its ends."""
    two = observations.filter(pl.col("values").list.len() == 2).select(
        "observation_id",
        pl.col("values").list.min().alias("range_lo"),
        pl.col("values").list.max().alias("range_hi"),
    )
    first = pl.col("observation_ids").list.first().alias("observation_id")
    ranged = targets.with_columns(first).join(two, on="observation_id", how="left", maintain_order="left")
    is_range = (pl.col("relation") == "equal") & (pl.col("range_lo") < pl.col("range_hi"))
    return (
        ranged.with_columns(
            pl.when(is_range).then("range_lo").alias("range_lo"), pl.when(is_range).then("range_hi").alias("range_hi")
        )
        .filter(pl.col("value").is_not_null() | pl.col("range_lo").is_not_null())
        .select(
            "target_id",
            "place_code",
            "place_name",
            "indicator_id",
            "indicator",
            "scope",
            pl.col("period").alias("target_period"),
            pl.col("value").alias("target"),
            "range_lo",
            "range_hi",
            pl.col("unit").alias("target_unit"),
            "relation",
            "reading",
            "reading_confidence",
            pl.col("alternative_value").alias("alternative_target"),
            "robust",
            "actual_observation_id",
            year_of(pl.col("period")).alias("target_year"),
            first_year_of(pl.col("period")).alias("plan_start"),
        )
    )


_COMPARED = (
    *map(pl.col, ("observation_id", "value", "value_lo", "value_hi", "period", "period_kind")),
    *(pl.col(name).alias(f"value_{name}") for name in ("unit", "basis", "status")),
)
"""What a gap needs of the value that a target is compared with."""


def _linked(targets: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Targets with the observation that their own phrase compares them with; the place may be unknown."""
    seen = observations.filter(pl.col("value").is_not_null() & ~pl.col("flags").list.contains("damaged")).select(
        *_COMPARED, one_sided()
    )
    return targets.join(seen, left_on="actual_observation_id", right_on="observation_id", how="inner").with_columns(
        pl.col("actual_observation_id").alias("observation_id")
    )


def _from_series(targets: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Targets with the points of the same place, indicator, scope and year, and, for plans of several years, the annual
    points of the years on the way."""
    points = series.filter(
        pl.col("period_kind").is_in(_COMPARABLE_KINDS) & ~pl.col("flags").list.contains("implied")
    ).select(
        "place_code",
        "indicator_id",
        "scope",
        "year",
        *_COMPARED,
        pl.col("flags").list.contains("one_sided").alias("one_sided"),
    )
    placed = targets.filter(pl.col("place_code").is_not_null() & pl.col("indicator_id").is_not_null())
    key = ["place_code", "indicator_id", "scope"]
    in_year = placed.join(points, left_on=[*key, "target_year"], right_on=[*key, "year"], how="inner")
    on_the_way = (
        placed.filter(pl.col("plan_start") < pl.col("target_year"))
        .join(points.filter(pl.col("period_kind") == "annual"), on=key, how="inner")
        .filter((pl.col("year") >= pl.col("plan_start")) & (pl.col("year") < pl.col("target_year")))
    )
    return pl.concat([in_year, on_the_way.select(in_year.columns)])


def _with_base(pairs: pl.DataFrame, series: pl.DataFrame, breaks: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the last annual point before the plan period, else the first of the series, as the base of METHODOLOGY
    8.1, and whether a break lies between (METHODOLOGY 4.6)."""
    key = ["place_code", "indicator_id", "scope", "value_basis"]
    settled = (pl.col("period_kind") == "annual") & (pl.col("conflict") != "severe").fill_null(True)
    bases = (
        series.filter(settled & ~pl.col("flags").list.contains("implied"))
        .select(
            *key[:3],
            pl.col("basis").alias("value_basis"),
            pl.col("year").alias("base_year"),
            pl.col("value").alias("base_value"),
            pl.col("status").alias("base_status"),
        )
        .join(pairs.select(key).unique(), on=key, how="semi")
        .sort("base_year")
    )
    dated = pairs.filter(pl.col("plan_start").is_not_null() & pl.col("place_code").is_not_null()).sort("plan_start")
    joined = dated.join_asof(
        bases.with_columns(pl.col("base_year").alias("at")),
        left_on="plan_start",
        right_on="at",
        by=key,
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    first = bases.unique(key, keep="first", maintain_order=True).rename(
        {c: f"first_{c}" for c in bases.columns if c not in key}
    )
    based = joined.select(*pairs.columns, "base_year", "base_value", "base_status").join(first, on=key, how="left")
    based = based.with_columns(
        pl.coalesce(c, f"first_{c}").alias(c) for c in ("base_year", "base_value", "base_status")
    )
    rest = pairs.filter(pl.col("plan_start").is_null() | pl.col("place_code").is_null())
    rows = pl.concat([based.drop([f"first_{c}" for c in bases.columns if c not in key]), rest], how="diagonal")
    rows = rows.with_row_index("line").with_columns(pl.col("line").cast(pl.UInt32))
    crossed = crossings(
        rows.select(
            "line",
            year_of(pl.col("period")).alias("year"),
            pl.col("base_year").alias("prior_year"),
            (pl.col("value_status") == "revised").alias("revised"),
            (pl.col("base_status") == "revised").fill_null(False).alias("prior_revised"),
        ),
        rows.select("indicator_id", pl.col("value_basis").alias("basis"), "place_code"),
        breaks,
    )
    return rows.with_columns(pl.col("line").is_in(crossed.implode()).alias("crosses_break")).drop("line")


def _with_own_shares(pairs: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the share of the year that equal parts of earlier years had in their place (METHODOLOGY 7.3): `own_share`
    and `own_spread`, null with fewer than two such years.

    `pairs` has `annual`, the rows to be annualised.
    """
    key = ["place_code", "indicator_id", "scope", "value_basis"]
    stated = series.filter(~pl.col("flags").list.contains("implied")).select(
        *key[:3], pl.col("basis").alias("value_basis"), "period", "period_kind", "year", "value"
    )
    rows = pairs.with_row_index("row")
    open_rows = rows.filter("annual").select("row", *key, "period", year_of(pl.col("period")).alias("now"))
    stated = stated.join(open_rows.select(key).unique(), on=key, how="semi")
    whole = stated.filter(pl.col("period_kind") == "annual").select(*key, "year", pl.col("value").alias("whole"))
    parts = stated.filter(pl.col("period_kind") != "annual").with_columns(stencil_of(pl.col("period")).alias("stencil"))
    shares = parts.join(whole, on=[*key, "year"], how="inner").with_columns(
        divided(pl.col("value"), pl.col("whole")).alias("q")
    )
    shares = shares.filter((pl.col("q") > 0) & (pl.col("q") <= 1)).select(*key, "stencil", "year", "q")
    found = (
        open_rows.with_columns(stencil_of(pl.col("period")).alias("stencil"))
        .join(shares, on=[*key, "stencil"], how="inner")
        .filter(pl.col("year") < pl.col("now"))
        .group_by("row")
        .agg(
            pl.col("q").mean().alias("own_share"),
            pl.col("q").min().alias("low"),
            pl.col("q").max().alias("high"),
            pl.len(),
        )
        .filter(pl.col("len") > 1)
        .with_columns(own_share_spread(pl.col("low"), pl.col("high"), pl.col("own_share")).alias("own_spread"))
    )
    return rows.join(found.select("row", "own_share", "own_spread"), on="row", how="left", maintain_order="left").drop(
        "row"
    )


def compared_observations(observations: pl.LazyFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """The observations that `target_gaps` looks at: those that targets were read from or name, and those of sentences
    that speak of the family-planning year."""
    ids = pl.concat(
        [
            targets.select(pl.col("actual_observation_id").alias("observation_id")),
            targets.select(pl.col("observation_ids").list.first().alias("observation_id")),
        ]
    ).unique()
    rows = observations.select(
        *("observation_id", "value", "value_lo", "value_hi", "values", "unit", "approx", "period", "period_kind"),
        *("basis", "status", "flags", "sentence"),
    )
    named = pl.col("sentence").str.contains(_BIRTH_CONTROL_YEAR, literal=True)
    return rows.filter(named | pl.col("observation_id").is_in(ids["observation_id"].drop_nulls().implode())).collect()


def _october_years(pairs: pl.DataFrame, observations: pl.DataFrame) -> pl.Series:
    """True where the sentence of the value counts by the family-planning year from October (METHODOLOGY 7.1)."""
    named = observations.filter(pl.col("sentence").str.contains(_BIRTH_CONTROL_YEAR, literal=True))["observation_id"]
    return pairs["observation_id"].is_in(named.implode())


def target_gaps(
    series: pl.DataFrame,
    targets: pl.DataFrame,
    indicators: pl.DataFrame,
    observations: pl.DataFrame | None = None,
    breaks: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The `target_gaps` table (METHODOLOGY 6 to 8).

    A target meets the observation that its phrase names (`actual_observation_id`; needs `observations`; also where the
    place is masked) and every point of its place, indicator, scope and year; a plan of several years also the annual
    points on the way, whose status is `under_way` until it is met. A year-to-date value of an accumulating indicator is
    set against pace: its gap is labelled `headroom`, and it is annualised only where the catalogue says `yes`, by the
    place's own shares of the year where two earlier years tell them. Progress is never judged across a break. Targets or
    values that could not be read give no row. Raises SchemaError where the result would not fit.
    """
    seen = empty("observations") if observations is None else observations
    wanted = _wanted(targets, seen)
    columns = [*wanted.columns, "observation_id", *_VALUE]
    pairs = pl.concat([_linked(wanted, seen).select(columns), _from_series(wanted, series).select(columns)])
    pairs = pairs.unique(["target_id", "observation_id"], keep="first", maintain_order=True)
    known = known_breaks() if breaks is None else breaks
    pairs = _with_base(pairs, series, known).join(
        indicators.select("indicator_id", "polarity", "annualise", "measure_type"), on="indicator_id", how="left"
    )
    pairs = pairs.with_columns(_october_years(pairs, seen).alias("from_october"))
    gaps = _judged_progress(_judged_gaps(_with_own_shares(_prepared(pairs), series)))
    gaps = _with_projection(gaps, series, known)
    return conform("target_gaps", gaps.select(list(SCHEMAS["target_gaps"])).sort("target_id", "observation_id"))


def _prepared(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs with direction, ends of the value, share of the year elapsed, and what may be computed."""
    share = pl.when("from_october").then(elapsed_share(pl.col("period"), 10)).otherwise(elapsed_share(pl.col("period")))
    target_is_part = elapsed_share(pl.col("target_period")).is_not_null().fill_null(False)
    last_year = pl.col("indicator_id").replace_strict(POLARITY_ENDS, default=None, return_dtype=pl.Int64)
    expired = (pl.coalesce("target_year", year_of(pl.col("period"))) > last_year).fill_null(False)
    stated = pl.col("relation").replace_strict({"at_most": -1, "at_least": 1}, default=None, return_dtype=pl.Int64)
    by_polarity = pl.col("polarity").replace_strict({"ceiling": -1, "floor": 1}, default=None, return_dtype=pl.Int64)
    is_ratio = pl.col("target_unit").is_in(_RATIO_UNITS).fill_null(False)
    # polarity is the catalogue's, the verb only speaks where the catalogue is silent
    direction = pl.coalesce(by_polarity, stated, pl.when(~is_ratio).then(pl.lit(1, pl.Int64)))
    annualise = pl.coalesce("annualise", pl.when(is_ratio).then(pl.lit("never")).otherwise(pl.lit("pace_only")))
    two_sided = pl.col("range_lo").is_not_null()
    open_ended = pl.col("one_sided").fill_null(False)
    middle = (pl.col("range_lo") + pl.col("range_hi")) / 2
    nearest = pl.when(pl.col("value") < middle).then("range_lo").otherwise("range_hi")
    return pairs.with_columns(
        pl.coalesce("value_lo", "value").alias("lo"),
        pl.when(~open_ended).then(pl.coalesce("value_hi", "value")).alias("hi"),
        pl.when(~target_is_part).then(share).alias("share"),
        two_sided.alias("two_sided"),
        pl.when(two_sided).then(-1).when(~expired).then(direction).alias("direction"),
        annualise.alias("annualise"),
        expired.alias("expired"),
        (by_polarity.is_not_null() & stated.is_not_null() & (by_polarity != stated)).alias("polarity_mismatch"),
        (by_polarity.is_null() & stated.is_null() & ~two_sided).alias("direction_assumed"),
        (pl.col("value_unit") != pl.col("target_unit")).fill_null(False).alias("unit_mismatch"),
        pl.when(two_sided).then(nearest).otherwise("target").alias("target"),
        open_ended.alias("one_sided"),
        year_of(pl.col("period")).alias("value_year"),
    ).with_columns(
        (pl.col("share").is_not_null() & (pl.col("annualise") != "never")).alias("accumulating"),
        (pl.col("share").is_not_null() & (pl.col("annualise") == "yes") & ~pl.col("unit_mismatch")).alias("annual"),
    )


def _judged_gaps(pairs: pl.DataFrame) -> pl.DataFrame:
    """Prepared pairs with gap, ratios, pace, annualised value and status (METHODOLOGY 6, 7)."""
    fits, accumulating = ~pl.col("unit_mismatch"), pl.col("accumulating")
    value, target, lo, hi = (pl.col(c) for c in ("value", "target", "lo", "hi"))
    e, d = pl.col("share"), pl.col("direction")
    lower, upper = pl.col("range_lo"), pl.col("range_hi")
    up, down = (lo - target) * d, (hi - target) * d
    # the gap to a range is largest in its middle: an end of the value's interval gives the lower end of the gap
    range_lo = pl.min_horizontal(two_sided_gap(lo, lower, upper), two_sided_gap(hi, lower, upper))
    middle = pl.max_horizontal(lo, pl.min_horizontal(hi, (lower + upper) / 2))
    two_sided = pl.col("two_sided")
    own = pl.col("own_share")
    yearly = annualised(
        value, lo, hi, pl.coalesce(own, e), pl.coalesce(pl.col("own_spread"), SEASONAL_SPREAD * (1 - e))
    )
    moving = fits & accumulating
    pairs = (
        pairs.lazy()
        .with_columns(
            pl.when(fits)
            .then(pl.when(two_sided).then(two_sided_gap(value, lower, upper)).otherwise(signed_gap(value, target, d)))
            .alias("gap"),
            pl.when(fits).then(pl.when(two_sided).then(range_lo).when(d > 0).then(up).otherwise(down)).alias("gap_lo"),
            pl.when(fits)
            .then(pl.when(two_sided).then(two_sided_gap(middle, lower, upper)).when(d > 0).then(down).otherwise(up))
            .alias("gap_hi"),
            pl.when(fits).then(signed_gap(value, pl.col("alternative_target"), d)).alias("alternative_gap"),
            pl.when(accumulating).then(pl.lit("headroom")).otherwise(pl.lit("gap")).alias("gap_label"),
            pl.when(fits & (d > 0)).then(attainment(value, target)).alias("attainment"),
            pl.when(fits & (d < 0) & ~two_sided).then(attainment(value, target)).alias("ceiling_use"),
            pl.when(moving).then(pace(value, target, e)).alias("pace"),
            pl.when(moving).then(gap_to_date(value, target, e, d)).alias("gap_to_date"),
            pl.when(moving).then(room_for_rest(value, target, e)).alias("room_for_rest"),
            *(
                pl.when("annual").then(x).alias(c)
                for x, c in zip(yearly, ("annualised_value", "annualised_lo", "annualised_hi"), strict=True)
            ),
        )
        .collect()
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
    on_the_way = (pl.col("value_year") < pl.col("target_year")).fill_null(False) & e.is_null()
    at_the_end = gap_status(pl.col("gap"), pl.col("gap_lo"), pl.col("gap_hi"))
    status = (
        pl.when(~fits)
        .then(pl.lit("not_comparable"))
        .when(d.is_null())
        .then(pl.lit("no_direction"))
        .when(accumulating)
        .then(while_running)
        .when(on_the_way & (at_the_end != "met"))
        .then(pl.lit("under_way"))
        .otherwise(at_the_end)
    )
    return pairs.with_columns(status.alias("status"))


def _with_projection(pairs: pl.DataFrame, series: pl.DataFrame, breaks: pl.DataFrame) -> pl.DataFrame:
    """Pairs on the way to a target with the date at which a straight line through the series so far meets it, its 80% range
    and the chance to meet it in time (METHODOLOGY 8.8); null across a break."""
    key = ["place_code", "indicator_id", "scope", "value_basis"]
    rows = pairs.with_row_index("row")
    goal = ["row", *key, "target", "target_year", "direction", "value_year"]
    open_rows = rows.filter(pl.col("ready") & (pl.col("target_year") > pl.col("value_year"))).select(goal)
    annual = (pl.col("period_kind") == "annual") & ~pl.col("flags").list.contains("implied")
    points = series.filter(annual & (pl.col("conflict") != "severe").fill_null(True)).select(
        *key[:3],
        pl.col("basis").alias("value_basis"),
        "year",
        "value",
        (pl.col("status") == "revised").alias("revised"),
    )
    history = (
        open_rows.join(points, on=key, how="inner").filter(pl.col("year") <= pl.col("value_year")).sort("row", "year")
    )
    ends = history.group_by("row", *key[:2], "value_basis", maintain_order=True).agg(
        pl.col("year").last(),
        pl.col("year").first().alias("prior_year"),
        pl.col("revised").last(),
        pl.col("revised").first().alias("prior_revised"),
    )
    lines = ends.select("indicator_id", pl.col("value_basis").alias("basis"), "place_code")
    across = crossings(ends.select(pl.row_index("line").cast(pl.UInt32), pl.all()), lines, breaks)
    whole = ends.select("row").with_row_index("line").filter(~pl.col("line").is_in(across.implode())).select("row")
    fits = trend(history.join(whole, on="row", how="semi").select("row", "year", "value"), ["row"])
    found = projection(fits.join(open_rows.select("row", "target", "target_year", "direction"), on="row")).select(
        "row",
        pl.col("date").alias("projected_date"),
        pl.col("date_early").alias("projected_early"),
        pl.col("date_late").alias("projected_late"),
        "p_met",
    )
    return rows.join(found, on="row", how="left", maintain_order="left").drop("row")


def _judged_progress(pairs: pl.DataFrame) -> pl.DataFrame:
    """Judged pairs with progress from the base and its cross-checks (METHODOLOGY 8), flags and the table's other columns."""
    value, target, e, d = (pl.col(c) for c in ("value", "target", "share", "direction"))
    t0, x0 = pl.col("base_year"), pl.col("base_value")
    years, plan_years = pl.col("value_year") - t0, pl.col("target_year") - t0
    left = pl.col("target_year") - pl.col("value_year")
    ready = ~pl.col("unit_mismatch") & e.is_null() & (years >= 1) & d.is_not_null() & ~pl.col("crosses_break")
    is_ready = pl.col("ready")
    pairs = pairs.with_columns(ready.fill_null(False).alias("ready")).with_columns(
        pl.when(is_ready).then(cagr_ratio(x0, value, target, years, plan_years)).alias("progress_ratio"),
        pl.when(is_ready).then(linear_ratio(x0, value, target, years, plan_years)).alias("linear_ratio"),
        pl.when(is_ready).then(un_share(x0, un_projection(x0, value, years, left), target)).alias("un_share"),
        pl.when(is_ready)
        .then(pl.when("two_sided").then(escap_parity(x0, value, target)).otherwise(escap_status(x0, value, target, d)))
        .alias("escap_status"),
        pl.when(is_ready).then(escap_line(years, plan_years)).alias("escap_line"),
        pl.when(is_ready & (left > 0)).then(required_change(value, target, left)[0]).alias("required_change"),
    )
    ratio, straight = pl.col("progress_ratio"), pl.col("linear_ratio")
    by_cagr = progress_class(ratio, ratio, x0, value, target, d)
    by_line = progress_class(straight, straight, x0, value, target, d)
    pairs = pairs.with_columns(
        pl.when(is_ready & pl.col("two_sided") & (pl.col("gap") >= 0))
        .then(pl.lit("met"))
        .when(is_ready)
        .then(progress_class(ratio, straight, x0, value, target, d))
        .when(e.is_null())
        .then(pl.lit("insufficient_data"))
        .alias("progress_class"),
        pl.when(is_ready).then(un_class(pl.col("un_share"))).alias("un_class"),
        (is_ready & ratio.is_not_null() & (by_cagr != by_line)).fill_null(False).alias("method_sensitive"),
        pl.coalesce(
            "robust",
            pl.when(pl.col("alternative_gap").is_not_null()).then(
                (pl.col("gap") >= 0) == (pl.col("alternative_gap") >= 0)
            ),
        ).alias("robust"),
        pl.coalesce("reading_confidence", pl.lit("high")).alias("confidence"),
        pl.coalesce("own_share", "share").alias("elapsed_share"),
        pl.col("target_unit").alias("unit"),
    )
    words = {
        "ytd_sample": e.is_not_null() & (pl.col("annualise") == "never"),
        "method_sensitive": pl.col("method_sensitive"),
        "unit_mismatch": pl.col("unit_mismatch"),
        "polarity_mismatch": pl.col("polarity_mismatch"),
        "polarity_expired": pl.col("expired"),
        "direction_assumed": pl.col("direction_assumed") & d.is_not_null(),
        "one_sided": pl.col("one_sided"),
        "unknown_year": pl.col("target_year").is_null(),
        "two_sided": pl.col("two_sided"),
        "own_share": pl.col("annual") & pl.col("own_share").is_not_null(),
        "break": pl.col("crosses_break") & e.is_null(),
    }
    flags = pl.concat_list(pl.when(rule.fill_null(False)).then(pl.lit(word)) for word, rule in words.items())
    return pairs.with_columns(flags.list.drop_nulls().alias("flags"))
