"""Shared by the analysis tests: evaluating expressions on single values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest


def evaluate(function: Callable[..., Any], *values: Any) -> Any:
    """The result of an expression function for single values; a tuple where it returns several expressions."""
    names = [f"v{i}" for i in range(len(values))]
    frame = pl.DataFrame(
        {n: [v] for n, v in zip(names, values, strict=True)},
        schema={
            n: (pl.String if isinstance(v, str) else pl.Boolean if isinstance(v, bool) else pl.Float64)
            for n, v in zip(names, values, strict=True)
        },
        strict=False,
    )
    result = function(*(pl.col(n) for n in names))
    if isinstance(result, tuple):
        return frame.select([e.alias(f"r{i}") for i, e in enumerate(result)]).row(0)
    return frame.select(result).item()


def near(value: float | None) -> Any:
    """Equal within the tolerance of the test vectors, six significant digits."""
    return pytest.approx(value, rel=5e-6, abs=1e-12)
