"""Pinyin annotations and broken byte runs that a traditional-character converter left in a page.

Belongs here: finding annotations and runs, what the bytes of a run allow, which reading the context prefers.
docs/damage.md explains the damage; `damage` is the converter itself.
Does not belong here: other kinds of repair, simplifying, scores (restore_rank).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

import opencc

from pipelines.documents.model import DAMAGE_MARK, Edit, EditClass
from pipelines.documents.restore_rank import START, STOPS, UNKNOWN, Ranker, Tail
from pipelines.documents.restore_table import PAIR, SHOWN, TONES, Key, in_private_zone, key_of, keys, possible

MIN_ANNOTATIONS: Final = 3
"""A page with fewer annotations, and none of them broken, is left alone."""
_ANNOTATION: Final = re.compile(rf"\(([a-z{TONES}]{{1,6}})\)")
_TAIL: Final = re.compile(rf"([a-z{TONES}]{{1,6}})\)")
_RESIDUE: Final = re.compile(rf"(?:[?？]|[A-Za-z]\()(?=[a-z{TONES}]*[{TONES}])[a-z{TONES}]{{1,6}}\)")
_LOOSE: Final = re.compile(rf"(?<![a-z{TONES}(])([a-z]?[a-z{TONES}]*[{TONES}][a-z{TONES}]*)\)")
_REST: Final = re.compile(rf"[A-Za-z]?\([a-z{TONES}]{{1,6}}\)|[a-z{TONES}]{{1,6}}\)")
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
_MOST_MARKS: Final = 4
_KEPT: Final = 6
_CERTAIN: Final = 4.0
_LEFT: Final = 7
_RIGHT: Final = 6
_MAX_TOKENS: Final = 24


@cache
def readings(char: str) -> frozenset[str]:
    """Tone-marked readings of one character."""
    from pypinyin.constants import PINYIN_DICT  # takes a second to import, and clean pages never need it

    key = key_of().get(char)
    found = set(PINYIN_DICT.get(ord(char), "").split(","))
    if key is not None:
        found.add(key.reading)
    return frozenset(found)


@cache
def outside_gb2312(char: str) -> bool:
    """True when GB2312 has no such character."""
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


@cache
def _simplified() -> dict[str, str]:
    every = sorted(c for c in PAIR if "\u4e00" <= c <= "\u9fff")
    converted = opencc.OpenCC("t2s").convert("\n".join(every)).split("\n")
    table = {a: b for a, b in zip(every, converted, strict=True) if len(b) == 1}
    table["著"] = "着"
    return table


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
            lead, trail = PAIR[char]
            found.setdefault(lead, []).append((char, trail))
    return {k: tuple(v) for k, v in found.items()}


@cache
def _by_trail() -> dict[int, tuple[tuple[str, int], ...]]:
    """Possible characters by their second byte: (character, first byte)."""
    found: dict[int, list[tuple[str, int]]] = {}
    for char in sorted(possible()):
        if _likely_kind(char):
            lead, trail = PAIR[char]
            found.setdefault(trail, []).append((char, lead))
    return {k: tuple(v) for k, v in found.items()}


def _likely_kind(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff" or char in "，。、；：！？（）“”‘’《》〈〉【】—…·％＋－〔〕０１２３４５６７８９"


@cache
def _keys_by_lead() -> dict[tuple[int, str], tuple[Key, ...]]:
    """Keys of the list, and beyond it any character outside GB2312, by first byte and reading."""
    found: dict[tuple[int, str], list[Key]] = {}
    for key in keys():
        found.setdefault((PAIR[key.char][0], key.reading), []).append(key)
    listed = set(key_of())
    for char in sorted(possible()):
        if "\u4e00" <= char <= "\u9fff" and char not in listed and outside_gb2312(char):
            for reading in sorted(readings(char)):
                slot = found.setdefault((PAIR[char][0], reading), [])
                if not slot or slot[0].rank >= 10_000:
                    slot.append(Key(10_000, 99, char, reading))
    return {k: tuple(v) for k, v in found.items()}


class _State(NamedTuple):
    """One partial reading of a run."""

    at: int  # next raw character
    pending: int | None  # first byte of the next true character; None when aligned, -1 when unknown
    tail: Tail
    chars: str  # true characters, simplified
    kind: int = 0  # 0 every byte known, 1 some unknown, 2 a swallowed ASCII character
    vanished: int = 0
    limit: int = -1  # rank below which keys must carry their annotation in a run opened by a key; -1: all of them
    open_quote: bool = False
    short_quote: bool = False  # the open quote began few characters ago: a quoted name, which holds no stop


class _Reading(NamedTuple):
    end: int
    chars: str
    score: float
    kind: int


def repair_pinyin_damage(text: str) -> list[Edit]:
    """Edits that remove annotations and repair runs; none in a page with fewer than three annotations."""
    if ")" not in text:
        return []
    edits: list[Edit] = []
    always: set[str] = set()
    for found in _ANNOTATION.finditer(text):
        start = found.start()
        char = text[start - 1] if start else "("
        if char >= "\u3400" and outside_gb2312(char) and found.group(1) in readings(char):
            edits.append(Edit(start, found.end(), "", "annotation"))
            always.add(char)
    if len(edits) < MIN_ANNOTATIONS and _RESIDUE.search(text) is None:
        return []
    if "?" in text or "？" in text:
        runs = _Page(text, edits, always).runs()
        edits = _merge(edits, runs)
    elif _LOOSE.search(text) is None:
        return edits
    return _merge(edits, _unexplained(text, edits))


def _merge(edits: list[Edit], runs: list[Edit]) -> list[Edit]:
    """Both lists in order, without the annotations inside runs."""
    if not runs:
        return edits
    out: list[Edit] = []
    i = 0
    for run in runs:
        while i < len(edits) and edits[i].end <= run.start:
            out.append(edits[i])
            i += 1
        out.append(run)
        while i < len(edits) and edits[i].start < run.end:
            i += 1
    out += edits[i:]
    return out


def _unexplained(text: str, edits: list[Edit]) -> list[Edit]:
    """Rests of annotations outside every edit: marked, since something before them is lost."""
    out = []
    covered = 0
    for found in _LOOSE.finditer(text):
        while covered < len(edits) and edits[covered].end <= found.start():
            covered += 1
        if covered < len(edits) and edits[covered].start < found.end():
            continue
        if text[max(0, found.start() - 8) : found.start()].count("("):
            continue
        out.append(Edit(found.start(), found.end(), DAMAGE_MARK, "unexplained", False, (), True))
    return out


class _Page:
    """What the whole page says, for reading its runs."""

    def __init__(self, text: str, annotations: list[Edit], always: set[str]) -> None:
        self.text = text
        self.folded = not any("！" <= c <= "～" for c in set(text))
        parts: list[str] = []
        done = 0
        for e in annotations:
            parts.append(text[done : e.start])
            done = e.end
        parts.append(text[done:])
        self.simple = _simplified()
        plain = "".join(parts)
        self.plain = plain.translate({ord(a): b for a, b in self.simple.items()}) if len(plain) < 2_000_000 else plain
        self.ranker = Ranker(self.plain)
        self._by_second: dict[int, tuple[tuple[str, str, int], ...]] = {}
        self._lost_by_lead: dict[int, tuple[tuple[str, str], ...]] = {}
        level = max((key_of()[c].level for c in always if c in key_of()), default=0)
        self.level = level
        self.always = always | {k.char for k in keys() if k.level < level}
        self.ends = {e.start: e.end for e in annotations}
        self.starts = {e.end: e.start for e in annotations}

    def runs(self) -> list[Edit]:
        """One edit per run and per question mark that may hide a digit."""
        text = self.text
        out: list[Edit] = []
        done = 0
        for found in re.finditer(r"[?？]+", text):
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
        found = self._read(at, left, last)
        if not found or found[0].end == at:
            return self._left_over(at)
        best = found[0]
        others = [r.chars for r in found if r.end > at and r.chars != best.chars]
        rival = next((r.score for r in found if r.chars != best.chars), -1e9)
        edit_class: EditClass = ("shifted", "lost_byte", "lost_character")[best.kind]
        certain = best.kind == 0 and best.score - rival >= _CERTAIN
        end = best.end
        replacement = best.chars
        risk = best.kind == 2
        if best.kind == 2:
            replacement, end = self._guard(replacement, end)
        elif text[end - 1 : end] in ("?", "？"):  # a last byte lost before a mark: a number may have stood there
            risk = True
            thousands = re.compile(r"[,，、]\d{3}(?!\d)").match(text, end)
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
        """A question mark no reading explains: kept; where digits follow, one before them may be lost."""
        text = self.text
        following = re.compile(r"[?？]+[^\d\n。，；、]{0,2}?(?=[\d.])").match(text, at)
        if following is None:
            tail = _TAIL.match(text, at + 1)
            if tail is not None:
                return Edit(at, tail.end(), DAMAGE_MARK, "unexplained", False, (), True)
            return None
        end = following.end()
        replacement = text[at:end] + DAMAGE_MARK
        replacement, end = self._guard(replacement, end)
        return Edit(at, end, replacement, "unexplained", False, (), True)

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

    def _read(self, at: int, left: str, last: str) -> list[_Reading]:
        """Readings of the run at a question mark, best first, with the text as it is among them (end == at)."""
        starts = self._openings(at, left, last)
        if not starts:
            return []
        floor = max(s.tail[4] for s in starts) - _DROP
        starts = sorted((s for s in starts if s.tail[4] >= floor), key=lambda s: -s.tail[4])
        ended = self._search(starts, 0)
        found = self._scored(at, left, ended)
        if len(found) < 2 or self._poor(found[0], left):
            found = self._scored(at, left, ended + self._search(starts, 2))
        return found

    def _scored(self, at: int, left: str, ended: list[_State]) -> list[_Reading]:
        """Every reading with the text behind it, up to the same place, best first."""
        far = max((s.at for s in ended), default=at + 1)
        for _ in range(_RIGHT):
            far = self.ends.get(far, far)
            if far >= len(self.text) or self.text[far] == "\n":
                break
            far += 1
        by_end: dict[int, list[_State]] = {}
        for state in ended:
            by_end.setdefault(state.at, []).append(state)
        unique: dict[tuple[str, int], _Reading] = {}
        extend = self.ranker.extend
        for end, states in by_end.items():
            rest, cost = self._rest(end, far)
            states.sort(key=lambda s: (-s.tail[4], s.chars))
            for state in states[:_CLOSED]:
                reading = _Reading(end, state.chars, extend(state.tail, rest)[4] - cost, state.kind)
                known = unique.get((state.chars, end))
                if known is None or known.score < reading.score:
                    unique[state.chars, end] = reading
        found = sorted(unique.values(), key=lambda r: (-r.score, r.end, r.chars))[:40]
        rest, cost = self._rest(at + 1, far)
        tail = extend(START, left[-_LEFT:] + "?" + rest)
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

    def _openings(self, at: int, left: str, last: str) -> list[_State]:
        text = self.text
        tail = self.ranker.extend(START, left[-_LEFT:])
        quote = left.count("“") > left.count("”")
        short = quote and "“" in left[-8:]
        out: list[_State] = []
        py = _TAIL.match(text, at + 1)
        if py is not None and last in PAIR:
            for key in self._keys(PAIR[last][1], py.group(1)):
                out.append(_State(py.end(), PAIR[key.char][1], tail, "", 0, 0, key.rank, quote, short))
        mark = _MARKS.get(text[at + 1 : at + 2])
        if mark is not None:
            first, second = PAIR[mark]
            for char, _ in _by_trail().get(first, ()):
                if char in _MARKS and not (char == "。" and mark != "。"):
                    continue
                simple = self.simple.get(char, char)
                if simple == "”" and not quote:
                    continue
                out.append(_State(at + 2, second, self.ranker.add(tail, simple), simple, 1, 0, -1, quote, short))
        if text[at + 1 : at + 2] in ("?", "？") and text[at + 2 : at + 3] in _STOP_MARKS:
            for char, _ in _by_trail().get(0xA1, ()):
                simple = self.simple.get(char, char)
                out.append(_State(at + 2, None, self.ranker.add(tail, simple), simple, 1, 0, -1, quote, short))
        return out

    def _keys(self, lead: int, reading: str) -> list[Key]:
        every = _keys_by_lead().get((lead, reading), ())
        listed = [k for k in every if k.level <= self.level]
        return listed or list(every)

    def _search(self, states: list[_State], vanish: int) -> list[_State]:
        text = self.text
        done: list[_State] = []
        for _ in range(_MAX_TOKENS):
            if not states:
                break
            following: list[_State] = []
            for rank, state in enumerate(states):
                if state.pending is None:
                    done.append(state)
                elif rank < _ENDED or text[state.at : state.at + 1] not in ("?", "？"):
                    self._step(state, following)
            if vanish:
                going = sorted(
                    (s for s in states if s.pending is not None and s.vanished < vanish), key=lambda s: -s.tail[4]
                )
                for state in going[:_VANISH_FROM]:
                    self._vanish(state, following, vanish)
            best: dict[tuple[int, int | None, str], _State] = {}
            for s in following:
                slot = (s.at, s.pending, s.chars)
                if slot not in best or best[slot].tail[4] < s.tail[4]:
                    best[slot] = s
            states = sorted(best.values(), key=lambda s: (-s.tail[4], s.chars))[:_BEAM]
            if states and not vanish:
                floor = states[0].tail[4] - _DROP
                states = [s for s in states if s.tail[4] >= floor]
        done.sort(key=lambda s: -s.tail[4])
        return done[:120]

    def _emit(
        self, state: _State, char: str, at: int, pending: int | None, *, kind: int = 0, annotated: bool = False
    ) -> _State | None:
        """The state after one more true character, None where the converter would have annotated or cut it."""
        if char not in _writable():
            return None
        if not annotated and char in self.always:
            key = key_of().get(char)
            if state.limit < 0 or key is None or key.rank < state.limit:
                return None
        if char in "，。、；！？" and kind == 0 and pending is not None:
            return None
        simple = self.simple.get(char, char)
        if "！" <= simple <= "～" and self.folded:
            simple = chr(ord(simple) - 0xFEE0)
        quote = state.open_quote
        tail = state.tail
        if simple == "“":
            if quote:
                tail = (*tail[:4], tail[4] - 6.0)
            quote = True
        elif simple == "”":
            if not quote or (tail[0][-1:] in STOPS and state.short_quote):
                tail = (*tail[:4], tail[4] - 6.0)
            quote = False
        elif simple == "》" and "《" not in state.chars:
            tail = (*tail[:4], tail[4] - 3.0)
        tail = self.ranker.add(tail, simple)
        return _State(
            at, pending, tail, state.chars + simple, max(state.kind, kind), state.vanished, -1, quote, state.short_quote
        )

    def _step(self, state: _State, out: list[_State]) -> None:
        """Every way to read the next raw character with `pending` as first byte."""
        text = self.text
        lead = state.pending
        if lead is None:
            return
        token = text[state.at : state.at + 1]
        if token in ("", "\n", "\r"):
            self._lost_trail(state, lead, out, swallowed=False)
            return
        if token in ("?", "？"):
            py = _TAIL.match(text, state.at + 1)
            if py is not None:
                for key in self._keys(lead, py.group(1)):
                    self._put(out, self._emit(state, key.char, py.end(), None, annotated=True))
            following = text[state.at + 1 : state.at + 2]
            if following in _STOP_MARKS or following in ("", "\n"):
                self._lost_trail(state, lead, out, swallowed=False)
            if py is None and following not in _STOP_MARKS:
                self._lost_trail(state, lead, out, swallowed=True)
        units: list[tuple[int, int]] = []
        if token.isascii():
            if "!" <= token <= "~":
                units.append((0xA3, ord(token) + 0x80))
            if "@" <= token <= "~":
                self._letter(state, lead, ord(token), state.at + 1, out)
        elif token == "€":  # noqa: S105
            self._letter(state, lead, 0x80, state.at + 1, out)
        elif token in PAIR:
            units.append(PAIR[token])
        for b0, b1 in units:
            char = SHOWN[lead << 8 | b0]
            if not char:
                continue
            at = state.at + 1
            note = self.ends.get(at)
            if note is not None:
                at = note
            if b1 >= 0x81:
                self._put(out, self._emit(state, char, at, b1))
            elif b1 != 0x80:
                after = self._emit(state, char, at, None)
                if after is not None:
                    letter = chr(b1)
                    out.append(
                        _State(
                            at,
                            None,
                            self.ranker.add(after.tail, letter),
                            after.chars + letter,
                            after.kind,
                            after.vanished,
                        )
                    )

    def _letter(self, state: _State, lead: int, trail: int, at: int, out: list[_State]) -> None:
        char = SHOWN[lead << 8 | trail]
        if not char:
            return
        note = re.compile(rf"\(([a-z{TONES}]{{1,6}})\)").match(self.text, at)
        if note is not None and note.group(1) in readings(char):
            self._put(out, self._emit(state, char, note.end(), None, annotated=True))
        else:
            self._put(out, self._emit(state, char, at, None))

    def _lost_trail(self, state: _State, lead: int, out: list[_State], *, swallowed: bool) -> None:
        """The character's second byte is lost with the `?`; with it an ASCII character where `swallowed`."""
        at = state.at + 1 if self.text[state.at : state.at + 1] in ("?", "？") else state.at
        kind = 2 if swallowed else 1
        known = self.ranker
        before = state.tail[0]
        previous, two = before[-1:], before[-2:]
        for rank, (char, simple) in enumerate(self._lost(lead)):
            if rank >= _TOP and known[previous + simple] == UNKNOWN and known[two + simple] == UNKNOWN:
                continue
            after = self._emit(state, char, at, None, kind=kind)
            if after is None:
                continue
            if swallowed:
                after = _State(at, None, after.tail, after.chars + DAMAGE_MARK, kind, after.vanished)
            out.append(after)

    def _lost(self, lead: int) -> tuple[tuple[str, str], ...]:
        """Characters with this first byte and a second one that cannot stand alone, likeliest first."""
        found = self._lost_by_lead.get(lead)
        if found is None:
            every = [(c, self.simple.get(c, c)) for c, trail in _by_lead().get(lead, ()) if trail >= 0x81]
            every.sort(key=lambda e: (-self.ranker[e[1]], e[0]))
            found = self._lost_by_lead[lead] = tuple(every)
        return found

    def _vanish(self, state: _State, out: list[_State], left: int) -> None:
        """A pair of bytes that shows nothing stood before the next raw character."""
        lead = state.pending
        if lead is None:
            return
        first: list[tuple[_State, int]] = []
        for char, trail in _by_lead().get(lead, ()):
            if trail < 0xA1 and trail < 0xF8:
                continue
            if not (in_private_zone(trail, 0xA1) or in_private_zone(trail, 0x81)):
                continue
            after = self._emit(state, char, state.at, -1, kind=1)
            if after is not None:
                first.append((after, trail))
        first.sort(key=lambda f: -f[0].tail[4])
        token = self.text[state.at : state.at + 1]
        unit = PAIR.get(token)
        if unit is None and not "@" <= token <= "~":
            return
        second = unit[0] if unit is not None else ord(token)
        following = self._following(state.at, unit)
        known = self.ranker
        for after, trail in first[:_VANISHED]:
            previous = after.tail[0][-1:]
            for rank, (_, simple, lead2) in enumerate(self._second(second)):
                if in_private_zone(trail, lead2) and (
                    rank < _TOP_VANISHED
                    or known[previous + simple] > UNKNOWN
                    or (following and known[simple + following] > UNKNOWN)
                ):
                    self._step(after._replace(pending=lead2, kind=1, vanished=state.vanished + 1), out)

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
        if token in PAIR:
            char = SHOWN[unit[1] << 8 | PAIR[token][0]]
        elif "@" <= token <= "~":
            char = SHOWN[unit[1] << 8 | ord(token)]
        elif token == "?":  # noqa: S105
            py = _TAIL.match(self.text, at + 2)
            found = self._keys(unit[1], py.group(1)) if py is not None else []
            char = found[0].char if found else ""
        return self.simple.get(char, char)

    @staticmethod
    def _put(out: list[_State], state: _State | None) -> None:
        if state is not None:
            out.append(state)
