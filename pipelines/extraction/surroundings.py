"""What stands around a number: its clause, its sentence, the brackets it is in, the pieces left and right of it.

The borders of a text are found once and looked up by bisection, so a text without any border costs no more than one
with many. What the pieces mean is decided in `kinds`, `phrases` and `attribution`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, compress, count
from operator import add

from pipelines.extraction.mentions import Mention

SENTENCE_REACH = 3000
"""Characters a sentence is followed back; a text without full stops must not make each number search all of it."""
SENTENCE_AHEAD = 200
"""Characters a sentence is followed ahead."""

_MARKS = re.compile("([，,。；;：:！!？?\n（(）)〔〕［］])")
_OPENING = frozenset("（(〔［")
_CLOSING = frozenset("）)〕］")
_SENTENCE_ENDS = frozenset("。！!？?\n")
_CLAUSE_ENDS = _SENTENCE_ENDS | frozenset("，,；;：:")
_SEMICOLONS = frozenset("；;")


def _last(positions: Sequence[int], low: int, high: int) -> int:
    """Last of the sorted positions in [low, high), -1 if none."""
    k = bisect_left(positions, high)
    return p if k and (p := positions[k - 1]) >= low else -1


def _first(positions: Sequence[int], low: int, high: int) -> int:
    """First of the sorted positions in [low, high), `high` if none."""
    k = bisect_left(positions, low)
    return p if k < len(positions) and (p := positions[k]) < high else high


def _between(borders: Sequence[int], start: int, end: int, low: int, high: int) -> tuple[int, int]:
    """The place behind the last border before `start`, `low` at least; and the first border from `end` on, `high` at most."""
    k = bisect_left(borders, start)
    behind = max(borders[k - 1] + 1 if k else 0, low)
    while k < len(borders) and borders[k] < end:
        k += 1
    return behind, min(borders[k], high) if k < len(borders) else high


class Layout:
    """Where sentences, clauses, lines and brackets of one text begin and end; offsets in that text."""

    __slots__ = ("_sentence", "clause_ends", "closed", "lines", "opened", "semicolons", "sentence_ends", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._sentence = (-1, -1, "")  # the last one asked for: the numbers of a sentence share it
        pieces = _MARKS.split(text)  # pieces and marks in turn: their lengths tell the places, no object for each mark
        signs = pieces[1::2]
        marks = list(map(add, accumulate(map(len, pieces[::2])), count()))
        self.sentence_ends = list(compress(marks, map(_SENTENCE_ENDS.__contains__, signs)))
        self.clause_ends = list(compress(marks, map(_CLAUSE_ENDS.__contains__, signs)))
        self.semicolons = list(compress(marks, map(_SEMICOLONS.__contains__, signs)))
        self.opened = list(compress(marks, map(_OPENING.__contains__, signs)))
        self.closed = list(compress(marks, map(_CLOSING.__contains__, signs)))
        self.lines = [p for p in self.sentence_ends if text[p] == "\n"]

    def sentence_start(self, position: int, reach: int = SENTENCE_REACH) -> int:
        """Start of the sentence that holds a position, at most `reach` characters back."""
        k = bisect_left(self.sentence_ends, position)
        start = self.sentence_ends[k - 1] + 1 if k else 0
        return start if start >= position - reach else max(0, position - reach)

    def clause_start(self, position: int, floor: int) -> int:
        """Start of the clause that holds a position, not before `floor`."""
        k = bisect_left(self.clause_ends, position)
        return p + 1 if k and (p := self.clause_ends[k - 1]) >= floor else floor

    def clause_end(self, position: int, ceiling: int) -> int:
        """Position of the clause's end mark from a position on, `ceiling` at most."""
        return _first(self.clause_ends, position, ceiling)

    def line_start(self, position: int, floor: int) -> int:
        """Start of the line that holds a position, not before `floor`."""
        k = bisect_left(self.lines, position)
        return p + 1 if k and (p := self.lines[k - 1]) >= floor else floor

    def part_start(self, position: int, floor: int) -> int:
        """Position behind the last semicolon before a position, not before `floor`."""
        if not self.semicolons:
            return floor
        k = bisect_left(self.semicolons, position)
        return p + 1 if k and (p := self.semicolons[k - 1]) >= floor else floor

    def opening(self, position: int, longest: int = 24) -> str:
        """The first sentence of the line that holds a position, if it ends before it and is short; else ""."""
        line = self.line_start(position, max(0, position - SENTENCE_REACH))
        end = _first(self.sentence_ends, line, position)
        return self.text[line:end] if line < end < position and end - line <= longest else ""

    def sentence(self, start: int, end: int, reach: int = 300) -> str:
        """The sentence around a span with its end mark, cut `reach` characters before and behind it."""
        ceiling = min(len(self.text), end + reach)
        low, high = _between(self.sentence_ends, start, end, max(0, start - reach), ceiling)
        if high < ceiling:
            high += 1
        if self._sentence[0] != low or self._sentence[1] != high:
            self._sentence = (low, high, self.text[low:high].strip())
        return self._sentence[2]

    def open_bracket(self, start: int, end: int) -> int:
        """Position of the last bracket between two positions if nothing closes after it, else -1."""
        k = bisect_left(self.opened, end) if self.opened else 0
        if not k or (opened := self.opened[k - 1]) < start:
            return -1
        k = bisect_left(self.closed, end)
        return -1 if k and self.closed[k - 1] > opened else opened

    def shut_off(self, start: int, end: int) -> bool:
        """True where more brackets close than open between two positions: what stood before is shut off."""
        if not self.closed:
            return False
        closed = bisect_left(self.closed, end) - bisect_left(self.closed, start)
        return closed > 0 and closed > bisect_left(self.opened, end) - bisect_left(self.opened, start)


