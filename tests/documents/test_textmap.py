"""Offset maps: exact both ways, and exact when composed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.documents.model import Edit
from pipelines.documents.restore import apply_edits
from pipelines.documents.textmap import OffsetMap


@st.composite
def _edited(draw, text):
    """A text and a valid list of edits of it."""
    edits = []
    at = 0
    while at < len(text) and draw(st.booleans()):
        start = draw(st.integers(at, len(text)))
        end = draw(st.integers(start, min(len(text), start + 4)))
        if end == start and edits and edits[-1].end == start:
            break
        edits.append(Edit(start, end, draw(st.text("甲乙丙丁", max_size=3)), "entity"))
        at = end + 1
    return edits


@st.composite
def _twice(draw):
    text = "".join(chr(0x4E00 + i) for i in range(draw(st.integers(0, 30))))
    first = draw(_edited(text))
    middle, _ = apply_edits(text, first)
    return text, first, draw(_edited(middle))


@given(_twice())
@settings(max_examples=200, deadline=None)
def test_a_character_kept_by_two_steps_leads_back_to_itself(case):
    text, first, second = case
    middle, one = apply_edits(text, first)
    final, two = apply_edits(middle, second)
    both = one.then(two)
    OffsetMap.from_replacements(both.pieces)
    for i, char in enumerate(final):
        start, end = both.to_original(i, i + 1)
        assert 0 <= start <= end <= len(text)
        if char in text and char not in "甲乙丙丁":
            assert start <= text.index(char) < end
        if end - start == 1 and char not in "甲乙丙丁":
            assert text[start] == char


@given(_twice())
@settings(max_examples=200, deadline=None)
def test_spans_survive_a_round_trip(case):
    text, first, second = case
    middle, one = apply_edits(text, first)
    final, two = apply_edits(middle, second)
    both = one.then(two)
    for i in range(len(final)):
        start, end = both.to_original(i, i + 1)
        if end > start:
            a, b = both.to_derived(start, end)
            assert a <= i < b


def test_pieces_out_of_step_are_refused():
    with pytest.raises(ValueError, match="out of step"):
        OffsetMap.from_replacements([(0, 1, 1, 2)])
