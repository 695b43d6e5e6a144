"""What a command loads before it answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("polars", "duckdb", "dagster", "plotly", "pyarrow", "pandas", "numpy", "distributed", "fsspec", "IPython")
LOOK = "import sys; from pipelines.cli import main\ntry:\n main()\nexcept SystemExit:\n pass\nprint('|'.join(sys.modules), file=sys.stderr)"


def loaded(*arguments: str) -> set[str]:
    """Top-level modules that a command line loads."""
    run = subprocess.run(
        [sys.executable, "-c", LOOK, *arguments], capture_output=True, text=True, cwd=ROOT, check=True, timeout=120
    )
    return {name.split(".")[0] for name in run.stderr.splitlines()[-1].split("|")}


@pytest.mark.parametrize("command", [(), ("run",), ("extract",), ("sql",), ("export",), ("doctor",)], ids=" ".join)
def test_help_loads_no_library_of_the_work(command: tuple[str, ...]) -> None:
    found = loaded(*command, "--help")
    assert "pipelines" in found
    assert found.isdisjoint(HEAVY)


def test_one_small_file_is_read_without_tables_database_or_figures() -> None:
    found = loaded("extract", str(ROOT / "data/raw/documents/dongtou-1999.txt"))
    assert found.isdisjoint(set(HEAVY) - {"numpy"})


def test_workers_are_set_up_before_polars_is_loaded() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import sys, pipelines.executors; print('polars' in sys.modules)"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert run.stdout.strip() == "False"
