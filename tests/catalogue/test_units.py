"""Units: every surface form has one base, and conversions hold."""

import pytest

from pipelines.catalogue.units import DIMENSIONS, UNITS, base_unit, same_dimension


@pytest.mark.parametrize(
    ("surface", "base"),
    [
        ("平米", "平方米"),
        ("名", "人"),
        ("位", "人"),
        ("口", "人"),
        ("平方千米", "平方公里"),
        ("千克", "公斤"),
        ("个百分点", "百分点"),
    ],
)
def test_synonyms(surface, base):
    assert base_unit(surface) == base


def test_bases_are_their_own_base():
    for unit in UNITS.values():
        assert UNITS[unit.base].base == unit.base
        assert unit.dimension in DIMENSIONS and unit.factor > 0
        assert UNITS[unit.standard].dimension == unit.dimension


def test_conversions():
    assert UNITS["公顷"].factor == pytest.approx(15 * UNITS["亩"].factor)
    assert UNITS["里"].factor * 2 == UNITS["千米"].factor
    assert same_dimension("亩", "平方公里") and not same_dimension("人", "户")


def test_scale_words_are_no_units():
    assert not {"万", "亿", "千", "百"} & UNITS.keys()
