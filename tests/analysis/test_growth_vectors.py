"""Change, growth and implied priors: the test vectors of METHODOLOGY 1 and 3, and laws that hold for all values."""

from __future__ import annotations

import math

import polars as pl
import pytest
from analysis_vectors import evaluate as ev
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st

from pipelines.analysis import change as g
from pipelines.series import implied as im


@pytest.mark.parametrize(
    ("x0", "x1", "expected"),
    [
        pytest.param(154, 300, 0.948052, id="TV 1.2a"),
        pytest.param(60, 80, 0.333333, id="TV 1.2b"),
        pytest.param(368, 337, -0.0842391, id="TV 1.2c"),
        pytest.param(5153, 5919, 0.148651, id="TV 1.2d"),
        pytest.param(90.20, 97.93, 0.0856984, id="TV 1.3a relative"),
        pytest.param(3, 0, -1.0, id="TV 1.6 to zero"),
        pytest.param(0, 6, None, id="TV 1.6 from zero"),
        pytest.param(-1.27, -3.30, None, id="TV 1.6 negative base"),
        pytest.param(-0.35, 1.06, None, id="TV 1.6 sign change"),
        pytest.param(1.0, 0.97, -0.03, id="falls"),
    ],
)
def test_relative_growth(x0: float, x1: float, expected: float | None) -> None:
    assert ev(g.relative_growth, x0, x1) == (None if expected is None else near(expected))


@pytest.mark.parametrize(
    ("x0", "x1", "expected"),
    [
        pytest.param(368, 337, -31, id="TV 1.1"),
        pytest.param(90.20, 97.93, 7.73, id="TV 1.3a"),
        pytest.param(0.87, 1.63, 0.76, id="TV 1.3b"),
        pytest.param(97.5, 7.2, -90.3, id="TV 1.3c"),
        pytest.param(-1.27, -3.30, -2.03, id="TV 1.6 negative base"),
        pytest.param(-0.35, 1.06, 1.41, id="TV 1.6 sign change"),
    ],
)
def test_absolute_change(x0: float, x1: float, expected: float) -> None:
    assert ev(g.absolute_change, x0, x1) == near(expected)


@pytest.mark.parametrize(
    ("value", "points", "unit", "plausible", "expected"),
    [pytest.param(13.2, 2.2, "‰", (0.0, 65.0), (15.4, True), id="TV 1.3d")],
)
def test_loose_points(
    value: float, points: float, unit: str, plausible: tuple[float, float], expected: tuple[float, bool]
) -> None:
    prior, loose = im.prior_from_points(value, points, "down", "百分点", unit, plausible)
    assert (prior, loose) == (near(expected[0]), expected[1])


@pytest.mark.parametrize(
    ("function", "x0", "n", "expected"),
    [
        pytest.param(g.raised_by_times, 80, 1, 160, id="TV 1.4 提高一倍"),
        pytest.param(g.raised_by_times, 100, 2, 300, id="TV 1.4 增长2倍"),
        pytest.param(g.raised_to_times, 100, 2, 200, id="TV 1.4 增长到2倍"),
        pytest.param(g.doubled, 2500, 3, 20000, id="TV 1.4 翻三番"),
        pytest.param(g.doublings, 5153, 8896, 0.787744, id="TV 1.4 番"),
        pytest.param(g.lowered_by, 100, 0.2, 80, id="TV 1.4 降低20%"),
        pytest.param(g.raised_to_times, 100, 0.2, 20, id="TV 1.4 降低到20%"),
        pytest.param(g.raised_to_times, 100, 1.2, 120, id="TV 1.4 为120%"),
        pytest.param(g.lowered_by, 100, 2.0, None, id="TV 1.4 减少2倍"),
    ],
)
def test_wordings(function: object, x0: float, n: float, expected: float | None) -> None:
    assert ev(function, x0, n) == (None if expected is None else near(expected))  # type: ignore[arg-type]


def test_share_words() -> None:
    assert g.tenths(3) == near(0.3), "TV 1.4 三成"
    assert g.completion_over(1.2167) == near(0.2167), "TV 1.4 完成121.67%"


@pytest.mark.parametrize(
    ("x0", "x1", "n", "expected"),
    [
        pytest.param(40.6, 94.9, 2.3, "to", id="TV 1.4 2.3倍"),
        pytest.param(27.3, 98, 3.6, "to", id="TV 1.4 3.6倍"),
        pytest.param(100, 300, 2, "by", id="by"),
        pytest.param(100, 190, 2.3, None, id="neither"),
    ],
)
def test_multiple_reading(x0: float, x1: float, n: float, expected: str | None) -> None:
    assert ev(g.multiple_reading, x0, x1, n, 0.05) == expected


@pytest.mark.parametrize(
    ("x0", "x1", "n", "expected"),
    [
        pytest.param(133972, 141178, 10, 0.00525282, id="TV 1.5a"),
        pytest.param(77000, 7017, 36, -0.0643753, id="TV 1.5b"),
        pytest.param(1, 2, 10, 0.0717735, id="TV 1.4 10年翻一番"),
        pytest.param(0, 2, 10, None, id="zero base"),
        pytest.param(1, 2, 0, None, id="no years"),
    ],
)
def test_cagr(x0: float, x1: float, n: float, expected: float | None) -> None:
    assert ev(g.cagr, x0, x1, n) == (None if expected is None else near(expected))


def test_census_total() -> None:
    assert ev(g.relative_growth, 133972, 141178) == near(0.0537874), "TV 1.5a total"


def test_change_per_year() -> None:
    assert ev(g.change_per_year, 77000, 7017, 36) == near(-1943.97), "TV 1.5c"
    # the two ends of 7.7亿 and 7017万 by half units
    assert ev(g.change_per_year, 77050, 7016.5, 36) == near(-1945.38)
    assert ev(g.change_per_year, 76950, 7017.5, 36) == near(-1942.57)


