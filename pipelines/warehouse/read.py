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

    def indicator_id(self, indicator: str) -> str:
        """The id of an indicator given by id or by one of its names; an unknown one is refused."""
        found = self.sql(
            "SELECT indicator_id FROM indicators WHERE indicator_id = ? OR name_zh = ? OR lower(name_en) = lower(?) "
            "OR list_contains(string_split(coalesce(aliases_zh, ''), '|'), ?) ORDER BY indicator_id <> ?, indicator_id",
            [indicator] * 5,
        )
        if found.is_empty():
            raise ReadError(f"no indicator {indicator!r} in this warehouse; `catalogue()` lists all")
        return str(found["indicator_id"][0])

    def _select(self, table: str, place: str | None, indicator: str | None, **equal: str | None) -> pl.DataFrame:
        frame = self.table(table)
        if place is not None:
            frame = frame.filter(pl.col("place_code") == self.place_code(place))
        if indicator is not None:
            frame = frame.filter(pl.col("indicator_id") == self.indicator_id(indicator))
        for column, value in equal.items():
            if value is not None:
                frame = frame.filter(pl.col(column) == value)
        return frame

    def series(
        self,
        indicator: str | None = None,
        place: str | None = None,
        basis: str | None = None,
        period_kind: str | None = "annual",
    ) -> pl.DataFrame:
        """Published points in order of place, basis, scope and time: the columns of table `series`, a row a point.

        `value`, `value_lo` and `value_hi` are in `unit` (rates as written: 8.2 with unit ‰, never 0.0082), `year` is
        the calendar year the period ends in. `indicator`: id or name, `place`: code or name, `basis`: 常住, 户籍 ...,
        `period_kind`: annual, ytd, quarter ..., None for all. Raises ReadError for an unknown name, and for a name
        that several places bear.
        """
        frame = self._select("series", place, indicator, basis=basis, period_kind=period_kind)
        return frame.sort("indicator_id", "place_code", "basis", "scope", "period_kind", "year", "period")

    def growth(self, indicator: str | None = None, place: str | None = None) -> pl.DataFrame:
        """Points against earlier points: the columns of table `growth_rates`, a row a point, in order of time.

        `growth` and `cagr` are ratios (0.05 is 5 %), `abs_change` is in `unit`, for rates in points; `reason` says why
        a growth has no meaning and is null. Arguments as for `series`.
        """
        frame = self._select("growth_rates", place, indicator)
        return frame.sort("indicator_id", "place_code", "basis", "scope", "period_kind", "period")

    def targets(self, place: str | None = None, indicator: str | None = None) -> pl.DataFrame:
        """Targets read from documents: the columns of table `targets`, a row a target; `value` in `unit`, `relation`
        at_most (ceiling), at_least (floor) or equal, `reading` level or margin with the other in `alternative_value`."""
        return self._select("targets", place, indicator).sort("target_id")

    def gaps(self, place: str | None = None, indicator: str | None = None) -> pl.DataFrame:
        """Values against targets: the columns of table `target_gaps`, a row a pair; `gap` in `unit` (points for rates),
        positive where the target is met with room to spare, `pace` 1 where exactly on schedule."""
        return self._select("target_gaps", place, indicator).sort("target_id", "observation_id")

    def catalogue(self) -> pl.DataFrame:
        """Indicators that have points, those with most first: indicator_id, name_zh, name_en, unit, points, n_places,
        first_year, last_year."""
        return self.sql(
            "SELECT i.indicator_id, i.name_zh, i.name_en, i.unit, count(*) AS points, "
            "count(DISTINCT s.place_code) AS n_places, min(s.year) AS first_year, max(s.year) AS last_year "
            "FROM indicators i JOIN series s USING (indicator_id) GROUP BY ALL ORDER BY points DESC, i.indicator_id"
        )

    def failed_checks(self, place: str | None = None) -> pl.DataFrame:
        """Checks that do not hold, then those to look at: the columns of table `checks`, the largest difference as a
        multiple of the tolerance first. Proposals are never applied."""
        frame = self.table("checks").filter(pl.col("verdict").is_in(["fails", "flag"]))
        if place is not None:
            frame = frame.filter(pl.col("place_code") == self.place_code(place))
        multiple = pl.col("difference").abs() / pl.when(pl.col("tolerance") > 0).then(pl.col("tolerance"))
        return frame.sort("verdict", multiple, "check_id", descending=[False, True, False], nulls_last=True)

    def conflicts(self, place: str | None = None) -> pl.DataFrame:
        """Points whose sources disagree, the largest relative difference first: the columns of table `series`."""
        frame = self._select("series", place, None).filter(pl.col("conflict").is_not_null())
        return frame.sort("conflict_delta", "observation_id", descending=[True, False], nulls_last=True)

    def review(self, why: str | None = None) -> pl.DataFrame:
        """Readings an analyst should look at: the columns of table `review`. `why`: low_confidence, unread,
        uncatalogued, damaged or conflict; None for all."""
        frame = self.table("review")
        if why is not None:
            frame = frame.filter(pl.col("why") == why)
        return frame.sort("why", "doc_id", "observation_id")

    def uncatalogued(self) -> pl.DataFrame:
        """Phrases that no catalogue entry fits, the most frequent first: indicator (the phrase), unit, n (occurrences),
        example (a sentence), observation_id."""
        return self.sql(
            "SELECT indicator, unit, count(*) AS n, min_by(sentence, observation_id) AS example, "
            "min(observation_id) AS observation_id FROM observations "
            "WHERE indicator_id IS NULL AND class = 'indicator' AND source_kind = 'document' "
            "GROUP BY indicator, unit ORDER BY n DESC, indicator, unit"
        )

    def correction(self, observation_id: str | None = None) -> str:
        """A correction to complete and to put into a YAML file in data/raw/corrections/, as text: what stands at the
        place and how it was read are filled in. Without an id for the first reading to review. Raises ReadError for an
        unknown id."""
        from pipelines.catalogue.corrections import draft

        if observation_id is None:
            known = self.review().filter(pl.col("why") != "unread")
            if known.is_empty():
                return "# nothing to review\n"
            observation_id = str(known["observation_id"][0])
        row = self.observation(observation_id)
        path = self.sql("SELECT path FROM documents WHERE doc_id = ?", [row["doc_id"]])
        return draft(row, str(path["path"][0]) if path.height else str(row["doc_id"]))

    def observation(self, observation_id: str) -> dict[str, Any]:
        """One observation with all its columns."""
        found = self.sql("SELECT * FROM observations WHERE observation_id = ?", [observation_id])
        if found.is_empty():
            raise ReadError(f"no observation {observation_id!r} in this warehouse")
        return found.row(0, named=True)


def open_warehouse(path: str | Path | None = None) -> Warehouse:
    """Opens a published warehouse for reading: a folder, a database file, or nothing for the nearest one."""
    return Warehouse(find_warehouse(path))
