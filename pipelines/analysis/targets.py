"""Gaps between values and targets: attainment, ceilings, pace within the year, annualised values.

Here: METHODOLOGY 6 and 7 as expressions, and the `target_gaps` table. Not here: whether a phrase names the target or a
margin (pipelines/extraction/target_reading.py), or classes of progress over years (progress.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from pipelines.analysis.change import mean_rate
from pipelines.analysis.intervals import divided, finite
from pipelines.analysis.progress import (
    POLARITY_ENDS,
    carried_on,
    escap_line,
    escap_parity,
    escap_status,
    linear_ratio,
    progress_class,
    projection,
    required_change,
    trend,
    un_class,
    un_share,
)
from pipelines.series.breaks import crossings, known_breaks
from pipelines.series.build import one_sided
from pipelines.series.lines import (
    LINE,
    batches,
    contiguous,
    looked_up,
    marked,
    ordered,
    place_slices,
    run_number,
    side_by_side,
    starts,
)
from pipelines.series.periods import elapsed_share, first_year_of, stencil_of, year_of
from pipelines.warehouse.schema import BY_NAME, SCHEMAS, conform, empty

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


_COMPARABLE_KINDS = ("annual", "ytd", "quarter", "half", "month", "school_year", "asof")
_RATIO_UNITS = ("%", "‰", "1/10万", "1/万", "男/100女")
_BIRTH_CONTROL_YEAR = "计划生育年度"

_YEARS = 2**12
"""Places of line and year in one integer: line from bit 12, year below."""

_FLAGS = (
    "ytd_sample", "method_sensitive", "unit_mismatch", "polarity_mismatch", "polarity_expired", "direction_assumed",
    "one_sided", "unknown_year", "two_sided", "own_share", "break",
)  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- targets


def _wanted(targets: pl.DataFrame, indicators: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Readable targets, a range (103至107) with both of its ends, with what the words and the catalogue say of them alone:
    direction, when it ends, and whether a part of the year may be annualised."""
    two = observations.filter(pl.col("values").list.len() == 2).select(
        "observation_id",
        pl.col("values").list.min().alias("range_lo"),
        pl.col("values").list.max().alias("range_hi"),
    )
    exact = targets.select("relation", pl.col("observation_ids").list.first().alias("observation_id")).select(
        pl.when(pl.col("relation") == "equal").then("observation_id")
    )
    ends = exact.join(two, on="observation_id", how="left", maintain_order="left")
    is_range = pl.col("range_lo") < pl.col("range_hi")
    rows = targets.hstack(
        ends.select(pl.when(is_range).then(c).alias(c) for c in ("range_lo", "range_hi")).get_columns()
    )
    rows = rows.filter(pl.col("value").is_not_null() | pl.col("range_lo").is_not_null())
    rows = looked_up(rows, ["indicator_id"], indicators.select("indicator_id", "polarity", "annualise"))
    periods = rows.select("period").unique()
    periods = periods.with_columns(
        year_of(pl.col("period")).alias("target_year"),
        first_year_of(pl.col("period")).alias("plan_start"),
        elapsed_share(pl.col("period")).is_not_null().fill_null(False).alias("is_part"),
    )
    stated = pl.col("relation").replace_strict({"at_most": -1, "at_least": 1}, default=None, return_dtype=pl.Int64)
    by_polarity = pl.col("polarity").replace_strict({"ceiling": -1, "floor": 1}, default=None, return_dtype=pl.Int64)
    is_ratio = pl.col("unit").is_in(_RATIO_UNITS).fill_null(False)
    two_sided = pl.col("range_lo").is_not_null()
    return (
        looked_up(rows, ["period"], periods)
        .lazy()
        .select(
            *("target_id", "place_code", "place_name", "indicator_id", "indicator", "scope", "relation", "reading"),
            *("reading_confidence", "robust", "actual_observation_id", "target_year", "plan_start", "is_part"),
            *("range_lo", "range_hi"),
            pl.col("period").alias("target_period"),
            pl.col("value").alias("target"),
            pl.col("unit").alias("target_unit"),
            pl.col("alternative_value").alias("alternative_target"),
            # polarity is the catalogue's, the verb only speaks where the catalogue is silent
            pl.coalesce(by_polarity, stated, pl.when(~is_ratio).then(pl.lit(1, pl.Int64))).alias("stated_direction"),
            pl.coalesce("annualise", pl.when(is_ratio).then(pl.lit("never")).otherwise(pl.lit("pace_only"))).alias(
                "annualise"
            ),
            pl.col("indicator_id")
            .replace_strict(POLARITY_ENDS, default=None, return_dtype=pl.Int64)
            .alias("last_year"),
            (by_polarity.is_not_null() & stated.is_not_null() & (by_polarity != stated)).alias("polarity_mismatch"),
            (by_polarity.is_null() & stated.is_null() & ~two_sided).alias("direction_assumed"),
            two_sided.alias("two_sided"),
        )
        .collect()
    )