@pytest.mark.parametrize(
    ("x0", "x1", "expected"),
    [
        pytest.param(0, 6, 2, id="TV 1.6a"),
        pytest.param(3, 0, -2, id="TV 1.6b"),
        pytest.param(60, 80, 0.285714, id="TV 1.6c"),
        pytest.param(0, 0, None, id="both zero"),
    ],
)
def test_symmetric_growth(x0: float, x1: float, expected: float | None) -> None:
    assert ev(g.symmetric_growth, x0, x1) == (None if expected is None else near(expected))


@pytest.mark.parametrize(
    ("x0", "x1", "reason", "words"),
    [
        pytest.param(0, 6, "zero_base", "from zero", id="TV 1.6 zero"),
        pytest.param(0, 0, "zero_base", "持平", id="TV 1.6 unchanged"),
        pytest.param(-1.27, -3.30, "negative_base", "降幅扩大", id="TV 1.6 negative"),
        pytest.param(-0.35, 1.06, "sign_change", "由负转正", id="TV 1.6 sign"),
        pytest.param(1.0, -1.0, "sign_change", "由正转负", id="TV 1.6 sign down"),
        pytest.param(60, 80, None, None, id="TV 1.6 fine"),
        pytest.param(None, 80, "missing", None, id="TV 1.6 missing"),
    ],
)
def test_reasons(x0: float | None, x1: float, reason: str | None, words: str | None) -> None:
    assert ev(g.growth_reason, x0, x1) == reason
    assert ev(g.change_words, x0, x1) == words


def test_contribution() -> None:
    assert ev(g.contribution, 370, 766) == near(0.483029), "TV 1.7"


@pytest.mark.parametrize(
    ("x1", "rate", "half", "rate_half", "expected"),
    [
        pytest.param(7.1, 0.3617, 0.05, 0.00005, (5.21407, 5.17716, 5.25098), id="TV 3.1a"),
        pytest.param(4.6, 0.8122, 0.05, 0.00005, (2.53835, 2.51069, 2.56601), id="TV 3.1b"),
        pytest.param(8896, 0.124, 0.5, 0.0005, (7914.59, 7910.63, 7918.56), id="TV 3.1c"),
        pytest.param(26955, 0.097, 0.5, 0.0005, (24571.6, 24559.9, 24583.2), id="TV 3.1d"),
    ],
)
def test_implied_prior(x1: float, rate: float, half: float, rate_half: float, expected: tuple[float, ...]) -> None:
    assert ev(im.implied_prior, x1, rate, half, rate_half) == tuple(near(v) for v in expected)


def test_implied_budget_share() -> None:
    assert near(64.7887) == 4.6 / 7.1 * 100, "TV 3.1b"
    assert pytest.approx(48.6827, abs=1e-3) == 2.53835 / 5.21407 * 100, "TV 3.1b"


def test_prior_from_change() -> None:
    assert ev(im.prior_from_change, 8249, -1650) == 9899, "TV 3.2a"
    assert ev(im.prior_from_change, 5919, 766) == 5153, "TV 3.2b"
    assert near(0.148651) == 766 / 5153


def test_refused_priors() -> None:
    assert near(1.02836) == 1.124 / 1.093, "TV 3.3a"
    frame = pl.DataFrame(
        {
            "i": ["gdp", "fiscal_revenue", "fiscal_revenue", "gdp_growth", None],
            "s": ["增长9%", "同口径增长14.6%", "增长10.85%", "增长9%", "按可比价计算增长8%"],
        }
    )
    got = frame.select(im.implied_prior_reason(pl.col("i"), pl.col("s"))).to_series().to_list()
    assert got == ["basis_mismatch", "basis_mismatch", None, "basis_mismatch", "basis_mismatch"], "TV 3.3"


def test_mixed_base() -> None:
    assert ev(im.prior_from_change, 28583, 2798) == 25785, "TV 3.3b"
    assert ev(g.contribution, 2798, 25785) == near(0.108513)
    assert ev(g.contribution, 4376, 25785) == near(0.169711)
    prior, *_ = ev(im.implied_prior, 30161, 0.146, 0.5, 0.0005)
    assert prior == near(26318.5)
    assert ev(im.mixed_base, 25785.0, 26318.5, 0.0) is True
    assert ev(im.mixed_base, 5153.0, 5919 / 1.149, 3.0) is False


positive = st.floats(min_value=1e-3, max_value=1e12)


@given(positive, positive)
def test_growth_and_prior_are_inverse(x0: float, x1: float) -> None:
    rate = ev(g.relative_growth, x0, x1)
    if rate > -1 + 1e-9:
        prior, lo, hi = ev(im.implied_prior, x1, rate, 0.0, 0.0)
        assert prior == pytest.approx(x0, rel=1e-4)
        assert lo <= hi


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_never_infinite_and_symmetric_growth_bounded(x0: float, x1: float) -> None:
    for function in (g.relative_growth, g.symmetric_growth):
        value = ev(function, x0, x1)
        assert value is None or math.isfinite(value)
    s = ev(g.symmetric_growth, x0, x1)
    assert s is None or -2 - 1e-9 <= s <= 2 + 1e-9
    assert (ev(g.relative_growth, x0, x1) is None) == (ev(g.growth_reason, x0, x1) is not None) or x0 < 1e-290


@given(positive, st.floats(-0.5, 0.5), st.integers(1, 30))
def test_cagr_recovers_a_constant_rate(x0: float, rate: float, n: int) -> None:
    assert ev(g.cagr, x0, x0 * (1 + rate) ** n, n) == pytest.approx(rate, abs=1e-9)
