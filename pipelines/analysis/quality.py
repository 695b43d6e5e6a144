"""Values that cannot be right: implausible sizes, slips of a power of ten, outliers, slipped digits.

Here: METHODOLOGY 10, flags and proposals. Not here: identities between values (reconcile.py). Nothing is corrected.
"""

from __future__ import annotations

import polars as pl

from pipelines.analysis.intervals import divided
from pipelines.series.lines import LINE, batches, contiguous, ordered, run_number, starts
from pipelines.warehouse.schema import SCHEMAS, conform

SLIP_POWERS = (1, 2, 3, 4, 8, -1, -2, -3, -4, -8)
SLIP_START, SLIP_RESIDUAL = 0.7, 0.10
OUTLIER_Z, OUTLIER_POINTS = 3.5, 7
RATIO_LOW, RATIO_HIGH = 0.5, 2.0


def range_flag(value: pl.Expr, lowest: pl.Expr, highest: pl.Expr, unit: pl.Expr) -> pl.Expr:
    """implausible outside the catalogue's bounds, above_100 for a percentage above 100 inside them, else null
    (METHODOLOGY 10.1)."""
    outside = ((value < lowest) | (value > highest)).fill_null(False)
    return pl.when(outside).then(pl.lit("implausible")).when((unit == "%") & (value > 100)).then(pl.lit("above_100"))


def slip_power(value: pl.Expr, reference: pl.Expr, lowest: pl.Expr, highest: pl.Expr) -> pl.Expr:
    """Power of ten by which the value slipped against `reference`, or null (METHODOLOGY 10.2).

    value/10^k must be plausible; bounds that are null do not exclude.
    """
    ratio = divided(pl.when(value > 0).then(value), pl.when(reference > 0).then(reference))
    log = ratio.log10()
    power = pl.lit(None, pl.Int64)
    for k in SLIP_POWERS:
        repaired = value / 10.0**k
        plausible = ((lowest.is_null() | (repaired >= lowest)) & (highest.is_null() | (repaired <= highest))).fill_null(
            True
        )
        power = (
            pl.when((log.abs() >= SLIP_START) & ((log - k).abs() <= SLIP_RESIDUAL) & plausible).then(k).otherwise(power)
        )
    return power


def ratio_edit(value: pl.Expr, prior: pl.Expr) -> pl.Expr:
    """True where a stock changed to less than half or more than twice within a year (METHODOLOGY 10.3)."""
    ratio = divided(value, prior)
    return (ratio < RATIO_LOW) | (ratio > RATIO_HIGH)


def column_swap(ratio: pl.Expr) -> pl.Expr:
    """True where the ratio to the neighbours is a plausible household size, so that households and people may have
    changed columns (METHODOLOGY 10.3)."""
    return ratio.is_between(1.5, 6.0)


def neighbour_median(points: pl.DataFrame, rows: pl.Series) -> pl.Series:
    """Median of up to three neighbours on each side within the line, for some rows of `points` (line, value in order of
    time); null without neighbours (METHODOLOGY 10.2)."""
    line, values = points["line"], points["value"]
    around = []
    for step in (-3, -2, -1, 1, 2, 3):
        at = rows.cast(pl.Int64) + step
        at = at.set((at < 0) | (at >= points.height), None)
        other = line.gather(at) == line.gather(rows)
        around.append(values.gather(at).set(~other.fill_null(False), None).alias(str(step)))
    return pl.DataFrame(around).select(pl.concat_list(pl.all()).list.drop_nulls().list.median()).to_series()


def _prior_year(points: pl.DataFrame) -> pl.Series:
    """For each of the points in order of line and year: the value of the first point of the year before in its line."""
    runs = points.select("line", "year", run_number(["line", "year"]).alias("run"))
    first = runs.select(starts(["line", "year"]).arg_true()).to_series()
    before = runs.select(pl.when(pl.col("run") > 0).then(pl.col("run") - 1)).to_series()
    row = first.gather(before)
    same = (points["line"].gather(row) == points["line"]) & (points["year"].gather(row) + 1 == points["year"])
    return points["value"].gather(row).set(~same.fill_null(False), None)


def log_z(points: pl.DataFrame) -> pl.Series:
    """Modified z on logs 0.6745(ln x - median)/MAD of each of the points (line, value) within its line of positive
    values, lines numbered from 0; null below seven points or where the MAD is zero (METHODOLOGY 10.3)."""
    logs = points.select("line", pl.when(pl.col("value") > 0).then(pl.col("value")).log().alias("log"))
    middles = logs.group_by("line").agg(pl.col("log").median().alias("middle"), pl.col("log").count().alias("n"))
    middles = middles.sort("line")
    off = logs.select("line", pl.col("log") - middles["middle"].gather(logs["line"]))
    spreads = off.group_by("line").agg(pl.col("log").abs().median().alias("spread")).sort("line")["spread"]
    enough = (middles["n"] >= OUTLIER_POINTS).gather(points["line"])
    spread = spreads.gather(points["line"])
    return off.select(pl.when(enough).then(divided(0.6745 * pl.col("log"), pl.lit(spread))).alias("z")).to_series()


