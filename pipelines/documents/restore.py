"""Repair of damaged copies: what stood in the original as far as the characters left decide it, in simplified characters.

Belongs here: the order of repairs, their list, their map to the raw text, and the small repairs (width, entities,
invisible characters, permille, look-alikes and blanks in numbers). Broken runs are `restore_runs`.
Does not belong here: reading numbers, or judging whether a damaged one may be used.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate, chain, zip_longest
from operator import add, itemgetter, sub
from typing import Final

import opencc

from pipelines.documents.model import DAMAGE_MARK, Edit, EditClass, RestoredText
from pipelines.documents.restore_runs import repair_pinyin_damage
from pipelines.documents.textmap import OffsetMap

_WIDE: Final = {
    **{c: c - 0xFEE0 for c in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))},
    **{ord(a): ord(b) for a, b in zip("％．＋－／＝＜＞＃＆＊＠", "%.+-/=<>#&*@", strict=True)},
}
_WIDE_SET: Final = frozenset(map(chr, _WIDE))
_INVISIBLE: Final = frozenset(
    "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\ufeff"
)
_INVISIBLE_ANY: Final = f"[{''.join(sorted(_INVISIBLE))}]"
_INVISIBLE_RUN: Final = re.compile(f"{_INVISIBLE_ANY}{_INVISIBLE_ANY}*")  # one first: the faster search
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_PERMILLE: Final = re.compile(r"[%％][oOｏＯ](?![0-9A-Za-z])")
_THREE: Final = "[\u00e2-\u00ef][\u0080-\u00bf\u0152-\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{2}"
_MOJIBAKE: Final = re.compile(f"{_THREE}(?:{_THREE})+")
_MOJIBAKE_LEAD: Final = frozenset(map(chr, range(0xE2, 0xF0)))
_UNIT: Final = "万亿千百元人户个所名家亩吨项公里米岁萬億戶個畝噸項歲%％‰"
_LOOKALIKE: Final = re.compile(
    rf"(?<![0-9A-Za-z.])(?=[0-9.]*[OolI])(?:[0-9OolI]+(?:\.[0-9OolI]+)?)(?![0-9A-Za-z])(?=[{_UNIT}]|[年月日])"
)
_LOOKALIKES: Final = str.maketrans("OolI", "0011")
_BLANK: Final = re.compile(
    rf"(?<![0-9.第表图])[0-9]{{1,3}}(?:[ \u00a0\u2009\u202f][0-9]{{3}})+(?=[ ]?[{_UNIT}]|\.[0-9])"
    rf"|(?<![0-9.])[0-9]+(?:\.[ \n]{{1,2}}|[ \n]\.)[0-9]+(?=[ ]?[{_UNIT}])"
)
_BLANKS: Final = " \u00a0\u2009\u202f"
_BLANK_GATE: Final = re.compile(rf"[{_BLANKS}\n]\.?[0-9]")
_LINE_GATE: Final = re.compile(r"\n\.?[0-9]")
_LOOKALIKE_GATE: Final = re.compile(r"[OolI](?:(?=[0-9.])|(?<=[0-9.].))")
_OUTER_GATE: Final = re.compile(f"[&{''.join(sorted(_INVISIBLE | _MOJIBAKE_LEAD))}]")
_SINGLE: Final = re.compile(f"[{re.escape(''.join(sorted(_WIDE_SET)))}\ue000-\uf8ff\uf900-\ufaff\u2f00-\u2fdf]")
_NEAR: Final = 40
_TRADITIONAL: Final = frozenset({"shifted", "lost_byte", "lost_character", "unexplained"})
"""Classes of repairs that may hold traditional characters."""


class _Pass:
    """One pass over a text: replacements collected in order, applied together."""

    def __init__(self, text: str) -> None:
        self.source = text
        self.edits: list[Edit] = []

    def add(
        self,
        start: int,
        end: int,
        replacement: str,
        edit_class: EditClass,
        *,
        certain: bool = True,
        number_risk: bool = False,
        candidates: tuple[str, ...] = (),
    ) -> None:
        self.edits.append(Edit(start, end, replacement, edit_class, certain, candidates, number_risk))

    def apply(self) -> tuple[str, OffsetMap]:
        return apply_edits(self.source, self.edits)


def apply_edits(text: str, edits: Sequence[Edit]) -> tuple[str, OffsetMap]:
    """The text with the edits made (in order, not overlapping) and the map from the result to `text`."""
    if not edits:
        return text, OffsetMap()
    starts, ends, replacements = list(zip(*edits, strict=True))[:3]
    kept = map(text.__getitem__, map(slice, (0, *ends), (*starts, None)))
    made = chain.from_iterable(zip_longest(kept, replacements, fillvalue=""))
    sizes = [len(r) for r in replacements]
    shifts = accumulate(map(sub, sizes, map(sub, ends, starts)), initial=0)
    begins = list(map(add, starts, shifts))
    pieces = zip(begins, map(add, begins, sizes), starts, ends, strict=True)
    moved = (p for p in pieces if p[3] - p[2] != 1 or p[1] - p[0] != 1)
    return "".join(made), OffsetMap.from_replacements(moved)


@cache
def _t2s() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _traditional() -> frozenset[str]:
    """Characters that simplifying changes."""
    every = [chr(c) for c in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0xF900, 0xFB00))]
    converted = _t2s().convert("\n".join(every)).split("\n")
    return frozenset(a for a, b in zip(every, converted, strict=True) if a != b) - {"著", "乾", "瞭"} | {
        "著",
        "乾",
        "瞭",
    }


@cache
def _any_traditional() -> re.Pattern[str]:
    return re.compile(f"[{''.join(sorted(_traditional()))}]")


@cache
def _single() -> dict[int, str]:
    every = sorted(_traditional())
    converted = _t2s().convert("\n".join(every)).split("\n")
    return {ord(a): b for a, b in zip(every, converted, strict=True) if len(b) == 1}


@cache
def _unusual() -> re.Pattern[str]:
    """Characters without one of which a text needs no repair but of its numbers."""
    return re.compile("|".join((_OUTER_GATE.pattern, _SINGLE.pattern, _any_traditional().pattern)).replace("]|[", ""))


def simplify(text: str) -> str:
    """Traditional to simplified, one character for one character."""
    if _any_traditional().search(text) is None:
        return text
    converted: str = _t2s().convert(text)
    if len(converted) == len(text):
        return converted
    lines = text.split("\n")
    done = converted.split("\n")
    if len(lines) != len(done):
        return text.translate(_single())
    return "\n".join(b if len(a) == len(b) else a.translate(_single()) for a, b in zip(lines, done, strict=True))


def restore(text: str) -> RestoredText:
    """Repaired, simplified text with the list of repairs and the exact map to `text`.

    Every edit's span counts in `text`. Where an original character is lost the result holds DAMAGE_MARK, so that no
    number next to it can be read. Text without damage comes back as it is, with an empty list.
    """
    unusual = _unusual().search(text) is not None
    steps: tuple[Callable[[str], list[Edit]], ...] = (
        lambda now: _outer(now) if unusual else [],
        repair_pinyin_damage,
        lambda now: _inner(now, singles=unusual or now is not text),
    )
    current = text
    total = OffsetMap()
    edits: list[Edit] = []
    for step in steps:
        found = step(current)
        if not found:
            continue
        repaired, step_map = apply_edits(current, found)
        if total.is_identity:
            edits += found
        else:
            for e in found:
                start, end = total.to_original(e.start, e.end)
                edits.append(Edit(start, end, e.replacement, e.edit_class, e.certain, e.candidates, e.number_risk))
        total = total.then(step_map)
        current = repaired
    simplified = simplify(current) if unusual or current is not text else text
    if edits and not total.is_identity:
        edits.sort(key=itemgetter(0, 1))
    done: list[Edit] = []
    covered = 0
    for edit in edits:
        if edit[0] < covered:  # a repair inside what another one put there
            edit = _joined(done.pop(), edit, simplified, total)
        elif edit[2] and edit[3] in _TRADITIONAL:
            edit = _simplified(edit)
        done.append(edit)
        covered = edit[1]
    return RestoredText(simplified, total, tuple(done))


def _joined(first: Edit, second: Edit, restored: str, total: OffsetMap) -> Edit:
    """Two repairs of one place as one, with what finally stands there."""
    end = max(first.end, second.end)
    lo, hi = total.to_derived(first.start, end)
    main = second if first.certain and not second.certain else first
    return Edit(
        first.start,
        end,
        restored[lo:hi],
        main.edit_class,
        first.certain and second.certain,
        main.candidates,
        first.number_risk or second.number_risk,
    )


def _simplified(edit: Edit) -> Edit:
    return Edit(
        edit.start,
        edit.end,
        simplify(edit.replacement),
        edit.edit_class,
        edit.certain,
        tuple(dict.fromkeys(map(simplify, edit.candidates))),
        edit.number_risk,
    )


def _outer(text: str) -> list[Edit]:
    """Repairs that stand around the bytes: entities, invisible characters, text decoded as Latin-1."""
    if _OUTER_GATE.search(text) is None:
        return []
    work = _Pass(text)
    taken: set[int] = set()
    for found in _MOJIBAKE.finditer(text):
        undone = _undo_mojibake(found.group())
        if undone is not None:
            work.add(found.start(), found.end(), undone, "mojibake")
            taken.update(range(found.start(), found.end()))
    for found in _ENTITY.finditer(text):
        value = html.unescape(found.group())
        if value != found.group():
            if value in _INVISIBLE or value == "\x00":
                value = ""
            work.add(found.start(), found.end(), value.replace("\xa0", " "), "entity")
    for found in _INVISIBLE_RUN.finditer(text):
        start = found.start()
        while start in taken:  # å\xad¦ is 学: its soft hyphen is a byte of the character
            start += 1
        if start < found.end():
            work.add(start, found.end(), "", "invisible")
    work.edits.sort(key=lambda e: e.start)
    return work.edits


def _undo_mojibake(run: str) -> str | None:
    data = bytearray()
    for c in run:
        try:
            data += c.encode("cp1252")
        except UnicodeEncodeError:
            if ord(c) > 0xFF:
                return None
            data.append(ord(c))
    try:
        value = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return value if all("\u2e80" <= c <= "\uffef" or "\u2010" <= c <= "\u206f" for c in value) else None


def _inner(text: str, *, singles: bool = True) -> list[Edit]:
    """Repairs inside numbers and, where `singles`, of single characters."""
    work = _Pass(text)
    taken: set[int] = set()
    for found in _PERMILLE.finditer(text) if _any_of("oOｏＯ", text) else ():
        start = found.start()
        if text[start - 1 : start] == " ":
            start -= 1
        if start and _is_digit(text[start - 1]):
            work.add(start, found.end(), "‰", "permille")
            taken.update(range(start, found.end()))
    for found in _SINGLE.finditer(text) if singles else ():
        at, c = found.start(), found.group()
        if at in taken:
            continue
        if c in _WIDE_SET:
            if _wide_applies(text, at):
                work.add(at, at + 1, chr(_WIDE[ord(c)]), "width")
        elif "\ue000" <= c <= "\uf8ff":
            risk = any(map(_is_digit, text[max(0, at - 1) : at + 2]))
            work.add(at, at + 1, DAMAGE_MARK, "variant", certain=False, number_risk=risk)
        else:
            value = unicodedata.normalize("NFKC", c)
            if len(value) == 1 and value != c:
                work.add(at, at + 1, value, "variant")
    for found in _near(_LOOKALIKE_GATE, _LOOKALIKE, text) if _any_of("OolI", text) else ():
        if sum(map(_is_digit, found.group())) < 2 or not taken.isdisjoint(range(*found.span())):
            continue  # 3％o.43亩: the letter is part of the permille sign
        for at in range(found.start(), found.end()):
            if text[at] in "OolI":
                work.add(at, at + 1, text[at].translate(_LOOKALIKES), "lookalike", certain=False, number_risk=True)
    for found in _near(_BLANK_GATE if _any_of(_BLANKS, text) else _LINE_GATE, _BLANK, text):
        for at in range(found.start(), found.end()):
            if text[at].isspace() and at not in taken:
                work.add(at, at + 1, "", "blank", certain=False, number_risk=True)
    work.edits.sort(key=lambda e: (e.start, e.end))
    return work.edits


def _any_of(chars: str, text: str) -> bool:
    """Whether a text holds one of a few characters: several times faster than a pattern."""
    return any(char in text for char in chars)


def _near(gate: re.Pattern[str], pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matches of a slow pattern that hold a match of a fast one."""
    done = 0
    for hit in gate.finditer(text):
        if hit.start() < done:
            continue
        start = max(done, hit.start() - _NEAR)
        for found in pattern.finditer(text, start, hit.end() + _NEAR):
            if found.end() > hit.start():
                if found.start() <= hit.start():
                    yield found
                    done = found.end()
                break


def _wide_applies(text: str, at: int) -> bool:
    """Signs become ASCII only beside a digit; digits, letters and the per cent sign always."""
    c = text[at]
    if c not in "．＋－／＝＜＞＃＆＊＠":
        return True
    before = text[at - 1] if at else ""
    after = text[at + 1] if at + 1 < len(text) else ""
    return _is_digit(after) or (_is_digit(before) and c not in "＋－＜＞")


def _is_digit(c: str) -> bool:
    return "0" <= c <= "9" or "０" <= c <= "９"
