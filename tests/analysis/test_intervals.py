"""Interval arithmetic and counts of events: the test vectors of METHODOLOGY 2.3 and 2.4, and laws.

Those of written numbers (2.1, 2.2) stand with the reader of numbers, in tests/extraction/test_mentions.py.
"""

from __future__ import annotations

import polars as pl
import pytest
from analysis_vectors import evaluate as ev
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipelines.analysis import intervals as iv
from pipelines.extraction.mentions import find_mentions
from pipelines.extraction.written import interval


@pytest.mark.parametrize(
    ("amount", "people", "lo", "hi"),
    [
        pytest.param("13余万元", 187, 695.187, 748.663, id="TV 2.3a"),
        pytest.param("57万余元", 1416, 402.542, 409.605, id="TV 2.3b"),
        pytest.param("800余万元", 8438, 948.092, 1066.60, id="TV 2.3c"),
    ],
)
def test_quotients(amount: str, people: int, lo: float, hi: float) -> None:
    written_lo, written_hi = interval(find_mentions(amount)[0], "元")
    assert ev(iv.quotient_interval, written_lo, written_hi, people, people) == (near(lo), near(hi))


@pytest.mark.parametrize(
    ("n", "lo", "hi"),
    [pytest.param(23, 14.5800, 34.5113, id="TV 2.4a"), pytest.param(0, 0, 3.68888, id="TV 2.4b")],
)
def test_poisson(n: int, lo: float, hi: float) -> None:
    assert ev(iv.poisson_interval, n) == (near(lo), near(hi))


def test_maternal_death() -> None:
    lo, hi = ev(iv.poisson_interval, 1)
    got = [v / 4497 * 1e5 for v in (1, lo, hi)]
    assert got == [near(22.2370), near(0.562993), near(123.897)], "TV 2.4c"
    assert ev(iv.unstable, 1) is True and ev(iv.unstable, 20) is False


def test_poisson_agrees_with_scipy() -> None:
    counts = [0, 1, 2, 19, 199, 200, 201, 1000, 80000]
    lo, hi = iv.poisson_interval(pl.col("n"))
    got = pl.DataFrame({"n": counts}).select(lo.alias("lo"), hi.alias("hi"))
    want_lo = [0.0 if n == 0 else float(stats.chi2.ppf(0.025, 2 * n)) / 2 for n in counts]
    want_hi = [float(stats.chi2.ppf(0.975, 2 * n + 2)) / 2 for n in counts]
    assert got["lo"].to_list() == pytest.approx(want_lo, rel=1e-5)
    assert got["hi"].to_list() == pytest.approx(want_hi, rel=1e-5)
    assert pl.DataFrame({"n": [None, -1]}, schema={"n": pl.Int64}).select(lo)["n"].null_count() == 2


span = st.tuples(st.floats(0.1, 1e6), st.floats(0, 1e5)).map(lambda t: (t[0], t[0] + t[1]))


@given(span, span, st.floats(0, 1), st.floats(0, 1))
def test_arithmetic_encloses(a: tuple[float, float], b: tuple[float, float], s: float, t: float) -> None:
    x1, x0 = a[0] + s * (a[1] - a[0]), b[0] + t * (b[1] - b[0])
    for function, value in ((iv.difference_interval, x1 - x0), (iv.growth_interval, x1 / x0 - 1)):
        lo, hi = ev(function, a[0], a[1], b[0], b[1])
        slack = 1e-9 * max(1.0, abs(value))
        assert lo - slack <= value <= hi + slack
