"""Figures that should agree: the test vectors of METHODOLOGY 9, and identities found in tables."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from analysis_tables import indicators, observation, observations, point, series
from analysis_vectors import evaluate as ev
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st

from pipelines.analysis import reconcile as rc
from pipelines.analysis import repairs as rp
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
    rp.Identity("balance", terms=(("births", 1.0), ("deaths", -1.0), ("increase", -1.0))),
    rp.Identity("rates", terms=(("birth_rate", 1.0), ("death_rate", -1.0), ("growth_rate", -1.0))),
    rp.Identity("birth", ratio=("birth_rate", "births", "population", 1000.0)),
    rp.Identity("death", ratio=("death_rate", "deaths", "population", 1000.0)),
    rp.Identity("growth", ratio=("growth_rate", "increase", "population", 1000.0)),
)


def test_error_location() -> None:
    sets = rp.smallest_repairs(DONGTOU, IDENTITIES)
    assert [set(s) for s in sets] == [{"birth_rate", "growth_rate"}, {"births", "increase"}], "TV 9 洞头 2002"
    rates, counts = sets
    assert rates["birth_rate"] == (near(11.4795), near(11.4795))
    assert rates["growth_rate"] == (near(5.59978), near(5.59978))
    assert counts["births"][0] <= 1287 <= counts["births"][1] and counts["increase"][0] <= 552 <= counts["increase"][1]
    assert (near(10.2956), near(4.41582)) == (1287 / 125.005, 552 / 125.005)


def test_nothing_to_repair() -> None:
    assert rp.smallest_repairs({"a": (3, 3), "b": (3, 3)}, [rp.Identity("same", terms=(("a", 1), ("b", -1)))]) == []


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
        return str(rc.checks(obs, indicators()).filter(kind="parts")["verdict"].item())

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


def only(table: pl.DataFrame, kind: str) -> dict[str, Any]:
    return table.filter(kind=kind).row(0, named=True)


def test_repairs_are_proposed_and_never_made() -> None:
    s = series(
        point("births", "2002", 1435, "人"),
        point("deaths", "2002", 735, "人"),
        point("natural_increase", "2002", 700, "人"),
        point("average_population", "2002", P02, "人"),
        *(
            point(i, "2002", v, "‰", lo=v - 0.005, hi=v + 0.005)
            for i, v in (("birth_rate", 10.30), ("death_rate", 5.88), ("natural_growth_rate", 4.42))
        ),
    )
    got = rc.checks(observations(), indicators(), s)
    row = only(got, "repair")
    assert row["verdict"] == "undecided" and row["subject"].endswith("2 of 5 checks would agree")
    assert "人口出生率 10.3 -> 11.4795 and 人口自然增长率 4.42 -> 5.59978" in row["proposal"], "TV 9 洞头 2002"
    assert "出生人数 1435 -> 1286.93..1288.15" in row["proposal"]
    assert (row["found"], row["expected"]) == (None, None)
    assert set(row["observation_ids"]) == {
        f"o:{i}:2002" for i in ("births", "natural_increase", "birth_rate", "natural_growth_rate")
    }


def test_a_slipped_digit_is_proposed() -> None:
    """Deaths of 4346 beside 7.60‰: every other figure asks for 7346."""
    s = series(
        point("births", "1986", 13537, "人"),
        point("deaths", "1986", 4346, "人"),
        point("natural_increase", "1986", 6191, "人"),
        point("average_population", "1986", 966929, "人"),
        *(
            point(i, "1986", v, "‰", lo=v - 0.005, hi=v + 0.005)
            for i, v in (("birth_rate", 14.00), ("death_rate", 7.60), ("natural_growth_rate", 6.40))
        ),
    )
    row = only(rc.checks(observations(), indicators(), s), "repair")
    assert row["verdict"] == "flag" and row["observation_ids"] == ["o:deaths:1986"]
    assert row["proposal"] == "死亡人数 4346 -> 7346 (7346 by one digit)", "TV 10.4"


def test_a_slipped_unit_is_proposed() -> None:
    obs = observations(
        observation("w", None, 13200000, "元", "2011", indicator="投入"),
        observation("a", None, 1000, "元", "2011", links_rel=["part_of"], links_to=["w"], indicator="甲"),
        observation("b", None, 320, "元", "2011", links_rel=["part_of"], links_to=["w"], indicator="乙"),
    )
    assert "投入 13200000 -> 1320 (10^4 too large" in only(rc.checks(obs, indicators()), "repair")["proposal"]


@pytest.mark.parametrize(
    ("written", "lo", "hi", "found"),
    [("4346", 7341, 7356, "7346"), ("1345", 1354, 1354, "1354"), ("224", 22, 22, "22"), ("9.83", 9.875, 9.885, "9.88")],
)
def test_digit_slips(written: str, lo: float, hi: float, found: str) -> None:
    assert rp.digit_slips(written, lo, hi)[0] == found


def test_digit_slips_add_no_decimals() -> None:
    assert rp.digit_slips("9.83", 9.875, 9.885) == ["9.88"]


def slips_of(written: str) -> set[str]:
    """Every text with one digit changed, dropped or added, or two neighbouring digits exchanged."""
    found = {written[:i] + d + written[i:] for i in range(len(written) + 1) for d in "0123456789"}
    for i, c in enumerate(written):
        if c.isdigit():
            found |= {written[:i] + d + written[i + 1 :] for d in "0123456789"} | {written[:i] + written[i + 1 :]}
            if written[i + 1 : i + 2].isdigit():
                found.add(written[:i] + written[i + 1] + c + written[i + 2 :])
    return found - {written}


@given(st.integers(0, 10**7), st.integers(0, 3), st.floats(0, 2), st.sampled_from((0.0, 0.005, 0.5, 40.0)))
def test_digit_slips_are_all_that_fit_and_no_others(number: int, decimals: int, factor: float, half: float) -> None:
    written = f"{number / 10**decimals:.{decimals}f}"
    lo, hi = float(written) * factor - half, float(written) * factor + half
    whole = (t for t in slips_of(written) if t and not t.startswith(".") and not (t[0] == "0" and t[1:2].isdigit()))
    fitting = {t for t in whole if len(t.partition(".")[2]) <= decimals and lo <= float(t) <= hi}
    assert set(rp.digit_slips(written, lo, hi)) == fitting


def test_plan_value_and_completion() -> None:
    def row(name: str, value: float, unit: str, kind: str, half: float, at: int) -> dict[str, Any]:
        more = {
            "kind": kind,
            "sentence": "计划20万元，完成16.68万元，完成率83.4%",
            "start_char": at,
            "indicator": "征收",
        }
        return observation(name, None, value, unit, "2011", lo=value - half, hi=value + half, **more)

    rows = [row("t", 200000, "元", "target", 5000, 0), row("a", 166800, "元", "actual", 50, 5)]
    good = rc.checks(observations(*rows, row("c", 83.4, "%", "completion", 0.05, 9)), indicators())
    assert (only(good, "plan")["verdict"], only(good, "plan")["observation_ids"]) == ("rounding", ["c", "a", "t"])
    bad = rc.checks(observations(*rows, row("c", 93.4, "%", "completion", 0.05, 9)), indicators())
    assert only(bad, "plan")["verdict"] == "fails" and "93.4 -> " in only(bad, "repair")["proposal"]
    both = rc.checks(
        observations(*rows, *(row(f"c{i}", 83.4, "%", "completion", 0.05, i) for i in (9, 20))), indicators()
    )
    assert both.filter(kind="plan").is_empty()


@pytest.mark.parametrize(
    ("amount", "people", "stated", "words"),
    [
        pytest.param(824400, 4122, None, "is a round sum a head", id="TV 9 per head 1"),
        pytest.param(5331200, 3136, 1700, "= stated rate", id="TV 9 per head 2"),
        pytest.param(4199000, 13383, None, None, id="TV 9 per head 4"),
        pytest.param(500000, 1000, None, None, id="a thousand people divide too much"),
    ],
)
def test_units_per_head(amount: float, people: float, stated: float | None, words: str | None) -> None:
    def row(name: str, value: float, unit: str, at: int, kind: str = "actual") -> dict[str, Any]:
        return observation(name, None, value, unit, "2011", kind=kind, sentence="补助", start_char=at, indicator="补助")

    rows = [row("p", people, "人", 0), row("a", amount, "元", 5)]
    rows += [row("s", stated, "元/人", 9, "norm")] if stated else []
    got = rc.checks(observations(*rows), indicators()).filter(kind="per_head")
    subjects = got["subject"].to_list()
    assert any(words in s for s in subjects) if words else not subjects
    assert set(got["verdict"]) <= {"exact", "rounding"}


def test_shares_make_up_a_hundred() -> None:
    def shares(*values: float) -> pl.DataFrame:
        rows = [
            observation(f"s{i}", None, v, "%", "2011", lo=v - 0.005, hi=v + 0.005, sentence="占比", indicator="占比重")
            for i, v in enumerate(values)
        ]
        return rc.checks(observations(*rows), indicators()).filter(kind="shares")

    assert shares(48.51, 51.49)["verdict"].to_list() == ["rounding"], "TV 9 shares"
    assert shares(48.51, 21.49).is_empty()


def test_sums_by_definition() -> None:
    parts = (("primary_value_added", 11538), ("secondary_value_added", 109846), ("tertiary_value_added", 174915))

    def of(total: float) -> str:
        s = series(*(point(i, "2024", v, "元", lo=v - 0.5, hi=v + 0.5) for i, v in (*parts, ("gdp", total))))
        return str(only(rc.checks(observations(), indicators(), s), "parts")["verdict"])

    assert of(296299) == "rounding", "TV 9 parts 3"
    assert of(306299) == "fails"


def test_rates_over_year_end_populations() -> None:
    def births(rate: float, begin: float, end: float) -> dict[str, Any]:
        s = series(
            point("births", "2022", 9560, "人", basis="户籍"),
            point("birth_rate", "2022", rate, "‰", lo=rate - 0.005, hi=rate + 0.005, basis="户籍"),
            point("registered_population", "2021", begin, "人", basis="户籍"),
            point("registered_population", "2022", end, "人", basis="户籍"),
        )
        return only(rc.checks(observations(), indicators(), s), "births")

    mean = births(6.77, 1412600, 1411750)
    assert mean["verdict"] == "rounding" and "(begin + end) / 2" in mean["subject"], "TV 9 NBS 2022"
    assert mean["observation_ids"][2:] == ["o:registered_population:2022", "o:registered_population:2021"]
    end = births(9.56, 800000, 1000000)
    assert end["verdict"] == "rounding" and "end of year" in end["subject"]
    assert births(7.77, 1412600, 1411750)["verdict"] == "fails"


def test_balance_of_a_population() -> None:
    flows = (("births", 100), ("deaths", 60), ("in_migration", 30), ("out_migration", 50))

    def of(end: float) -> str:
        s = series(
            *(point(i, "2005", v, "人", basis="户籍") for i, v in flows),
            point("registered_population", "2004", 10000, "人", basis="户籍"),
            point("registered_population", "2005", end, "人", basis="户籍"),
        )
        return str(only(rc.checks(observations(), indicators(), s), "balance")["verdict"])

    assert (of(10020), of(11000)) == ("exact", "fails")


@pytest.mark.parametrize(
    ("sentence", "growth", "verdict"),
    [
        ("比上年增长3%", 3.0, "rounding"),
        ("比上年增长5%", 5.0, "fails"),
        ("两年间增长5%", 5.0, None),
        ("按可比价比上年增长5%", 5.0, None),
    ],
)
def test_stated_growth_against_the_series(sentence: str, growth: float, verdict: str | None) -> None:
    obs = observations(
        observation("x1", "fiscal_revenue", 1030, "元", "2012", sentence=sentence),
        observation(
            "g", None, growth, "%", "2012", lo=growth - 0.5, hi=growth + 0.5, kind="growth", direction="up",
            sentence=sentence, links_rel=["growth_of"], links_to=["x1"],
        ),
    )  # fmt: skip
    s = series(point("fiscal_revenue", "2011", 1000, "元"))
    got = rc.checks(obs, indicators(), s).filter(kind="growth")["verdict"].to_list()
    assert got == ([verdict] if verdict else [])


def test_identities_name_known_indicators() -> None:
    known = set(indicators()["indicator_id"])
    for _, kind, whole, parts, why in rc.identities().iter_rows():
        assert set(parts) <= known and (whole in known if kind == "parts" else whole is None) and why


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
