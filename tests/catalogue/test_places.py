"""Places: the table is sound, names lead to the right code, and texts to the right place or to none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.catalogue import places as places_module
from pipelines.catalogue.places import finder, load


def test_every_reference_leads_somewhere():
    places = load()
    for place in places:
        assert len(place.place_code) == 6 and place.place_code.isdigit()
        if place.level != "province":
            assert place.parent_code is not None and places.by_code(place.parent_code) is not None
        if place.successor_code is not None:
            assert places.by_code(place.successor_code) is not None
        if place.valid_from is not None and place.valid_to is not None:
            assert place.valid_from <= place.valid_to
    assert sum(p.valid_to is None and p.level == "county" for p in places) > 2800
    assert sum(p.valid_to is not None for p in places) > 1000


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("天津市武清区", "120114"),
        ("四川省甘孜州稻城县", "513337"),
        ("四川省甘孜藏族自治州稻城县", "513337"),
        ("浙江省宁波市宁海县", "330226"),
        ("河南省南阳市卧龙区", "411303"),
        ("商州区", "611002"),
        ("洞头县", "330322"),
        ("漠河县", "232723"),
        ("徐水县", "130625"),
        ("奉化市", "330283"),
        ("蓟县", "120225"),
        ("海门市", "320684"),
        ("武清县", "120222"),
        ("襄樊市", "420600"),
    ],
)
def test_one_place_of_that_name(name, code):
    assert [p.place_code for p in load().find(name)] == [code]


def test_ambiguous_name_needs_a_place_above_or_a_year():
    places = load()
    assert {p.place_code for p in places.find("朝阳区")} == {"110105", "220104"}
    assert [p.place_code for p in places.find("朝阳区", within="北京市")] == ["110105"]
    assert places.find("洞头县", year=2016) == ()
    assert [p.place_code for p in places.find("洞头县", year=2010)] == ["330322"]


def test_past_place_knows_what_became_of_it():
    county = load().by_code("120225")
    assert county is not None and county.successor_code == "120119" and county.valid_to == 2016
    assert county.name_en == "Ji County" and county.full_name_zh == "天津市蓟县"
    renumbered = load().by_code("329026")
    assert renumbered is not None and renumbered.place_code == "320684"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("天津市武清区人口和计划生育工作总结\n今年以来，全区人口出生率", "120114"),
        ("【天津武清】教育工作\n全区小学", "120114"),
        ("中共广水市委\n关于扶贫工作的报告", "421381"),
        ("今年，香格里拉镇和金珠镇分别改造危房", "513337"),
        ("工作汇报\n一年来\n商州区人民政府\n", "611002"),
        ("北京市朝阳区总结\n今年朝阳区", "110105"),
        ("洞头县人口总结\n北岙街道、东屏街道", "330322"),
        ("宁波市统计公报\n宁波市全年", "330200"),
    ],
)
def test_text_is_about(text, code):
    guess = finder().resolve(text)
    assert guess.place_code == code
    assert guess.evidence and all(part in text for part in guess.evidence.split("、"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "我县今年落实四术",
        "朝阳区工作总结\n朝阳区今年",  # Beijing or Changchun
        "宁海县与象山县结对\n宁海县、象山县",  # a tie
        "首页 | 武清区 | 和平区 | 河东区 | 南开区 | 宁海县\n总结",  # a menu
        "今年城区改造学校，中心城区扩容",
        "省市和县里的资金，相应县级配套",
        "和平发展，朝阳产业",
    ],
)
def test_no_guess(text):
    assert finder().resolve(text).place_code is None


def test_ignored_spans_do_not_count():
    text = "工作总结\n全区人口\n主办：宁海县人民政府"
    assert finder().resolve(text).place_code == "330226"
    start = text.index("主办")
    assert finder().resolve(text, ignore=[(start, len(text))]).place_code is None


def test_spans_point_into_the_text():
    text = "四川省甘孜州稻城县金珠镇"
    for hit in finder().mentions(text):
        assert text[hit.start : hit.end] == hit.text
    vote = finder().vote(text)[0]
    assert text[slice(*vote.span)] == vote.evidence == "四川省甘孜州稻城县" or vote.evidence == "甘孜州稻城县"


def test_bars_make_a_menu_even_with_other_words_between():
    text = "广告\n菜单\n武清区创建幸福家庭活动交流\n\n武清区常住人口\n链接：桂东县| 定远县| 游戏| 庆元县| 手游| 泰来县|"
    assert finder().resolve(text).place_code == "120114"


@given(st.lists(st.sampled_from(["中共", *"【[（(《 \n　县的共", "全县"]), max_size=6).map("".join))
def test_a_stem_behind_a_mark_is_never_passed_over(text: str):
    found = places_module._STEM_LEFT.search(text[-4:]) is not None
    assert not found or not text or text[-1] in places_module._STEM_MARKS or text[-1].isspace()
    assert places_module._stands_alone(text + "武清县委", len(text), len(text) + 2, ("120114",)) == found


def test_towns_looked_up_by_their_ends_are_those_of_a_search_for_all_words():
    places = finder()
    assert not any(mark in word for word in places._words for mark in places_module.SENTENCE_MARKS)
    rest = ["镇", "乡", "街道", "县", "在", "，", *places_module.SENTENCE_MARKS * 3]

    @settings(max_examples=300)
    @given(st.lists(st.sampled_from(places._words) | st.sampled_from(rest) | st.text(max_size=3), max_size=20))
    def same(pieces: list[str]) -> None:
        text = "".join(pieces)
        assert places._find(text) == places._with_towns.find_matches_as_indexes(text)

    same()
