"""What a head or a label of a table says: its time, its unit, the kind of figure, and the name that is left.

Words are in `tables.yaml`. Where heads and rows stand, and how they are put together, belongs to `tables`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipelines.catalogue.indicators import link
from pipelines.catalogue.units import UNITS, base_unit
from pipelines.extraction.numerals import chinese_value
from pipelines.extraction.timewords import HALVES, QUARTERS
from pipelines.vocabulary import read_yaml

UNSETTLED = "?"
"""A time that is told, but not in a way that settles one period: 上年同期, 本月, 2018-2020年."""


def _words() -> Mapping[str, Any]:
    return dict(read_yaml(__package__, "tables.yaml"))


_PATTERNS = {name: re.compile(p, re.IGNORECASE) for name, p in _words().items() if isinstance(p, str)}
_ENDINGS = {name: re.compile(p + "$") for name, p in _words()["endings"].items()}

_SCALE = r"(?P<scale>万亿|千万|百万|十万|万|亿|千|百)"
_UNIT_IN_BRACKETS = re.compile(r"[（(\[［](?:单位[:：])?(?P<unit>[^（()）\[\]［］]{1,10})[)）\]］]")
_UNIT_BEHIND_MARK = re.compile(r"[,，:：](?P<unit>[^,，:：]{1,8})$")
_CAPTION_UNIT = re.compile(r"(?:计量)?单位[:：](?P<units>[^:：。；;]{1,40}?)(?=$|[）)\]。；;])")
_BETWEEN_UNITS = re.compile(r"[、,，;；和及或]|(?<![一-鿿])/(?=[%‰])|(?<=[%‰])/")
_CN_YEAR = r"[一二][〇○零九][〇○零一二三四五六七八九]{2}"
_YEAR = rf"(?:(?:19|20)[0-9]{{2}}|{_CN_YEAR})"
_BARE_YEAR = re.compile(r"(?:19[4-9]|20[0-4])[0-9]")
_WHOLE_YEAR = re.compile(rf"(?P<year>{_YEAR})年(?:度)?(?P<end>[末底])?")
_RANGE = re.compile(rf"{_YEAR}年?(?:[-—–~～至到]+){_YEAR}年?|{_YEAR}年?(?:[-—–~～至到]+)[0-9]{{2}}年")
_PART = re.compile(
    r"第?(?P<q>[一二三四1-4])季度|(?P<h>[上下])半年|(?P<m1>1[0-2]|0?[1-9])月?[-—–~～至到]+(?P<m2>1[0-2]|0?[1-9])月份?"
    r"|(?P<m>1[0-2]|0?[1-9])月(?:份|底|末)?|(?P<three>前三季度)"
)
_DAY = re.compile(r"[0-9]{1,2}[日号]")
_DASHED = re.compile(rf"(?P<year>{_YEAR})[-./年](?P<m>1[0-2]|0?[1-9])(?:月|$)")
_NUMBERING = re.compile(
    r"^(?:[一二三四五六七八九十]{1,3}[、.．]|[（(][一二三四五六七八九十0-9]{1,3}[)）]|[0-9]{1,3}[、.．](?![0-9])|[-—–·●○◆■#＃]+)"
)
_NOTE_MARK = re.compile(r"[*＊①-⑳]+$|[\[［〔][0-9]{1,2}[\]］〕]$")
_BLANKS = re.compile(r"\s+")
_RELATIVE = re.compile(r"(?:(?P<last>上年|去年|上期)|今年|本年)度?(?P<end>[末底])?(?P<same>同期)?的?(?=[^末底度同]{2})")
_TIME_LEFT = re.compile(r"^(?:的|全年|末|底)|(?:全年|末|底)$")


def says(kind: str, text: str) -> bool:
    """True where the whole text is what `tables.yaml` lists under `kind`."""
    return _PATTERNS[kind].fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Label:
    """What one head or label says. `time` is a period, UNSETTLED or ""; `level` is True at a period's end (年末);
    `unit` has its scale word apart; `kind` is actual, growth, change, target, completion, or share; `name` the rest."""

    name: str
    time: str = ""
    level: bool = False
    scale: str = ""
    unit: str = ""
    kind: str = "actual"
    relative: int | None = None


def bare(text: str) -> str:
    """A cell's text without blanks, note marks and numbering."""
    text = _NOTE_MARK.sub("", _BLANKS.sub("", text))
    return _NUMBERING.sub("", text) or text


@lru_cache(maxsize=4096)
def read_unit(text: str) -> tuple[str, str] | None:
    """Scale word and unit written in a text that is nothing else, None where it is no unit.

    >>> read_unit("万人"), read_unit("千克"), read_unit("元/人"), read_unit("万元/人"), read_unit("人口")
    (('万', '人'), ('', '公斤'), ('', '元/人'), ('万', '元/人'), None)
    """
    text = text.strip("（()）[]［］")
    for scale, unit in (("", text), *(((hit["scale"], text[hit.end() :]),) if (hit := re.match(_SCALE, text)) else ())):
        if unit in UNITS or unit in ("%", "‰"):
            return scale, base_unit(unit)
        head, slash, tail = unit.partition("/")
        if slash and head in UNITS and (tail in UNITS or tail in ("年", "月", "天", "日")):
            return scale, base_unit(unit)
    return None


