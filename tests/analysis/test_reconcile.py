"""Figures that should agree: the test vectors of METHODOLOGY 9, and identities found in tables."""

from __future__ import annotations

import polars as pl
import pytest
from analysis_tables import indicators, observation, observations, point, series
from analysis_vectors import evaluate as ev
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st

from pipelines.analysis import reconcile as rc
from pipelines.analysis.intervals import quotient_interval

Span = tuple[float, float, float]


def about(value: float, half: float = 0.0) -> Span:
    return value, value - half, value + half


def total(*parts: Span) -> Span:
    return sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts)


def rate(numerator: float, denominator: float, factor: float, half: float = 0.0) -> Span:
    return (
        factor * numerator / denominator,
        factor * (numerator - half) / denominator,
        factor * (numerator + half) / denominator,
    )


P97, P99, P02 = 125008, 125232, 125005

VECTORS = [
    pytest.param(total(about(100), about(7), about(23), about(2)), about(132), "exact", id="TV 9 parts 1"),
    pytest.param(total(about(677.23, 0.005), about(271.8, 0.05)), about(949, 0.5), "rounding", id="TV 9 parts 2"),
    pytest.param(
        total(about(11538, 0.5), about(109846, 0.5), about(174915, 0.5)),
        about(296299, 0.5),
        "rounding",
        id="TV 9 parts 3",
    ),
    pytest.param(total(about(36), about(186)), about(224), "fails", id="TV 9 parts 4"),
    pytest.param(rate(11261, 11362, 100), about(99.11, 0.005), "rounding", id="TV 9 rate 1"),
    pytest.param(rate(38000, 127993, 100), about(30, 0.5), "rounding", id="TV 9 rate 2"),
    pytest.param(rate(222, 805, 100), (50, 45, 55), "fails", id="TV 9 rate 3"),
    pytest.param(rate(1414, P97, 1000), about(11.31, 0.005), "rounding", id="TV 9 births 1997"),
    pytest.param(rate(2106, P99, 1000), about(16.85, 0.005), "loose", id="TV 9 births 1999"),
    pytest.param(rate(1435, P02, 1000), about(10.30, 0.005), "fails", id="TV 9 births 2002"),
    pytest.param(
        total(about(6.77, 0.005), about(-7.37, 0.005)), about(-0.60, 0.005), "rounding", id="TV 9 growth 2022"
    ),
    pytest.param(
        total(about(9.58, 0.005), about(-8.52, 0.005)), about(0.11, 0.005), "fails", id="TV 9 growth 湖州 2000"
    ),
    pytest.param(total(about(368), about(-337)), about(31), "exact", id="TV 9 change 1"),
    pytest.param(total(about(20.8, 0.05), about(-18.2, 0.05)), about(3.6, 0.05), "fails", id="TV 9 change 2"),
    pytest.param(total(about(48.51, 0.005), about(51.49, 0.005)), about(100), "rounding", id="TV 9 shares"),
]


@pytest.mark.parametrize(("found", "expected", "word"), VECTORS)
def test_verdicts(found: Span, expected: Span, word: str) -> None:
    assert ev(rc.verdict, *found, *expected)[0] == word


def test_sizes_of_differences() -> None:
    assert rate(11261, 11362, 100)[0] == near(99.1111)
    assert ev(rc.verdict, *VECTORS[1].values[0], *VECTORS[1].values[1])[2] == near(0.555), "TV 9 parts 2"
    assert rate(1414, P97, 1000)[0] == near(11.3113)
    assert (near(1413.22), near(1414.47)) == (11.305 * P97 / 1000, 11.315 * P97 / 1000), "TV 9 births 1997"
    assert (16.85 - rate(2106, P99, 1000)[0]) / 16.85 == near(0.00197104), "TV 9 births 1999"
    assert (near(1286.93), near(1288.18)) == (10.295 * P02 / 1000, 10.305 * P02 / 1000), "TV 9 births 2002"
    difference = ev(rc.verdict, *about(2.6, 0.1), *about(3.6, 0.05))[1]
    assert difference == near(-1.0), "TV 9 change 2"


