"""Parts: some hundred documents as rows, one Parquet file a table, made by the worker that read them.

Here: reading a batch of documents into a part, writing and checking parts, taking documents out of them and putting
small ones together. A part is never changed; its name is the hash of the documents in it, so that the same documents give
the same part wherever it is made. Not here: which documents to read (`corpus`), how one is read (`extraction`).

    <folder>/<name>/TABLE.parquet, and part.json with rows, bytes and content sum of each
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import accumulate, chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]

from pipelines.documents.model import DocumentError, Sidecar
from pipelines.sidecars import SUFFIX, printable, read_sidecar
from pipelines.sources import Source, at_hand, file_system, hash_or_nothing, is_remote, sha256_of
from pipelines.warehouse.schema import SCHEMAS, conform, empty
from pipelines.warehouse.staging import TableFile
from pipelines.warehouse.tables import SUMMED_BY, content_sum, parquet_bytes, sorted_by_key

DOCUMENT_TABLES = ("documents", "sections", "mentions", "observations", "targets")
FACTS = "part.json"
NO_DOCUMENT = ("no_document", "A sidecar without its document; add the document or remove it.")


class DocumentRows(Protocol):
    """What reading one document gives: for each table a list of rows."""

    @property
    def documents(self) -> list[dict[str, Any]]: ...
    @property
    def sections(self) -> list[dict[str, Any]]: ...
    @property
    def mentions(self) -> list[dict[str, Any]]: ...
    @property
    def observations(self) -> list[dict[str, Any]]: ...
    @property
    def targets(self) -> list[dict[str, Any]]: ...


Extract = Callable[[Path, str, str, "Sidecar | None"], DocumentRows]
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document to read; where `sha256` is given and its bytes still have it, and its sidecar's too, it is left alone."""

    source: Source
    sha256: str | None = None
    sidecar_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of one document: the hashes read, and whether the rows known from before still hold."""

    name: str
    sha256: str
    sidecar_sha256: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part on disk: its name and the files of its tables, by their path inside the folder of parts."""

    name: str
    tables: Mapping[str, TableFile]
    faults: tuple[str, ...] = ()
    """Rules that its tables break, one sentence each."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a worker gives back: never rows, only the part's name and what became of each document."""

    part: Part | None
    looked: tuple[Looked, ...]


# ------------------------------------------------------------------------------------------------------------- reading


def own_reader() -> Extract:
    """The package's own reader; imported only where documents are read, as it loads the vocabularies."""
    from pipelines.extraction.document import extract_document

    return extract_document


def frame_of(table: str, rows: Sequence[Mapping[str, Any]], version: str) -> pl.DataFrame:
    """Rows as a table that fits its schema, column by column, which is five times faster than row by row."""
    if not rows:
        return empty(table)
    schema = SCHEMAS[table]
    names = [name for name in schema if name != "extractor_version"]
    try:
        cells = {name: list(map(itemgetter(name), rows)) for name in names}
        complete = sum(map(len, rows)) == len(names) * len(rows)
    except KeyError:
        complete = False
    if not complete:  # a row without some columns, or with others; told from the counts alone where all is well
        if foreign := set().union(*rows) - schema.keys():
            raise ValueError(f"{table}: foreign columns {sorted(foreign)}")
        cells = {name: [row.get(name) for row in rows] for name in names}
    columns = {name: _column(name, values, schema[name]) for name, values in cells.items()}
    if "extractor_version" in schema:
        columns["extractor_version"] = pl.repeat(version, len(rows), dtype=pl.String, eager=True)
    return conform(table, pl.DataFrame(columns).select(list(schema)))


