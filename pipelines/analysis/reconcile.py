"""Do the figures agree with each other? Identities and their verdicts.

Here: METHODOLOGY 9 as expressions, and the identities that one document or the series contain; those that follow from
definitions are rows of `identities.csv`. Not here: which value is wrong where two disagree (repairs.py), single values
outside their range (quality.py). Nothing is corrected.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

import polars as pl

from pipelines.analysis.intervals import divided
from pipelines.analysis.repairs import UNIT_SLIPS, located
from pipelines.series.implied import implied_prior_reason
from pipelines.series.lines import looked_up, marked
from pipelines.warehouse.schema import SCHEMAS, conform, empty

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


# ------------------------------------------------------------------------------------------------- finding identities


_CHECK = ["kind", "subject", "doc_id", "place_code", "period", "primary", "observation_ids"]


def _readable(observations: pl.DataFrame) -> pl.DataFrame:
    bad = pl.any_horizontal(
        pl.col("flags").list.contains(f) for f in ("damaged", "masked", "masked_value", "unreadable")
    )
    lo = pl.coalesce("value_lo", "value")
    return observations.filter(pl.col("value").is_not_null() & ~bad).select(
        "observation_id",
        "start_char",
        "sentence",
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


_FORM = ["form", "sign", "factor"]
"""How `repairs.located` reads a check: its form, the sign of the change, the factor of the rate."""


def _finish(
    frame: pl.DataFrame,
    form: str | None = None,
    subset_may_be_open: bool = False,
    open_below: float = 0.95,
    sign: pl.Expr | None = None,
    factor: pl.Expr | None = None,
) -> pl.DataFrame:
    """Checks rows from frames with found, found_lo, found_hi, expected, expected_lo, expected_hi and `_CHECK`; with the
    columns of `_FORM`."""
    one = pl.lit(1.0)
    word, difference, tolerance = verdict(
        *(pl.col(c) for c in ("found", "found_lo", "found_hi", "expected", "expected_lo", "expected_hi"))
    )
    judged = frame.with_columns(word.alias("verdict"), difference.alias("difference"), tolerance.alias("tolerance"))
    if subset_may_be_open:  # 其中 names some of the parts, 三孩 not the fourth child: below the whole says nothing
        # unless a whole written in another unit explains all of it
        slipped = pl.any_horizontal(
            (pl.col("found_lo") * 10.0**k <= pl.col("expected_hi"))
            & (pl.col("found_hi") * 10.0**k >= pl.col("expected_lo"))
            for k in UNIT_SLIPS
        ).fill_null(False)
        partial = (pl.col("verdict") == "fails") & (pl.col("found") < pl.col("expected") * open_below) & ~slipped
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
        pl.lit(form, pl.String).alias("form"),
        (one if sign is None else sign).cast(pl.Float64).alias("sign"),
        (one if factor is None else factor).cast(pl.Float64).alias("factor"),
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
    return _finish(sums, "sum", subset_may_be_open=True)


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
        ),
        "ratio",
        factor=factor,
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


_POINTS = {"%": "百分点", "‰": "千分点"}
_CHANGE_UNIT_FITS = (
    pl.when(pl.col("rel") == "growth_of")
    .then(pl.col("unit") == "%")
    .otherwise((pl.col("unit") == pl.col("to_unit")) | (pl.col("unit") == pl.col("to_unit").replace(_POINTS)))
)
"""Growth is stated in %, a change in the unit of the value or its points."""


def _changes(links: pl.DataFrame) -> pl.DataFrame:
    """Before, after, change; and before, after, growth."""
    before = links.filter((pl.col("rel") == "previous_of") & (pl.col("unit") == pl.col("to_unit"))).select(
        "to_observation_id",
        pl.col("observation_id").alias("b_id"),
        pl.col("value").alias("b"),
        pl.col("lo").alias("b_lo"),
        pl.col("hi").alias("b_hi"),
    )
    stated = links.filter(pl.col("rel").is_in(["change_of", "growth_of"]) & _CHANGE_UNIT_FITS)
    return _compared(stated.join(before, on="to_observation_id", how="inner"))


def _compared(pairs: pl.DataFrame) -> pl.DataFrame:
    """Checks of stated changes and growth rates (value), of values (to_) against values before (b)."""
    sign = pl.when(pl.col("direction") == "down").then(-1.0).otherwise(1.0)
    by_growth = pl.col("rel") == "growth_of"
    growth_lo = (divided(pl.col("to_lo"), pl.col("b_hi")) - 1) * 100
    growth_hi = (divided(pl.col("to_hi"), pl.col("b_lo")) - 1) * 100
    pairs = pairs.with_columns(
        (pl.col("value") * sign).alias("expected"),
        pl.when(sign > 0).then("lo").otherwise(-pl.col("hi")).alias("expected_lo"),
        pl.when(sign > 0).then("hi").otherwise(-pl.col("lo")).alias("expected_hi"),
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
    return pl.concat([_finish(pairs.filter(by_growth)), _finish(pairs.filter(~by_growth), "change", sign=sign)])


@lru_cache(maxsize=1)
def identities() -> pl.DataFrame:
    """Identities that follow from definitions: identity_id, kind (parts or shares), whole_id, part_ids (a list), why."""
    table = pl.read_csv(files(__package__).joinpath("identities.csv").read_bytes())
    return table.with_columns(pl.col("part_ids").str.split("|"))


def _within(rows: pl.DataFrame, indicators: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Identities of the catalogue whose values stand once each under the same key: rates of counts, growth = birth -
    death, parts of a whole, shares that make up 100."""
    rates_of = indicators.select("indicator_id", "numerator_id", "denominator_id").drop_nulls()
    involved = pl.concat([rates_of[c] for c in rates_of.columns]).to_list() + [i for b in _BALANCES for i in b]
    for _, _, whole, parts, _ in identities().iter_rows():
        involved += [whole, *parts]
    once = rows.filter(pl.col("indicator_id").is_in(sorted({i for i in involved if i})))
    once = _alone(once, [*key, "indicator_id"])
    keys = once.select(key).unique().with_row_index("at")  # one number a key, so that no join compares strings
    once = looked_up(once, key, keys)
    side = ["observation_id", "indicator", "value", "lo", "hi"]
    rates = once.join(rates_of, on="indicator_id", how="inner")

    def half(prefix: str, own: str) -> pl.DataFrame:
        return once.select("at", pl.col("indicator_id").alias(own), *(pl.col(c).alias(f"{prefix}{c}") for c in side))

    paired = rates.join(half("n_", "numerator_id"), on=["at", "numerator_id"]).join(
        half("d_", "denominator_id"), on=["at", "denominator_id"]
    )
    return pl.concat(
        [
            _rates(paired),
            *(_balance(once, *names) for names in _BALANCES),
            *(_composed(once, key, *row[1:4]) for row in identities().iter_rows()),
        ]
    )


