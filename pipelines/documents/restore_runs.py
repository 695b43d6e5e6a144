"""Pinyin annotations and broken byte runs that a traditional-character converter left in a page.

Belongs here: finding annotations and runs, and the edits that undo them.
docs/damage.md explains the damage; `damage` is the converter itself.
Does not belong here: other kinds of repair, simplifying, how one run is read (restore_search).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate, compress, repeat
from operator import add, itemgetter
from typing import Final

from pipelines.documents.model import DAMAGE_MARK, Edit, EditClass
from pipelines.documents.restore_bytes import is_annotated, simplified, simplifying
from pipelines.documents.restore_rank import PAGE_SAMPLE, Ranker
from pipelines.documents.restore_search import ANNOTATION, LEFT, NOTE_TAIL, STOP_MARKS, Reading, Search, is_impossible
from pipelines.documents.restore_table import TONES, key_of, keys

_START: Final = itemgetter(0)
_END: Final = itemgetter(1)
_new_edit: Final[Callable[[Iterable[object]], Edit]] = partial(tuple.__new__, Edit)  # Edit._make without its call
MIN_ANNOTATIONS: Final = 3
"""A page with fewer annotations, and none of them broken, is left alone."""
_RESIDUE: Final = re.compile(rf"(?:[?？]|[A-Za-z]\()(?=[a-z{TONES}]*[{TONES}])[a-z{TONES}]{{1,6}}\)")
_LOOSE: Final = re.compile(rf"(?<![a-z{TONES}(])([a-z]?[a-z{TONES}]*[{TONES}][a-z{TONES}]*)\)")
_QUESTIONS: Final = re.compile(r"[?？]+")
_THOUSANDS: Final = re.compile(r"[,，、]\d{3}(?!\d)")
_BEFORE_DIGITS: Final = re.compile(r"[?？]+[^\d\n。，；、]{0,2}?(?=[\d.])")
_NUMERAL: Final = re.compile("[0-9０-９〇零一二两三四五六七八九十百千万亿半点]")
"""What a number is written with: a run that may hold such a character, or stands beside one, may change a number."""
_ASCII: Final = re.compile(r"[\x00-\x7f]")
_FULL_WIDTH: Final = re.compile(r"[！-～]")
_MOST_MARKS: Final = 4
_KEPT: Final = 6
_CERTAIN: Final = 4.0
_SEEN: Final = 160
"""Raw characters behind a question mark that decide how it is read, with room to spare."""


def repair_pinyin_damage(text: str) -> list[Edit]:
    """Edits that remove annotations and repair runs; none in a page with fewer than three annotations."""
    if ")" not in text:
        return []
    pieces = ANNOTATION.split(text)  # text, reading, text, reading, ..., text
    lengths = list(accumulate(map(len, pieces)))
    starts = list(map(add, lengths[:-1:2], range(0, len(pieces), 2)))  # the brackets are in no piece
    ends = list(map(add, lengths[1::2], range(2, len(pieces) + 1, 2)))
    loose = [ends[n - 1] if n else 0 for n, piece in enumerate(pieces[::2]) if ")" in piece]
    before = [piece[-1:] for piece in pieces[:-1:2]]
    fits = list(map(is_annotated, before, pieces[1::2]))
    if not all(fits):
        starts, ends, before = (list(compress(column, fits)) for column in (starts, ends, before))
    if len(starts) < MIN_ANNOTATIONS and _RESIDUE.search(text) is None:
        return []
    rest = repeat(""), repeat("annotation"), repeat(True), repeat(()), repeat(False)
    edits: list[Edit] = list(map(_new_edit, zip(starts, ends, *rest, strict=False)))
    if "?" in text or "？" in text:
        kept = (
            "".join(pieces[::2])
            if all(fits)
            else "".join(map(text.__getitem__, map(slice, (0, *ends), (*starts, None))))
        )
        edits = _merge(edits, _Page(text, kept, starts, ends, set(before)).runs())
    return _merge(edits, _unexplained(text, edits, loose))


def _merge(edits: list[Edit], runs: list[Edit]) -> list[Edit]:
    """Both lists in order, without the annotations inside runs."""
    if not runs:
        return edits
    out: list[Edit] = []
    done = 0
    for run in runs:
        before = bisect_right(edits, run.start, done, key=_END)
        out += edits[done:before]
        out.append(run)
        done = bisect_left(edits, run.end, before, key=_START)
    return out + edits[done:]


def _unexplained(text: str, edits: list[Edit], places: list[int]) -> list[Edit]:
    """Rests of annotations outside every edit: marked, since something before them is lost.

    `places` are starts of pieces between annotations that hold a closing bracket.
    """
    out: list[Edit] = []
    for place in places:
        piece_end = ANNOTATION.search(text, place)
        for found in _LOOSE.finditer(text, place, piece_end.start() if piece_end else len(text)):
            after = bisect_right(edits, found.start(), key=_END)
            if after < len(edits) and edits[after].start < found.end():
                continue
            if "(" in text[max(0, found.start() - 8) : found.start()]:
                continue
            end = _shifted_end(text, found.end())
            if after < len(edits):
                end = min(end, edits[after].start)
            kept = text[found.end() : end]
            if out and out[-1].end > found.start():  # à)à): what may be halves of characters ends at the next rest
                over = out[-1].end - found.start()
                out[-1] = out[-1]._replace(end=found.start(), replacement=out[-1].replacement[:-over])
            out.append(Edit(found.start(), end, DAMAGE_MARK + kept, "unexplained", False, (), True))
    return out


def _shifted_end(text: str, at: int) -> int:
    """Where characters that may be halves of two others end: at the next ASCII one."""
    found = _ASCII.search(text, at)
    return found.start() if found else len(text)


class _Page:
    """What the whole page says, for reading its runs."""

    def __init__(self, text: str, kept: str, starts: list[int], ends: list[int], always: set[str]) -> None:
        self.text = text
        self.starts = starts
        self.ends = ends
        self.simple = simplified()
        level = max((key_of()[c].level for c in always if c in key_of()), default=0)
        self.search = Search(
            text,
            Ranker(kept[:PAGE_SAMPLE].translate(simplifying())),
            dict(zip(starts, ends, strict=True)),
            always | {k.char for k in keys() if k.level < level},
            level,
            folded=_FULL_WIDTH.search(text) is None,
        )
        self._read_before: dict[tuple[str, str, str], list[Reading]] = {}

    def runs(self) -> list[Edit]:
        """One edit per run and per question mark that may hide a digit."""
        text = self.text
        out: list[Edit] = []
        done = 0
        for found in _QUESTIONS.finditer(text):
            long = found.end() - found.start() > _MOST_MARKS  # not this converter's doing
            for at in range(found.start(), found.start() + 1 if long else found.end()):
                if at < done:
                    continue
                edit = self._left_over(at) if long else self._run(at, out[-1] if out else None)
                if edit is not None:
                    out.append(edit)
                    done = edit.end
        return out

    def _run(self, at: int, before: Edit | None) -> Edit | None:
        text = self.text
        left, last = self._left(at, before)
        found = self._reading(at, left, last)
        if not found or found[0].end == at:
            return self._left_over(at)
        best = found[0]
        others = [r.chars for r in found if r.end > at and r.chars != best.chars]
        rival = next((r.score for r in found if r.chars != best.chars), -1e9)
        edit_class: EditClass = ("shifted", "lost_byte", "lost_character")[best.kind]
        end = best.end
        replacement = best.chars
        # 三十 can vanish from a run without a trace, so nothing in or beside a number is certain
        beside = left[-1:] + self.search.right(end)[:1]
        number = _NUMERAL.search(beside + replacement) is not None
        certain = best.kind == 0 and best.score - rival >= _CERTAIN and not number
        risk = best.kind == 2 or number or (not certain and any(_NUMERAL.search(r.chars) for r in found))
        if best.kind == 2:
            replacement, end = self._guard(replacement, end)
        elif text[end - 1 : end] in ("?", "？"):  # a last byte lost before a mark: a number may have stood there
            risk = True
            thousands = _THOUSANDS.match(text, end)
            if thousands:
                replacement += text[end] + DAMAGE_MARK
                end += 1
        return Edit(at, end, replacement, edit_class, certain, tuple(dict.fromkeys(others[: _KEPT * 2]))[:_KEPT], risk)

    def _guard(self, replacement: str, end: int) -> tuple[str, int]:
        """A decimal point or separator between mark and digits is marked on both sides."""
        text = self.text
        while text[end : end + 1] in (".", ",", "．", "，", "-", "/", ":", "~", "%", "‰") and end < len(text):
            nearby = text[end + 1 : end + 2]
            if not (nearby.isdigit() or text[end] in "%‰"):
                break
            replacement += text[end] + DAMAGE_MARK
            end += 1
            if nearby.isdigit():
                break
        return replacement, end

    def _left_over(self, at: int) -> Edit | None:
        """A question mark no reading explains: kept; where digits follow, one before them may be lost.

        What follows up to the next ASCII character may be halves of characters, so no number there counts.
        """
        text = self.text
        following = _BEFORE_DIGITS.match(text, at)
        if following is not None:
            end = following.end()
            replacement, end = self._guard(text[at:end] + DAMAGE_MARK, end)
            return Edit(at, end, replacement, "unexplained", False, (), True)
        tail = NOTE_TAIL.match(text, at + 1)
        if tail is not None:
            end = _shifted_end(text, tail.end())
            replacement = DAMAGE_MARK + text[tail.end() : end]
            return Edit(at, end, replacement, "unexplained", False, (), True)
        begin = at + 1 + (text[at + 1 : at + 2] in STOP_MARKS)
        end = _shifted_end(text, begin)
        if any(c == "€" or is_impossible(c) for c in text[begin:end]):
            return Edit(at, end, text[at:end], "unexplained", False, (), True)
        return None

    def _left(self, at: int, before: Edit | None) -> tuple[str, str]:
        """True simplified text before a run, and the last raw character there."""
        text = self.text
        out: list[str] = []
        last = ""
        i = at
        while i > 0 and len(out) < LEFT + 5:
            if before is not None and before.end == i:
                out.extend(reversed(before.replacement))
                i = before.start
                continue
            number = bisect_left(self.ends, i)
            if number < len(self.ends) and self.ends[number] == i:
                i = self.starts[number]
                continue
            c = text[i - 1]
            if c == "\n":
                out.append(c)
                break
            if not last and not out:
                last = c
            out.append(self.simple.get(c, c))
            i -= 1
        if i == 0:
            out.append("\n")
        return "".join(reversed(out)), last

    # --- reading one run

    def _reading(self, at: int, left: str, last: str) -> list[Reading]:
        """`Search.read`, remembered for a sentence that stands several times in a page."""
        end = at + _SEEN
        here = (left, last, self.text[at:end])
        known = self._read_before.get(here)
        if known is None:
            found = self.search.read(at, left, last)
            if all(r.end + _SEEN // 2 < end for r in found):
                self._read_before[here] = [r._replace(end=r.end - at) for r in found]
            return found
        return [r._replace(end=r.end + at) for r in known]
