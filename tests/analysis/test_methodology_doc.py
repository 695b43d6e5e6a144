"""docs/methodology.md names every test vector with the test that holds it, and only such."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
DOC = TESTS.parent / "docs" / "methodology.md"


def test_every_vector_is_listed_with_a_test_that_exists() -> None:
    listed = re.findall(r"^\| (TV [^|]+?) \| (.+?) \|$", DOC.read_text(encoding="utf-8"), re.MULTILINE)
    sources = {
        p.relative_to(TESTS).as_posix(): p.read_text(encoding="utf-8")
        for d in ("analysis", "extraction", "series")
        for p in (TESTS / d).glob("test_*.py")
    }
    for vector, tests in listed:
        for file, name in re.findall(r"`([^`:]+)::(\w+)`", tests):
            assert f"def {name}(" in sources[file], (vector, name)
            assert vector in sources[file], vector
    written = {v for text in sources.values() for v in re.findall(r'id="(TV [^"]+)"', text)}
    assert written <= {vector for vector, _ in listed}
