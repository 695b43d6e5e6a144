"""Observations become series: one published point per place, indicator, basis, scope and period.

Here: which observations may become points, which of several sources is published, how their disagreement is graded,
and which basis an unstated one is (METHODOLOGY 4). Not here: growth and targets (pipelines/analysis), or reading
numbers (pipelines/extraction). Nothing is averaged, filled in or carried forward.
"""

from __future__ import annotations

import polars as pl

from pipelines.catalogue.indicators import compatible
from pipelines.catalogue.units import UNITS
from pipelines.series.periods import canonical_period, kind_of, year_of
from pipelines.warehouse.schema import SCHEMAS, conform

KEY = ["place_code", "indicator_id", "basis", "scope", "period_kind", "period"]

LOW_CONFIDENCE = 0.5
"""Observations below this confidence stay out of series."""

KEPT_OUT = ("damaged", "masked", "masked_value", "unreadable", "implausible", "unit_inferred_uncertain")
"""Flags of observations that never become points."""

STATUS_RANK = {
    "census": 1,
    "revised": 1,
    "reported": 2,
    "preliminary": 3,
    "derived": 4,
    "implied": 5,
    "forecast": 6,
}
"""Precedence of statuses, METHODOLOGY 4.2; census counts as revised."""

MINOR, MATERIAL = 0.005, 0.05
"""Limits of a relative disagreement, METHODOLOGY 4.3."""

PLAIN_BASES = ("常住", "户籍")
_OPEN = 1e300  # stands for "no upper end" inside comparisons only


def disagreement(smallest: pl.Expr, largest: pl.Expr) -> pl.Expr:
    """Relative difference |xa - xb|/max(|xa|, |xb|) of two values (METHODOLOGY 4.3); 0 where both are zero."""
    size = pl.max_horizontal(smallest.abs(), largest.abs())
    return pl.when(size > 0).then((largest - smallest).abs() / size).otherwise(pl.lit(0.0))


def severity(delta: pl.Expr) -> pl.Expr:
    """minor, material or severe (METHODOLOGY 4.3)."""
    return (
        pl.when(delta <= MINOR)
        .then(pl.lit("minor"))
        .when(delta <= MATERIAL)
        .then(pl.lit("material"))
        .when(delta > MATERIAL)
        .then(pl.lit("severe"))
    )


def _unit_factors(observations: pl.DataFrame) -> pl.DataFrame:
    """Factor from each unit found to the unit of its indicator; null where the two do not fit."""
    pairs = observations.select("unit", "indicator_unit").unique().drop_nulls()
    factors: list[float | None] = []
    for found, wanted in pairs.iter_rows():
        a, b = UNITS.get(found), UNITS.get(wanted)
        if found == wanted or not (a and b and a.standard == b.standard):
            factors.append(1.0 if compatible(found, wanted) else None)
        else:
            factors.append(a.factor / b.factor)
    return pairs.with_columns(pl.Series("factor", factors, dtype=pl.Float64))