def _alone(rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Rows that share their key with no other; hashes find those to be compared in full."""
    rows = rows.with_row_index("row")
    like = rows.select(pl.struct(key).hash().is_duplicated()).to_series()
    shared = rows.filter(like).select("row", pl.len().over(key).alias("n")).filter(pl.col("n") > 1)["row"]
    return rows.filter(~marked(rows.height, shared)).drop("row")


def _composed(
    rows: pl.DataFrame, key: Sequence[str], kind: str, whole: str | None, parts: Sequence[str]
) -> pl.DataFrame:
    """Parts of one whole, or shares of 100, all of which stand under the same key, numbered `at`."""
    side = ["observation_id", "value", "lo", "hi"]

    def one(indicator: str, prefix: str) -> pl.DataFrame:
        return rows.filter(pl.col("indicator_id") == indicator).select(
            "at", *(pl.col(c).alias(f"{prefix}{c}") for c in side)
        )

    # a frame of the key and the columns every check carries, from the whole or, for shares, from the first part
    base = rows.filter(pl.col("indicator_id") == (whole or parts[0])).select(
        *key, "at", *(pl.col(c).alias(f"w_{c}") for c in side), *(c for c in ("doc_id",) if c not in key)
    )
    for n, part in enumerate(parts):
        base = base.join(one(part, f"p{n}_"), on="at")
    numbers = range(len(parts))
    hundred = pl.lit(100.0)
    ids = [f"p{n}_observation_id" for n in numbers]
    if whole:
        ids = ["w_observation_id", *ids]
    return _finish(
        base.with_columns(
            pl.lit(kind).alias("kind"),
            pl.lit(f"{whole or 100} = {' + '.join(parts)}").alias("subject"),
            pl.sum_horizontal(f"p{n}_value" for n in numbers).alias("found"),
            pl.sum_horizontal(f"p{n}_lo" for n in numbers).alias("found_lo"),
            pl.sum_horizontal([f"p{n}_hi" for n in numbers], ignore_nulls=False).alias("found_hi"),
            (pl.col("w_value") if whole else hundred).alias("expected"),
            (pl.col("w_lo") if whole else hundred).alias("expected_lo"),
            (pl.col("w_hi") if whole else hundred).alias("expected_hi"),
            pl.concat_str(ids, separator="+").alias("primary"),
            pl.concat_list(ids).alias("observation_ids"),
        ),
        "sum" if whole else None,
        subset_may_be_open=not whole,
        open_below=1.0,
    )


_BALANCES = (
    ("natural_growth_rate", "birth_rate", "death_rate"),
    ("natural_increase", "births", "deaths"),
)


def _balance(rows: pl.DataFrame, growth: str, births: str, deaths: str) -> pl.DataFrame:
    side = ["observation_id", "value", "lo", "hi"]

    def one(indicator: str, prefix: str) -> pl.DataFrame:
        return rows.filter(pl.col("indicator_id") == indicator).select(
            "at", *(pl.col(c).alias(f"{prefix}{c}") for c in side)
        )

    grown = rows.filter(pl.col("indicator_id") == growth)
    both = grown.join(one(births, "b_"), on="at").join(one(deaths, "d_"), on="at")
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
        ),
        "difference",
    )


# --------------------------------------------------------------------------------------------------- inside a sentence


def _sentences() -> pl.Expr:
    """One number for each sentence of a document."""
    return pl.struct("doc_id", "section", "sentence").hash()


def _plans(rows: pl.DataFrame) -> pl.DataFrame:
    """Plan, value and completion rate of one sentence that has one of each, the first two in one unit: 100·A/T = c."""
    completions = rows.filter((pl.col("kind") == "completion") & (pl.col("unit") == "%"))
    if completions.is_empty():
        near = completions.with_columns(_sentences().alias("at"))
    else:
        told = completions.select(_sentences().alias("at")).unique()
        near = rows.with_columns(_sentences().alias("at")).join(told, on="at", how="semi")
    single = near.filter(pl.col("kind").is_in(["actual", "target", "completion"]))
    single = single.filter((pl.len().over("at", "kind") == 1) & (pl.col("kind").n_unique().over("at") == 3))
    side = ["observation_id", "indicator", "value", "lo", "hi", "unit"]

    def of(kind: str, prefix: str) -> pl.DataFrame:
        return single.filter(pl.col("kind") == kind).select("at", *(pl.col(c).alias(f"{prefix}{c}") for c in side))

    done = single.filter(pl.col("kind") == "completion")
    pairs = done.join(of("actual", "n_"), on="at").join(of("target", "d_"), on="at")
    return _rates(pairs.filter(pl.col("n_unit") == pl.col("d_unit"))).with_columns(
        pl.lit("plan").alias("kind"), pl.col("check_id").str.replace("^rate:", "plan:")
    )


_HEADS = ("人", "户", "名")


def _per_head(rows: pl.DataFrame) -> pl.DataFrame:
    """Amounts and numbers of people that stand side by side in a sentence: their quotient against a rate stated there, or
    a multiple of ten, either of which corroborates both; anything else is no verdict and gives no row.

    People with fewer than three digits before their last zeros divide amounts too often to prove anything.
    """
    order = rows.filter(pl.col("kind").is_in(["actual", "norm"]) & (pl.col("sentence") != ""))
    order = order.with_columns(_sentences().alias("at"))
    money = order.filter((pl.col("unit") == "元") & (pl.col("kind") == "actual")).select("at").unique()
    order = order.join(money, on="at", how="semi").sort("doc_id", "section", "start_char")
    side = ["observation_id", "indicator", "value", "lo", "hi", "unit", "at", "kind"]
    telling = (pl.col("n_unit").is_in(_HEADS)) & ~pl.col("n_value").cast(pl.Int64, strict=False).cast(
        pl.String
    ).str.strip_chars_end("0").str.len_chars().lt(3)
    amounts = []
    for step in (1, -1):
        near = order.with_columns(pl.col(c).shift(step).alias(f"n_{c}") for c in side)
        amounts.append(
            near.filter(
                (pl.col("unit") == "元")
                & (pl.col("kind") == "actual")
                & (pl.col("n_kind") == "actual")
                & (pl.col("at") == pl.col("n_at"))
                & telling.fill_null(False)
            )
        )
    # polars 2.1 ends with `i < self.len()` where pl.format meets some shifted columns in several pieces
    pairs = pl.concat(amounts).rechunk()
    each = divided(pl.col("value"), pl.col("n_value"))
    stated = order.filter(pl.col("unit").str.starts_with("元/").fill_null(False)).select(
        "at", *(pl.col(c).alias(f"s_{c}") for c in ("observation_id", "value", "lo", "hi"))
    )
    against = pairs.join(stated, on="at", how="inner").filter(
        (each >= pl.col("s_lo") * (1 - 1e-9)) & (each <= pl.col("s_hi") * (1 + 1e-9))
    )
    round_ones = pairs.filter(per_head_is_round(pl.col("value"), pl.col("n_value")).fill_null(False) & (each >= 10))
    lo, hi = divided(pl.col("lo"), pl.col("n_hi")), divided(pl.col("hi"), pl.col("n_lo"))

    def of(frame: pl.DataFrame, expected: Sequence[pl.Expr], ids: Sequence[str], words: str) -> pl.DataFrame:
        return _finish(
            frame.with_columns(
                pl.lit("per_head").alias("kind"),
                pl.format("{} / {}" + words, "indicator", "n_indicator").alias("subject"),
                each.alias("found"),
                lo.alias("found_lo"),
                hi.alias("found_hi"),
                *(e.alias(c) for e, c in zip(expected, ("expected", "expected_lo", "expected_hi"), strict=True)),
                pl.concat_str(ids, separator="+").alias("primary"),
                pl.concat_list(ids).alias("observation_ids"),
            )
        )

    two = ["observation_id", "n_observation_id"]
    return pl.concat(
        [
            of(
                against, [pl.col(f"s_{c}") for c in ("value", "lo", "hi")], [*two, "s_observation_id"], " = stated rate"
            ),
            of(round_ones, [each, each, each], two, " is a round sum a head"),
        ]
    )


_LAST_YEAR = "[比较于]上年|[比较]去年|同比|上年同期"
_SEVERAL_YEARS = "年间|累计|以来|年均|分别"

_SHARE = "占|比重|比例|构成"


def _shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Shares of one sentence that make up 100 within half a point; others may not be all the shares and give no row."""
    shares = rows.filter(
        (pl.col("unit") == "%") & (pl.col("kind") == "actual") & pl.col("indicator").str.contains(_SHARE)
    )
    sums = (
        shares.with_columns(_sentences().alias("at"))
        .sort("doc_id", "section", "start_char")
        .group_by("at", maintain_order=True)
        .agg(
            pl.col("doc_id", "place_code", "period", "observation_id").first(),
            pl.len().alias("n"),
            pl.col("value").sum().alias("found"),
            pl.col("lo").sum().alias("found_lo"),
            pl.when(pl.col("hi").null_count() == 0).then(pl.col("hi").sum()).alias("found_hi"),
            pl.col("observation_id").alias("observation_ids"),
        )
        .filter((pl.col("n") > 1) & ((pl.col("found") - 100).abs() <= 0.5))
    )
    return _finish(
        sums.with_columns(
            pl.lit("shares").alias("kind"),
            pl.format("{} shares of a whole", "n").alias("subject"),
            *(pl.lit(100.0).alias(c) for c in ("expected", "expected_lo", "expected_hi")),
            pl.col("observation_id").alias("primary"),
        )
    )


# ----------------------------------------------------------------------------------------------------- across documents

_POPULATIONS = ("resident_population", "registered_population", "year_end_population")
_CENSUS_YEARS = (1990, 2000, 2010, 2020)
_PLACE = ["place_code", "scope", "basis"]


def _end_years(points: pl.DataFrame, prefix: str, later: int = 0) -> pl.DataFrame:
    side = ["observation_id", "value", "lo", "hi"]
    return points.filter(pl.col("indicator_id").is_in(_POPULATIONS)).select(
        *_PLACE,
        pl.col("indicator_id").alias("population"),
        pl.col("year") + later,
        *(pl.col(c).alias(f"{prefix}{c}") for c in side),
    )


def _yearly_populations(points: pl.DataFrame) -> pl.DataFrame:
    """Populations of one basis at the beginning (b_) and the end (e_) of a year; none where a census lies between."""
    ends = _end_years(points, "e_").join(
        _end_years(points, "b_", later=1), on=[*_PLACE, "population", "year"], how="inner"
    )
    counted_anew = pl.col("year").is_in(_CENSUS_YEARS) & (pl.col("population") != "registered_population")
    return ends.filter(~counted_anew)


def _year_end_rates(annual: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Rates whose mean population is not published, over the mean of two year-end populations (METHODOLOGY 9).

    Some yearbooks divide by the population at the end of the year: a rate that agrees with that alone is checked so.
    """
    rates_of = indicators.filter(pl.col("denominator_id") == "average_population").select(
        "indicator_id", "numerator_id"
    )
    counted = rates_of["numerator_id"].unique().implode()
    key = [*_PLACE, "year"]
    side = ["observation_id", "indicator", "value", "lo", "hi"]
    numerators = annual.filter(pl.col("indicator_id").is_in(counted)).select(
        *key, pl.col("indicator_id").alias("numerator_id"), *(pl.col(c).alias(f"n_{c}") for c in side)
    )
    published = annual.filter(pl.col("indicator_id") == "average_population").select(key)
    pairs = (
        annual.join(rates_of.drop_nulls(), on="indicator_id", how="inner")
        .join(published, on=key, how="anti")
        .join(numerators, on=[*key, "numerator_id"], how="inner")
        .join(_yearly_populations(annual), on=key, how="inner")
    )
    ends = ("value", "lo", "hi")
    mean = _rates(
        pairs.with_columns(
            pl.lit("(begin + end) / 2").alias("d_indicator"),
            *(mean_population(pl.col(f"b_{c}"), pl.col(f"e_{c}")).alias(f"d_{c}") for c in ends),
            pl.concat_str("e_observation_id", "b_observation_id", separator="+").alias("d_observation_id"),
        )
    )
    end = _rates(
        pairs.with_columns(
            pl.lit("end of year").alias("d_indicator"),
            *(pl.col(f"e_{c}").alias(f"d_{c}") for c in ends),
            pl.col("e_observation_id").alias("d_observation_id"),
        )
    )
    order = pl.col("verdict").replace_strict({"exact": 0, "rounding": 1, "loose": 2}, default=3, return_dtype=pl.Int8)
    apart = pl.col("observation_ids").list.eval(pl.element().str.split("+").explode())
    return (
        pl.concat([mean, end])
        .with_columns(apart, pl.lit(None, pl.String).alias("form"), order.alias("order"))
        .with_columns(pl.col("observation_ids").list.head(3).list.join("+").alias("rate"))
        .sort("order", maintain_order=True)
        .unique("rate", keep="first", maintain_order=True)
        .drop("order", "rate")
    )


def _population_balance(annual: pl.DataFrame) -> pl.DataFrame:
    """End - begin = births - deaths + arrivals - departures, where all six stand on one basis (METHODOLOGY 9)."""
    pairs = _yearly_populations(annual)
    flows = (("births", 1), ("deaths", -1), ("in_migration", 1), ("out_migration", -1))
    for name, _ in flows:
        one = annual.filter(pl.col("indicator_id") == name)
        pairs = pairs.join(
            one.select(
                *_PLACE, "year", *(pl.col(c).alias(f"{name}_{c}") for c in ("observation_id", "value", "lo", "hi"))
            ),
            on=[*_PLACE, "year"],
            how="inner",
        )

    def net(end: str) -> pl.Expr:
        other = {"lo": "hi", "hi": "lo"}.get(end, end)
        return pl.sum_horizontal(
            [pl.col(f"{n}_{end}") if s > 0 else -pl.col(f"{n}_{other}") for n, s in flows], ignore_nulls=False
        )

    ids = ["e_observation_id", "b_observation_id", *(f"{n}_observation_id" for n, _ in flows)]
    return _finish(
        pairs.with_columns(
            pl.lit("balance").alias("kind"),
            pl.format("{}: end - begin = births - deaths + net migration", "population").alias("subject"),
            pl.lit(None, pl.String).alias("doc_id"),
            pl.col("year").cast(pl.String).alias("period"),
            net("value").alias("found"),
            net("lo").alias("found_lo"),
            net("hi").alias("found_hi"),
            (pl.col("e_value") - pl.col("b_value")).alias("expected"),
            (pl.col("e_lo") - pl.col("b_hi")).alias("expected_lo"),
            (pl.col("e_hi") - pl.col("b_lo")).alias("expected_hi"),
            pl.concat_str(ids, separator="+").alias("primary"),
            pl.concat_list(ids).alias("observation_ids"),
        )
    )


_STATED = (
    *("observation_id", "doc_id", "rel", "direction", "unit", "value", "lo", "hi", "year"),
    *("to_observation_id", "to_indicator", "to_indicator_id", "to_place_code", "to_period", "to_scope", "to_basis"),
    *("to_unit", "to_value", "to_lo", "to_hi"),
)


def stated_changes(observations: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Stated changes and growth rates of annual values that may be held against the value of the year before in another
    sentence or document, with the value they belong to (`to_`); each follows from its own document (METHODOLOGY 3.3).

    Only where the words leave no doubt: the sentence compares with the year before (比上年, 同比), speaks of no longer span
    (两年间, 累计) and deals nothing out (分别), one change belongs to the value, and the change to values of one place.
    `observations` may be a scan: only those that state a change, and what they name, are read.
    """
    table = observations.lazy()
    stating = table.filter(
        pl.any_horizontal(pl.col("links_rel").list.contains(rel) for rel in ("change_of", "growth_of"))
    )
    named = stating.select(pl.col("links_to").alias("observation_id").explode()).unique()
    linked = pl.concat([stating, table.join(named, on="observation_id", how="semi")]).collect().unique("observation_id")
    stated = (
        _links(linked, _readable(linked))
        .filter(
            pl.col("rel").is_in(["change_of", "growth_of"])
            & _CHANGE_UNIT_FITS
            & pl.col("to_period").str.contains(r"^\d{4}$")
            & (pl.col("period") == pl.col("to_period"))
            & pl.col("to_indicator_id").is_not_null()
            & pl.col("direction").is_in(["up", "down"])
            & pl.col("sentence").str.contains(_LAST_YEAR)
            & ~pl.col("sentence").str.contains(_SEVERAL_YEARS)
            & implied_prior_reason(pl.col("to_indicator_id"), pl.col("sentence")).is_null()
        )
        .with_columns(pl.col("to_period").cast(pl.Int64).alias("year"))
    )
    stated = stated.filter(pl.len().over("to_observation_id", "rel") == 1).filter(pl.col("to_place_code").is_not_null())
    one_place = pl.col("to_place_code").n_unique().over("observation_id") == 1
    return stated.filter(one_place).select(_STATED).sort("observation_id", "to_observation_id", "rel")


def _stated_against_series(stated: pl.DataFrame, annual: pl.DataFrame) -> pl.DataFrame:
    """Stated changes and growth rates of annual values against the series' value of the year before (METHODOLOGY 1.1,
    1.2, 3.3)."""
    before = annual.select(
        pl.col("place_code").alias("to_place_code"),
        pl.col("indicator_id").alias("to_indicator_id"),
        pl.col("scope").alias("to_scope"),
        pl.col("basis").alias("series_basis"),
        (pl.col("year") + 1).alias("year"),
        pl.col("observation_id").alias("b_id"),
        pl.col("value").alias("b"),
        pl.col("lo").alias("b_lo"),
        pl.col("hi").alias("b_hi"),
        pl.col("unit").alias("b_unit"),
    )
    pairs = stated.join(before, on=["to_place_code", "to_indicator_id", "to_scope", "year"], how="inner").filter(
        (pl.col("to_unit") == pl.col("b_unit"))
        & ((pl.col("rel") == "change_of") | ((pl.col("b") > 0) & (pl.col("to_value") > 0)))
        & ((pl.col("to_basis") == "") | (pl.col("to_basis") == pl.col("series_basis")))
        & (pl.len().over("observation_id") == 1)
    )
    return _compared(pairs)


def checks(observations: pl.DataFrame, indicators: pl.DataFrame, series: pl.DataFrame | None = None) -> pl.DataFrame:
    """The `checks` table: identities found in documents and, with `series`, across documents (METHODOLOGY 9).

    By link: parts of a whole, numerator and denominator of a rate, before/after/change and growth. In one sentence: plan,
    value and completion; amount and people; shares of 100. By catalogue, where each indicator stands once for a place,
    scope and period in one section: rates of counts, natural growth = birth - death, the sums of `identities.csv`. Groups
    with a failing check give a row of kind `repair` with the smallest changes that would mend it. Values that are damaged
    take no part. Raises SchemaError where the result would not fit.
    """
    rows = _readable(observations)
    own = _with_repairs(_inside(observations, rows, indicators), rows)
    if series is None:
        return conform("checks", own.sort("check_id"))
    both = pl.concat([own, series_checks(series, indicators, observations)])
    return conform("checks", both.unique("check_id", keep="first", maintain_order=True).sort("check_id"))


def identity_checks(observations: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """The rows of `checks` that documents contain, without proposals of repairs."""
    found = _inside(observations, _readable(observations), indicators)
    table = pl.concat([f.select(list(SCHEMAS["checks"])) for f in found])
    return conform("checks", table.unique("check_id", keep="first", maintain_order=True).sort("check_id"))


def _inside(observations: pl.DataFrame, rows: pl.DataFrame, indicators: pl.DataFrame) -> list[pl.DataFrame]:
    """Identities inside documents; `rows` are the readable ones of `observations`."""
    links = _links(observations, rows)
    actual = rows.filter(pl.col("kind") == "actual")
    return [
        _parts(links),
        _linked_rates(links),
        _changes(links),
        _within(actual, indicators, ["doc_id", "section", "place_code", "scope", "basis", "period_kind", "period"]),
        _plans(rows),
        _per_head(rows),
        _shares(rows),
    ]


def series_checks(
    series: pl.DataFrame, indicators: pl.DataFrame, observations: pl.DataFrame | pl.LazyFrame
) -> pl.DataFrame:
    """Rows of `checks` across documents: `checks_of_points` with what `observations` state of changes."""
    return checks_of_points(series, indicators, stated_changes(observations))


def checks_of_points(series: pl.DataFrame, indicators: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Rows of `checks` across documents, from published points of whole places: the identities of the catalogue at one
    place, scope and period, rates over the mean of two year-end populations, the balance of a population, and changes that
    documents state (`stated_changes`) against the point of the year before (METHODOLOGY 9). Implied points take no part.
    """
    names = indicators.select("indicator_id", pl.col("name_zh").alias("indicator"))
    points = series.filter(~pl.col("flags").list.contains("implied")).select(
        *("place_code", "indicator_id", "basis", "scope", "period_kind", "period", "year", "value", "unit"),
        *("observation_id", pl.col("value_lo").alias("lo"), pl.col("value_hi").alias("hi")),
        pl.lit(None, pl.String).alias("doc_id"),
    )
    points = looked_up(points, ["indicator_id"], names)
    annual = points.filter(pl.col("period_kind") == "annual")
    across = [
        _within(points, indicators, ["place_code", "scope", "basis", "period_kind", "period"]),
        _year_end_rates(annual, indicators),
        _population_balance(annual),
        _stated_against_series(stated, annual),
    ]
    return conform("checks", _with_repairs(across, points).sort("check_id"))


def _with_repairs(found: Sequence[pl.DataFrame], values: pl.DataFrame) -> pl.DataFrame:
    """Checks in the columns of the table, followed by the rows of kind `repair` that belong to them."""
    columns = list(SCHEMAS["checks"])
    table = pl.concat([f.select(*columns, *_FORM) for f in found]).unique("check_id", keep="first", maintain_order=True)
    repairs = located(table, values.select("observation_id", "indicator", "value", "lo", "hi"))
    rows = repairs.select(
        pl.concat_str(pl.lit("repair:"), "key").alias("check_id"),
        pl.lit("repair").alias("kind"),
        pl.format("smallest changes after which {} of {} checks would agree", "n_failing", "n_checks").alias("subject"),
        "doc_id",
        "place_code",
        "period",
        "verdict",
        "proposal",
        "observation_ids",
    )
    return pl.concat([table.select(columns), pl.concat([empty("checks"), rows], how="diagonal").select(columns)])
