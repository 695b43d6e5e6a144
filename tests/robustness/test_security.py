"""Text from documents is data everywhere, queries only read, servers stay on this machine, nothing phones home."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kill_runs import dagster_home, make_raw, words
from small_tables import stage_all

from pipelines.warehouse.read import ReadError, Warehouse, open_warehouse
from pipelines.warehouse.store import Store

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "pipelines").rglob("*.py"))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    store = Store(tmp_path_factory.mktemp("security") / "wh")
    stage_all(store)
    store.publish(inputs_sha256="i", extractor_version="v1")
    return open_warehouse(store.root)


# --------------------------------------------------------------------------------------------------------------- queries


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('{out}')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM read_json('/etc/passwd')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('{out}')",
        "SELECT * FROM 'https://example.org/x.parquet'",
        "SELECT * FROM '../x.csv'",
        "COPY (SELECT 1) TO '{out}' (FORMAT parquet)",
        "COPY series TO '/dev/stdout'",
        "ATTACH ':memory:' AS m",
        "ATTACH '{out}' (TYPE sqlite)",
        "INSTALL sqlite",
        "LOAD '{out}'",
        "FORCE INSTALL httpfs FROM 'http://127.0.0.1:9'",
        "CREATE SECRET s (TYPE s3)",
        "CREATE MACRO f() AS 1",
        "CREATE VIEW v AS SELECT 1",
        "UPDATE series SET value = 1",
        "DELETE FROM series",
        "TRUNCATE series",
        "ALTER TABLE series ADD COLUMN x INT",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET temp_directory = '{out}'",
        "RESET ALL",
        "PRAGMA enable_profiling",
        "IMPORT DATABASE '{out}'",
        "VACUUM FULL",
        "CHECKPOINT; COPY (SELECT 1) TO '{out}'",
        "SELECT 1; ATTACH '{out}'",
    ],
)
def test_sql_reads_the_tables_and_nothing_else(warehouse: Warehouse, tmp_path: Path, query: str) -> None:
    out = tmp_path / "out"
    before = {p: p.stat().st_mtime_ns for p in warehouse.database.parent.rglob("*")}
    try:
        warehouse.sql(query.format(out=out))
    except ReadError as error:
        assert "\n" not in str(error)
    else:
        assert query in ("VACUUM FULL", "RESET ALL"), "this must be refused"
    assert not out.exists()
    assert {p: p.stat().st_mtime_ns for p in warehouse.database.parent.rglob("*")} == before
    with pytest.raises(ReadError):
        warehouse.sql("SELECT * FROM read_text('/etc/hostname')")
    assert warehouse.table("series").height == 3


def test_a_place_or_indicator_is_never_part_of_a_query(warehouse: Warehouse) -> None:
    for hostile in ("x' OR '1'='1", "'; DROP TABLE series; --", '" OR 1=1 --', "\x00", "511723' UNION SELECT 1"):
        with pytest.raises(ReadError, match="no place"):
            warehouse.place_code(hostile)
        with pytest.raises(ReadError, match="no observation"):
            warehouse.observation(hostile)
        with pytest.raises(ReadError, match="no indicator"):
            warehouse.series(hostile)
    assert warehouse.table("series").height == 3


def _calls(tree: ast.AST, names: set[str]) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    ]


def test_no_query_is_built_from_strings() -> None:
    """Queries with names in them stand where the names come from the declared schema: two modules of the store."""
    allowed = {"pipelines/warehouse/database.py", "pipelines/warehouse/read.py"}
    found = set()
    for path in SOURCES:
        for call in _calls(ast.parse(path.read_text(encoding="utf-8")), {"execute", "sql", "executemany"}):
            built = call.args and (
                isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
                or (isinstance(call.args[0], ast.Call) and getattr(call.args[0].func, "attr", "") == "format")
            )
            if built:
                found.add(path.relative_to(ROOT).as_posix())
    assert found <= allowed


def test_nothing_untrusted_is_unpickled_evaluated_or_run() -> None:
    modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        imported |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
        assert not imported & modules, path
        called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        assert not called & {"eval", "exec", "compile"}, path
        for call in ast.walk(tree):
            if isinstance(call, ast.Call):
                assert not any(k.arg == "shell" and getattr(k.value, "value", False) for k in call.keywords), path
        for call in _calls(tree, {"load", "load_all", "full_load"}):
            assert not (isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "yaml"), path


def test_dagster_shows_document_text_as_json_and_never_as_markdown() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"MetadataValue\.(md|url|path|notebook)\(|MarkdownMetadataValue", text), path


# --------------------------------------------------------------------------------------------------- files and processes


def test_published_files_cannot_be_written_by_others(warehouse: Warehouse) -> None:
    for path in warehouse.database.parent.rglob("*"):
        if not path.is_symlink():
            assert not path.stat().st_mode & (stat.S_IWOTH | stat.S_IWGRP | stat.S_ISUID | stat.S_ISGID), path


def test_servers_of_make_stay_on_this_machine() -> None:
    recipes = re.findall(
        r"^\t.*\$\(BIN\)/(?:dagster|jupyter) .*$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(recipes) == 2
    for recipe in recipes:
        assert "--host 127.0.0.1" in recipe or "ServerApp.ip=127.0.0.1" in recipe
        assert not re.search(r"0\.0\.0\.0|token=|password=|allow_origin|disable_check_xsrf|allow_remote", recipe)
        assert "tools/serve.py" in recipe


SERVER = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_server_that_does_not_end_takes_its_children_along(number: signal.Signals, tmp_path: Path) -> None:
    serve = (ROOT / "tools" / "serve.py").read_text(encoding="utf-8").replace("PATIENCE = 5.0", "PATIENCE = 0.3")
    (tmp_path / "serve.py").write_text(serve, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "serve.py"), sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.send_signal(number)
        process.wait(timeout=30)
    for _ in range(50):
        if not _runs(child):
            break
        time.sleep(0.1)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False


@pytest.mark.slow
def test_a_run_needs_no_network(tmp_path: Path) -> None:
    """In a network namespace without any route: whoever calls out gets an error at once."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("network namespaces are not permitted here (needs Linux and the rights of `unshare -n`)")
    make_raw(tmp_path / "raw", 1)
    environment = os.environ | dagster_home(tmp_path)
    probe = "import socket; socket.create_connection(('192.0.2.1', 80), 3)"
    closed = subprocess.run([unshare, "-n", sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert "unreachable" in closed.stderr
    command = [unshare, "-n", sys.executable, "-m", "pipelines.cli", *words(tmp_path / "raw", tmp_path / "wh")[1:]]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    with open_warehouse(tmp_path / "wh") as opened:
        assert opened.table("series").height > 0


def test_locked_packages_have_hashes_and_no_address() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import audit
    finally:
        sys.path.pop(0)
    assert audit.check_hashes() == []
    assert audit.check_licences() == []
    assert len(audit.locked(ROOT / "requirements.lock")) > 50
    listed = {name for name, _, _ in audit.licences(ROOT / "requirements.lock")}
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert {"polars", "duckdb", "dagster"} <= listed
    assert all(f"| {name} |" in page for name in ("polars", "duckdb", "dagster", "lxml", "plotly"))
