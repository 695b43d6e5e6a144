"""Gaps, attainment and pace: the test vectors of METHODOLOGY 6 and 7, and the table of gaps."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from analysis_tables import indicators, observation, observations, point, series, target, targets
from analysis_vectors import evaluate as ev
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st

from pipelines.analysis import targets as tg
from pipelines.analysis.change import plan_from_completion
from pipelines.analysis.reconcile import plan_interval
from pipelines.series.periods import elapsed_share

FLOOR, CEILING = 1.0, -1.0


@pytest.mark.parametrize(
    ("actual", "goal", "direction", "gap", "ratio"),
    [
        pytest.param(97.93, 90.20, FLOOR, 7.73, 1.08570, id="TV 6a"),
        pytest.param(98, 95, FLOOR, 3, 1.03158, id="TV 6b"),
        pytest.param(1.63, 10.66, CEILING, 9.03, 0.152908, id="TV 6c level"),
        pytest.param(1.63, 12.29, CEILING, 10.66, 0.132628, id="TV 6c margin"),
        pytest.param(400, 300, FLOOR, 100, 1.33333, id="TV 6d 1"),
        pytest.param(224, 300, FLOOR, -76, 0.746667, id="TV 6d 2"),
        pytest.param(16.68, 50, FLOOR, -33.32, 0.333600, id="TV 6d 3"),
        pytest.param(130, 50, FLOOR, 80, 2.6, id="TV 6e"),
    ],
)
def test_gaps(actual: float, goal: float, direction: float, gap: float, ratio: float) -> None:
    assert ev(tg.signed_gap, actual, goal, direction) == near(gap)
    assert ev(tg.attainment, actual, goal) == near(ratio)


@pytest.mark.parametrize(
    ("actual", "gap"), [pytest.param(113.51, -6.51, id="TV 6f 1"), pytest.param(105, 2, id="TV 6f 2")]
)
def test_two_sided(actual: float, gap: float) -> None:
    assert ev(tg.two_sided_gap, actual, 103, 107) == near(gap)


@pytest.mark.parametrize(
    ("actual", "rate", "plan", "lo", "hi"),
    [
        pytest.param(6311, 1.2167, 5186.98, 5186.77, 5187.19, id="TV 6g 1"),
        pytest.param(1961, 1.1522, 1701.96, 1701.89, 1702.04, id="TV 6g 2"),
    ],
)
def test_plan_from_completion(actual: float, rate: float, plan: float, lo: float, hi: float) -> None:
    assert ev(plan_from_completion, actual, rate) == near(plan)
    assert ev(plan_interval, actual, actual, rate - 0.00005, rate + 0.00005) == (near(lo), near(hi))


@pytest.mark.parametrize(
    ("period", "start", "share"),
    [
        pytest.param("????-Q1", 1, 0.25, id="TV 7.1 Q1"),
        pytest.param("2011-01-01..2011-03-31", 1, 0.246575, id="TV 7.1 days"),
        pytest.param("2020-H1", 1, 0.5, id="TV 7.1 H1"),
        pytest.param("2020-01..2020-11", 1, 0.916667, id="TV 7.1 1-11月"),
        pytest.param("2011-Q1", 10, 0.5, id="TV 7.1 计划生育年度"),
        pytest.param("2011", 1, None, id="whole year"),
        pytest.param("2011-Q3", 1, None, id="not from January"),
        pytest.param("2011-H2", 1, None, id="second half"),
        pytest.param("2011-01..2011-12", 1, None, id="twelve months"),
    ],
)
def test_elapsed_share(period: str, start: int, share: float | None) -> None:
    got = pl.DataFrame({"p": [period]}).select(elapsed_share(pl.col("p"), start)).item()
    assert got == (None if share is None else near(share))


@pytest.mark.parametrize(
    ("goal", "pace", "to_date", "room"),
    [
        pytest.param(10.66, 0.611632, 1.035, 12.04, id="TV 7.3 level"),
        pytest.param(12.29, 0.530513, 1.4425, 14.2133, id="TV 7.3 margin"),
    ],
)
def test_pace(goal: float, pace: float, to_date: float, room: float) -> None:
    assert ev(tg.pace, 1.63, goal, 0.25) == near(pace)
    assert ev(tg.gap_to_date, 1.63, goal, 0.25, CEILING) == near(to_date)
    assert ev(tg.room_for_rest, 1.63, goal, 0.25) == near(room)


def test_annualised() -> None:
    assert ev(tg.annualised, 1.63, 1.625, 1.635, 0.25) == (near(6.52), near(5.65217), near(7.69412)), "TV 7.3"
    assert ev(tg.annualised, 1.63, 1.625, 1.635, 90 / 365)[0] == near(6.61056), "TV 7.3 by days"
    assert ev(tg.annualised, 1.63, 1.63, 1.63, 0.22)[0] == near(7.40909), "TV 7.3 own share"
    assert ev(tg.annualised, 1.63, 1.63, 1.63, 0.5)[0] == near(3.26), "TV 7.3 计划生育年度"
    assert ev(tg.annualised, 0.87, 0.87, 0.87, 0.25)[0] == near(3.48), "TV 7.3 natural growth"
    assert ev(tg.annualised, 0.76, 0.76, 0.76, 0.25)[0] == near(3.04), "TV 7.3 deaths"
    got = ev(tg.annualised, 1605, 1605, 1605, 11 / 12)
    assert got == (near(1750.91), near(1722.21), near(1780.59)), "TV 7.3b"
    assert near(4.14) == 10.66 - 6.52 and near(5.77) == 12.29 - 6.52


def test_own_share_spread() -> None:
    assert ev(tg.own_share_spread, 0.21, 0.23, 0.22) == near(0.02 / 0.44)
    assert ev(tg.own_share_spread, 0.22, 0.22, 0.22) == near(0.02)


@pytest.mark.parametrize(
    ("actual", "plan", "share", "pace"),
    [
        pytest.param(80, 351.3, 0.227726, 0.455451, id="TV 7.4 1"),
        pytest.param(53, 97.18, 0.545380, 1.09076, id="TV 7.4 2"),
        pytest.param(265, 533.12, 0.497074, 0.994148, id="TV 7.4 3"),
    ],
)
def test_pace_of_plans(actual: float, plan: float, share: float, pace: float) -> None:
    assert ev(tg.attainment, actual, plan) == near(share)
    assert ev(tg.pace, actual, plan, 0.5) == near(pace)


@pytest.mark.parametrize(
    ("lo", "hi", "status"),
    [
        (0.0, 0.0, "met"),
        (0.1, 0.2, "met"),
        (-0.1, 0.1, "met_within_rounding"),
        (-0.2, -0.1, "missed"),
        (-1.0, None, "open"),
    ],
)
def test_status(lo: float, hi: float | None, status: str) -> None:
    assert ev(tg.gap_status, lo, lo, hi) == status


def masked_quarter(place_code: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The three phrases of a masked quarterly speech: birth rate, policy-compliant births, contraception."""
    obs = observations(
        observation("a1", "birth_rate", 1.63, "‰", "????-Q1", "quarter", lo=1.625, hi=1.635, place_code=place_code),
        observation(
            "a2",
            "policy_compliant_birth_rate",
            97.93,
            "%",
            "????-Q1",
            "quarter",
            lo=97.925,
            hi=97.935,
            place_code=place_code,
        ),
        observation(
            "a3",
            "contraceptive_implementation_rate",
            98.0,
            "%",
            "????-Q1",
            "quarter",
            lo=97.5,
            hi=98.5,
            place_code=place_code,
        ),
    )
    wanted = targets(
        target(
            "t1",
            "birth_rate",
            10.66,
            "‰",
            "at_most",
            "????",
            actual="a1",
            reading="level",
            confidence="low",
            alternative=12.29,
        ),
        target(
            "t2",
            "policy_compliant_birth_rate",
            90.2,
            "%",
            "at_least",
            "????",
            actual="a2",
            reading="margin",
            confidence="high",
            alternative=7.73,
        ),
        target(
            "t3",
            "contraceptive_implementation_rate",
            95.0,
            "%",
            "at_least",
            "????",
            actual="a3",
            reading="margin",
            confidence="high",
            alternative=3.0,
        ),
    )
    return obs, wanted