def _suspects(points: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Points of whole lines, in order of line and year, that one of the rules flags: with range, power and outlier."""
    lines = points.select(*LINE).filter(starts(LINE)).join(known, on="indicator_id", how="left", maintain_order="left")
    points = points.with_columns(run_number(LINE).alias("line"))
    in_order = points.select(pl.col("line").cast(pl.UInt64) * 2**12 + pl.col("year")).to_series()
    if not in_order.is_sorted():
        points = points.sort("line", "year", maintain_order=True)
    span = (
        points.group_by("line")
        .agg(pl.col("value").min().alias("low"), pl.col("value").max().alias("high"))
        .sort("line")
    )
    # where the largest value is not five times the smallest, none is off by a power of ten
    restless = span.select((pl.col("low") <= 0) | (pl.col("high") >= pl.col("low") * 10**SLIP_START * 0.99)).to_series()
    value = pl.col("value")
    stock = lines["measure_type"].str.ends_with(":stock").fill_null(False)
    of_line = points["line"]
    points = points.with_columns(
        *(lines[c].gather(of_line).alias(c) for c in ("plausible_min", "plausible_max", "name_zh")),
        (log_z(points).abs() > OUTLIER_Z).fill_null(False).alias("far"),
        stock.gather(of_line).alias("stock"),
        restless.gather(of_line).alias("restless"),
        _prior_year(points).alias("prior"),
    )
    lowest, highest = pl.col("plausible_min"), pl.col("plausible_max")
    points = points.with_columns(
        pl.when(pl.col("period_kind") == "annual")
        .then(range_flag(value, lowest, highest, pl.col("unit")))
        .alias("range"),
        (pl.col("far") | (ratio_edit(value, pl.col("prior")) & pl.col("stock")).fill_null(False)).alias("outlier"),
    )
    rows = points.select(
        (pl.col("restless") | pl.col("outlier") | pl.col("range").is_not_null()).arg_true()
    ).to_series()
    found = points[rows].with_columns(neighbour_median(points, rows).alias("reference"))
    found = found.with_columns(slip_power(value, pl.col("reference"), lowest, highest).alias("power"))
    return found.filter(pl.any_horizontal(pl.col("range", "power").is_not_null(), "outlier"))


def quality_checks(series: pl.DataFrame | pl.LazyFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """`checks` rows of kinds range, slip and outlier for the points of `series` (METHODOLOGY 10.1 to 10.3).

    Verdict `flag`; `found` is the value, `expected` the repaired value or the neighbours' median, `proposal` the words.
    `series` may be a scan of the stored table.
    """
    known = indicators.select("indicator_id", "name_zh", "plausible_min", "plausible_max", "measure_type")
    points = series.lazy().select(*LINE, "period", "year", "value", "unit", "observation_id").collect()
    points = contiguous(ordered(points, [*LINE, "period"]))
    rows = pl.concat([_suspects(part, known) for part in batches(points, LINE)])
    value, ref = pl.col("value"), pl.col("reference")
    repaired = value / pl.lit(10.0).pow(pl.col("power"))
    swap = column_swap(divided(value, ref)) & pl.col("indicator_id").is_in(
        ["registered_households", "registered_population"]
    )

    def of(kind: str, where: pl.Expr, expected: pl.Expr, proposal: pl.Expr) -> pl.DataFrame:
        return rows.filter(where).select(
            pl.concat_str(pl.lit(kind), "observation_id", "period", separator=":").alias("check_id"),
            pl.lit(kind).alias("kind"),
            pl.format("{} {}", pl.col("name_zh").fill_null(pl.col("indicator_id")), "period").alias("subject"),
            pl.lit(None, pl.String).alias("doc_id"),
            "place_code",
            "period",
            pl.lit("flag").alias("verdict"),
            (value - expected).alias("difference"),
            pl.lit(None, pl.Float64).alias("tolerance"),
            expected.alias("expected"),
            value.alias("found"),
            proposal.alias("proposal"),
            pl.concat_list("observation_id").alias("observation_ids"),
        )

    nothing = pl.lit(None, pl.Float64)
    table = pl.concat(
        [
            of("range", pl.col("range").is_not_null(), nothing, pl.col("range")),
            of(
                "slip",
                pl.col("power").is_not_null(),
                repaired,
                pl.format("slip of 10^{}: {}?", "power", repaired.round(6)),
            ),
            of(
                "outlier",
                pl.col("outlier") & pl.col("power").is_null(),
                ref,
                pl.when(swap.fill_null(False)).then(pl.lit("column_swap?")).otherwise(pl.lit("outlier")),
            ),
        ]
    )
    return conform("checks", table.select(list(SCHEMAS["checks"])).sort("check_id"))
