"""A gate lets a pattern be tried only where it can match: whatever the pattern matches must pass its gate."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.extraction.attribution import FINDING_SIGNS
from pipelines.extraction.cues import cues
from pipelines.extraction.kinds import BEHIND_FIRST
from pipelines.extraction.phrases import LEADING_FIRST, LEVEL_ENDS, PER_FIRST, TRAILING_LAST


def _first_in(signs: frozenset[str]) -> Callable[[str], bool]:
    return lambda text: text[0] in signs


def _last_in(signs: frozenset[str], length: int = 1) -> Callable[[str], bool]:
    return lambda text: text[-length:] in signs


GATES: dict[str, Callable[[str], bool]] = {
    "leading": _first_in(LEADING_FIRST),
    "trailing": _last_in(TRAILING_LAST),
    "per_only": lambda text: not text or text[0] in PER_FIRST,
    "found_by": lambda text: not FINDING_SIGNS.isdisjoint(text),
    "norm_line": _first_in(BEHIND_FIRST),
    "level_behind": _first_in(BEHIND_FIRST),
    "target_after": _first_in(BEHIND_FIRST),
    "level_behind_measure": _last_in(LEVEL_ENDS, 2),
    "level_verb": lambda text: text[-1] in "到至为",
    "compared_census": lambda text: "普查" in text,
    "have_so_many": lambda text: text[-1] == "有",
    "standard_before": lambda text: "标准" in text or "定的" in text or "要求的" in text,
}


def _bare(pattern: str) -> str:
    """The pattern without what it only looks at, and without the border `$`, so that matches can be made from it."""
    return re.sub(r"\(\?<?[=!][^()]*(?:\([^()]*\)[^()]*)*\)", "", pattern).replace("$", "")


@pytest.mark.parametrize("name", sorted(GATES))
def test_what_a_pattern_matches_passes_its_gate(name: str) -> None:
    gate = GATES[name]

    @given(st.from_regex(_bare(cues()[name]), fullmatch=True))
    def check(text: str) -> None:
        assert gate(text), text

    check()


def test_the_pattern_without_what_it_looks_at_still_matches_its_words() -> None:
    assert re.fullmatch(_bare(cues()["trailing"]), "要")
    assert re.fullmatch(_bare(cues()["leading"]), "在")
