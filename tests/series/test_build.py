"""Series from observations: the test vectors of METHODOLOGY 4, and growth joined on them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from analysis_tables import indicators, observation, observations, point, series
from analysis_vectors import near
from hypothesis import given
from hypothesis import strategies as st

from pipelines.analysis.growth import growth_parts, growth_rates
from pipelines.series import lines
from pipelines.series.breaks import known_breaks
from pipelines.series.build import build_series, exclusions
from pipelines.series.lines import LINE
from pipelines.series.linking import link_factor, linked
from pipelines.series.periods import canonical_period, stencil_of, year_of


def built(*rows: dict[str, Any], documents: pl.DataFrame | None = None) -> list[dict[str, Any]]:
    return build_series(observations(*rows), indicators(), documents).rows(named=True)


def resident(name: str, value: float, half: float = 0.0, **more: Any) -> dict[str, Any]:
    return observation(
        name,
        "resident_population",
        value,
        "人",
        more.pop("period", "2020"),
        lo=value - half,
        hi=value + half,
        doc_id=name,
        **more,
    )


def test_conflict() -> None:
    (row,) = built(resident("a", 1151313, source_rank=1), resident("b", 1153235))
    assert (row["value"], row["conflict"], row["n_sources"]) == (1151313, "minor", 2), "TV 4.3a"
    assert row["conflict_delta"] == near(0.00166662), "TV 4.3a"
    assert row["other_observation_ids"] == ["b"]


def test_concordance() -> None:
    (row,) = built(resident("a", 1061000, 500, source_rank=1), resident("b", 1060500, 50))
    assert (row["value"], row["conflict"], row["observation_id"]) == (1060500, None, "b"), "TV 4.3b"


@pytest.mark.parametrize(("other", "word"), [(1004, "minor"), (1040, "material"), (1100, "severe")])
def test_severity(other: float, word: str) -> None:
    (row,) = built(resident("a", 1000), resident("b", other))
    assert row["conflict"] == word


def test_precedence() -> None:
    def winner(first: dict[str, Any], second: dict[str, Any], documents: pl.DataFrame | None = None) -> str:
        (row,) = built(first, second, documents=documents)
        return str(row["observation_id"])

    assert winner(resident("a", 1000), resident("b", 2000, status="census", source_rank=4)) == "b"
    assert winner(resident("a", 1000, status="preliminary"), resident("b", 2000, source_rank=4)) == "b"
    assert winner(resident("a", 1000, status="forecast", source_rank=1), resident("b", 2000, source_rank=4)) == "b"
    assert winner(resident("a", 1000), resident("b", 2000, source_rank=1)) == "b"
    dates = pl.DataFrame({"doc_id": ["a", "b"], "published_on": ["2021-02-01", "2021-06-01"]})
    assert winner(resident("a", 1000), resident("b", 2000), dates) == "b"
    assert winner(resident("a", 1000, 50), resident("b", 2000, 5)) == "b"
    assert winner(resident("a", 1000), resident("b", 2000)) == "a"


@pytest.mark.parametrize(
    ("indicator", "value", "unit", "lo", "hi", "approx", "one_sided"),
    [
        pytest.param(
            "illiteracy_rate_15plus", 94, "%", 94, 100, "at_least", True, id="94%以上: the unit alone bounds it"
        ),
        pytest.param("births", 300, "人", 300, None, "at_least", True, id="超过300人"),
        pytest.param("births", 500, "人", 500, 600, "at_least", False, id="500余人"),
        pytest.param("birth_rate", 12, "‰", 0, 12, "at_most", True, id="12‰以内"),
        pytest.param("births", 520, "人", 515, 525, "about", False, id="520人左右"),
    ],
)
def test_one_sided_values_are_marked(
    indicator: str, value: float, unit: str, lo: float, hi: float | None, approx: str, one_sided: bool
) -> None:
    row = observation("a", indicator, value, unit, "2012") | {"value_lo": lo, "value_hi": hi, "approx": approx}
    (found,) = built(row)
    assert ("one_sided" in found["flags"]) is one_sided, "METHODOLOGY 2.2"


def test_forecast_alone_is_published_as_one() -> None:
    (row,) = built(resident("a", 1000, status="forecast"))
    assert (row["status"], row["n_sources"]) == ("forecast", 1)


def test_what_stays_out() -> None:
    rows = [
        resident("target", 1000, kind="target"),
        resident("damaged", 1000, flags=["damaged"]),
        resident("masked", 1000, flags=["masked"]),
        resident("low", 1000, confidence=0.2),
        resident("nowhere", 1000, place_code=None),
        resident("undated", 1000, period="????"),
        observation("odd unit", "resident_population", 1000, "公里", "2020"),
        observation("uncatalogued", None, 1000, "人", "2020"),
        observation("unread", "resident_population", None, "人", "2020"),
        observation("negative", "resident_population", -5, "人", "2020"),
        observation("more than all", "birth_rate", 1100, "‰", "2020"),
    ]
    assert built(*rows) == []
    got = dict(exclusions(observations(*rows), indicators()).iter_rows())
    assert got == {
        "target": "not_actual",
        "damaged": "unreadable",
        "masked": "unreadable",
        "low": "low_confidence",
        "nowhere": "unknown_place",
        "undated": "unknown_year",
        "odd unit": "unit_mismatch",
        "uncatalogued": "uncatalogued",
        "unread": "unreadable",
        "negative": "impossible",  # one misread number must not keep all others from being published
        "more than all": "impossible",
    }


def test_same_value_twice_in_a_document_counts_once() -> None:
    (row,) = built(resident("a", 1000, start_char=5), {**resident("b", 1000), "doc_id": "a", "start_char": 9})
    assert (row["n_sources"], row["observation_id"]) == (1, "a")


def test_periods_meet() -> None:
    rows = built(
        resident("a", 1000, period="asof:2020", period_kind="asof"),
        resident("b", 1000, period="2020"),
        observation("c", "births", 10, "人", "2020-01..2020-06", "ytd"),
        observation("d", "births", 10, "人", "2020-H1", "half", doc_id="d2"),
    )
    assert [(r["indicator_id"], r["period_kind"], r["period"], r["n_sources"]) for r in rows] == [
        ("births", "half", "2020-H1", 2),
        ("resident_population", "annual", "2020", 2),
    ]


def test_units_are_those_of_the_catalogue() -> None:
    rows = built(
        observation("a", "land_area", 123000, "公顷", "2020"), observation("b", "rural_net_income", 5000, "元", "2010")
    )
    assert [(r["unit"], r["value"]) for r in rows] == [("平方公里", near(1230.0)), ("元/人·年", 5000.0)]


@pytest.mark.parametrize(
    ("value", "half", "marks", "basis"),
    [
        pytest.param(940000, 5000, {"registered": 934506, "resident": 755910}, "户籍", id="TV 4.5 广水"),
        pytest.param(949000, 500, {"registered": 845308, "resident": 949413}, "常住", id="TV 4.5 武清"),
        pytest.param(940000, 5000, {"registered": 940100, "resident": 940200}, "", id="both fit"),
        pytest.param(600000, 5000, {"registered": 934506, "resident": 755910}, "", id="none fits"),
    ],
)
def test_basis(value: float, half: float, marks: dict[str, float], basis: str) -> None:
    rows = built(
        observation("x", "year_end_population", value, "人", "2010", lo=value - half, hi=value + half),
        *(observation(f"m{k}", f"{k}_population", v, "人", "2010") for k, v in marks.items()),
    )
    row = next(r for r in rows if r["observation_id"] == "x")
    assert row["basis"] == basis and ("basis_inferred" in row["flags"]) == (basis != "")


def test_linking() -> None:
    factor = link_factor(14788, 16661)
    assert factor == near(1.12666), "TV 4.7"
    assert linked(13286, factor) == near(14968.8), "TV 4.7"
    assert near(0.254027) == 16661 / 13286 - 1
    assert near(0.113034) == 16661 / 14969 - 1
    assert near(0.113051) == 14788 / 13286 - 1


def test_vintages() -> None:
    (row,) = built(
        observation("p", "gdp", 1349084, "元", "2024", status="preliminary"),
        observation("r", "gdp", 1348066, "元", "2024", status="revised", doc_id="d2"),
    )
    assert (row["value"], row["status"]) == (1348066, "revised"), "TV 4.4"
    assert 1348066 - 1349084 == -1018


# ------------------------------------------------------------------------------------------------------------- growth


def grown(*rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    got = growth_rates(series(*rows), indicators())
    return {r["period"]: r for r in got.rows(named=True)}


def test_growth_is_joined_on_the_period() -> None:
    got = grown(
        point("schools_total", "2006", 368, "所"),
        point("schools_total", "2007", 337, "所"),
        point("schools_total", "2010", 300, "所"),
    )
    assert got["2006"]["reason"] == "missing" and got["2006"]["growth"] is None and got["2006"]["prior_period"] is None
    assert got["2007"]["abs_change"] == -31 and got["2007"]["growth"] == near(-0.0842391)
    far = got["2010"]
    assert (far["n_years"], far["growth"], far["reason"]) == (3, None, "missing")
    assert far["cagr"] == near((300 / 337) ** (1 / 3) - 1) and far["prior_observation_id"] == "o:schools_total:2007"


def test_quarters_compare_with_the_same_quarter() -> None:
    got = grown(
        point("births", "2010-Q1", 100, "人", kind="quarter"),
        point("births", "2011-Q1", 110, "人", kind="quarter"),
        point("births", "2011-Q2", 500, "人", kind="quarter"),
    )
    assert got["2011-Q1"]["growth"] == near(0.1) and got["2011-Q2"]["reason"] == "missing"


@pytest.mark.parametrize(
    ("indicator", "year", "old", "new", "unit", "more", "reason"),
    [
        pytest.param("resident_population", 2020, 1295000, 1198830, "人", {}, "break", id="TV 4.6 颍上"),
        pytest.param("resident_population", 2010, 555500, 417200, "人", {}, "break", id="TV 4.6 unplaced"),
        pytest.param("rural_net_income", 2013, 13286, 16661, "元/人·年", {}, "break", id="TV 4.7 naive"),
        pytest.param("natural_growth_rate", 2023, -1.27, -3.30, "‰", {}, "negative_base", id="TV 1.6 桐乡"),
        pytest.param("natural_growth_rate", 2003, -0.35, 1.06, "‰", {}, "sign_change", id="TV 1.6 sign"),
        pytest.param("out_of_policy_births", 2012, 0, 6, "人", {}, "zero_base", id="TV 1.6 zero"),
        pytest.param("births", 2012, 100, 160, "人", {"flags": ["one_sided"]}, "one_sided", id="one-sided"),
        pytest.param("births", 2012, 100, 160, "人", {"conflict": "severe"}, "conflict", id="severe conflict"),
        pytest.param("births", 2012, 100, 160, "人", {"basis": "常住"}, "basis_mismatch", id="other basis"),
    ],
)
def test_withheld(
    indicator: str, year: int, old: float, new: float, unit: str, more: dict[str, Any], reason: str
) -> None:
    got = grown(point(indicator, str(year - 1), old, unit), point(indicator, str(year), new, unit, **more))
    row = got[str(year)]
    assert (row["growth"], row["reason"]) == (None, reason)
    assert (row["abs_change"] is not None) == (reason in ("negative_base", "sign_change", "zero_base"))


def test_two_censuses_are_comparable() -> None:
    got = grown(
        point("resident_population", "2010", 133972, "人", status="revised"),
        point("resident_population", "2020", 141178, "人", status="revised"),
    )
    assert got["2020"]["cagr"] == near(0.00525282), "TV 1.5a"
    assert near(0.0537874) == 141178 / 133972 - 1


def test_growth_flags() -> None:
    got = grown(point("births", "2011", 10, "人"), point("births", "2012", 12, "人"))
    assert got["2012"]["flags"] == ["small_base", "within_chance"] and got["2012"]["beyond_rounding"] is True
    rates = grown(
        point("birth_rate", "2011", 10, "‰", lo=9.5, hi=10.5), point("birth_rate", "2012", 10.4, "‰", lo=9.9, hi=10.9)
    )
    assert rates["2012"]["flags"] == ["points", "two_point"] and rates["2012"]["beyond_rounding"] is False
    assert rates["2012"]["cagr"] is None


@pytest.mark.parametrize(
    ("indicator", "unit", "values", "name", "two"),
    [
        pytest.param("mean_years_schooling", "年", {2010: 7.08, 2020: 7.91}, None, False, id="five years, not ten"),
        pytest.param(
            "mean_years_schooling", "年", {2015: 7.5, 2018: 7.7, 2020: 7.91}, "significant", False, id="floor"
        ),
        pytest.param(
            "illiteracy_rate_15plus", "%", {2015: 2.32, 2018: 2.0, 2020: 1.31}, "significant", False, id="ceiling"
        ),
        pytest.param("immunisation_coverage", "%", {2019: 96.0, 2020: 96.8}, "significant", True, id="TV 8.2b"),
        pytest.param("births", "人", {2018: 90, 2019: 95, 2020: 99}, None, False, id="no good side"),
        pytest.param("birth_rate", "‰", {2018: 10, 2019: 9, 2020: 8}, None, False, id="none after 2015"),
        pytest.param("birth_rate", "‰", {2012: 10, 2013: 9.99, 2015: 9.97}, "moderate", False, id="ceiling to 2015"),
        pytest.param("poor_population", "人", {2012: 900, 2013: 800, 2015: 500}, None, False, id="across a break"),
    ],
)
def test_trend_without_a_target(
    indicator: str, unit: str, values: dict[int, float], name: str | None, two: bool
) -> None:
    got = grown(*(point(indicator, str(y), v, unit) for y, v in values.items()))
    last = got[str(max(values))]
    assert last["trend_class"] == name and ("two_point" in last["flags"]) == two
    assert all(row["trend_class"] is None for year, row in got.items() if year != str(max(values)))


@pytest.mark.parametrize(
    ("indicator", "before", "after", "chance"),
    [
        ("births", 1000, 1050, True),
        ("births", 1000, 1200, False),
        ("infant_deaths", 0, 3, True),
        ("schools_total", 9, 10, False),
    ],
)
def test_counts_of_events_vary_by_chance(indicator: str, before: float, after: float, chance: bool) -> None:
    got = grown(point(indicator, "2011", before, "人"), point(indicator, "2012", after, "人"))
    assert ("within_chance" in got["2012"]["flags"]) == chance


def test_empty_tables() -> None:
    assert built() == []
    assert growth_rates(series(), indicators()).is_empty()


def test_breaks_name_known_indicators() -> None:
    unknown = known_breaks().join(indicators(), on="indicator_id", how="anti")
    assert unknown.is_empty()


@pytest.mark.parametrize(
    ("period", "year", "stencil", "canonical"),
    [
        ("2011", 2011, "Y|0", "2011"),
        ("2011-Q1", 2011, "Y-Q1|0", "2011-Q1"),
        ("2019/2020", 2020, "Y/Y|1", "2019/2020"),
        ("2020-01..2020-03", 2020, "Y-01..Y-03|0", "2020-Q1"),
        ("2020-01..2020-12", 2020, "Y-01..Y-12|0", "2020"),
        ("asof:2011-06", 2011, "asof:Y-06|0", "asof:2011-06"),
        ("asof:2011-12-31", 2011, "asof:Y-12-31|0", "2011"),
        ("2018-05-28", 2018, "Y-05-28|0", "2018-05-28"),
        ("2015..2017", 2017, "Y..Y|2", "2015..2017"),
        ("????..2011", 2011, "????..Y|0", "????..2011"),
        ("????-Q1", None, None, "????-Q1"),
    ],
)
def test_periods(period: str, year: int | None, stencil: str | None, canonical: str) -> None:
    p = pl.col("p")
    got = pl.DataFrame({"p": [period]}).select(
        year_of(p).alias("y"), stencil_of(p).alias("s"), canonical_period(p, pl.lit(True)).alias("c")
    )
    assert got.row(0) == (year, stencil, canonical)


values = st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 500), st.integers(1, 4)), min_size=1, max_size=6)


@given(values, st.randoms())
def test_order_of_observations_does_not_matter(drawn: list[tuple[int, int, int]], random: Any) -> None:
    rows = [resident(f"o{i}", float(v), float(h), source_rank=r) for i, (v, h, r) in enumerate(drawn)]
    shuffled = rows[:]
    random.shuffle(shuffled)
    first, second = built(*rows), built(*shuffled)
    assert first == second
    (row,) = first
    assert row["n_sources"] == len(rows) == 1 + len(row["other_observation_ids"])
    shared = max(v - h for v, h, _ in drawn) <= min(v + h for v, h, _ in drawn)
    assert (row["conflict"] is None) == shared


@given(st.dictionaries(st.integers(2001, 2009), st.integers(0, 1000), min_size=1))
def test_growth_never_uses_another_year(years: dict[int, int]) -> None:
    got = grown(*(point("births", str(y), float(v), "人") for y, v in years.items()))
    for year, value in years.items():
        row = got[str(year)]
        if years.get(year - 1, 0) > 0:
            assert row["growth"] == pytest.approx(value / years[year - 1] - 1)
        else:
            assert row["growth"] is None and row["reason"] in ("missing", "zero_base")


def test_growth_in_parts_is_growth_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        point("births", str(year), 100.0 + year % 7 + i, "人", place_code=f"11010{i}", basis=basis)
        for i in range(5)
        for basis in ("", "户籍")
        for year in range(2001, 2009)
        if (year + i) % 5
    ]
    whole = growth_rates(series(*rows), indicators())
    monkeypatch.setattr(lines.place_slices, "__defaults__", (20,))
    monkeypatch.setattr(lines.batches, "__defaults__", (10,))
    table = series(*rows).sort(*LINE, "period")
    parts = list(growth_parts(table.lazy(), indicators()))
    assert len(parts) >= 5 and pl.concat(parts).equals(whole)
    scattered = table.sort("year", "place_code")
    assert lines.place_slices(scattered.lazy()) == [(0, table.height)]
    assert growth_rates(scattered.lazy(), indicators()).equals(whole)
