"""Speed and memory of the whole path from files to a published warehouse, stage by stage.

    python benchmarks/pipeline.py                      about 600 documents, some minutes
    python benchmarks/pipeline.py --documents 5000
    python benchmarks/pipeline.py --full               100,000 documents, about 1.1 GB
    python benchmarks/pipeline.py --check              compare with benchmarks/baseline.json, exit 1 where slower
    python benchmarks/pipeline.py --rebase             make this run the baseline

Each measurement runs in a process of its own over documents no other one has read. Speeds are in MB of raw UTF-8 a second
of processor time, so that other work on the machine weighs little; wall times are named so. Results go to
`data/exports/benchmarks/pipeline.json` and `.md` with facts of the machine. The check compares ratios to a calibration
(a regular expression for digits over the same text in the same run), never seconds: another machine or a busy one gives
other seconds and nearly the same ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

BASELINE = ROOT / "benchmarks" / "baseline.json"
OUT = ROOT / "data" / "exports" / "benchmarks"
TOLERANCE = 1.5
"""A ratio may grow by this factor; the same program measured twice on a shared machine differs by up to 1.3."""
CHECKED = ("extract, clean", "extract, damaged", "one long text")
LOADED_ROWS = 1_000_000
COPIED_DENSITY = 230.0
"""Broken runs a MB in a page of an aggregator site."""


def _cpu() -> float:
    return time.process_time()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.txt"))


def _utf8_mb(files: list[Path]) -> float:
    from pipelines.documents.decode import decode

    return sum(len(decode(f.read_bytes())[0].encode()) for f in files) / 1e6


# ------------------------------------------------------------------------------------------- measurements, one a process


def calibrate(folder: Path, **_: Any) -> dict[str, Any]:
    """MB/s of `\\d+(\\.\\d+)?` over the text: what the machine is worth at this moment."""
    from pipelines.documents.decode import decode

    texts = [decode(f.read_bytes())[0] for f in _files(folder)]
    size = sum(len(t.encode()) for t in texts) / 1e6
    pattern = re.compile(r"\d+(?:\.\d+)?")
    best = min(_timed(lambda: [pattern.findall(t) for t in texts])[0] for _ in range(5))
    return {"MB/s": size / best}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = _cpu()
    result = work()
    return _cpu() - start, result


def stages(folder: Path, **_: Any) -> dict[str, Any]:
    """Every step of reading a document, timed where it happens; the first document apart, as it loads vocabularies."""
    from pipelines.executors import set_up_worker
    from pipelines.extraction import document
    from pipelines.sources import doc_id_of

    set_up_worker()  # a worker's own settings: all rows are kept here, which the collector would go through again and again
    files = _files(folder)
    size = _utf8_mb(files)
    spent: dict[str, float] = {}

    def timed(name: str) -> None:
        inner = getattr(document, name)

        def outer(*args: Any, **settings: Any) -> Any:
            start = _cpu()
            try:
                return inner(*args, **settings)
            finally:
                spent[name] = spent.get(name, 0.0) + _cpu() - start

        setattr(document, name, outer)

    steps = {
        "read": "read and decode", "restore": "restore", "furniture": "clean", "split": "split",
        "find_mentions": "find numbers", "attribute": "attribute", "rows_of": "rows", "_section_place": "places",
        "settle_targets": "targets",
    }  # fmt: skip
    first, _ = _timed(lambda: document.extract_document(files[0], "first", "0" * 12))
    for name in steps:
        if hasattr(document, name):
            timed(name)
    total, found = _timed(lambda: [document.extract_document(f, f.name, doc_id_of(f.name)) for f in files])
    return {
        "first document, s": first,
        "MB": size,
        "documents": len(files),
        "broken runs/MB": _broken_runs(files) / size,
        "MB/s": size / total,
        "documents/s": len(files) / total,
        "mentions/MB": sum(len(d.mentions) for d in found) / size,
        "us/mention": total / max(1, sum(len(d.mentions) for d in found)) * 1e6,
        "ms/MB": {steps[n]: s / size * 1000 for n, s in spent.items()}
        | {"rest": (total - sum(spent.values())) / size * 1000},
        "peak MB": _peak_mb(),
    }


def _broken_runs(files: list[Path]) -> int:
    """Repairs of what the converter broke, annotations apart."""
    from pipelines.documents.decode import decode
    from pipelines.documents.restore import restore

    kinds = {"shifted", "lost_byte", "lost_character", "unexplained"}
    return sum(e.edit_class in kinds for f in files for e in restore(decode(f.read_bytes())[0]).edits)


def one_long_text(folder: Path, size_mb: float = 1.0, **_: Any) -> dict[str, Any]:
    """The documents' texts as a single document."""
    from pipelines.documents.decode import decode
    from pipelines.executors import set_up_worker
    from pipelines.extraction.document import extract_document

    set_up_worker()
    files = _files(folder)
    parts: list[str] = []
    size = 0
    while size < size_mb * 1e6:
        text = decode(files[len(parts) % len(files)].read_bytes())[0]
        parts.append(text)
        size += len(text.encode())
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "long.txt"
        path.write_text("\n".join(parts), encoding="utf-8")
        extract_document(files[0], "first", "0" * 12)
        spent, _ = _timed(lambda: extract_document(path, "long.txt", "1" * 12))
    return {"MB": size / 1e6, "MB/s": size / 1e6 / spent, "peak MB": _peak_mb()}


