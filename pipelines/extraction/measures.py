"""The unit a number has once its sentence is read: per head, per year, points instead of percent, or one left unsaid."""

from __future__ import annotations

import re

from pipelines.extraction.cues import cue
from pipelines.extraction.mentions import Mention

_MONEY_WORDS = cue("money_words")
_PEOPLE_WORDS = cue("people_words")
_SEX_RATIO = cue("sex_ratio")
_EACH = cue("each")
_PER_ONE = cue("per_one")
_PER_HEAD = cue("per_head")
_PER_YEAR = cue("per_year")
_STAFFING = cue("staffing")
_PER_PERSONS = cue("per_persons")
_PER_AREA = cue("per_area")
_PER_CLASS = cue("per_class")
_PER_HOUSEHOLD = cue("per_household")
_PER_TEN_THOUSANDS = cue("per_ten_thousands")
_WATERWORKS = cue("waterworks")
_MEAN_PER_CASE = cue("mean_per_case")
_THRESHOLD = cue("threshold")
_PER_TIME = tuple(
    (cue(name), unit)
    for name, unit in (
        ("person_month", "元/人·月"),
        ("pupil_day", "元/生·天"),
        ("person_day", "元/人·天"),
        ("pupil_school_year", "元/生·学年"),
        ("person_school_year", "元/人·学年"),
        ("pupil_year", "元/生·年"),
        ("person_year", "元/人·年"),
        ("village_year", "元/村·年"),
    )
)
SHARED = (_EACH, _PER_ONE, _PER_HEAD, _PER_YEAR, _STAFFING, _PER_PERSONS, _PER_AREA, _PER_CLASS, _PER_HOUSEHOLD,
          _PER_TEN_THOUSANDS, _MEAN_PER_CASE)  # fmt: skip
"""What says that a unit is one per something; each of them holds 每 or 均."""
_PEOPLE_PER = ((_PER_AREA, "平方公里"), (_PER_CLASS, "班"), (_PER_HOUSEHOLD, "户"))
_PER_PUPIL = frozenset(("平方米", "册", "元", "台"))
_PER_PERSON = frozenset(("亩", "平方米", "公斤", "千克", "册"))
_MONTHLY = ("月人均", "人均月", "人均每月")
_PER_NAMED = {"名": "人"}
_PER = {"学校": "所", "校": "所", "医院": "院"}
_INFERRED = "unit_inferred"
_MANY = re.compile("[万亿]")


def unit_of(m: Mention, unit: str | None, left: str, before: str, phrase: str, kind: str) -> tuple[str | None, str]:
    """Unit of a quantity and the rule that changed it, "" if none.

    `left` is the text since the number before, `before` the sentence before the number, `phrase` its indicator.
    """
    if unit == "%":
        return ("百分点", "points_written_percent") if kind == "change" else (unit, "")
    near = left[-14:]
    if unit is None:
        return _unsaid(m, near, phrase)
    if unit == "元":
        if kind != "norm" and not _may_be_shared(near, near, phrase):
            return "元", ""
        return _money(m, near, before[-26:], phrase, kind)
    if unit == "人" and m.text.endswith("口") and _WATERWORKS.search(phrase):
        return "口", ""
    if not _may_be_shared(near, before[-40:], phrase):
        return unit, ""
    if unit in _PER_PUPIL and "生均" in near + phrase:
        return f"{unit}/生", "per_head"
    if unit == "人":
        for pattern, per in _PEOPLE_PER:
            if pattern.search(before[-20:] + phrase):
                return f"人/{per}", "per_unit"
        if hit := _PER_TEN_THOUSANDS.search(before[-40:]):
            return f"人/{hit.group(1)}人", "per_persons"
    if "户均" in near:
        return f"{unit}/户", "per_head"
    if unit in _PER_PERSON and "人均" in near:
        return f"{unit}/人", "per_head"
    if "每" in before[-24:] and (hit := _PER_PERSONS.search(before[-24:])):
        return f"{unit}/{hit.group(1)}人", "per_persons"
    if "每" in before[-40:] and (hit := _STAFFING.search(before[-40:])):
        return f"{unit}/{_PER.get(hit.group(1), hit.group(1))}", "per_unit"
    return unit, ""


def _may_be_shared(near: str, before: str, phrase: str) -> bool:
    """False where no unit is per head, year or anything else: 每 and 均 stand in all words that say so (`SHARED`)."""
    return "每" in before or "均" in before or "均" in near or "均" in phrase or "每" in phrase or "每" in near


def _unsaid(m: Mention, near: str, phrase: str) -> tuple[str | None, str]:
    money = _MONEY_WORDS.search(near)
    if (m.value or 0) >= 1000 and not money and _PEOPLE_WORDS.search(near + phrase[-6:]):
        return "人", _INFERRED
    if m.text[-1:] in "万亿余多" and (money or _MONEY_WORDS.search(near + phrase[-8:])):
        return "元", _INFERRED
    if _SEX_RATIO.search(near + phrase):
        return ":100", _INFERRED
    return None, ""


def _money(m: Mention, near: str, wide: str, phrase: str, kind: str) -> tuple[str, str]:
    if kind == "norm" or _EACH.search(near) or any(words in near for words in _MONTHLY):
        told = [(hit.end(), unit) for pattern, unit in _PER_TIME for hit in pattern.finditer(wide)]
        if told:
            return max(told)[1], "per_head"  # the one nearest to the number
        if "每" in wide and (hit := _PER_ONE.search(wide)):
            return f"元/{_PER_NAMED.get(hit.group(1), hit.group(1))}", "per_head"
        if kind == "norm" and _THRESHOLD.search(wide):
            return "元", ""
        if kind == "norm":
            return ("元/生" if "生均" in wide else "元/人"), "per_head"
    if _PER_HEAD.search(near + phrase):
        return "元/人", "per_head"
    if "生均" in phrase + near and not _MANY.search(m.text):
        return "元/生", "per_head"
    if "户均" in near:
        return "元/户", "per_head"
    if hit := _MEAN_PER_CASE.search(near + phrase):
        return "元/人次" if hit.group() == "次均" else "元/例", "per_case"
    if kind != "growth" and "每年" in near and _PER_YEAR.search(near):
        return "元/年", "per_year"
    return "元", ""
