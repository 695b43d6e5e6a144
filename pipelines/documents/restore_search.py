"""Every reading of one broken run that the bytes allow, best first.

Belongs here: the search along the raw characters of a run, with the first byte of the next true character pending, and
the comparison of its results with the text behind the run.
Does not belong here: finding runs, edits (restore_runs), tables of characters (restore_bytes), scores (restore_rank).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cache
from itertools import chain
from operator import neg, sub
from typing import Final, NamedTuple

from pipelines.documents.model import DAMAGE_MARK
from pipelines.documents.restore_bytes import (
    by_lead,
    by_trail,
    continuing,
    leading,
    listed,
    page_forms,
    reads,
    simplified,
    unlisted,
    vanishing,
    writable,
)
from pipelines.documents.restore_rank import START, STOPS, UNKNOWN, Ranker, Tail, Tails
from pipelines.documents.restore_table import CUT_MARKS, TONES, Key, key_of, pairs, possible, shown

ANNOTATION: Final = re.compile(rf"\(([a-z{TONES}]{{1,6}})\)")
NOTE_TAIL: Final = re.compile(rf"([a-z{TONES}]{{1,6}})\)")
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
STOP_MARKS: Final = frozenset(_MARKS)
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
_BEST: Final = 40
LEFT: Final = 7
"""Characters before a run that its readings are judged with."""
_RIGHT: Final = 6
_MAX_TOKENS: Final = 24
_QUOTES: Final = frozenset("“”》")


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
    tails: Tails

    def only(self, places: Sequence[int]) -> _Group:
        """The readings at these places of the columns."""
        return _Group(self.front, [self.chars[i] for i in places], self.tails.only(places))


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


class Reading(NamedTuple):
    """The true characters of a run that ends before raw character `end`; kind as in `_Front`."""

    end: int
    chars: str
    score: float
    kind: int


_Second = tuple[str, int]
"""A character and its first byte, where its second one is known."""


@cache
def _heads(mark: str, quote: bool) -> tuple[str, ...]:
    """Simplified characters that a cut in front of this mark can have split."""
    simple = simplified()
    return tuple(
        simple.get(char, char)
        for char, _ in by_trail().get(pairs()[mark][0], ())
        if (char not in _MARKS or (char == "。" and mark != "。")) and (simple.get(char, char) != "”" or quote)
    )


@cache
def _heads_before_two() -> tuple[str, ...]:
    """Simplified characters with the second byte A1."""
    return tuple(simplified().get(char, char) for char, _ in by_trail().get(0xA1, ()))


@cache
def _seconds(trail: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """Characters with this second byte, their simplified forms, their first bytes."""
    every = by_trail().get(trail, ())
    return tuple(c for c, _ in every), tuple(simplified().get(c, c) for c, _ in every), tuple(lead for _, lead in every)


@cache
def _seconds_by_form(trail: int, high: bool) -> dict[str, list[_Second]]:
    """Characters with this second byte by simplified form, where their first byte ends a pair that shows nothing."""
    found: dict[str, list[_Second]] = {}
    for char, simple, lead in zip(*_seconds(trail), strict=True):
        if _ends_vanishing(high, lead):
            found.setdefault(simple, []).append((char, lead))
    return found


def _ends_vanishing(high: bool, lead: int) -> bool:
    """Whether a byte shows nothing behind one of AA-AF and F8-FE (high), or of A1-A7."""
    return lead >= 0xA1 if high else lead <= 0xA0


class Search:
    """Reads the runs of one page; `ends` holds the end of each annotation by its start."""

    def __init__(
        self, text: str, ranker: Ranker, ends: Mapping[int, int], always: Set[str], level: int, *, folded: bool
    ) -> None:
        self.text = text
        self.ranker = ranker
        self._ends = ends
        self._always = always
        self._level = level
        self._simple = simplified()
        self._form = page_forms(folded)
        self._pairs = pairs()
        self._shown = shown()
        self._writable = writable()
        self._moves_at: dict[tuple[int, int], list[tuple[_Move, str, bool]]] = {}
        self._ways_at: dict[tuple[int, str, bool], list[tuple[_Move, list[str]]]] = {}
        self._firsts_by_lead: dict[tuple[int, int], tuple[list[str], list[int]]] = {}
        self._lost_by_lead: dict[tuple[int, int], tuple[list[str], frozenset[str]]] = {}
        self._top_seconds: dict[int, list[tuple[float, str, int]]] = {}

    def read(self, at: int, left: str, last: str) -> list[Reading]:
        """Readings of the run at a question mark, best first, with the text as it is among them (end == at).

        `left` is the true simplified text before the run, `last` the last raw character there.
        """
        before = self.ranker.extend(START, left[-LEFT:])
        self._moves_at.clear()
        self._ways_at.clear()
        starts = [g for g in self._openings(at, left, last, before) if g.chars]
        if not starts:
            return []
        starts = _above(starts, _DROP)
        ended = self._search(starts, 0)
        found = self._scored(at, before, ended)
        if len(found) < 2 or self._poor(found[0], left):
            found = self._scored(at, before, ended + self._search(starts, 2))
        return found

    def right(self, at: int) -> str:
        """Text after a run, without annotations."""
        text = self.text
        out: list[str] = []
        while at < len(text) and len(out) < _RIGHT:
            end = self._ends.get(at)
            if end is not None:
                at = end
                continue
            c = text[at]
            if c == "\n":
                break
            out.append(self._simple.get(c, c))
            if c in "?？":
                break
            at += 1
        return "".join(out)

    def _scored(self, at: int, before: Tail, ended: list[_Ended]) -> list[Reading]:
        """Every reading with the text behind it, up to the same place, best first."""
        far = max((e.front.at for e in ended), default=at + 1)
        for _ in range(_RIGHT):
            far = self._ends.get(far, far)
            if far >= len(self.text) or self.text[far] == "\n":
                break
            far += 1
        by_end: dict[int, list[_Ended]] = {}
        for one in ended:
            by_end.setdefault(one.front.at, []).append(one)
        for ones in by_end.values():
            ones.sort(key=_badness)
            del ones[_CLOSED:]
        unique: dict[tuple[str, int], Reading] = {}
        for one, score in self._closed(by_end, far):
            end = one.front.at
            known = unique.get((one.chars, end))
            if known is None or known.score < score:
                unique[one.chars, end] = Reading(end, one.chars, score, one.front.kind)
        found = sorted(unique.values(), key=_worth)[:_BEST]
        rest, cost = self._rest(at + 1, far)
        tail = self.ranker.extend(before, "?" + rest)
        found.append(Reading(at, "", tail[4] - cost - _LEFT_ALONE, 0))
        return sorted(found, key=_worth)

    def _closed(self, by_end: Mapping[int, list[_Ended]], far: int) -> list[tuple[_Ended, float]]:
        """Readings with their scores at `far`, the text behind each taken as it stands.

        Those that ended earlier take on each character together with those that end in front of it.
        """
        joining = dict(sorted(by_end.items()))
        closed: list[tuple[_Ended, float]] = []
        while joining:
            place = next(iter(joining))
            ones: list[_Ended] = []
            tails = Tails([], [], [], [], [])
            costs: list[float] = []
            while True:
                more = joining.pop(place, None)
                if more is not None:
                    ones += more
                    costs += [0.0] * len(more)
                    tails = tails.and_also(Tails.of([one.tail for one in more]))
                if place >= far:
                    break
                skipped = self._ends.get(place)
                if skipped is not None:
                    place = skipped
                    continue
                char, cost = self._as_it_stands(place)
                tails = self.ranker.add_all(tails, char)
                if cost:
                    costs = [known + cost for known in costs]
                place += 1
            closed += zip(ones, map(sub, tails.score, costs), strict=True)
        return closed

    def _rest(self, at: int, far: int) -> tuple[str, float]:
        """The text from raw character `at` to `far` taken as it stands, and what its oddities cost."""
        cost = 0.0
        out: list[str] = []
        while at < far:
            end = self._ends.get(at)
            if end is not None:
                at = end
                continue
            char, odd = self._as_it_stands(at)
            out.append(char)
            cost += odd
            at += 1
        return "".join(out), cost

    def _as_it_stands(self, at: int) -> tuple[str, float]:
        """The raw character, simplified, and what it costs if it is odd."""
        text = self.text
        c = text[at]
        cost = 0.0
        if c in "?？":
            cost = 6.0 if text[at + 1 : at + 2] not in STOP_MARKS else 14.0
        elif c == "(" or (c.isascii() and c.isalpha()):
            if _REST.match(text, at):
                cost = 30.0
        elif (c not in self._simple and c not in possible()) or is_impossible(c):
            cost = 12.0
        return self._simple.get(c, c), cost

    def _poor(self, best: Reading, left: str) -> bool:
        """True when a character of the reading is rare and belongs to no word there: something may have vanished."""
        word = self.ranker
        before = left[-3:]
        context = before + best.chars + self.right(best.end)[:3]
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

    # --- where a run begins

    def _openings(self, at: int, left: str, last: str, before: Tail) -> list[_Group]:
        text = self.text
        quote = left.count("“") > left.count("”")
        short = quote and "“" in left[-8:]
        out: list[_Group] = []
        py = NOTE_TAIL.match(text, at + 1)
        if py is not None and last in self._pairs:
            for key in self._keys(self._pairs[last][1], py.group(1)):
                front = _Front(py.end(), self._pairs[key.char][1], 0, 0, key.rank, quote, short)
                out.append(_Group(front, [""], Tails.of([before])))
        mark = _MARKS.get(text[at + 1 : at + 2])
        if mark is not None:
            second = self._pairs[mark][1]
            chars = _heads(mark, quote)
            front = _Front(at + 2, second, 1, 0, -1, quote, short)
            out.append(_Group(front, list(chars), self.ranker.add_each(before, chars)))
        if text[at + 1 : at + 2] in ("?", "？") and text[at + 2 : at + 3] in STOP_MARKS:
            chars = _heads_before_two()
            front = _Front(at + 2, None, 1, 0, -1, quote, short)
            out.append(_Group(front, list(chars), self.ranker.add_each(before, chars)))
        return out

    def _keys(self, lead: int, reading: str) -> list[Key]:
        every = listed().get((lead, reading), ())
        of_page = [k for k in every if k.level <= self._level]
        if of_page:
            return of_page
        return list(every) or unlisted().get((lead, reading), [])

    # --- from character to character

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
                    ends = zip(*group.tails, strict=True)
                    done += [_Ended(-t[4], turn, c, front, t) for c, t in zip(group.chars, ends, strict=True)]
                elif text[front.at : front.at + 1] not in ("?", "？"):
                    self._step(group, following)
                else:  # many ways on from here: only for the best
                    if best is None:
                        best = {(n, i) for _, _, n, i in _first(groups, _ENDED)}
                    self._step(group.only([i for i in range(len(group.chars)) if (number, i) in best]), following)
            if vanish:
                going = [g for g in groups if g.front.pending is not None and g.front.vanished < vanish]
                for _, _, number, i in _first(going, _VANISH_FROM):
                    group = going[number]
                    self._vanish(group.front, group.chars[i], group.tails.at(i), following)
            groups = _above(_distinct(following), None if vanish else _DROP)
        done.sort()
        return done[:_READINGS]

    def _step(self, group: _Group, out: list[_Group]) -> None:
        """Every way to read the next raw character with `pending` as first byte."""
        text = self.text
        front = group.front
        at, lead = front[:2]
        if lead is None or not group.chars:
            return
        token = text[at : at + 1]
        if token in ("", "\n", "\r"):
            self._lost_trail(group, lead, at, out, swallowed=False)
            return
        for move, form, stands in self._moves(at, lead):
            if stands or (front.limit >= 0 and self._may_stand(move, front.limit)):
                self._put(out, group, move, form)
        if token in ("?", "？"):
            following = text[at + 1 : at + 2]
            if following in STOP_MARKS or following in ("", "\n"):
                self._lost_trail(group, lead, at + 1, out, swallowed=False)
            if following not in STOP_MARKS and NOTE_TAIL.match(text, at + 1) is None:
                self._lost_trail(group, lead, at + 1, out, swallowed=True)

    def _moves(self, at: int, lead: int) -> list[tuple[_Move, str, bool]]:
        """Every way to read the raw characters at `at` with `lead` as first byte where no byte is unknown.

        With each the form on the page, and whether the character may stand there in a run that no key opened.
        """
        known = self._moves_at.get((at, lead))
        if known is None:
            known = self._moves_at[at, lead] = [
                (move, self._form[move.char], self._may_stand(move, -1)) for move in self._possible_moves(at, lead)
            ]
        return known

    def _possible_moves(self, at: int, lead: int) -> Iterator[_Move]:
        text = self.text
        token = text[at : at + 1]
        if token in ("?", "？"):
            py = NOTE_TAIL.match(text, at + 1)
            if py is not None:
                for key in self._keys(lead, py.group(1)):
                    yield _Move(key.char, py.end(), None, True)
        if "@" <= token <= "~" or token == "€":  # noqa: S105
            char = self._shown[lead << 8 | (0x80 if token == "€" else ord(token))]  # noqa: S105
            if char:
                note = ANNOTATION.match(text, at + 1)
                if note is not None and reads(char, note.group(1)):
                    yield _Move(char, note.end(), None, True)
                else:
                    yield _Move(char, at + 1, None)
        if "!" <= token <= "~":
            b0, b1 = 0xA3, ord(token) + 0x80
        elif token in self._pairs:
            b0, b1 = self._pairs[token]
        else:
            return
        char = self._shown[lead << 8 | b0]
        if char:
            after = self._ends.get(at + 1, at + 1)
            if b1 >= 0x81:
                mark = _MARKS.get(token)
                split = char in CUT_MARKS and mark is not None and CUT_MARKS.index(mark) < CUT_MARKS.index(char)
                yield _Move(char, after, b1, split=split)
            elif b1 != 0x80:
                yield _Move(char, after, None, behind=chr(b1))

    def _may_stand(self, move: _Move, limit: int) -> bool:
        """False where the converter would have annotated or cut the character, or cannot have written it."""
        if not (move.annotated or self._unannotated(move.char, limit)) or move.char not in self._writable:
            return False
        return not (move.pending is not None and move.char in CUT_MARKS and not move.split)

    def _unannotated(self, char: str, limit: int) -> bool:
        """Whether the converter can have written the character and left it without an annotation."""
        if char not in self._writable:
            return False
        if char in self._always:
            key = key_of().get(char)
            return limit >= 0 and key is not None and key.rank >= limit
        return True

    def _put(self, out: list[_Group], group: _Group, move: _Move, form: str, kind: int = 0) -> None:
        """The group after one more true character, given in the form of the page."""
        front, chars, tails = group
        quote = front.open_quote
        if form in _QUOTES:
            costs = [_oddity(front, c, last, form) for c, last in zip(chars, tails.before, strict=True)]
            tails = tails._replace(score=list(map(sub, tails.score, costs)))
            quote = form == "“" or (quote and form == "》")
        tails = self.ranker.add_all(tails, form)
        short = front.short_quote
        if move.behind:
            form += move.behind
            quote = short = False
            if move.behind != DAMAGE_MARK:
                tails = self.ranker.add_all(tails, move.behind)
        following = _Front(move.at, move.pending, max(front.kind, kind), front.vanished, -1, quote, short)
        out.append(_Group(following, [c + form for c in chars], tails))

    def _put_each(
        self, out: list[_Group], front: _Front, chars: str, tail: Tail, forms: list[str], move: _Move, kind: int = 0
    ) -> None:
        """One reading after each of several characters, given in the form of the page, which may all stand there."""
        if not _QUOTES.isdisjoint(forms):
            for form in forms:
                if form in _QUOTES:
                    self._put(out, _Group(front, [chars], Tails.of([tail])), move, form, kind)
            forms = [form for form in forms if form not in _QUOTES]
        following = self.ranker.add_each(tail, forms)
        behind = move.behind
        unmarked = not behind
        if behind and behind != DAMAGE_MARK:
            following = self.ranker.add_all(following, behind)
        after = _Front(
            move.at,
            move.pending,
            max(front.kind, kind),
            front.vanished,
            -1,
            front.open_quote and unmarked,
            front.short_quote and unmarked,
        )
        out.append(_Group(after, [chars + form + behind for form in forms], following))

    # --- bytes that are lost

    def _lost_trail(self, group: _Group, lead: int, at: int, out: list[_Group], *, swallowed: bool) -> None:
        """The character's second byte is lost with the `?`; with it an ASCII character where `swallowed`."""
        front, chars, tails = group
        top, rest = self._lost(lead, front.limit)
        move = _Move("", at, None, behind=DAMAGE_MARK if swallowed else "")
        kind = 2 if swallowed else 1
        for read, tail in zip(chars, zip(*tails, strict=True), strict=True):
            before = tail[0]
            if before:
                known: Iterable[str] = rest & (
                    self._known_after(before[-1:], lead) | self._known_after(before[-2:], lead)
                )
            else:
                known = rest
            forms = [*top, *map(self._form.__getitem__, sorted(known))]
            self._put_each(out, front, read, tail, forms, move, kind)

    def _known_after(self, prefix: str, lead: int, trail: int = 0) -> Set[str]:
        """Characters with this byte that make a word of the dictionary or the page with what is before them."""
        own = self.ranker.following(prefix)
        known = continuing(prefix, lead, trail)
        return known | own if own else known

    def _lost(self, lead: int, limit: int) -> tuple[list[str], frozenset[str]]:
        """Characters with this first byte and a second one that cannot stand alone: the likeliest, and the others."""
        found = self._lost_by_lead.get((lead, limit))
        if found is None:
            every = [(c, self._simple.get(c, c)) for c, trail in by_lead().get(lead, ()) if trail >= 0x81]
            every.sort(key=lambda e: (-self.ranker[e[1]], e[0]))
            top = [simple for char, simple in every[:_TOP] if self._unannotated(char, limit)]
            rest = frozenset(simple for char, simple in every[_TOP:] if self._unannotated(char, limit))
            found = list(dict.fromkeys(map(self._form.__getitem__, top))), rest
            self._lost_by_lead[lead, limit] = found
        return found

    def _vanish(self, front: _Front, chars: str, tail: Tail, out: list[_Group]) -> None:
        """A pair of bytes that shows nothing stood before the next raw character; for one reading."""
        at, lead = front[:2]
        if lead is None:
            return
        token = self.text[at : at + 1]
        unit = self._pairs.get(token)
        if unit is None and not "@" <= token <= "~":
            return
        forms, trails = self._firsts(lead, front.limit)
        tails = self.ranker.add_each(tail, forms)
        front = _Front(at, lead, max(1, front.kind), front.vanished + 1, -1, front.open_quote, front.short_quote)
        for n in sorted(range(len(forms)), key=tails.score.__getitem__, reverse=True)[:_VANISHED]:
            form, high = forms[n], trails[n] >= 0xAA
            here = (at, form, high)
            ways = self._ways_at.get(here)
            if ways is None:
                ways = self._ways_at[here] = self._ways(at, form, high, unit)
            tail = tails.at(n)
            for move, forms2 in ways:
                self._put_each(out, front, chars + form, tail, forms2, move)

    def _ways(self, at: int, form: str, high: bool, unit: tuple[int, int] | None) -> list[tuple[_Move, list[str]]]:
        """Characters that may follow one behind which a pair shows nothing, by the way they read the raw characters."""
        second = unit[0] if unit is not None else ord(self.text[at])
        following = self._following(at, unit)
        wanted = self._known_after(form, 0, second)
        if following:
            wanted = wanted | leading(following, second) | self.ranker.preceding(following)
        ways: dict[_Move, list[str]] = {}
        for _, _, lead in self._chosen(second, high, wanted):
            for move, form2, stands in self._moves(at, lead):
                if stands:
                    ways.setdefault(move._replace(char=""), []).append(form2)
        return list(ways.items())

    def _firsts(self, lead: int, limit: int) -> tuple[list[str], list[int]]:
        """Forms of characters with this first byte whose second one opens a pair that shows nothing, and that byte."""
        found = self._firsts_by_lead.get((lead, limit))
        if found is None:
            every = [(self._form[c], trail) for c, trail in vanishing(lead) if self._unannotated(c, limit)]
            found = self._firsts_by_lead[lead, limit] = [form for form, _ in every], [trail for _, trail in every]
        return found

    def _chosen(self, trail: int, high: bool, wanted: Set[str]) -> list[tuple[float, str, int]]:
        """Characters with this second byte, likeliest first, whose first byte ends a pair that shows nothing: those
        wanted and the likeliest. (badness, character, first byte)"""
        top = self._top_seconds.get(trail)
        ranker = self.ranker
        if top is None:
            every, simples, leads = _seconds(trail)
            scores = map(neg, map(ranker.__getitem__, simples))
            top = self._top_seconds[trail] = sorted(zip(scores, every, leads, strict=True))[:_TOP_VANISHED]
        found = {entry for entry in top if _ends_vanishing(high, entry[2])}
        of_form = _seconds_by_form(trail, high)
        for simple in wanted & of_form.keys():
            score = -ranker[simple]
            found.update([(score, char, lead) for char, lead in of_form[simple]])
        return sorted(found)

    def _following(self, at: int, unit: tuple[int, int] | None) -> str:
        """The true character after the one whose second byte opens the unit at `at`, if it is known."""
        if unit is None or unit[1] < 0x81:
            return ""
        token = self.text[at + 1 : at + 2]
        char = ""
        if token in self._pairs:
            char = self._shown[unit[1] << 8 | self._pairs[token][0]]
        elif "@" <= token <= "~":
            char = self._shown[unit[1] << 8 | ord(token)]
        elif token == "?":  # noqa: S105
            py = NOTE_TAIL.match(self.text, at + 2)
            found = self._keys(unit[1], py.group(1)) if py is not None else []
            char = found[0].char if found else ""
        return self._simple.get(char, char)


