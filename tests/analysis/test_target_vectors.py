"""Level or margin: the test vectors of METHODOLOGY 5."""

from __future__ import annotations

import pytest
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st

from pipelines.extraction.target_reading import read_target

SISTERS = (("margin", "%", "高于"), ("margin", "%", "高于"))


def test_birth_rate_ceiling() -> None:
    r = read_target(
        1.63,
        "‰",
        10.66,
        "‰",
        "低于",
        before="低于市定目标",
        target_range=(4, 20),
        actual_is_year_to_date=True,
        siblings=SISTERS,
    )
    assert (r.reading, r.target, r.confidence, r.score) == ("level", 10.66, "low", 2.0), "TV 5a"
    assert (r.alternative_value, r.robust) == (near(12.29), True), "TV 5a"


@pytest.mark.parametrize(
    ("actual", "unit", "value", "value_unit", "relation", "after", "limits", "reading", "target"),
    [
        pytest.param(97.93, "%", 7.73, "%", "高于", "", (60, 100), "margin", 90.20, id="TV 5b"),
        pytest.param(98, "%", 3, "%", "高于", "", (70, 100), "margin", 95, id="TV 5c"),
        pytest.param(9.80, "‰", 0.5, "‰", "低于", "个千分点", None, "margin", 10.30, id="TV 5d"),
        pytest.param(9.80, "‰", 0.5, "千分点", "低于", "", None, "margin", 10.30, id="TV 5d unit"),
        pytest.param(2.4, "%", 0.6, "%", "低于", "", (0, 20), "margin", 3.0, id="TV 5e"),
        pytest.param(99.5, "%", 98, "%", "高于", "", (80, 100), "level", 98, id="TV 5f"),
        pytest.param(1300000, "元", 500000, "元", "超额", "任务", None, "level", 500000, id="TV 5g"),
    ],
)
def test_certain_readings(
    actual: float,
    unit: str,
    value: float,
    value_unit: str,
    relation: str,
    after: str,
    limits: tuple[float, float] | None,
    reading: str,
    target: float,
) -> None:
    r = read_target(actual, unit, value, value_unit, relation, after=after, target_range=limits)
    assert (r.reading, r.target, r.confidence) == (reading, near(target), "high")


@pytest.mark.parametrize(
    ("before", "after"), [("", "的市定目标"), ("低于目标值为", ""), ("控制在", "以内"), ("", "以上的目标")]
)
def test_level_by_words(before: str, after: str) -> None:
    r = read_target(1.63, "‰", 10.66, "‰", "低于", before=before, after=after, target_range=(4, 20))
    assert (r.reading, r.confidence, r.reason) == ("level", "high", "words")


def test_unreadable() -> None:
    r = read_target(50, "%", 300, "%", "高于", target_range=(0, 20))
    assert (r.reading, r.target, r.reason) == (None, None, "target_unreadable")
    with pytest.raises(ValueError, match="unknown relation"):
        read_target(1, "%", 2, "%", "等于")


@given(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["低于", "高于"]), st.booleans())
def test_both_readings_are_kept(actual: float, value: float, relation: str, ytd: bool) -> None:
    r = read_target(actual, "%", value, "%", relation, target_range=(0, 100), actual_is_year_to_date=ytd)
    if r.reading is not None:
        assert r.target is not None and r.alternative_value is not None
        assert (r.score is None) == (r.confidence == "high")
