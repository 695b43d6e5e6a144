"""How intervals travel through arithmetic, and the interval of a count of events.

Here: endpoints of differences, quotients and growth, and the Poisson interval. Not here: the interval that a wording
allows (half units, 余, 近, 约, 以上 ...), which is read with the number in `extraction.written`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import polars as pl

# ------------------------------------------------------------------------------------------------- interval arithmetic


def finite(value: pl.Expr) -> pl.Expr:
    """The value, or null where it is NaN or infinite."""
    return pl.when(value.is_finite()).then(value)


def divided(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """numerator/denominator, null where the denominator is zero; never NaN or infinite."""
    return finite(numerator / pl.when(denominator != 0).then(denominator))


def difference_interval(lo1: pl.Expr, hi1: pl.Expr, lo0: pl.Expr, hi0: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Ends of x1 - x0 (METHODOLOGY 2.3)."""
    return lo1 - hi0, hi1 - lo0


def quotient_interval(lo1: pl.Expr, hi1: pl.Expr, lo0: pl.Expr, hi0: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Ends of x1/x0 for values that are not negative (METHODOLOGY 2.3); null where x0 may be zero."""
    return divided(lo1, hi0), divided(hi1, pl.when(lo0 > 0).then(lo0))


def growth_interval(lo1: pl.Expr, hi1: pl.Expr, lo0: pl.Expr, hi0: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Ends of x1/x0 - 1 (METHODOLOGY 2.3)."""
    lo, hi = quotient_interval(lo1, hi1, lo0, hi0)
    return lo - 1, hi - 1


def beyond_rounding(lo: pl.Expr, hi: pl.Expr) -> pl.Expr:
    """True where the interval of a change excludes zero (METHODOLOGY 2.3)."""
    return (lo > 0) | (hi < 0)


# ------------------------------------------------------------------------------------------------------ random counts


def _gamma_p(a: float, x: float) -> float:
    """Regularised lower incomplete gamma function, by series or continued fraction."""
    if x <= 0:
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1.0 / a
        n = a
        while abs(term) > abs(total) * 1e-15:
            n += 1
            term *= x / n
            total += term
        return total * front
    b = x + 1 - a
    c, d = 1e300, 1.0 / b
    h = d
    for i in range(1, 1000):
        an = -i * (i - a)
        b += 2
        d = 1.0 / (an * d + b)
        c = b + an / c
        step = d * c
        h *= step
        if abs(step - 1) < 1e-15:
            break
    return 1.0 - front * h


def chi_square_quantile(p: float, df: int) -> float:
    """Quantile, for 0 < p < 1, of the chi-square distribution with `df` > 0 degrees of freedom: Newton's method from
    the cube of Wilson and Hilferty, by bisection wherever a step leaves what is known to hold the quantile."""
    lo, hi = 0.0, df + 10.0 * math.sqrt(2.0 * df) + 40.0
    spread = 2 / (9 * df)
    x = df * (1 - spread + NormalDist().inv_cdf(p) * math.sqrt(spread)) ** 3
    for _ in range(200):
        if not lo < x < hi:
            x = (lo + hi) / 2
        over = _gamma_p(df / 2, x / 2) - p
        lo, hi = (x, hi) if over < 0 else (lo, x)
        density = math.exp((df / 2 - 1) * math.log(x / 2) - x / 2 - math.lgamma(df / 2)) / 2
        step = over / density if density else hi - lo
        if abs(step) <= 1e-13 * x or hi - lo <= 1e-13 * hi:
            break
        x -= step
    return x


def poisson_bounds(n: int) -> tuple[float, float]:
    """Exact 95% Poisson interval of a count of events (METHODOLOGY 2.4)."""
    lo = 0.0 if n == 0 else chi_square_quantile(0.025, 2 * n) / 2
    return lo, chi_square_quantile(0.975, 2 * n + 2) / 2


_EXACT_COUNTS = 200
_Z = 1.959963984540054


@lru_cache(maxsize=1)
def _poisson_table() -> tuple[pl.Series, pl.Series]:
    bounds = [poisson_bounds(n) for n in range(_EXACT_COUNTS)]
    return pl.Series([b[0] for b in bounds]), pl.Series([b[1] for b in bounds])


def poisson_interval(count: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """95% Poisson interval of counts (METHODOLOGY 2.4), in events; null for null or negative counts.

    Exact below 200; above, the Wilson-Hilferty cube, which is within 1e-5 of it.
    """
    n = pl.when(count >= 0).then(count.cast(pl.Int64))
    keys = list(range(_EXACT_COUNTS))
    lows, highs = _poisson_table()
    small_lo = n.replace_strict(keys, lows, default=None, return_dtype=pl.Float64)
    small_hi = n.replace_strict(keys, highs, default=None, return_dtype=pl.Float64)
    x, y = n.cast(pl.Float64), n.cast(pl.Float64) + 1
    large_lo = x * (1 - 1 / (9 * x) - _Z / (3 * x.sqrt())) ** 3
    large_hi = y * (1 - 1 / (9 * y) + _Z / (3 * y.sqrt())) ** 3
    small = n < _EXACT_COUNTS
    return pl.when(small).then(small_lo).otherwise(large_lo), pl.when(small).then(small_hi).otherwise(large_hi)


def unstable(count: pl.Expr) -> pl.Expr:
    """True for counts of events below 20, on which no rate should be judged (METHODOLOGY 2.4)."""
    return count < 20
