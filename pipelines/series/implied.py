"""Values of the year before that a stated change or growth rate implies (METHODOLOGY 1.3, 3).

Here: the formulas, when they are refused, and the implied observations of a table of observations. An implied value has
the status `implied`; it is published only where nothing direct is known, and never used to imply another. Not here: the
choice among candidates (build.py), growth computed from two values (pipelines/analysis/growth.py).
"""

from __future__ import annotations

import polars as pl


def implied_prior(
    x1: pl.Expr, growth: pl.Expr, half: pl.Expr, growth_half: pl.Expr
) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Prior value x1/(1 + g) with its ends, from a level and a nominal growth rate given as a ratio (METHODOLOGY 3.1).

    `half` and `growth_half` are half units of level and rate. Null where 1 + g is not positive.
    """
    base = pl.when(1 + growth - growth_half > 0).then(1 + growth)
    return x1 / base, (x1 - half) / (base + growth_half), (x1 + half) / (base - growth_half)


def prior_from_change(x1: pl.Expr, change: pl.Expr) -> pl.Expr:
    """Prior value x1 - change (METHODOLOGY 3.2)."""
    return x1 - change


def prior_from_points(
    value: float,
    points: float,
    direction: str,
    word: str,
    unit: str,
    plausible: tuple[float | None, float | None] = (None, None),
) -> tuple[float | None, bool]:
    """Prior value of `value` after a change of `points` worded 百分点 or 千分点, and whether it is `loose_point`.

    `unit` is the indicator's. 百分点 of an indicator in ‰ is loosely read as that many units, unless only ten times as
    many gives a plausible prior. METHODOLOGY 1.3.
    """
    step = points if direction == "down" else -points
    natural = {"百分点": "%", "千分点": "‰"}.get(word, unit)
    if natural == unit:
        return value + step, False
    lo, hi = plausible

    def fits(prior: float) -> bool:
        return (lo is None or prior >= lo) and (hi is None or prior <= hi)

    if word == "百分点" and unit == "‰" and not fits(value + step) and fits(value + 10 * step):
        return value + 10 * step, False
    return (value + step, True) if fits(value + step) else (None, True)


def mixed_base(prior_from_level: pl.Expr, prior_from_rate: pl.Expr, tolerance: pl.Expr) -> pl.Expr:
    """True where two statements of one sentence imply priors further apart than their intervals allow
    (METHODOLOGY 3.3b)."""
    return (prior_from_level - prior_from_rate).abs() > tolerance


_REAL = r"不变价|可比价|可比口径|扣除价格|实际增长|实际增速|同口径"


def implied_prior_reason(indicator_id: pl.Expr, sentence: pl.Expr) -> pl.Expr:
    """`basis_mismatch` where growth and level are on two bases, else null (METHODOLOGY 3.3): growth at constant or
    comparable prices, 同口径 growth, all GDP growth, and growth of a growth rate."""
    gdp = indicator_id.is_in(["gdp", "gdp_growth", "gdp_per_capita"]) | indicator_id.str.ends_with("_value_added")
    refused = gdp.fill_null(False) | sentence.str.contains(_REAL).fill_null(False)
    return pl.when(refused).then(pl.lit("basis_mismatch"))


# --------------------------------------------------------------------------------------------------------- observations

_LAST_YEAR = "[比较于]上年|[比较]去年|同比|上年同期"
"""The comparison is with the year before, not with the month before or the year's beginning."""

_OTHER_SPAN = "年间|累计|以来|年均|环比|[比较]上月|[比较]上季|[比较]年初"

_POINTS = {"%": "百分点", "‰": "千分点"}

_BARRED = ("damaged", "masked", "masked_value", "unreadable", "implausible", "rejected", "unit_inferred_uncertain")


def _fit(rows: pl.DataFrame) -> pl.DataFrame:
    """Readable observations with both ends of what their wording allows."""
    bad = pl.any_horizontal(pl.col("flags").list.contains(f) for f in _BARRED)
    lo, hi = pl.coalesce("value_lo", "value"), pl.coalesce("value_hi", "value")
    closed = pl.col("value_lo").is_null() | pl.col("value_hi").is_not_null()
    return rows.filter(pl.col("value").is_not_null() & ~bad & closed).with_columns(lo.alias("lo"), hi.alias("hi"))


