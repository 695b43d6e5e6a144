"""Every kind of check that the analysis writes has its name in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pipelines.analysis
from pipelines.charts.theme import WORDS


def test_every_kind_of_check_is_named() -> None:
    code = "\n".join(p.read_text(encoding="utf8") for p in Path(pipelines.analysis.__path__[0]).glob("*.py"))
    kinds = set(re.findall(r'pl\.lit\("([a-z_]+)"\)\.alias\("kind"\)', code))
    assert {"parts", "natural_growth", "balance", "repair", "lost_digit"} <= kinds
    assert [kind for kind in sorted(kinds) if kind not in WORDS] == []
