"""Our extractor beside published tools on the same annotated texts: quality and speed in one table.

usage: python benchmarks/extraction_peers.py [--install] [--json FILE] [--tools DIR]

Quality is the share of annotated quantities whose value, unit and approximation are all right (what every tool could say;
indicator, period, place and kind are ours alone and not compared), and how many dates, names and page furniture are taken
for quantities. Every tool reads the texts as they are and once more repaired and simplified by us, so that damage does
not decide. Speed is CPU time in a process of its own after a warm-up; the texts are repeated to at least --kilobytes.

The tools are optional and live in an environment of their own (`--tools`, default in the system's folder for temporary
files); `--install` fills it by the user's own package settings. What is not installed, or does not run, is said so.
Texts: `tests/gold`, and annotated documents beside the checkout where they stand.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.agreement import QUANTITIES, judge, pair
from pipelines.documents.read import read
from pipelines.documents.restore import restore
from pipelines.extraction.document import extract_records

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ROOT.parent / "shared"
PACKAGES = (
    "recognizers-text-suite", "emoji<2", "duckling-chinese", "jionlp", "quantulum3", "chinese2digits", "cn2an",
)  # fmt: skip
TOOLS = ("recognizers", "duckling", "jionlp", "quantulum", "chinese2digits", "cn2an")
LIMIT = 900
"""Seconds a tool may take for the texts."""
PARTS = ("value", "unit", "approx")


def texts_and_gold() -> tuple[dict[str, Path], list[dict[str, Any]]]:
    """Annotated texts by name, and all annotations inside the annotated ranges."""
    paths = {path.name: path for path in sorted((ROOT / "tests" / "gold").glob("*.txt"))}
    rows = _rows((ROOT / "tests" / "gold").glob("*.jsonl"))
    beside = _rows((BESIDE / "gold").glob("*.jsonl"))
    for doc in sorted({row["doc"] for row in beside}):
        if (path := BESIDE / "seeds" / doc).is_file():
            paths[doc] = path
    return paths, rows + [row for row in beside if row["doc"] in paths and not row.get("duplicate")]


def _rows(paths: Iterable[Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(paths) for line in path.read_text(encoding="utf8").splitlines() if line]


def covered(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records inside the annotated ranges of documents that are annotated in part."""
    beside = BESIDE / "gold" / "coverage.json"
    ranges: dict[str, list[list[int]]] = json.loads(beside.read_text(encoding="utf8")) if beside.is_file() else {}
    return [r for r in records if r["doc"] not in ranges or any(a <= r["start"] < b for a, b in ranges[r["doc"]])]


