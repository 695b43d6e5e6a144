"""Which characters the converter can have written where some of their bytes or their reading are known.

Belongs here: tables of the converter's characters by first byte, second byte and reading, and their simplified forms.
Does not belong here: any text, and which of the characters fits (restore_search, restore_rank).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache, lru_cache

import opencc

from pipelines.documents.restore_rank import word_test
from pipelines.documents.restore_table import Key, in_private_zone, key_of, keys, pairs, possible


@cache
def _pinyin() -> Mapping[int, str]:
    """Readings by character, split by commas; pages that keep to the converter's list never need them."""
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")  # its phrases take three times as long to load as all else here
    os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "1")
    from pypinyin.constants import PINYIN_DICT

    readings_of: Mapping[int, str] = PINYIN_DICT
    return readings_of


@lru_cache(maxsize=20_000)
def readings(char: str) -> frozenset[str]:
    """Tone-marked readings of one character."""
    key = key_of().get(char)
    found = set(_pinyin().get(ord(char), "").split(","))
    if key is not None:
        found.add(key.reading)
    return frozenset(found)


def reads(char: str, reading: str) -> bool:
    """True when the character has this reading."""
    key = key_of().get(char)
    return (key is not None and key.reading == reading) or reading in readings(char)


@lru_cache(maxsize=20_000)
def outside_gb2312(char: str) -> bool:
    """True when GB2312 has no such character."""
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


@lru_cache(maxsize=20_000)
def is_annotated(char: str, reading: str) -> bool:
    """True for a traditional character and one of its readings: the converter's doing, not a teaching text's."""
    return char >= "\u3400" and outside_gb2312(char) and reads(char, reading)


@cache
def simplified() -> dict[str, str]:
    """Simplified forms of characters, one for one."""
    every = sorted(c for c in pairs() if "\u4e00" <= c <= "\u9fff")
    converted = opencc.OpenCC("t2s").convert("\n".join(every)).split("\n")
    table = {a: b for a, b in zip(every, converted, strict=True) if len(b) == 1}
    table["著"] = "着"
    return table


class _Forms(dict[str, str]):
    """True characters as a page shows them: simplified, full-width ASCII folded where the page is."""

    def __init__(self, folded: bool) -> None:
        super().__init__()
        self._folded = folded

    def __missing__(self, char: str) -> str:
        form = simplified().get(char, char)
        if self._folded and "！" <= form <= "～":
            form = chr(ord(form) - 0xFEE0)
        self[char] = form
        return form


@cache
def simplifying() -> dict[int, int]:
    """`simplified` for str.translate, which is fastest where every character has an entry."""
    return {c: c for c in range(0x10000)} | {ord(a): ord(b) for a, b in simplified().items()}


@cache
def page_forms(folded: bool) -> dict[str, str]:
    """The form in which a page shows a true character; `folded` for pages without full-width ASCII."""
    return _Forms(folded)


@cache
def writable() -> frozenset[str]:
    """Characters a run may hold."""
    return frozenset(c for c in possible() if _likely_kind(c) or c in "ＡＢＣ")


@cache
def by_lead() -> dict[int, tuple[tuple[str, int], ...]]:
    """Possible characters by their first byte: (character, second byte)."""
    found: dict[int, list[tuple[str, int]]] = {}
    for char in sorted(possible()):
        if _likely_kind(char):
            lead, trail = pairs()[char]
            found.setdefault(lead, []).append((char, trail))
    return {k: tuple(v) for k, v in found.items()}


@cache
def by_trail() -> dict[int, tuple[tuple[str, int], ...]]:
    """Possible characters by their second byte: (character, first byte)."""
    found: dict[int, list[tuple[str, int]]] = {}
    for char in sorted(possible()):
        if _likely_kind(char):
            lead, trail = pairs()[char]
            found.setdefault(trail, []).append((char, lead))
    return {k: tuple(v) for k, v in found.items()}


@cache
def vanishing(lead: int) -> tuple[tuple[str, int], ...]:
    """Characters with this first byte whose second one may open a pair that shows nothing."""
    return tuple(
        (char, trail)
        for char, trail in by_lead().get(lead, ())
        if trail >= 0xA1 and (in_private_zone(trail, 0xA1) or in_private_zone(trail, 0x81))
    )


def _likely_kind(char: str) -> bool:
    return (
        "\u4e00" <= char <= "\u9fff" or char in "〇○，。、；：！？（）“”‘’《》〈〉【】—…·％＋－〔〕０１２３４５６７８９"
    )


@cache
def listed() -> dict[tuple[int, str], tuple[Key, ...]]:
    """Keys of the list by first byte and reading."""
    found: dict[tuple[int, str], tuple[Key, ...]] = {}
    for key in keys():
        slot = (pairs()[key.char][0], key.reading)
        found[slot] = (*found.get(slot, ()), key)
    return found


@cache
def unlisted() -> dict[tuple[int, str], list[Key]]:
    """Characters outside GB2312 and beyond the list by first byte and reading."""
    found: dict[tuple[int, str], list[Key]] = {}
    for char in sorted(possible()):
        if "\u4e00" <= char <= "\u9fff" and char not in key_of() and outside_gb2312(char):
            for reading in sorted(readings(char)):
                found.setdefault((pairs()[char][0], reading), []).append(Key(10_000, 99, char, reading))
    return found


@cache
def _simples(lead: int, trail: int) -> frozenset[str]:
    """Simplified characters whose traditional form has this first byte or, where it is 0, this second byte."""
    if lead:
        return frozenset(simplified().get(c, c) for c, second in by_lead().get(lead, ()) if second >= 0x81)
    return frozenset(simplified().get(c, c) for c, _ in by_trail().get(trail, ()))


@lru_cache(maxsize=20_000)
def continuing(prefix: str, lead: int, trail: int) -> frozenset[str]:
    """Those of `_simples` that make a word of the dictionary with what stands before them."""
    is_word = word_test()
    return frozenset([c for c in _simples(lead, trail) if is_word(prefix + c)])


@lru_cache(maxsize=20_000)
def leading(following: str, trail: int) -> frozenset[str]:
    """Those with this second byte that make a word of the dictionary with the character behind them."""
    is_word = word_test()
    return frozenset([c for c in _simples(0, trail) if is_word(c + following)])
