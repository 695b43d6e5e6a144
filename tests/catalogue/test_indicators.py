"""Indicators: the file is sound; phrases link to one entry with a fitting unit, or to none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.catalogue import indicators
from pipelines.catalogue.indicators import compatible, finder, link, load
from pipelines.catalogue.units import base_unit


def test_catalogue_is_complete():
    catalogue = load()
    assert len(catalogue) == 181
    for entry in catalogue.values():
        assert entry.form in {"count", "amount", "rate", "ratio", "index", "standard"}
        assert entry.time in {"stock", "flow"}
        if entry.plausible_min is not None and entry.plausible_max is not None:
            assert entry.plausible_min < entry.plausible_max


def test_every_name_and_alias_links_to_its_own_entry():
    for entry in load().values():
        for name in entry.names:
            hit = link(name, entry.unit)
            assert hit is not None and hit[0] == entry.id, name


@pytest.mark.parametrize(
    ("phrase", "unit", "expected"),
    [
        ("人口出生率", "‰", "birth_rate"),
        ("全县人口出生率（‰）控制在", "‰", "birth_rate"),
        ("政策生育率", "%", "policy_compliant_birth_rate"),
        ("春季康检率", "%", "reproductive_checkup_rate"),
        ("落实四术例数", "例", "four_procedures_count"),
        ("常住人口", "人", "resident_population"),
        ("武清区常住人口", "人", "resident_population"),
        ("小学在校学生数", "人", "primary_enrolment"),
        ("小学在校学生", "名", "primary_enrolment"),
        ("2011年全市农村贫困人口", "人", "poor_population"),
        ("户籍人口城镇化率", "%", "registered_urbanisation_rate"),
        ("农民人均纯收入", "元", "rural_net_income"),
        ("出生人口性别比", ":", "sex_ratio_at_birth"),
        ("孕产妇死亡率", "/10万", "maternal_mortality_ratio"),
    ],
)
def test_phrase_links(phrase, unit, expected):
    hit = link(phrase, unit)
    assert hit is not None and hit[0] == expected


@pytest.mark.parametrize(
    ("phrase", "unit"),
    [
        ("", "人"),
        ("人口出生率", "%"),
        ("常住人口", "%"),
        ("财政收入增长", "%"),
        ("占全县常住人口", "人"),
        ("农村常住人口", "人"),
        ("中心城区常住人口", "人"),
        ("流动人口出生人数", "人"),
        ("留守儿童入学率", "%"),
        ("留守儿童", "人"),
    ],
)
def test_no_link_is_better_than_a_wrong_one(phrase, unit):
    assert link(phrase, unit) is None


def test_percent_is_never_per_mille():
    assert not compatible("%", "‰") and not compatible("‰", "%")
    assert compatible("元", "元/人·年") and not compatible("人", "元/人·年")


def test_units_of_the_catalogue_are_known_or_ratios():
    for entry in load().values():
        assert base_unit(entry.unit) == entry.unit, entry.id


def test_finder_gives_spans():
    text = "全县人口出生率控制在10‰以内，政策生育率达到95%"
    hits = finder().find(text)
    assert [h.name for h in hits] == ["人口出生率", "政策生育率"]
    assert all(text[h.start : h.end] == h.name for h in hits)


@given(
    st.from_regex(indicators._TIME, fullmatch=True),
    st.from_regex(indicators._SCOPE, fullmatch=True),
    st.from_regex(indicators._TAIL, fullmatch=True),
)
def test_what_a_phrase_loses_begins_and_ends_as_its_patterns_say(time: str, scope: str, tail: str):
    assert time[0] in indicators.TIME_FIRST
    assert scope[0] in indicators.SCOPE_FIRST
    assert tail[-1] in indicators.TAIL_LAST