@lru_cache(maxsize=16384)
def read_label(text: str) -> Label:
    """What a head or a label says.

    >>> read_label("2020年末总人口（万人）")
    Label(name='总人口', time='2020', level=True, scale='万', unit='人', kind='actual', relative=None)
    >>> read_label("2021年1-6月").time, read_label("2018").time, read_label("上年同期").time, read_label("比上年增长(%)").kind
    ('2021-01..2021-06', '2018', '?', 'growth')
    """
    name = bare(text)
    scale = unit = ""
    if (found := read_unit(name)) is not None:
        return Label("", scale=found[0], unit=found[1])
    for hit in reversed(list(_UNIT_IN_BRACKETS.finditer(name))):
        if (found := read_unit(hit["unit"])) is not None:
            (scale, unit), name = found, name[: hit.start()] + name[hit.end() :]
            break
    else:
        behind = _UNIT_BEHIND_MARK.search(name)
        if behind and behind.start() and (found := read_unit(behind["unit"])) is not None:
            (scale, unit), name = found, name[: behind.start()]
        elif name[-1:] in ("%", "‰"):
            name, unit = name[:-1], name[-1]  # 增长%, ±%
    time, level, name = read_time(name)
    relative: int | None = None
    if says("this_year", name):
        relative, name = 0, ""
    elif says("last_year", name):
        relative, name = -1, ""
    elif (opened := _RELATIVE.match(name)) is not None:  # 上年出生人数: what a plain name would take for this year's
        if opened["same"]:
            time = UNSETTLED
        else:
            relative = -1 if opened["last"] else 0
        level, name = level or opened["end"] is not None, name[opened.end() :]
    kind = _kind(name, unit)
    if not time and relative is None and kind == "actual" and says("part_of_time", name):
        time = UNSETTLED
        name = "" if says("time_only", name) else name
    return Label(name.strip("：:、，,-—"), time, level, scale, unit, kind, relative)


def _kind(name: str, unit: str) -> str:
    if not name or link(name, unit) is not None:
        return "actual"
    if says("completion", name):
        return "completion"
    if says("growth", name) and not says("growth_not", name):
        return "growth" if unit in ("%", "‰", "", "倍") else "change"
    if says("share", name):
        return "share"
    if says("target", name) and not says("indicator_head", name):
        return "target"
    return "actual"


def read_time(text: str) -> tuple[str, bool, str]:
    """The period a text names, whether it means that period's end, and the text without it."""
    if _BARE_YEAR.fullmatch(text):
        return text, False, ""
    if (span := _RANGE.search(text)) is not None:
        return UNSETTLED, False, text[: span.start()] + text[span.end() :]
    if (dashed := _DASHED.fullmatch(text)) is not None:
        return f"{_digits(dashed['year'])}-{int(dashed['m']):02d}", False, ""
    years = list(_WHOLE_YEAR.finditer(text))
    if len({y["year"] for y in years}) > 1 or (years and text[: years[0].start()].endswith(("比", "较", "与", "同"))):
        return UNSETTLED, False, _WHOLE_YEAR.sub("", text)
    if not years:
        part = _PART.search(text)
        return (UNSETTLED, False, text[: part.start()] + text[part.end() :]) if part else ("", False, text)
    year = _digits(years[0]["year"])
    rest = text[: years[0].start()] + text[years[0].end() :]
    level = years[0]["end"] is not None
    part = _PART.search(rest)
    if part is not None:
        rest = rest[: part.start()] + rest[part.end() :]
        if (day := _DAY.match(rest, part.start())) is not None:
            return UNSETTLED, False, rest[: day.start()] + rest[day.end() :]
        return _part_of(year, part), part.group()[-1] in "底末", rest
    return year, level, _TIME_LEFT.sub("", rest) if not says("part_of_time", rest) else rest


def _digits(year: str) -> str:
    return year if year.isascii() else str(int(chinese_value(year) or 0))


def _part_of(year: str, part: re.Match[str]) -> str:
    if part["q"]:
        return f"{year}-Q{QUARTERS[part['q']]}"
    if part["h"]:
        return f"{year}-{HALVES[part['h']]}"
    if part["three"]:
        return f"{year}-01..{year}-09"
    if part["m1"]:
        return f"{year}-{int(part['m1']):02d}..{year}-{int(part['m2']):02d}"
    return f"{year}-{int(part['m']):02d}"


def caption_units(text: str) -> tuple[tuple[str, str], ...] | None:
    """Units a caption gives to all that stands below it; () where it tells one that is unknown, None where none.

    >>> caption_units("表1 人口情况 单位：万人、‰"), caption_units("计量单位:包裹"), caption_units("表2")
    ((('万', '人'), ('', '‰')), (), None)
    """
    told = _CAPTION_UNIT.search(_BLANKS.sub("", text))
    if told is None:
        return None
    found = [read_unit(piece) for piece in _BETWEEN_UNITS.split(told["units"]) if piece]
    return tuple(unit for unit in found if unit is not None) if all(found) else ()


def unit_for(name: str, units: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The one of a caption's units that can be the unit of a name, None where that is not one and only one."""
    asked = next((kind for kind, pattern in _ENDINGS.items() if pattern.search(name)), "")
    fitting = [u for u in units if _fits(asked, u[1], single=len(units) == 1)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(asked: str, unit: str, *, single: bool) -> bool:
    entry = UNITS.get(unit)
    dimension = "rate" if unit in ("%", "‰") else entry.dimension if entry else "rate" if "/" in unit else ""
    if asked == "rate":
        return dimension == "rate"
    if asked == "ratio":
        return dimension == "rate" and unit not in ("‰",)
    if single and unit == "%":
        return True  # 单位：% over 0-14岁人口, 15-64岁人口: how a whole is made up
    if asked == "household":
        return unit == "户"
    if asked == "person":
        return unit in ("人", "人次")
    if asked in ("money", "area"):
        return dimension == asked or unit.startswith("元/")
    return dimension != "rate"