def is_impossible(char: str) -> bool:
    """A character the converter cannot have written there."""
    return (
        ("\u4e00" <= char <= "\u9fff" and char not in possible())
        or "\u0400" <= char <= "\u04ff"
        or "\u3040" <= char <= "\u30ff"
    )


def _badness(ended: _Ended) -> tuple[float, str]:
    return ended.badness, ended.chars


def _worth(reading: Reading) -> tuple[float, int, str]:
    return -reading.score, reading.end, reading.chars


def _first(groups: list[_Group], n: int) -> list[tuple[float, str, int, int]]:
    """The best readings of some groups: badness, characters, number of the group, place in the group."""
    scores = [score for g in groups for score in g.tails.score]
    floor = sorted(scores)[-n] if len(scores) > n else UNKNOWN
    return sorted(
        [
            (-score, group.chars[i], number, i)
            for number, group in enumerate(groups)
            for i, score in enumerate(group.tails.score)
            if score >= floor
        ]
    )[:n]


def _distinct(groups: list[_Group]) -> list[_Group]:
    """Readings that differ in their characters, the best of those that do not."""
    shared: dict[tuple[int, int | None], list[int]] = {}
    for number, group in enumerate(groups):
        if group.chars:
            shared.setdefault(group.front[:2], []).append(number)
    out: list[_Group] = []
    for numbers in shared.values():
        every = list(chain.from_iterable([groups[number].chars for number in numbers]))
        if len(set(every)) == len(every):
            if len(numbers) == 1:
                out.append(groups[numbers[0]])
            else:
                out += _joined_by_front([groups[number] for number in numbers])
            continue
        best: dict[str, tuple[float, int, int]] = {}
        for number in numbers:
            group = groups[number]
            for i, (chars, score) in enumerate(zip(group.chars, group.tails.score, strict=True)):
                known = best.get(chars)
                if known is None or known[0] < score:
                    best[chars] = (score, number, i)
        kept: dict[int, list[int]] = {}
        for _, number, i in best.values():
            kept.setdefault(number, []).append(i)
        out += _joined_by_front(groups[number].only(places) for number, places in kept.items())
    return out