# ------------------------------------------------------------------------------------------------------ lines of points


@dataclass(frozen=True, slots=True)
class _Points:
    """Points of whole places that targets may speak of, in the order of their key, with two numbers for each: `group`, of
    its place, indicator and scope, and `line`, of these with its basis; and what the numbers stand for."""

    rows: pl.DataFrame
    groups: pl.DataFrame  # place_code, indicator_id, scope, group: one row each
    lines: pl.DataFrame  # place_code, indicator_id, scope and basis; `line` is the row
    annual: (
        pl.DataFrame
    )  # line, year, value, revised and `at` of annual points that sources do not dispute, in order of `at`


_POINT: tuple[str | pl.Expr, ...] = (
    *LINE,
    *("period", "year", "value", "value_lo", "value_hi", "unit", "observation_id"),
    (pl.col("status") == "revised").alias("revised"),
    (pl.col("conflict") == "severe").fill_null(False).alias("severe"),
    pl.col("flags").list.contains("one_sided").alias("one_sided"),
)


def _lined(points: pl.DataFrame, wanted: pl.DataFrame) -> _Points:
    """Points in the order of their key as `_Points`; those of indicators and places without a target are left out."""
    parts = points.select(run_number(LINE).alias("part"))["part"]
    lines = points.select(LINE).filter(starts(LINE))
    place_and_indicator = run_number(LINE[:2]).cast(pl.UInt64)
    lines = lines.with_columns(
        run_number(LINE[:4]).alias("line"),
        (place_and_indicator * _YEARS + pl.col("scope").rank("dense")).alias("group"),
        (pl.col("period_kind") == "annual").alias("is_annual"),
        pl.col("period_kind").is_in(_COMPARABLE_KINDS).alias("comparable"),
    )
    groups = lines.select("place_code", "indicator_id", "scope", "group").unique("group", keep="any")
    sought = groups.join(wanted.select("place_code", "indicator_id", "scope"), on=_GROUP, how="semi")["group"]
    chosen = lines["group"].is_in(sought.implode())
    rows = points.with_columns(lines[c].gather(parts) for c in ("line", "group", "is_annual", "comparable"))
    if not chosen.all():
        rows = rows.filter(chosen.gather(parts))
    named = lines.filter(starts(LINE[:4])).select(*_GROUP, "basis")
    annual = rows.filter(pl.col("is_annual") & ~pl.col("severe")).select(
        *("line", "year", "value", "revised"),
        (pl.col("line").cast(pl.Int64) * _YEARS + pl.col("year")).alias("at"),
    )
    if not annual["at"].is_sorted():
        annual = annual.sort("at", maintain_order=True)
    return _Points(rows, groups, named, annual)


_GROUP = ["place_code", "indicator_id", "scope"]


# --------------------------------------------------------------------------------------------------- values and targets

_SEEN = (
    "observation_id",
    "value",
    "value_lo",
    "value_hi",
    "unit",
    "period",
    "period_kind",
    "basis",
    "revised",
    "one_sided",
)
"""What a gap needs of the value that a target is compared with."""


