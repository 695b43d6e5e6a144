"""Do the figures agree with each other? Identities, their verdicts, and the smallest sets that could be wrong.

Here: METHODOLOGY 9 as expressions, the identities that one document or the series contain, and the location of errors
after Fellegi and Holt. Not here: single values outside their range (quality.py). Nothing is corrected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from pipelines.analysis.intervals import divided
from pipelines.warehouse.schema import SCHEMAS, conform

LOOSE = 0.005
"""Relative difference up to which a check is loose and not failed (METHODOLOGY 9)."""

RATE_FACTORS = {
    "%": 100.0,
    "男/100女": 100.0,
    "‰": 1000.0,
    "张/千人": 1000.0,
    "人/千人": 1000.0,
    "1/万": 1e4,
    "1/10万": 1e5,
}
"""Factor between numerator/denominator and a rate in its unit; 1 for every other unit."""


def verdict(
    found: pl.Expr,
    found_lo: pl.Expr,
    found_hi: pl.Expr,
    expected: pl.Expr,
    expected_lo: pl.Expr,
    expected_hi: pl.Expr,
) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Verdict, difference and tolerance of found against expected (METHODOLOGY 9).

    exact: no difference and no width; rounding: the interval of the difference contains zero; loose: within 0.5% of
    the larger side; fails; null where an end is missing. Tolerance is the half-width of the interval of the difference.
    """
    lo, hi = found_lo - expected_hi, found_hi - expected_lo
    size = pl.max_horizontal(found.abs(), expected.abs())
    dust = size * 1e-9  # 20.8 - 18.2 is not 2.6 in binary
    difference = found - expected
    word = (
        pl.when(lo.is_null() | hi.is_null() | difference.is_null())
        .then(None)
        .when((difference.abs() <= dust) & ((hi - lo).abs() <= dust))
        .then(pl.lit("exact"))
        .when((lo <= dust) & (hi >= -dust))
        .then(pl.lit("rounding"))
        .when(difference.abs() <= LOOSE * size)
        .then(pl.lit("loose"))
        .otherwise(pl.lit("fails"))
    )
    return word, difference, (hi - lo) / 2


def rate_interval(
    numerator: tuple[pl.Expr, pl.Expr], denominator: tuple[pl.Expr, pl.Expr], factor: pl.Expr
) -> tuple[pl.Expr, pl.Expr]:
    """Ends of factor·numerator/denominator for a positive denominator; the numerator may be negative (METHODOLOGY 9)."""
    (n_lo, n_hi), (d_lo, d_hi) = numerator, denominator
    d_lo, d_hi = pl.when(d_lo > 0).then(d_lo), pl.when(d_lo > 0).then(d_hi)
    lo = pl.when(n_lo >= 0).then(n_lo / d_hi).otherwise(n_lo / d_lo)
    hi = pl.when(n_hi >= 0).then(n_hi / d_lo).otherwise(n_hi / d_hi)
    return lo * factor, hi * factor


def mean_population(begin: pl.Expr, end: pl.Expr) -> pl.Expr:
    """年平均人口: (begin + end)/2 (METHODOLOGY 9)."""
    return (begin + end) / 2


def plan_interval(
    actual_lo: pl.Expr, actual_hi: pl.Expr, rate_lo: pl.Expr, rate_hi: pl.Expr
) -> tuple[pl.Expr, pl.Expr]:
    """Ends of the plan A/c, with the completion c as a ratio (METHODOLOGY 6 and 9)."""
    return divided(actual_lo, rate_hi), divided(actual_hi, pl.when(rate_lo > 0).then(rate_lo))


def per_head_is_round(amount: pl.Expr, people: pl.Expr, step: float = 10.0) -> pl.Expr:
    """True where amount/people is a whole multiple of `step`, which corroborates both; else null, no verdict
    (METHODOLOGY 9)."""
    each = divided(amount, people)
    return pl.when((each - (each / step).round() * step).abs() <= 1e-9 * each.abs()).then(pl.lit(True))


# ----------------------------------------------------------------------------------------------------- error location