def test_gaps_of_a_masked_quarterly_speech() -> None:
    obs, wanted = masked_quarter()
    # from no more than the columns and rows that a run hands over
    got = tg.target_gaps(series(), wanted, indicators(), tg.compared_observations(obs.lazy(), wanted))
    birth, policy, contraception = got.rows(named=True)
    assert birth["gap"] == near(9.03) and birth["gap_label"] == "headroom" and birth["status"] == "on_pace_robust"
    assert birth["ceiling_use"] == near(0.152908) and birth["attainment"] is None
    assert birth["annualised_value"] == near(6.52)
    assert (birth["annualised_lo"], birth["annualised_hi"]) == (near(5.65217), near(7.69412))
    assert (birth["pace"], birth["gap_to_date"], birth["room_for_rest"]) == (near(0.611632), near(1.035), near(12.04))
    assert birth["alternative_gap"] == near(10.66) and birth["robust"] is True and birth["confidence"] == "low"
    assert birth["place_code"] is None and "unknown_year" in birth["flags"]
    assert policy["gap"] == near(7.73) and policy["status"] == "met" and policy["gap_label"] == "gap"
    assert policy["attainment"] == near(1.08570) and "ytd_sample" in policy["flags"]
    assert policy["annualised_value"] is None and policy["pace"] is None
    assert contraception["gap"] == near(3.0) and contraception["status"] == "met"


