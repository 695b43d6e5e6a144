"""The extractor's vocabularies: `cues.yaml` as compiled patterns, `siblings.yaml`, `nouns.yaml`.

What a word decides belongs to the module that asks for it; units and counters belong to `catalogue.units`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pipelines.vocabulary import read_yaml


@lru_cache(maxsize=1)
def cues() -> Mapping[str, str]:
    """All patterns by name, as written."""
    return dict(read_yaml(__package__, "cues.yaml"))


def siblings() -> Sequence[str]:
    """Groups of words that stand for one another in lists of like figures, each a line of words divided by blanks."""
    return list(read_yaml(__package__, "siblings.yaml"))


def cue(name: str) -> re.Pattern[str]:
    """The compiled pattern of that name; raises KeyError where `cues.yaml` has none."""
    return re.compile(cues()[name])


def siblings_of(word: str) -> tuple[str, ...]:
    """The group of siblings that a word belongs to, itself included; raises KeyError where it belongs to none.

    >>> "初中" in siblings_of("小学")
    True
    """
    for group in siblings():
        if word in (words := group.split()):
            return tuple(words)
    raise KeyError(word)


@lru_cache(maxsize=1)
def nouns() -> Mapping[str, Any]:
    """`counted`: unit -> nouns that stand for it; `after_chinese_numerals`: those that also follow 四千."""
    return dict(read_yaml(__package__, "nouns.yaml"))
