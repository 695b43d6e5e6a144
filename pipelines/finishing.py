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
from pipelines.parts import DOCUMENT_TABLES, Part, read_part, write_part
from pipelines.warehouse.schema import empty
from pipelines.warehouse.staging import TableFile

CODE_FOLDERS = ("analysis", "catalogue", "series", "warehouse")
IN_PROCESS_BELOW = 24
"""Parts that are finished faster in this process than workers are started."""
BATCH = 8


@dataclass(frozen=True, slots=True)
class Finished:
    """Files of every table of the documents, corrections that no longer fit, and broken rules."""

    files: Mapping[str, tuple[TableFile, ...]]
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


def finish_part(
    source: Path, folder: str, name: str, indicators: pl.DataFrame, observations: pl.DataFrame | None = None
) -> Part:
    """Writes the rows that follow from a part, and its observations where corrections changed them."""
    from pipelines.warehouse.gates import document_faults

    tables = {t: pl.read_parquet(source / f"{t}.parquet", glob=False) for t in DOCUMENT_TABLES}
    corrected = {} if observations is None else {"observations": observations}
    tables |= corrected
    return write_part(folder, name, document_rows(tables, indicators) | corrected, document_faults(tables))


def finish_batch(batch: Sequence[_Task], parts: str, folder: str, indicators: pl.DataFrame) -> list[Part]:
    """Several parts: what a worker does."""
    return [finish_part(Path(parts) / task.part, folder, task.name, indicators) for task in batch]


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
            done[names[name]] = finish_part(source, str(folder), names[name], indicators, after)
    tasks = [_Task(part, name) for part, name in names.items() if name not in done]
    work = partial(finish_batch, parts=str(corpus.folder), folder=str(folder), indicators=indicators)
    if using is None or len(tasks) < IN_PROCESS_BELOW:
        done |= {part.name: part for part in work(tasks)}
    else:
        batches = [tasks[i : i + BATCH] for i in range(0, len(tasks), BATCH)]
        for parts in run_batches(work, batches, using, _lost):
            done |= {part.name: part for part in parts}
    for made in folder.iterdir() if folder.is_dir() else ():
        if made.name not in done:
            shutil.rmtree(made, ignore_errors=True)
    files: dict[str, list[TableFile]] = {table: [] for table in (*DOCUMENT_TABLES, "review", "checks")}
    for part in corpus.parts:
        own, more = corpus.folder, done[names[part.name]]
        for table in files:
            fact = more.tables.get(table)
            at = (folder, fact) if fact else (own, part.tables[table])
            files[table].append(_placed(*at))
    return Finished(
        {table: tuple(f for f in found if f.rows) for table, found in files.items()},
        tuple(stale),
        tuple(fault for name in names.values() for fault in done[name].faults),
    )


def _placed(folder: Path, fact: TableFile) -> TableFile:
    return TableFile(str(folder / fact.path), fact.rows, fact.bytes, fact.sha256, fact.content)


def _name(part: str, version: str, corrections: Sequence[Correction]) -> str:
    said = "\n".join([part, version, *(repr(c) for c in corrections)])
    return hashlib.sha256(said.encode()).hexdigest()[:24]