def files_cold_and_warm(folder: Path, **_: Any) -> dict[str, Any]:
    """Reading bytes with the page cache emptied of them, and again."""
    files = _files(folder)
    size = sum(f.stat().st_size for f in files) / 1e6
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        for path in files:
            path.read_bytes()
        seconds.append(time.perf_counter() - start)
    return {"cold MB/s, wall": size / seconds[0], "warm MB/s, wall": size / seconds[1]}


def write(folder: Path, **_: Any) -> dict[str, Any]:
    """Rows of documents to a part: frames, checks, Parquet."""
    from pipelines.corpus import extractor_version
    from pipelines.parts import DOCUMENT_TABLES, frame_of, write_part
    from pipelines.sources import doc_id_of, find_documents

    from pipelines.extraction.document import extract_document  # isort: skip

    sources = find_documents(folder)[:250]
    found = [extract_document(Path(s.location), s.name, doc_id_of(s.name)) for s in sources]
    size = _utf8_mb([Path(s.location) for s in sources])
    with tempfile.TemporaryDirectory() as scratch:

        def work() -> None:
            frames = {
                t: frame_of(t, [row for d in found for row in getattr(d, t)], extractor_version())
                for t in DOCUMENT_TABLES
            }
            write_part(scratch, "part", frames)

        spent, _ = _timed(work)
        stored = sum(p.stat().st_size for p in Path(scratch).rglob("*.parquet"))
    return {"ms/MB": spent / size * 1000, "stored bytes/MB": stored / size, "peak MB": _peak_mb()}


def processes(folder: Path, workers: int = 1, **_: Any) -> dict[str, Any]:
    """Files to parts with so many processes, wall time; start of the processes included."""
    from pipelines.corpus import read_corpus

    size = _utf8_mb(_files(folder))
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        read_corpus(folder, Path(scratch), workers=workers)
        wall = time.perf_counter() - start
    return {"wall s": wall, "MB/s, wall": size / wall, "parent peak MB": _peak_mb()}


