"""Examples in docstrings are true, and every module says what belongs there."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import pipelines

MODULES = sorted(m.name for m in pkgutil.walk_packages(pipelines.__path__, "pipelines."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true_and_the_module_says_what_it_holds(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    if Path(module.__file__).read_text(encoding="utf8").strip():
        assert (module.__doc__ or "").strip()
    assert doctest.testmod(module).failed == 0
