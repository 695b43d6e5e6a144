"""The one way to read a published warehouse: notebooks, terminal and exports all come through here.

A reader opens the file the link leads to at that moment, read-only and closed to the outside, so that it never blocks a
build and never sees half of one. Not here: any calculation.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import polars as pl

from pipelines.warehouse.schema import BY_NAME, SCHEMA_VERSION
from pipelines.warehouse.store import DATABASE

SAFE_CONFIG: dict[str, str] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "lock_configuration": "true",
}
"""A query may read the warehouse's tables and nothing else: no files, no network, no extensions, no settings."""


class ReadError(RuntimeError):
    """There is no such warehouse, or a question it cannot answer; the message says what to do."""


def find_warehouse(path: str | Path | None = None) -> Path:
    """The database file meant by a file, a warehouse folder, or nothing: $XIANZHI_WAREHOUSE, else `data/warehouse` in
    this folder or above it, else that of the checkout."""
    if path is None:
        path = os.environ.get("XIANZHI_WAREHOUSE")
    if path is None:
        here = Path.cwd()
        roots = [here, *here.parents, Path(__file__).resolve().parents[2]]
        candidates = [root / "data" / "warehouse" / DATABASE for root in roots]
        found = next((c for c in candidates if c.exists()), candidates[-1])
    else:
        given = Path(path).expanduser()
        found = given / DATABASE if given.is_dir() else given
    if not found.exists():
        raise ReadError(f"no warehouse at {found}: build one with `make run` or `xianzhi run`")
    return found.resolve()


class Warehouse:
    """A published warehouse, open for reading. Use it in a `with` block, or let it close itself with the program."""

    def __init__(self, database: Path) -> None:
        self.database = database
        try:
            self._connection = duckdb.connect(str(database), read_only=True, config=dict(SAFE_CONFIG))
        except duckdb.Error as error:
            raise ReadError(f"{database} cannot be opened: {str(error).splitlines()[0]}") from error
        found = self._schema_version()
        if found != SCHEMA_VERSION:
            self._connection.close()
            raise ReadError(
                f"{database} was built by {'an older' if (found or 0) < SCHEMA_VERSION else 'a newer'} version (schema "
                f"{found or 'unknown'}, this one reads {SCHEMA_VERSION}): build it again with `xianzhi run`"
            )

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def _schema_version(self) -> int | None:
        try:
            answer = self._connection.execute(
                "SELECT schema_version FROM publications ORDER BY vintage DESC LIMIT 1"
            ).fetchall()
        except duckdb.Error:
            return None  # not a warehouse, or one from before versions were recorded
        return int(answer[0][0]) if answer and answer[0][0] is not None else None

    @property
    def vintage(self) -> str:
        """When this warehouse was published, UTC, e.g. 20240131T120000Z."""
        latest = self.sql("SELECT max(vintage) AS vintage FROM publications")["vintage"][0]
        return str(latest or "unpublished")

    def sql(self, query: str, params: list[Any] | None = None) -> pl.DataFrame:
        """The answer to any read-only query; `params` fill its `?` marks."""
        try:
            relation = self._connection.sql(query, params=params or None)
            if relation is None:
                raise ReadError("this is not a query: only SELECT and the like give an answer")
            frame: pl.DataFrame = relation.pl()
            return frame
        except duckdb.Error as error:
            raise ReadError(str(error).strip().splitlines()[0]) from error

    def table(self, name: str) -> pl.DataFrame:
        """A whole table, with the declared types."""
        if name not in BY_NAME:
            raise ReadError(f"no table {name!r}; there are {', '.join(sorted(BY_NAME))}")
        return self.sql(f'SELECT * FROM "{name}"').cast(dict(BY_NAME[name].schema))  # type: ignore[arg-type]  # noqa: S608

    def place_code(self, place: str) -> str:
        """The code of a place given by code, name or full name; a name that several places bear is refused."""
        found = self.sql(
            "SELECT place_code, full_name_zh FROM places "
            "WHERE place_code = ? OR full_name_zh = ? OR name_zh = ? OR lower(name_en) = lower(?) ORDER BY place_code",
            [place, place, place, place],
        )
        if found.is_empty():
            raise ReadError(f"no place {place!r} in this warehouse; the table places lists all")
        exact = found.filter((pl.col("place_code") == place) | (pl.col("full_name_zh") == place))
        chosen = exact if exact.height == 1 else found
        if chosen.height > 1:
            names = ", ".join(f"{code} {name}" for code, name in chosen.rows())
            raise ReadError(f"{place!r} names several places: {names}; give the code")
        return str(chosen["place_code"][0])

    def _select(self, table: str, place: str | None, **equal: str | None) -> pl.DataFrame:
        frame = self.table(table)
        if place is not None:
            frame = frame.filter(pl.col("place_code") == self.place_code(place))
        for column, value in equal.items():
            if value is not None:
                frame = frame.filter(pl.col(column) == value)
        return frame

    def series(
        self,
        indicator_id: str | None = None,
        place: str | None = None,
        basis: str | None = None,
        period_kind: str | None = "annual",
    ) -> pl.DataFrame:
        """Published points, in order of place, basis, scope and time."""
        frame = self._select("series", place, indicator_id=indicator_id, basis=basis, period_kind=period_kind)
        return frame.sort("indicator_id", "place_code", "basis", "scope", "period_kind", "year", "period")

    def growth(self, indicator_id: str | None = None, place: str | None = None) -> pl.DataFrame:
        """Growth rates, in order of time."""
        frame = self._select("growth_rates", place, indicator_id=indicator_id)
        return frame.sort("indicator_id", "place_code", "basis", "scope", "period_kind", "period")

    def targets(self, place: str | None = None, indicator_id: str | None = None) -> pl.DataFrame:
        """Targets read from documents."""
        return self._select("targets", place, indicator_id=indicator_id).sort("target_id")

    def gaps(self, place: str | None = None, indicator_id: str | None = None) -> pl.DataFrame:
        """Values against targets."""
        return self._select("target_gaps", place, indicator_id=indicator_id).sort("target_id", "observation_id")

    def observation(self, observation_id: str) -> dict[str, Any]:
        """One observation with all its columns."""
        found = self.sql("SELECT * FROM observations WHERE observation_id = ?", [observation_id])
        if found.is_empty():
            raise ReadError(f"no observation {observation_id!r} in this warehouse")
        return found.row(0, named=True)


def open_warehouse(path: str | Path | None = None) -> Warehouse:
    """Opens a published warehouse for reading: a folder, a database file, or nothing for the nearest one."""
    return Warehouse(find_warehouse(path))
