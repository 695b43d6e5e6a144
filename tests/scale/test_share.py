"""A warehouse in an object store: any DuckDB reads the same tables, a vintage is seen whole, nothing is sent twice."""

from __future__ import annotations

import uuid
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from small_tables import small_tables, stage_all

from pipelines.sources import file_system
from pipelines.warehouse import staging
from pipelines.warehouse.read import open_warehouse
from pipelines.warehouse.schema import TABLES
from pipelines.warehouse.share import share
from pipelines.warehouse.staging import Staging
from pipelines.warehouse.store import Store, StoreError


def publish(store: Store, inputs: str = "i") -> str:
    return store.publish(inputs_sha256=inputs, extractor_version="v1").vintage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "wh")
    stage_all(made)
    publish(made)
    return made


def test_any_duckdb_reads_the_shared_tables(store: Store, tmp_path: Path) -> None:
    address = f"file://{tmp_path}/lake"
    shared = share(store.root, address)
    assert (shared.sent, shared.kept) == (len(TABLES), 0)
    reader = duckdb.connect()
    reader.execute((tmp_path / "lake/views.sql").read_text(encoding="utf-8"))
    with open_warehouse(store.root) as warehouse:
        for table in TABLES:
            there = reader.sql(f"SELECT * FROM {table.name}").pl()
            assert_frame_equal(there, warehouse.table(table.name), check_row_order=False)
    comments = dict(reader.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
    assert comments["series"] == "One row per published point."


def test_only_what_changed_is_sent_and_an_old_reader_goes_on(store: Store, tmp_path: Path) -> None:
    address = f"file://{tmp_path}/lake"
    first = share(store.root, address).vintage
    old = duckdb.connect()
    old.execute((tmp_path / f"lake/{first}/views.sql").read_text(encoding="utf-8"))
    store.stage("documents", small_tables()["documents"].with_columns(pl.lit("乙").alias("title")))
    publish(store, "j")
    again = share(store.root, address)
    assert again.sent == 2  # documents and publications
    assert share(store.root, address).sent == 0
    new = duckdb.connect()
    new.execute((tmp_path / "lake/views.sql").read_text(encoding="utf-8"))
    assert old.execute("SELECT DISTINCT title FROM documents").fetchall() == [("甲",)]
    assert new.execute("SELECT DISTINCT title FROM documents").fetchall() == [("乙",)]


def test_three_vintages_stay(store: Store) -> None:
    address = f"memory://{uuid.uuid4().hex}"
    for n in range(5):
        stage_all(store)
        publish(store, str(n))
        share(store.root, address)
    fs, root = file_system(address)
    assert len([p for p in fs.ls(root, detail=False) if fs.exists(f"{p}/manifest.json")]) == 3
    assert len(fs.ls(f"{root}/files")) == len(TABLES) + 2  # tables, and two older tables of publications


def test_a_changed_file_is_not_shared(store: Store, tmp_path: Path) -> None:
    path = store.root / "tables" / "documents.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="not shared"):
        share(store.root, f"file://{tmp_path}/lake")
    assert not (tmp_path / "lake").exists()


def test_a_large_table_is_a_folder_of_files_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    publish(store)
    whole = store.manifest()
    monkeypatch.setattr("pipelines.warehouse.store.ONE_FILE_ROWS", 2)
    monkeypatch.setattr(staging, "ONE_FILE_ROWS", 2)
    rows = small_tables()["observations"]
    files = []
    for n, part in enumerate(rows.iter_slices(1)):
        folder = Staging(tmp_path / f"part{n}")
        files += folder.write("observations", part).files
    store.stage_files("observations", files)
    parts = store.publish(inputs_sha256="k", extractor_version="v1")
    assert whole and parts.tables_sha256 == whole["tables_sha256"]  # the same rows, however they lie
    assert store.verify() == []
    published = store.root / "tables" / "observations.parquet"
    assert published.is_dir()
    assert_frame_equal(pl.read_parquet(published), rows, check_row_order=False)
    with open_warehouse(store.root) as warehouse:
        assert_frame_equal(warehouse.table("observations"), rows, check_row_order=False)
    share(store.root, f"file://{tmp_path}/lake")
    reader = duckdb.connect()
    reader.execute((tmp_path / "lake/views.sql").read_text(encoding="utf-8"))
    assert reader.execute("SELECT count(*) FROM observations").fetchall() == [(rows.height,)]
