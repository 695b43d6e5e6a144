"""Publishing: complete or not at all, whatever happens in between."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest
from small_tables import frame, observation, point, small_tables, stage_all

from pipelines.warehouse import store as store_module
from pipelines.warehouse.gates import faults
from pipelines.warehouse.lock import LockedError, holder, writer_lock
from pipelines.warehouse.read import open_warehouse
from pipelines.warehouse.schema import TABLES, SchemaError
from pipelines.warehouse.store import GateError, Store, StoreError
from pipelines.warehouse.tables import hash_tables


def publish(store: Store, inputs: str = "i") -> store_module.Publication:
    return store.publish(inputs_sha256=inputs, extractor_version="v1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "wh")
    stage_all(made)
    return made


def test_publishes_every_table_with_types_and_comments(store: Store) -> None:
    publication = publish(store)
    assert publication.new
    assert store.verify() == []
    connection = duckdb.connect(str(publication.database), read_only=True)
    columns = connection.execute(
        "SELECT table_name, column_name, is_nullable, comment FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    connection.close()
    expected = {(t.name, c.name, not c.required, c.comment) for t in TABLES for c in t.columns}
    assert set(columns) == expected
    for table in TABLES:
        assert (store.root / "tables" / f"{table.name}.parquet").is_file()


def test_equal_tables_are_not_published_again(store: Store) -> None:
    first = publish(store)
    second = publish(store)
    assert not second.new
    assert (second.vintage, second.tables_sha256) == (first.vintage, first.tables_sha256)


def test_three_vintages_stay_and_each_publication_is_recorded(store: Store) -> None:
    for n in range(5):
        publish(store, f"inputs {n}")
    assert len(store.vintages()) == 3
    with open_warehouse(store.root) as warehouse:
        assert warehouse.table("publications").height == 5
        assert warehouse.vintage == store.vintages()[-1]


def test_an_open_reader_keeps_its_vintage_and_blocks_nobody(store: Store) -> None:
    publish(store)
    with open_warehouse(store.root) as before:
        changed = small_tables()["documents"].with_columns(pl.lit("乙").alias("title"))
        store.stage("documents", changed)
        publish(store)
        assert before.table("documents")["title"].to_list() == ["甲"]
        with open_warehouse(store.root) as after:
            assert after.table("documents")["title"].to_list() == ["乙"]


def test_hash_does_not_depend_on_row_order() -> None:
    tables = small_tables()
    turned = {name: rows.reverse() for name, rows in tables.items()}
    assert hash_tables(tables) == hash_tables(turned)
    other = tables | {"series": tables["series"].with_columns(pl.col("value") + 0.01)}
    assert hash_tables(tables) != hash_tables(other)


def test_staging_refuses_what_does_not_fit(store: Store) -> None:
    twice = pl.concat([small_tables()["series"]] * 2)
    with pytest.raises(SchemaError, match="not unique"):
        store.stage("series", twice)


@pytest.mark.parametrize(
    ("table", "rows", "words"),
    [
        ("series", [point(observation(2009, 10.5) | {"observation_id": "gone"})], "without an observation"),
        ("observations", [observation(y, 10.5, flags=["damaged"]) for y in (2009, 2010, 2011)], "damaged"),
        (
            "series",
            [point(observation(2009, 10.5)), point(observation(2010, 11.25), unit="%")],
            "mix units",
        ),
        ("series", [point(observation(2009, 10.5), value=99.0)], "outside their interval"),
        ("indicators", [], "unknown indicators"),
    ],
)
def test_a_broken_rule_keeps_the_previous_warehouse(
    store: Store, table: str, rows: list[dict[str, object]], words: str
) -> None:
    before = publish(store)
    store.stage(table, frame(table, *rows))
    with pytest.raises(GateError, match=words):
        publish(store)
    assert store.verify() == []
    with open_warehouse(store.root) as warehouse:
        assert warehouse.vintage == before.vintage


def test_sound_tables_break_no_rule() -> None:
    assert faults(small_tables()) == []


def test_a_flipped_byte_is_found_and_published_anew(store: Store) -> None:
    first = publish(store)
    data = bytearray(first.database.read_bytes())
    data[len(data) // 2] ^= 1
    first.database.write_bytes(bytes(data))
    assert any("differs from the manifest" in fault for fault in store.verify())
    assert publish(store).new
    assert store.verify() == []


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only")])
def test_full_disk_and_read_only_target(store: Store, monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    before = publish(store)
    store.stage("documents", small_tables()["documents"].with_columns(pl.lit("乙").alias("title")))

    def refuse(path: Path, data: bytes) -> bool:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(store_module, "write_if_changed", refuse)
    with pytest.raises(StoreError, match=words):
        publish(store)
    monkeypatch.undo()
    assert store.verify() == []
    with open_warehouse(store.root) as warehouse:
        assert warehouse.vintage == before.vintage


def test_a_second_writer_is_told_who_holds_the_lock(store: Store) -> None:
    code = (
        "import sys, time; from pathlib import Path; from pipelines.warehouse.lock import writer_lock\n"
        "with writer_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert f"process {other.pid}" in str(holder(store.root))
        with pytest.raises(LockedError, match=f"process {other.pid}"), writer_lock(store.root):
            pass
        other.send_signal(signal.SIGKILL)
    assert holder(store.root) is None  # a killed run leaves nothing to clean up
    with writer_lock(store.root), writer_lock(store.root):
        pass


PUBLISH_FOR_EVER = """
import itertools, sys
from pathlib import Path
from small_tables import stage_all
from pipelines.warehouse.store import Store
store = Store(Path(sys.argv[1]))
for n in itertools.count():
    stage_all(store)
    store.publish(inputs_sha256=f"{sys.argv[2]} {n}", extractor_version="v1")
    print(n, flush=True)
"""


def _kill_at_random(store: Store, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    for kill in range(kills):
        command = [sys.executable, "-c", PUBLISH_FOR_EVER, str(store.root), str(kill)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(chance.uniform(0, 0.4))
            run.send_signal(signal.SIGKILL)
        with open_warehouse(store.root) as warehouse:
            for table in TABLES:
                expected = None if table.name == "publications" else small_tables()[table.name].height
                height = warehouse.table(table.name).height
                assert expected is None or height == expected
        undisturbed = publish(store, "after the kill")
        assert store.verify() == []
        assert undisturbed.tables_sha256 == hash_tables(small_tables())
        assert len(store.vintages()) <= 3


def test_killed_at_any_moment_the_warehouse_is_whole(store: Store) -> None:
    publish(store)
    _kill_at_random(store, kills=5, seed=1)


@pytest.mark.long
def test_kill_500_times(store: Store) -> None:
    publish(store)
    _kill_at_random(store, kills=500, seed=2)