def _column(name: str, values: list[Any], dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
    """One column; lists are laid end to end with their offsets, which is fifteen times faster than one by one."""
    if not isinstance(dtype, pl.List) or any(value is None for value in values):
        return pl.Series(name, values, dtype=dtype)
    flat = pl.Series(name, list(chain.from_iterable(values)), dtype=dtype.inner).to_arrow()
    offsets = pa.array([0, *accumulate(map(len, values))], pa.int64())
    lists = pl.from_arrow(pa.LargeListArray.from_arrays(offsets, flat))
    assert isinstance(lists, pl.Series)
    return lists.rename(name).cast(dtype)


def _error_rows(name: str, doc_id: str, sha256: str, status: str, error: str, sidecar: Sidecar | None) -> Rows:
    row = {
        "doc_id": doc_id,
        "path": printable(name),
        "sha256": sha256,
        "title": sidecar.title if sidecar else None,
        "source_url": sidecar.source_url if sidecar else None,
        "publisher": sidecar.publisher if sidecar else None,
        "published_on": sidecar.published_on if sidecar else None,
        "licence": sidecar.licence if sidecar else None,
        "status": status,
        "error": error,
    }
    return {table: [] for table in DOCUMENT_TABLES} | {"documents": [row]}


def _read(path: Path, beside: Path | None, name: str, doc_id: str, extract: Extract) -> tuple[Rows, str]:
    """Rows of one document and the hash of the bytes they were read from."""
    sidecar: Sidecar | None = None
    try:
        if path.suffix == SUFFIX:
            raise DocumentError(*NO_DOCUMENT)
        if not path.is_file() or not os.access(path, os.R_OK):
            raise DocumentError("unreadable", "The file cannot be opened: check that it is a file and its permissions.")
        if beside is not None:
            sidecar = read_sidecar(beside)
        found = extract(path, name, doc_id, sidecar)
        if len(found.documents) != 1:
            raise ValueError(f"{len(found.documents)} document rows instead of one")
        sha256 = found.documents[0].get("sha256") or hash_or_nothing(path)
        rows = {
            "documents": [found.documents[0] | {"doc_id": doc_id, "path": printable(name), "sha256": sha256}],
            "sections": found.sections,
            "mentions": found.mentions,
            "observations": found.observations,
            "targets": found.targets,
        }
        return rows, sha256
    except DocumentError as error:
        status, message = error.status, error.message
    except Exception as error:  # one document must never end the run of ten thousand; the row names the fault
        status, message = "failed", failed(error)
    sha256 = hash_or_nothing(path)
    return _error_rows(name, doc_id, sha256, status, message, sidecar), sha256


def failed(error: Exception) -> str:
    """What the documents table says of a reading that raised."""
    reason = " ".join(str(error).split())[:300]
    return f"Reading failed ({type(error).__name__}: {reason}); please report it."


def read_source(wanted: Wanted, extract: Extract) -> tuple[Rows | None, Looked]:
    """One document as rows, or None where it is as it was known; a document that cannot be read gives one row that says
    why, and no exception."""
    source = wanted.source
    doc_id = source.doc_id
    if source.fault is not None:
        # the hash of the fault stands for the bytes that cannot be had
        return _without_bytes(wanted, source.fault, hashlib.sha256("\t".join(source.fault).encode()).hexdigest())
    with ExitStack() as stack:
        try:
            path = stack.enter_context(at_hand(source.location))
            beside = stack.enter_context(at_hand(source.sidecar)) if source.sidecar else None
        except OSError as error:
            return _without_bytes(wanted, ("unreadable", f"The file cannot be fetched: {error}."), "")
        beside_sha256 = hash_or_nothing(beside) if beside else ""
        if wanted.sha256 is not None and beside_sha256 == wanted.sidecar_sha256:
            sha256 = hash_or_nothing(path)
            if sha256 == wanted.sha256:
                return None, Looked(source.name, sha256, beside_sha256, kept=True)
        rows, sha256 = _read(path, beside, source.name, doc_id, extract)
        return rows, Looked(source.name, sha256, beside_sha256, kept=False)


class Copies:
    """Documents read so far, so that the same bytes with the same sidecar under another name are not read again; of that
    name they are a document of their own, whose rows differ in their ids and its path only."""

    def __init__(self) -> None:
        self._read: dict[tuple[int, str], list[tuple[Source, Rows, Looked]]] = defaultdict(list)

    def add(self, source: Source, rows: Rows, looked: Looked) -> None:
        """Remembers what was read, unless it could not be read in full."""
        if source.fault is None and rows["documents"][0].get("status") == "ok":
            self._read[_alike(source)].append((source, rows, looked))

    def of(self, wanted: Wanted) -> tuple[Rows, Looked] | None:
        """The rows of a copy of a document read before; None where it is none."""
        source = wanted.source
        alike = self._read.get(_alike(source))
        if not alike or wanted.sha256 is not None or source.fault is not None:
            return None
        with ExitStack() as stack:
            try:
                sha256 = hash_or_nothing(stack.enter_context(at_hand(source.location)))
                beside = hash_or_nothing(stack.enter_context(at_hand(source.sidecar))) if source.sidecar else ""
            except OSError:
                return None
        for other, rows, looked in alike:
            if (looked.sha256, looked.sidecar_sha256) == (sha256, beside) and sha256:
                return _renamed(rows, other, source), Looked(source.name, sha256, beside, kept=False)
        return None


def _alike(source: Source) -> tuple[int, str]:
    return source.stamp[0], Path(source.name).suffix


_IDS = ("doc_id", "observation_id", "target_id", "actual_observation_id")
_ID_LISTS = ("links_to", "observation_ids")


def _renamed(rows: Rows, source: Source, copy: Source) -> Rows:
    """The rows of a document as those of its copy."""
    old, new = source.doc_id, copy.doc_id

    def renamed(row: dict[str, Any]) -> dict[str, Any]:
        ids = {c: row[c].replace(old, new, 1) for c in _IDS if row.get(c)}
        lists = {c: [i.replace(old, new, 1) for i in row[c]] for c in _ID_LISTS if row.get(c)}
        return row | ids | lists

    made = {table: [renamed(row) for row in found] for table, found in rows.items()}
    made["documents"][0]["path"] = printable(copy.name)
    return made


def _without_bytes(wanted: Wanted, fault: tuple[str, str], sha256: str) -> tuple[Rows | None, Looked]:
    """The row of a document that has no bytes."""
    source = wanted.source
    if wanted.sha256 == sha256:
        return None, Looked(source.name, sha256, "", kept=True)
    return _error_rows(source.name, source.doc_id, "", *fault, None), Looked(source.name, sha256, "", kept=False)


def _joined(read: Sequence[tuple[Source, Rows]], version: str) -> dict[str, pl.DataFrame]:
    return {
        table: frame_of(table, [row for _, rows in read for row in rows[table]], version) for table in DOCUMENT_TABLES
    }


def _each_alone(read: Sequence[tuple[Source, Rows]], version: str) -> dict[str, pl.DataFrame]:
    """The same where the rows of one document do not fit the tables: that document becomes a row that says so."""
    frames: list[dict[str, pl.DataFrame]] = []
    for source, rows in read:
        try:
            frames.append(_joined([(source, rows)], version))
        except Exception as error:
            sha256 = str(rows["documents"][0].get("sha256") or "")
            broken = _error_rows(source.name, source.doc_id, sha256, "failed", failed(error), None)
            frames.append(_joined([(source, broken)], version))
    return {table: pl.concat([f[table] for f in frames]) for table in DOCUMENT_TABLES}


def part_name(documents: Iterable[tuple[str, str, str]], version: str) -> str:
    """Name of the part that holds these documents: (doc_id, sha256, sha256 of the sidecar)."""
    lines = sorted("\t".join(d) for d in documents)
    return hashlib.sha256("\n".join([version, *lines]).encode()).hexdigest()[:24]


def read_batch(
    batch: Sequence[Wanted], folder: str = "", version: str = "", extract: Extract | None = None
) -> BatchResult:
    """Reads a batch of documents and writes them as one part below `folder`: what a worker does."""
    reader = extract or own_reader()
    read: list[tuple[Source, Rows]] = []
    looked: list[Looked] = []
    copies = Copies()
    for wanted in batch:
        rows, outcome = copies.of(wanted) or read_source(wanted, reader)
        looked.append(outcome)
        if rows is not None:
            read.append((wanted.source, rows))
            copies.add(wanted.source, rows, outcome)
    if not read:
        return BatchResult(None, tuple(looked))
    try:
        frames = _joined(read, version)
    except Exception:  # the rows of one document do not fit; which one, the slow way finds out
        frames = _each_alone(read, version)
    by_name = {outcome.name: outcome for outcome in looked}
    name = part_name(((s.doc_id, by_name[s.name].sha256, by_name[s.name].sidecar_sha256) for s, _ in read), version)
    return BatchResult(write_part(folder, name, frames), tuple(looked))


def crashed(wanted: Wanted, folder: str, version: str) -> BatchResult:
    """The part of a document that ended the program reading it."""
    source = wanted.source
    try:
        with at_hand(source.location) as path:
            sha256 = hash_or_nothing(path)
        beside = ""
        if source.sidecar:
            with at_hand(source.sidecar) as path:
                beside = hash_or_nothing(path)
    except OSError:
        sha256 = beside = ""
    message = "Reading ended the program that read it; please report it."
    rows = _error_rows(source.name, source.doc_id, sha256, "crashed", message, None)
    name = part_name([(source.doc_id, sha256, beside)], f"{version} crashed")
    part = write_part(folder, name, _joined([(source, rows)], version))
    return BatchResult(part, (Looked(source.name, sha256, beside, kept=False),))


# ---------------------------------------------------------------------------------------------------------- the folder


def write_part(folder: str, name: str, frames: Mapping[str, pl.DataFrame], faults: Sequence[str] = ()) -> Part:
    """Writes the tables of a part in their own order, others as they come; a part is seen whole or not at all."""
    data: dict[str, bytes] = {}
    facts: dict[str, TableFile] = {}
    for table, frame in frames.items():
        frame = sorted_by_key(table, frame) if table in SCHEMAS else frame
        data[table] = parquet_bytes(frame)
        sha256 = hashlib.sha256(data[table]).hexdigest()
        facts[table] = TableFile(f"{name}/{table}.parquet", frame.height, len(data[table]), sha256, content_sum(frame))
    part = Part(name, facts, tuple(faults))
    said = {"name": name, "faults": faults, "summed_by": SUMMED_BY, "tables": {t: asdict(f) for t, f in facts.items()}}
    note = json.dumps(said, sort_keys=True).encode()
    files = {f"{table}.parquet": d for table, d in data.items()} | {FACTS: note}
    if is_remote(folder):
        fs, root = file_system(folder)
        fs.makedirs(f"{root.rstrip('/')}/{name}", exist_ok=True)
        for file, content in files.items():  # the note last: without it the part does not count
            fs.pipe_file(f"{root.rstrip('/')}/{name}/{file}", content)
        return part
    target = Path(folder) / name
    if read_part(target, deep=True) == part:
        return part
    temporary = target.with_name(f".{name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        for file, content in files.items():
            with (temporary / file).open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return part


def read_part(folder: Path, deep: bool = False) -> Part | None:
    """The part in a folder, or None where it is not whole: a file is missing or has another size; with `deep` also where
    its bytes are others."""
    try:
        note = json.loads((folder / FACTS).read_bytes())
        files = {table: TableFile(**fact) for table, fact in note["tables"].items()}
        part = Part(note["name"], files, tuple(note["faults"]))
        if (
            part.name != folder.name
            or note["summed_by"] != SUMMED_BY
            or any((folder / f"{table}.parquet").stat().st_size != fact.bytes for table, fact in part.tables.items())
        ):
            return None
        if deep and any(sha256_of(folder / f"{t}.parquet") != fact.sha256 for t, fact in part.tables.items()):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return part


def fetch_part(address: str, folder: Path, part: Part) -> None:
    """Copies a part that a worker wrote to a shared address into a folder of this machine."""
    fs, root = file_system(address)
    target = folder / part.name
    temporary = target.with_name(f".{part.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        for file in (*(f"{t}.parquet" for t in part.tables), FACTS):
            (temporary / file).write_bytes(fs.cat_file(f"{root.rstrip('/')}/{part.name}/{file}"))
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


Held = Sequence[tuple[str, Sequence[str]]]
"""Names of parts, each with those of its documents (doc_ids) that are meant: a document that changed lies in two."""


def join_parts(folder: str, held: Held, name: str, tables: Sequence[str] = DOCUMENT_TABLES) -> Part:
    """A part of some documents of other parts: takes documents out, puts parts together."""
    return write_part(folder, name, {table: rows_of(folder, held, table) for table in tables})


def rows_of(folder: str, held: Held, table: str) -> pl.DataFrame:
    """Rows of some documents of some parts."""
    frames = []
    for name, doc_ids in held:
        rows = pl.read_parquet(Path(folder) / name / f"{table}.parquet", glob=False)
        wanted = pl.DataFrame({"doc_id": doc_ids}, schema={"doc_id": pl.String})
        frames.append(rows.join(wanted, on="doc_id", how="semi", maintain_order="left"))
    return pl.concat(frames)
