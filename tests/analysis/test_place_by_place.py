"""Laws of everything derived: places do not know of each other, and neither order nor batches change a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import pytest
from analysis_tables import indicators, observation, observations, target, targets
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.analysis.growth import growth_parts, growth_rates
from pipelines.analysis.quality import quality_checks
from pipelines.analysis.reconcile import checks, series_checks
from pipelines.analysis.targets import compared_observations, gap_parts, target_gaps
from pipelines.series import lines
from pipelines.series.build import build_series
from pipelines.warehouse.schema import BY_NAME, empty

PLACES = ("110101", "130102", "330322")
KINDS = {
    "annual": "{y}",
    "quarter": "{y}-Q1",
    "half": "{y}-H1",
    "ytd": "{y}-01..{y}-11",
    "asof": "asof:{y}-06",
    "school_year": "{p}/{y}",
}
MEASURES = {
    "births": "人",
    "deaths": "人",
    "natural_increase": "人",
    "birth_rate": "‰",
    "resident_population": "人",
    "registered_population": "人",
    "year_end_population": "人",
    "policy_compliant_birth_rate": "%",
}

Row = dict[str, Any]
Tables = dict[str, pl.DataFrame]


@st.composite
def reports(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Observations and targets of several places, some of them stating a change, some linked with a target."""
    seen: list[Row] = []
    wanted: list[Row] = []
    for n in range(draw(st.integers(1, 40))):
        place = draw(st.sampled_from(PLACES))
        measure = draw(st.sampled_from(sorted(MEASURES)))
        kind = draw(st.sampled_from(("annual", *KINDS)))
        year = draw(st.integers(2012, 2017))
        period = KINDS[kind].format(y=year, p=year - 1)
        value = draw(st.sampled_from((0.0, 9.0, 40.0, 97.0, 98.5, 100.0, 9700.0)))
        half = draw(st.sampled_from((0.0, 0.5, 5.0)))
        own: Row = {
            "place_code": place,
            "doc_id": f"{place}{draw(st.integers(0, 2))}",
            "basis": draw(st.sampled_from(("", "", "常住", "户籍"))),
            "scope": draw(st.sampled_from(("", "", "城镇"))),
            "status": draw(st.sampled_from(("reported", "census", "forecast"))),
            "start_char": 10 * n,
            "sentence": draw(st.sampled_from(("比上年增长", "计划生育年度", "全县"))),
        }
        unit = MEASURES[measure]
        seen.append(observation(f"o{n}", measure, value, unit, period, kind, value - half, value + half, **own))
        if draw(st.booleans()):
            stated = own | {"kind": "change", "direction": "up", "links_rel": ["change_of"], "links_to": [f"o{n}"]}
            seen.append(observation(f"c{n}", measure, 1.0, unit, period, kind, **stated))
        if draw(st.booleans()):
            goal = draw(
                st.sampled_from((str(year), f"{year - 2}..{year + 2}", f"{year - 1}..{year + 1}", "????", None))
            )
            relation = draw(st.sampled_from(("at_least", "at_most", "equal")))
            actual = draw(st.sampled_from((f"o{n}", None)))
            wanted.append(target(f"t{n}", measure, value * 1.1, unit, relation, goal, place, actual))
    return seen, wanted


def derived(seen: Sequence[Row], wanted: Sequence[Row]) -> Tables:
    """Every table that is made from observations and targets."""
    obs, goals, known = observations(*seen), targets(*wanted), indicators()
    points = build_series(obs, known)
    return {
        "series": points,
        "growth_rates": growth_rates(points, known),
        "target_gaps": target_gaps(points, goals, known, compared_observations(obs.lazy(), goals)),
        "checks": pl.concat([quality_checks(points, known), series_checks(points, known, obs)]),
    }


def assert_same(one: Tables, other: Tables) -> None:
    for table, frame in one.items():
        key = BY_NAME[table].key
        a, b = frame.sort(key, nulls_last=True), other[table].sort(key, nulls_last=True)
        assert a.equals(b), table


@settings(max_examples=25, deadline=None)
@given(reports())
def test_a_place_knows_nothing_of_others(drawn: tuple[list[Row], list[Row]]) -> None:
    seen, wanted = drawn
    alone = [derived(*([r for r in rows if r["place_code"] == place] for rows in drawn)) for place in PLACES]
    assert_same(derived(seen, wanted), {table: pl.concat([a[table] for a in alone]) for table in alone[0]})


@settings(max_examples=15, deadline=None)
@given(reports(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn: tuple[list[Row], list[Row]], random: Any) -> None:
    first = derived(*drawn)
    for rows in drawn:
        random.shuffle(rows)
    assert_same(first, derived(*drawn))


@settings(max_examples=10, deadline=None)
@given(reports())
def test_batches_give_the_rows_of_the_whole(drawn: tuple[list[Row], list[Row]]) -> None:
    obs, goals, known = observations(*drawn[0]), targets(*drawn[1]), indicators()
    points, named = build_series(obs, known), compared_observations(obs.lazy(), goals)
    whole = derived(*drawn)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lines.place_slices, "__defaults__", (2,))
        patched.setattr(lines.batches, "__defaults__", (2,))
        rates = [empty("growth_rates"), *growth_parts(points.lazy(), known)]
        gaps = [empty("target_gaps"), *gap_parts(points.lazy(), goals, known, named)]
        assert_same(
            {t: whole[t] for t in ("growth_rates", "target_gaps")},
            {"growth_rates": pl.concat(rates), "target_gaps": pl.concat(gaps)},
        )
        assert_same(whole, derived(*drawn))


def test_checks_inside_and_across_documents_come_together() -> None:
    seen = [
        observation("o1", "births", 9700.0, "人", "2012", doc_id="d1"),
        observation("o2", "deaths", 40.0, "人", "2012", doc_id="d2"),
        observation("o3", "natural_increase", 97.0, "人", "2012", doc_id="d3"),
    ]
    obs, known = observations(*seen), indicators()
    points = build_series(obs, known)
    found = checks(obs, known, points)
    assert set(found["check_id"]) == set(series_checks(points, known, obs)["check_id"]) != set()


def squares(wait: Callable[[int], None]) -> list[int]:
    def squared(n: int) -> int:
        wait(n)
        return n * n

    return list(lines.side_by_side(squared, range(5)))


def test_work_side_by_side_keeps_its_order() -> None:
    assert squares(lambda n: None) == [0, 1, 4, 9, 16]


def test_work_side_by_side_fails_as_alone() -> None:
    def refuse(n: int) -> None:
        if n == 2:
            raise ValueError("the third part")

    with pytest.raises(ValueError, match="the third part"):
        squares(refuse)