def test_targets_meet_the_series_by_year() -> None:
    s = series(
        point("birth_rate", "2010", 11.0, "‰", lo=10.95, hi=11.05),
        point("birth_rate", "2011", 10.66, "‰", lo=10.655, hi=10.665),
        point("birth_rate", "2017", 12.0, "‰", lo=11.95, hi=12.05),
        point("fiscal_revenue", "2011", 5e8, "元"),
        point("fiscal_revenue", "2011-H1", 2e8, "元", kind="half"),
    )
    wanted = targets(
        target("t1", "birth_rate", 10.66, "‰", "at_most", "2011", place="330322"),
        target("t2", "birth_rate", 10.0, "‰", "at_most", "2017", place="330322"),
        target("t3", "fiscal_revenue", 4.5e8, "元", "at_least", "2011", place="330322"),
        target("t4", "fiscal_revenue", None, "元", "at_least", "2011", place="330322"),
        target("t5", "birth_rate", 10.0, "‰", "at_most", None, place="330322"),
    )
    got = tg.target_gaps(s, wanted, indicators())
    assert got["target_id"].to_list() == ["t1", "t2", "t3", "t3"]
    by = {(r["target_id"], r["period"]): r for r in got.rows(named=True)}
    assert by["t1", "2011"]["status"] == "met_within_rounding" and by["t1", "2011"]["progress_class"] == "met"
    assert by["t2", "2017"]["status"] == "no_direction" and "polarity_expired" in by["t2", "2017"]["flags"]
    assert by["t3", "2011"]["status"] == "met" and by["t3", "2011"]["gap"] == near(5e7)
    half = by["t3", "2011-H1"]
    assert half["pace"] == near(2e8 / 4.5e8 / 0.5) and half["status"] == "behind_pace"
    assert half["annualised_value"] is None and half["gap_label"] == "headroom"


def gaps_of(s: pl.DataFrame, *wanted: dict[str, Any], obs: pl.DataFrame | None = None) -> dict[str, dict[str, Any]]:
    handed_over = None if obs is None else tg.compared_observations(obs.lazy(), targets(*wanted))
    got = tg.target_gaps(s, targets(*wanted), indicators(), handed_over)
    return {r["period"]: r for r in got.rows(named=True)}


