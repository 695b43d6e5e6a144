"""The documents of a raw folder as tables, read again only where something changed.

Here: the manifest of what was read, deciding which documents to read, having them read in batches by an engine, and
keeping the parts in order. One document is a row, never a task of its own; a bad document becomes a row that says why.
Not here: finding documents (`sources`), reading a batch (`parts`), engines (`executors`).

A look at size and times decides whether a document is opened, the hash of its bytes whether it is read, and the version
of the extractor whether all of them are. The result depends on the documents and the extractor only: not on their
order, the number of workers, the engine, or what was cached. The cache may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.executors import Engine, engine, run_batches
from pipelines.parts import (
    DOCUMENT_TABLES,
    BatchResult,
    Extract,
    Held,
    Part,
    Wanted,
    crashed,
    fetch_part,
    join_parts,
    part_name,
    read_batch,
    read_part,
)
from pipelines.sidecars import printable
from pipelines.sources import (
    FRESH_NS,
    RESERVED_FOLDERS,
    Source,
    find_documents,
    find_files,
    hash_or_nothing,
    is_remote,
    with_members,
)
from pipelines.warehouse.files import write_if_changed
from pipelines.warehouse.schema import SCHEMA_VERSION, empty
from pipelines.warehouse.tables import parquet_bytes, sorted_by_key

CODE_FOLDERS = ("documents", "extraction", "catalogue")
BATCH = 250
"""Documents a worker reads at once, and of a full part; what a batch costs must dwarf what handing it over costs."""
IN_PROCESS_BELOW = 12
"""Starting workers costs about a second each; fewer documents are read faster without them."""
MAX_SMALL_PARTS = 16
SAVE_EVERY_S = 5.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class BadDocument:
    """A document that could not be read, for the end of the run's report."""

    path: str
    status: str
    error: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """All documents as parts below `folder`, and what this run had to do for it; `doc_ids` leads from the path of a
    document to its id, `part_of` from the id to the part."""

    folder: Path
    parts: tuple[Part, ...]
    documents: pl.DataFrame
    new: int
    changed: int
    removed: int
    unchanged: int
    inputs_sha256: str
    bad: tuple[BadDocument, ...] = field(default=())
    made_of: Mapping[str, Held] = field(default_factory=dict)
    """Parts that hold documents of other parts and no more: by name those other parts with these documents."""

    @property
    def extracted(self) -> int:
        """Documents read in this run."""
        return self.new + self.changed

    def files(self, table: str) -> list[Path]:
        """The files of a table."""
        return [self.folder / part.name / f"{table}.parquet" for part in self.parts if part.tables[table].rows]

    def rows(self, table: str) -> int:
        """Rows of a table."""
        return sum(part.tables[table].rows for part in self.parts)

    def table(self, name: str) -> pl.DataFrame:
        """A whole table in its own order; for corpora that fit into memory."""
        frames = [empty(name), *(pl.read_parquet(file, glob=False) for file in self.files(name))]
        return sorted_by_key(name, pl.concat(frames))

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """All tables; for corpora that fit into memory."""
        return {name: self.table(name) for name in DOCUMENT_TABLES}


_NO_SOURCE = frozenset((".pyc", ".so", ".pyd", ".md"))
"""Suffixes of what is made from the sources, or only read by people: the same code with or without it."""


@lru_cache(maxsize=1)
def extractor_version() -> str:
    """Hash of the code and vocabularies that read documents: another version reads every document again."""
    return code_version(CODE_FOLDERS)


