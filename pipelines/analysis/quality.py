"""Values that cannot be right: implausible sizes, slips of a power of ten, outliers, slipped digits.

Here: METHODOLOGY 10, flags and proposals. Not here: identities between values (reconcile.py). Nothing is corrected.
"""

from __future__ import annotations

import math

import polars as pl

from pipelines.analysis.intervals import divided
from pipelines.warehouse.schema import SCHEMAS, conform

SLIP_POWERS = (1, 2, 3, 4, 8, -1, -2, -3, -4, -8)
SLIP_START, SLIP_RESIDUAL = 0.7, 0.10
OUTLIER_Z, OUTLIER_POINTS = 3.5, 7
RATIO_LOW, RATIO_HIGH = 0.5, 2.0

LINE = ["place_code", "indicator_id", "basis", "scope", "period_kind"]


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


def neighbour_median(value: pl.Expr) -> pl.Expr:
    """Median of up to three neighbours on each side within the sorted group; null without neighbours
    (METHODOLOGY 10.2). Use with `.over(line, order_by="year")`."""
    around = [value.shift(i) for i in (-3, -2, -1, 1, 2, 3)]
    return pl.concat_list(around).list.drop_nulls().list.median()


def log_z(value: pl.Expr) -> pl.Expr:
    """Modified z on logs 0.6745(ln x - median)/MAD of a group of positive values; null below seven points or where the
    MAD is zero (METHODOLOGY 10.3)."""
    logs = pl.when(value > 0).then(value).log()
    middle = logs.median()
    spread = (logs - middle).abs().median()
    return pl.when(logs.count() >= OUTLIER_POINTS).then(divided(0.6745 * (logs - middle), spread))


def ratio_edit(value: pl.Expr, prior: pl.Expr) -> pl.Expr:
    """True where a stock changed to less than half or more than twice within a year (METHODOLOGY 10.3)."""
    ratio = divided(value, prior)
    return (ratio < RATIO_LOW) | (ratio > RATIO_HIGH)


def column_swap(ratio: pl.Expr) -> pl.Expr:
    """True where the ratio to the neighbours is a plausible household size, so that households and people may have
    changed columns (METHODOLOGY 10.3)."""
    return ratio.is_between(1.5, 6.0)


def digit_slips(written: str, lo: float, hi: float) -> list[str]:
    """Numbers that differ from `written` by one changed, dropped or added digit and lie in [lo, hi], nearest to the
    middle first (METHODOLOGY 10.4). Proposals only."""
    digits = "0123456789"
    candidates: set[str] = set()
    for i, c in enumerate(written):
        if c.isdigit():
            candidates.update(written[:i] + d + written[i + 1 :] for d in digits if d != c)
            candidates.add(written[:i] + written[i + 1 :])
    candidates.update(written[:i] + d + written[i:] for i in range(len(written) + 1) for d in digits)
    good = []
    for text in candidates:
        if not text or text.startswith(".") or (text[0] == "0" and text[1:2].isdigit()):
            continue
        if lo <= float(text) <= hi:
            good.append(text)
    middle = (lo + hi) / 2 if math.isfinite(lo + hi) else lo
    return sorted(good, key=lambda t: (abs(float(t) - middle), t))


def quality_checks(series: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """`checks` rows of kinds range, slip and outlier for the points of `series` (METHODOLOGY 10.1 to 10.3).

    Verdict `flag`; `found` is the value, `expected` the repaired value or the neighbours' median, `proposal` the words.
    """
    known = indicators.select("indicator_id", "name_zh", "plausible_min", "plausible_max", "measure_type")
    rows = series.select(*LINE, "period", "year", "value", "unit", "observation_id").join(
        known, on="indicator_id", how="left"
    )
    rows = rows.sort(*LINE, "year", "period").with_columns(
        neighbour_median(pl.col("value")).over(LINE).alias("reference"), log_z(pl.col("value")).over(LINE).alias("z")
    )
    prior = rows.select(*LINE, pl.col("year") + 1, pl.col("value").alias("prior")).unique([*LINE, "year"], keep="any")
    rows = rows.join(prior, on=[*LINE, "year"], how="left", maintain_order="left")
    value, ref = pl.col("value"), pl.col("reference")
    lowest, highest = pl.col("plausible_min"), pl.col("plausible_max")
    annual = pl.col("period_kind") == "annual"
    jump = ratio_edit(value, pl.col("prior")) & pl.col("measure_type").str.ends_with(":stock")
    rows = rows.with_columns(
        pl.when(annual).then(range_flag(value, lowest, highest, pl.col("unit"))).alias("range"),
        slip_power(value, ref, lowest, highest).alias("power"),
        ((pl.col("z").abs() > OUTLIER_Z).fill_null(False) | jump.fill_null(False)).alias("outlier"),
    )
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
