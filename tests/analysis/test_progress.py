"""Progress towards targets: the test vectors of METHODOLOGY 8."""

from __future__ import annotations

import polars as pl
import pytest
from analysis_vectors import evaluate as ev
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipelines.analysis import progress as pr
from pipelines.analysis.change import cagr

FLOOR, CEILING = 1.0, -1.0


@pytest.mark.parametrize(
    ("x0", "x1", "direction", "rate", "name"),
    [
        pytest.param(7.08, 7.91, FLOOR, 0.0111471, "significant", id="TV 8.2a 颍上"),
        pytest.param(9, 9.88, FLOOR, 0.00937244, "moderate", id="TV 8.2a 武清"),
        pytest.param(11.14, 11.12, FLOOR, -0.000179678, "moderate_away", id="TV 8.2a 解放区"),
        pytest.param(2.32, 1.31, CEILING, -0.0555514, "significant", id="TV 8.2a 文盲率"),
        pytest.param(10, 8, FLOOR, -0.0220673, "significant_away", id="away"),
    ],
)
def test_trend_class(x0: float, x1: float, direction: float, rate: float, name: str) -> None:
    assert ev(cagr, x0, x1, 10) == near(rate)
    assert ev(pr.trend_class, rate, direction) == name


def test_shortfall() -> None:
    rate, direction = ev(pr.shortfall_cagr, 96.0, 96.8, 1, FLOOR)
    assert (rate, direction) == (near(-0.2), -1), "TV 8.2b"
    assert ev(pr.trend_class, rate, float(direction)) == "significant"


@pytest.mark.parametrize(
    ("x0", "x1", "goal", "years", "plan", "direction", "r", "r_lin", "name"),
    [
        pytest.param(94.2, 94.8, 95, 1, 2, FLOOR, 1.50318, 1.5, "on_track", id="TV 8.3a"),
        pytest.param(117.94, 115.88, 115, 4, 5, CEILING, 0.872811, 0.875850, "moderate", id="TV 8.3b"),
        pytest.param(3015, 1831, 520, 1, 3, CEILING, 0.885737, 1.42365, "moderate", id="TV 8.3c"),
        pytest.param(88.8, 89.5, 90, 1, 2, FLOOR, 1.17059, 1.16667, "on_track", id="TV 8.3d"),
    ],
)
def test_ratios(
    x0: float, x1: float, goal: float, years: int, plan: int, direction: float, r: float, r_lin: float, name: str
) -> None:
    ratio = ev(pr.cagr_ratio, x0, x1, goal, years, plan)
    straight = ev(pr.linear_ratio, x0, x1, goal, years, plan)
    assert (ratio, straight) == (near(r), near(r_lin))
    assert ev(pr.progress_class, ratio, straight, x0, x1, goal, direction) == name
    assert ev(pr.method_sensitive, ratio, straight) is (x0 == 3015)


@pytest.mark.parametrize(
    ("x0", "x1", "goal", "direction", "name"),
    [
        (90, 96, 95, FLOOR, "met"),
        (96, 94, 95, FLOOR, "lost"),
        (90, 89, 95, FLOOR, "moving_away"),
        (0, 1, 95, FLOOR, "insufficient"),
    ],
)
def test_order_of_classes(x0: float, x1: float, goal: float, direction: float, name: str) -> None:
    ratio = ev(pr.cagr_ratio, x0, x1, goal, 1, 5)
    straight = ev(pr.linear_ratio, x0, x1, goal, 1, 5)
    assert ev(pr.progress_class, ratio, straight, x0, x1, goal, direction) == name


def test_un() -> None:
    v = ev(pr.un_projection, 117.94, 115.88, 4, 1)
    share = ev(pr.un_share, 117.94, v, 115)
    assert (v, share) == (near(115.371), near(0.873930)), "TV 8.4a"
    assert ev(pr.un_class, share) == "fair"
    assert ev(pr.oecd_distance, 94.8, 95, 2, FLOOR) == near(0.1), "TV 8.4b"
    assert ev(pr.sdg_arrow, 0.875850) == "right_up"


def test_escap() -> None:
    assert ev(pr.escap_status, 117.94, 115.88, 115, CEILING) == near(7.00680), "TV 8.5"
    assert ev(pr.escap_line, 4, 5) == near(8)
    assert ev(pr.escap_status, 94.2, 94.8, 95, FLOOR) == near(7.5)
    assert ev(pr.escap_line, 1, 2) == near(5)
    assert ev(pr.escap_parity, 117.94, 113.51, 105) == near(3.42349)