def test_a_range_is_met_inside_and_missed_on_either_side() -> None:
    s = series(*(point("sex_ratio_at_birth", str(y), v, "男/100女", lo=v - 0.005, hi=v + 0.005)
                 for y, v in ((2010, 117.94), (2015, 113.51))))  # fmt: skip
    stated = observation("t", "sex_ratio_at_birth", None, "男/100女", "2015", values=[103.0, 107.0], kind="target")
    wanted = target("target:t", "sex_ratio_at_birth", None, "男/100女", "equal", "2011..2015", place="330322")
    got = gaps_of(s, wanted | {"observation_ids": ["t"]}, obs=observations(stated))["2015"]
    assert got["gap"] == near(-6.51) and got["status"] == "missed" and got["target"] == 107, "TV 6f 1"
    assert "two_sided" in got["flags"] and got["attainment"] is None and got["ceiling_use"] is None
    assert got["escap_status"] == near(10 - 10 * 6.51 / 10.94)
    inside = series(point("sex_ratio_at_birth", "2015", 105, "男/100女"))
    met = gaps_of(inside, wanted | {"observation_ids": ["t"]}, obs=observations(stated))["2015"]
    assert (met["gap"], met["status"]) == (2, "met"), "TV 6f 2"


def test_own_shares_of_the_year_replace_the_calendar() -> None:
    years = {2008: (2.0, 10.0), 2009: (2.4, 10.0), 2010: (2.2, 10.0)}
    rows = [point("birth_rate", f"{y}-Q1", q, "‰", kind="quarter") for y, (q, _) in years.items()]
    rows += [point("birth_rate", str(y), a, "‰") for y, (_, a) in years.items()]
    rows += [point("birth_rate", "2011-Q1", 1.63, "‰", kind="quarter", lo=1.625, hi=1.635)]
    wanted = target("t", "birth_rate", 10.66, "‰", "at_most", "2011", place="330322")
    got = gaps_of(series(*rows), wanted)["2011-Q1"]
    assert "own_share" in got["flags"] and got["elapsed_share"] == near(0.22)
    assert got["annualised_value"] == near(7.40909), "TV 7.3 own share"
    d = (0.24 - 0.20) / 0.44
    assert (got["annualised_lo"], got["annualised_hi"]) == (near(1.625 / 0.22 / (1 + d)), near(1.635 / 0.22 / (1 - d)))
    assert got["pace"] == near(0.611632), "pace stays on the calendar"
    one_year = gaps_of(series(*rows[1:2], *rows[4:5], rows[-1]), wanted)["2011-Q1"]
    assert one_year["annualised_value"] == near(6.52) and "own_share" not in one_year["flags"]


def test_a_year_from_october_is_half_gone_in_march() -> None:
    text = "本计划生育年度一季度末人口出生率1.63‰"
    obs = observations(observation("a", "birth_rate", 1.63, "‰", "2011-Q1", "quarter", place_code=None, sentence=text))
    wanted = target("t", "birth_rate", 10.66, "‰", "at_most", "2011", actual="a")
    got = gaps_of(series(), wanted, obs=obs)["2011-Q1"]
    assert got["elapsed_share"] == near(0.5) and got["annualised_value"] == near(3.26), "TV 7.3 计划生育年度"


def test_progress_towards_a_plan_of_several_years() -> None:
    s = series(*(point("sex_ratio_at_birth", str(y), v, "男/100女") for y, v in ((2010, 117.94), (2014, 115.88))))
    wanted = target("t", "sex_ratio_at_birth", 115, "男/100女", "at_most", "2011..2015", place="330322")
    got = gaps_of(s, wanted)["2014"]
    assert (got["status"], got["progress_class"]) == ("under_way", "moderate"), "TV 8.3b"
    assert (got["progress_ratio"], got["linear_ratio"]) == (near(0.872811), near(0.875850)), "TV 8.3b"
    assert got["un_class"] == "fair", "TV 8.4a"
    assert (got["escap_status"], got["escap_line"]) == (near(7.00680), near(8)), "TV 8.5"
    assert got["required_change"] == near(-0.88)
    assert (got["base_year"], got["base_value"]) == (2010, 117.94)