def warehouse(folder: Path, change: int = 0, **_: Any) -> dict[str, Any]:
    """The whole job through Dagster without notebooks and exports: from nothing, with nothing changed, and with some
    documents changed."""
    from pipelines.assets.resources import Workspace
    from pipelines.assets.run import run_job

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        space = Workspace(raw=str(folder), warehouse=f"{scratch}/warehouse", exports=f"{scratch}/exports")

        def run(name: str) -> None:
            wall, cpu = time.perf_counter(), _cpu()
            report = run_job(space, skip=("notebooks", "exports"), ephemeral=True)
            if report.failures:
                raise RuntimeError(report.failures)
            found[f"{name}, wall s"] = time.perf_counter() - wall
            found[f"{name}, CPU s of the parent"] = _cpu() - cpu
            found[f"{name}, documents read"] = report.extracted
            found["rows"] = report.rows

        run("from nothing")
        time.sleep(2.1)  # until files count as quiet
        run("looking again")
        run("nothing changed")
        for path in _files(folder)[:change]:
            path.write_bytes(path.read_bytes() + "\n全年出生人数1234人。\n".encode())
        run(f"{change} changed")
        stored = sum(p.stat().st_size for p in Path(scratch).rglob("warehouse-*.duckdb"))
        found["database MB"] = stored / 1e6
    found["parent peak MB"] = _peak_mb()
    return found


def load(rows: int = LOADED_ROWS, **_: Any) -> dict[str, Any]:
    """Bulk load of a narrow sorted table, its size, and questions from a notebook."""
    import duckdb
    import numpy as np
    import polars as pl

    from pipelines.warehouse.database import STORAGE_VERSION

    rng = np.random.default_rng(1)
    years = 30
    lines = rows // years
    frame = pl.DataFrame(
        {
            "place_code": [f"{110000 + i // 100:06d}" for i in range(lines)],
            "indicator_id": [f"indicator_{i % 100:03d}" for i in range(lines)],
        }
    ).join(pl.DataFrame({"year": range(1991, 1991 + years)}), how="cross")
    frame = frame.sort("place_code", "indicator_id", "year").with_columns(
        pl.Series("value", np.round(rng.lognormal(5, 2, frame.height), 2))
    )
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "points.parquet", Path(scratch) / "points.duckdb"
        frame.write_parquet(source)
        wall, start = time.perf_counter(), _cpu()
        connection = duckdb.connect(":memory:")
        connection.execute(f"ATTACH '{target}' AS made (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute(f"CREATE TABLE made.points AS SELECT * FROM read_parquet('{source}')")  # noqa: S608
        connection.execute("DETACH made")
        connection.close()
        spent, wall = _cpu() - start, time.perf_counter() - wall
        reader = duckdb.connect(str(target), read_only=True)

        def asked(question: str) -> float:
            return min(_timed(lambda: reader.execute(question).fetchall())[0] for _ in range(5)) * 1000

        result = {
            "rows": frame.height,
            "CPU s": spent,
            "wall s": wall,
            "bytes a row": target.stat().st_size / frame.height,
            "one series, ms": asked(
                "SELECT year, value FROM points WHERE place_code = '110005' AND indicator_id = 'indicator_042'"
            ),
            "group by, ms": asked("SELECT indicator_id, year, median(value), sum(value) FROM points GROUP BY ALL"),
        }
        reader.close()
    return result | {"peak MB": _peak_mb()}


MEASUREMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    f.__name__: f for f in (calibrate, stages, one_long_text, files_cold_and_warm, write, processes, warehouse, load)
}


# --------------------------------------------------------------------------------------------------------------- the run


def _alone(what: str, folder: Path | None = None, **settings: Any) -> dict[str, Any]:
    """One measurement in a process of its own."""
    print(f"  {what} {folder.name if folder else ''} {settings or ''}", file=sys.stderr, flush=True)
    given = json.dumps({"folder": str(folder) if folder else None, **settings})
    command = [sys.executable, __file__, "--measure", what, given]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{what} failed: {run.stderr[-2000:]}")
    made: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return made


