"""Numbers as written: value, unit, approximation and class."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.catalogue.units import UNITS
from pipelines.documents.model import DAMAGE_MARK
from pipelines.extraction import mentions
from pipelines.extraction.mentions import Mention, find_mentions
from pipelines.extraction.numerals import arabic_value, chinese_value, fraction_value
from pipelines.extraction.written import interval

GOLD = Path(__file__).parents[1] / "gold"


def quantities(text: str) -> list[Mention]:
    return [m for m in find_mentions(text) if m.mention_class == "quantity"]


@pytest.mark.parametrize(
    ("text", "value", "unit", "approx"),
    [
        ("拨付资金7.1亿元。", 7.1e8, "元", "exact"),
        ("慰问金13余万元。", 130000.0, "元", "at_least"),
        ("捐款57万余元。", 570000.0, "元", "at_least"),
        ("近1200万元", 1.2e7, "元", "about"),
        ("1,574平方公里", 1574.0, "平方公里", "exact"),
        ("面积380平米", 380.0, "平方米", "exact"),
        ("对象304名", 304.0, "人", "exact"),
        ("达到94%以上", 94.0, "%", "at_least"),
        ("控制在12‰以内", 12.0, "‰", "at_most"),
        ("不低于88%", 88.0, "%", "at_least"),
        ("520人左右", 520.0, "人", "about"),
        ("增长率为-67.63‰，", -67.63, "‰", "exact"),
        ("提高2.6个百分点", 2.6, "百分点", "exact"),
        ("性别比106.9:100", 106.9, ":100", "exact"),
        ("死亡率为15/10万", 15.0, "/10万", "exact"),
        ("共投入近亿元改造", 1e8, "元", "about"),
        ("落实资金上千万元，", 1e7, "元", "at_least"),
        ("四分之一的农户", 25.0, "%", "exact"),
        ("三成以上的学校", 30.0, "%", "at_least"),
        ("翻两番", 2.0, "番", "exact"),
        ("增长一倍", 1.0, "倍", "exact"),
        ("千分之二十三点六", 23.6, "‰", "exact"),
    ],
)
def test_quantities(text: str, value: float, unit: str, approx: str) -> None:
    (m,) = quantities(text)
    assert (m.value, m.unit, m.approx) == (pytest.approx(value), unit, approx)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("254医院的医生", ["label"]),
        ("2012年，", ["date"]),
        ("2009-2012四年", ["date"]),
        ("2019-2020学年度", ["date"]),
        ("5月20日开学", ["date"]),
        ("1-6月份完成", ["date"]),
        ("20xx年度", ["date"]),
        ("按1+2+2方式", ["label"]),
        ("〔2015〕65号文件", ["label"]),
        ("第3届", ["label"]),
        ("1.加强领导。", ["label"]),
        ("到88镇开展义诊", ["label"]),
        ("2008、2009两年", ["date", "date"]),
        ("上世纪90年代以来", ["date"]),
        ("\n1.2016年底前", ["label", "date"]),
    ],
)
def test_what_is_no_quantity(text: str, classes: list[str]) -> None:
    assert [m.mention_class for m in find_mentions(text)] == classes


def test_ranges_lists_and_joined_measures() -> None:
    assert quantities("每班103—108人")[0].values == (103.0, 108.0)
    assert [(m.value, m.unit) for m in quantities("资助500、1000、2000元")] == [
        (500.0, "元"),
        (1000.0, "元"),
        (2000.0, "元"),
    ]
    assert [(m.value, m.unit) for m in quantities("共15208户56034人")] == [(15208.0, "户"), (56034.0, "人")]
    assert quantities("职普比保持1:1以上")[0].values == (1.0, 1.0)


def test_a_damaged_number_has_no_value() -> None:
    (m,) = quantities("拨付\ufffd00万元用于搬迁")
    assert m.value is None and "damaged" in m.flags


def test_noise_is_kept_as_noise() -> None:
    assert [m.mention_class for m in find_mentions("阅读:3165", noise=[(0, 7)])] == ["noise"]


@pytest.mark.parametrize(
    ("text", "unit", "low", "high"),
    [
        pytest.param("94.9万人", "人", 948500, 949500, id="TV 2.1a"),
        pytest.param("7.1亿元", "元", 7.05e8, 7.15e8, id="TV 2.1b"),
        pytest.param("419.9万元", "元", 4198500, 4199500, id="TV 2.1c"),
        pytest.param("99.11%", "%", 99.105, 99.115, id="TV 2.1d"),
        pytest.param("2256人", "人", 2256, 2256, id="TV 2.1e"),
        pytest.param("13余万元", "元", 130000, 140000, id="TV 2.2 13余万"),
        pytest.param("500余盒", "盒", 500, 600, id="TV 2.2 500余"),
        pytest.param("230余人次", "人次", 230, 240, id="TV 2.2 230余"),
        pytest.param("100多万元", "元", 1e6, 2e6, id="TV 2.2 100多万"),
        pytest.param("57万余元", "元", 570000, 580000, id="TV 2.2 57万余"),
        pytest.param("10万余人", "人", 100000, 110000, id="TV 2.2 10万余"),
        pytest.param("1.1亿多元", "元", 1.1e8, 1.2e8, id="TV 2.2 1.1亿多"),
        pytest.param("近1200万元", "元", 1.1e7, 1.2e7, id="TV 2.2 近1200万"),
        pytest.param("近200名", "人", 180, 200, id="TV 2.2 近200"),
        pytest.param("近亿元", "元", 9e7, 1e8, id="TV 2.2 近亿"),
        pytest.param("约100人", "人", 90, 110, id="TV 2.2 约100"),
        pytest.param("520人左右", "人", 514.8, 525.2, id="TV 2.2 520左右"),
        pytest.param("50%左右", "%", 45, 55, id="TV 2.2 50%左右"),
        pytest.param("94%以上", "%", 94, 100, id="TV 2.2 94%以上"),
        pytest.param("3%以下", "%", 0, 3, id="TV 2.2 3%以下"),
        pytest.param("1-2个", "个", 1, 2, id="TV 2.2 1-2个"),
        pytest.param("超过300人", "人", 300, None, id="open above"),
    ],
)
def test_written_intervals(text: str, unit: str, low: float, high: float | None) -> None:
    found = interval(quantities(text)[0], unit)
    assert found == (pytest.approx(low), None if high is None else pytest.approx(high))


@pytest.mark.parametrize("text", ["数百万元", f"{DAMAGE_MARK}00万元", "xx人", "几个"])
def test_unreadable_numbers_have_no_interval(text: str) -> None:
    found = [m for m in find_mentions(text) if m.mention_class == "quantity"]
    assert [interval(m, m.unit) for m in found] == [(None, None)] * len(found), "TV 2.2 damaged, masked"


@given(st.integers(1, 10**6), st.sampled_from(["", "万", "亿"]), st.sampled_from(["人", "元", "%"]))
def test_the_value_lies_in_its_interval(number: int, scale: str, unit: str) -> None:
    wordings = ("{}", "近{}", "约{}", "{}左右", "超过{}", "不足{}", "{}以上", "{}以下")
    if unit == "%":
        number, scale = number % 100 + 1, ""
    for wording in wordings:
        found = quantities(wording.format(f"{number}{scale}{unit}"))[0]
        lo, hi = interval(found, unit)
        assert lo is not None and found.value is not None and lo <= found.value
        assert hi is None or found.value <= hi


def test_numerals() -> None:
    assert chinese_value("三百二十") == 320
    assert chinese_value("二〇一二") == 2012
    assert chinese_value("一千零五") == 1005
    assert chinese_value("一万五") == 15000
    assert chinese_value("两亿三千万") == 230000000
    assert chinese_value("学生") is None
    assert fraction_value("百分之八十") == (80, "%")
    assert arabic_value("7.1", "亿") == 710000000


@given(
    st.text(
        alphabet="0123456789.,%‰年月日人元万亿余近约第至-—:（）()、，。 区县出生率为低于目标一二三百千两成倍",
        max_size=60,
    )
)
def test_every_digit_lies_in_one_mention(text: str) -> None:
    found = find_mentions(text)
    spans = [(m.start, m.end) for m in found]
    assert all(a < b for a, b in spans)
    assert all(b1 <= a2 for (_, b1), (a2, _) in zip(spans, spans[1:], strict=False))
    covered = {i for a, b in spans for i in range(a, b)}
    assert all(i in covered for i, c in enumerate(text) if c in "0123456789")
    assert all(m.text == text[m.start : m.end] for m in found)


def read_at_once(text: str) -> list[tuple[Mention, Mention | None]]:
    """The mentions of a text that the scan reads by itself, each with what the rules for digits make of the same place."""
    pairs = []
    for hit in mentions._SCAN.finditer(text):
        if hit.lastindex:
            start, end = hit.span()
            year = hit.lastindex == mentions._YEAR_ALONE
            found = Mention(start, end, hit.group(), "date", "date") if year else None
            pairs.append((found or mentions._read_measure(text, start, end, hit), mentions._read(text, start)))
    return pairs


PIECES = [
    *UNITS,
    *"0123456789.,/-—:到至约近每第负多余来左 （）“”月年日号的底初末",
    "2012年",
    "19",
    "万",
    "亿",
    "千",
    "以上",
    "左右",
    "不低于",
]


@given(st.lists(st.sampled_from(PIECES) | st.integers(0, 10**10).map(str), max_size=14).map("".join))
def test_what_is_read_at_once_is_what_the_rules_say(text: str) -> None:
    assert all(at_once == by_rule for at_once, by_rule in read_at_once(text))


def test_what_is_read_at_once_in_documents() -> None:
    pairs = [pair for path in GOLD.glob("*.txt") for pair in read_at_once(path.read_text(encoding="utf-8"))]
    assert len(pairs) > 1000
    assert all(at_once == by_rule for at_once, by_rule in pairs)


@pytest.mark.parametrize(
    ("text", "value", "unit", "approx"),
    [
        ("投入一千多万元。", 1e7, "元", "at_least"),
        ("减贫十几万人", 1e5, "人", "at_least"),
        ("培训二十三名村医", 23.0, "人", "exact"),
        ("提高三点二个百分点", 3.2, "百分点", "exact"),
        ("总投资一点五亿元", 1.5e8, "元", "exact"),
        ("人民币壹佰伍拾万元整", 1.5e6, "元", "exact"),
        ("全长12千米", 12.0, "公里", "exact"),
        ("总人口28万4千余人", 284000.0, "人", "at_least"),
        ("带动3万4000人", 34000.0, "人", "exact"),
        ("9成以上的村", 90.0, "%", "at_least"),
        ("八成以上为外来人口", 80.0, "%", "at_least"),
        ("自然增长率为负1.27‰，", -1.27, "‰", "exact"),
        ("慢病签约3840人", 3840.0, "人", "exact"),
        ("节约20万元", 200000.0, "元", "exact"),
        ("附近12个村", 12.0, "个", "exact"),
        ("超过了80%", 80.0, "%", "at_least"),
        ("确保4.1万低收入人口脱贫", 41000.0, "人", "exact"),
        ("带动8.2万老年农民参保", 82000.0, "人", "exact"),
        ("配备大型设备23台件。", 23.0, "台件", "exact"),
        ("达到123.4的峰值，", 123.4, None, "exact"),
    ],
)
def test_wordings_of_other_texts(text: str, value: float, unit: str | None, approx: str) -> None:
    (m,) = quantities(text)
    assert (m.value, m.unit, m.approx) == (pytest.approx(value), unit, approx)


@pytest.mark.parametrize(
    "text",
    ["十件实事", "三四个问题", "一二三产业", "二十四个月", "一个人", "百年大计", "成千上万人", "万万不可", "第十五条"],
)
def test_numerals_that_measure_nothing(text: str) -> None:
    assert quantities(text) == []


def test_an_indefinite_numeral_has_no_value() -> None:
    (m,) = quantities("动员二三百户")
    assert (m.value, m.flags) == (None, ("indefinite",))


def test_two_measures_are_not_one_number() -> None:
    assert [(m.value, m.unit) for m in quantities("补助5万元12户、奖励3万2个村")][:2] == [(50000, "元"), (12, "户")]
    assert [m.value for m in quantities("死亡率为0，5岁以下儿童")] == [0, 5]
    assert quantities("死亡率为0，5岁以下儿童")[0].unit is None


def test_points_written_once() -> None:
    points = quantities("分别提高3.1个和2.4个百分点")
    assert [(m.value, m.unit) for m in points] == [(3.1, "百分点"), (2.4, "百分点")]


def test_an_address_of_the_web_holds_no_quantity() -> None:
    assert [m.mention_class for m in find_mentions("见http://www.a.cn/t20%20.html，5人")] == ["label", "quantity"]


def test_an_index_needs_no_unit() -> None:
    assert [m.value for m in quantities("综合差异系数小学0.42、初中0.31，")] == [0.42, 0.31]
