"""What stands around a number: its clause, its sentence, the brackets it is in, the pieces left and right of it.

The borders of a text are found once and looked up by bisection, so a text without any border costs no more than one
with many. What the pieces mean is decided in `kinds`, `phrases` and `attribution`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.extraction.mentions import Mention

SENTENCE_REACH = 3000
"""Characters a sentence is followed back; a text without full stops must not make each number search all of it."""
SENTENCE_AHEAD = 200
"""Characters a sentence is followed ahead."""

_SENTENCE_ENDS = re.compile("[。！!？?\n]")
_CLAUSE_ENDS = re.compile("[，,。；;：:！!？?\n]")
_SEMICOLONS = re.compile("[；;]")
_OPENED = re.compile("[（(]")
_CLOSED = re.compile("[）)]")


def _last(positions: Sequence[int], low: int, high: int) -> int:
    """Last of the sorted positions in [low, high), -1 if none."""
    k = bisect_left(positions, high)
    return p if k and (p := positions[k - 1]) >= low else -1


def _first(positions: Sequence[int], low: int, high: int) -> int:
    """First of the sorted positions in [low, high), `high` if none."""
    k = bisect_left(positions, low)
    return p if k < len(positions) and (p := positions[k]) < high else high


class Layout:
    """Where sentences, clauses, lines and brackets of one text begin and end; offsets in that text."""

    __slots__ = ("clause_ends", "closed", "lines", "opened", "semicolons", "sentence_ends", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sentence_ends = [m.start() for m in _SENTENCE_ENDS.finditer(text)]
        self.clause_ends = [m.start() for m in _CLAUSE_ENDS.finditer(text)]
        self.semicolons = [m.start() for m in _SEMICOLONS.finditer(text)]
        self.opened = [m.start() for m in _OPENED.finditer(text)]
        self.closed = [m.start() for m in _CLOSED.finditer(text)]
        self.lines = [p for p in self.sentence_ends if text[p] == "\n"]

    def sentence_start(self, position: int, reach: int = SENTENCE_REACH) -> int:
        """Start of the sentence that holds a position, at most `reach` characters back."""
        low = max(0, position - reach)
        return max(low, _last(self.sentence_ends, low, position) + 1)

    def sentence_end(self, position: int, reach: int = SENTENCE_AHEAD) -> int:
        """Position of the sentence's end mark from a position on; where it is farther than `reach`, that far."""
        return _first(self.sentence_ends, position, min(len(self.text), position + reach))

    def clause_start(self, position: int, floor: int) -> int:
        """Start of the clause that holds a position, not before `floor`."""
        return max(floor, _last(self.clause_ends, floor, position) + 1)

    def clause_end(self, position: int, ceiling: int) -> int:
        """Position of the clause's end mark from a position on, `ceiling` at most."""
        return _first(self.clause_ends, position, ceiling)

    def line_start(self, position: int, floor: int) -> int:
        """Start of the line that holds a position, not before `floor`."""
        return max(floor, _last(self.lines, floor, position) + 1)

    def part_start(self, position: int, floor: int) -> int:
        """Position behind the last semicolon before a position, not before `floor`."""
        return max(floor, _last(self.semicolons, floor, position) + 1)

    def sentence(self, start: int, end: int, reach: int = 300) -> str:
        """The sentence around a span with its end mark, cut `reach` characters before and behind it."""
        low = max(0, start - reach, _last(self.sentence_ends, max(0, start - reach), start) + 1)
        ceiling = min(len(self.text), end + reach)
        high = _first(self.sentence_ends, end, ceiling)
        return self.text[low : high + 1 if high < ceiling else ceiling].strip()

    def open_bracket(self, start: int, end: int) -> int:
        """Position of the last bracket between two positions if nothing closes after it, else -1."""
        opened = _last(self.opened, start, end)
        return opened if opened > _last(self.closed, start, end) else -1

    def shut_off(self, start: int, end: int) -> bool:
        """True where more brackets close than open between two positions: what stood before is shut off."""
        opened = bisect_left(self.opened, end) - bisect_left(self.opened, start)
        return bisect_left(self.closed, end) - bisect_left(self.closed, start) > opened


@dataclass(slots=True)
class Surroundings:
    """The text around one quantity, cut at clause borders and neighbouring mentions."""

    left: str
    right: str
    clause: tuple[int, int]
    sentence: tuple[int, int]
    before: str  # the whole sentence before the number
    earlier: str  # the clause before this one, without its numbers
    later: str  # the clause after this one
    list_item: bool  # joined to the mention before by 、 or 和
    opened: str  # what stands in front of the bracket the number is in


def surroundings(layout: Layout, mentions: Sequence[Mention], i: int) -> Surroundings:
    """The pieces of text around mention `i`; `mentions` are all mentions of the layout's text, in order."""
    text = layout.text
    m = mentions[i]
    start, end = m.start, m.end
    sentence_start = layout.sentence_start(start)
    sentence_end = layout.sentence_end(end)
    clause_start = layout.clause_start(start, sentence_start)
    # a bracket that opens inside the clause starts the text of its own; one that closed is skipped
    bracket = _last(layout.opened, clause_start, start)
    opened = ""
    if bracket >= 0 and bracket > _last(layout.closed, clause_start, start):
        opened = text[clause_start:bracket]
        clause_start = bracket + 1
    if not opened and clause_start > sentence_start:
        # a list of parts inside one bracket: 资助224人（其中，甲36人，乙186人）
        outside = _last(layout.opened, sentence_start, clause_start)
        if outside >= 0 and _last(layout.closed, outside, clause_start) < 0:
            opened = text[layout.clause_start(outside, sentence_start) : outside]
    clause_end = layout.clause_end(end, sentence_end)
    close = _first(layout.closed, end, clause_end)
    if close < clause_end and _first(layout.opened, end, close) == close:
        clause_end = close
    left_start = clause_start
    for k in range(i - 1, -1, -1):
        other = mentions[k]
        if other.end <= clause_start:
            break
        if other.mention_class != "label":
            left_start = max(left_start, other.end)
            break
    right_end = clause_end
    for k in range(i + 1, len(mentions)):
        other = mentions[k]
        if other.start >= clause_end:
            break
        if other.mention_class != "label":
            right_end = other.start
            break
    left = text[left_start:start]
    earlier = ""
    if clause_start > sentence_start:
        earlier = text[layout.clause_start(max(sentence_start, clause_start - 1), sentence_start) : clause_start - 1]
    later = ""
    if clause_end < sentence_end:
        later = text[clause_end + 1 : layout.clause_end(min(clause_end + 1, sentence_end), sentence_end)]
    return Surroundings(
        left,
        text[end:right_end],
        (clause_start, clause_end),
        (sentence_start, sentence_end),
        text[sentence_start:start],
        earlier,
        later,
        left[:1] in ("", "、", "和", "及", "与") and left_start > clause_start,
        opened,
    )