def _linked(wanted: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Targets (`target_row`) with the observation that their own phrase compares them with; the place may be unknown."""
    named = wanted.select("actual_observation_id").with_row_index("target_row").drop_nulls()
    seen = observations.filter(pl.col("value").is_not_null() & ~pl.col("flags").list.contains("damaged")).with_columns(
        one_sided(), (pl.col("status") == "revised").alias("revised")
    )
    found = named.join(seen.select(_SEEN), left_on="actual_observation_id", right_on="observation_id", how="inner")
    return found.rename({"actual_observation_id": "observation_id"}).select("target_row", *_SEEN)


def _from_series(wanted: pl.DataFrame, points: _Points) -> pl.DataFrame:
    """Targets (`target_row`) with the points (`value_row`) of the same place, indicator, scope and year, and, for plans of
    several years, the annual points of the years on the way."""
    placed = looked_up(wanted.select(*_GROUP, "target_year", "plan_start"), _GROUP, points.groups)
    placed = placed.select("group", "target_year", "plan_start").with_row_index("target_row").drop_nulls("group")
    at = (pl.col("group") * _YEARS + pl.col("year")).alias("at")
    rows = points.rows.select("group", "year", "is_annual", "comparable").with_row_index("value_row")
    in_year = (
        placed.drop_nulls("target_year")
        .select("target_row", (pl.col("group") * _YEARS + pl.col("target_year")).alias("at"))
        .join(rows.filter("comparable").select("value_row", at), on="at", how="inner")
    )
    plans = placed.filter(pl.col("plan_start") < pl.col("target_year"))
    on_the_way = plans.join(
        rows.filter(pl.col("is_annual") & pl.col("group").is_in(plans["group"].implode())), on="group", how="inner"
    ).filter((pl.col("year") >= pl.col("plan_start")) & (pl.col("year") < pl.col("target_year")))
    return pl.concat([p.select("target_row", "value_row") for p in (in_year, on_the_way)])


def _paired(linked: pl.DataFrame, wanted: pl.DataFrame, points: _Points, october: pl.Series) -> pl.DataFrame:
    """Values beside their targets (`target_row`), each pair once: what the phrase itself compares comes first. In the order
    of the table's key, as `wanted` is."""
    values = points.rows.select(*_SEEN, "line")
    pairs = _from_series(wanted, points)
    if linked.height:
        keys = wanted[linked["target_row"]].select(_GROUP).hstack([linked["basis"]])
        mine = looked_up(keys, [*_GROUP, "basis"], points.lines.with_row_index("line"))["line"]
        values = pl.concat([linked.select(*_SEEN, mine), values])
        direct = linked.select("target_row", pl.row_index("value_row"))
        pairs = pl.concat([direct, pairs.with_columns(pl.col("value_row") + linked.height)])
    pairs = pairs.with_columns(values["observation_id"].gather(pairs["value_row"]))
    if linked.height:
        pairs = pairs.unique(["target_row", "observation_id"], keep="first", maintain_order=True)
    pairs = pairs.sort("target_row", "observation_id")
    pairs = pairs.select("target_row").hstack(values[pairs["value_row"]].get_columns())
    periods = pairs.select("period").unique()
    periods = periods.with_columns(
        year_of(pl.col("period")).alias("value_year"),
        elapsed_share(pl.col("period")).alias("by_calendar"),
        elapsed_share(pl.col("period"), 10).alias("from_october"),
    )
    pairs = looked_up(pairs, ["period"], periods)
    by_october = pl.col("observation_id").is_in(october.implode())  # METHODOLOGY 7.1
    share = (
        pl.when(by_october).then("from_october").otherwise("by_calendar") if october.len() else pl.col("by_calendar")
    )
    return pairs.with_columns(share.alias("share")).drop("by_calendar", "from_october")


def _with_base(pairs: pl.DataFrame, points: _Points, breaks: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the last annual point before the plan period, else the first of the series, as the base of METHODOLOGY
    8.1, and whether a break lies between (METHODOLOGY 4.6)."""
    annual = points.annual
    known = pairs.select(pl.col("line").cast(pl.Int64), "plan_start").with_row_index("row").drop_nulls()
    begin, start = (
        annual["at"].search_sorted(known.select(e).to_series())
        for e in (pl.col("line") * _YEARS, pl.col("line") * _YEARS + pl.col("plan_start"))
    )
    at = known.select("row", "line", begin.alias("begin"), start.alias("start")).select(
        "row",
        "line",
        pl.when(pl.col("start") > pl.col("begin")).then(pl.col("start") - 1).otherwise("begin").alias("at"),
    )
    at = at.filter(pl.col("at") < annual.height)
    base = annual[at["at"]].select(
        pl.col("line").alias("of"),
        pl.col("year").alias("prior_year"),
        pl.col("value").alias("base_value"),
        pl.col("revised").alias("prior_revised"),
    )
    base = at.select("row", "line").hstack(base).filter(pl.col("line") == pl.col("of"))
    value = pairs[base["row"]].select(pl.col("value_year").alias("year"), "revised")
    across = crossings(
        base.select(pl.col("line").cast(pl.UInt32), "prior_year", "prior_revised").hstack(value), points.lines, breaks
    )
    crossed = marked(base.height, across)
    base = base.select("row", pl.col("prior_year").alias("base_year"), "base_value", crossed.alias("crosses_break"))
    found = looked_up(pairs.select(pl.row_index("row")), ["row"], base)
    return pairs.hstack(found.drop("row")).with_columns(pl.col("crosses_break").fill_null(False))


def _own_shares(pairs: pl.DataFrame, points: _Points) -> pl.DataFrame:
    """The share of the year that equal parts of earlier years had in their place (METHODOLOGY 7.3): `own_share` and
    `own_spread` of each pair, null with fewer than two such years and where a value is not to be annualised."""
    rows = pairs.select(pl.row_index("row"), "annual", "line", "period", "value_year")
    open_rows = rows.filter("annual").drop_nulls("line").drop("annual")
    mine = marked(points.lines.height, open_rows["line"]).gather(points.rows["line"])
    stated = points.rows.filter(mine).select("line", "period", "is_annual", "year", "value")
    whole = stated.filter("is_annual").select("line", "year", pl.col("value").alias("whole"))
    parts = stated.filter(~pl.col("is_annual")).with_columns(stencil_of(pl.col("period")).alias("stencil"))
    shares = parts.join(whole, on=["line", "year"], how="inner").with_columns(
        divided(pl.col("value"), pl.col("whole")).alias("q")
    )
    shares = shares.filter((pl.col("q") > 0) & (pl.col("q") <= 1)).select("line", "stencil", "year", "q")
    found = (
        open_rows.with_columns(stencil_of(pl.col("period")).alias("stencil"))
        .join(shares, on=["line", "stencil"], how="inner")
        .filter(pl.col("year") < pl.col("value_year"))
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
    return looked_up(rows.select("row"), ["row"], found.select("row", "own_share", "own_spread")).drop("row")


def _projected(pairs: pl.DataFrame, points: _Points, breaks: pl.DataFrame) -> pl.DataFrame:
    """For pairs on the way to a target: the date at which a straight line through the series so far meets it, its 80% range
    and the chance to meet it in time (METHODOLOGY 8.8); null across a break and for all others."""
    rows = pairs.select(pl.row_index("row"), "ready", "line", "target", "target_year", "direction", "value_year")
    on_the_way = pl.col("ready") & (pl.col("target_year") > pl.col("value_year"))
    # several targets look along one line from one year: the line is fitted once
    from_year = (pl.col("line").cast(pl.Int64) * _YEARS + pl.col("value_year")).alias("from")
    open_rows = rows.filter(on_the_way).drop_nulls("line").with_columns(from_year)
    ends = open_rows.select("from", "line").unique("from").sort("from")
    at = points.annual["at"]
    begin = at.search_sorted(ends["line"].cast(pl.Int64) * _YEARS)
    after = at.search_sorted(ends["from"] + 1)
    ends = ends.with_columns(begin.alias("begin"), after.alias("after")).filter(pl.col("begin") < pl.col("after"))
    first, last = points.annual[ends["begin"]], points.annual[ends["after"] - 1]
    spans = ends.select("line").with_columns(
        *(last["year"], first["year"].alias("prior_year")),
        *(last["revised"], first["revised"].alias("prior_revised")),
    )
    whole = ends.filter(~marked(ends.height, crossings(spans, points.lines, breaks)))
    history = whole.select("from", pl.int_ranges("begin", "after").alias("point")).explode("point", empty_as_null=False)
    fits = trend(history.select("from").hstack(points.annual.select("year", "value")[history["point"]]), ["from"])
    goals = open_rows.select("row", "from", "target", "target_year", "direction")
    found = projection(goals.join(fits, on="from", how="inner")).select(
        "row",
        pl.col("date").alias("projected_date"),
        pl.col("date_early").alias("projected_early"),
        pl.col("date_late").alias("projected_late"),
        "p_met",
    )
    return looked_up(rows.select("row"), ["row"], found).drop("row")


# --------------------------------------------------------------------------------------------------------------- verdicts


def _prepared(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs with direction, ends of the value, share of the year elapsed, and what may be computed."""
    expired = (pl.coalesce("target_year", "value_year") > pl.col("last_year")).fill_null(False)
    open_ended = pl.col("one_sided").fill_null(False)
    middle = (pl.col("range_lo") + pl.col("range_hi")) / 2
    nearest = pl.when(pl.col("value") < middle).then("range_lo").otherwise("range_hi")
    two_sided = pl.col("two_sided")
    years = pl.col("value_year") - pl.col("base_year")
    comparable = ~pl.col("unit_mismatch") & ~pl.col("crosses_break") & (years >= 1)
    ready = comparable & pl.col("share").is_null() & pl.col("direction").is_not_null()
    return (
        pairs.lazy()
        .with_columns(
            pl.coalesce("value_lo", "value").alias("lo"),
            pl.when(~open_ended).then(pl.coalesce("value_hi", "value")).alias("hi"),
            pl.when(~pl.col("is_part")).then("share").alias("share"),
            pl.when(two_sided).then(-1).when(~expired).then("stated_direction").alias("direction"),
            expired.alias("expired"),
            (pl.col("unit") != pl.col("target_unit")).fill_null(False).alias("unit_mismatch"),
            pl.when(two_sided).then(nearest).otherwise("target").alias("target"),
            open_ended.alias("one_sided"),
        )
        .with_columns(
            (pl.col("share").is_not_null() & (pl.col("annualise") != "never")).alias("accumulating"),
            (pl.col("share").is_not_null() & (pl.col("annualise") == "yes") & ~pl.col("unit_mismatch")).alias("annual"),
            ready.fill_null(False).alias("ready"),
        )
        .collect()
    )


def _judged_gaps(pairs: pl.LazyFrame) -> pl.LazyFrame:
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
    pairs = pairs.with_columns(
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


def _judged_progress(pairs: pl.LazyFrame) -> pl.LazyFrame:
    """Judged pairs with progress from the base and its cross-checks (METHODOLOGY 8), flags and the table's other columns."""
    value, target, e, d = (pl.col(c) for c in ("value", "target", "share", "direction"))
    t0, x0 = pl.col("base_year"), pl.col("base_value")
    years, plan_years = pl.col("value_year") - t0, pl.col("target_year") - t0
    left = pl.col("target_year") - pl.col("value_year")
    is_ready = pl.col("ready")
    # logarithms in columns of their own: an expression that is used twice is computed twice
    pairs = pairs.with_columns(
        pl.when(is_ready).then(mean_rate(x0, value, years)).alias("so_far"),
        pl.when(is_ready).then(mean_rate(x0, target, plan_years)).alias("needed"),
    )
    pairs = pairs.with_columns(finite(pl.col("so_far")), finite(pl.col("needed")))
    pairs = pairs.with_columns(carried_on(value, pl.col("so_far"), left).alias("projected"))
    pairs = pairs.with_columns(finite(pl.col("projected")))
    pairs = pairs.with_columns(
        pl.when(is_ready).then(divided(pl.col("so_far"), pl.col("needed"))).alias("progress_ratio"),
        pl.when(is_ready).then(linear_ratio(x0, value, target, years, plan_years)).alias("linear_ratio"),
        pl.when(is_ready).then(un_share(x0, pl.col("projected"), target)).alias("un_share"),
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
    flags = pl.sum_horizontal(words[word].fill_null(False).cast(pl.UInt16) * 2**i for i, word in enumerate(_FLAGS))
    return pairs.with_columns(flags.cast(pl.UInt16).alias("flags"))


@lru_cache(maxsize=1)
def _words() -> pl.Series:
    """The lists of flags that the codes of `_judged_progress` stand for."""
    return pl.Series([[f for i, f in enumerate(_FLAGS) if code & 2**i] for code in range(2 ** len(_FLAGS))])


# ---------------------------------------------------------------------------------------------------------------- table


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
        *("observation_id", "doc_id", "value", "value_lo", "value_hi", "values", "unit", "approx", "period"),
        *("period_kind", "basis", "status", "flags", "sentence"),
    )
    named = pl.col("sentence").str.contains(_BIRTH_CONTROL_YEAR, literal=True)
    return rows.filter(named | pl.col("observation_id").is_in(ids["observation_id"].drop_nulls().implode())).collect()


def _october_years(observations: pl.DataFrame) -> pl.Series:
    """Observations whose sentence counts by the family-planning year from October (METHODOLOGY 7.1)."""
    return observations.filter(pl.col("sentence").str.contains(_BIRTH_CONTROL_YEAR, literal=True))["observation_id"]


_JUDGED_BY = (
    "range_lo", "range_hi", "target", "target_unit", "target_year", "plan_start", "is_part", "stated_direction",
    "annualise", "last_year", "polarity_mismatch", "direction_assumed", "two_sided", "alternative_target", "robust",
    "reading_confidence",
)  # fmt: skip
"""What the verdict on a pair asks of its target; the rest is looked up at the end."""

_TOLD = (
    "target_id", "place_code", "place_name", "indicator_id", "indicator", "target_period", "relation", "reading",
)  # fmt: skip


def _gaps(
    points: pl.DataFrame, wanted: pl.DataFrame, linked: pl.DataFrame, breaks: pl.DataFrame, october: pl.Series
) -> pl.DataFrame:
    """Rows of `target_gaps` for the targets of whole places, the values they are linked with, and the points there in the
    order of their key."""
    lined = _lined(points, wanted)
    pairs = _paired(linked, wanted, lined, october)
    pairs = pairs.hstack(wanted.select(_JUDGED_BY)[pairs["target_row"]].get_columns())
    pairs = _prepared(_with_base(pairs, lined, breaks))
    pairs = pairs.hstack(_own_shares(pairs, lined)).hstack(_projected(pairs, lined, breaks))
    own = [c for c in SCHEMAS["target_gaps"] if c not in (*_TOLD, "unit")]
    gaps = (
        _judged_progress(_judged_gaps(pairs.lazy()))
        .select("target_row", *own, pl.col("target_unit").alias("unit"))
        .collect()
    )
    told = wanted.select(_TOLD)[gaps["target_row"]].get_columns()
    return gaps.with_columns(*told, _words().gather(gaps["flags"]).alias("flags")).select(list(SCHEMAS["target_gaps"]))


def gap_parts(
    series: pl.DataFrame | pl.LazyFrame,
    targets: pl.DataFrame,
    indicators: pl.DataFrame,
    observations: pl.DataFrame | None = None,
    breaks: pl.DataFrame | None = None,
) -> Iterator[pl.DataFrame]:
    """The `target_gaps` table in parts, each of whole places and in the order of the key; see `target_gaps`.

    Of a scan of a table that is stored in the order of its key, about a million points are in memory at a time. Targets
    of places without points come last.
    """
    known = known_breaks() if breaks is None else breaks
    seen = empty("observations") if observations is None else observations
    wanted = _wanted(targets, indicators, seen).sort("target_id")
    linked, october = _linked(wanted, seen), _october_years(seen)
    left = wanted.select("place_code").with_row_index("target_row").group_by("place_code").agg("target_row")

    def gaps(points: pl.DataFrame, of: pl.DataFrame) -> pl.DataFrame:
        here = of.select(pl.col("target_row").explode().sort()).with_row_index("here")
        mine = here.join(linked, on="target_row", how="inner").drop("target_row").rename({"here": "target_row"})
        return _gaps(points, wanted[here["target_row"]], mine, known, october)

    # METHODOLOGY 3.4: an implied value is judged against no target
    direct = ~pl.col("flags").list.contains("implied")

    def parts() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        later = left
        for begin, length in place_slices(series.lazy()):
            points = series.lazy().slice(begin, length).filter(direct).select(_POINT).collect()
            for part in batches(contiguous(ordered(points, [*LINE, "period"])), ["place_code"]):
                places = part.select("place_code").filter(starts(["place_code"]))
                yield part, later.join(places, on="place_code", how="semi")
                later = later.join(places, on="place_code", how="anti")
        if later.height:
            yield series.lazy().head(0).select(_POINT).collect(), later

    for made in side_by_side(lambda part: gaps(*part), parts()):
        yield conform("target_gaps", made)


def target_gaps(
    series: pl.DataFrame | pl.LazyFrame,
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
    values that could not be read give no row. `series` may be a scan of the stored table: then only what is needed is
    read. Raises SchemaError where the result would not fit.
    """
    parts = list(gap_parts(series, targets, indicators, observations, breaks))
    if not parts:
        return empty("target_gaps")
    rows = pl.concat(parts)
    parts.clear()
    return ordered(rows, BY_NAME["target_gaps"].key)
