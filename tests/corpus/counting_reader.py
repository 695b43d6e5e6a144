"""A reader that notes each document it opens, one observation a line; importable by worker processes."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.documents.model import Sidecar

LINE = re.compile(r"(\d{4}) (\S+) ([0-9.]+)")


@dataclass
class Rows:
    documents: list[dict[str, Any]] = field(default_factory=list)
    sections: list[dict[str, Any]] = field(default_factory=list)
    mentions: list[dict[str, Any]] = field(default_factory=list)
    observations: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)


def _observation(doc_id: str, found: re.Match[str]) -> dict[str, Any]:
    start, end = found.span(3)
    return {
        "observation_id": f"{doc_id}:{start}-{end}",
        "doc_id": doc_id,
        "section": 0,
        "start_char": start,
        "end_char": end,
        "raw": found.group(3),
        "sentence": found.group(),
        "class": "indicator",
        "indicator": found.group(2),
        "indicator_id": found.group(2),
        "value": float(found.group(3)),
        "value_lo": float(found.group(3)),
        "value_hi": float(found.group(3)),
        "values": [],
        "unit": "人",
        "kind": "actual",
        "approx": "exact",
        "scope": "",
        "place_code": "330522",
        "place_name": "长兴县",
        "basis": "",
        "period": found.group(1),
        "period_kind": "annual",
        "status": "reported",
        "source_kind": "document",
        "source_rank": 1,
        "links_rel": [],
        "links_to": [],
        "flags": [],
        "candidates": [],
        "confidence": 0.9,
        "rule": "t",
    }


def read(path: Path, name: str, doc_id: str, sidecar: Sidecar | None) -> Rows:
    text = path.read_text(encoding="utf-8")
    if log := os.environ.get("OPENED_LOG"):
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
    if "nan" in text:
        bad = _observation(doc_id, re.match(LINE, "2011 births 1"))  # type: ignore[arg-type]
        return Rows(
            documents=[{"doc_id": doc_id, "path": name, "status": "ok"}], observations=[bad | {"value": float("nan")}]
        )
    if "slow" in text:
        time.sleep(0.05)
    document = {"doc_id": doc_id, "path": name, "status": "ok", "title": sidecar.title if sidecar else None}
    return Rows(
        documents=[document | {"n_chars": len(text)}],
        observations=[_observation(doc_id, found) for found in LINE.finditer(text)],
    )
