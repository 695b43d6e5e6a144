"""Pinyin annotations and broken byte runs that a traditional-character converter left in a page.

Belongs here: finding annotations and runs, what the bytes of a run allow, which reading the context prefers.
docs/damage.md explains the damage; `damage` is the converter itself.
Does not belong here: other kinds of repair, simplifying, scores (restore_rank).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Set
from functools import cache, lru_cache, partial
from itertools import repeat
from operator import itemgetter
from typing import Final, NamedTuple

import opencc

from pipelines.documents.model import DAMAGE_MARK, Edit, EditClass
from pipelines.documents.restore_rank import PAGE_SAMPLE, START, STOPS, UNKNOWN, Ranker, Tail, is_word
from pipelines.documents.restore_table import (
    CUT_MARKS,
    TONES,
    Key,
    in_private_zone,
    key_of,
    keys,
    pairs,
    possible,
    shown,
)

_START: Final = itemgetter(0)
_END: Final = itemgetter(1)
_new_edit: Final[Callable[[Iterable[object]], Edit]] = partial(tuple.__new__, Edit)  # Edit._make without its call
MIN_ANNOTATIONS: Final = 3
"""A page with fewer annotations, and none of them broken, is left alone."""
_ANNOTATION: Final = re.compile(rf"\(([a-z{TONES}]{{1,6}})\)")
_TAIL: Final = re.compile(rf"([a-z{TONES}]{{1,6}})\)")
_RESIDUE: Final = re.compile(rf"(?:[?？]|[A-Za-z]\()(?=[a-z{TONES}]*[{TONES}])[a-z{TONES}]{{1,6}}\)")
_LOOSE: Final = re.compile(rf"(?<![a-z{TONES}(])([a-z]?[a-z{TONES}]*[{TONES}][a-z{TONES}]*)\)")
_REST: Final = re.compile(rf"[A-Za-z]?\([a-z{TONES}]{{1,6}}\)|[a-z{TONES}]{{1,6}}\)")
_QUESTIONS: Final = re.compile(r"[?？]+")
_THOUSANDS: Final = re.compile(r"[,，、]\d{3}(?!\d)")
_BEFORE_DIGITS: Final = re.compile(r"[?？]+[^\d\n。，；、]{0,2}?(?=[\d.])")
_NUMERAL: Final = re.compile("[0-9０-９〇零一二两三四五六七八九十百千万亿半点]")
"""What a number is written with: a run that may hold such a character, or stands beside one, may change a number."""
_ASCII: Final = re.compile(r"[\x00-\x7f]")
_FULL_WIDTH: Final = re.compile(r"[！-～]")
_MARKS: Final = {
    "，": "，",
    ",": "，",
    "。": "。",
    "、": "、",
    "；": "；",
    ";": "；",
    "！": "！",
    "!": "！",
    "？": "？",
    "?": "？",
}
_STOP_MARKS: Final = frozenset(_MARKS)
_BEAM: Final = 150
_DROP: Final = 16.0
_LEFT_ALONE: Final = 3.0
_VANISH_FROM: Final = 3
_TOP: Final = 6
_TOP_VANISHED: Final = 4
_VANISHED: Final = 5
_ENDED: Final = 24
_CLOSED: Final = 24
_READINGS: Final = 120
_MOST_MARKS: Final = 4
_KEPT: Final = 6
_CERTAIN: Final = 4.0
_LEFT: Final = 7
_RIGHT: Final = 6
_MAX_TOKENS: Final = 24
_SEEN: Final = 160
"""Raw characters behind a question mark that decide how it is read, with room to spare."""
_QUOTES: Final = frozenset("“”》")


@lru_cache(maxsize=20_000)
def readings(char: str) -> frozenset[str]:
    """Tone-marked readings of one character."""
    from pypinyin.constants import PINYIN_DICT  # slow to import, and pages that keep to the list never need it

    key = key_of().get(char)
    found = set(PINYIN_DICT.get(ord(char), "").split(","))
    if key is not None:
        found.add(key.reading)
    return frozenset(found)


def _reads(char: str, reading: str) -> bool:
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
def _is_annotated(char: str, reading: str) -> bool:
    """True for a traditional character and one of its readings: the converter's doing, not a teaching text's."""
    return char >= "\u3400" and outside_gb2312(char) and _reads(char, reading)


@cache
def _simplified() -> dict[str, str]:
    every = sorted(c for c in pairs() if "\u4e00" <= c <= "\u9fff")
    converted = opencc.OpenCC("t2s").convert("\n".join(every)).split("\n")
    table = {a: b for a, b in zip(every, converted, strict=True) if len(b) == 1}
    table["著"] = "着"
    return table


@cache
def _simplifying() -> dict[int, int]:
    """`_simplified` for str.translate, which is fastest where every character has an entry."""
    return {c: c for c in range(0x10000)} | {ord(a): ord(b) for a, b in _simplified().items()}


@cache
def _writable() -> frozenset[str]:
    """Characters a run may hold."""
    return frozenset(c for c in possible() if _likely_kind(c) or c in "ＡＢＣ")


@cache
def _by_lead() -> dict[int, tuple[tuple[str, int], ...]]:
    """Possible characters by their first byte: (character, second byte)."""
    found: dict[int, list[tuple[str, int]]] = {}
    for char in sorted(possible()):
        if _likely_kind(char):
            lead, trail = pairs()[char]
            found.setdefault(lead, []).append((char, trail))
    return {k: tuple(v) for k, v in found.items()}


@cache
def _by_trail() -> dict[int, tuple[tuple[str, int], ...]]:
    """Possible characters by their second byte: (character, first byte)."""
    found: dict[int, list[tuple[str, int]]] = {}
    for char in sorted(possible()):
        if _likely_kind(char):
            lead, trail = pairs()[char]
            found.setdefault(trail, []).append((char, lead))
    return {k: tuple(v) for k, v in found.items()}


@cache
def _vanishing(lead: int) -> tuple[tuple[str, int], ...]:
    """Characters with this first byte whose second one may open a pair that shows nothing."""
    return tuple(
        (char, trail)
        for char, trail in _by_lead().get(lead, ())
        if trail >= 0xA1 and (in_private_zone(trail, 0xA1) or in_private_zone(trail, 0x81))
    )


def _likely_kind(char: str) -> bool:
    return (
        "\u4e00" <= char <= "\u9fff" or char in "〇○，。、；：！？（）“”‘’《》〈〉【】—…·％＋－〔〕０１２３４５６７８９"
    )


@cache
def _listed() -> dict[tuple[int, str], tuple[Key, ...]]:
    """Keys of the list by first byte and reading."""
    found: dict[tuple[int, str], tuple[Key, ...]] = {}
    for key in keys():
        slot = (pairs()[key.char][0], key.reading)
        found[slot] = (*found.get(slot, ()), key)
    return found


@cache
def _unlisted() -> dict[tuple[int, str], list[Key]]:
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
        return frozenset(_simplified().get(c, c) for c, second in _by_lead().get(lead, ()) if second >= 0x81)
    return frozenset(_simplified().get(c, c) for c, _ in _by_trail().get(trail, ()))


@lru_cache(maxsize=20_000)
def _continuing(prefix: str, lead: int, trail: int) -> frozenset[str]:
    """Those of `_simples` that make a word of the dictionary with what stands before them."""
    return frozenset(c for c in _simples(lead, trail) if is_word(prefix + c))


@lru_cache(maxsize=20_000)
def _leading(following: str, trail: int) -> frozenset[str]:
    """Those with this second byte that make a word of the dictionary with the character behind them."""
    return frozenset(c for c in _simples(0, trail) if is_word(c + following))


class _Front(NamedTuple):
    """What partial readings of a run have in common that stand at the same place."""

    at: int  # next raw character
    pending: int | None  # first byte of the next true character; None when aligned
    kind: int = 0  # 0 every byte known, 1 some unknown, 2 a swallowed ASCII character
    vanished: int = 0
    limit: int = -1  # rank below which keys must carry their annotation in a run opened by a key; -1: all of them
    open_quote: bool = False
    short_quote: bool = False  # the open quote began few characters ago: a quoted name, which holds no stop


class _Group(NamedTuple):
    """Partial readings with one front: their true characters, simplified, and their scores."""

    front: _Front
    chars: list[str]
    tails: list[Tail]

    def only(self, kept: Iterable[int]) -> _Group:
        """The readings at these places of the lists."""
        kept = list(kept)
        return _Group(self.front, [self.chars[i] for i in kept], [self.tails[i] for i in kept])


class _Move(NamedTuple):
    """One way to read the next raw characters: a true character, what stands behind it, where the next one starts."""

    char: str
    at: int
    pending: int | None
    annotated: bool = False
    behind: str = ""  # an ASCII letter shown, or the mark of one that is lost
    split: bool = False  # a cut went through it earlier than one in front of it was sought


class _Ended(NamedTuple):
    """A reading that came to its end, sorting best first."""

    badness: float
    turn: int
    chars: str
    front: _Front
    tail: Tail


class _Reading(NamedTuple):
    end: int
    chars: str
    score: float
    kind: int


def repair_pinyin_damage(text: str) -> list[Edit]:
    """Edits that remove annotations and repair runs; none in a page with fewer than three annotations."""
    if ")" not in text:
        return []
    pieces = _ANNOTATION.split(text)
    starts: list[int] = []
    ends: list[int] = []
    loose: list[int] = []
    always: set[str] = set()
    at = 0
    for before, reading in zip(pieces[::2], pieces[1::2], strict=False):
        if ")" in before:
            loose.append(at)
        at += len(before)
        end = at + len(reading) + 2
        if _is_annotated(before[-1:], reading):
            starts.append(at)
            ends.append(end)
            always.add(before[-1])
        at = end
    if ")" in pieces[-1]:
        loose.append(at)
    if len(starts) < MIN_ANNOTATIONS and _RESIDUE.search(text) is None:
        return []
    rest = repeat(""), repeat("annotation"), repeat(True), repeat(()), repeat(False)
    edits: list[Edit] = list(map(_new_edit, zip(starts, ends, *rest, strict=False)))
    if "?" in text or "？" in text:
        edits = _merge(edits, _Page(text, starts, ends, always).runs())
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
        piece_end = _ANNOTATION.search(text, place)
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
            out.append(Edit(found.start(), end, DAMAGE_MARK + kept, "unexplained", False, (), True))
    return out


def _shifted_end(text: str, at: int) -> int:
    """Where characters that may be halves of two others end: at the next ASCII one."""
    found = _ASCII.search(text, at)
    return found.start() if found else len(text)


class _Page:
    """What the whole page says, for reading its runs."""

    def __init__(self, text: str, starts: list[int], ends: list[int], always: set[str]) -> None:
        self.text = text
        self.folded = _FULL_WIDTH.search(text) is None
        parts: list[str] = []
        done = size = 0
        for start, end in zip(starts, ends, strict=True):
            parts.append(text[done:start])
            size += start - done
            done = end
            if size >= PAGE_SAMPLE:
                break
        parts.append(text[done : done + PAGE_SAMPLE])
        self.simple = _simplified()
        self.ranker = Ranker("".join(parts)[:PAGE_SAMPLE].translate(_simplifying()))
        self._read_before: dict[tuple[str, str, str], list[_Reading]] = {}
        self._by_second: dict[int, tuple[tuple[str, str, int], ...]] = {}
        self._lost_by_lead: dict[int, tuple[tuple[str, str], ...]] = {}
        level = max((key_of()[c].level for c in always if c in key_of()), default=0)
        self.level = level
        self.always = always | {k.char for k in keys() if k.level < level}
        self.ends = dict(zip(starts, ends, strict=True))
        self.starts = dict(zip(ends, starts, strict=True))

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
        beside = left[-1:] + self._right(end)[:1]
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
        tail = _TAIL.match(text, at + 1)
        if tail is not None:
            end = _shifted_end(text, tail.end())
            replacement = DAMAGE_MARK + text[tail.end() : end]
            return Edit(at, end, replacement, "unexplained", False, (), True)
        begin = at + 1 + (text[at + 1 : at + 2] in _STOP_MARKS)
        end = _shifted_end(text, begin)
        if any(c == "€" or self._impossible(c) for c in text[begin:end]):
            return Edit(at, end, text[at:end], "unexplained", False, (), True)
        return None

    def _left(self, at: int, before: Edit | None) -> tuple[str, str]:
        """True simplified text before a run, and the last raw character there."""
        text = self.text
        out: list[str] = []
        last = ""
        i = at
        while i > 0 and len(out) < _LEFT + 5:
            if before is not None and before.end == i:
                out.extend(reversed(before.replacement))
                i = before.start
                continue
            start = self.starts.get(i)
            if start is not None:
                i = start
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

    def _right(self, at: int) -> str:
        """Text after a run, without annotations."""
        text = self.text
        out: list[str] = []
        while at < len(text) and len(out) < _RIGHT:
            end = self.ends.get(at)
            if end is not None:
                at = end
                continue
            c = text[at]
            if c == "\n":
                break
            out.append(self.simple.get(c, c))
            if c in "?？":
                break
            at += 1
        return "".join(out)

    def _impossible(self, char: str) -> bool:
        """A character the converter cannot have written there."""
        return (
            "\u4e00" <= char <= "\u9fff"
            and char not in possible()
            or "\u0400" <= char <= "\u04ff"
            or "\u3040" <= char <= "\u30ff"
        )

    # --- reading one run

    def _reading(self, at: int, left: str, last: str) -> list[_Reading]:
        """`_read`, remembered for a sentence that stands several times in a page."""
        end = at + _SEEN
        here = (left, last, self.text[at:end])
        known = self._read_before.get(here)
        if known is None:
            found = self._read(at, left, last)
            if all(r.end + _SEEN // 2 < end for r in found):
                self._read_before[here] = [r._replace(end=r.end - at) for r in found]
            return found
        return [r._replace(end=r.end + at) for r in known]

    def _read(self, at: int, left: str, last: str) -> list[_Reading]:
        """Readings of the run at a question mark, best first, with the text as it is among them (end == at)."""
        starts = [g for g in self._openings(at, left, last) if g.tails]
        if not starts:
            return []
        starts = _above(starts, _DROP)
        ended = self._search(starts, 0)
        found = self._scored(at, left, ended)
        if len(found) < 2 or self._poor(found[0], left):
            found = self._scored(at, left, ended + self._search(starts, 2))
        return found

    def _scored(self, at: int, left: str, ended: list[_Ended]) -> list[_Reading]:
        """Every reading with the text behind it, up to the same place, best first."""
        far = max((e.front.at for e in ended), default=at + 1)
        for _ in range(_RIGHT):
            far = self.ends.get(far, far)
            if far >= len(self.text) or self.text[far] == "\n":
                break
            far += 1
        by_end: dict[int, list[_Ended]] = {}
        for one in ended:
            by_end.setdefault(one.front.at, []).append(one)
        unique: dict[tuple[str, int], _Reading] = {}
        for end, ones in by_end.items():
            rest, cost = self._rest(end, far)
            ones.sort(key=lambda e: (e.badness, e.chars))
            tails = [e.tail for e in ones[:_CLOSED]]
            for char in rest:
                tails = self.ranker.add_all(tails, char)
            for one, tail in zip(ones, tails, strict=False):
                reading = _Reading(end, one.chars, tail[4] - cost, one.front.kind)
                known = unique.get((one.chars, end))
                if known is None or known.score < reading.score:
                    unique[one.chars, end] = reading
        found = sorted(unique.values(), key=lambda r: (-r.score, r.end, r.chars))[:40]
        rest, cost = self._rest(at + 1, far)
        tail = self.ranker.extend(START, left[-_LEFT:] + "?" + rest)
        found.append(_Reading(at, "", tail[4] - cost - _LEFT_ALONE, 0))
        return sorted(found, key=lambda r: (-r.score, r.end, r.chars))

    def _rest(self, at: int, far: int) -> tuple[str, float]:
        """The text from raw character `at` to `far` taken as it stands, and what its oddities cost."""
        text = self.text
        cost = 0.0
        out: list[str] = []
        while at < far:
            end = self.ends.get(at)
            if end is not None:
                at = end
                continue
            c = text[at]
            if c in "?？":
                cost += 6.0 if text[at + 1 : at + 2] not in _STOP_MARKS else 14.0
            elif c == "(" or (c.isascii() and c.isalpha()):
                if _REST.match(text, at):
                    cost += 30.0
            elif (c not in self.simple and c not in possible()) or self._impossible(c):
                cost += 12.0
            out.append(self.simple.get(c, c))
            at += 1
        return "".join(out), cost

    def _poor(self, best: _Reading, left: str) -> bool:
        """True when a character of the reading is rare and belongs to no word there: something may have vanished."""
        word = self.ranker
        before = left[-3:]
        context = before + best.chars + self._right(best.end)[:3]
        for i in range(len(before), len(before) + len(best.chars)):
            if not "\u4e00" <= context[i] <= "\u9fff" or word[context[i]] > -8.0:
                continue
            if not any(
                word[context[a:b]] > UNKNOWN
                for a in range(max(0, i - 3), i + 1)
                for b in range(max(i + 1, a + 2), min(a + 4, len(context)) + 1)
            ):
                return True
        return False

    def _openings(self, at: int, left: str, last: str) -> list[_Group]:
        text = self.text
        tail = self.ranker.extend(START, left[-_LEFT:])
        quote = left.count("“") > left.count("”")
        short = quote and "“" in left[-8:]
        out: list[_Group] = []
        py = _TAIL.match(text, at + 1)
        if py is not None and last in pairs():
            for key in self._keys(pairs()[last][1], py.group(1)):
                front = _Front(py.end(), pairs()[key.char][1], 0, 0, key.rank, quote, short)
                out.append(_Group(front, [""], [tail]))
        mark = _MARKS.get(text[at + 1 : at + 2])
        if mark is not None:
            first, second = pairs()[mark]
            chars = [
                simple
                for char, simple in self._heads(first)
                if (char not in _MARKS or (char == "。" and mark != "。")) and (simple != "”" or quote)
            ]
            front = _Front(at + 2, second, 1, 0, -1, quote, short)
            out.append(_Group(front, chars, self._heads_added(tail, chars, first)))
        if text[at + 1 : at + 2] in ("?", "？") and text[at + 2 : at + 3] in _STOP_MARKS:
            chars = [simple for _, simple in self._heads(0xA1)]
            front = _Front(at + 2, None, 1, 0, -1, quote, short)
            out.append(_Group(front, chars, self._heads_added(tail, chars, 0xA1)))
        return out

    def _heads_added(self, tail: Tail, chars: list[str], trail: int) -> list[Tail]:
        before = tail[0]
        known = [self._known_after(before[-size:], 0, trail) for size in (1, 2, 3)]
        return self.ranker.add_each(tail, chars, known)

    def _heads(self, trail: int) -> list[tuple[str, str]]:
        """Characters with this second byte and their simplified forms."""
        return [(char, self.simple.get(char, char)) for char, _ in _by_trail().get(trail, ())]

    def _keys(self, lead: int, reading: str) -> list[Key]:
        every = _listed().get((lead, reading), ())
        listed = [k for k in every if k.level <= self.level]
        if listed:
            return listed
        return list(every) or _unlisted().get((lead, reading), [])

    def _search(self, groups: list[_Group], vanish: int) -> list[_Ended]:
        """Readings that came to an end, best first, with up to `vanish` pairs of bytes that show nothing."""
        text = self.text
        done: list[_Ended] = []
        for turn in range(_MAX_TOKENS):
            if not groups:
                break
            following: list[_Group] = []
            best: set[tuple[int, int]] | None = None
            for number, group in enumerate(groups):
                front = group.front
                if front.pending is None:
                    done += [_Ended(-t[4], turn, c, front, t) for c, t in zip(group.chars, group.tails, strict=True)]
                elif text[front.at : front.at + 1] not in ("?", "？"):
                    self._step(group, following)
                else:  # many ways on from here: only for the best
                    if best is None:
                        best = {(n, i) for _, _, n, i in _in_order(groups)[:_ENDED]}
                    self._step(group.only([i for i in range(len(group.chars)) if (number, i) in best]), following)
            if vanish:
                going = [g for g in groups if g.front.pending is not None and g.front.vanished < vanish]
                for _, _, number, i in _in_order(going)[:_VANISH_FROM]:
                    self._vanish(going[number].only([i]), following)
            groups = _above(_distinct(following), None if vanish else _DROP)
        done.sort()
        return done[:_READINGS]

    def _simple(self, char: str) -> str:
        """A true character as the page would show it: simplified, full-width ASCII folded where the page is."""
        simple = self.simple.get(char, char)
        return chr(ord(simple) - 0xFEE0) if self.folded and "！" <= simple <= "～" else simple

    def _may_stand(self, move: _Move, front: _Front, kind: int = 0) -> bool:
        """False where the converter would have annotated or cut the character, or cannot have written it."""
        char = move.char
        if char not in _writable():
            return False
        if not move.annotated and char in self.always:
            key = key_of().get(char)
            if front.limit < 0 or key is None or key.rank < front.limit:
                return False
        return not (move.pending is not None and kind == 0 and char in CUT_MARKS and not move.split)

    def _put(self, out: list[_Group], group: _Group, move: _Move, kind: int = 0) -> None:
        """The group after one more true character, nothing where it may not stand there."""
        front, chars, tails = group
        if not self._may_stand(move, front, kind):
            return
        simple = self._simple(move.char)
        quote = front.open_quote
        if simple in _QUOTES:
            tails = [_charged(t, _oddity(front, c, t, simple)) for c, t in zip(chars, tails, strict=True)]
            quote = simple == "“" or (quote and simple == "》")
        tails = self.ranker.add_all(tails, simple)
        short = front.short_quote
        if move.behind:
            simple += move.behind
            quote = short = False
            if move.behind != DAMAGE_MARK:
                tails = self.ranker.add_all(tails, move.behind)
        following = _Front(move.at, move.pending, max(front.kind, kind), front.vanished, -1, quote, short)
        out.append(_Group(following, [c + simple for c in chars], tails))

    def _put_each(self, out: list[_Group], group: _Group, simples: Iterable[str], move: _Move, kind: int = 0) -> None:
        """A group of one reading after each of several simplified characters, which may all stand there."""
        front, chars, tails = group
        plain = []
        for simple in simples:
            if simple in _QUOTES:
                self._put(out, group, move._replace(char=simple), kind)
            else:
                plain.append(simple)
        following = self.ranker.add_each(tails[0], plain)
        behind = move.behind
        marked = bool(behind)
        if marked and behind != DAMAGE_MARK:
            following = self.ranker.add_all(following, behind)
        after = _Front(
            move.at,
            move.pending,
            max(front.kind, kind),
            front.vanished,
            -1,
            front.open_quote and not marked,
            front.short_quote and not marked,
        )
        out.append(_Group(after, [chars[0] + c + behind for c in plain], following))

    def _moves(self, at: int, lead: int) -> list[_Move]:
        """Every way to read the raw characters at `at` with `lead` as first byte where no byte is unknown."""
        text = self.text
        token = text[at : at + 1]
        out: list[_Move] = []
        if token in ("?", "？"):
            py = _TAIL.match(text, at + 1)
            if py is not None:
                out += [_Move(key.char, py.end(), None, True) for key in self._keys(lead, py.group(1))]
        if "@" <= token <= "~" or token == "€":  # noqa: S105
            char = shown()[lead << 8 | (0x80 if token == "€" else ord(token))]  # noqa: S105
            if char:
                note = _ANNOTATION.match(text, at + 1)
                if note is not None and _reads(char, note.group(1)):
                    out.append(_Move(char, note.end(), None, True))
                else:
                    out.append(_Move(char, at + 1, None))
        if "!" <= token <= "~":
            b0, b1 = 0xA3, ord(token) + 0x80
        elif token in pairs():
            b0, b1 = pairs()[token]
        else:
            return out
        char = shown()[lead << 8 | b0]
        if char:
            after = self.ends.get(at + 1, at + 1)
            if b1 >= 0x81:
                mark = _MARKS.get(token)
                split = char in CUT_MARKS and mark is not None and CUT_MARKS.index(mark) < CUT_MARKS.index(char)
                out.append(_Move(char, after, b1, split=split))
            elif b1 != 0x80:
                out.append(_Move(char, after, None, behind=chr(b1)))
        return out

    def _step(self, group: _Group, out: list[_Group]) -> None:
        """Every way to read the next raw character with `pending` as first byte."""
        text = self.text
        at, lead = group.front[:2]
        if lead is None or not group.chars:
            return
        token = text[at : at + 1]
        if token in ("", "\n", "\r"):
            self._lost_trail(group, lead, at, out, swallowed=False)
            return
        moves = self._moves(at, lead)
        for move in moves:
            self._put(out, group, move)
        if token in ("?", "？"):
            following = text[at + 1 : at + 2]
            if following in _STOP_MARKS or following in ("", "\n"):
                self._lost_trail(group, lead, at + 1, out, swallowed=False)
            if following not in _STOP_MARKS and _TAIL.match(text, at + 1) is None:
                self._lost_trail(group, lead, at + 1, out, swallowed=True)

    def _lost_trail(self, group: _Group, lead: int, at: int, out: list[_Group], *, swallowed: bool) -> None:
        """The character's second byte is lost with the `?`; with it an ASCII character where `swallowed`."""
        kind = 2 if swallowed else 1
        lost = [
            (rank, simple)
            for rank, (char, simple) in enumerate(self._lost(lead))
            if self._may_stand(_Move(char, at, None), group.front, kind)
        ]
        top = dict.fromkeys(self._simple(simple) for rank, simple in lost if rank < _TOP)
        rest = {simple for rank, simple in lost if rank >= _TOP}
        move = _Move("", at, None, behind=DAMAGE_MARK if swallowed else "")
        for i, tail in enumerate(group.tails):
            before = tail[0]
            if before:
                known = rest & (self._known_after(before[-1:], lead) | self._known_after(before[-2:], lead))
            else:
                known = rest
            self._put_each(out, group.only([i]), [*top, *map(self._simple, sorted(known))], move, kind)

    def _known_after(self, prefix: str, lead: int, trail: int = 0) -> Set[str]:
        """Characters with this byte that make a word of the dictionary or the page with what is before them."""
        own = self.ranker.following(prefix)
        known = _continuing(prefix, lead, trail)
        return known | own if own else known

    def _lost(self, lead: int) -> tuple[tuple[str, str], ...]:
        """Characters with this first byte and a second one that cannot stand alone, likeliest first."""
        found = self._lost_by_lead.get(lead)
        if found is None:
            every = [(c, self.simple.get(c, c)) for c, trail in _by_lead().get(lead, ()) if trail >= 0x81]
            every.sort(key=lambda e: (-self.ranker[e[1]], e[0]))
            found = self._lost_by_lead[lead] = tuple(every)
        return found

    def _vanish(self, group: _Group, out: list[_Group]) -> None:
        """A pair of bytes that shows nothing stood before the next raw character; for a group of one reading."""
        at, lead = group.front[:2]
        if lead is None:
            return
        token = self.text[at : at + 1]
        unit = pairs().get(token)
        if unit is None and not "@" <= token <= "~":
            return
        following = self._following(at, unit)
        second = unit[0] if unit is not None else ord(token)
        before_following = _leading(following, second) if following else frozenset()
        seconds = self._second(second)
        front = group.front._replace(kind=max(1, group.front.kind), vanished=group.front.vanished + 1, limit=-1)
        firsts = [
            (self._simple(char), trail)
            for char, trail in _vanishing(lead)
            if self._may_stand(_Move(char, at, -1), group.front, 1)
        ]
        tails = self.ranker.add_each(group.tails[0], [simple for simple, _ in firsts])
        moves: dict[int, list[_Move]] = {}
        for n in sorted(range(len(firsts)), key=lambda n: -tails[n][4])[:_VANISHED]:
            simple, trail = firsts[n]
            first = _Group(front, [group.chars[0] + simple], [tails[n]])
            after_first = self._known_after(simple, 0, second)
            ways: dict[_Move, list[str]] = {}
            for rank, (_, simple2, lead2) in enumerate(seconds):
                if in_private_zone(trail, lead2) and (
                    rank < _TOP_VANISHED
                    or simple2 in after_first
                    or simple2 in before_following
                    or (following and self.ranker.preceding(simple2, following))
                ):
                    if lead2 not in moves:
                        moves[lead2] = self._moves(at, lead2)
                    for move in moves[lead2]:
                        if self._may_stand(move, front):
                            ways.setdefault(move._replace(char=""), []).append(self._simple(move.char))
            for move, simples in ways.items():
                self._put_each(out, first, simples, move)

    def _second(self, trail: int) -> tuple[tuple[str, str, int], ...]:
        """Characters with this second byte, likeliest first, with their first byte."""
        found = self._by_second.get(trail)
        if found is None:
            every = [(c, self.simple.get(c, c), lead) for c, lead in _by_trail().get(trail, ())]
            every.sort(key=lambda e: (-self.ranker[e[1]], e[0]))
            found = self._by_second[trail] = tuple(every)
        return found

    def _following(self, at: int, unit: tuple[int, int] | None) -> str:
        """The true character after the one whose second byte opens the unit at `at`, if it is known."""
        if unit is None or unit[1] < 0x81:
            return ""
        token = self.text[at + 1 : at + 2]
        char = ""
        if token in pairs():
            char = shown()[unit[1] << 8 | pairs()[token][0]]
        elif "@" <= token <= "~":
            char = shown()[unit[1] << 8 | ord(token)]
        elif token == "?":  # noqa: S105
            py = _TAIL.match(self.text, at + 2)
            found = self._keys(unit[1], py.group(1)) if py is not None else []
            char = found[0].char if found else ""
        return self.simple.get(char, char)