_BEHIND_DATE = frozenset(("", "的", "为", "约", "末的", "底的", "同期的", "达", "有"))  # between a time and its number
_LIST_MARKS = ("", "、", "和", "及", "与")


class Surroundings:
    """The text around one quantity, cut at clause borders and neighbouring mentions.

    `left` is the text since the number or border before, `right` the text up to the next; `clause` and `sentence` are
    spans; `before` is the sentence up to the number; `opened` what stands in front of the bracket the number is in;
    `list_item` says that 、 or 和 joins the number to the one before.
    """

    __slots__ = ("_layout", "before", "clause", "left", "list_item", "opened", "right", "sentence")

    def __init__(self, layout: Layout, mentions: Sequence[Mention], i: int) -> None:
        text = layout.text
        start, end = mentions[i].start, mentions[i].end
        self._layout = layout
        floor, ceiling = max(0, start - SENTENCE_REACH), min(len(text), end + SENTENCE_AHEAD)
        self.sentence = _between(layout.sentence_ends, start, end, floor, ceiling)
        sentence_start, sentence_end = self.sentence
        clause_start, clause_end = _between(layout.clause_ends, start, end, sentence_start, sentence_end)
        self.opened = ""
        opened = layout.opened
        k = bisect_left(opened, start) if opened else 0
        if k and opened[k - 1] >= sentence_start:
            # a bracket that opens inside the clause starts the text of its own; one that closed is skipped
            bracket = layout.open_bracket(clause_start, start)
            if bracket >= 0:
                self.opened = text[clause_start:bracket]
                clause_start = bracket + 1
            if not self.opened and clause_start > sentence_start:
                # a list of parts inside one bracket: 资助224人（其中，甲36人，乙186人）
                outside = layout.open_bracket(sentence_start, clause_start)
                if outside >= 0:
                    self.opened = text[layout.clause_start(outside, sentence_start) : outside]
        if layout.closed:
            close = _first(layout.closed, end, clause_end)
            if close < clause_end and _first(opened, end, close) == close:
                clause_end = close
        self.clause = clause_start, clause_end
        left_start, right_end = clause_start, clause_end
        k, left_end = i - 1, start
        while k >= 0 and (other := mentions[k]).end > clause_start:
            if (
                other.mention_class == "date"
                and left_end == start
                and other.start > clause_start
                and text[other.end : start] in _BEHIND_DATE
            ):
                left_end = other.start  # 总人口由|1985年的|295044人: the phrase stands before the time
            elif other.mention_class != "label":
                left_start = other.end
                break
            k -= 1
        k, last = i + 1, len(mentions)
        while k < last and (other := mentions[k]).start < clause_end:
            if other.mention_class != "label":
                right_end = other.start
                break
            k += 1
        self.left = text[left_start:left_end] or text[left_start:start]
        if layout.closed and ("）" in self.left or ")" in self.left) and "（" not in self.left and "(" not in self.left:
            self.left = _around_brackets(layout, left_start, left_end, sentence_start)
        self.right = text[end:right_end]
        self.before = text[sentence_start:start]
        self.list_item = left_start > clause_start and self.left[:1] in _LIST_MARKS

    @property
    def heading(self) -> str:
        """The short sentence that opens the paragraph, where this is a later one of it."""
        return self._layout.opening(self.sentence[0])

    @property
    def earlier(self) -> str:
        """The clause before this one, inside the sentence."""
        clause_start, floor = self.clause[0], self.sentence[0]
        if clause_start <= floor:
            return ""
        layout = self._layout
        return layout.text[layout.clause_start(max(floor, clause_start - 1), floor) : clause_start - 1]

    @property
    def later(self) -> str:
        """The clause after this one, inside the sentence."""
        clause_end, ceiling = self.clause[1], self.sentence[1]
        if clause_end >= ceiling:
            return ""
        layout = self._layout
        return layout.text[clause_end + 1 : layout.clause_end(min(clause_end + 1, ceiling), ceiling)]


def _around_brackets(layout: Layout, start: int, end: int, floor: int) -> str:
    """What stands before and behind a bracket that began before `start`: 性别比（以女性为100，男性比女性）|为106.28."""
    close = _last(layout.closed, start, end)
    opened = _last(layout.opened, floor, start)
    behind = layout.text[close + 1 : end]
    return layout.text[layout.clause_start(opened, floor) : opened] + behind if opened >= 0 else behind
