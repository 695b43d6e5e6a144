"""Observations become series: one published point per place, indicator, basis, scope and period.

Here: which observations may become points, which of several sources is published, how their disagreement is graded,
and which basis an unstated one is (METHODOLOGY 4). Not here: growth and targets (pipelines/analysis), or reading
numbers (pipelines/extraction). Nothing is averaged, filled in or carried forward.
"""

from __future__ import annotations

import polars as pl

from pipelines.catalogue.indicators import compatible
from pipelines.catalogue.units import UNITS
from pipelines.series.implied import implied_observations
from pipelines.series.limits import impossible
from pipelines.series.lines import contiguous, looked_up, marked
from pipelines.series.periods import canonical_period, kind_of, year_of
from pipelines.warehouse.schema import LIST, SCHEMAS, conform, empty

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
_WHOLE = 100.0  # percent; bounds a share from above where the wording does not
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


_NEEDED = (
    "observation_id", "doc_id", "start_char", "class", "indicator_id", "value", "value_lo", "value_hi", "unit", "kind",
    "approx", "scope", "place_code", "basis", "period", "period_kind", "status", "source_rank", "flags", "confidence",
)  # fmt: skip

_BAD = pl.any_horizontal(pl.col("flags").list.contains(f) for f in KEPT_OUT)
_KEPT_OUT = (
    ("not_actual", pl.col("kind") != "actual"),
    ("norm", pl.col("class") != "indicator"),
    ("unreadable", pl.col("value").is_null() | _BAD),
    ("uncatalogued", pl.col("indicator_id").is_null() | pl.col("indicator_unit").is_null()),
    ("unknown_place", pl.col("place_code").is_null()),
    ("unknown_year", pl.col("year").is_null()),
    ("low_confidence", pl.col("confidence") < LOW_CONFIDENCE),
    ("unit_mismatch", pl.col("factor").is_null()),
    (
        "impossible",
        impossible(pl.col("value") * pl.col("factor"), pl.col("indicator_unit"), pl.col("least"), pl.col("year")),
    ),
)
"""Why an observation stays out of series, in the order in which a reason is named."""


