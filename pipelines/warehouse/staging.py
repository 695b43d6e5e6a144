"""Staged tables: what the next publication will hold, with facts that tell whether anything changed.

Here: writing a table once it fits its schema, and a note beside it: files, rows, hashes, and what it was made from, so
that a step whose inputs are the same is not taken again. A large table is several files, made where its rows were read.
Not here: publishing (`store`), parts of documents (`pipelines.parts`).

    <warehouse>/.cache/stage/TABLE.json, and TABLE.parquet for tables of one file
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from pipelines.sources import sha256_of
from pipelines.warehouse.files import write_if_changed
from pipelines.warehouse.schema import BY_NAME, conform, empty
from pipelines.warehouse.tables import SUMMED_BY, combined, content_sum, parquet_bytes, sorted_by_key

ONE_FILE_ROWS = 500_000
"""A table up to this size is one file in the order of its key; a larger one is published as a folder of files."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """One Parquet file of a table; `content` is the sum of its rows' hashes."""

    path: str
    rows: int
    bytes: int
    sha256: str
    content: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged table: its files, and the hash of what it was made from."""

    table: str
    files: tuple[TableFile, ...]
    made_from: str = ""

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(f.rows for f in self.files)

    @property
    def content(self) -> int:
        """Content sum of all rows."""
        return combined(f.content for f in self.files)

    @property
    def paths(self) -> list[Path]:
        """The files that hold rows."""
        return [Path(f.path) for f in self.files if f.rows]

    def scan(self) -> pl.LazyFrame:
        """The table, to be filtered before it is read; rows in the order of the files."""
        if not self.paths:
            return empty(self.table).lazy()
        return pl.scan_parquet(self.paths, glob=False)

    def read(self) -> pl.DataFrame:
        """The whole table in the order of its key."""
        frame = self.scan().collect()
        return frame if len(self.paths) < 2 else sorted_by_key(self.table, frame)


def describe_file(path: Path, frame: pl.DataFrame) -> TableFile:
    """Facts of a file that holds `frame`."""
    return TableFile(str(path), frame.height, path.stat().st_size, sha256_of(path), content_sum(frame))


class Staging:
    """The staged tables below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, table: str, frame: pl.DataFrame, made_from: str = "") -> Staged:
        """Checks a table against its schema and keeps it; an equal file is left alone."""
        frame = sorted_by_key(table, conform(table, frame))
        data = parquet_bytes(frame)
        path = self.folder / f"{table}.parquet"
        write_if_changed(path, data)
        fact = TableFile(str(path), frame.height, len(data), hashlib.sha256(data).hexdigest(), content_sum(frame))
        return self.note(Staged(table, (fact,), made_from))

    def note(self, staged: Staged) -> Staged:
        """Keeps the note of a table whose files are there."""
        said = asdict(staged) | {"columns": _columns(staged.table), "summed_by": SUMMED_BY}
        write_if_changed(self.folder / f"{staged.table}.json", json.dumps(said, sort_keys=True).encode())
        return staged

    def has(self, table: str) -> bool:
        """True where the table was staged, whatever became of its files."""
        return (self.folder / f"{table}.json").exists()

    def read(self, table: str) -> Staged | None:
        """The table as staged last; None where it was not, its columns were others, or a file is gone or cut off."""
        try:
            said = json.loads((self.folder / f"{table}.json").read_bytes())
            files = tuple(TableFile(**fact) for fact in said["files"])
            whole = all(Path(f.path).stat().st_size == f.bytes for f in files)
            if whole and said["columns"] == _columns(table) and said["summed_by"] == SUMMED_BY:
                return Staged(table, files, said["made_from"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # a cache of another version or a damaged one: built again
        return None


def _columns(table: str) -> list[str]:
    return [f"{name} {dtype}" for name, dtype in BY_NAME[table].schema.items()]


def key_of(*parts: str) -> str:
    """Hash of what a table is made from."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def same_content(inputs: Sequence[Staged]) -> str:
    """What these tables hold, as one text."""
    return "\n".join(f"{s.table}\t{s.rows}\t{s.content:016x}" for s in inputs)