def machine() -> dict[str, Any]:
    """Facts a reader of the figures needs."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory GB": round(memory, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("polars", "duckdb", "dagster")},
        "load before the run": round(os.getloadavg()[0], 1),
    }


@contextmanager
def _corpora(n: int, more: tuple[Path, ...]) -> Any:
    """Folders of documents: clean, damaged and mixed, each for one measurement."""
    from make_corpus import write_corpus

    with tempfile.TemporaryDirectory(prefix="xianzhi-bench-") as scratch:

        def made(name: str, share: float, seed: int, documents: int, density: float | None = None) -> Path:
            folder = Path(scratch) / name
            write_corpus(folder, documents, seed=seed, damaged=share, more=more, density=density)
            return folder

        yield made


def measure(n: int, more: tuple[Path, ...], long_mb: float, rows: int) -> dict[str, Any]:
    """All measurements over corpora of `n` documents."""
    results: dict[str, Any] = {"machine": machine(), "documents": n}
    sample = min(n, 1000)
    with _corpora(n, more) as made:
        clean = made("clean", 0.0, 1, sample)
        results["calibration"] = _alone("calibrate", clean)
        results["extract, clean"] = _alone("stages", clean)
        few = max(20, sample // 4)
        results["extract, damaged"] = _alone("stages", made("damaged", 1.0, 2, few))
        results["extract, damaged as a copied page"] = _alone("stages", made("copied", 1.0, 5, few, COPIED_DENSITY))
        results["one long text"] = _alone("one_long_text", clean, size_mb=long_mb)
        results["reading files"] = _alone("files_cold_and_warm", clean)
        results["write"] = _alone("write", made("written", 0.2, 3, min(sample, 250)))
        mixed = made("mixed", 0.2, 4, n)
        for workers in (1, 2):
            results[f"{workers} process{'es' if workers > 1 else ''}"] = _alone("processes", mixed, workers=workers)
        results["warehouse"] = _alone("warehouse", mixed, change=max(1, n // 1000))
    results["load"] = _alone("load", rows=rows)
    one, two = results["1 process"]["wall s"], results["2 processes"]["wall s"]
    results["two processes against one"] = one / two
    results["long text against small ones"] = results["one long text"]["MB/s"] / results["extract, clean"]["MB/s"]
    results["load after the run"] = round(os.getloadavg()[0], 1)
    results["ratios"] = {name: results["calibration"]["MB/s"] / results[name]["MB/s"] for name in CHECKED}
    return results


def slower(ratios: dict[str, float], baseline: dict[str, float], tolerance: float = TOLERANCE) -> list[str]:
    """One sentence for each ratio that grew beyond the tolerance."""
    return [
        f"{name}: {ratios[name]:.0f} times the calibration, {ratios[name] / was:.2f} times the baseline's {was:.0f}"
        for name, was in baseline.items()
        if name in ratios and ratios[name] > was * tolerance
    ]


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for k, v in value.items() for pair in _flat(v, f"{name}: {k}" if name else k)]
    return [(name, value)]


def as_markdown(results: dict[str, Any]) -> str:
    """The results as a table, the machine above it."""
    facts = ", ".join(f"{k} {v}" for k, v in results["machine"].items())
    lines = [f"{facts}; load after the run {results['load after the run']}", "", "| measured | value |", "|---|---|"]
    for name, value in _flat({k: v for k, v in results.items() if k != "machine"}):
        lines.append(f"| {name} | {f'{value:,.3g}' if isinstance(value, float) else f'{value:,}'} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and compare where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--full", action="store_true", help="100,000 documents, 10 million rows")
    parser.add_argument("--more", type=Path, action="append", default=[], help="folder with further texts")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rebase", action="store_true")
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "JSON"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        settings = json.loads(given.measure[1])
        folder = settings.pop("folder")
        done = MEASUREMENTS[given.measure[0]](**({"folder": Path(folder)} if folder else {}), **settings)
        print(json.dumps(done))
        return 0
    n = 100_000 if given.full else given.documents
    results = measure(n, tuple(given.more), 4.0 if n >= 1000 else 1.0, 10_000_000 if given.full else LOADED_ROWS)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "pipeline.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (given.out / "pipeline.md").write_text(as_markdown(results), encoding="utf-8")
    print(as_markdown(results))
    if given.rebase:
        BASELINE.write_text(json.dumps(results["ratios"], indent=1) + "\n", encoding="utf-8")
    if given.check:
        found = slower(results["ratios"], json.loads(BASELINE.read_text(encoding="utf-8")))
        for sentence in found:
            print(f"slower: {sentence}", file=sys.stderr)
        return bool(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
