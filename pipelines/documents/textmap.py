"""Offset maps: which characters of the file a span of derived text came from.

Every step that changes the length of a text returns an `OffsetMap`; maps of successive steps compose. Steps that
replace characters one for one need no entry. What the text says, or why a step changed it, is not known here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Replacement = tuple[int, int, int, int]
"""(derived start, derived end, original start, original end) of one replaced piece; either side may be empty."""
_COLUMNS = ("_derived_starts", "_derived_ends", "_original_starts", "_original_ends")


@dataclass(frozen=True, slots=True)
class OffsetMap:
    """Piecewise map between a derived text and its original.

    `pieces` lists what was replaced, in order, not overlapping; between two pieces the texts run in step, character by
    character. Nothing is known inside a piece: any character of its derived side stands for its whole original side.

    >>> m = OffsetMap.from_replacements([(1, 1, 1, 8)])  # "創(chuàng)建" -> "創建"
    >>> m.to_original(1, 2)
    (8, 9)
    >>> m.to_derived(8, 9)
    (1, 2)
    """

    pieces: Sequence[Replacement] = ()
    _derived_starts: Sequence[int] = field(init=False, repr=False, compare=False)
    _derived_ends: Sequence[int] = field(init=False, repr=False, compare=False)
    _original_starts: Sequence[int] = field(init=False, repr=False, compare=False)
    _original_ends: Sequence[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        columns = zip(*self.pieces, strict=True) if self.pieces else ((),) * 4
        for name, column in zip(_COLUMNS, columns, strict=True):
            object.__setattr__(self, name, column)

    @classmethod
    def from_replacements(cls, pieces: Iterable[Replacement]) -> OffsetMap:
        """Build from pieces in order; raises ValueError when they overlap or run out of step."""
        checked = tuple(pieces)
        derived = original = 0
        for d0, d1, o0, o1 in checked:
            if d0 < derived or o0 < original or d1 < d0 or o1 < o0 or d0 - derived != o0 - original:
                raise ValueError(f"pieces out of order or out of step at derived {d0}, original {o0}")
            derived, original = d1, o1
        return cls(checked)

    @property
    def is_identity(self) -> bool:
        """True when nothing was replaced."""
        return not self.pieces

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """Original span of the derived span [start, end); removed text at its borders is left out."""
        return _convert(
            start, end, self._derived_starts, self._derived_ends, self._original_starts, self._original_ends
        )

    def to_derived(self, start: int, end: int) -> tuple[int, int]:
        """Derived span of the original span [start, end)."""
        return _convert(
            start, end, self._original_starts, self._original_ends, self._derived_starts, self._derived_ends
        )

    def then(self, later: OffsetMap) -> OffsetMap:
        """The map of a second step applied to this one's derived text: later's derived text -> this original text."""
        if self.is_identity:
            return later
        if later.is_identity:
            return self
        mine, others = self.pieces, later.pieces
        pieces: list[Replacement] = []
        i = k = 0
        to_derived = to_original = 0  # what to add to a middle position behind the pieces seen so far
        while i < len(mine) or k < len(others):
            mine_first = k == len(others) or (i < len(mine) and mine[i][:2] <= others[k][2:])
            lo, hi = mine[i][:2] if mine_first else others[k][2:]
            begin, origin = lo + to_derived, lo + to_original
            while True:  # all that overlaps becomes one piece
                if i < len(mine) and _overlap(mine[i][0], mine[i][1], lo, hi):
                    hi = max(hi, mine[i][1])
                    to_original = mine[i][3] - mine[i][1]
                    i += 1
                elif k < len(others) and _overlap(others[k][2], others[k][3], lo, hi):
                    hi = max(hi, others[k][3])
                    to_derived = others[k][1] - others[k][3]
                    k += 1
                else:
                    break
            pieces.append((begin, hi + to_derived, origin, hi + to_original))
        return OffsetMap(tuple(pieces))


def _overlap(start: int, end: int, lo: int, hi: int) -> bool:
    return (start < hi and lo < end) or (start == lo and end == hi)


def _convert(
    start: int,
    end: int,
    from_starts: Sequence[int],
    from_ends: Sequence[int],
    to_starts: Sequence[int],
    to_ends: Sequence[int],
) -> tuple[int, int]:
    k = bisect_right(from_starts, start) - 1
    while (
        k >= 0 and from_starts[k] == from_ends[k] == start and k + 1 < len(from_starts) and from_starts[k + 1] == start
    ):
        k += 1
    if k < 0:
        lo = start
    elif start < from_ends[k]:
        lo = to_starts[k]
    else:
        lo = to_ends[k] + start - from_ends[k]
    if end <= start:
        return lo, lo
    k = bisect_left(from_starts, end) - 1
    if k < 0:
        hi = end
    elif end <= from_ends[k] and from_starts[k] < from_ends[k]:
        hi = to_ends[k]
    else:
        hi = to_ends[k] + end - from_ends[k]
    return lo, hi


@dataclass(frozen=True, slots=True)
class MappedText:
    """A derived text and the map to its original."""

    text: str
    map: OffsetMap = OffsetMap()
