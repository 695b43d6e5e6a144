"""METHODOLOGY section 5: level or margin, by its test vectors."""

import pytest

from pipelines.extraction.target_reading import read_target

CASES = [
    pytest.param(
        {
            "actual": 1.63,
            "actual_unit": "‰",
            "value": 10.66,
            "value_unit": "‰",
            "relation": "低于",
            "target_range": (4, 20),
            "actual_is_year_to_date": True,
            "siblings": [("margin", "%", "高于"), ("margin", "%", "高于")],
        },
        ("level", 10.66, "low", 12.29, True),
        id="TV 5a",
    ),
    pytest.param(
        {
            "actual": 97.93,
            "actual_unit": "%",
            "value": 7.73,
            "value_unit": "%",
            "relation": "高于",
            "target_range": (60, 100),
        },
        ("margin", 90.20, "high", 7.73, True),
        id="TV 5b",
    ),
    pytest.param(
        {
            "actual": 98.0,
            "actual_unit": "%",
            "value": 3.0,
            "value_unit": "%",
            "relation": "高于",
            "target_range": (70, 100),
        },
        ("margin", 95.0, "high", 3.0, True),
        id="TV 5c",
    ),
    pytest.param(
        {"actual": 9.80, "actual_unit": "‰", "value": 0.5, "value_unit": "‰", "relation": "低于", "after": "个千分点"},
        ("margin", 10.30, "high", 0.5, False),
        id="TV 5d",
    ),
    pytest.param(
        {
            "actual": 2.4,
            "actual_unit": "%",
            "value": 0.6,
            "value_unit": "%",
            "relation": "低于",
            "target_range": (0, 20),
        },
        ("margin", 3.0, "high", 0.6, False),
        id="TV 5e",
    ),
    pytest.param(
        {
            "actual": 99.5,
            "actual_unit": "%",
            "value": 98.0,
            "value_unit": "%",
            "relation": "高于",
            "target_range": (80, 100),
        },
        ("level", 98.0, "high", 1.5, True),
        id="TV 5f",
    ),
    pytest.param(
        {
            "actual": 1300000.0,
            "actual_unit": "元",
            "value": 500000.0,
            "value_unit": "元",
            "relation": "超额",
            "after": "分配任务",
        },
        ("level", 500000.0, "high", 800000.0, True),
        id="TV 5g",
    ),
]


@pytest.mark.parametrize(("arguments", "expected"), CASES)
def test_vectors(arguments: dict[str, object], expected: tuple[object, ...]) -> None:
    got = read_target(**arguments)  # type: ignore[arg-type]
    assert (got.reading, got.target, got.confidence, got.alternative_value, got.robust) == expected


def test_score_of_the_first_vector() -> None:
    assert read_target(**CASES[0].values[0]).score == 2  # type: ignore[arg-type]


def test_neither_reading_feasible() -> None:
    got = read_target(
        actual=50.0, actual_unit="%", value=300.0, value_unit="%", relation="高于", target_range=(60, 100)
    )
    assert (got.reading, got.target, got.reason) == (None, None, "target_unreadable")
