"""The documents of a raw folder as tables, read again only where something changed.

Here: finding documents and their sidecars, hashing them, deciding which to read, reading them in parallel, keeping what
was read in shards below the warehouse's cache. One document is a row, never a task of its own; a bad document becomes a
row that says why. Not here: how a document is read (`documents`, `extraction`), what becomes of the tables.

The result depends on the documents and the extractor only: not on their order, the number of workers, or what was
cached. The cache may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import polars as pl

from pipelines.documents.archives import forget, is_archive, unpack
from pipelines.documents.model import DocumentError, Sidecar
from pipelines.warehouse.schema import SCHEMA_VERSION, SCHEMAS, conform, empty
from pipelines.warehouse.store import parquet_bytes, sha256_of, sorted_by_key, write_if_changed

DOCUMENT_TABLES = ("documents", "sections", "mentions", "observations", "targets")
RESERVED_FOLDERS = frozenset({"series", "corrections"})
CODE_FOLDERS = ("documents", "extraction", "catalogue")
BATCH = 64
"""Documents handed to a worker at once; what a batch costs must dwarf what handing it over costs."""
IN_PROCESS_BELOW = 12
"""Starting workers costs about two seconds each; fewer documents are read faster without them."""
MAX_SHARDS = 16


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
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """One document found in a raw folder; `sha256` is empty where its bytes cannot be read."""

    name: str
    path: Path
    sha256: str
    sidecar: Path | None = None
    sidecar_sha256: str = ""
    fault: tuple[str, str] | None = None
    """Status and sentence where an archive could not give its member."""

    @property
    def doc_id(self) -> str:
        """First 12 hex digits of the hash of the path inside the raw folder."""
        return doc_id_of(self.name)


@dataclass(frozen=True, slots=True)
class BadDocument:
    """A document that could not be read, for the end of the run's report."""

    path: str
    status: str
    error: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """All documents as tables, and what this run had to do for it."""

    tables: Mapping[str, pl.DataFrame]
    new: int
    changed: int
    removed: int
    unchanged: int
    inputs_sha256: str
    bad: tuple[BadDocument, ...] = field(default=())

    @property
    def extracted(self) -> int:
        """Documents read in this run."""
        return self.new + self.changed


# ------------------------------------------------------------------------------------------------------------- finding


def doc_id_of(name: str) -> str:
    """Identifier of a document by its path inside the raw folder."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def printable(name: str) -> str:
    """A file name that can be stored and shown, whatever bytes it holds."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def find_files(raw: Path) -> Iterator[Path]:
    """Every file below a folder in a fixed order. Links to folders are followed once and never in a circle."""
    seen: set[tuple[int, int]] = set()
    pending, links = [raw], list[Path]()
    while pending or links:
        folder = pending.pop() if pending else links.pop(0)
        try:
            status = folder.stat()
            entries = sorted(folder.iterdir(), key=lambda p: os.fsencode(p.name))
        except OSError:
            yield folder  # a folder that cannot be listed is reported like a file that cannot be read
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        folders: list[Path] = []
        for entry in entries:
            if entry.name.startswith((".", "~$")):
                continue
            if not entry.is_dir():
                yield entry
            elif entry.is_symlink():
                links.append(entry)
            else:
                folders.append(entry)
        pending.extend(reversed(folders))


def sidecar_of(path: Path) -> Path | None:
    """The sidecar of a document: NAME.EXT.yaml or NAME.yaml beside it."""
    for candidate in (path.with_name(path.name + ".yaml"), path.with_suffix(".yaml")):
        if candidate != path and candidate.is_file():
            return candidate
    return None


def _hash(path: Path) -> str:
    try:
        return sha256_of(path) if path.is_file() else ""
    except OSError:
        return ""