@dataclass(frozen=True, slots=True)
class Identity:
    """A check among named values: Σ coefficient·value = 0 (`terms`), or rate = factor·numerator/denominator (`ratio`)."""

    name: str
    terms: tuple[tuple[str, float], ...] = ()
    ratio: tuple[str, str, str, float] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The values that take part."""
        return tuple(n for n, _ in self.terms) if self.ratio is None else self.ratio[:3]


_Span = tuple[float, float]
_EVERYTHING: _Span = (-math.inf, math.inf)


def _scaled(span: _Span, by: float) -> _Span:
    a, b = span[0] * by, span[1] * by
    return min(a, b), max(a, b)


def _product(a: _Span, b: _Span) -> _Span:
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def _quotient(a: _Span, b: _Span) -> _Span:
    return _EVERYTHING if b[0] <= 0 <= b[1] else _product(a, (1 / b[1], 1 / b[0]))


def _implied(identity: Identity, name: str, spans: Mapping[str, _Span]) -> _Span:
    """Interval that the identity leaves for one of its values, given the others."""
    if any(not math.isfinite(v) for n in identity.names if n != name for v in spans[n]):
        return _EVERYTHING
    if identity.ratio is None:
        own = next(c for n, c in identity.terms if n == name)
        rest = [_scaled(spans[n], c) for n, c in identity.terms if n != name]
        return _scaled((sum(r[0] for r in rest), sum(r[1] for r in rest)), -1 / own)
    rate, numerator, denominator, factor = identity.ratio
    if name == rate:
        return _scaled(_quotient(spans[numerator], spans[denominator]), factor)
    if name == numerator:
        return _scaled(_product(spans[rate], spans[denominator]), 1 / factor)
    return _scaled(_quotient(spans[numerator], spans[rate]), factor)


def _holds(identity: Identity, spans: Mapping[str, _Span]) -> bool:
    first = identity.names[0]
    lo, hi = _implied(identity, first, spans)
    slack = 1e-9 * max(1.0, abs(lo), abs(hi)) if math.isfinite(lo) and math.isfinite(hi) else 0.0
    return lo - slack <= spans[first][1] and spans[first][0] - slack <= hi


def smallest_repairs(
    spans: Mapping[str, tuple[float, float]], identities: Sequence[Identity], largest: int = 3
) -> list[dict[str, tuple[float, float]]]:
    """Every smallest set of values whose change makes all identities hold, with the interval each must lie in.

    After Fellegi and Holt (METHODOLOGY 9). Empty where all hold, or where no set of up to `largest` values does it; more
    than one set means undecided. Proposals only. Raises KeyError where an identity names an unknown value.
    """
    failing = [i for i in identities if not _holds(i, spans)]
    if not failing:
        return []
    names = sorted({n for i in identities for n in i.names})
    for size in range(1, largest + 1):
        found = []
        for chosen in combinations(names, size):
            if not all(set(i.names) & set(chosen) for i in failing):
                continue
            repaired = _solve(dict(spans), chosen, identities)
            if repaired is not None:
                found.append(repaired)
        if found:
            return found
    return []


def _solve(spans: dict[str, _Span], chosen: Sequence[str], identities: Sequence[Identity]) -> dict[str, _Span] | None:
    for name in chosen:
        spans[name] = _EVERYTHING
    for _ in range(len(chosen) + 1):
        for identity in identities:
            for name in set(identity.names) & set(chosen):
                lo, hi = _implied(identity, name, spans)
                spans[name] = max(lo, spans[name][0]), min(hi, spans[name][1])
                if spans[name][0] > spans[name][1]:
                    return None
    if any(not math.isfinite(v) for name in chosen for v in spans[name]):
        return None
    return {name: spans[name] for name in chosen} if all(_holds(i, spans) for i in identities) else None


# ------------------------------------------------------------------------------------------------- finding identities


_CHECK = ["kind", "subject", "doc_id", "place_code", "period", "primary", "observation_ids"]


def _readable(observations: pl.DataFrame) -> pl.DataFrame:
    bad = pl.any_horizontal(
        pl.col("flags").list.contains(f) for f in ("damaged", "masked", "masked_value", "unreadable")
    )
    lo = pl.coalesce("value_lo", "value")
    return observations.filter(pl.col("value").is_not_null() & ~bad).select(
        "observation_id",
        "doc_id",
        "section",
        "place_code",
        "indicator",
        "indicator_id",
        "scope",
        "basis",
        "period",
        "period_kind",
        "unit",
        "kind",
        "direction",
        "value",
        lo.alias("lo"),
        pl.when(pl.col("value_lo").is_null() | pl.col("value_hi").is_not_null())
        .then(pl.coalesce("value_hi", "value"))
        .alias("hi"),
    )


def _links(observations: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """One row per link between two readable observations: rel, the columns of `from`, and of `to` with prefix to_."""
    pairs = (
        observations.filter(pl.col("links_rel").list.len() > 0)
        .select("observation_id", pl.col("links_rel").alias("rel"), pl.col("links_to").alias("to_observation_id"))
        .explode("rel", "to_observation_id", empty_as_null=False)
        .unique(maintain_order=True)
    )
    return pairs.join(rows, on="observation_id", how="inner").join(
        rows.rename({c: f"to_{c}" for c in rows.columns}), on="to_observation_id", how="inner"
    )


def _finish(frame: pl.DataFrame, subset_may_be_open: bool = False) -> pl.DataFrame:
    """Checks rows from frames with found, found_lo, found_hi, expected, expected_lo, expected_hi and `_CHECK`."""
    word, difference, tolerance = verdict(
        *(pl.col(c) for c in ("found", "found_lo", "found_hi", "expected", "expected_lo", "expected_hi"))
    )
    judged = frame.with_columns(word.alias("verdict"), difference.alias("difference"), tolerance.alias("tolerance"))
    if subset_may_be_open:  # 其中 names some of the parts: far below the whole says nothing
        partial = (pl.col("verdict") == "fails") & (pl.col("found") < pl.col("expected") * 0.95)
        judged = judged.with_columns(pl.when(partial).then(pl.lit("undecided")).otherwise("verdict").alias("verdict"))
    return judged.select(
        pl.concat_str("kind", "primary", separator=":").alias("check_id"),
        "kind",
        "subject",
        "doc_id",
        "place_code",
        "period",
        pl.col("verdict").fill_null("undecided"),
        "difference",
        "tolerance",
        "expected",
        "found",
        pl.when(pl.col("verdict") == "fails")
        .then(pl.format("expected {}, found {}", pl.col("expected").round(4), pl.col("found").round(4)))
        .alias("proposal"),
        "observation_ids",
    )


def _parts(links: pl.DataFrame) -> pl.DataFrame:
    parts = links.filter(
        (pl.col("rel") == "part_of") & (pl.col("unit") == pl.col("to_unit")) & (pl.col("kind") == pl.col("to_kind"))
    )
    sums = parts.group_by("to_observation_id", maintain_order=True).agg(
        pl.col("to_doc_id").first().alias("doc_id"),
        pl.col("to_place_code").first().alias("place_code"),
        pl.col("to_period").first().alias("period"),
        pl.col("to_indicator").first().alias("whole"),
        pl.len().alias("n"),
        pl.col("value").sum().alias("found"),
        pl.col("lo").sum().alias("found_lo"),
        pl.when(pl.col("hi").null_count() == 0).then(pl.col("hi").sum()).alias("found_hi"),
        pl.col("to_value").first().alias("expected"),
        pl.col("to_lo").first().alias("expected_lo"),
        pl.col("to_hi").first().alias("expected_hi"),
        pl.col("observation_id").alias("ids"),
    )
    sums = sums.filter((pl.col("n") > 1) | (pl.col("found_lo") > pl.col("expected_hi"))).with_columns(
        pl.lit("parts").alias("kind"),
        pl.format("{} parts of {}", "n", "whole").alias("subject"),
        pl.col("to_observation_id").alias("primary"),
        pl.concat_list("to_observation_id", "ids").alias("observation_ids"),
    )
    return _finish(sums, subset_may_be_open=True)


def _rates(pairs: pl.DataFrame) -> pl.DataFrame:
    """Rate checks from rows with the rate's columns and those of numerator (n_) and denominator (d_)."""
    factor = pl.col("unit").replace_strict(RATE_FACTORS, default=1.0, return_dtype=pl.Float64)
    lo, hi = rate_interval((pl.col("n_lo"), pl.col("n_hi")), (pl.col("d_lo"), pl.col("d_hi")), factor)
    kind = pl.when(pl.col("indicator_id").is_in(["birth_rate", "death_rate", "natural_growth_rate"])).then(
        pl.lit("births")
    )
    return _finish(
        pairs.with_columns(
            kind.otherwise(pl.lit("rate")).alias("kind"),
            pl.format("{} = {} / {}", "indicator", "n_indicator", "d_indicator").alias("subject"),
            (factor * divided(pl.col("n_value"), pl.col("d_value"))).alias("found"),
            lo.alias("found_lo"),
            hi.alias("found_hi"),
            pl.col("value").alias("expected"),
            pl.col("lo").alias("expected_lo"),
            pl.col("hi").alias("expected_hi"),
            pl.concat_str("observation_id", "n_observation_id", "d_observation_id", separator="+").alias("primary"),
            pl.concat_list("observation_id", "n_observation_id", "d_observation_id").alias("observation_ids"),
        )
    )