def _in_order(groups: Iterable[_Group]) -> list[tuple[float, str, int, int]]:
    """All readings of some groups, best first: badness, characters, number of the group, place in the group."""
    return sorted(
        (-tail[4], chars, number, i)
        for number, group in enumerate(groups)
        for i, (chars, tail) in enumerate(zip(group.chars, group.tails, strict=True))
    )


def _distinct(groups: list[_Group]) -> list[_Group]:
    """Readings that differ in their characters, the best of those that do not."""
    shared: dict[tuple[int, int | None], list[int]] = {}
    for number, group in enumerate(groups):
        if group.chars:
            shared.setdefault(group.front[:2], []).append(number)
    out: list[_Group] = []
    for numbers in shared.values():
        if len(numbers) == 1 and len(set(groups[numbers[0]].chars)) == len(groups[numbers[0]].chars):
            out.append(groups[numbers[0]])
            continue
        best: dict[str, tuple[float, int, int]] = {}
        for number in numbers:
            for i, (chars, tail) in enumerate(zip(groups[number].chars, groups[number].tails, strict=True)):
                known = best.get(chars)
                if known is None or known[0] < tail[4]:
                    best[chars] = (tail[4], number, i)
        kept: dict[int, list[int]] = {}
        for _, number, i in best.values():
            kept.setdefault(number, []).append(i)
        out += _joined_by_front(groups[number].only(places) for number, places in kept.items())
    return out


