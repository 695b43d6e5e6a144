"""Staging tables, checking them and publishing a warehouse.

Here: the only code that writes below the warehouse folder. Assets stage one Parquet file a table; `publish` builds a
candidate database from them, checks it, and swaps links, so that a reader sees the whole new warehouse or the whole old
one. Not here: how tables are filled (the other packages), which rules hold across tables (`gates`), reading (`read`).

    <warehouse>/current               -> vintage-<vintage>, three links that change together; swapping it publishes
    <warehouse>/xianzhi.duckdb        -> current/xianzhi.duckdb -> warehouse-<vintage>.duckdb
    <warehouse>/tables                -> current/tables -> tables-<vintage>/NAME.parquet, a folder of files where large
    <warehouse>/manifest.json         -> current/manifest.json: hash and size of each published file
    <warehouse>/publications.jsonl    one line for each publication there ever was
    <warehouse>/.cache/               staged tables, shards of extracted documents; may be deleted at any time

The last three vintages stay for open readers.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.sources import sha256_of
from pipelines.warehouse.database import DatabaseError, Exchange, build_database, exchange_rows
from pipelines.warehouse.files import write_if_changed
from pipelines.warehouse.gates import (
    COUNTS,
    COVERAGE_COLUMNS,
    GATES,
    SHARED_POINTS,
    count_faults,
    coverage_faults,
    faults,
)
from pipelines.warehouse.lock import writer_lock
from pipelines.warehouse.schema import BY_NAME, SCHEMA_VERSION, TABLES, SchemaError, conform, empty
from pipelines.warehouse.staging import ONE_FILE_ROWS, Staged, Staging, TableFile
from pipelines.warehouse.tables import hash_contents, parquet_bytes

DATABASE = "xianzhi.duckdb"
TABLES_LINK = "tables"
MANIFEST = "manifest.json"
CURRENT = "current"
LOG = "publications.jsonl"
KEPT_VINTAGES = 3
EXCHANGED_SHARE = 0.25
"""Changed documents, or rows exchanged since it was built, as a share of all, from which on the database is built anew:
in its order and without holes."""


class StoreError(RuntimeError):
    """The warehouse could not be written; the message says why. The warehouse published before is untouched."""


class GateError(StoreError):
    """The tables break a rule and were not published; `faults` lists every one."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("not published, the previous warehouse stays: " + " | ".join(found))
        self.faults = found


@dataclass(frozen=True, slots=True)
class Publication:
    """A published warehouse; `new` is False where it equals the one before and nothing was written."""

    vintage: str
    tables_sha256: str
    inputs_sha256: str
    extractor_version: str
    rows: dict[str, int]
    database: Path
    new: bool


@dataclass(frozen=True, slots=True)
class State:
    """What tables follow from, as numbers: documents (doc_id, state) and places (place_code, state)."""

    documents: pl.DataFrame
    places: pl.DataFrame