def _linked_rates(links: pl.DataFrame) -> pl.DataFrame:
    side = ["observation_id", "indicator", "value", "lo", "hi"]

    def of(rel: str, prefix: str) -> pl.DataFrame:
        return links.filter(pl.col("rel") == rel).select(
            "to_observation_id", *(pl.col(c).alias(f"{prefix}{c}") for c in side)
        )

    whole = links.select(pl.selectors.starts_with("to_")).unique("to_observation_id", maintain_order=True)
    rates = whole.rename({c: c.removeprefix("to_") for c in whole.columns})
    rates = rates.filter(pl.col("unit").is_in(list(RATE_FACTORS)))
    return _rates(
        rates.join(of("numerator_of", "n_"), left_on="observation_id", right_on="to_observation_id").join(
            of("denominator_of", "d_"), left_on="observation_id", right_on="to_observation_id"
        )
    )


def _changes(links: pl.DataFrame) -> pl.DataFrame:
    """Before, after, change; and before, after, growth."""
    before = links.filter((pl.col("rel") == "previous_of") & (pl.col("unit") == pl.col("to_unit"))).select(
        "to_observation_id",
        pl.col("observation_id").alias("b_id"),
        pl.col("value").alias("b"),
        pl.col("lo").alias("b_lo"),
        pl.col("hi").alias("b_hi"),
    )
    sign = pl.when(pl.col("direction") == "down").then(-1.0).otherwise(1.0)
    stated = links.filter(pl.col("rel").is_in(["change_of", "growth_of"])).with_columns(
        (pl.col("value") * sign).alias("expected"),
        pl.when(sign > 0).then("lo").otherwise(-pl.col("hi")).alias("expected_lo"),
        pl.when(sign > 0).then("hi").otherwise(-pl.col("lo")).alias("expected_hi"),
    )
    pairs = stated.join(before, on="to_observation_id", how="inner")
    by_growth = pl.col("rel") == "growth_of"
    growth_lo = (divided(pl.col("to_lo"), pl.col("b_hi")) - 1) * 100
    growth_hi = (divided(pl.col("to_hi"), pl.col("b_lo")) - 1) * 100
    return _finish(
        pairs.with_columns(
            pl.when(by_growth).then(pl.lit("growth")).otherwise(pl.lit("change")).alias("kind"),
            pl.format("{}: before, after, change", "to_indicator").alias("subject"),
            pl.col("to_place_code").alias("place_code"),
            pl.col("to_period").alias("period"),
            pl.when(by_growth)
            .then((divided(pl.col("to_value"), pl.col("b")) - 1) * 100)
            .otherwise(pl.col("to_value") - pl.col("b"))
            .alias("found"),
            pl.when(by_growth).then(growth_lo).otherwise(pl.col("to_lo") - pl.col("b_hi")).alias("found_lo"),
            pl.when(by_growth).then(growth_hi).otherwise(pl.col("to_hi") - pl.col("b_lo")).alias("found_hi"),
            pl.concat_str("observation_id", "b_id", separator="+").alias("primary"),
            pl.concat_list("to_observation_id", "b_id", "observation_id").alias("observation_ids"),
        )
    )


