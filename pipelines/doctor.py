"""Is everything here that a run needs, and is the published warehouse what was published?

Not here: repairing anything; each finding says what to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pipelines.warehouse.lock import holder
from pipelines.warehouse.store import DATABASE, Store

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium-headless-shell",
)
PACKAGES = ("dagster", "duckdb", "polars", "pyarrow", "plotly", "kaleido", "nbclient", "nbconvert")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; only `broken` makes the exit status 1."""

    level: Literal["ok", "note", "broken"]
    subject: str
    message: str


def _python() -> Finding:
    name = ".".join(str(n) for n in sys.version_info[:3])
    fine = sys.version_info >= (3, 11)
    return Finding("ok" if fine else "broken", "python", name if fine else f"{name} is too old, 3.11 is needed")


def _packages() -> Finding:
    found, absent = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
    if absent:
        return Finding("broken", "packages", f"missing {', '.join(absent)}: call make run")
    return Finding("ok", "packages", ", ".join(found))


def browser() -> Finding:
    """The browser that draws pictures."""
    named = os.environ.get("BROWSER_PATH")
    if named and not Path(named).is_file():
        return Finding("note", "browser", f"BROWSER_PATH leads to {named}, which does not exist; unset it")
    found = named or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        return Finding("note", "browser", "none found, so no PNG, SVG or PDF; Debian, Ubuntu: apt install chromium")
    return Finding("ok", "browser", found)


def font() -> Finding:
    """A font with Chinese glyphs."""
    program = shutil.which("fc-list")
    if program is None:
        return Finding(
            "note", "font", "fontconfig is missing, so a Chinese font cannot be found; apt install fontconfig"
        )
    answer = subprocess.run([program, ":lang=zh", "family"], capture_output=True, text=True, check=False, timeout=60)
    families = sorted({line.split(",")[0] for line in answer.stdout.splitlines() if line.strip()})
    if not families:
        return Finding("note", "font", "no Chinese font, so no PNG, SVG or PDF; apt install fonts-noto-cjk")
    return Finding("ok", "font", families[0])


def _warehouse(root: Path) -> list[Finding]:
    if not (root / DATABASE).exists():
        return [Finding("note", "warehouse", f"none at {root}; `make run` builds it")]
    store = Store(root)
    if outdated := store.outdated():
        return [Finding("note", "warehouse", f"{outdated} by `xianzhi run`")]
    broken = [Finding("broken", "warehouse", f"{fault}; `xianzhi run` publishes it again") for fault in store.verify()]
    if broken:
        return broken
    manifest = store.manifest() or {}
    return [Finding("ok", "warehouse", f"vintage {manifest.get('vintage')}, all files equal their hashes")]


def _lock(root: Path) -> Finding:
    held = holder(root)
    if held:
        return Finding("note", "lock", f"a run is going on ({held})")
    return Finding("ok", "lock", "free")


def examine(warehouse: Path) -> list[Finding]:
    """All findings, in the order in which they matter."""
    return [_python(), _packages(), browser(), font(), *_warehouse(warehouse), _lock(warehouse)]
