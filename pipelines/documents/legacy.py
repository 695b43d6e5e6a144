"""Old Word files (.doc, .wps, .rtf), by a program of the system where one is present.

Belongs here: finding the program, running it closed in, its time limit. Does not belong here: reading what it makes.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Final
from unicodedata import east_asian_width

from pipelines.documents.model import DocumentError

SECONDS: Final = 120
"""Time a conversion may take."""
ADVICE: Final = "save it as .docx, or install a converter (Debian, Ubuntu: apt install antiword or libreoffice-writer)"


_ROW_ENDS: Final = (b"\x07\x00\x07\x00", b"\x07\x07")
"""Marks of the last cell and of the row in an old Word file, in its two ways to store characters."""


def converters() -> list[str]:
    """Paths of the programs that read old Word files, best first: LibreOffice, antiword, catdoc."""
    return [path for name in ("soffice", "antiword", "catdoc") if (path := shutil.which(name))]


def convert(data: bytes, suffix: str) -> tuple[bytes, str]:
    """What a converter makes of an old Word file, and the suffix of that: .docx or .txt (UTF-8, table rows as lines of
    tab-separated cells). Raises DocumentError.

    A program that loses the borders of a table's cells runs their numbers together (9.1 and 92.5 become 9.192.5): its
    work is thrown away and the next one is tried.
    """
    programs = [path for path in converters() if suffix == ".doc" or Path(path).name == "soffice"]
    if not programs:
        raise DocumentError("unsupported", f"An old Word file; {ADVICE}.")
    rows = max(data.count(mark) for mark in _ROW_ENDS) if suffix == ".doc" else 0
    lost = False
    for program in programs:
        made = _converted(program, data, suffix)
        if made is None:
            continue
        if _rows_kept(*made) >= 0.9 * rows:
            return made
        lost = True
    names = ", ".join(Path(path).name for path in programs)
    if lost:
        raise DocumentError("unreadable", f"{names} lost the borders of the old Word file's tables; {ADVICE}.")
    raise DocumentError("unreadable", f"{names} could not read the old Word file; {ADVICE}.")


def _converted(program: str, data: bytes, suffix: str) -> tuple[bytes, str] | None:
    name = Path(program).name
    with tempfile.TemporaryDirectory(prefix="xianzhi-") as folder:
        source = Path(folder) / f"document{suffix}"
        source.write_bytes(data)
        commands = {
            # a profile of its own, so that neither the user's macros nor an open window take part
            "soffice": [
                program, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--norestore", "--nolockcheck",
                "--convert-to", "docx", "--outdir", f"{folder}/out", str(source),
            ],
            "antiword": [program, "-m", "UTF-8.txt", "-w", "0", str(source)],
            "catdoc": [program, "-d", "utf-8", "-w", str(source)],
        }  # fmt: skip
        try:
            done = subprocess.run(
                commands[name],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
                cwd=folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LANG": "C.UTF-8"},
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        made = Path(folder) / "out" / "document.docx"
        if name == "soffice":
            return (made.read_bytes(), ".docx") if made.is_file() else None
        if done.returncode or not done.stdout.strip():
            return None
        return (_without_frames(done.stdout) if name == "antiword" else done.stdout), ".txt"


def _without_frames(drawn: bytes) -> bytes:
    """antiword draws a table's rows as `|cell  |cell  |`, a merged cell as wide as those it covers; here each cell gets
    the column it stands over. Rows that do not fit together are left out, which `convert` notices."""
    out: list[str] = []
    table: list[str] = []
    for line in [*drawn.decode("utf-8", "replace").splitlines(), ""]:
        if len(line) > 2 and line[0] == line[-1] == "|":
            table.append(line)
            continue
        if table:
            out += _columns(table)
            table = []
        out.append(line)
    return "\n".join(out).encode()


def _columns(table: list[str]) -> list[str]:
    rows: list[list[tuple[int, str]]] = []
    for line in table:
        at, cells = 0, []
        for cell in line[1:-1].split("|"):
            cells.append((at, cell.strip()))
            at += sum(2 if east_asian_width(c) in "WF" else 1 for c in cell) + 1
        rows.append(cells)
    borders = [at for at, _ in max(rows, key=len)]
    lines = []
    for cells in rows:
        places = [min(range(len(borders)), key=lambda n: abs(borders[n] - at)) for at, _ in cells]
        if any(abs(borders[n] - at) > 1 for n, (at, _) in zip(places, cells, strict=True)):
            continue
        laid = [""] * len(borders)
        for n, (_, text) in zip(places, cells, strict=True):
            laid[n] = text
        lines.append("\t".join(laid).rstrip("\t"))
    return lines


def _rows_kept(made: bytes, kind: str) -> int:
    if kind == ".txt":
        return sum(1 for line in made.splitlines() if b"\t" in line.strip())
    try:
        with zipfile.ZipFile(io.BytesIO(made)) as package:
            return len(_ROW.findall(package.read("word/document.xml")))
    except (zipfile.BadZipFile, KeyError):
        return 0


_ROW: Final = re.compile(rb"<w:tr[ >]")
