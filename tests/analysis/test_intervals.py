"""Intervals of written numbers: the test vectors of METHODOLOGY 2, and laws of interval arithmetic."""

from __future__ import annotations

import polars as pl
import pytest
from analysis_vectors import evaluate as ev
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipelines.analysis import intervals as iv


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        pytest.param("94.9万", 948500, 949500, id="TV 2.1a"),
        pytest.param("7.1亿", 7.05e8, 7.15e8, id="TV 2.1b"),
        pytest.param("419.9万元", 4198500, 4199500, id="TV 2.1c"),
        pytest.param("99.11%", 99.105, 99.115, id="TV 2.1d"),
        pytest.param("2256人", 2256, 2256, id="TV 2.1e"),
        pytest.param("13余万", 130000, 140000, id="TV 2.2 13余万"),
        pytest.param("500余", 500, 600, id="TV 2.2 500余"),
        pytest.param("230余", 230, 240, id="TV 2.2 230余"),
        pytest.param("100多万", 1e6, 2e6, id="TV 2.2 100多万"),
        pytest.param("57万余", 570000, 580000, id="TV 2.2 57万余"),
        pytest.param("10万余", 100000, 110000, id="TV 2.2 10万余"),
        pytest.param("1.1亿多", 1.1e8, 1.2e8, id="TV 2.2 1.1亿多"),
        pytest.param("近1200万", 1.1e7, 1.2e7, id="TV 2.2 近1200万"),
        pytest.param("近200", 180, 200, id="TV 2.2 近200"),
        pytest.param("近亿", 9e7, 1e8, id="TV 2.2 近亿"),
        pytest.param("约100", 90, 110, id="TV 2.2 约100"),
        pytest.param("520左右", 514.8, 525.2, id="TV 2.2 520左右"),
        pytest.param("50%左右", 45, 55, id="TV 2.2 50%左右"),
        pytest.param("94%以上", 94, 100, id="TV 2.2 94%以上"),
        pytest.param("3%以下", 0, 3, id="TV 2.2 3%以下"),
        pytest.param("1-2个", 1, 2, id="TV 2.2 1-2个"),
    ],
)
def test_written(text: str, lo: float, hi: float) -> None:
    found = iv.interval_of(text)
    assert found is not None
    assert (found.lo, found.hi) == (near(lo), near(hi))


@pytest.mark.parametrize("text", ["数百万元", "?00万元", "xx人", "几个"])
def test_unreadable(text: str) -> None:
    assert iv.interval_of(text) is None, "TV 2.2 damaged, masked"


def test_open_ends() -> None:
    open_end, above, more = iv.interval_of("超过300"), iv.interval_of("94%以上"), iv.interval_of("13余万")
    assert open_end is not None and above is not None and more is not None
    assert open_end.hi is None
    assert open_end.one_sided and above.one_sided and more.hi_open
    with pytest.raises(ValueError, match="unknown wording"):
        iv.written_interval("3", wording="roughly")


@pytest.mark.parametrize(
    ("amount", "people", "lo", "hi"),
    [
        pytest.param("13余万", 187, 695.187, 748.663, id="TV 2.3a"),
        pytest.param("57万余", 1416, 402.542, 409.605, id="TV 2.3b"),
        pytest.param("800余万", 8438, 948.092, 1066.60, id="TV 2.3c"),
    ],
)
def test_quotients(amount: str, people: int, lo: float, hi: float) -> None:
    top = iv.interval_of(amount)
    assert top is not None
    assert ev(iv.quotient_interval, top.lo, top.hi, people, people) == (near(lo), near(hi))


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


@given(st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False), st.sampled_from([1.0, 1e4, 1e8]))
def test_the_point_lies_in_its_interval(number: object, scale: float) -> None:
    for wording in ("exact", "more", "more_after", "nearly", "about", "at_least", "at_most"):
        found = iv.written_interval(str(number), scale, wording)
        assert found.lo <= found.point
        assert found.hi is None or found.point <= found.hi


span = st.tuples(st.floats(0.1, 1e6), st.floats(0, 1e5)).map(lambda t: (t[0], t[0] + t[1]))


@given(span, span, st.floats(0, 1), st.floats(0, 1))
def test_arithmetic_encloses(a: tuple[float, float], b: tuple[float, float], s: float, t: float) -> None:
    x1, x0 = a[0] + s * (a[1] - a[0]), b[0] + t * (b[1] - b[0])
    for function, value in ((iv.difference_interval, x1 - x0), (iv.growth_interval, x1 / x0 - 1)):
        lo, hi = ev(function, a[0], a[1], b[0], b[1])
        slack = 1e-9 * max(1.0, abs(value))
        assert lo - slack <= value <= hi + slack