def find_documents(raw: Path) -> list[Source]:
    """Documents below a raw folder, by name; not its `series/` and `corrections/`, nor README.md and sidecars."""
    if not raw.is_dir():
        raise FileNotFoundError(f"the raw folder {raw} does not exist")
    files = [
        path
        for path in find_files(raw)
        if path.name != "README.md" and path.relative_to(raw).parts[:1] not in {(r,) for r in RESERVED_FOLDERS}
    ]
    sidecars = {sidecar for path in files if path.suffix != ".yaml" and (sidecar := sidecar_of(path))}
    found = []
    for path in files:
        if path in sidecars:
            continue
        sidecar = sidecar_of(path)
        found.append(
            Source(
                name=path.relative_to(raw).as_posix(),
                path=path,
                sha256=_hash(path),
                sidecar=sidecar,
                sidecar_sha256=_hash(sidecar) if sidecar else "",
            )
        )
    return sorted(found, key=lambda s: os.fsencode(s.name))


def with_members(sources: Sequence[Source], unpacked: Path) -> list[Source]:
    """The sources with every archive replaced by the documents in it, named `archive!/member` and laid out as files
    below `unpacked`. A member's sidecar is the one beside it in the archive, else the archive's own."""
    found: list[Source] = []
    live: set[str] = set()
    taken = {s.name for s in sources}
    for source in sources:
        if not (is_archive(source.name) and source.sha256):
            found.append(source)
            continue
        live.add(source.sha256)
        members = [m for m in unpack(source.path, unpacked, source.sha256) if PurePosixPath(m.name).name != "README.md"]
        by_name = {m.name: m for m in members if m.path and m.name.endswith(".yaml")}
        beside = {
            m.name: s
            for m in members
            if m.name and m.name not in by_name
            for s in (by_name.get(f"{m.name}.yaml") or by_name.get(str(PurePosixPath(m.name).with_suffix(".yaml"))),)
            if s
        }
        sidecars = {s.name for s in beside.values()}
        for member in members:
            if member.name in sidecars:
                continue
            name = f"{source.name}!/{member.name}" if member.name else source.name
            while name in taken and member.name:
                name += "#2"  # a folder on disk may be named like an archive's inside
            taken.add(name)
            own = beside.get(member.name)
            found.append(
                Source(
                    name=name,
                    path=member.path or source.path,
                    sha256=member.sha256,
                    sidecar=own.path if own else source.sidecar,
                    sidecar_sha256=own.sha256 if own else source.sidecar_sha256,
                    fault=member.fault,
                )
            )
    forget(unpacked, live)
    return sorted(found, key=lambda s: os.fsencode(s.name))


