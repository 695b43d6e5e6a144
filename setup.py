"""The optional compiled build: `XIANZHI_COMPILED=1 pip install .` turns the readers of documents into C by mypyc.

Here: which modules are compiled, and nothing else; all else about the package stands in pyproject.toml. Without the
variable the package is pure Python. Both read the same text the same way (`tests/extraction/test_compiled.py`).
"""

import os
import sys
from pathlib import Path

from setuptools import setup

NOT_COMPILED = {"__init__.py", "cues.py"}
"""Modules that run once and only load vocabularies."""


def extensions() -> list[object]:
    """The modules that every number passes through."""
    from mypyc.build import mypycify

    modules = [p for p in sorted(Path("pipelines/extraction").glob("*.py")) if p.name not in NOT_COMPILED]
    return list(mypycify([*map(str, modules), "pipelines/documents/textmap.py"], opt_level="2", debug_level="0"))


# a build asks for metadata first, twice, which needs no C
BUILDING = not {"bdist_wheel", "build_ext"}.isdisjoint(sys.argv)
setup(ext_modules=extensions() if BUILDING and os.environ.get("XIANZHI_COMPILED") == "1" else [])
