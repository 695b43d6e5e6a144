"""Vocabulary of units and counters: surface form, base unit, dimension and conversion.

The words are in `units.yaml`. How a number is read, what scale words (万, 亿) do to it and which noun stands for which
counter belongs to the extraction package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipelines.vocabulary import read_yaml

DIMENSIONS = ("count", "money", "area", "length", "volume", "rate", "time", "weight", "energy")


@dataclass(frozen=True, slots=True)
class Unit:
    """One way to write a unit. `base` is the same unit in its usual simplified form; the value does not change.

    `standard` and `factor` convert a value in `base` for comparison: 1 `base` = `factor` `standard`.
    """

    surface: str
    base: str
    dimension: str
    standard: str
    factor: float = 1.0


def _load() -> Mapping[str, Unit]:
    data = read_yaml("pipelines.catalogue", "units.yaml")
    conversions: dict[str, tuple[str, float]] = {
        base: (standard, float(factor)) for base, (standard, factor) in data["conversions"].items()
    }
    units: dict[str, Unit] = {}
    for dimension, bases in data["units"].items():
        if dimension not in DIMENSIONS:
            raise ValueError(f"units.yaml: unknown dimension {dimension!r}")
        for base, synonyms in bases.items():
            standard, factor = conversions.get(base, (base, 1.0))
            for surface in (base, *synonyms):
                if surface in units:
                    raise ValueError(f"units.yaml: {surface!r} is written twice")
                units[surface] = Unit(surface, base, dimension, standard, factor)
    unknown = conversions.keys() - units.keys()
    if unknown:
        raise ValueError(f"units.yaml: conversions of unknown units {sorted(unknown)}")
    return MappingProxyType(units)


UNITS: Mapping[str, Unit] = _load()
"""Every surface form of a unit."""

COUNTERS = frozenset(u.base for u in UNITS.values() if u.dimension == "count")
"""Base units that count things."""


def base_unit(surface: str) -> str:
    """Base form of a unit; the parts of an unlisted `a/b` one by one; any other word as it stands.

    >>> base_unit("平米")
    '平方米'
    >>> base_unit("名/千人")
    '人/千人'
    """
    unit = UNITS.get(surface)
    if unit is not None:
        return unit.base
    head, slash, tail = surface.partition("/")
    if slash and head in UNITS:
        return f"{UNITS[head].base}/{tail}"
    return surface


def same_dimension(a: str, b: str) -> bool:
    """True when both units are known and a value in one can be converted to the other."""
    first, second = UNITS.get(a), UNITS.get(b)
    return first is not None and second is not None and first.standard == second.standard
