"""Values of the year before, implied by stated changes and growth rates: METHODOLOGY 3 in tables."""

from __future__ import annotations

from typing import Any

import pytest
from analysis_tables import indicators, observation, observations, point, series
from analysis_vectors import near

from pipelines.analysis.growth import growth_rates
from pipelines.analysis.reconcile import checks
from pipelines.series.build import build_series
from pipelines.series.implied import implied_observations

SAID = "教育总经费7.1亿元，比上年增长36.17%。"


def value(name: str, indicator: str, v: float, unit: str, half: float = 0.0, **more: Any) -> dict[str, Any]:
    return observation(name, indicator, v, unit, more.pop("period", "2007"), lo=v - half, hi=v + half, **more)


def said(
    name: str, v: float, unit: str, to: str, half: float = 0.0, rel: str = "growth_of", **more: Any
) -> dict[str, Any]:
    row = {"kind": rel.removesuffix("_of"), "direction": "up", "sentence": SAID, "links_rel": [rel], "links_to": [to]}
    return observation(name, None, v, unit, more.pop("period", "2007"), lo=v - half, hi=v + half, **row | more)


SPENT = value("e", "education_expenditure", 7.1e8, "元", 5e6)
GROWN = said("g", 36.17, "%", "e", 0.005)


def implied(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return implied_observations(observations(*rows)).rows(named=True)


def test_a_growth_rate_implies_the_value_before() -> None:
    (row,) = implied(SPENT, GROWN)
    assert (row["observation_id"], row["period"], row["status"]) == ("g", "2006", "implied")
    assert row["value"] == near(5.21407e8), "TV 3.1a"
    assert (row["value_lo"], row["value_hi"]) == (near(5.17716e8), near(5.25098e8)), "TV 3.1a"


@pytest.mark.parametrize(
    ("unit", "after", "step", "word", "direction", "before"),
    [
        ("人", 82490000, 16500000, "人", "down", 98990000),
        ("元/人·年", 5919, 766, "元/人·年", "up", 5153),
        ("%", 97.93, 0.5, "百分点", "up", 97.43),
        ("‰", 12.3, 0.4, "千分点", "down", 12.7),
        ("‰", 12.3, 0.4, "百分点", "down", None),
        ("‰", 12.3, 400, "人", "down", None),
    ],
)
def test_a_change_implies_the_value_before(
    unit: str, after: float, step: float, word: str, direction: str, before: float | None
) -> None:
    rows = implied(
        value("e", "poor_population", after, unit), said("g", step, word, "e", rel="change_of", direction=direction)
    )
    assert [r["value"] for r in rows] == ([] if before is None else [near(before)]), "TV 3.2"


def test_the_change_of_a_level_is_of_the_year() -> None:
    after = value("e", "registered_population", 443900, "人", period="asof:2007")
    (row,) = implied(after, said("g", 2415, "人", "e", rel="change_of"))
    assert (row["period"], row["value"]) == ("asof:2006", near(441485))


@pytest.mark.parametrize(
    "sentence",
    [
        "按可比价格计算，比上年增长36.17%",
        "同口径比上年增长36.17%",
        "两年间增长36.17%",
        "年均比上年增长36.17%",
        "环比增长36.17%",
        "增长36.17%",
    ],
)
def test_refused(sentence: str) -> None:
    assert implied(SPENT, GROWN | {"sentence": sentence}) == [], "TV 3.3"


@pytest.mark.parametrize(
    "change",
    [{"period": "2008"}, {"flags": ["damaged"]}, {"value_hi": None}, {"direction": None}, {"kind": "target"}],
)
def test_doubt_implies_nothing(change: dict[str, Any]) -> None:
    assert implied(SPENT, GROWN | change) == []


def test_growth_of_gdp_is_at_constant_prices() -> None:
    assert implied(value("e", "gdp", 7.1e8, "元"), GROWN) == []


def test_what_is_dealt_out_stands_or_falls_together() -> None:
    text = {"sentence": "经费与预算各为7.1亿元、4.6亿元，比上年分别增加36.17%和81.22%。"}
    budget = value("b", "budgeted_education_expenditure", 4.6e8, "元", 5e6)
    second = said("h", 81.22, "%", "b", 0.005)
    both = implied(SPENT, budget, GROWN | text, second | text)
    assert sorted(r["value"] for r in both) == [near(2.53835e8), near(5.21407e8)], "TV 3.1b"
    unknown = budget | {"indicator_id": None}
    assert implied(SPENT, unknown, GROWN | text, second | text) == []


def test_only_published_where_nothing_direct_is_known() -> None:
    rows = build_series(observations(SPENT, GROWN), indicators()).rows(named=True)
    before, now = rows
    assert (before["period"], before["status"], before["flags"], before["observation_id"]) == (
        "2006",
        "implied",
        ["implied"],
        "g",
    )
    assert now["status"] == "reported"
    direct = value("d", "education_expenditure", 5e8, "元", period="2006", doc_id="d2")
    rows = build_series(observations(SPENT, GROWN, direct), indicators()).rows(named=True)
    assert [(r["period"], r["value"], r["n_sources"]) for r in rows] == [("2006", 5e8, 1), ("2007", 7.1e8, 1)]


def test_never_chained_and_told_apart_in_growth() -> None:
    points = build_series(observations(SPENT, GROWN), indicators())
    assert points["period"].to_list() == ["2006", "2007"]
    grown = growth_rates(points, indicators()).rows(named=True)
    assert [r["flags"] for r in grown] == [["implied"], ["implied"]] and grown[1]["growth"] == near(0.3617)


def test_no_check_rests_on_an_implied_value() -> None:
    rates = (("birth_rate", 10.0, []), ("death_rate", 4.0, ["implied"]), ("natural_growth_rate", 9.0, []))
    s = series(*(point(i, "2002", v, "‰", flags=f) for i, v, f in rates))
    assert checks(observations(), indicators(), s).is_empty()


def test_rates_on_few_events_are_unstable() -> None:
    def flags(deaths: float) -> list[str]:
        obs = observations(
            value("n", "maternal_deaths", deaths, "人"), value("r", "maternal_mortality_ratio", 22.24, "1/10万", 0.005)
        )
        rows = {r["indicator_id"]: r["flags"] for r in build_series(obs, indicators()).rows(named=True)}
        assert rows["maternal_deaths"] == []
        return list(rows["maternal_mortality_ratio"])

    assert flags(1) == ["unstable"] and flags(20) == [], "TV 2.4c"
    grown = growth_rates(
        series(
            point("maternal_mortality_ratio", "2010", 22.0, "1/10万", flags=["unstable"]),
            point("maternal_mortality_ratio", "2011", 20.0, "1/10万"),
        ),
        indicators(),
    )
    assert "unstable" in grown["flags"][1].to_list()
