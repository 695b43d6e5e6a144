"""The vocabularies of the extractor: every pattern compiles, is read somewhere, and every sibling stands in one group."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pipelines.extraction
from pipelines.catalogue.units import UNITS
from pipelines.extraction.cues import cue, cues, nouns, siblings
from pipelines.extraction.measures import SHARED

CODE = "\n".join(p.read_text(encoding="utf8") for p in Path(pipelines.extraction.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("name", sorted(cues()))
def test_every_cue_compiles_and_is_read(name: str) -> None:
    assert cue(name).pattern == cues()[name]
    assert f'"{name}"' in CODE, f"nothing reads the cue {name}"


def test_an_unknown_cue_is_an_error() -> None:
    with pytest.raises(KeyError):
        cue("no_such_cue")


def test_every_cue_is_explained() -> None:
    path = Path(pipelines.extraction.__file__).parent / "cues.yaml"
    heads = [line for line in path.read_text(encoding="utf8").splitlines() if re.match(r"[a-z_]+:", line)]
    assert len(heads) == len(cues())
    assert [line for line in heads if "  # " not in line] == []


def test_every_noun_stands_for_one_unit() -> None:
    counted = [noun for words in nouns()["counted"].values() for noun in words]
    assert len(counted) == len(set(counted))
    assert set(nouns()["after_chinese_numerals"]) <= set(counted)
    assert set(nouns()["counted"]) <= {entry.base for entry in UNITS.values()}


def test_a_sibling_stands_in_one_group() -> None:
    words = Counter(word for group in siblings() for word in group.split())
    assert [word for word, n in words.items() if n > 1] == []
    assert all(len(group.split()) >= 2 for group in siblings())


@pytest.mark.parametrize("pattern", SHARED)
def test_units_per_something_hold_the_words_that_are_asked_for_first(pattern: re.Pattern[str]) -> None:
    @given(st.from_regex(pattern))
    def holds(text: str) -> None:
        assert "每" in text or "均" in text

    holds()