def test_plan() -> None:
    assert ev(rc.plan_interval, 28582.5, 28583.5, 1.05465, 1.05475) == (near(27098.8), near(27102.4)), "TV 9 plan"
    assert near(27100.3) == 13866 / 1.0093 + 14717 / 1.1014


@pytest.mark.parametrize(
    ("amount", "people", "each", "verdict"),
    [
        pytest.param(824400, 4122, 200.0, True, id="TV 9 per head 1"),
        pytest.param(5331200, 3136, 1700.0, True, id="TV 9 per head 2"),
        pytest.param(2390000, 478, 5000.0, True, id="TV 9 per head 3"),
        pytest.param(4199000, 13383, 313.756, None, id="TV 9 per head 4"),
    ],
)
def test_per_head(amount: float, people: float, each: float, verdict: bool | None) -> None:
    assert amount / people == near(each)
    assert ev(rc.per_head_is_round, amount, people) is verdict


def test_national_2022() -> None:
    mean = ev(rc.mean_population, 141260, 141175)
    for count, half, published, exact in (
        (956, 0.5, 6.77, 6.76970),
        (1041, 0.5, 7.37, 7.37161),
        (-85, 0.5, -0.60, -0.601908),
    ):
        found = rate(count, mean, 1000, half)
        assert found[0] == near(exact), "TV 9 NBS 2022"
        assert ev(rc.verdict, *found, *about(published, 0.005))[0] == "rounding"


DONGTOU = {
    "births": (1435.0, 1435.0),
    "deaths": (735.0, 735.0),
    "increase": (700.0, 700.0),
    "population": (125005.0, 125005.0),
    "birth_rate": (10.295, 10.305),
    "death_rate": (5.875, 5.885),
    "growth_rate": (4.415, 4.425),
}
IDENTITIES = (
    rc.Identity("balance", terms=(("births", 1.0), ("deaths", -1.0), ("increase", -1.0))),
    rc.Identity("rates", terms=(("birth_rate", 1.0), ("death_rate", -1.0), ("growth_rate", -1.0))),
    rc.Identity("birth", ratio=("birth_rate", "births", "population", 1000.0)),
    rc.Identity("death", ratio=("death_rate", "deaths", "population", 1000.0)),
    rc.Identity("growth", ratio=("growth_rate", "increase", "population", 1000.0)),
)


def test_error_location() -> None:
    sets = rc.smallest_repairs(DONGTOU, IDENTITIES)
    assert [set(s) for s in sets] == [{"birth_rate", "growth_rate"}, {"births", "increase"}], "TV 9 洞头 2002"
    rates, counts = sets
    assert rates["birth_rate"] == (near(11.4795), near(11.4795))
    assert rates["growth_rate"] == (near(5.59978), near(5.59978))
    assert counts["births"][0] <= 1287 <= counts["births"][1] and counts["increase"][0] <= 552 <= counts["increase"][1]
    assert (near(10.2956), near(4.41582)) == (1287 / 125.005, 552 / 125.005)


def test_nothing_to_repair() -> None:
    assert rc.smallest_repairs({"a": (3, 3), "b": (3, 3)}, [rc.Identity("same", terms=(("a", 1), ("b", -1)))]) == []


def test_residual() -> None:
    rest = 6450000 - 5467 * 80 * 12
    assert rest == 1201680
    assert rest / 548 / 12 == near(182.737), "TV 9 residual"
    assert [v / 548 / 12 for v in (rest - 5000, rest + 5000)] == [near(181.977), near(183.498)]


