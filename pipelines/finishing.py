"""What follows from each part alone: corrections applied, its figures checked against each other, its worklist.

Here: everything between reading documents and looking at all of them together that needs one document at a time, done
part by part, so that a changed document costs its own part. Not here: how documents are read (`parts`), what corrections,
checks and the worklist say (`catalogue.corrections`, `analysis.reconcile`, `warehouse.review`, `warehouse.gates`).
"""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from pipelines.catalogue.corrections import Correction, Fault
from pipelines.catalogue.corrections import apply as apply_corrections
from pipelines.corpus import Corpus, code_version
from pipelines.executors import Engine, run_batches
from pipelines.parts import DOCUMENT_TABLES, Held, Part, read_part, rows_of, write_part
from pipelines.warehouse.evidence import document_evidence, in_order, place_sums
from pipelines.warehouse.gates import document_faults
from pipelines.warehouse.schema import empty
from pipelines.warehouse.staging import TableFile

CODE_FOLDERS = ("analysis", "catalogue", "series", "warehouse")
IN_PROCESS_BELOW = 24
"""Parts that are finished faster in this process than workers are started."""
BATCH = 4
"""Parts worked out at once: many small steps cost the same for a thousand documents as for one."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Of each part the files of its tables and of what they tell of places; corrections that no longer fit; broken rules."""

    parts: tuple[Mapping[str, TableFile], ...]
    stale: tuple[Fault, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Task:
    part: str
    name: str


def document_rows(tables: Mapping[str, pl.DataFrame], indicators: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Rows of `review` and `checks` that follow from the documents of these tables, one document at a time."""
    from pipelines.analysis.lost_digits import lost_digit_checks
    from pipelines.analysis.reconcile import checks
    from pipelines.warehouse.review import document_review

    own = tables["observations"]
    return {
        "review": document_review(tables["mentions"], own),
        "checks": pl.concat([checks(own, indicators), lost_digit_checks(own, indicators)]).sort("check_id"),
    }


def finish_batch(
    batch: Sequence[_Task],
    parts: str,
    folder: str,
    indicators: pl.DataFrame,
    corrected: Mapping[str, pl.DataFrame] | None = None,
) -> list[Part]:
    """Writes the rows that follow from several parts, worked out for all of them at once, and the observations of those
    whose name in `corrected` has them changed; what a worker does."""
    changed = corrected or {}
    read = {task.name: _read_part(Path(parts) / task.part, changed.get(task.name)) for task in batch}
    together = {table: pl.concat([tables[table] for tables in read.values()]).rechunk() for table in DOCUMENT_TABLES}
    rows = document_rows(together, indicators)
    rows |= document_evidence(together | rows, indicators)
    made = []
    for name, tables in read.items():
        own = rows_of_documents(rows, tables["documents"]) if len(read) > 1 else dict(rows)
        own["told"] = place_sums(tables | own)
        own |= {"observations": tables["observations"]} if name in changed else {}
        made.append(write_part(folder, name, own, document_faults(tables)))
    return made


def _read_part(source: Path, observations: pl.DataFrame | None) -> dict[str, pl.DataFrame]:
    tables = {t: pl.read_parquet(source / f"{t}.parquet", glob=False) for t in DOCUMENT_TABLES}
    return tables if observations is None else tables | {"observations": observations}


def rows_of_documents(tables: Mapping[str, pl.DataFrame], documents: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The rows of some documents (doc_id) in tables of more."""
    return {t: f.join(documents, on="doc_id", how="semi", maintain_order="left") for t, f in tables.items()}


def _taken_over(task: _Task, held: Held, parts: str, folder: str) -> Part | None:
    """The finished part of documents that finished parts hold together with others; None where a rule is broken, which
    may speak of either."""
    if any((done := read_part(Path(folder) / name)) is None or done.faults for name, _ in held):
        return None
    tables = {t: pl.read_parquet(Path(parts) / task.part / f"{t}.parquet", glob=False) for t in DOCUMENT_TABLES}
    own = {t: rows_of(folder, held, t) for t in ("review", "checks", "sums")}
    own |= {t: in_order(rows_of(folder, held, t), t) for t in ("candidates", "stated", "compared")}
    own["told"] = place_sums(tables | own)
    return write_part(folder, task.name, own)


def _lost(task: _Task) -> list[Part]:
    raise RuntimeError(f"the program that checked the part {task.part} ended; please report it")


def finish(
    corpus: Corpus,
    folder: Path,
    indicators: pl.DataFrame,
    corrections: Iterable[Correction] = (),
    using: Engine | None = None,
) -> Finished:
    """Finishes every part of a corpus below `folder`; what was finished before by the same code is left alone.

    `corrections` touch the parts of their documents only. Raises RuntimeError where a worker was lost.
    """
    version = code_version(CODE_FOLDERS)
    by_document = {name: (doc_id, part) for name, doc_id, part in corpus.documents.iter_rows()}
    by_part: dict[str, list[Correction]] = defaultdict(list)
    unplaced: list[Correction] = []
    for correction in corrections:
        found = by_document.get(correction.document) or by_document.get(f"documents/{correction.document}")
        (by_part[found[1]] if found else unplaced).append(correction)
    names = {p.name: _name(p.name, version, by_part.get(p.name, ())) for p in corpus.parts}
    done = {n: part for n in names.values() if (part := read_part(folder / n)) is not None}
    _, stale = apply_corrections(empty("observations"), {}, unplaced)
    for name, decided in by_part.items():
        source = corpus.folder / name
        paths = {d: i for d, (i, part) in by_document.items() if part == name}
        before = pl.read_parquet(source / "observations.parquet", glob=False)
        after, faults = apply_corrections(before, paths, decided)
        stale += faults
        if names[name] not in done:
            task = _Task(name, names[name])
            done |= _by_name(finish_batch([task], str(corpus.folder), str(folder), indicators, {task.name: after}))
    for kept, sources in corpus.made_of.items():
        if names[kept] not in done and kept not in by_part:
            held = [(_name(source, version, ()), doc_ids) for source, doc_ids in sources]
            taken = _taken_over(_Task(kept, names[kept]), held, str(corpus.folder), str(folder))
            done |= _by_name([taken] if taken else [])
    tasks = [_Task(part, name) for part, name in names.items() if name not in done]
    work = partial(finish_batch, parts=str(corpus.folder), folder=str(folder), indicators=indicators)
    if using is None or len(tasks) < IN_PROCESS_BELOW:
        for n in range(0, len(tasks), BATCH):
            done |= _by_name(work(tasks[n : n + BATCH]))
    else:
        batches = [tasks[i : i + BATCH] for i in range(0, len(tasks), BATCH)]
        for parts in run_batches(work, batches, using, _lost):
            done |= _by_name(parts)
    for made in folder.iterdir() if folder.is_dir() else ():
        if made.name not in done:
            shutil.rmtree(made, ignore_errors=True)
    placed: list[Mapping[str, TableFile]] = []
    for part in corpus.parts:
        more = done[names[part.name]]
        own = {table: _placed(corpus.folder, fact) for table, fact in part.tables.items()}
        placed.append(own | {table: _placed(folder, fact) for table, fact in more.tables.items()})
    return Finished(
        tuple(placed),
        tuple(stale),
        tuple(fault for name in names.values() for fault in done[name].faults),
    )


def _by_name(parts: Iterable[Part]) -> dict[str, Part]:
    return {part.name: part for part in parts}


def _placed(folder: Path, fact: TableFile) -> TableFile:
    return TableFile(str(folder / fact.path), fact.rows, fact.bytes, fact.sha256, fact.content)


def _name(part: str, version: str, corrections: Sequence[Correction]) -> str:
    said = "\n".join([part, version, *(repr(c) for c in corrections)])
    return hashlib.sha256(said.encode()).hexdigest()[:24]
