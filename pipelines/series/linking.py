"""Linking an old series to a new one over a period that was measured both ways (METHODOLOGY 4.7).

Here: the factor and its use; linked values have status `linked` and are never stored as measured ones. Not here: which
breaks exist (breaks.py).
"""

from __future__ import annotations


def link_factor(old: float, new: float) -> float:
    """L = new/old from one period on both footings; raises ValueError where old is not positive (METHODOLOGY 4.7)."""
    if old <= 0:
        raise ValueError("linking needs a positive value on the old footing")
    return new / old


def linked(old: float, factor: float) -> float:
    """A value of the old footing on the new one: old·L (METHODOLOGY 4.7)."""
    return old * factor
