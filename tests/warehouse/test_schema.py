"""Laws of the declared tables."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.warehouse.schema import in_key_order


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 2)), max_size=8))
def test_key_order_is_that_of_sorting(rows: list[tuple[str | None, int]]) -> None:
    frame = pl.DataFrame(rows, schema={"x": pl.String, "y": pl.Int64}, orient="row")
    in_order = frame.sort("x", "y", nulls_last=True).equals(frame)
    assert in_key_order(frame, ["x", "y"]) == in_order
    assert in_key_order(frame, ["x", "y"], unique=True) == (in_order and frame.n_unique() == frame.height)
