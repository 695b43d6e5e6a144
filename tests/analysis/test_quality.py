"""Implausible values and slips: the test vectors of METHODOLOGY 10."""

from __future__ import annotations

import math

import polars as pl
import pytest
from analysis_tables import indicators, point, series
from analysis_vectors import evaluate as ev
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st

from pipelines.analysis import quality as q
from pipelines.analysis import repairs as rp

HOUSEHOLDS = [
    31.15,
    32.61,
    33.06,
    33.84,
    34.02,
    34.24,
    33.50,
    32.86,
    32.53,
    33.61,
    32.64,
    31.81,
    31.82,
    90.71,
    31.91,
    31.75,
    31.71,
    31.43,
    31.36,
]


@pytest.mark.parametrize(
    ("value", "unit", "flag"),
    [
        pytest.param(112.02, "%", "above_100", id="TV 10.1"),
        pytest.param(120.0, "%", "implausible", id="outside"),
        pytest.param(99.0, "%", None, id="inside"),
    ],
)
def test_range(value: float, unit: str, flag: str | None) -> None:
    assert ev(q.range_flag, value, 60, 115, unit) == flag


def test_power_of_ten() -> None:
    reference = 89.04
    r = 949000 / reference
    assert (r, math.log10(r), math.log10(r) - 4) == (near(10658.1), near(4.02768), near(0.0276811)), "TV 10.2a"
    assert ev(q.slip_power, 949000, reference, 0.3, 350) == 4
    assert ev(q.slip_power, 949000, reference, 0.3, 50) is None
    assert ev(q.slip_power, 94.9, reference, 0.3, 350) is None
    assert ev(q.slip_power, 2.019, 20.2, 1.5, 30) == -1


@pytest.mark.parametrize(("percent", "mille"), [(2.019, 20.19), (1.385, 13.85)])
def test_stated_percent_is_a_conversion(percent: float, mille: float) -> None:
    assert percent * 10 == near(mille), "TV 10.2b"


def test_column_swap() -> None:
    s = series(
        *(point("registered_households", str(2000 + i), v * 1e4, "户", basis="户籍") for i, v in enumerate(HOUSEHOLDS))
    )
    line = s.sort("year").with_columns(pl.lit(0, pl.UInt32).alias("line"))
    at = line.select((pl.col("period") == "2013").arg_true()).to_series()
    value, ref = line["value"][at[0]], q.neighbour_median(line, at).item()
    assert ref == near(318150), "TV 10.3"
    assert value / ref == near(2.85117)
    assert math.log10(value / ref) == near(0.455023)
    assert q.log_z(line)[at[0]] == near(25.6271)
    got = q.quality_checks(s, indicators()).filter(period="2013")
    assert got["kind"].to_list() == ["outlier"] and got["proposal"].to_list() == ["column_swap?"]


def test_slips_in_a_series() -> None:
    values = {2008: 873400.0, 2009: 890400.0, 2010: 949000.0e4, 2011: 914100.0, 2012: 920000.0}
    s = series(*(point("registered_population", str(y), v, "人") for y, v in values.items()))
    got = q.quality_checks(s, indicators()).filter(period="2010")
    assert set(got["kind"]) == {"range", "slip"}
    assert got.filter(kind="slip")["expected"].item() == near(949000)


def test_digit() -> None:
    population = [13537 / 0.014005, 13537 / 0.013995]
    assert population == [near(966583), near(967274)], "TV 10.4"
    deaths = [population[0] * 0.007595, population[1] * 0.007605]
    assert deaths == [near(7341.20), near(7356.12)], "TV 10.4"
    assert "7346" in rp.digit_slips("4346", *deaths), "TV 10.4"
    assert near(6.40275) == (13537 - 7346) / 966929 * 1000, "TV 10.4"


@given(st.integers(10, 10**7), st.integers(0, 9), st.data())
def test_one_changed_digit_is_found(number: int, digit: int, data: st.DataObject) -> None:
    text = str(number)
    at = data.draw(st.integers(1, len(text) - 1))
    wrong = text[:at] + str(digit) + text[at + 1 :]
    if wrong != text:
        assert text in rp.digit_slips(wrong, number, number)
