"""The converter, run forward: what it makes of a clean simplified text. For tests and for checking a repair.

Belongs here: the steps of the converter in their order. Does not belong here: their inversion (restore_runs).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from pipelines.documents.restore_table import CUT_MARKS, TOP_LEVEL, keys, pairs, shown, to_traditional

_CUT: Final = b"\x00"
_UNFOLD: Final = re.compile(r"(?<![0-9A-Za-z])[,;:!?]|[,;:!?](?![0-9A-Za-z])")
_UNFOLDED: Final = {",": "，", ";": "；", ":": "：", "!": "！", "?": "？"}
FOLD: Final = {c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F)}
"""Full-width forms to ASCII, for str.translate: what later cleaning does to such pages."""


@cache
def _insertions(level: int) -> tuple[tuple[bytes, bytes], ...]:
    known = [(bytes(pairs()[k.char]), f"({k.reading})".encode("gbk")) for k in keys() if k.level <= level]
    return tuple((pair, pair + note) for pair, note in known)


def damage(text: str, level: int = TOP_LEVEL, *, fold: bool = True) -> str:
    """What the converter makes of a simplified text on a page of this level (0 to 19), line by line.

    With `fold` the input's ASCII marks beside Chinese count as full-width ones, and the output is folded to ASCII.
    Characters outside GBK pass as they are.

    >>> damage("创建")
    '創(chuàng)建'
    """
    lines = text.replace("\x00", "").split("\n")
    out = "\n".join(_damage_line(line, level, fold) for line in lines)
    return out.translate(FOLD) if fold else out


def _damage_line(line: str, level: int, fold: bool) -> str:
    if fold:
        line = _UNFOLD.sub(lambda m: _UNFOLDED[m.group()], line)
    line = line.translate(to_traditional())
    parts: list[str] = []
    known = pairs()
    start = 0
    for at, char in enumerate(line):
        if not char.isascii() and char not in known:
            parts += (_damage_part(line[start:at], level), char)
            start = at + 1
    parts.append(_damage_part(line[start:], level))
    return "".join(parts)


def _damage_part(part: str, level: int) -> str:
    if not part:
        return ""
    data = part.encode("gbk")
    for mark in CUT_MARKS:
        pair = mark.encode("gbk")
        data = data.replace(pair, _CUT + pair)
    for pair, annotated in _insertions(level):
        if pair in data:
            data = data.replace(pair, annotated)
    return show(data)


def show(data: bytes) -> str:
    """The lenient decoder: a broken character is one `?` and takes its follower with it; user-defined pairs vanish."""
    out: list[str] = []
    table = shown()
    at = 0
    size = len(data)
    while at < size:
        lead = data[at]
        if lead < 0x80:
            if lead:
                out.append(chr(lead))
            at += 1
        elif lead in (0x80, 0xFF):
            out.append("€" if lead == 0x80 else "?")
            at += 1
        else:
            trail = data[at + 1] if at + 1 < size else 0
            out.append(table[lead << 8 | trail] if trail >= 0x40 and trail not in (0x7F, 0xFF) else "?")
            at += 2
    return "".join(out)