def code_version(folders: Iterable[str]) -> str:
    """Hash over the code and data below folders of the package."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256(f"schema {SCHEMA_VERSION}\n".encode())
    for folder in folders:
        for path in sorted((package / folder).rglob("*")):
            if path.is_file() and path.suffix not in _NO_SOURCE and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(package).as_posix()}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def hash_inputs(tables: Path, manifest: pl.DataFrame) -> str:
    """Hash over the paths and bytes of everything a run reads: documents, sidecars, and series and corrections, which
    lie below `tables`."""
    digest = hashlib.sha256()
    lines = pl.concat_str("name", "sha256", "sidecar_sha256", separator="\t") + "\n"
    digest.update(manifest.sort("name", "doc_id").select(lines).to_series().str.join("").fill_null("").item().encode())
    for folder in sorted(RESERVED_FOLDERS):
        if (tables / folder).is_dir():
            for path in sorted(find_files(tables / folder)):
                if path.name != "README.md":
                    name = printable(path.relative_to(tables).as_posix())
                    digest.update(f"{name}\t{hash_or_nothing(path)}\n".encode())
    return digest.hexdigest()


# ------------------------------------------------------------------------------------------------------------ manifest

_STAMPS = ("size", "mtime_ns", "ctime_ns", "sidecar_size", "sidecar_mtime_ns", "sidecar_ctime_ns")
_FOUND = {"name": pl.String, "doc_id": pl.String, "sidecar": pl.String} | dict.fromkeys(_STAMPS, pl.Int64)
_MANIFEST = _FOUND | {
    "sha256": pl.String,
    "sidecar_sha256": pl.String,
    "extractor_version": pl.String,
    "part": pl.String,
    "looked_ns": pl.Int64,
}


def _found(sources: Sequence[Source]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {
        "name": [printable(s.name) for s in sources],
        "doc_id": [s.doc_id for s in sources],
        "sidecar": [printable(s.sidecar.rpartition("/")[2]) for s in sources],
    }
    for i, stamp in enumerate(_STAMPS[:3]):
        columns[stamp] = [s.stamp[i] for s in sources]
    for i, stamp in enumerate(_STAMPS[3:]):
        columns[stamp] = [s.sidecar_stamp[i] for s in sources]
    frame = pl.DataFrame(columns, schema=_FOUND)
    twice = frame.filter(pl.col("doc_id").is_duplicated())
    if twice.height:
        raise ValueError(f"these documents would get the same id, rename one: {', '.join(twice['name'].head(2))}")
    return frame


def _read_manifest(cache: Path) -> pl.DataFrame:
    try:
        found = pl.read_parquet(cache / "manifest.parquet")
    except (OSError, pl.exceptions.PolarsError):
        return pl.DataFrame(schema=_MANIFEST)
    return found if dict(found.schema) == _MANIFEST else pl.DataFrame(schema=_MANIFEST)


def _compared(now: pl.DataFrame, known: pl.DataFrame, whole: Iterable[str], version: str) -> pl.DataFrame:
    """`now` with what is known of each document: `known` (read before), `usable` (its rows are there and of this
    version), `trusted` (neither it nor its sidecar was touched since)."""
    there = pl.Series("part", sorted(whole), dtype=pl.String)
    before = known.with_columns(
        (pl.col("part").is_in(there.implode()) & (pl.col("extractor_version") == version)).alias("usable"),
        pl.lit(True).alias("known"),
    )
    joined = now.join(before.drop("name"), on="doc_id", how="left", suffix="_before", maintain_order="left")
    touched = [pl.col("mtime_ns"), pl.col("ctime_ns"), pl.col("sidecar_mtime_ns"), pl.col("sidecar_ctime_ns")]
    same = [pl.col(c).eq_missing(pl.col(f"{c}_before")) for c in ("sidecar", *_STAMPS)]
    quiet = pl.max_horizontal(touched) < pl.col("looked_ns") - FRESH_NS
    return joined.with_columns(pl.col("known").fill_null(False), pl.col("usable").fill_null(False)).with_columns(
        (pl.col("usable") & pl.all_horizontal(same) & quiet & (pl.col("sha256") != ""))
        .fill_null(False)
        .alias("trusted")
    )


# -------------------------------------------------------------------------------------------------------------- parts


def _whole_parts(folder: Path, names: Iterable[str], deep: bool) -> dict[str, Part]:
    found = (read_part(folder / name, deep) for name in sorted(set(names)))
    return {part.name: part for part in found if part is not None}


def extract_corpus(
    batches: Sequence[Sequence[Wanted]],
    folder: str,
    version: str,
    using: Engine | None = None,
    extract: Extract | None = None,
) -> Iterator[BatchResult]:
    """Has batches of documents read, in any order, each becoming a part below `folder`; the seam to other machines.
    Without an engine they are read in this process."""
    work = partial(read_batch, folder=folder, version=version, extract=extract)
    if using is None:
        yield from map(work, batches)
    else:
        yield from run_batches(work, batches, using, partial(crashed, folder=folder, version=version))


def _tidied(
    folder: Path, manifest: pl.DataFrame, parts: dict[str, Part], version: str
) -> tuple[pl.DataFrame, dict[str, Held]]:
    """The manifest with parts that hold its documents and no others, and few small ones; and of what new ones are made."""
    live = manifest.group_by("part").agg("doc_id").sort("part")
    sizes = {name: parts[name].tables["documents"].rows for name in live["part"]}
    groups: list[list[tuple[str, list[str]]]] = []
    small: list[tuple[str, list[str]]] = []
    for name, doc_ids in live.iter_rows():
        if len(doc_ids) < BATCH // 2:
            small.append((name, doc_ids))
        elif len(doc_ids) < sizes[name]:
            groups.append([(name, doc_ids)])
    if len(small) <= MAX_SMALL_PARTS:
        groups += [[(name, doc_ids)] for name, doc_ids in small if len(doc_ids) < sizes[name]]
    else:
        together: list[tuple[str, list[str]]] = []
        for name, doc_ids in [*small, ("", [])]:
            if together and (not name or sum(len(d) for _, d in together) + len(doc_ids) > BATCH):
                groups.append(together)
                together = []
            together.append((name, doc_ids))
    if not groups:
        return manifest, {}
    hashes = {d: (s, b) for d, s, b in manifest.select("doc_id", "sha256", "sidecar_sha256").iter_rows()}

    def join(held: Held) -> Part:
        hashed = [(d, *hashes[d]) for _, doc_ids in held for d in doc_ids]
        return join_parts(str(folder), held, part_name(hashed, version))

    with ThreadPoolExecutor(2) as pool:
        joined = list(pool.map(join, groups))
    moved = pl.DataFrame(
        [(d, part.name) for part, held in zip(joined, groups, strict=True) for _, doc_ids in held for d in doc_ids],
        schema={"doc_id": pl.String, "moved": pl.String},
        orient="row",
    )
    parts.update({part.name: part for part in joined})
    tidied = (
        manifest.join(moved, on="doc_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("moved", "part").alias("part"))
        .select(list(_MANIFEST))
    )
    return tidied, {part.name: held for part, held in zip(joined, groups, strict=True)}


def _forget(folder: Path, live: Iterable[str]) -> None:
    kept = set(live)
    for found in folder.iterdir() if folder.is_dir() else ():
        if found.is_dir() and found.name not in kept:
            shutil.rmtree(found, ignore_errors=True)


# ------------------------------------------------------------------------------------------------------------- reading


_HEAD = 4096


def _head(wanted: Wanted) -> bytes:
    try:
        with Path(wanted.source.location).open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _copies_together(wanted: Sequence[Wanted]) -> list[Wanted]:
    """Documents to read with those that seem to be copies of one another side by side, so that one batch has them and they
    are read once; in their order otherwise."""
    alike: dict[tuple[int, str], list[int]] = defaultdict(list)
    for n, one in enumerate(wanted):
        if not is_remote(one.source.location) and one.source.stamp[0] > 0:
            alike[one.source.stamp[0], Path(one.source.name).suffix].append(n)
    positions = list(range(len(wanted)))
    for group in alike.values():
        if len(group) > 1:
            first: dict[bytes, int] = {}
            for n in group:
                positions[n] = first.setdefault(_head(wanted[n]), n)
    return [wanted[n] for n in sorted(range(len(wanted)), key=lambda n: (positions[n], n))]


def _batches(wanted: Sequence[Wanted], workers: int) -> list[Sequence[Wanted]]:
    size = max(1, min(BATCH, -(-len(wanted) // (workers * 4))))
    return [wanted[i : i + size] for i in range(0, len(wanted), size)]


def read_corpus(
    raw: Path | str,
    cache: Path,
    *,
    tables: Path | None = None,
    workers: int | None = None,
    executor: str = "processes",
    exchange: str = "",
    extract: Extract | None = None,
    version: str | None = None,
    progress: Progress | None = None,
    verify: bool = False,
) -> Corpus:
    """All documents of a raw folder as parts below `cache`. Only documents that are new, changed, or read by another
    extractor are read.

    `raw` is a folder or an fsspec address; `tables` is where its series/ and corrections/ lie on this machine, if not
    in `raw`. `executor` names the engine (`executors.engine`); engines on other machines hand their parts over at the
    fsspec address `exchange`. `verify` hashes every document and part instead of looking at sizes and times. `extract`
    and `version` replace the parts for tests. Raises ValueError for a configuration that cannot work.
    """
    version = version or extractor_version()
    using = engine(executor, workers or 0)
    if using.shared and not exchange:
        raise ValueError(f"the executor {executor} needs an exchange: an fsspec address that its workers can write to")
    looked_ns = time.time_ns()
    sources = with_members(find_documents(raw), cache.with_name(f"{cache.name}-unpacked"))
    now, known = _found(sources), _read_manifest(cache)
    folder = cache / "parts"
    parts = _whole_parts(folder, known["part"], verify)
    compared = _compared(now, known, parts, version)
    if verify:
        compared = compared.with_columns(pl.lit(False).alias("trusted"))
    removed = known.join(now, on="doc_id", how="anti").height
    open_rows = compared.with_row_index("row").filter(~pl.col("trusted"))
    wanted = [
        Wanted(sources[row], sha256 if usable else None, sidecar if usable else None)
        for row, usable, sha256, sidecar in open_rows.select("row", "usable", "sha256", "sidecar_sha256").iter_rows()
    ]
    manifest = compared.filter("trusted").select(list(_MANIFEST))
    n_new = n_changed = 0
    if wanted:
        asked = open_rows.select("doc_id")
        rows = {row[1]: row for row in now.join(asked, on="doc_id", how="semi").iter_rows()}
        before = {row[1]: row for row in known.join(asked, on="doc_id", how="semi").iter_rows()}
        lines: list[tuple[Any, ...]] = []
        saved = time.monotonic()
        in_process = executor == "processes" and (using.workers < 2 or len(wanted) < IN_PROCESS_BELOW)
        at = exchange or str(folder)
        n_done = 0
        by_name = {w.source.name: w.source.doc_id for w in wanted}
        batches = _batches(_copies_together(wanted), 1 if in_process else using.workers)
        for result in extract_corpus(batches, at, version, None if in_process else using, extract):
            if result.part is not None:
                if exchange:
                    fetch_part(exchange, folder, result.part)
                parts[result.part.name] = result.part
            for look in result.looked:
                doc_id = by_name[look.name]
                if look.kept:
                    part = before[doc_id][-2]
                else:
                    assert result.part is not None
                    part = result.part.name
                    n_new, n_changed = (n_new, n_changed + 1) if doc_id in before else (n_new + 1, n_changed)
                lines.append((*rows[doc_id], look.sha256, look.sidecar_sha256, version, part, looked_ns))
            n_done += len(result.looked)
            if progress:
                progress(n_done, len(wanted))
            if time.monotonic() - saved > SAVE_EVERY_S:  # a killed run goes on from here
                _save(cache, manifest, lines)
                saved = time.monotonic()
        manifest = _with_lines(manifest, lines)
    manifest, made_of = _tidied(folder, manifest, parts, version)
    manifest = manifest.sort("doc_id")
    write_if_changed(cache / "manifest.parquet", parquet_bytes(manifest))
    live = sorted(set(manifest["part"]))
    _forget(folder, live)
    found = Corpus(
        folder=folder,
        parts=tuple(parts[name] for name in live),
        documents=manifest.select("name", "doc_id", "part"),
        new=n_new,
        changed=n_changed,
        removed=removed,
        unchanged=manifest.height - n_new - n_changed,
        inputs_sha256=hash_inputs(tables or Path(raw), manifest),
        made_of=made_of,
    )
    return _with_bad(found)


def _with_lines(manifest: pl.DataFrame, lines: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.concat([manifest, pl.DataFrame(lines, schema=_MANIFEST, orient="row")])


def _save(cache: Path, manifest: pl.DataFrame, lines: Sequence[tuple[Any, ...]]) -> None:
    write_if_changed(cache / "manifest.parquet", parquet_bytes(_with_lines(manifest, lines)))


def _with_bad(corpus: Corpus) -> Corpus:
    columns = ["path", "status", "error"]
    files = corpus.files("documents")
    if not files:
        return corpus
    documents = pl.scan_parquet(files, glob=False).filter(pl.col("status") != "ok").select(columns).collect()
    bad = tuple(BadDocument(path, status, error or "") for path, status, error in documents.sort("path").rows())
    return replace(corpus, bad=bad)