def _joined_by_front(groups: Iterable[_Group]) -> list[_Group]:
    """One group for each front."""
    by_front: dict[_Front, list[_Group]] = {}
    for group in groups:
        by_front.setdefault(group.front, []).append(group)
    return [_joined(front, same) if len(same) > 1 else same[0] for front, same in by_front.items()]


def _joined(front: _Front, groups: list[_Group]) -> _Group:
    chars = list(chain.from_iterable([group.chars for group in groups]))
    columns = [list(chain.from_iterable(parts)) for parts in zip(*[group.tails for group in groups], strict=True)]
    return _Group(front, chars, Tails(*columns))


def _above(groups: list[_Group], drop: float | None) -> list[_Group]:
    """The best readings of the groups, with `drop` only those within so many nats of the best."""
    if sum(len(g.chars) for g in groups) > _BEAM:
        kept: dict[int, list[int]] = {}
        for _, _, number, i in _first(groups, _BEAM):
            kept.setdefault(number, []).append(i)
        groups = [groups[number].only(places) for number, places in kept.items()]
    if drop is None or not groups:
        return groups
    floor = max([max(g.tails.score) for g in groups]) - drop
    out: list[_Group] = []
    for group in groups:
        kept_here = [i for i, score in enumerate(group.tails.score) if score >= floor]
        if kept_here:
            out.append(group if len(kept_here) == len(group.chars) else group.only(kept_here))
    return out


def _oddity(front: _Front, chars: str, before: str, simple: str) -> float:
    """What a quotation mark costs that does not fit those before it."""
    if simple == "“":
        return 6.0 if front.open_quote else 0.0
    if simple == "”":
        return 6.0 if not front.open_quote or (before[-1:] in STOPS and front.short_quote) else 0.0
    return 3.0 if "《" not in chars else 0.0