def _judged(observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Observations with what `_KEPT_OUT` asks for: indicator_unit, canonical period and kind, year, unit factor."""
    known = indicators.select(
        "indicator_id",
        pl.col("unit").alias("indicator_unit"),
        pl.col("measure_type").str.ends_with(":stock").alias("is_stock"),
        "typical_basis",
        pl.col("plausible_min").alias("least"),
    )
    rows = looked_up(observations, ["indicator_id"], known)
    rows = looked_up(rows, ["unit", "indicator_unit"], _unit_factors(rows))
    # periods repeat: each spelling is read once
    written = ["period", "period_kind", "is_stock"]
    periods = rows.select(written).unique()
    canonical = canonical_period(pl.col("period"), pl.col("is_stock").fill_null(False))
    periods = periods.with_columns(canonical.alias("canonical"), pl.col("period_kind").alias("stated")).with_columns(
        kind_of(pl.col("canonical"), pl.col("stated")).alias("kind_of"), year_of(pl.col("canonical")).alias("year")
    )
    rows = looked_up(rows, written, periods.drop("stated"))
    return rows.drop("period", "period_kind").rename({"canonical": "period", "kind_of": "period_kind"})


def exclusions(observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Observations that are no candidates for series: observation_id and `reason` (not_actual, norm, unreadable,
    uncatalogued, unknown_place, unknown_year, low_confidence, unit_mismatch, impossible). METHODOLOGY 4.1."""
    reason = pl.coalesce(pl.when(rule).then(pl.lit(name)) for name, rule in _KEPT_OUT)
    judged = _judged(observations.select(_NEEDED), indicators).with_columns(reason.alias("reason"))
    return judged.filter(pl.col("reason").is_not_null()).select("observation_id", "reason")


def candidates(observations: pl.DataFrame | pl.LazyFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Observations that may become points, and the values of the year before that they imply, in the unit of their
    indicator, with interval ends filled. METHODOLOGY 3 and 4.1."""
    early = {"not_actual", "norm", "unreadable", "unknown_place", "low_confidence"}
    implied = implied_observations(observations).select(_NEEDED).lazy()
    rows = (
        pl.concat([observations.lazy().select(_NEEDED), implied])
        .filter(~rule for name, rule in _KEPT_OUT if name in early)
        .filter(pl.col("indicator_id").is_not_null())
        .drop("kind", "class", "confidence")
        .collect()
    )
    rows = _judged(contiguous(rows), indicators).filter(~rule for name, rule in _KEPT_OUT if name not in early)
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
        one_sided(),
    )
    return _flagged(rows, rows["one_sided"].arg_true(), "one_sided").drop(
        "indicator_unit", "factor", "typical_basis", "one_sided", "approx", "is_stock"
    )


def _flagged(rows: pl.DataFrame, at: pl.Series, flag: str) -> pl.DataFrame:
    """`rows` with `flag` added at some of them, once, and flags in the order they came; few rows change."""
    if at.is_empty():
        return rows
    added = pl.concat_list("flags", pl.lit([flag])).list.unique(maintain_order=True)
    changed = rows.select("flags").with_row_index("row").select("row", "flags")[at].with_columns(added.alias("changed"))
    found = rows.select(pl.row_index("row")).join(changed.drop("flags"), on="row", how="left", maintain_order="left")
    return rows.with_columns(pl.coalesce(found["changed"], "flags").alias("flags"))


def infer_basis(points: pl.DataFrame, tolerance: float = 0.01, years: int = 10) -> pl.DataFrame:
    """`points` with the basis of unstated populations inferred from the place's own benchmarks (METHODOLOGY 4.5).

    A total population without a basis takes 常住 or 户籍 if exactly one of the nearest benchmarks within `years` is within
    `tolerance` of it; flag `basis_inferred`, and true in the added column of that name. Needs the columns of `candidates`.
    """
    population = ["resident_population", "registered_population", "year_end_population"]
    people = (
        points.select("indicator_id", "place_code", "basis", "scope", "year", "value")
        .with_row_index("row")
        .filter(pl.col("indicator_id").is_in(population) & (pl.col("scope") == ""))
    )
    marks = people.filter(pl.col("basis").is_in(PLAIN_BASES)).select(
        "place_code", "basis", pl.col("year").alias("mark_year"), pl.col("value").alias("mark")
    )
    unstated = people.filter((pl.col("indicator_id") == "year_end_population") & (pl.col("basis") == "")).drop("basis")
    found = (
        unstated.join(marks, on="place_code", how="inner")
        .with_columns(
            (pl.col("year") - pl.col("mark_year")).abs().alias("distance"),
            ((pl.col("value") - pl.col("mark")).abs() / pl.col("mark")).alias("off"),
        )
        .filter(pl.col("distance") <= years)
        .sort("distance", "off")
        .unique(["row", "basis"], keep="first", maintain_order=True)
        .filter(pl.col("off") <= tolerance)
        .group_by("row")
        .agg(pl.col("basis").n_unique().alias("fits"), pl.col("basis").first().alias("inferred"))
        .filter(pl.col("fits") == 1)
        .sort("row")
    )
    rows = found["row"]
    inferred = marked(points.height, rows)
    if rows.is_empty():
        return points.with_columns(inferred.alias("basis_inferred"))
    basis = points["basis"].clone().scatter(rows, found["inferred"])
    return _flagged(points, rows, "basis_inferred").with_columns(basis.alias("basis"), inferred.alias("basis_inferred"))


def _key_number(points: pl.DataFrame) -> pl.Series:
    """One integer for each key, ascending as the key does: the numbers of place, indicator, basis with scope, and kind
    with period, as digits of a mixed radix."""
    total = pl.zeros(points.height, pl.UInt64, eager=True)
    for part in (["place_code"], ["indicator_id"], ["basis", "scope"], ["period_kind", "period"]):
        values = points.select(part).unique().sort(part).with_row_index("digit")
        digit = looked_up(points.select(part), part, values)["digit"].cast(pl.UInt64)
        total = total * values.height + digit
    return total


_COMPETE = (
    "observation_id", "doc_id", "start_char", "value", "value_lo", "value_hi", "status", "source_rank", "basis_inferred",
    "published_on",
)  # fmt: skip


def _competing(points: pl.DataFrame) -> pl.DataFrame:
    """Candidates of keys that have several, in the order of METHODOLOGY 4.2 within each; `concordant` (4.3) says that
    the intervals of all share a point. A value repeated in one document counts once; a forecast or implied value counts
    only where nothing direct exists."""
    # few documents speak twice of one key: the others need not be searched for repetitions
    twice = points.select(pl.struct("key", "doc_id").hash().is_duplicated()).to_series()
    once = points.filter(twice).sort("key", "doc_id", "start_char", "observation_id")
    once = once.unique(["doc_id", "key", "basis_inferred", "value"], keep="first", maintain_order=True)
    points = pl.concat([points.filter(~twice), once])
    direct = pl.col("status_rank") <= STATUS_RANK["derived"]
    points = points.filter(direct | ~direct.any().over("key")).with_columns(
        pl.col("value_hi").fill_null(_OPEN).alias("top")
    )
    points = points.with_columns(
        (pl.col("top") - pl.col("value_lo")).alias("width"),
        (pl.col("value_lo").max().over("key") <= pl.col("top").min().over("key")).alias("concordant"),
    )
    return points.with_columns(pl.when("concordant").then("width").otherwise(0.0).alias("narrow_first")).sort(
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


EVENT_UNITS = ("‰", "1/万", "1/10万")
"""Units of rates that count events among many, so that chance plays a part (METHODOLOGY 2.4); 康检率 is not such."""

FEW_EVENTS = 20
"""Below so many events a rate is `unstable` (METHODOLOGY 2.4)."""


def _on_few_events(points: pl.DataFrame, indicators: pl.DataFrame) -> pl.Series:
    """Rows of rates whose count of events in the same place, scope and period, on whatever basis, is below
    `FEW_EVENTS`."""
    rates = indicators.filter(pl.col("unit").is_in(EVENT_UNITS)).select("indicator_id", "numerator_id").drop_nulls()
    key = ["place_code", "scope", "period_kind", "period"]
    few = points.filter(
        (pl.col("value") < FEW_EVENTS) & pl.col("indicator_id").is_in(rates["numerator_id"].unique().implode())
    ).select(*key, pl.col("indicator_id").alias("numerator_id"))
    found = (
        points.select("indicator_id", *key)
        .with_row_index("row")
        .filter(pl.col("indicator_id").is_in(rates["indicator_id"].implode()))
        .join(rates, on="indicator_id", how="inner")
        .join(few, on=[*key, "numerator_id"], how="semi")
    )
    return found["row"].sort()


def one_sided() -> pl.Expr:
    """True where the wording leaves one end open (METHODOLOGY 2.2): 超过300人, 12‰以内, and 94%以上, which only the whole
    bounds; not 500余人, whose place bounds it. Of `approx`, `value`, `value_lo`, `value_hi` and `unit`, before `value`
    is scaled."""
    open_above = pl.col("value_hi").is_null() & pl.col("value_lo").is_not_null()
    bounded_by_whole = (pl.col("approx") == "at_least") & (pl.col("unit") == "%") & (pl.col("value_hi") == _WHOLE)
    at_most = (pl.col("approx") == "at_most") & (pl.col("value_lo") < pl.col("value"))
    return (open_above | bounded_by_whole | at_most).fill_null(False).alias("one_sided")


def build_series(
    observations: pl.DataFrame | pl.LazyFrame, indicators: pl.DataFrame, documents: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The `series` table from the `observations` and `indicators` tables (METHODOLOGY 4).

    `observations` may be a scan of the stored table: then only what is needed is read. `documents` (doc_id,
    published_on) lets a later publication win where status and authority are equal. Per key: if the intervals of all
    direct candidates share a point, the narrowest is published; else the first by precedence, with the disagreement
    graded. A forecast or implied value is published only where nothing direct exists. Targets never enter. Raises
    SchemaError where the result would not fit its table.
    """
    return series_of(candidates(observations, indicators), indicators, documents)


def series_of(points: pl.DataFrame, indicators: pl.DataFrame, documents: pl.DataFrame | None = None) -> pl.DataFrame:
    """The rows of `series` from the rows of `candidates` of whole places; these may have `published_on` themselves, else
    it is looked up in `documents`."""
    points = infer_basis(points)
    # only what decides is put in order; whole rows are taken once, when it is known which are published
    key = _key_number(points)
    order = key.arg_sort()
    key = key.gather(order)
    same = key == key.shift(1)
    several = (same | same.shift(-1)).fill_null(False)
    contested = several.arg_true()
    many = points.select(pl.selectors.by_name(_COMPETE, require_all=False))[order.gather(contested)].with_columns(
        key.gather(contested).alias("key"),
        contested.alias("position"),
        pl.col("status").replace_strict(STATUS_RANK, default=2, return_dtype=pl.Int64).alias("status_rank"),
    )
    if "published_on" not in many.columns:
        dates = empty("documents") if documents is None else documents
        many = looked_up(many, ["doc_id"], dates.select("doc_id", "published_on").unique("doc_id", keep="any"))
    chosen = (
        _competing(many.with_columns(pl.col("published_on").fill_null("")))
        .group_by("key", maintain_order=True)
        .agg(
            pl.col("position").first(),
            pl.len().cast(pl.Int64).alias("n_sources"),
            pl.col("concordant").first(),
            pl.col("value").min().alias("smallest"),
            pl.col("value").max().alias("largest"),
            pl.col("observation_id").slice(1).alias("other_observation_ids"),
        )
    )
    delta = pl.when(~pl.col("concordant")).then(disagreement(pl.col("smallest"), pl.col("largest")))
    chosen = chosen.with_columns(delta.alias("conflict_delta"), severity(delta).alias("conflict"))
    published = (marked(key.len(), chosen["position"]) | ~several).arg_true()
    points = points.select(c for c in SCHEMAS["series"] if c in points.columns)[order.gather(published)]
    # the winners stand among the points in the order of their keys, as they do in `chosen`; row 0 of `notes` is for
    # points without competition
    notes = pl.concat(
        [
            pl.DataFrame(
                {"n_sources": [1], "other_observation_ids": [[]]}, schema_overrides={"other_observation_ids": LIST}
            ),
            chosen.select("n_sources", "other_observation_ids", "conflict_delta", "conflict"),
        ],
        how="diagonal",
    )
    won = several.gather(published)
    nth = pl.select(pl.when(won).then(won.cum_sum()).otherwise(0)).to_series()
    points = points.hstack(notes[nth].get_columns())
    points = _flagged(points, _on_few_events(points, indicators), "unstable").with_columns(
        pl.when(pl.col("status") == "census").then(pl.lit("revised")).otherwise(pl.col("status")).alias("status")
    )
    return conform("series", points.select(list(SCHEMAS["series"])))
