"""Intervals behind written numbers, and how they travel through arithmetic.

Here: the interval that a wording allows (half units, 余, 近, 约, 以上 ...), endpoints of sums, products and growth, and
the Poisson interval of a count of events. Not here: finding numbers in text, or what a number is about.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

SCALES = {"": 1.0, "百": 1e2, "千": 1e3, "万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7, "亿": 1e8}
COUNTERS = frozenset("人户所例个件次家名项村座张起份处盒册")


@dataclass(frozen=True, slots=True)
class Interval:
    """What a written number allows: point as written, ends, and which end is open.

    `hi` is None where there is no upper end; `one_sided` marks values that may not enter growth.
    """

    point: float
    lo: float
    hi: float | None
    hi_open: bool = False
    one_sided: bool = False


def _last_place(number: str, nonzero: bool) -> int:
    """Power of ten of the last written digit, or of the last digit that is not zero."""
    whole, _, fraction = number.partition(".")
    digits = whole + fraction
    if nonzero:
        digits = digits.rstrip("0") or "0"
        return len(whole) - len(digits)
    return -len(fraction)


def written_interval(
    number: str, scale: float = 1.0, wording: str = "exact", counted: bool = False, bound: float | None = None
) -> Interval:
    """Interval of a number as written, METHODOLOGY 2.1 and 2.2.

    `number` holds Arabic digits; `scale` is the value of the scale word; `wording` is exact, more (余 before the scale
    word), more_after (余 after it), nearly, about, at_least or at_most; `counted` numbers without a scale word are exact;
    `bound` is the upper bound of the unit. Raises ValueError on another wording or on text that is no number.
    """
    n = float(number)
    k = _last_place(number, nonzero=True)
    place = 10.0**k
    one_sided = hi_open = False
    hi: float | None
    if wording == "exact":
        half = 0.0 if counted and scale == 1.0 else 10.0 ** _last_place(number, nonzero=False) / 2
        lo, hi = n - half, n + half
    elif wording == "more":
        lo, hi, hi_open = n, n + place, True
    elif wording == "more_after":
        lo, hi, hi_open = n, n + 10.0 ** min(k, 0), True
    elif wording == "nearly":
        lo, hi = max(n - place, 0.9 * n), n
    elif wording == "about":
        half = min(max(place / 2, 0.01 * n), 0.1 * n)
        lo, hi = n - half, n + half
    elif wording == "at_least":
        lo, hi, one_sided = n, (None if bound is None else bound / scale), True
    elif wording == "at_most":
        lo, hi, one_sided = 0.0, n, True
    else:
        raise ValueError(f"unknown wording {wording!r}")
    return Interval(n * scale, lo * scale, None if hi is None else hi * scale, hi_open, one_sided)


_WRITTEN = re.compile(
    r"(?P<pre>近|约|大约|超过|突破|不少于|不超过|不足)?(?P<n>[0-9]+(?:\.[0-9]+)?)?(?P<inner>[余多])?"
    r"(?P<scale>十万|百万|千万|[百千万亿])?(?P<outer>[余多])?(?P<unit>%|‰|(?!左右|上下|以上|以下|以内)[一-鿿]+?)?(?P<post>左右|上下|以上|以下|以内)?"
)
_WORDS = {
    "近": "nearly",
    "约": "about",
    "大约": "about",
    "左右": "about",
    "上下": "about",
    "超过": "at_least",
    "突破": "at_least",
    "不少于": "at_least",
    "以上": "at_least",
    "不超过": "at_most",
    "不足": "at_most",
    "以下": "at_most",
    "以内": "at_most",
}


def interval_of(text: str) -> Interval | None:
    """Interval of one written number such as `13余万元` or `94%以上`; None where digits are missing (数百万元, `?00万元`,
    xx人) or the text is something else. METHODOLOGY 2.1 and 2.2."""
    between = re.fullmatch(r"([0-9.]+)[-~～—至到]([0-9.]+)(\D*)", text)
    if between:
        lo, hi = float(between[1]), float(between[2])
        return Interval((lo + hi) / 2, lo, hi)
    hit = _WRITTEN.fullmatch(text)
    if hit is None or (hit["n"] is None and not (hit["scale"] and hit["pre"])):
        return None
    number, scale = hit["n"] or "1", SCALES[hit["scale"] or ""]
    word = hit["pre"] or hit["post"]
    if word:
        wording = _WORDS[word]
    elif hit["inner"] or (hit["outer"] and not hit["scale"]):
        wording = "more"
    elif hit["outer"]:
        wording = "more_after"
    else:
        wording = "exact"
    unit = hit["unit"] or ""
    return written_interval(number, scale, wording, unit[:1] in COUNTERS, 100.0 if unit == "%" else None)


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
    """Quantile of the chi-square distribution with `df` > 0 degrees of freedom, by bisection."""
    lo, hi = 0.0, df + 10.0 * math.sqrt(2.0 * df) + 40.0
    for _ in range(200):
        middle = (lo + hi) / 2
        if hi - lo <= 1e-13 * hi:
            break
        if _gamma_p(df / 2, middle / 2) < p:
            lo = middle
        else:
            hi = middle
    return (lo + hi) / 2


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