def _within(rows: pl.DataFrame, indicators: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Rates whose numerator and denominator stand once each under the same key, and growth = birth - death."""
    once = rows.filter(pl.col("indicator_id").is_not_null()).filter(pl.len().over([*key, "indicator_id"]) == 1)
    side = ["observation_id", "indicator", "value", "lo", "hi"]
    catalogue = indicators.select("indicator_id", "numerator_id", "denominator_id")
    rates = once.join(catalogue, on="indicator_id", how="inner").filter(
        pl.col("numerator_id").is_not_null() & pl.col("denominator_id").is_not_null()
    )

    def half(prefix: str, own: str) -> pl.DataFrame:
        return once.select(*key, pl.col("indicator_id").alias(own), *(pl.col(c).alias(f"{prefix}{c}") for c in side))

    paired = rates.join(half("n_", "numerator_id"), on=[*key, "numerator_id"], nulls_equal=True).join(
        half("d_", "denominator_id"), on=[*key, "denominator_id"], nulls_equal=True
    )
    return pl.concat([_rates(paired), *(_balance(once, key, *names) for names in _BALANCES)])


_BALANCES = (
    ("natural_growth_rate", "birth_rate", "death_rate"),
    ("natural_increase", "births", "deaths"),
)


def _balance(rows: pl.DataFrame, key: Sequence[str], growth: str, births: str, deaths: str) -> pl.DataFrame:
    side = ["observation_id", "value", "lo", "hi"]

    def one(indicator: str, prefix: str) -> pl.DataFrame:
        return rows.filter(pl.col("indicator_id") == indicator).select(
            *key, *(pl.col(c).alias(f"{prefix}{c}") for c in side)
        )

    grown = rows.filter(pl.col("indicator_id") == growth)
    both = grown.join(one(births, "b_"), on=list(key), nulls_equal=True).join(
        one(deaths, "d_"), on=list(key), nulls_equal=True
    )
    return _finish(
        both.with_columns(
            pl.lit("natural_growth").alias("kind"),
            pl.lit(f"{growth} = {births} - {deaths}").alias("subject"),
            (pl.col("b_value") - pl.col("d_value")).alias("found"),
            (pl.col("b_lo") - pl.col("d_hi")).alias("found_lo"),
            (pl.col("b_hi") - pl.col("d_lo")).alias("found_hi"),
            pl.col("value").alias("expected"),
            pl.col("lo").alias("expected_lo"),
            pl.col("hi").alias("expected_hi"),
            pl.concat_str("observation_id", "b_observation_id", "d_observation_id", separator="+").alias("primary"),
            pl.concat_list("observation_id", "b_observation_id", "d_observation_id").alias("observation_ids"),
        )
    )


def checks(observations: pl.DataFrame, indicators: pl.DataFrame, series: pl.DataFrame | None = None) -> pl.DataFrame:
    """The `checks` table: identities found in documents and, with `series`, across documents (METHODOLOGY 9).

    By link: parts of a whole, numerator and denominator of a rate, before/after/change and growth. By catalogue, where
    each indicator stands once for a place, scope and period in one section or in the series: rates of counts, natural
    growth = birth - death. Values that are damaged take no part. Raises SchemaError where the result would not fit.
    """
    rows = _readable(observations)
    links = _links(observations, rows)
    actual = rows.filter(pl.col("kind") == "actual")
    found = [
        _parts(links),
        _linked_rates(links),
        _changes(links),
        _within(actual, indicators, ["doc_id", "section", "place_code", "scope", "basis", "period_kind", "period"]),
    ]
    if series is not None and series.height:
        names = indicators.select("indicator_id", pl.col("name_zh").alias("indicator"))
        points = series.join(names, on="indicator_id", how="left").with_columns(
            pl.lit(None, pl.String).alias("doc_id"), pl.col("value_lo").alias("lo"), pl.col("value_hi").alias("hi")
        )
        found.append(_within(points, indicators, ["place_code", "scope", "basis", "period_kind", "period"]))
    table = pl.concat(found).select(list(SCHEMAS["checks"])).unique("check_id", keep="first", maintain_order=True)
    return conform("checks", table.sort("check_id"))
