"""Old Word files (.doc, .wps, .rtf), by a program of the system where one is present.

Belongs here: finding the program, running it closed in, its time limit. Does not belong here: reading what it makes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from pipelines.documents.model import DocumentError

SECONDS: Final = 120
"""Time a conversion may take."""
ADVICE: Final = "save it as .docx, or install a converter (Debian, Ubuntu: apt install antiword or libreoffice-writer)"


def converter() -> str | None:
    """Path of the program that reads old Word files: LibreOffice, which keeps tables, else antiword or catdoc."""
    return next((path for name in ("soffice", "antiword", "catdoc") if (path := shutil.which(name))), None)


def convert(data: bytes, suffix: str) -> tuple[bytes, str]:
    """What the converter makes of an old Word file, and the suffix of that: .docx or .txt (UTF-8). Raises
    DocumentError."""
    program = converter()
    name = Path(program).name if program else ""
    if program is None or (suffix == ".rtf" and name != "soffice"):
        raise DocumentError("unsupported", f"An old Word file; {ADVICE}.")
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
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DocumentError("unreadable", f"{name} could not read the old Word file; {ADVICE}.") from error
        made = Path(folder) / "out" / "document.docx"
        if name == "soffice" and made.is_file():
            return made.read_bytes(), ".docx"
        if name != "soffice" and done.returncode == 0 and done.stdout.strip():
            return done.stdout, ".txt"
    raise DocumentError("unreadable", f"{name} could not read the old Word file; save it as .docx.")
