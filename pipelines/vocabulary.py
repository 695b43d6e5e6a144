"""Reading the vocabularies that come with the package.

Here: YAML by the parser written in C, which takes a tenth of the time of the other and is part of every program's start. Not
here: what a vocabulary says (the modules beside the files), files of users, whose faults need the other's words.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(package: str, name: str) -> Any:
    """What a YAML file of a package says."""
    return yaml.load(files(package).joinpath(name).read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  a safe one
