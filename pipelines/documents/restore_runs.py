"""Pinyin annotations and broken byte runs that a traditional-character converter left in a page.

Belongs here: finding annotations and runs, and what they stood for. docs/damage.md explains the damage.
Does not belong here: other kinds of repair, simplifying.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from pypinyin.constants import PINYIN_DICT

from pipelines.documents.model import DAMAGE_MARK, Edit

_TONES: Final = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜü"
_ANNOTATION: Final = re.compile(rf"(.)\(([a-z{_TONES}]{{1,6}})\)")
_RUN: Final = re.compile(rf"\?+(?:[a-z{_TONES}]{{1,6}}\))?[^\s,。、;：:()（）0-9]?")
MIN_ANNOTATIONS: Final = 3


@cache
def readings(char: str) -> frozenset[str]:
    """Tone-marked readings of one character."""
    return frozenset(PINYIN_DICT.get(ord(char), "").split(","))


@cache
def outside_gb2312(char: str) -> bool:
    """True when GB2312 has no such character."""
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def repair_pinyin_damage(text: str) -> list[Edit]:
    """Edits that remove annotations and mark broken runs; none in a page with fewer than three annotations."""
    if not _ANNOTATION.search(text):
        return []
    edits = []
    for found in _ANNOTATION.finditer(text):
        char, reading = found.groups()
        if outside_gb2312(char) and reading in readings(char):
            edits.append(Edit(found.end(1), found.end(), "", "annotation"))
    if len(edits) < MIN_ANNOTATIONS:
        return []
    for found in _RUN.finditer(text):
        if "\u4e00" <= text[found.start() - 1 : found.start()] <= "\u9fff" or found.group().endswith(")"):
            edits.append(Edit(found.start(), found.end(), DAMAGE_MARK, "lost_character", False, (), True))
    edits.sort(key=lambda e: e.start)
    kept: list[Edit] = []
    for e in edits:
        if not kept or e.start >= kept[-1].end:
            kept.append(e)
    return kept
