"""The identities that the annotated documents note are found by the program itself, from the text alone.

The documents lie beside the repository (`../shared`); where they are absent the test is skipped.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

import polars as pl
import pytest
from analysis_tables import indicators

from pipelines.analysis.reconcile import checks
from pipelines.corpus import read_corpus

SHARED = Path(__file__).resolve().parents[3] / "shared"
HOLD, FAIL = ("exact", "rounding"), ("fails",)


def noted() -> list[tuple[str, int, str]]:
    """Document, first character of the whole or the rate, and what the annotator found: holds, sum or fails."""
    found = []
    for path in sorted((SHARED / "gold").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            word = re.match(r"arith:(\w+)", row.get("note") or "")
            if word:
                found.append((row["doc"], row["start"], word[1]))
    return found


@lru_cache(maxsize=1)
def reconciled(folder: Path) -> tuple[pl.DataFrame, dict[str, str]]:
    """Checks of all annotated documents, and the documents' ids by name."""
    tables = read_corpus(SHARED / "seeds", folder, workers=1).tables
    ids = dict(tables["documents"].select("path", "doc_id").iter_rows())
    return checks(tables["observations"], indicators()), ids


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("seeds")


@pytest.mark.skipif(not noted(), reason="the annotated documents lie outside the repository")
@pytest.mark.parametrize(("doc", "start", "word"), noted())
def test_noted_identities_are_found(doc: str, start: int, word: str, cache: Path) -> None:
    table, ids = reconciled(cache)
    mine = pl.col("observation_ids").list.eval(pl.element().str.starts_with(f"{ids[doc]}:{start}-")).list.any()
    found = table.filter(mine & (pl.col("kind") != "repair"))
    verdicts = found["verdict"].to_list()
    wanted = FAIL if word == "fails" else HOLD
    assert [v for v in verdicts if v in wanted], f"{doc} at {start}: {word} is noted, found {found.to_dicts()}"
    if word == "fails":
        repair = table.filter(mine & (pl.col("kind") == "repair"))
        assert repair["verdict"].to_list() == ["undecided"] and " -> " in repair["proposal"].item()
    else:
        assert "fails" not in verdicts