SEX_RATIO = pl.DataFrame(
    {"place": "x", "year": [2009, 2010, 2011, 2012, 2014], "value": [119.45, 117.94, 117.78, 117.70, 115.88]}
)


def test_anticipated() -> None:
    fit = pr.trend(SEX_RATIO, ["place"], theta=1.0).with_columns(pr.fitted(pl.lit(2015)).alias("x"))
    assert fit["slope"].item() == near(-0.622486), "TV 8.6"
    x = fit["x"].item()
    assert x == near(115.382)
    for base, p, name in ((119.45, 8.58941, "maintain"), (117.94, 13.0010, "accelerate")):
        got = ev(pr.anticipated_gap, base, x, 115, CEILING)
        assert got == near(p)
        assert ev(pr.anticipated_class, got) == name


def test_required_change() -> None:
    assert ev(pr.required_change, 1831, 520, 2) == (near(-655.5), near(-0.467086)), "TV 8.7"


def test_projection() -> None:
    fits = pr.trend(SEX_RATIO, ["place"]).with_columns(
        pl.lit(115.0).alias("target"), pl.lit(2015).alias("target_year"), pl.lit(-1).alias("direction")
    )
    row = pr.projection(fits).row(0, named=True)
    expected = {
        "slope": -0.625000,
        "s": 0.463735,
        "se": 0.120542,
        "slope_lo": -0.822417,
        "slope_hi": -0.427583,
        "at_target": 115.375,
        "at_target_lo": 114.255,
        "at_target_hi": 116.495,
        "p_met": 0.310846,
    }
    assert {k: row[k] for k in expected} == {k: near(v) for k, v in expected.items()}, "TV 8.8"
    dates = [row[k] for k in ("date", "date_early", "date_late")]
    assert dates == [pytest.approx(v, abs=0.005) for v in (2015.41, 2015.07, 2016.06)], "TV 8.8"


def test_short_trends_give_no_range() -> None:
    short = SEX_RATIO.head(3)
    fits = pr.trend(short, ["place"]).with_columns(
        pl.lit(115.0).alias("target"), pl.lit(2015).alias("target_year"), pl.lit(-1).alias("direction")
    )
    row = pr.projection(fits).row(0, named=True)
    assert row["date"] is None and row["slope_lo"] is None and row["p_met"] is None  # 2014.3 lies beyond 2013
    flat = pr.trend(SEX_RATIO.head(1), ["place"]).row(0, named=True)
    assert flat["slope"] is None and flat["s"] is None


@given(st.floats(-20, 20), st.integers(1, 30))
def test_student(t: float, df: int) -> None:
    assert pr.student_cdf(t, df) == pytest.approx(float(stats.t.cdf(t, df)), abs=1e-9)
    assert pl.select(pr._student_cdf_expr(pl.lit(t), df)).item() == pytest.approx(float(stats.t.cdf(t, df)), abs=1e-9)


def test_student_quantile() -> None:
    assert pr.student_quantile(0.90, 3) == near(1.63774), "TV 8.8 t"


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.integers(1, 20))
def test_on_the_path_the_ratio_is_one(x0: float, goal: float, years: int) -> None:
    if abs(goal / x0 - 1) > 0.01:
        assert ev(pr.cagr_ratio, x0, goal, goal, years, years) == pytest.approx(1.0)
        assert ev(pr.linear_ratio, x0, goal, goal, years, years) == pytest.approx(1.0)


@given(
    start=st.integers(-10_000, 10_000), step=st.integers(-500, 500), n=st.integers(3, 9), scale=st.sampled_from((1, 10, 100, 1000)),
    theta=st.sampled_from((0.0, 1.0)),
)  # fmt: skip
def test_points_on_a_line_leave_no_deviation(start: int, step: int, n: int, scale: int, theta: float) -> None:
    points = pl.DataFrame({"year": range(2000, 2000 + n), "value": [(start + k * step) / scale for k in range(n)]})
    (row,) = pr.trend(points.with_columns(pl.lit("a").alias("line")), ["line"], theta).to_dicts()
    assert row["s"] == 0.0 and row["se"] == 0.0
    assert row["slope"] == pytest.approx(step / scale, abs=1e-9)


def test_a_deviation_as_small_as_figures_can_show_is_kept() -> None:
    points = pl.DataFrame({"line": ["a"] * 3, "year": [2000, 2001, 2002], "value": [1000.0, 2000.0, 3000.01]})
    (row,) = pr.trend(points, ["line"]).to_dicts()
    assert row["s"] == pytest.approx(0.01 / 6**0.5, rel=1e-3)