def read_sidecar(path: Path) -> Sidecar:
    """Metadata an analyst wrote beside a document; raises DocumentError for anything not understood."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DocumentError(
            "bad_sidecar", f"The sidecar {printable(path.name)} is not valid YAML: {reason}."
        ) from error
    known = set(Sidecar.__dataclass_fields__)
    if data is None:
        return Sidecar()
    if not isinstance(data, dict):
        raise DocumentError("bad_sidecar", f"The sidecar {printable(path.name)} must hold `name: value` lines.")
    unknown = sorted(str(key) for key in data if key not in known)
    if unknown:
        raise DocumentError(
            "bad_sidecar",
            f"The sidecar {printable(path.name)} has unknown fields {', '.join(unknown)}; known are {', '.join(sorted(known))}.",
        )
    values: dict[str, Any] = {}
    for key, value in data.items():
        if value is None or value == "":
            continue
        if isinstance(value, (dict, list)):
            raise DocumentError("bad_sidecar", f"The sidecar {printable(path.name)} needs one value for {key}.")
        values[key] = value.isoformat() if isinstance(value, date) else str(value).strip()
    if "year" in values:
        if not (values["year"].isascii() and values["year"].isdigit() and len(values["year"]) == 4):
            raise DocumentError("bad_sidecar", f"The sidecar {printable(path.name)} needs a year of four digits.")
        values["year"] = int(values["year"])
    code = values.get("place_code")
    if code is not None and not (code.isascii() and code.isdigit() and len(code) == 6):
        raise DocumentError("bad_sidecar", f"The sidecar {printable(path.name)} needs a place_code of six digits.")
    return Sidecar(**values)


@lru_cache(maxsize=1)
def extractor_version() -> str:
    """Hash of the code and vocabularies that read documents: another version reads every document again."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256(f"schema {SCHEMA_VERSION}\n".encode())
    for folder in CODE_FOLDERS:
        for path in sorted((package / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(package).as_posix()}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def hash_inputs(raw: Path, sources: Sequence[Source]) -> str:
    """Hash over the paths and bytes of everything a run reads: documents, sidecars, series, corrections."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{printable(source.name)}\t{source.sha256}\t{source.sidecar_sha256}\n".encode())
    for folder in sorted(RESERVED_FOLDERS):
        if (raw / folder).is_dir():
            for path in sorted(find_files(raw / folder)):
                if path.name != "README.md":
                    digest.update(f"{printable(path.relative_to(raw).as_posix())}\t{_hash(path)}\n".encode())
    return digest.hexdigest()


# ------------------------------------------------------------------------------------------------------------- reading


def _reader() -> Extract:
    """The package's own reader; imported only where documents are read, as it loads the vocabularies."""
    from pipelines.extraction.document import extract_document

    return extract_document


def _frame(table: str, rows: list[dict[str, Any]], version: str) -> pl.DataFrame:
    schema = SCHEMAS[table]
    if "extractor_version" in schema:
        rows = [row | {"extractor_version": version} for row in rows]
    for row in rows:
        foreign = row.keys() - schema.keys()
        if foreign:
            raise ValueError(f"{table}: foreign columns {sorted(foreign)}")
    return conform(table, pl.DataFrame(rows, schema=schema, orient="row")) if rows else empty(table)


def _error_row(source: Source, version: str, status: str, error: str, sidecar: Sidecar | None) -> dict[str, Any]:
    return {
        "doc_id": source.doc_id,
        "path": printable(source.name),
        "sha256": source.sha256,
        "title": sidecar.title if sidecar else None,
        "source_url": sidecar.source_url if sidecar else None,
        "publisher": sidecar.publisher if sidecar else None,
        "published_on": sidecar.published_on if sidecar else None,
        "status": status,
        "error": error,
        "extractor_version": version,
    }


def read_one(source: Source, version: str, extract: Extract) -> dict[str, pl.DataFrame]:
    """One document as tables; a document that cannot be read gives one row that says why, and no exception."""
    sidecar: Sidecar | None = None
    try:
        if source.path.suffix == ".yaml":
            raise DocumentError("no_document", "A sidecar without its document; add the document or remove it.")
        if source.fault is not None:
            raise DocumentError(*source.fault)
        if not source.sha256:
            raise DocumentError("unreadable", "The file cannot be opened: check that it is a file and its permissions.")
        if source.sidecar is not None:
            sidecar = read_sidecar(source.sidecar)
        found = extract(source.path, source.name, source.doc_id, sidecar)
        fixed = {"doc_id": source.doc_id, "path": printable(source.name), "sha256": source.sha256}
        rows = {
            "documents": [row | fixed for row in found.documents],
            "sections": found.sections,
            "mentions": found.mentions,
            "observations": found.observations,
            "targets": found.targets,
        }
        if len(rows["documents"]) != 1:
            raise ValueError(f"{len(rows['documents'])} document rows instead of one")
        return {table: _frame(table, rows[table], version) for table in DOCUMENT_TABLES}
    except DocumentError as error:
        row = _error_row(source, version, error.status, error.message, sidecar)
    except Exception as error:  # one document must never end the run of ten thousand; the row names the fault
        reason = " ".join(str(error).split())[:300]
        row = _error_row(
            source, version, "failed", f"Reading failed ({type(error).__name__}: {reason}); please report it.", sidecar
        )
    return {table: empty(table) for table in DOCUMENT_TABLES} | {"documents": _frame("documents", [row], version)}


def read_batch(sources: Sequence[Source], version: str, extract: Extract | None = None) -> dict[str, bytes]:
    """Several documents as Parquet, one file a table: what a worker does."""
    reader = extract or _reader()
    read = [read_one(source, version, reader) for source in sources]
    return {table: parquet_bytes(pl.concat([r[table] for r in read])) for table in DOCUMENT_TABLES}


def _crashed(source: Source, version: str) -> dict[str, bytes]:
    row = _error_row(source, version, "crashed", "Reading ended the program that read it; please report it.", None)
    frames = {table: empty(table) for table in DOCUMENT_TABLES} | {"documents": _frame("documents", [row], version)}
    return {table: parquet_bytes(frame) for table, frame in frames.items()}


def _pool(workers: int) -> ProcessPoolExecutor:
    # spawn, because the threads of Polars do not survive a fork
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def extract_corpus(
    batches: Sequence[Sequence[Source]], version: str, executor: Executor | None, extract: Extract | None = None
) -> Iterator[tuple[Sequence[Source], dict[str, bytes]]]:
    """Reads batches of documents, in any order, with any executor or none; the seam to other machines."""
    if executor is None:
        for batch in batches:
            yield batch, read_batch(batch, version, extract)
        return
    futures: dict[Future[dict[str, bytes]], Sequence[Source]] = {
        executor.submit(read_batch, batch, version, extract): batch for batch in batches
    }
    broken: list[Sequence[Source]] = []
    for future in as_completed(futures):
        try:
            yield futures[future], future.result()
        except BrokenProcessPool:
            broken.append(futures[future])
    for source in (source for batch in broken for source in batch):  # one of these ended its worker: which one?
        try:
            with _pool(1) as alone:
                yield [source], alone.submit(read_batch, [source], version, extract).result()
        except BrokenProcessPool:
            yield [source], _crashed(source, version)


# ------------------------------------------------------------------------------------------------------------- caching

_MANIFEST = {
    "name": pl.String,
    "doc_id": pl.String,
    "sha256": pl.String,
    "sidecar_sha256": pl.String,
    "extractor_version": pl.String,
    "shard": pl.String,
}
_KEY = ["doc_id", "sha256", "sidecar_sha256", "extractor_version"]


def _read_manifest(cache: Path) -> pl.DataFrame:
    try:
        found = pl.read_parquet(cache / "manifest.parquet")
    except (OSError, pl.exceptions.PolarsError):
        return pl.DataFrame(schema=_MANIFEST)
    if dict(found.schema) != _MANIFEST:
        return pl.DataFrame(schema=_MANIFEST)
    whole = {s for s in found["shard"].unique() if _shard_is_whole(cache / s)}
    return found.filter(pl.col("shard").is_in(list(whole)))


def _shard_is_whole(folder: Path) -> bool:
    """Every table there, readable, with the columns of today's schema, and the bytes the shard is named after."""
    try:
        data = {table: (folder / f"{table}.parquet").read_bytes() for table in DOCUMENT_TABLES}
        return folder.name == _shard_name(data) and all(
            pl.read_parquet_schema(io.BytesIO(data[table])) == SCHEMAS[table] for table in DOCUMENT_TABLES
        )
    except (OSError, pl.exceptions.PolarsError):
        return False


def _shard_name(tables: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for table in DOCUMENT_TABLES:
        digest.update(hashlib.sha256(tables[table]).digest())
    return digest.hexdigest()[:24]


def _write_shard(cache: Path, tables: Mapping[str, bytes]) -> str:
    name = _shard_name(tables)
    for table in DOCUMENT_TABLES:
        write_if_changed(cache / name / f"{table}.parquet", tables[table])
    return name


def _load(cache: Path, manifest: pl.DataFrame) -> dict[str, pl.DataFrame]:
    parts: dict[str, list[pl.DataFrame]] = {table: [empty(table)] for table in DOCUMENT_TABLES}
    for shard in manifest["shard"].unique().sort():
        wanted = manifest.filter(pl.col("shard") == shard).select("doc_id")
        for table in DOCUMENT_TABLES:
            frame = pl.read_parquet(cache / shard / f"{table}.parquet")
            parts[table].append(frame.join(wanted, on="doc_id", how="semi"))
    return {table: sorted_by_key(table, pl.concat(frames)) for table, frames in parts.items()}


def _forget_shards(cache: Path, manifest: pl.DataFrame) -> None:
    live = set(manifest["shard"])
    for folder in cache.iterdir() if cache.is_dir() else ():
        if folder.is_dir() and folder.name not in live:
            shutil.rmtree(folder, ignore_errors=True)


def read_corpus(
    raw: Path,
    cache: Path,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    extract: Extract | None = None,
    version: str | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """All documents of a raw folder as tables. Only documents that are new, changed, or read by another extractor are
    read; `cache` keeps the rest. `extract`, `version` and `executor` replace the parts for tests and other machines."""
    version = version or extractor_version()
    sources = with_members(find_documents(raw), cache.with_name(f"{cache.name}-unpacked"))
    known = _read_manifest(cache)
    now = pl.DataFrame(
        [(printable(s.name), s.doc_id, s.sha256, s.sidecar_sha256, version) for s in sources],
        schema={k: v for k, v in _MANIFEST.items() if k != "shard"},
        orient="row",
    )
    kept = now.join(known.select(*_KEY, "shard"), on=_KEY, how="inner").unique("doc_id", keep="first")
    done = set(kept["doc_id"])
    todo = [s for s in sources if s.doc_id not in done]
    changed = len({s.doc_id for s in todo} & set(known["doc_id"]))
    removed = known.join(now, on="doc_id", how="anti").height
    manifest = kept.select(list(_MANIFEST))

    def save() -> None:
        write_if_changed(cache / "manifest.parquet", parquet_bytes(manifest.sort("doc_id")))

    if todo:
        n_workers = workers or min(os.cpu_count() or 1, 8)
        size = max(1, min(BATCH, -(-len(todo) // (n_workers * 4))))
        batches = [todo[i : i + size] for i in range(0, len(todo), size)]
        own = None
        if executor is None and n_workers > 1 and len(todo) >= IN_PROCESS_BELOW:
            own = executor = _pool(min(n_workers, len(batches)))
        n_done = 0
        try:
            for batch, tables in extract_corpus(batches, version, executor, extract):
                shard = _write_shard(cache, tables)
                rows = [(printable(s.name), s.doc_id, s.sha256, s.sidecar_sha256, version, shard) for s in batch]
                manifest = pl.concat([manifest, pl.DataFrame(rows, schema=_MANIFEST, orient="row")])
                save()  # a killed run goes on from here
                n_done += len(batch)
                if progress:
                    progress(n_done, len(todo))
        finally:
            if own is not None:
                own.shutdown(wait=True, cancel_futures=True)
    loaded = _load(cache, manifest)
    if manifest["shard"].n_unique() > MAX_SHARDS:
        shard = _write_shard(cache, {table: parquet_bytes(loaded[table]) for table in DOCUMENT_TABLES})
        manifest = manifest.with_columns(pl.lit(shard).alias("shard"))
    save()
    _forget_shards(cache, manifest)
    bad = loaded["documents"].filter(pl.col("status") != "ok").select("path", "status", "error").rows()
    return Corpus(
        tables=loaded,
        new=len(todo) - changed,
        changed=changed,
        removed=removed,
        unchanged=kept.height,
        inputs_sha256=hash_inputs(raw, sources),
        bad=tuple(BadDocument(path, status, error or "") for path, status, error in bad),
    )
