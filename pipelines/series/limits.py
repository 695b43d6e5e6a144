"""What no figure can be, whoever wrote it: negative counts, more events than people, years outside the sources' time.

Here: limits that hold by the meaning of a unit. Not here: what is merely implausible (the catalogue's bounds,
pipelines/analysis/quality.py).
"""

from __future__ import annotations

import polars as pl

HIGHEST = {"‰": 1000.0, "1/10万": 100_000.0, "1/万": 10_000.0}
"""Largest value a rate may have: as many events as there are people."""
YEARS = (1900, 2100)


def impossible(value: pl.Expr, unit: pl.Expr, least: pl.Expr, year: pl.Expr) -> pl.Expr:
    """True where the value cannot be, `least` being the indicator's lowest plausible value, or the year."""
    highest = unit.replace_strict(HIGHEST, default=None, return_dtype=pl.Float64)
    negative = (value < 0) & (least >= 0)
    return ((value.abs() > highest) | negative).fill_null(False) | ~year.is_between(*YEARS).fill_null(True)
