"""The constructed warehouse of the chart tests, for the outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_warehouse import DOCS, PLACES, synthetic, text_of

from pipelines.charts import Frames


@pytest.fixture
def warehouse() -> Frames:
    """Frames in memory with hostile sentences."""
    return synthetic(hostile=True)


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    """A raw folder with the constructed documents."""
    folder = tmp_path / "raw" / "documents"
    folder.mkdir(parents=True)
    for code, _, _ in PLACES:
        (folder / f"{DOCS[code]}.txt").write_text(text_of(code), encoding="utf-8")
    return tmp_path / "raw"
