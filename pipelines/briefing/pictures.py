"""PNG, SVG and PDF files of figures, all in one call of the browser, where a browser and a Chinese font are found.

Which figures are pictured is decided in `export`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.doctor import BROWSERS

FORMATS = ("png", "svg", "pdf")


def find_browser() -> str | None:
    """Path of a Chromium or Chrome: $BROWSER_PATH where it exists, else the first on the PATH."""
    given = os.environ.get("BROWSER_PATH")
    if given and Path(given).is_file():
        return given
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    found = next((p for p in map(shutil.which, BROWSERS) if p), None)
    return found or (str(mac) if mac.is_file() else None)


def has_chinese_font() -> bool:
    """Whether the system says it has a font for Chinese; true on macOS, which ships one."""
    if os.uname().sysname == "Darwin":
        return True
    tool = shutil.which("fc-list")
    if tool is None:
        return False
    try:
        done = subprocess.run([tool, ":lang=zh", "family"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(done.stdout.strip())


def missing() -> str | None:
    """One line naming what pictures need and the command that installs it; None where nothing is missing."""
    browser, font = find_browser(), has_chinese_font()
    if browser and font:
        return None
    lacking = [n for n, ok in (("a browser (Chromium or Chrome)", browser), ("a Chinese font", font)) if not ok]
    packages = [p for p, ok in (("chromium", browser), ("fontconfig fonts-noto-cjk", font)) if not ok]
    command = "sudo apt-get install -y " + " ".join(packages)
    return f"PNG, SVG and PDF were not made: {' and '.join(lacking)} not found; install with: {command}"


def pictures(jobs: Sequence[tuple[Any, Path]]) -> list[Path]:
    """Figures into files by their endings, in one call. Raises RuntimeError with one sentence where the browser fails."""
    if not jobs:
        return []
    import kaleido  # type: ignore[import-untyped, unused-ignore]

    browser = find_browser()
    if browser is None:
        raise RuntimeError("no browser found for pictures")
    specs = []
    for fig, path in jobs:
        path.parent.mkdir(parents=True, exist_ok=True)
        specs.append(
            {
                "fig": json.loads(fig.to_json()),
                "path": str(path),
                "opts": {
                    "format": path.suffix[1:],
                    "width": int(fig.layout.width),
                    "height": int(fig.layout.height),
                    "scale": 2 if path.suffix == ".png" else 1,
                },
            }
        )
    before = os.environ.get("BROWSER_PATH")
    os.environ["BROWSER_PATH"] = browser
    try:
        kaleido.write_fig_from_object_sync(specs, kopts={"mathjax": False})
    except Exception as error:
        raise RuntimeError(
            f"pictures failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error
    finally:
        if before is None:
            del os.environ["BROWSER_PATH"]
        else:
            os.environ["BROWSER_PATH"] = before
    return [path for _, path in jobs if path.is_file()]
