"""One database file from the tables' Parquet files: declared types, comments, and nothing else; or a copy of the last one
in which the rows of changed documents and places are exchanged.

Here: the only SQL that writes. Rows are copied in bulk in the files' own order, which is the order of the tables' keys, so
that a series lies together and is found by the zone maps; there is no primary key and no index, as they cost more to
build than they save. Whether keys are unique is asked afterwards. Not here: which file is published (`store`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.warehouse.schema import TABLES, Table

STORAGE_VERSION = "v1.0.0"  # readable by duckdb 1.5 as well as 2.0
MEMORY_LIMIT = "2GB"
"""What the copy may hold at once; beyond it DuckDB spills into files beside the database."""

SQL_TYPES: Mapping[Any, str] = {
    pl.String: "VARCHAR",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOLEAN",
    pl.List(pl.String): "VARCHAR[]",
    pl.List(pl.Float64): "DOUBLE[]",
}


class DatabaseError(RuntimeError):
    """The database does not hold what it was built from; the message says where."""


def create_statement(table: Table, schema: str) -> str:
    """The CREATE TABLE statement of a declared table; every name comes from `schema.py`."""
    columns = ", ".join(f'"{c.name}" {SQL_TYPES[c.dtype]}{" NOT NULL" if c.required else ""}' for c in table.columns)
    return f'CREATE TABLE {schema}."{table.name}" ({columns})'


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _list(files: Sequence[Path]) -> str:
    # a name with * or [ would be taken for a pattern
    names = (str(file).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for file in files)
    return "[" + ", ".join(literal(name) for name in names) + "]"


def build_database(path: Path, files: Mapping[str, Sequence[Path]], rows: Mapping[str, int]) -> None:
    """Writes a database at `path` with every declared table, filled by column name from its Parquet files; counts it
    again and asks for keys that occur twice. Raises DatabaseError where either is wrong."""
    with closing(_opened(path)) as connection:
        connection.execute("BEGIN")
        for table in TABLES:
            target = f'candidate.main."{table.name}"'
            connection.execute(create_statement(table, "candidate.main"))
            connection.execute(f"COMMENT ON TABLE {target} IS {literal(table.comment)}")
            for c in table.columns:
                connection.execute(f'COMMENT ON COLUMN {target}."{c.name}" IS {literal(c.comment)}')
            if files[table.name]:
                _insert(connection, table, files[table.name], "TRUE")
        connection.execute("COMMIT")
        for table in TABLES:
            _count(connection, table, rows[table.name])
            _check(connection, table)
        connection.execute("DETACH candidate")


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute(f"SET memory_limit = {literal(MEMORY_LIMIT)}")
    connection.execute(f"SET temp_directory = {literal(str(path.with_suffix('.tmp')))}")
    connection.execute(f"ATTACH {literal(str(path))} AS candidate (STORAGE_VERSION '{STORAGE_VERSION}')")
    return connection


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path], where: str) -> int:
    names = ", ".join(f'"{c.name}"' for c in table.columns)
    source = f"read_parquet({_list(files)})"
    target = f'candidate.main."{table.name}"'
    inserted = connection.execute(f"INSERT INTO {target} ({names}) SELECT {names} FROM {source} WHERE {where}")  # noqa: S608
    return int(inserted.fetchall()[0][0])


@dataclass(frozen=True, slots=True)
class Exchange:
    """What changed since a database was built: documents (doc_id) and places (place_code, `""` for none) whose rows may
    differ, and for each table the files that only the former and only the new vintage has."""

    documents: pl.DataFrame
    places: pl.DataFrame
    files: Mapping[str, tuple[Sequence[Path], Sequence[Path]]]


_OF_DOCUMENT = "doc_id IN (FROM changed_documents)"
_OF_PLACE = "coalesce(place_code, '') IN (FROM changed_places)"
_WHOLE_UNITS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("sections", "mentions", "observations", "targets"), ("doc_id", _OF_DOCUMENT)),
    **dict.fromkeys(("series", "growth_rates"), ("place_code", _OF_PLACE)),
}
"""Tables in which all rows of a document or place lie in one file: column, condition."""

_SINGLE_ROWS: Mapping[str, str] = {
    "documents": f"{_OF_DOCUMENT} OR status = 'stale_correction'",
    "target_gaps": _OF_PLACE,
    "checks": f"{_OF_DOCUMENT} OR {_OF_PLACE}",
    "review": f"{_OF_DOCUMENT} OR why = 'conflict'",
}
"""Tables whose rows are told apart by their key; others are small and exchanged whole."""


def exchange_rows(last: Path, path: Path, change: Exchange, rows: Mapping[str, int]) -> int:
    """Writes a copy of the database `last` at `path` with the rows of changed documents and places exchanged; how many
    came and went. Raises DatabaseError where tables do not hold as many `rows` as they should, or a key occurs twice."""
    shutil.copyfile(last, path)
    exchanged = 0
    with closing(_opened(path)) as connection:
        for name, frame in (("changed_documents", change.documents), ("changed_places", change.places)):
            connection.register(name, frame)
        connection.execute("BEGIN")
        for table in TABLES:
            exchanged += _exchanged(connection, table, *change.files[table.name])
        connection.execute("COMMIT")
        for table in TABLES:
            _count(connection, table, rows[table.name])
        connection.execute("CHECKPOINT candidate")
        connection.execute("DETACH candidate")
    return exchanged


def _exchanged(connection: duckdb.DuckDBPyConnection, table: Table, old: Sequence[Path], new: Sequence[Path]) -> int:
    """Exchanges the rows of one table; how many went and came."""
    target = f'candidate.main."{table.name}"'
    key = ", ".join(f'"{name}"' for name in table.key)
    names = ", ".join(f'"{c.name}"' for c in table.columns)
    unit, where = _WHOLE_UNITS.get(table.name, ("", _SINGLE_ROWS.get(table.name, "TRUE")))
    for name, files in (("former", old), ("next", new)):
        source = f"read_parquet({_list(files)}) WHERE {where}" if files else f"{target} LIMIT 0"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name}_rows AS SELECT {names} FROM {source}")  # noqa: S608
    if unit:
        wanted, come = f'"{unit}" IN (SELECT "{unit}" FROM former_rows)', "FROM next_rows"  # noqa: S608
    else:
        gone = f"SELECT {key} FROM (FROM former_rows EXCEPT FROM next_rows)"  # noqa: S608
        wanted, come = f"({key}) IN ({gone})", "FROM next_rows EXCEPT FROM former_rows"
    went = int(connection.execute(f"DELETE FROM {target} WHERE {wanted}").fetchall()[0][0])  # noqa: S608
    came = int(connection.execute(f"INSERT INTO {target} ({names}) {come}").fetchall()[0][0])
    keys = f"SELECT {key} FROM ({come})"  # noqa: S608
    there = connection.execute(f"SELECT count(*) FROM {target} WHERE ({key}) IN ({keys})").fetchall()  # noqa: S608
    if there[0][0] != came:
        raise DatabaseError(f"{table.name}: a key ({', '.join(table.key)}) is not unique after rows were exchanged")
    return went + came


def _count(connection: duckdb.DuckDBPyConnection, table: Table, rows: int) -> None:
    answer = connection.execute(f'SELECT count(*) FROM candidate.main."{table.name}"').fetchall()  # noqa: S608
    if answer[0][0] != rows:
        raise DatabaseError(f"the candidate database lost rows of {table.name}: {answer[0][0]} of {rows}")


def _check(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    key = ", ".join(f'"{name}"' for name in table.key)
    target = f'candidate.main."{table.name}"'
    twice = f"SELECT {key} FROM {target} GROUP BY ALL HAVING count(*) > 1 LIMIT 1"  # noqa: S608
    found = connection.execute(twice).fetchall()
    if found:
        raise DatabaseError(f"{table.name}: the key ({', '.join(table.key)}) is not unique: {found[0]}")
