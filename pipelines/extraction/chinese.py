"""Numbers written in Chinese characters where they measure something: 三百二十户, 近百万元, 三成以上, 翻两番.

Where such a number may begin and what stands in it; its class and its place among the mentions are decided in `mentions`,
its value in `numerals`. Numerals that only name or count off (一是, 十件实事, 三四个) are not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.catalogue.units import UNITS
from pipelines.extraction.cues import nouns
from pipelines.extraction.numerals import DIGITS, chinese_value, fraction_value

_DIGIT = "零〇一二两三四五六七八九壹贰叁肆伍陆柒捌玖"
_N = f"[{_DIGIT}十百千万亿兆拾佰仟]"
_LONGEST = 32  # characters of a numeral; bounds the search in a run of them
_ABOUT = "余|多|来|几"
_SUFFIX = "左右|上下|以上|以下|以内|之内"

# what a numeral cannot measure, or only names: 百年, 千里, 三十六计, 二十四节, 十二级, 一百分
_NO_MEASURE = frozenset(
    "年天周秒里尺丈寸担方瓦伏度分折成番倍级届班节讲课层排道段字页点面组队类州省市区县孔眼胎窝挂串轮口位"
)
_DIMENSIONS = frozenset(("count", "money", "area", "length", "volume", "weight"))
_UNIT_WORDS = sorted(
    (
        u for u, entry in UNITS.items()
        if u and not u.isascii() and entry.dimension in _DIMENSIONS and u not in _NO_MEASURE and not (u[0] == "个" and len(u) > 1)
        or u in ("岁", "周岁")
    ),
    key=len, reverse=True,
)  # fmt: skip
_NOUNS = nouns()["after_chinese_numerals"]
_UNIT = "|".join(map(re.escape, (*_UNIT_WORDS, *_NOUNS)))
_NOT_INSIDE = rf"(?<![{_DIGIT}十百千万亿第每“\"])"
_POINTS = "个?[百千]分点"
_DECIMALS = f"点[{_DIGIT}]{{1,8}}[百千万亿]{{0,2}}"
_AFTER_TENTHS = r"(?=[的，,。；;、）)\s]|$|人|以|左右|上下|多|学生|农|群众|村|居民|家庭|企业|职工|妇女|贫困)"
_TENTHS = rf"[{_DIGIT}十](?:点[{_DIGIT}])?成[{_DIGIT}半]?"

START = (
    rf"[百千万佰仟一二三四五六七八九十壹]{{1,{_LONGEST}}}分之"
    rf"|{_TENTHS}{_AFTER_TENTHS}"
    rf"|(?<=翻)[一二两三四]?番|(?<=翻了)[一二两三四]番|(?<=提高|增长|增加|扩大|上升|提升|高了|长了|加了|大了|升了)[一二两三四五六七八九十]+倍"
    rf"|{_NOT_INSIDE}{_N}{{1,{_LONGEST}}}(?:{_DECIMALS})?(?={_POINTS})"
    rf"|{_NOT_INSIDE}(?:{_N}{{2,{_LONGEST}}}|[百千万亿十])(?=(?:{_ABOUT})?[百千万亿]{{0,2}}(?:{_UNIT}))"
    rf"|{_NOT_INSIDE}{_N}{{1,{_LONGEST}}}{_DECIMALS}(?={_UNIT})"
)
"""Pattern of what a measuring numeral can begin with."""

FIRST = f"{_DIGIT}十百千万亿兆拾佰仟番"
"""Characters it can begin with."""

_FRACTION = re.compile(
    rf"(?P<n>[百千万佰仟一二三四五六七八九十壹]{{1,{_LONGEST}}}分之(?:[0-9][0-9,]*(?:\.[0-9]+)?|{_N}{{1,{_LONGEST}}}(?:点[{_DIGIT}]+)?))(?:强|弱)?(?P<suffix>{_SUFFIX})?"
)
_TENTHS_READ = re.compile(rf"(?P<n>[{_DIGIT}十](?:点[{_DIGIT}])?)成(?P<half>[{_DIGIT}半])?(?P<suffix>{_SUFFIX})?")
_DOUBLINGS = re.compile("(?P<n>[一二两三四]?)番")
_TIMES = re.compile("(?P<n>[一二两三四五六七八九十]+)倍")
_POINTS_READ = re.compile(rf"(?P<n>{_N}{{1,{_LONGEST}}}(?:{_DECIMALS})?)(?P<unit>{_POINTS})(?P<suffix>{_SUFFIX})?")
_MEASURE = re.compile(
    rf"(?P<n>{_N}{{1,{_LONGEST}}}(?:{_DECIMALS})?)(?P<about>{_ABOUT})?(?P<scale>[百千万亿]{{0,2}})(?P<unit>{_UNIT})(?P<suffix>{_SUFFIX})?"
)
_IDIOM = re.compile(r"千家万户|千方百计|百姓|千村万户|万人大|千人计划|百名|百年|万元户|千头万绪|百家争|万户千")
_SCALED = frozenset("百千万亿兆佰仟")
_TEENS = re.compile(f"[{_DIGIT}]?[十拾][{_DIGIT}]?")


@dataclass(frozen=True, slots=True)
class ChineseNumber:
    """A numeral in a text: where it ends, its value (None where the wording leaves it open), the unit word behind it
    ("" for a noun, which stays outside), words of approximation, and the rule that read it."""

    end: int
    value: float | None
    unit: str
    rule: str
    about: str | None = None
    suffix: str | None = None
    noun: str = ""


def read_chinese(text: str, start: int, modified: bool) -> ChineseNumber | None:
    """The number whose first character stands at `start`, None if it measures nothing.

    `modified` says that a word of approximation stands in front (近百人), without which 百, 千 and 万 alone are figures of
    speech.
    """
    if _IDIOM.match(text, start) or (start and _IDIOM.match(text, start - 1)):
        return None
    if hit := _FRACTION.match(text, start):
        found = fraction_value(hit["n"])
        return ChineseNumber(hit.end(), *found, "fraction", suffix=hit["suffix"]) if found else None
    if hit := _TENTHS_READ.match(text, start):
        value = 10 * (chinese_value(hit["n"]) or 0)
        value += 5 if hit["half"] == "半" else DIGITS.get(hit["half"] or "", 0)
        return ChineseNumber(hit.end(), value, "%", "tenths", suffix=hit["suffix"])
    if hit := _DOUBLINGS.match(text, start):
        return ChineseNumber(hit.end(), chinese_value(hit["n"] or "一"), "番", "doublings")
    if hit := _TIMES.match(text, start):
        return ChineseNumber(hit.end(), chinese_value(hit["n"]), "倍", "times")
    if hit := _POINTS_READ.match(text, start):
        return ChineseNumber(hit.end(), chinese_value(hit["n"]), hit["unit"], "chinese", suffix=hit["suffix"])
    hit = _MEASURE.match(text, start)
    return _measured(text, start, hit, modified) if hit else None


def _measured(text: str, start: int, hit: re.Match[str], modified: bool) -> ChineseNumber | None:
    written, scale = hit["n"], hit["scale"] if hit["about"] else ""
    if text[start - 1 : start] == "成" or text[max(0, start - 3) : start] == "成千上":
        return None  # 成千上万
    if len(written) == 1 and not scale and not (modified and written in _SCALED):
        return None  # 百人, 千户, 十件实事 alone are figures of speech or names
    if written == "万万":
        return None  # 万万不可
    counts = "点" in written or scale or not _SCALED.isdisjoint(written)
    if not counts and (_TEENS.fullmatch(written) is None or text.startswith(("个月", "个人"), hit.start("unit"))):
        return None
    value = chinese_value(written + scale)
    if value is None and len([c for c in written if c in DIGITS]) < 2:
        return None
    noun = hit["unit"] if hit["unit"] in _NOUNS else ""
    end = hit.start("unit") if noun else hit.end()
    suffix = None if noun else hit["suffix"]
    return ChineseNumber(end, value, "" if noun else hit["unit"], "chinese", hit["about"], suffix, noun)
