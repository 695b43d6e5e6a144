"""Derived tables place by place: only the places that a run touched are made again.

Here: what each place's rows were made from last, which places differ now, and the files that hold the rows of some places
each. Series, growth rates, gaps, checks across documents and conflicts all look at one place at a time, so that a table
made for the touched places, beside the rows kept of all others, equals one made whole. Not here: how rows are made (the
functions given), what a part tells of a place (`evidence`).

    <folder>/TABLE/GROUP.parquet    rows of the places whose codes begin alike, in the order of the table's key
    <folder>/TABLE/note.json        what the files are, and what they were made by
    <folder>/TABLE/places.parquet   what each place's rows were made from, and their sum
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.sources import sha256_of
from pipelines.warehouse.evidence import NOWHERE, PLACES
from pipelines.warehouse.files import write_if_changed
from pipelines.warehouse.schema import BY_NAME, conform, empty
from pipelines.warehouse.staging import TableFile
from pipelines.warehouse.tables import SUM_BITS, SUMMED_BY, parquet_bytes, row_hashes, sorted_by_key

BATCH_ROWS = 600_000
"""Candidates worked on at once: memory follows this number and not the number of documents."""

GROUP_DIGITS = 4
"""Places whose codes share these digits, those of a prefecture, lie in one file."""

_STATE = {"place_code": pl.String, "group": pl.String, "state": pl.UInt64, "n": pl.Int64, "content": pl.UInt64}

Files = Mapping[str, TableFile]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What parts tell of places: `places` (columns of PLACES), and in `parts` the files of each part by table."""

    places: pl.DataFrame
    parts: Sequence[Files]
    touching: pl.DataFrame
    """place_code and `part`, a position in `parts`."""

    def scan(self, table: str, places: pl.DataFrame) -> pl.LazyFrame:
        """A table of the parts that speak of these places, with rows of other places too."""
        wanted = self.touching.join(places, on="place_code", how="semi")["part"].unique().sort()
        facts = [fact for n in wanted if (fact := self.parts[n].get(table)) is not None and fact.rows]
        if not facts:
            return empty(table).lazy() if table in BY_NAME else self._without_rows(table)
        return pl.scan_parquet([fact.path for fact in facts], glob=False)

    def read(self, table: str, places: pl.DataFrame, column: str = "place_code") -> pl.DataFrame:
        """Rows of these places; a row without a place belongs to `NOWHERE`."""
        wanted = places["place_code"].implode()
        return self.scan(table, places).filter(pl.col(column).fill_null(NOWHERE).is_in(wanted)).collect()

    def _without_rows(self, table: str) -> pl.LazyFrame:
        paths = [part[table].path for part in self.parts if table in part]
        return pl.scan_parquet(paths[:1], glob=False).head(0) if paths else pl.LazyFrame()


def evidence_of(parts: Sequence[Files]) -> Evidence:
    """What some parts tell of places, all together."""
    frames = [
        pl.read_parquet(part["told"].path, glob=False).with_columns(pl.lit(n, pl.Int64).alias("part"))
        for n, part in enumerate(parts)
        if "told" in part
    ]
    told = pl.concat([pl.DataFrame(schema={**PLACES, "part": pl.Int64}), *frames])
    places = told.group_by("place_code").agg(pl.col("place_name").min(), pl.col("rows", "state").sum())
    return Evidence(places.sort("place_code"), parts, told.select("place_code", "part"))


def group_of(place: pl.Expr) -> pl.Expr:
    """Name of the file that holds a place's rows."""
    return pl.when(place.str.contains(r"^[0-9]{6}$")).then(place.str.slice(0, GROUP_DIGITS)).otherwise(pl.lit("other"))


def _at_place() -> pl.Expr:
    return pl.col("place_code").fill_null(NOWHERE)


_GROUP = "group of places"

Make = Callable[[pl.DataFrame], pl.DataFrame]


