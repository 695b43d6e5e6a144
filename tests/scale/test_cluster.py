"""Beyond one machine: an address instead of a folder, a cluster instead of processes, and a worker that dies on the way."""

from __future__ import annotations

import importlib.util
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import counting_reader
import pytest
from polars.testing import assert_frame_equal

from pipelines.corpus import Corpus, read_corpus
from pipelines.executors import WorkersError, engine, run_batches
from pipelines.parts import DOCUMENT_TABLES
from pipelines.sources import file_system, find_documents, local_tables

WITH_DASK = importlib.util.find_spec("distributed") is not None
needs_dask = pytest.mark.skipif(not WITH_DASK, reason="the extra `cluster` (Dask) is not installed")


def assert_same(one: Corpus, other: Corpus) -> None:
    """Bit for bit after sorting."""
    for table in DOCUMENT_TABLES:
        assert_frame_equal(one.table(table), other.table(table), check_exact=True)


def read(raw: Path | str, cache: Path, **settings: Any) -> Corpus:
    return read_corpus(raw, cache, **({"extract": counting_reader.read, "version": "v1", "workers": 1} | settings))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    for n in range(40):
        path = folder / f"{n % 4}" / f"{n:02d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"slow\n20{n % 30:02d} births {n}\n2011 deaths {n / 7}\n", encoding="utf-8")
    (folder / "1" / "01.yaml").write_text("title: 甲\n", encoding="utf-8")
    (folder / "series").mkdir()
    (folder / "series" / "x.csv").write_text("no document", encoding="utf-8")
    (folder / "README.md").write_text("no document", encoding="utf-8")
    return folder


@pytest.fixture
def bucket(raw: Path) -> Iterator[str]:
    """The raw folder in an object store."""
    address = f"memory://{uuid.uuid4().hex}"
    fs, root = file_system(address)
    fs.put(f"{raw}/", f"{root}/", recursive=True)
    yield address
    fs.rm(root, recursive=True)


def test_an_address_gives_the_documents_of_the_folder(raw: Path, bucket: str, tmp_path: Path) -> None:
    assert [s.name for s in find_documents(bucket)] == [s.name for s in find_documents(raw)]
    here, there = read(raw, tmp_path / "here"), read(bucket, tmp_path / "there", tables=raw)
    assert_same(here, there)
    assert here.inputs_sha256 == there.inputs_sha256
    assert (local_tables(bucket, tmp_path / "copy") / "series" / "x.csv").read_text() == "no document"


def test_a_changed_object_is_read_again(bucket: str, tmp_path: Path) -> None:
    read(bucket, tmp_path / "cache", tables=tmp_path)
    fs, root = file_system(bucket)
    time.sleep(0.01)
    fs.pipe_file(f"{root}/0/00.txt", b"2011 births 5000\n")
    changed = read(bucket, tmp_path / "cache", tables=tmp_path)
    assert changed.changed == 1
    assert 5000.0 in changed.table("observations")["value"].to_list()


def test_an_unknown_scheme_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="install the fsspec plug-in"):
        find_documents("nosuch://bucket/raw")


def test_parts_come_back_over_the_exchange(raw: Path, tmp_path: Path) -> None:
    exchange = f"file://{tmp_path}/exchange"
    assert_same(read(raw, tmp_path / "a"), read(raw, tmp_path / "b", exchange=exchange))


def test_configuration_that_cannot_work_is_refused(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown executor"):
        engine("spark")
    with pytest.raises(ValueError, match="needs an exchange"):
        read(raw, tmp_path / "cache", executor="dask:tcp://127.0.0.1:1")


def _end_if_told(batch: list[int]) -> int:
    if 7 in batch:
        os.kill(os.getpid(), signal.SIGKILL)
    return sum(batch)


@pytest.mark.slow
def test_the_item_that_ends_workers_is_found_by_halving() -> None:
    batches = [list(range(i, i + 4)) for i in range(0, 16, 4)]
    results = list(run_batches(_end_if_told, batches, engine(workers=2), lambda item: -item))
    assert sum(results) == sum(range(16)) - 7 - 7
    assert -7 in results


def test_workers_that_cannot_start_condemn_no_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.executors.set_up_worker", _leave)
    with pytest.raises(WorkersError, match="as soon as they start"):
        list(run_batches(_end_if_told, [[1], [2]], engine(workers=2), lambda item: item))


def _leave() -> None:
    os._exit(1)


@needs_dask
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_worker_makes_the_same_rows(raw: Path, tmp_path: Path) -> None:
    from distributed import Client, LocalCluster

    alone = read(raw, tmp_path / "alone")
    exchange = tmp_path / "exchange"
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        pids = sorted(client.run(os.getpid).values())
        assert len(pids) == 2
        killed: list[int] = []

        def kill() -> None:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not any(exchange.glob("*/part.json")):
                time.sleep(0.01)
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])

        killer = threading.Thread(target=kill)
        killer.start()
        many = read(
            raw, tmp_path / "many", workers=2, executor=f"dask:{cluster.scheduler_address}",
            exchange=f"file://{exchange}",
        )  # fmt: skip
        killer.join()
    assert killed
    assert many.bad == ()
    assert_same(alone, many)