def _judged(observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Every observation with canonical period, unit factor and, where it stays out of series, `excluded`."""
    known = indicators.select(
        "indicator_id",
        pl.col("unit").alias("indicator_unit"),
        pl.col("measure_type").str.ends_with(":stock").alias("is_stock"),
        "typical_basis",
    )
    rows = observations.join(known, on="indicator_id", how="left", maintain_order="left")
    rows = rows.join(_unit_factors(rows), on=["unit", "indicator_unit"], how="left", maintain_order="left")
    period = canonical_period(pl.col("period"), pl.col("is_stock").fill_null(False))
    rows = rows.with_columns(period.alias("period")).with_columns(
        kind_of(pl.col("period"), pl.col("period_kind")).alias("period_kind"),
        year_of(pl.col("period")).alias("year"),
    )
    bad = pl.any_horizontal(pl.col("flags").list.contains(f) for f in KEPT_OUT)
    return rows.with_columns(
        pl.when(pl.col("kind") != "actual")
        .then(pl.lit("not_actual"))
        .when(pl.col("class") != "indicator")
        .then(pl.lit("norm"))
        .when(pl.col("value").is_null() | bad)
        .then(pl.lit("unreadable"))
        .when(pl.col("indicator_id").is_null() | pl.col("indicator_unit").is_null())
        .then(pl.lit("uncatalogued"))
        .when(pl.col("place_code").is_null())
        .then(pl.lit("unknown_place"))
        .when(pl.col("year").is_null())
        .then(pl.lit("unknown_year"))
        .when(pl.col("confidence") < LOW_CONFIDENCE)
        .then(pl.lit("low_confidence"))
        .when(pl.col("factor").is_null())
        .then(pl.lit("unit_mismatch"))
        .alias("excluded")
    )


def exclusions(observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Observations that are no candidates for series: observation_id and `reason` (not_actual, norm, unreadable,
    uncatalogued, unknown_place, unknown_year, low_confidence, unit_mismatch). METHODOLOGY 4.1."""
    judged = _judged(observations, indicators).filter(pl.col("excluded").is_not_null())
    return judged.select("observation_id", pl.col("excluded").alias("reason"))


def candidates(observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Observations that may become points, in the unit of their indicator, with interval ends filled.

    A value repeated in one document for one key counts once. METHODOLOGY 4.1.
    """
    rows = _judged(observations, indicators).filter(pl.col("excluded").is_null())
    factor = pl.col("factor")
    open_above = pl.col("value_hi").is_null() & pl.col("value_lo").is_not_null()
    rows = rows.with_columns(
        pl.col("indicator_unit").alias("unit"),
        pl.col("value") * factor,
        (pl.coalesce("value_lo", "value") * factor).alias("value_lo"),
        pl.when(~open_above).then(pl.coalesce("value_hi", "value") * factor).alias("value_hi"),
        pl.when((pl.col("basis") == "") & pl.col("typical_basis").is_in(PLAIN_BASES))
        .then(pl.col("typical_basis"))
        .otherwise(pl.col("basis"))
        .alias("basis"),
    ).with_columns(
        pl.when(open_above | ((pl.col("approx") == "at_most") & (pl.col("value_lo") < pl.col("value"))))
        .then(pl.concat_list("flags", pl.lit(["one_sided"])))
        .otherwise(pl.col("flags"))
        .list.unique(maintain_order=True)
        .alias("flags")
    )
    return rows.sort("doc_id", "start_char", "observation_id").unique(
        ["doc_id", *KEY, "value"], keep="first", maintain_order=True
    )


def infer_basis(points: pl.DataFrame, tolerance: float = 0.01, years: int = 10) -> pl.DataFrame:
    """`points` with the basis of unstated populations inferred from the place's own benchmarks (METHODOLOGY 4.5).

    A total population without a basis takes 常住 or 户籍 if exactly one of the nearest benchmarks within `years` is within
    `tolerance` of it; flag `basis_inferred`. Needs the columns of `candidates`.
    """
    population = ["resident_population", "registered_population", "year_end_population"]
    marks = points.filter(
        pl.col("indicator_id").is_in(population) & pl.col("basis").is_in(PLAIN_BASES) & (pl.col("scope") == "")
    ).select("place_code", "basis", pl.col("year").alias("mark_year"), pl.col("value").alias("mark"))
    open_rows = points.filter(
        (pl.col("indicator_id") == "year_end_population") & (pl.col("basis") == "") & (pl.col("scope") == "")
    ).select("observation_id", "place_code", "year", "value")
    found = (
        open_rows.join(marks, on="place_code", how="inner")
        .with_columns(
            (pl.col("year") - pl.col("mark_year")).abs().alias("distance"),
            ((pl.col("value") - pl.col("mark")).abs() / pl.col("mark")).alias("off"),
        )
        .filter(pl.col("distance") <= years)
        .sort("distance", "off")
        .unique(["observation_id", "basis"], keep="first", maintain_order=True)
        .filter(pl.col("off") <= tolerance)
        .group_by("observation_id")
        .agg(pl.col("basis").n_unique().alias("fits"), pl.col("basis").first().alias("inferred"))
        .filter(pl.col("fits") == 1)
        .select("observation_id", "inferred")
    )
    return (
        points.join(found, on="observation_id", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("inferred", "basis").alias("basis"),
            pl.when(pl.col("inferred").is_not_null())
            .then(pl.concat_list("flags", pl.lit(["basis_inferred"])))
            .otherwise(pl.col("flags"))
            .alias("flags"),
        )
        .drop("inferred")
    )


def build_series(
    observations: pl.DataFrame, indicators: pl.DataFrame, documents: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The `series` table from the `observations` and `indicators` tables (METHODOLOGY 4).

    `documents` (doc_id, published_on) lets a later publication win where status and authority are equal. Per key: if
    the intervals of all direct candidates share a point, the narrowest is published; else the first by precedence, with
    the disagreement graded. A forecast or implied value is published only where nothing direct exists. Targets never
    enter. Raises SchemaError where the result would not fit its table.
    """
    if observations.is_empty():
        return pl.DataFrame(schema=SCHEMAS["series"])
    points = infer_basis(candidates(observations, indicators))
    if documents is None:
        points = points.with_columns(pl.lit("").alias("published_on"))
    else:
        dates = documents.select("doc_id", "published_on").unique("doc_id", keep="any")
        points = points.join(dates, on="doc_id", how="left", maintain_order="left")
    points = points.with_columns(
        pl.col("status").replace_strict(STATUS_RANK, default=2, return_dtype=pl.Int64).alias("status_rank"),
        pl.col("value_hi").fill_null(_OPEN).alias("closed_hi"),
        pl.col("published_on").fill_null(""),
    ).with_columns(
        (pl.col("closed_hi") - pl.col("value_lo")).alias("width"),
        (pl.col("status_rank") <= STATUS_RANK["derived"]).alias("direct"),
    )
    # windows and groups over one integer are several times faster than over six strings
    points = points.join(points.select(KEY).unique().sort(KEY).with_row_index("key"), on=KEY, how="left")
    points = points.filter(pl.col("direct") | ~pl.col("direct").any().over("key"))
    points = points.with_columns(
        (pl.col("value_lo").max().over("key") <= pl.col("closed_hi").min().over("key")).alias("concordant")
    )
    points = points.with_columns(pl.when("concordant").then("width").otherwise(0.0).alias("narrow_first"))
    ordered = points.sort(
        "key",
        "narrow_first",
        "status_rank",
        "source_rank",
        "published_on",
        "width",
        "doc_id",
        "start_char",
        "observation_id",
        descending=[False, False, False, False, True, False, False, False, False],
    )
    winner = ["year", "value", "value_lo", "value_hi", "unit", "status", "observation_id", "flags"]
    chosen = ordered.group_by("key", maintain_order=True).agg(
        *(pl.col(c).first() for c in (*KEY, *winner)),
        pl.len().cast(pl.Int64).alias("n_sources"),
        pl.col("concordant").first(),
        pl.col("value").min().alias("smallest"),
        pl.col("value").max().alias("largest"),
        pl.col("observation_id").slice(1).alias("other_observation_ids"),
    )
    delta = pl.when(~pl.col("concordant")).then(disagreement(pl.col("smallest"), pl.col("largest")))
    result = chosen.with_columns(
        pl.when(pl.col("status") == "census").then(pl.lit("revised")).otherwise(pl.col("status")).alias("status"),
        delta.alias("conflict_delta"),
        severity(delta).alias("conflict"),
    )
    return conform("series", result.sort("key").select(list(SCHEMAS["series"])))
