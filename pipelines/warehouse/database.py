"""One database file from the tables' Parquet files: declared types, comments, and nothing else.

Here: the only SQL that writes. Rows are copied in bulk in the files' own order, which is the order of the tables' keys, so
that a series lies together and is found by the zone maps; there is no primary key and no index, as they cost more to
build than they save. Whether keys are unique is asked afterwards. Not here: which file is published (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"SET memory_limit = {literal(MEMORY_LIMIT)}")
        connection.execute(f"SET temp_directory = {literal(str(path.with_suffix('.tmp')))}")
        connection.execute(f"ATTACH {literal(str(path))} AS candidate (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("BEGIN")
        for table in TABLES:
            target = f'candidate.main."{table.name}"'
            names = ", ".join(f'"{c.name}"' for c in table.columns)
            connection.execute(create_statement(table, "candidate.main"))
            connection.execute(f"COMMENT ON TABLE {target} IS {literal(table.comment)}")
            for c in table.columns:
                connection.execute(f'COMMENT ON COLUMN {target}."{c.name}" IS {literal(c.comment)}')
            if files[table.name]:
                source = f"read_parquet({_list(files[table.name])})"
                connection.execute(f"INSERT INTO {target} ({names}) SELECT {names} FROM {source}")  # noqa: S608
        connection.execute("COMMIT")
        for table in TABLES:
            _check(connection, table, rows[table.name])
        connection.execute("DETACH candidate")
    finally:
        connection.close()


def _check(connection: duckdb.DuckDBPyConnection, table: Table, rows: int) -> None:
    target = f'candidate.main."{table.name}"'
    key = ", ".join(f'"{name}"' for name in table.key)
    answer = connection.execute(f"SELECT count(*) FROM {target}").fetchall()  # noqa: S608
    if answer[0][0] != rows:
        raise DatabaseError(f"the candidate database lost rows of {table.name}: {answer[0][0]} of {rows}")
    twice = f"SELECT {key} FROM {target} GROUP BY ALL HAVING count(*) > 1 LIMIT 1"  # noqa: S608
    found = connection.execute(twice).fetchall()
    if found:
        raise DatabaseError(f"{table.name}: the key ({', '.join(table.key)}) is not unique: {found[0]}")
