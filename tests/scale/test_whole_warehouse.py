"""The whole path on the real documents: however a warehouse came about, it holds the same rows."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from whole_runs import build

from pipelines import corpus as corpus_module
from pipelines.warehouse.schema import TABLES
from pipelines.warehouse.store import Store

RAW = Path(__file__).resolve().parents[2] / "data" / "raw"


def assert_same(one: Store, other: Store) -> None:
    for table in TABLES:
        if table.name != "publications":
            frames = [s.staged(table.name).sort(table.key, nulls_last=True) for s in (one, other)]
            assert_frame_equal(*frames, check_exact=True)


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository's documents, old enough to count as quiet, in small parts."""
    monkeypatch.setattr(corpus_module, "FRESH_NS", 0)
    monkeypatch.setattr(corpus_module, "BATCH", 5)
    monkeypatch.setattr(corpus_module, "MAX_SMALL_PARTS", 2)
    folder = tmp_path / "raw"
    shutil.copytree(RAW, folder)
    return folder


def change(raw: Path) -> None:
    """An edit, a removal, an addition, a move, a sidecar, a correction."""
    documents = raw / "documents"
    edited = documents / "dongtou-1999.txt"
    edited.write_text(edited.read_text(encoding="utf-8") + "\n全年出生人数1234人。\n", encoding="utf-8")
    (documents / "taishan-1986.txt").unlink()
    (documents / "taishan-1986.yaml").unlink(missing_ok=True)
    (documents / "new.txt").write_text("浙江省长兴县2011年\n2011年，全县人口出生率8.03‰。\n", encoding="utf-8")
    (documents / "kaijiang-1974.txt").rename(documents / "kaijiang-74.txt")
    (documents / "kaijiang-1974.yaml").rename(documents / "kaijiang-74.yaml")
    sidecar = documents / "dongtou-2003.yaml"
    sidecar.write_text(sidecar.read_text(encoding="utf-8").replace("title:", "title: 另 #", 1), encoding="utf-8")
    os.utime(documents / "dongtou-2004.txt")


@pytest.mark.slow
@pytest.mark.parametrize("one_file_rows", [500_000, 300], ids=["one file a table", "folders of files"])
def test_changes_end_like_a_build_from_nothing(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_file_rows: int
) -> None:
    for module in ("pipelines.assets.steps", "pipelines.warehouse.store"):
        monkeypatch.setattr(f"{module}.ONE_FILE_ROWS", one_file_rows)
    store, first = build(tmp_path / "grown", raw)
    again = build(tmp_path / "grown", raw)[1]
    assert not again.new and again.vintage == first.vintage
    change(raw)
    grown_store, grown = build(tmp_path / "grown", raw)
    fresh_store, fresh = build(tmp_path / "fresh", raw)
    assert grown.new
    assert grown.tables_sha256 == fresh.tables_sha256 != first.tables_sha256
    assert_same(grown_store, fresh_store)
    assert grown_store.verify() == []
    connection = duckdb.connect(str(grown.database), read_only=True)
    for table in TABLES:
        if table.name != "publications":
            (count,) = connection.execute(f'SELECT count(*) FROM "{table.name}"').fetchall()
            assert count == (fresh.rows[table.name],)
    connection.close()
    published = grown_store.root / "tables" / "observations.parquet"
    assert published.is_dir() == (one_file_rows == 300)
    assert pl.read_parquet(published).height == fresh.rows["observations"]


@pytest.mark.slow
def test_tables_that_did_not_change_are_not_written_again(raw: Path, tmp_path: Path) -> None:
    store, _ = build(tmp_path / "wh", raw)
    stage = store.cache / "stage"
    before = {p.name: p.stat().st_mtime_ns for p in stage.glob("*.parquet")}
    time.sleep(0.01)
    sidecar = raw / "documents" / "dongtou-2003.yaml"
    sidecar.write_text(sidecar.read_text(encoding="utf-8").replace("title:", "title: 另 #", 1), encoding="utf-8")
    build(tmp_path / "wh", raw)
    after = {p.name: p.stat().st_mtime_ns for p in stage.glob("*.parquet")}
    written = {name.removesuffix(".parquet") for name in after if after[name] != before.get(name)}
    assert "documents" in written
    assert {"mentions", "indicators", "targets", "places"}.isdisjoint(written)