def test_the_date_a_trend_leads_to() -> None:
    values = {2009: 119.45, 2010: 117.94, 2011: 117.78, 2012: 117.70, 2014: 115.88}
    rows = [point("sex_ratio_at_birth", str(y), v, "男/100女") for y, v in values.items()]
    wanted = target("t", "sex_ratio_at_birth", 115, "男/100女", "at_most", "2011..2015", place="330322")
    got = gaps_of(series(*rows), wanted)
    dates = [got["2014"][f"projected_{c}"] for c in ("date", "early", "late")]
    assert dates == [pytest.approx(v, abs=0.005) for v in (2015.41, 2015.07, 2016.06)], "TV 8.8"
    assert got["2014"]["p_met"] == near(0.310846), "TV 8.8"
    assert got["2011"]["projected_date"] is None, "2014 lies further off than the series is long"
    assert got["2011"]["p_met"] is None, "three points give no range"
    poor = [point("poor_population", str(y), v, "人") for y, v in ((2009, 900), (2010, 800), (2011, 700), (2012, 600))]
    plan = target("t", "poor_population", 100, "人", "at_most", "2011..2015", place="330322")
    assert gaps_of(series(*poor), plan)["2012"]["projected_date"] is None, "a break lies between"


def test_methods_that_disagree() -> None:
    s = series(*(point("poor_population", str(y), v, "人", basis="x") for y, v in ((2014, 3015), (2015, 1831))))
    wanted = target("t", "poor_population", 520, "人", "at_most", "2015..2017", place="330322")
    got = gaps_of(s, wanted)["2015"]
    assert (got["progress_class"], "method_sensitive" in got["flags"]) == ("moderate", True), "TV 8.3c"
    assert (got["progress_ratio"], got["linear_ratio"]) == (near(0.885737), near(1.42365)), "TV 8.3c"


def test_progress_is_not_judged_across_a_break() -> None:
    s = series(*(point("poor_population", str(y), v, "人") for y, v in ((2009, 5000), (2012, 3000))))
    wanted = target("t", "poor_population", 1000, "人", "at_most", "2011..2015", place="330322")
    got = gaps_of(s, wanted)["2012"]
    assert got["progress_class"] == "insufficient_data" and got["progress_ratio"] is None
    assert "break" in got["flags"]


def test_without_a_year_before_the_plan_the_series_gives_the_base() -> None:
    s = series(*(point("sex_ratio_at_birth", str(y), v, "男/100女") for y, v in ((2011, 117.94), (2015, 115.88))))
    wanted = target("t", "sex_ratio_at_birth", 115, "男/100女", "at_most", "2011..2016", place="330322")
    got = gaps_of(s, wanted)
    assert got["2015"]["base_year"] == 2011 and got["2015"]["progress_class"] == "moderate"
    assert got["2011"]["progress_class"] == "insufficient_data"


def test_units_must_agree() -> None:
    s = series(point("birth_rate", "2011", 10.0, "‰"))
    got = tg.target_gaps(
        s, targets(target("t", "birth_rate", 1.1, "%", "at_most", "2011", place="330322")), indicators()
    )
    row: dict[str, Any] = got.row(0, named=True)
    assert (row["status"], row["gap"], row["flags"]) == ("not_comparable", None, ["unit_mismatch"])


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.05, 0.95))
def test_pace_and_gap_to_date_agree(actual: float, goal: float, share: float) -> None:
    pace = ev(tg.pace, actual, goal, share)
    behind = ev(tg.gap_to_date, actual, goal, share, FLOOR)
    if abs(pace - 1) > 1e-9:
        assert (pace > 1) == (behind > 0)
    value, lo, hi = ev(tg.annualised, actual, actual, actual, share)
    assert lo <= value <= hi
