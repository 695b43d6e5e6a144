"""The terminal: starts at once, answers in one sentence, and its exit status tells the truth."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from small_tables import stage_all

from pipelines.warehouse.lock import writer_lock
from pipelines.warehouse.store import Store

COMMANDS = ("run", "extract", "restore", "sql", "explain", "export", "diff", "doctor", "review")


def xianzhi(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, timeout=300)


def one_sentence(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("cli") / "wh")
    stage_all(store)
    store.publish(inputs_sha256="i", extractor_version="v1")
    return store.root


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, pipelines.cli; print([m for m in ('polars', 'duckdb', 'dagster', 'rich', 'yaml') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
    fastest = 9.0
    for _ in range(3):
        began = time.perf_counter()
        result = xianzhi("--help")
        fastest = min(fastest, time.perf_counter() - began)
        assert result.returncode == 0
    assert fastest < 1.0  # 0.25 s on a quiet machine
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = xianzhi(command, "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_sql(warehouse: Path) -> None:
    query = "SELECT period, value, flags FROM series ORDER BY period"
    rows = json.loads(xianzhi("sql", query, "--format", "json", "--warehouse", warehouse).stdout)
    assert rows[0] == {"period": "2009", "value": 10.5, "flags": []}
    table = xianzhi("sql", query, "--format", "csv", "--warehouse", warehouse).stdout
    assert table.splitlines()[:2] == ["period,value,flags", "2009,10.5,[]"]
    assert "11.25" in xianzhi("sql", query, "--warehouse", warehouse).stdout


def test_errors_are_one_sentence(warehouse: Path, tmp_path: Path) -> None:
    assert "read-only" in one_sentence(xianzhi("sql", "CREATE TABLE x (a int)", "--warehouse", warehouse))
    assert "make run" in one_sentence(xianzhi("sql", "SELECT 1", "--warehouse", tmp_path / "none"))
    assert "no observation" in one_sentence(xianzhi("explain", "x", "--warehouse", warehouse))
    assert "does not exist" in one_sentence(xianzhi("run", "--raw", tmp_path / "none"))
    assert "neither" in one_sentence(xianzhi("diff", "19990101T000000Z", "x", "--warehouse", warehouse))
    (tmp_path / "empty.txt").write_bytes(b"")
    assert "[empty]" in one_sentence(xianzhi("extract", tmp_path / "empty.txt"))
    assert "no text" in one_sentence(xianzhi("restore", tmp_path / "empty.txt"))
    assert xianzhi("sql").returncode == 2


def test_explain_and_diff(warehouse: Path) -> None:
    assert "【1.63‰】" in xianzhi("explain", "d1:2011-2015", "--warehouse", warehouse).stdout
    result = xianzhi("diff", warehouse, warehouse)
    assert (result.returncode, result.stderr) == (0, "0 added, 0 changed, 0 removed\n")


def test_extract_prints_exact_offsets_and_keeps_going(tmp_path: Path) -> None:
    text = "开江县2011年工作总结\r\n2011年，全县人口出生率8.03‰，出生4800人。\r\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8", newline="")
    result = xianzhi("extract", tmp_path / "none.txt", tmp_path / "a.txt")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 1
    assert {r["doc"] for r in records} == {"a.txt"}
    assert all(text[r["start"] : r["end"]] == r["raw"] for r in records)
    assert any(r["value"] == 8.03 for r in records)


def test_extract_reads_the_members_of_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as package:
        package.writestr("县/b.txt", "开江县2011年，全县人口出生率8.03‰。")
        package.writestr("../c.txt", "x")
    result = xianzhi("extract", tmp_path / "a.zip")
    assert {json.loads(line)["doc"] for line in result.stdout.splitlines()} == {"a.zip!/县/b.txt"}
    assert (result.returncode, "[unsafe]" in result.stderr) == (1, True)


def test_restore(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("全縣人口出生率８.03％o。", encoding="utf-8")
    assert "全县人口出生率8.03‰" in xianzhi("restore", tmp_path / "a.txt").stdout
    edits = [json.loads(line) for line in xianzhi("restore", tmp_path / "a.txt", "--edits").stdout.splitlines()]
    assert all({"start", "end", "raw", "replacement"} <= set(e) for e in edits)


def test_doctor_finds_a_flipped_byte(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    database = store.publish(inputs_sha256="i", extractor_version="v1").database
    assert xianzhi("doctor", "--warehouse", store.root).returncode == 0
    data = bytearray(database.read_bytes())
    data[100] ^= 1
    database.write_bytes(bytes(data))
    result = xianzhi("doctor", "--warehouse", store.root)
    assert result.returncode == 1
    assert "differs from the manifest" in result.stdout


@pytest.mark.slow
def test_run_warns_and_strict_fails(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.txt").write_text("开江县2011年工作总结\n2011年，全县人口出生率8.03‰。\n", encoding="utf-8")
    (raw / "bad.bin").write_bytes(bytes(range(256)) * 50)
    words = (
        "run",
        "--raw",
        raw,
        "--warehouse",
        tmp_path / "wh",
        "--exports",
        tmp_path / "ex",
        "--no-notebooks",
        "--no-exports",
    )
    first = xianzhi(*words)
    assert first.returncode == 0, first.stderr
    assert "warning: 1 of 2 documents" in first.stderr
    assert "bad.bin [" in first.stderr
    second = xianzhi(*words, "--strict")
    assert second.returncode == 1
    assert " 0 read in this run" in second.stdout
    with writer_lock(tmp_path / "wh"):
        assert "another run holds the warehouse" in one_sentence_at_end(xianzhi(*words))


def one_sentence_at_end(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]
