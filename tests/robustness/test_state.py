"""Runs that are disturbed, doubled, or made elsewhere: the same tables or the tables before, never something else."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kill_runs import ROOT, dagster_home, make_raw, words
from small_tables import stage_all

from pipelines.warehouse.lock import LOCK_NAME, holder, writer_lock
from pipelines.warehouse.read import open_warehouse
from pipelines.warehouse.schema import TABLES
from pipelines.warehouse.store import Store
from pipelines.warehouse.tables import hash_tables

SMALL_TABLES = "9d2c6a8c2de34c106db0fda6b1bf0855dd2a8720319e160304c99986c2e48d8c"
"""SHA-256 of what the database says about the tables in small_tables.py; changes only with them."""
SHOWN = {
    "documents": ("doc_id", "path", "title", "status"),
    "mentions": ("doc_id", "start_char", "end_char", "raw"),
    "observations": ("observation_id", "raw", "sentence", "value", "value_lo", "value_hi", "unit", "period", "flags"),
    "series": ("place_code", "indicator_id", "basis", "period", "value", "unit", "observation_id"),
}


def xianzhi(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *command[1:]], capture_output=True, text=True, check=False, timeout=300, cwd=ROOT,
        env=os.environ | dagster_home(folder) | environment,
    )  # fmt: skip


def tables_hash(warehouse: Path) -> str:
    with open_warehouse(warehouse) as opened:
        return hash_tables({t.name: opened.table(t.name) for t in TABLES})


def test_golden_hash_of_sorted_tables(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    store.publish(inputs_sha256="i", extractor_version="v1")
    digest = hashlib.sha256()
    with open_warehouse(store.root) as opened:
        for table, columns in SHOWN.items():
            digest.update(opened.table(table).select(columns).sort(columns[:3]).write_ndjson().encode())
    assert digest.hexdigest() == SMALL_TABLES


def killed(kills: int, seed: int) -> str:
    """In a process of its own: forked runs and the threads that a test run has started do not go together."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("kill_runs.py")),
        "--kills",
        str(kills),
        "--seed",
        str(seed),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_killed_runs_lose_nothing() -> None:
    assert "2 runs killed" in killed(2, 9)


@pytest.mark.long
def test_kill_runs() -> None:
    assert " 0 losses" in killed(500, 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs the superuser")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.long
def test_a_full_disk_keeps_the_warehouse_before(small_disk: Path, tmp_path: Path) -> None:
    raw, warehouse = tmp_path / "raw", small_disk / "wh"
    make_raw(raw, 0)
    first = xianzhi(words(raw, warehouse), tmp_path)
    assert first.returncode == 0, first.stderr
    before = tables_hash(warehouse)
    filler = small_disk / "filler"
    make_raw(raw, 1)
    free = os.statvfs(small_disk)
    room = free.f_bavail * free.f_frsize
    full = 0
    for left in (0, 150_000):  # full in different steps of the run
        with filler.open("wb") as file:
            while file.tell() < room - left:
                try:
                    file.write(bytes(min(65_536, room - left - file.tell())))
                    file.flush()
                except OSError:
                    break
        done = xianzhi(words(raw, warehouse), tmp_path)
        filler.unlink(missing_ok=True)
        if done.returncode == 0:
            continue
        full += 1
        assert "Traceback" not in done.stderr
        assert "disk is full" in done.stderr or "No space left" in done.stderr, done.stderr
        assert tables_hash(warehouse) == before
        assert Store(warehouse).verify() == []
    assert full >= 1
    done = xianzhi(words(raw, warehouse), tmp_path)
    assert done.returncode == 0, done.stderr
    alone = xianzhi(words(raw, tmp_path / "alone" / "wh"), tmp_path)
    assert alone.returncode == 0
    assert tables_hash(warehouse) == tables_hash(tmp_path / "alone" / "wh") != before


@pytest.mark.slow
def test_a_read_only_target_is_told_in_one_sentence(small_disk: Path, tmp_path: Path) -> None:
    raw, warehouse = tmp_path / "raw", small_disk / "wh"
    make_raw(raw, 0)
    assert xianzhi(words(raw, warehouse), tmp_path).returncode == 0
    before = tables_hash(warehouse)
    make_raw(raw, 1)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = xianzhi(words(raw, warehouse), tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "ead-only" in done.stderr.splitlines()[-1]
    assert tables_hash(warehouse) == before


@pytest.mark.slow
def test_two_runs_at_once(tmp_path: Path) -> None:
    raw, warehouse = tmp_path / "raw", tmp_path / "wh"
    make_raw(raw, 0)
    environment = os.environ | dagster_home(tmp_path)
    command = [sys.executable, "-m", "pipelines.cli", *words(raw, warehouse)[1:]]
    runs = [
        subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment, cwd=ROOT
        )
        for _ in range(2)
    ]
    told = [run.communicate(timeout=300)[1] for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes in ([0, 1], [0, 0])  # [0, 0] where one had ended before the other began
    for run, words_told in zip(runs, told, strict=True):
        if run.returncode:
            assert f"another run holds the warehouse {warehouse} (process " in words_told.splitlines()[-1]
    assert Store(warehouse).verify() == []


def test_what_a_killed_run_left_in_the_lock_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text(
        '{"pid": 1, "host": "elsewhere", "since": "2020-01-01T00:00:00+00:00"}', encoding="utf-8"
    )
    assert holder(tmp_path) is None
    with writer_lock(tmp_path):
        pass
    (tmp_path / LOCK_NAME).write_bytes(b"\xff\x00 not json")
    with writer_lock(tmp_path):
        pass