def _joined_by_front(groups: Iterable[_Group]) -> list[_Group]:
    """One group for each front."""
    found: dict[_Front, _Group] = {}
    for group in groups:
        known = found.setdefault(group.front, group)
        if known is not group:
            known.chars.extend(group.chars)
            known.tails.extend(group.tails)
    return list(found.values())


def _above(groups: list[_Group], drop: float | None) -> list[_Group]:
    """The best readings of the groups, with `drop` only those within so many nats of the best."""
    if sum(len(g.chars) for g in groups) > _BEAM:
        kept: dict[int, list[int]] = {}
        for _, _, number, i in _in_order(groups)[:_BEAM]:
            kept.setdefault(number, []).append(i)
        groups = [groups[number].only(places) for number, places in kept.items()]
    if drop is None or not groups:
        return groups
    floor = max(t[4] for g in groups for t in g.tails) - drop
    out: list[_Group] = []
    for group in groups:
        kept_here = [i for i, t in enumerate(group.tails) if t[4] >= floor]
        if kept_here:
            out.append(group if len(kept_here) == len(group.chars) else group.only(kept_here))
    return out


def _oddity(front: _Front, chars: str, tail: Tail, simple: str) -> float:
    """What a quotation mark costs that does not fit those before it."""
    if simple == "“":
        return 6.0 if front.open_quote else 0.0
    if simple == "”":
        return 6.0 if not front.open_quote or (tail[0][-1:] in STOPS and front.short_quote) else 0.0
    return 3.0 if "《" not in chars else 0.0


def _charged(tail: Tail, cost: float) -> Tail:
    return (*tail[:4], tail[4] - cost) if cost else tail