def implied_observations(observations: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Observations of the year before that statements such as 比上年增长36.17% imply, in the columns of `observations`
    that series need; `observation_id` is that of the stated change or growth rate, whose sentence is the evidence.

    Only where the words leave no doubt: value and statement are of one period, the sentence compares with the year
    before, one change or rate belongs to the value, and units fit; what one sentence deals out (分别) stands or falls
    together. Growth at constant or comparable prices, of GDP, and
    of growth rates is refused (METHODOLOGY 3.3).
    """
    table = observations.lazy()
    of_growth = pl.col("links_rel").list.contains("growth_of") & (pl.col("kind") == "growth")
    of_change = pl.col("links_rel").list.contains("change_of") & (pl.col("kind") == "change")
    # sentences are read of the few rows that state a change, not of all
    stated = (
        table.filter((of_growth | of_change) & pl.col("direction").is_in(["up", "down"]))
        .select(
            *("observation_id", "value", "value_lo", "value_hi", "flags", "unit", "direction", "period", "sentence"),
            *("doc_id", "confidence", "start_char", pl.col("links_rel").alias("rel"), pl.col("links_to").alias("to")),
        )
        .collect()
        .filter(pl.col("sentence").str.contains(_LAST_YEAR) & ~pl.col("sentence").str.contains(_OTHER_SPAN))
        .explode("rel", "to", empty_as_null=False)
        .filter(pl.col("rel").is_in(["growth_of", "change_of"]))
    )
    dealt = pl.len().over("doc_id", "sentence", "rel")
    stated = stated.with_columns(dealt.alias("dealt")).filter(pl.len().over("to", "rel") == 1)
    values = (
        table.filter(pl.col("observation_id").is_in(stated["to"].unique().implode()))
        .filter((pl.col("kind") == "actual") & (pl.col("class") == "indicator"))
        .select(
            *_CARRIED, *("observation_id", "value", "value_lo", "value_hi", "flags", "unit", "period", "confidence")
        )
        .collect()
    )
    mine = ["observation_id", "value", "lo", "hi", "unit", "period", "confidence"]
    pairs = (
        _fit(stated)
        .select(*mine, "rel", "to", "direction", "sentence", "start_char", "dealt")
        .join(
            _fit(values).rename({c: f"to_{c}" for c in mine} | {"flags": "to_flags"}),
            left_on="to",
            right_on="to_observation_id",
            how="inner",
        )
    )
    growth = pl.col("rel") == "growth_of"
    in_points = pl.col("unit") == pl.col("to_unit").replace(_POINTS)
    fits = pl.when(growth).then(pl.col("unit") == "%").otherwise((pl.col("unit") == pl.col("to_unit")) | in_points)
    year = pl.col("to_period").str.extract(r"^(?:asof:)?((?:19|20)\d{2})(?:-[QH]\d)?$").cast(pl.Int64)
    pairs = pairs.with_columns(year.alias("year")).filter(
        fits
        & pl.col("year").is_not_null()
        & (pl.col("period").str.strip_prefix("asof:") == pl.col("to_period").str.strip_prefix("asof:"))
        & (~growth | (pl.col("to_value") > 0))
        & implied_prior_reason(pl.col("indicator_id"), pl.col("sentence")).is_null()
    )
    together = ~pl.col("sentence").str.contains("分别", literal=True) | (
        pl.len().over("doc_id", "sentence", "rel") == pl.col("dealt")
    )
    pairs = pairs.filter(pl.col("indicator_id").is_not_null()).filter(together)
    # a value with both is taken back by its change, which is exact, and not by its rounded rate
    pairs = pairs.sort("rel", "start_char").unique("to", keep="first", maintain_order=True)
    sign = pl.when(pl.col("direction") == "down").then(-1.0).otherwise(1.0)
    rate, half = sign * pl.col("value") / 100, (pl.col("hi") - pl.col("lo")) / 200
    level_half = (pl.col("to_hi") - pl.col("to_lo")) / 2
    by_rate = implied_prior(pl.col("to_value"), rate, level_half, half)
    by_change = prior_from_change(pl.col("to_value"), sign * pl.col("value"))
    room = (pl.col("hi") - pl.col("lo")) / 2 + level_half
    by_both = (by_change, by_change - room, by_change + room)
    return pairs.select(
        "observation_id",
        "start_char",
        *_CARRIED,
        pl.col("to_unit").alias("unit"),
        *(
            pl.when(growth).then(r).otherwise(c).round_sig_figs(12).alias(n)
            for r, c, n in zip(by_rate, by_both, _ENDS, strict=True)
        ),
        pl.col("to_period").str.replace(r"(?:19|20)\d{2}", (pl.col("year") - 1).cast(pl.String)).alias("period"),
        pl.min_horizontal("confidence", "to_confidence").alias("confidence"),
        pl.lit("implied").alias("status"),
        pl.lit("exact").alias("approx"),
        pl.lit("actual").alias("kind"),
        pl.concat_list(pl.lit("implied")).alias("flags"),
    ).filter(pl.col("value").is_not_null())


_ENDS = ("value", "value_lo", "value_hi")
_CARRIED = ("doc_id", "class", "indicator_id", "scope", "place_code", "basis", "period_kind", "source_rank")