class Derivation:
    """One derived table as a folder of files."""

    def __init__(self, folder: Path, table: str) -> None:
        self.folder = folder / table
        self.table = table
        self.by_place = "place_code" in BY_NAME[table].schema

    def update(self, places: pl.DataFrame, version: str, make: Make) -> tuple[TableFile, ...]:
        """The files of the table for `places` (place_code, rows, state). `make` gets some of these, whole groups of
        touched ones, and gives their rows, with `place_code` also where the table has no such column; of such a table
        whole groups are made again."""
        known, files = self._known(version)
        now = places.select("place_code", "rows", "state", group_of(pl.col("place_code")).alias("group"))
        same = now.join(known, on=["place_code", "state"], how="semi")
        same = same.filter(pl.col("group").is_in(set(known["group"])))
        touched = now.join(same, on="place_code", how="anti")
        gone = known.join(now, on="place_code", how="anti")
        groups = set(touched["group"]) | set(gone["group"])
        if not groups:
            return self._facts(files)
        if not self.by_place:
            touched = now.filter(pl.col("group").is_in(groups))
        left = now.join(touched, on="place_code", how="anti")
        for batch in _batches(touched):
            made = make(batch.select("place_code", "rows", "state"))
            group = made.select(_at_place()).join(batch, on="place_code", how="left", maintain_order="left")["group"]
            rows = made.select(list(BY_NAME[self.table].schema)).with_columns(group.alias(_GROUP))
            by_group = rows.partition_by(_GROUP, as_dict=True, include_key=False)
            for name in batch["group"].unique().sort():
                of_group = batch.filter(pl.col("group") == name)
                known = self._write(str(name), of_group, by_group.get((name,), empty(self.table)), left, known, files)
        for name in sorted(groups - set(touched["group"])):
            known = self._write(name, touched.clear(), empty(self.table), left, known, files)
        self._save(known.join(now, on="place_code", how="semi"), files, version)
        return self._facts(files)

    def _write(
        self,
        name: str,
        touched: pl.DataFrame,
        rows: pl.DataFrame,
        left: pl.DataFrame,
        known: pl.DataFrame,
        files: dict[str, dict[str, Any]],
    ) -> pl.DataFrame:
        """Puts the rows made for the touched places of a group beside those kept; the sums of all places known now."""
        path = self.folder / f"{name}.parquet"
        place = _at_place()
        kept = empty(self.table)
        if self.by_place:
            stay = left.filter(pl.col("group") == name)["place_code"]
            if stay.len() and name in files:
                kept = pl.read_parquet(path, glob=False).filter(place.is_in(stay.implode()))
        frame = sorted_by_key(self.table, conform(self.table, pl.concat([kept, rows])))
        hashes = row_hashes(frame)
        if self.by_place:
            by_place = frame.select(place, hashes.alias("content")).group_by("place_code")
            sums = by_place.agg(pl.len().cast(pl.Int64).alias("n"), pl.col("content").sum())
        else:  # the first place of the group stands for all of them
            first = touched["place_code"].head(1)
            sums = pl.DataFrame({"place_code": first}).with_columns(
                pl.lit(frame.height, pl.Int64).alias("n"), pl.lit(hashes.sum() or 0, pl.UInt64).alias("content")
            )
        if frame.height:
            data = parquet_bytes(frame)
            write_if_changed(path, data)
            content = int(hashes.sum()) % (1 << SUM_BITS)
            fact = TableFile(str(path), frame.height, len(data), hashlib.sha256(data).hexdigest(), content)
            files[name] = asdict(fact) | {"mtime_ns": path.stat().st_mtime_ns}
        else:
            path.unlink(missing_ok=True)
            files.pop(name, None)
        members = pl.concat([touched.select("place_code", "group", "state"), _still(known, left, name)])
        mine = members.join(sums, on="place_code", how="left").with_columns(pl.col("n", "content").fill_null(0))
        return pl.concat([known.filter(pl.col("group") != name), mine.select(list(_STATE))])

    def _known(self, version: str) -> tuple[pl.DataFrame, dict[str, dict[str, Any]]]:
        """Places and files as made last; without those of groups whose file is not as it was left."""
        nothing = pl.DataFrame(schema=_STATE)
        try:
            note = json.loads((self.folder / "note.json").read_bytes())
            state = pl.read_parquet(self.folder / "places.parquet", glob=False)
            columns = [f"{name} {dtype}" for name, dtype in BY_NAME[self.table].schema.items()]
            whole = (version, SUMMED_BY, columns, _digest(state))
            if whole != (note["version"], note["summed_by"], note["columns"], note["places"]):
                return self._afresh(), {}
            files = {name: fact for name, fact in note["files"].items() if _as_left(fact)}
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return self._afresh(), {}
        broken = (pl.col("n") > 0) & ~pl.col("group").is_in(set(files))
        lost = state.filter(broken)["group"].unique()
        return pl.concat([nothing, state.filter(~pl.col("group").is_in(lost.implode()))]), files

    def _afresh(self) -> pl.DataFrame:
        shutil.rmtree(self.folder, ignore_errors=True)
        return pl.DataFrame(schema=_STATE)

    def _save(self, known: pl.DataFrame, files: Mapping[str, Mapping[str, Any]], version: str) -> None:
        known = known.sort("place_code")
        columns = [f"{name} {dtype}" for name, dtype in BY_NAME[self.table].schema.items()]
        note = {
            "version": version,
            "summed_by": SUMMED_BY,
            "columns": columns,
            "files": files,
            "places": _digest(known),
        }
        write_if_changed(self.folder / "places.parquet", parquet_bytes(known))
        write_if_changed(self.folder / "note.json", json.dumps(note, sort_keys=True).encode())

    @staticmethod
    def _facts(files: Mapping[str, Mapping[str, Any]]) -> tuple[TableFile, ...]:
        names = ("path", "rows", "bytes", "sha256", "content")
        return tuple(TableFile(**{n: files[group][n] for n in names}) for group in sorted(files))

    def read(self, places: pl.DataFrame) -> pl.DataFrame:
        """Rows of some places, as made last."""
        names = places.select(group_of(pl.col("place_code"))).to_series().unique().sort()
        paths = [path for name in names if (path := self.folder / f"{name}.parquet").is_file()]
        if not paths:
            return empty(self.table)
        rows = pl.scan_parquet(paths, glob=False)
        wanted = places["place_code"].implode()
        return rows.filter(pl.col("place_code").fill_null(NOWHERE).is_in(wanted)).collect()

    def forget_changed(self) -> None:
        """Forgets files whose bytes are not those that were written."""
        try:
            files = json.loads((self.folder / "note.json").read_bytes())["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        for fact in files.values():
            path = Path(fact["path"])
            if path.is_file() and sha256_of(path) != fact["sha256"]:
                path.unlink()


def _still(known: pl.DataFrame, left: pl.DataFrame, name: str) -> pl.DataFrame:
    stay = left.filter(pl.col("group") == name).select("place_code")
    return (
        known.filter(pl.col("group") == name)
        .join(stay, on="place_code", how="semi")
        .select("place_code", "group", "state")
    )


def _digest(state: pl.DataFrame) -> str:
    return f"{state.height} {int(row_hashes(state).sum() or 0):016x}"


def _as_left(fact: Mapping[str, Any]) -> bool:
    try:
        found = Path(fact["path"]).stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (fact["bytes"], fact["mtime_ns"])


def batches(places: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Some places (place_code, rows) at a time, about `BATCH_ROWS` candidates, whole groups."""
    yield from _batches(places.with_columns(group_of(pl.col("place_code")).alias("group")))


def _batches(places: pl.DataFrame) -> Iterator[pl.DataFrame]:
    if places.is_empty():
        return
    groups = places.group_by("group").agg(pl.col("rows").sum()).sort("group")
    number = groups.select("group", ((pl.col("rows").cum_sum() - pl.col("rows")) // BATCH_ROWS).alias("batch"))
    numbered = places.join(number, on="group", how="left").sort("place_code")
    for _, batch in numbered.group_by("batch", maintain_order=True):
        yield batch.drop("batch")


def asked_before(note: Path, places: pl.DataFrame, version: str) -> pl.DataFrame:
    """Those of `places` (place_code, state) that a note does not name with the same state and version."""
    try:
        known = pl.read_parquet(note, glob=False)
        if known.schema == {"place_code": pl.String, "state": pl.UInt64, "version": pl.String}:
            known = known.filter(pl.col("version") == version)
            return places.join(known, on=["place_code", "state"], how="anti")
    except (OSError, pl.exceptions.PolarsError):
        pass  # never asked, or by another version
    return places


def note_asked(note: Path, places: pl.DataFrame, version: str) -> None:
    """Remembers that all of `places` were asked and are in order."""
    said = places.select("place_code", "state", pl.lit(version).alias("version"))
    write_if_changed(note, parquet_bytes(said))


def forget_changed(folder: Path, tables: Iterable[str]) -> None:
    """Forgets files of derived tables whose bytes are not those that were written."""
    for table in tables:
        Derivation(folder, table).forget_changed()
