"""Reading the vocabularies that come with the package.

Here: YAML by the parser written in C, which takes a tenth of the time of the other and is part of every program's start. Not
here: what a vocabulary says (the modules beside the files), files of users, whose faults need the other's words.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

# the safe one in either language: a vocabulary makes no objects of its own
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(package: str, name: str) -> Any:
    """What a YAML file of a package says."""
    loader = _LOADER(files(package).joinpath(name).read_text(encoding="utf-8"))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
