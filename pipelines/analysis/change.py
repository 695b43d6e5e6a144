"""Change and growth between two values, and wordings of multiples: METHODOLOGY 1 as expressions.

Here: formulas alone. Not here: which two values are compared (growth.py), intervals (intervals.py).
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipelines.analysis.intervals import divided, finite


def absolute_change(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """x1 - x0, in the unit or in points (METHODOLOGY 1.1, 1.3)."""
    return x1 - x0


def relative_growth(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """x1/x0 - 1 as a ratio; null where `growth_reason` gives one (METHODOLOGY 1.2, 1.6)."""
    return finite(x1 / pl.when((x0 > 0) & (x1 >= 0)).then(x0) - 1)


def growth_reason(x0: pl.Expr, x1: pl.Expr, word: Callable[[str], pl.Expr] = pl.lit) -> pl.Expr:
    """Why growth cannot be computed from two values; null where it can (METHODOLOGY 1.6). `word` writes a reason."""
    return (
        pl.when(x0.is_null() | x1.is_null())
        .then(word("missing"))
        .when(x0 == 0)
        .then(word("zero_base"))
        .when(((x0 < 0) & (x1 > 0)) | ((x0 > 0) & (x1 < 0)))
        .then(word("sign_change"))
        .when(x0 < 0)
        .then(word("negative_base"))
    )


def change_words(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """The words shown where growth is withheld: from zero, 持平, 降幅扩大, 由负转正 ... (METHODOLOGY 1.6)."""
    return (
        pl.when((x0 == 0) & (x1 == 0))
        .then(pl.lit("持平"))
        .when(x0 == 0)
        .then(pl.lit("from zero"))
        .when((x0 < 0) & (x1 > 0))
        .then(pl.lit("由负转正"))
        .when((x0 > 0) & (x1 < 0))
        .then(pl.lit("由正转负"))
        .when((x0 < 0) & (x1 < x0))
        .then(pl.lit("降幅扩大"))
        .when((x0 < 0) & (x1 > x0))
        .then(pl.lit("降幅收窄"))
        .when(x0 < 0)
        .then(pl.lit("持平"))
    )


def symmetric_growth(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """2(x1 - x0)/(|x1| + |x0|), in [-2, 2]; null where both are zero; for ranking only (METHODOLOGY 1.6)."""
    s = x0.abs() + x1.abs()
    return finite(2 * ((x1 - x0) / pl.when(s > 0).then(s)))


def mean_rate(x0: pl.Expr, x1: pl.Expr, years: pl.Expr) -> pl.Expr:
    """`cagr` before the test for overflow, for columns in which the test follows: expressions used twice cost twice."""
    fit = (x0 > 0) & (x1 > 0) & (years > 0)
    return ((pl.when(fit).then(x1).log() - pl.when(fit).then(x0).log()) / years).exp() - 1


def cagr(x0: pl.Expr, x1: pl.Expr, years: pl.Expr) -> pl.Expr:
    """(x1/x0)^(1/years) - 1 for positive values and years > 0, else null (METHODOLOGY 1.5)."""
    return finite(mean_rate(x0, x1, years))


def change_per_year(x0: pl.Expr, x1: pl.Expr, years: pl.Expr) -> pl.Expr:
    """(x1 - x0)/years, for rates and for values that may be zero or negative (METHODOLOGY 1.5)."""
    return divided(x1 - x0, years)


def contribution(part_change: pl.Expr, total_change: pl.Expr) -> pl.Expr:
    """贡献率: change of the part over change of the total (METHODOLOGY 1.7)."""
    return divided(part_change, total_change)


def small_base(x0: pl.Expr, lo0: pl.Expr, hi0: pl.Expr, is_count: pl.Expr) -> pl.Expr:
    """True for a counted base below 20, or one whose interval is wider than a quarter (METHODOLOGY 1.6)."""
    wide = divided(hi0, pl.when(lo0 > 0).then(lo0)) > 1.25
    return (x0 > 0) & ((is_count & (x0 < 20)) | wide.fill_null(False))


# ---------------------------------------------------------------------------------------------- multiples and wordings


def raised_by_times(x0: pl.Expr, n: pl.Expr) -> pl.Expr:
    """增长 n 倍, 提高一倍: (1 + n)x0 (METHODOLOGY 1.4)."""
    return (1 + n) * x0


def raised_to_times(x0: pl.Expr, n: pl.Expr) -> pl.Expr:
    """增长到 n 倍, 是 ... 的 n 倍; also 下降到 p, 为上年的 p with p as a ratio (METHODOLOGY 1.4)."""
    return n * x0


def doubled(x0: pl.Expr, n: pl.Expr) -> pl.Expr:
    """翻 n 番: 2^n x0 (METHODOLOGY 1.4)."""
    return x0 * (n * pl.lit(2.0).log()).exp()


def doublings(x0: pl.Expr, x1: pl.Expr) -> pl.Expr:
    """Number of doublings 番 between two positive values (METHODOLOGY 1.4)."""
    return finite((pl.when(x1 > 0).then(x1) / pl.when(x0 > 0).then(x0)).log(2.0))


def lowered_by(x0: pl.Expr, p: pl.Expr) -> pl.Expr:
    """下降 p, with p a ratio: (1 - p)x0; null for 减少 n 倍 with n >= 1 (METHODOLOGY 1.4)."""
    return (1 - pl.when(p < 1).then(p)) * x0


def plan_from_completion(actual: pl.Expr, completion: pl.Expr) -> pl.Expr:
    """Plan T = A/c from a completion rate given as a ratio (METHODOLOGY 1.4, 6)."""
    return divided(actual, pl.when(completion > 0).then(completion))


def tenths(n: float) -> float:
    """n 成 as a ratio (METHODOLOGY 1.4)."""
    return n / 10


def completion_over(completion: float) -> float:
    """超额完成 as a ratio: 完成121.67% is 超21.67% (METHODOLOGY 1.4)."""
    return completion - 1


def multiple_reading(x0: pl.Expr, x1: pl.Expr, n: pl.Expr, half_unit: pl.Expr) -> pl.Expr:
    """Which reading of `n 倍` the two ends support: by, to, or null with neither or both (METHODOLOGY 1.4).

    A reading is supported where the quotient lies within `half_unit` of n: 2.33744 is written 2.3. `to` where the
    wording says "by" is the flag `bei_as_ratio`.
    """
    ratio = divided(x1, x0)
    to = (ratio - n).abs() <= half_unit
    by = (ratio - 1 - n).abs() <= half_unit
    return pl.when(to & ~by).then(pl.lit("to")).when(by & ~to).then(pl.lit("by"))
