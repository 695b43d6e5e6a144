"""A reader for tests of the corpus: one observation a line `indicator value`; importable by worker processes."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.documents.model import DocumentError, Sidecar


@dataclass
class Rows:
    documents: list[dict[str, Any]] = field(default_factory=list)
    sections: list[dict[str, Any]] = field(default_factory=list)
    mentions: list[dict[str, Any]] = field(default_factory=list)
    observations: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)


def read(path: Path, name: str, doc_id: str, sidecar: Sidecar | None) -> Rows:
    text = path.read_text(encoding="utf-8")
    if "refuse" in text:
        raise DocumentError("encrypted", "The file is protected by a password; save it without one.")
    if "fault" in text:
        raise ZeroDivisionError("a fault of the reader")
    if "crash" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    document = {
        "doc_id": doc_id,
        "path": name,
        "sha256": "",
        "status": "ok",
        "title": sidecar.title if sidecar else None,
    }
    mention = {
        "doc_id": doc_id,
        "section": 0,
        "start_char": 0,
        "end_char": len(text),
        "raw": text,
        "class": "label",
        "rule": "t",
    }
    return Rows(documents=[document | {"n_chars": len(text)}], mentions=[mention])