@contextmanager
def _clear_errors(root: Path) -> Iterator[None]:
    """Turns a full disk or a read-only target into one sentence."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EROFS: "the file system is read-only",
            errno.EACCES: "no permission to write there",
            errno.EPERM: "no permission to write there",
        }
        if error.errno in reasons:
            raise StoreError(f"cannot write to {root}: {reasons[error.errno]}; the previous warehouse stays") from error
        raise
    except (duckdb.IOException, DatabaseError, pl.exceptions.ComputeError) as error:
        reason = "the disk is full" if "No space left" in str(error) else str(error)
        raise StoreError(f"cannot write to {root}: {reason}; the previous warehouse stays") from error


@lru_cache(maxsize=1)
def code_version() -> str:
    """Version of the package, and a hash of all its code and vocabularies."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix in {".py", ".yaml", ".csv", ".txt"}:
            digest.update(path.relative_to(package).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    try:
        number = version("xianzhi")
    except PackageNotFoundError:
        number = "unknown"
    return f"{number}+{digest.hexdigest()[:12]}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _relink(link: Path, target: str) -> None:
    """Makes a link lead elsewhere in one step; a link that leads there already is left alone."""
    if link.is_symlink() and str(link.readlink()) == target:
        return
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


class Store:
    """One warehouse folder, for the one run that holds its lock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = root / ".cache"
        self.staging = Staging(self.cache / "stage")
        self._facts: tuple[str | None, Mapping[str, Mapping[str, Any]]] = (None, {})

    # --- staging ----------------------------------------------------------------------------------------------------

    def stage(self, table: str, frame: pl.DataFrame, made_from: str = "") -> pl.DataFrame:
        """Checks a table against its schema and keeps it for publication; an equal file is left alone."""
        with _clear_errors(self.root):
            self.staging.write(table, frame, made_from)
        return frame

    def stage_files(self, table: str, files: Sequence[TableFile], made_from: str = "") -> Staged:
        """Keeps a table for publication that lies in several files, each of which fits the schema."""
        with _clear_errors(self.root):
            return self.staging.note(Staged(table, tuple(files), made_from))

    def table(self, table: str) -> Staged:
        """The table as staged last, else as published; raises StoreError where it was never built, or where what is
        there is damaged or of another schema version: an older table beside newer ones would be a wrong answer."""
        found = self.staging.read(table)
        if found is not None:
            return found
        published = self.root / TABLES_LINK / f"{table}.parquet"
        damaged = f"the table {table} in {self.root} is damaged or of an older version: `xianzhi run` builds it again"
        if self.staging.has(table):
            raise StoreError(damaged)
        if not published.exists():
            raise StoreError(f"the table {table} has not been built in {self.root}: run `xianzhi run` first")
        try:
            return self.staging.write(table, pl.read_parquet(published))
        except (SchemaError, pl.exceptions.PolarsError, OSError) as error:
            raise StoreError(damaged) from error

    def staged(self, table: str) -> pl.DataFrame:
        """All rows of `table`, in the order of its key."""
        found = self.table(table)
        try:
            return conform(table, found.read())
        except (SchemaError, pl.exceptions.PolarsError, OSError) as error:
            raise StoreError(
                f"the table {table} in {self.root} is damaged or of an older version: `xianzhi run` builds it again"
            ) from error

    # --- publishing -------------------------------------------------------------------------------------------------

    def manifest(self) -> dict[str, Any] | None:
        """What was published last, or None."""
        try:
            found = json.loads((self.root / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def outdated(self) -> str | None:
        """One sentence where the published warehouse is of another schema version than this program's, else None."""
        found = (self.manifest() or {}).get("schema_version", SCHEMA_VERSION)
        if found == SCHEMA_VERSION:
            return None
        return f"the warehouse in {self.root} is of schema version {found}, this program makes {SCHEMA_VERSION}: all documents are read again and it is built anew"

    def publish(
        self,
        *,
        inputs_sha256: str,
        extractor_version: str,
        now: datetime | None = None,
        accept: str = "",
        known_faults: Sequence[str] = (),
        asked_before: Collection[str] = (),
        state: Callable[[], State] | None = None,
    ) -> Publication:
        """Checks the staged tables and makes them the warehouse; raises GateError or StoreError and changes nothing.

        `accept` says why fewer figures than in the vintage before are right; the publication records it.
        `known_faults` are broken rules that were found before, and `asked_before` the rules that need not be asked again. With
        `state`, what differs from the vintage before is exchanged in a copy of its database, where tables are large.
        """
        with _clear_errors(self.root), writer_lock(self.root):
            staged = {t.name: self.table(t.name) for t in TABLES if t.name != "publications"}
            rows = {name: table.rows for name, table in staged.items()}
            tables_sha256 = hash_contents({name: (t.rows, t.content) for name, t in staged.items()})
            last = self.manifest()
            identity = {
                "tables_sha256": tables_sha256,
                "inputs_sha256": inputs_sha256,
                "extractor_version": extractor_version,
                "schema_version": SCHEMA_VERSION,
            }
            same = (
                last is not None and all(last.get(k) == v for k, v in identity.items()) and not self.verify(deep=False)
            )
            if last and same and last.get("code_version") == code_version():
                database = (self.root / DATABASE).resolve()
                return Publication(
                    last["vintage"], tables_sha256, inputs_sha256, extractor_version, rows, database, new=False
                )
            large = rows["observations"] > ONE_FILE_ROWS
            partly = large and set(asked_before) >= set(GATES)
            tables, before = self._changed(staged) if partly else (_whole(staged), self._before())
            found = [*known_faults, *faults(tables, skip=asked_before)]
            asked, shrunk = [], []
            if before:
                asked, shrunk = ["coverage"], coverage_faults(tables, before)
            elif last:
                asked, shrunk = ["coverage by counts"], count_faults(rows, self._last_record(last))
            if shrunk and not accept.strip():
                found += [*shrunk, 'if this is right, run again with --accept-smaller "the reason"']
            if found:
                raise GateError(found)
            if last and same:
                database = (self.root / DATABASE).resolve()
                return Publication(
                    last["vintage"], tables_sha256, inputs_sha256, extractor_version, rows, database, new=False
                )
            vintage = self._new_vintage(now or datetime.now(UTC))
            verdicts = staged["checks"].scan().group_by("verdict").len().sort("verdict").collect().rows()
            record = {
                "vintage": vintage,
                **identity,
                "code_version": code_version(),
                "n_documents": rows["documents"],
                "n_unread": tables["documents"].filter(pl.col("status") != "ok").height,
                "n_observations": rows["observations"],
                "n_series": rows["series"],
                "gates": ["schema", "keys", *GATES, *([] if shrunk else asked)],
                "verdicts": [f"{verdict} {n}" for verdict, n in verdicts],
                "accepted": " | ".join([accept.strip(), *shrunk]) if shrunk else None,
            }
            del tables, before
            staged["publications"] = self.staging.write("publications", self._publications(record))
            database = self._write_vintage(vintage, staged, record, state() if large and state else None)
            return Publication(vintage, tables_sha256, inputs_sha256, extractor_version, rows, database, new=True)

    def _before(self) -> dict[str, pl.DataFrame] | None:
        """What the vintage before says about coverage; None where there is none, or none whose tables can be compared.

        Only the columns that coverage asks for are read, so that a vintage of another schema version still counts.
        """
        folder = self.root / TABLES_LINK
        try:
            found = {name: _for_coverage(name, [folder / f"{name}.parquet"]) for name in COVERAGE_COLUMNS}
            series = found["series"].collect()
            return {
                "documents": found["documents"].collect(),
                "series": series,
                "observations": found["observations"]
                .join(series.lazy().select("observation_id"), on="observation_id", how="semi")
                .collect(),
                COUNTS: _counted(found["observations"]),
            }
        except (OSError, pl.exceptions.PolarsError):
            return None

    def _last_record(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The log's line of the vintage that stands, else what the manifest says of it."""
        return next((row for row in reversed(self._log()) if row["vintage"] == manifest.get("vintage")), manifest)

    def _changed(self, staged: Mapping[str, Staged]) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame] | None]:
        """What coverage asks for, now and of the vintage before, of tables too large to hold: documents, and of
        observations and series what lies in files that only one of both has."""
        files = {name: self._unshared(staged[name]) for name in ("observations", "series")}
        observations = _scanned("observations", files["observations"][1])
        now = {
            "documents": staged["documents"].read(),
            "series": _scanned("series", files["series"][1]).collect(),
            "observations": observations.filter(_DECIDED).select("observation_id", "flags").collect(),
            COUNTS: _counted(observations),
        }
        try:
            points = _for_coverage("series", files["series"][0]).collect()
            before = {
                "documents": _for_coverage("documents", [self.root / TABLES_LINK / "documents.parquet"]).collect(),
                "series": points,
                "observations": self._documents_of(points.select("observation_id")),
                COUNTS: _counted(_for_coverage("observations", files["observations"][0])),
                SHARED_POINTS: pl.DataFrame({"n": [staged["series"].rows - now["series"].height]}),
            }
        except (OSError, pl.exceptions.PolarsError):
            return now, None
        return now, before

    def _documents_of(self, points: pl.DataFrame) -> pl.DataFrame:
        """The document of each observation that the points of the vintage before rest on: observation_id, doc_id."""
        read = points.filter(~pl.col("observation_id").str.starts_with("series:"))
        told = read.with_columns(pl.col("observation_id").str.split(":").list.first().alias("doc_id"))
        tables = pl.scan_parquet(self.root / TABLES_LINK / "observations.parquet").select("observation_id", "doc_id")
        rest = points.join(read, on="observation_id", how="anti")
        if rest.is_empty():
            return told
        return pl.concat([told, tables.join(rest.lazy(), on="observation_id", how="semi").collect()])

    def _unshared(self, table: Staged) -> tuple[list[Path], list[Path]]:
        """Files of a table that only the published vintage has, and those that only the next one has."""
        published = self.root / TABLES_LINK / f"{table.table}.parquet"
        old: dict[str, Path] = {}
        if published.is_dir():
            old = {p.stem: p for p in published.iterdir()}
        elif published.is_file():
            old = {str(self._published_fact(published).get("sha256"))[:24]: published}
        new = {f.sha256[:24]: Path(f.path) for f in table.files if f.rows}
        return [p for name, p in old.items() if name not in new], [p for name, p in new.items() if name not in old]

    def _new_vintage(self, now: datetime) -> str:
        """A name that sorts behind all before, even where the clock went back."""
        vintage = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        last = max([str(self._current() or ""), *(str(row["vintage"]) for row in self._log()), *self.vintages()])
        if vintage > last:
            return vintage
        base, _, n = last.partition("-")
        return f"{base}-{int(n or 1) + 1:03d}"

    def _publications(self, record: dict[str, Any]) -> pl.DataFrame:
        """All publications with this one, from the log and from the last vintage: either may have been damaged."""
        schema = BY_NAME["publications"].schema
        known: dict[str, dict[str, Any]] = {}
        try:
            before = conform("publications", pl.read_parquet(self.root / TABLES_LINK / "publications.parquet"))
            known = {row["vintage"]: row for row in before.to_dicts()}
        except (OSError, SchemaError, pl.exceptions.PolarsError):
            pass  # the first publication, or one after an upgrade: the log tells
        known = {row["vintage"]: row for row in self._log()} | known | {record["vintage"]: record}
        rows = [{column: row.get(column) for column in schema} for row in known.values()]
        return conform("publications", pl.DataFrame(rows, schema=schema, orient="row").sort("vintage"))

    def _log(self) -> list[dict[str, Any]]:
        """Lines of the log that hold a publication; a damaged line is passed over."""
        try:
            lines = (self.root / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        table = BY_NAME["publications"]
        found = []
        for line in lines:
            try:
                row = json.loads(line)
                pl.DataFrame([{c: row.get(c) for c in table.schema}], schema=table.schema, orient="row")
            except (ValueError, TypeError, AttributeError, pl.exceptions.PolarsError):
                continue
            if all(row.get(c.name) is not None for c in table.columns if c.required):
                found.append(row)
        return found

    def _build(
        self, candidate: Path, tables: Mapping[str, Staged], rows: Mapping[str, int], state: State | None
    ) -> int:
        """Writes the candidate database, from the last one where little changed; rows exchanged since one was built."""
        last = self.manifest() or {}
        if state is not None and (change := self._change(state, tables, last)) is not None:
            try:
                exchanged = exchange_rows(self.root / last["database"], candidate, change, rows)
                before = int(last.get("exchanged", 0))
                if before + exchanged <= EXCHANGED_SHARE * sum(rows.values()):
                    return before + exchanged
            except (DatabaseError, duckdb.Error):
                pass  # the last database does not fit to the notes about it: built anew below
            candidate.unlink(missing_ok=True)
        build_database(candidate, {name: table.paths for name, table in tables.items()}, rows)
        return 0

    def _change(self, state: State, tables: Mapping[str, Staged], last: Mapping[str, Any]) -> Exchange | None:
        """What the next database must exchange; None where it must be built anew."""
        made_by = (code_version(), duckdb.__version__, last.get("vintage"))
        note = self.cache / "published"
        try:
            said = json.loads((note / "state.json").read_bytes())
            if tuple(said["made_by"]) != made_by or self.verify(deep=False):
                return None
            known = State(*(pl.read_parquet(note / f"{unit}.parquet", glob=False) for unit in ("documents", "places")))
            files = {name: self._unshared(table) for name, table in tables.items()}
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return None
        documents, places = (
            _differing(a, b) for a, b in ((known.documents, state.documents), (known.places, state.places))
        )
        many = documents.height > EXCHANGED_SHARE * state.documents.height
        return None if many else Exchange(documents, places, files)

    def _note_state(self, vintage: str, state: State) -> None:
        note = self.cache / "published"
        for unit, frame in (("documents", state.documents), ("places", state.places)):
            write_if_changed(note / f"{unit}.parquet", parquet_bytes(frame))
        said = {"made_by": (code_version(), duckdb.__version__, vintage)}
        write_if_changed(note / "state.json", json.dumps(said).encode())

    def _write_vintage(
        self, vintage: str, tables: Mapping[str, Staged], record: dict[str, Any], state: State | None = None
    ) -> Path:
        folder = self.root / f"tables-{vintage}"
        links = self.root / f"vintage-{vintage}"
        database = self.root / f"warehouse-{vintage}.duckdb"
        candidate = self.cache / "candidate.duckdb"
        self.cache.mkdir(parents=True, exist_ok=True)
        for stale in (candidate, candidate.with_name(candidate.name + ".wal")):
            stale.unlink(missing_ok=True)
        try:
            rows = {name: table.rows for name, table in tables.items()}
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            placed = [path for name, table in tables.items() for path in self._place(folder, name, table)]
            exchanged = self._build(candidate, tables, rows, state)
            _sync(candidate)
            candidate.replace(database)
            files = {
                str(path.relative_to(self.root)): {
                    "sha256": sha256,
                    "bytes": path.stat().st_size,
                    "mtime_ns": path.stat().st_mtime_ns,
                }
                for path, sha256 in ((database, sha256_of(database)), *placed)
            }
            note = record | {
                "database": database.name,
                "rows": rows,
                "files": files,
                "exchanged": exchanged,
            }
            shutil.rmtree(links, ignore_errors=True)
            links.mkdir()
            write_if_changed(links / MANIFEST, (json.dumps(note, indent=1, sort_keys=True) + "\n").encode())
            (links / DATABASE).symlink_to(f"../{database.name}")
            (links / TABLES_LINK).symlink_to(f"../{folder.name}")
            for made in (folder, links, self.root):
                _sync(made)
            _relink(self.root / CURRENT, links.name)  # from here on the new vintage is published
            for name in (DATABASE, TABLES_LINK, MANIFEST):
                _relink(self.root / name, f"{CURRENT}/{name}")
            _sync(self.root)
            log = "".join(json.dumps(row, sort_keys=True) + "\n" for row in tables["publications"].read().to_dicts())
            with suppress(OSError):  # it is published already; the next publication writes the line from its table
                write_if_changed(self.root / LOG, log.encode())
        except BaseException:
            if self._current() != vintage:
                database.unlink(missing_ok=True)
                for made in (folder, links):
                    shutil.rmtree(made, ignore_errors=True)
            raise
        finally:
            candidate.unlink(missing_ok=True)
        if state is not None:
            self._note_state(vintage, state)
        self._prune(vintage)
        return database

    def _place(self, folder: Path, name: str, table: Staged) -> list[tuple[Path, str]]:
        """Puts the files of a table into the folder of a vintage, with their hashes: one file, or a folder of files.
        Files that the last vintage has too share their bytes with it."""
        if len(table.files) == 1:
            wanted = [(folder / f"{name}.parquet", table.files[0])]
        else:
            (folder / f"{name}.parquet").mkdir()
            wanted = [(folder / f"{name}.parquet" / f"{f.sha256[:24]}.parquet", f) for f in table.files if f.rows]
        for path, fact in wanted:
            source = Path(fact.path)
            published = self.root / TABLES_LINK / path.relative_to(folder)
            same = self._unchanged(source, published, fact.sha256)
            if not same and sha256_of(source) != fact.sha256:
                raise StoreError(f"{source} was changed after it was made: `xianzhi run --verify` makes it again")
            try:
                if same or (published.is_file() and sha256_of(published) == fact.sha256):
                    os.link(published.resolve(), path)
                    continue
                if len(table.files) > 1:
                    os.link(source, path)  # parts are never changed in place
                    continue
            except OSError:
                pass  # a file system without hard links: write it again
            write_if_changed(path, source.read_bytes())
        return [(path, fact.sha256) for path, fact in wanted]

    def _unchanged(self, source: Path, published: Path, sha256: str) -> bool:
        """True where both are one file, as it was when its hash was written into the manifest."""
        try:
            here, there = source.stat(), published.stat()
        except OSError:
            return False
        said = self._published_fact(published)
        as_left = (sha256, there.st_size, there.st_mtime_ns)
        same = (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
        return same and (said.get("sha256"), said.get("bytes"), said.get("mtime_ns")) == as_left

    def _published_fact(self, path: Path) -> Mapping[str, Any]:
        """What the manifest says of a published file."""
        vintage = self._current()
        if self._facts[0] != vintage:  # thousands of files ask, one after the other
            self._facts = (vintage, (self.manifest() or {}).get("files", {}))
        name = path.resolve().relative_to(self.root.resolve())
        return self._facts[1].get(str(name), {})

    def _current(self) -> str | None:
        """The vintage that is published."""
        link = self.root / CURRENT
        return str(link.readlink()).removeprefix("vintage-") if link.is_symlink() else None

    def vintages(self) -> list[str]:
        """Vintages whose database is still there, oldest first."""
        names = (
            p.name.removeprefix("warehouse-").removesuffix(".duckdb") for p in self.root.glob("warehouse-*.duckdb")
        )
        return sorted(names)

    def _prune(self, current: str) -> None:
        kept = {*self.vintages()[-KEPT_VINTAGES:], current}
        for database in self.root.glob("warehouse-*.duckdb"):
            if database.name.removeprefix("warehouse-").removesuffix(".duckdb") not in kept:
                database.unlink(missing_ok=True)
        for kind in ("tables", "vintage"):
            for folder in self.root.glob(f"{kind}-*"):
                if folder.name.removeprefix(f"{kind}-") not in kept:
                    shutil.rmtree(folder, ignore_errors=True)

    def verify(self, deep: bool = True) -> list[str]:
        """Every published file against the manifest: one sentence for each that is missing or changed. Without `deep`, a
        file of the size and time it was published with counts as unchanged."""
        manifest = self.manifest()
        if manifest is None:
            return [f"no readable {MANIFEST} in {self.root}"]
        found: list[str] = []
        vintage = manifest.get("vintage")
        targets = {DATABASE: manifest.get("database"), TABLES_LINK: f"tables-{vintage}", CURRENT: f"vintage-{vintage}"}
        for link, target in targets.items():
            path = self.root / link
            if not path.is_symlink() or path.resolve() != (self.root / str(target)).resolve():
                found.append(f"{link} does not lead to {target}")
        for name, fact in manifest.get("files", {}).items():
            path = self.root / name
            if not path.is_file():
                found.append(f"{name} is missing")
            elif not deep and (path.stat().st_size, path.stat().st_mtime_ns) == (fact["bytes"], fact.get("mtime_ns")):
                continue
            elif sha256_of(path) != fact["sha256"]:
                found.append(f"{name} differs from the manifest: its bytes were changed after publication")
        return found


def _whole(staged: Mapping[str, Staged]) -> dict[str, pl.DataFrame]:
    return {name: table.read() for name, table in staged.items()}


_DECIDED = pl.any_horizontal(pl.col("flags").list.contains(flag) for flag in ("corrected", "rejected"))


def _scanned(table: str, files: Sequence[Path]) -> pl.LazyFrame:
    return (
        pl.scan_parquet(list(files), glob=False).select(list(BY_NAME[table].schema)) if files else empty(table).lazy()
    )


def _for_coverage(table: str, files: Sequence[Path]) -> pl.LazyFrame:
    """What coverage asks of a vintage before, be it of another schema version."""
    if not files:
        return empty(table).select(COVERAGE_COLUMNS[table]).lazy()
    types = BY_NAME[table].schema
    return pl.scan_parquet(list(files)).select(pl.col(c).cast(types[c]) for c in COVERAGE_COLUMNS[table])


def _differing(known: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Units (first column) whose `state` is another, that came, or that went."""
    unit = now.columns[0]
    return pl.concat(
        [now.join(known, on=[unit, "state"], how="anti"), known.join(now, on=[unit, "state"], how="anti")]
    ).select(pl.col(unit).unique())


def _counted(observations: pl.LazyFrame) -> pl.DataFrame:
    """Observations of each document: doc_id, n."""
    return observations.group_by("doc_id").agg(pl.len().cast(pl.Int64).alias("n")).collect()