def install(folder: Path) -> None:
    """Make the tools' environment; a package that cannot be installed is reported and left out."""
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    for package in PACKAGES:
        done = subprocess.run(
            [folder / "bin" / "python", "-m", "pip", "install", "-q", package], capture_output=True, text=True
        )
        if done.returncode:
            print(f"{package} cannot be installed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)


def run_tool(folder: Path, name: str, texts: dict[str, str]) -> dict[str, Any] | str:
    """What a tool answers, or why it does not."""
    python = folder / "bin" / "python"
    if not python.exists():
        return "not installed (--install)"
    worker = str(Path(__file__).with_name("peer_worker.py"))
    try:
        done = subprocess.run(
            [python, worker, name], input=json.dumps(texts), capture_output=True, text=True, timeout=LIMIT, cwd=folder
        )
    except subprocess.TimeoutExpired:
        return f"took more than {LIMIT} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1][:120]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def run_ours(paths: dict[str, Path], times: int) -> dict[str, Any]:
    """Our own records and CPU seconds: everything from file to records, repair, sections, places and periods included."""
    records = [record for path in paths.values() for record in extract_records(path)]
    begin = time.process_time()
    for _ in range(times):
        for path in paths.values():
            extract_records(path)
    spent = time.process_time() - begin
    return {"version": "this checkout", "licence": "Apache-2.0", "seconds": spent, "records": records}


def quality(gold: list[dict[str, Any]], records: list[dict[str, Any]]) -> dict[str, float]:
    """Shares of the annotated quantities; `spurious` are dates, labels and noise taken for quantities."""
    asked, _ = pair(gold, [r for r in records if r["class"] in QUANTITIES])
    right: Counter[str] = Counter()
    for row, record in asked:
        wrong = judge(row, record)
        if wrong == ["missed"]:
            continue
        right["found"] += 1
        for part in PARTS:
            right[part] += part not in wrong
        right["all"] += not set(wrong) & set(PARTS)
    others = [row for row in gold if row["class"] not in QUANTITIES]
    spurious = sum(any(_hits(row, r) for r in records if r["class"] in QUANTITIES) for row in others)
    return {"of": len(asked), **right, "spurious": spurious, "others": len(others)}


def _hits(row: dict[str, Any], record: dict[str, Any]) -> bool:
    return bool(row["doc"] == record["doc"] and min(row["end"], record["end"]) > max(row["start"], record["start"]))


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--install", action="store_true", help="install the tools first")
    parser.add_argument("--tools", type=Path, default=Path(tempfile.gettempdir()) / "xianzhi-peers", metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--kilobytes", type=int, default=500, help="text our own timing reads at least")
    args = parser.parse_args()
    if args.install:
        install(args.tools)
    paths, gold = texts_and_gold()
    sources = {name: read(path) for name, path in paths.items()}
    raw = {name: source.text for name, source in sources.items()}
    repaired, moved = {}, []
    for name, text in raw.items():
        result = restore(text)
        repaired[name] = result.text
        for row in gold:
            if row["doc"] == name:
                start, end = result.map.to_derived(row["start"], row["end"])
                moved.append(row | {"start": start, "end": end})
    size = sum(len(text.encode()) for text in raw.values())
    times = max(1, round(args.kilobytes * 1000 / size))
    ours = run_ours(paths, times)
    table = [
        {"tool": "xianzhi", "raw": quality(gold, covered(ours["records"])), "repaired": None}
        | _told(ours, size * times)
    ]
    for name in TOOLS:
        plain = run_tool(args.tools, name, raw)
        if isinstance(plain, str):
            table.append({"tool": name, "error": plain})
            continue
        clean = run_tool(args.tools, name, repaired)
        told = {"tool": name, "raw": quality(gold, covered(plain["records"])), "repaired": None} | _told(plain, size)
        if not isinstance(clean, str):
            told["repaired"] = quality(moved, clean["records"])
        table.append(told)
    facts = {
        "date": datetime.now(UTC).date().isoformat(), "python": platform.python_version(), "cpus": os.cpu_count(),
        "machine": platform.machine(), "texts": len(raw), "kilobytes": round(size / 1000, 1),
    }  # fmt: skip
    if args.json:
        args.json.write_text(
            json.dumps({"facts": facts, "table": table}, ensure_ascii=False, indent=1), encoding="utf8"
        )
    print(", ".join(f"{k} {v}" for k, v in facts.items()) + "\n")
    print(
        "| tool | version | licence | right of | on repaired text | found | value | unit | approx | dates, names read as quantities | KB/s |"
    )
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in table:
        if "error" in row:
            print(f"| {row['tool']} | - | - | {row['error']} | | | | | | | |")
            continue
        q = row["raw"]
        again = f"{row['repaired']['all']}" if row["repaired"] else ""
        cells = [row["tool"], row["version"], row["licence"], f"{q['all']} of {q['of']}", again]
        cells += [str(q[k]) for k in ("found", *PARTS)] + [f"{q['spurious']} of {q['others']}", f"{row['kb_s']:.0f}"]
        print("| " + " | ".join(cells) + " |")


def _told(answer: dict[str, Any], size: int) -> dict[str, Any]:
    speed = size / 1000 / max(answer["seconds"], 1e-6)
    return {"version": answer["version"], "licence": answer["licence"], "kb_s": round(speed, 1)}


if __name__ == "__main__":
    main()