def test_checks_by_links() -> None:
    obs = observations(
        observation("w", "four_procedures_count", 132, "例", "2011"),
        *(
            observation(f"p{i}", None, v, "例", "2011", links_rel=["part_of"], links_to=["w"])
            for i, v in enumerate((100, 7, 23, 2))
        ),
        observation("r", "reproductive_checkup_rate", 99.11, "%", "2011", lo=99.105, hi=99.115),
        observation("n", None, 11261, "人", "2011", links_rel=["numerator_of"], links_to=["r"]),
        observation("d", None, 11362, "人", "2011", links_rel=["denominator_of"], links_to=["r"]),
        observation("after", "schools_total", 337, "所", "2011"),
        observation("before", "schools_total", 368, "所", "2006", links_rel=["previous_of"], links_to=["after"]),
        observation(
            "delta",
            None,
            31,
            "所",
            "2011",
            kind="change",
            direction="down",
            links_rel=["change_of"],
            links_to=["after"],
        ),
        observation("damaged", None, None, "例", "2011", links_rel=["part_of"], links_to=["w"], flags=["damaged"]),
    )
    got = rc.checks(obs, indicators())
    assert dict(got.select("kind", "verdict").iter_rows()) == {"change": "exact", "parts": "exact", "rate": "rounding"}
    assert got.filter(kind="parts")["observation_ids"].item().to_list() == ["w", "p0", "p1", "p2", "p3"]


def test_parts_that_are_only_some() -> None:
    def parts(whole: float, *values: float) -> str:
        obs = observations(
            observation("w", None, whole, "人", "2011"),
            *(
                observation(f"p{i}", None, v, "人", "2011", links_rel=["part_of"], links_to=["w"])
                for i, v in enumerate(values)
            ),
        )
        return str(rc.checks(obs, indicators())["verdict"].item())

    assert parts(224, 36, 186) == "fails", "TV 9 parts 4"
    assert parts(1000, 36, 186) == "undecided"
    assert parts(100, 36, 186) == "fails"
    assert parts(30, 36) == "fails"


def test_checks_across_documents() -> None:
    points = [("births", 1435, "人", 0.0), ("deaths", 735, "人", 0.0), ("natural_increase", 700, "人", 0.0)]
    points += [
        ("average_population", P02, "人", 0.0),
        ("birth_rate", 10.30, "‰", 0.005),
        ("death_rate", 5.88, "‰", 0.005),
    ]
    points += [("natural_growth_rate", 4.42, "‰", 0.005)]
    s = series(*(point(i, "2002", v, u, lo=v - h, hi=v + h) for i, v, u, h in points))
    got = rc.checks(observations(), indicators(), s)
    words = {(r["kind"], r["subject"]): r["verdict"] for r in got.iter_rows(named=True)}
    assert words["natural_growth", "natural_increase = births - deaths"] == "exact"
    assert words["natural_growth", "natural_growth_rate = birth_rate - death_rate"] == "rounding"
    births = {k[1].split(" ")[0]: v for k, v in words.items() if k[0] == "births"}
    assert births == {"人口出生率": "fails", "人口死亡率": "rounding", "人口自然增长率": "fails"}


@given(st.floats(0, 1e9), st.floats(0, 1e3), st.floats(-1, 1))
def test_a_value_agrees_with_its_own_rounding(value: float, half: float, shift: float) -> None:
    found = (value, value, value)
    stated = value + shift * half
    word = ev(rc.verdict, *found, stated, stated - half, stated + half)[0]
    assert word in ("exact", "rounding")


@given(st.floats(1, 1e6), st.floats(0, 10), st.floats(1, 1e6), st.floats(0, 0.5))
def test_rate_and_quotient_agree(n: float, a: float, d: float, b: float) -> None:
    lo, hi = ev(lambda p, q, r, s: rc.rate_interval((p, q), (r, s), pl.lit(1.0)), n, n + a, d, d + b)
    assert (lo, hi) == (
        near(ev(quotient_interval, n, n + a, d, d + b)[0]),
        near(ev(quotient_interval, n, n + a, d, d + b)[1]),
    )
