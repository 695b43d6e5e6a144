"""The compiled readers (`make compiled`) read every text as the readers in Python do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".compiled"
_DUMP = """
import json, sys
from pathlib import Path
from pipelines.extraction import document
from pipelines.corpus import extractor_version
print(Path(document.__file__).suffix, extractor_version())
for path in sorted(Path(sys.argv[1]).glob("*.txt")):
    tables = document.extract_document(path, path.name, "doc")
    for name in ("documents", "sections", "mentions", "observations", "targets"):
        print(json.dumps(getattr(tables, name), ensure_ascii=False, sort_keys=True, default=str))
"""


def _dump(python_path: Path) -> list[str]:
    told = subprocess.run(
        [sys.executable, "-c", _DUMP, str(ROOT / "tests" / "gold")],
        env=os.environ | {"PYTHONPATH": str(python_path)}, cwd=python_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return told.stdout.splitlines()


def _newest(folder: Path) -> float:
    return max(p.stat().st_mtime for suffix in ("py", "yaml", "csv") for p in folder.rglob(f"*.{suffix}"))


@pytest.mark.skipif(not (BUILT / ".stamp").exists(), reason="the compiled readers are not built: make compiled")
def test_compiled_and_python_readers_agree() -> None:
    if _newest(ROOT / "pipelines") > (BUILT / ".stamp").stat().st_mtime:
        pytest.skip("the compiled readers are older than the sources: make compiled")
    compiled, plain = _dump(BUILT), _dump(ROOT)
    (kind, version), (plain_kind, plain_version) = compiled[0].split(), plain[0].split()
    assert kind != ".py" and plain_kind == ".py"
    assert version == plain_version
    assert compiled[1:] == plain[1:]
