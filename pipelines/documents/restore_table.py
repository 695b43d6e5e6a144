"""What the converter knew: its bytes, its table from simplified to traditional, its list of annotated characters.

Belongs here: facts about the converter, shared by the simulation (damage) and its inversion (restore_runs).
Does not belong here: any decision about a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import opencc

STAYS: Final = "干于并范里后余采游愿占征杰云筑系制只谷群床灶吃咨峰柜禄熏郁雇唇岳夸咸尸丑伙佣朴涌岩杠吁凶皂面松斤升冲才困致卷回向借舍"
"""Simplified characters the converter leaves alone although dictionaries list another form."""
VARIANTS: Final = {"为": "為", "众": "眾", "启": "啟", "鉴": "鑒", "闲": "閑", "净": "凈", "狸": "貍", "艳": "艷", "签": "簽", "钟": "鐘", "台": "臺",
                   "准": "準", "几": "幾", "划": "劃", "复": "復", "着": "著", "冲": "沖", "旧": "舊", "挂": "掛"}  # fmt: skip
"""Forms the converter prefers over those of dictionaries."""
CUT_MARKS: Final = "，。、；！？"
"""Marks in front of which the byte string is cut, in the order in which they are sought."""
TOP_LEVEL: Final = 19
TONES: Final = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜü"


def in_private_zone(lead: int, trail: int) -> bool:
    """True for pairs that GBK leaves to its users."""
    return (
        (0xAA <= lead <= 0xAF and trail >= 0xA1)
        or (lead >= 0xF8 and trail >= 0xA1)
        or (0xA1 <= lead <= 0xA7 and trail <= 0xA0)
    )


@cache
def _both() -> tuple[list[str], dict[str, tuple[int, int]]]:
    shown = [""] * 65536
    back: dict[str, tuple[int, int]] = {}
    trails = (*range(0x40, 0x7F), *range(0x80, 0xFF))
    for lead in range(0x81, 0xFF):
        known = [trail for trail in trails if not in_private_zone(lead, trail)]
        try:
            row = bytes(b for trail in known for b in (lead, trail)).decode("gbk")
        except UnicodeDecodeError:  # a row with gaps
            row = "".join(bytes((lead, trail)).decode("gbk", "ignore")[:1] or "\0" for trail in known)
        for trail, char in zip(known, row, strict=True):
            if char != "\0" and not char.isascii():
                shown[lead << 8 | trail] = char
                back[char] = (lead, trail)
    return shown, back


def shown() -> list[str]:
    """shown()[lead << 8 | trail] is the character of two bytes, "" where the pair vanishes."""
    return _both()[0]


def pairs() -> dict[str, tuple[int, int]]:
    """The two bytes of a character: the way back from `shown`."""
    return _both()[1]


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the annotation list."""

    rank: int
    level: int
    char: str
    reading: str


@cache
def keys() -> tuple[Key, ...]:
    """The annotation list in search order."""
    lines = (files(__package__) / "restore_annotations.txt").read_text(encoding="utf-8").splitlines()
    found: list[Key] = []
    for line in lines:
        if not line.startswith("#"):
            level, char, reading = line.split("\t")
            found.append(Key(len(found), int(level), char, reading))
    return tuple(found)


@cache
def key_of() -> dict[str, Key]:
    """Entries of the list by character."""
    return {k.char: k for k in keys()}


@cache
def gb2312_hanzi() -> str:
    """The 6,763 characters a simplified text is made of."""
    return "".join(bytes((a, b)).decode("gb2312", "ignore") for a in range(0xB0, 0xF8) for b in range(0xA1, 0xFF))


@cache
def to_traditional() -> dict[int, str]:
    """The converter's table, for str.translate."""
    simplified = gb2312_hanzi()
    converted = opencc.OpenCC("s2t").convert("\n".join(simplified)).split("\n")
    known = pairs()
    table = {ord(a): b for a, b in zip(simplified, converted, strict=True) if a != b and b in known}
    for char in STAYS:
        table.pop(ord(char), None)
    table.update({ord(a): b for a, b in VARIANTS.items()})
    return table


@cache
def possible() -> frozenset[str]:
    """Characters of two bytes that the converter can have written: never one it would have changed."""
    table = to_traditional()
    hanzi = set(gb2312_hanzi())
    written = {c for c in hanzi if ord(c) not in table} | set(table.values())
    marks = {c for c in pairs() if not "\u4e00" <= c <= "\u9fff"}
    return frozenset(written | marks)
