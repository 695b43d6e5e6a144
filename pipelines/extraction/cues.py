"""The cue words of `cues.yaml` as compiled patterns. What a cue decides belongs to the module that asks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

import yaml


@lru_cache(maxsize=1)
def cues() -> Mapping[str, str]:
    """All patterns by name, as written."""
    return dict(yaml.safe_load(files(__package__).joinpath("cues.yaml").read_text(encoding="utf8")))


def siblings() -> Sequence[str]:
    """Groups of words that stand for one another in lists of like figures, each a line of words divided by blanks."""
    return list(yaml.safe_load(files(__package__).joinpath("siblings.yaml").read_text(encoding="utf8")))


def cue(name: str) -> re.Pattern[str]:
    """The compiled pattern of that name; raises KeyError where `cues.yaml` has none."""
    return re.compile(cues()[name])
