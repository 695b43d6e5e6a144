"""Columns of a part hold what the rows hold, lists of any length and missing values included."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.parts import _column

words = st.lists(st.lists(st.text(max_size=4), max_size=3), max_size=8)
numbers = st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3), max_size=8)


@given(words)
def test_lists_of_words(values: list[list[str]]) -> None:
    column = _column("flags", values, pl.List(pl.String))
    assert column.dtype == pl.List(pl.String) and column.name == "flags"
    assert column.to_list() == values


@given(numbers)
def test_lists_of_numbers(values: list[list[float]]) -> None:
    assert _column("values", values, pl.List(pl.Float64)).to_list() == values


@pytest.mark.parametrize("values", [[None, ["a"]], [None], []])
def test_missing_lists(values: list[list[str] | None]) -> None:
    assert _column("flags", values, pl.List(pl.String)).to_list() == values
