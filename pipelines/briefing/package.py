"""The open data package: every table of the warehouse as CSV and Parquet with `datapackage.json` (Frictionless).

Types, meanings, keys and relations come from the declared tables. Values are exact: nothing is disarmed, rounded or joined.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.briefing.common import moment, web_address, write
from pipelines.charts import WarehouseLike
from pipelines.charts.theme import clean
from pipelines.warehouse.schema import BY_NAME, SCHEMA_VERSION, Table

TYPES: Mapping[Any, str] = {pl.String: "string", pl.Int64: "integer", pl.Float64: "number", pl.Boolean: "boolean"}
RELATIONS = {
    "doc_id": "documents", "indicator_id": "indicators", "place_code": "places", "observation_id": "observations",
    "target_id": "targets",
}  # fmt: skip
"""Columns that name a row of another table, where every value of theirs is found there."""
LICENCE = {
    "name": "Apache-2.0",
    "title": "Apache License 2.0: structure and descriptions; figures are facts, texts have the licence of their source",
    "path": "https://www.apache.org/licenses/LICENSE-2.0",
}


def data_package(warehouse: WarehouseLike, out_dir: Path) -> list[Path]:
    """Writes `datapackage.json`, `TABLE.csv` (UTF-8) and `TABLE.parquet` for every declared table; lists are JSON in
    both, as the readers of data packages know no other.

    Equal warehouses give equal bytes: rows are in the order of the key, `created` is the vintage. Returns the files.
    """
    files: list[Path] = []
    resources = []
    frames = {name: _ordered(table, warehouse.table(name)) for name, table in BY_NAME.items()}
    for name, table in BY_NAME.items():
        flat = _flat(frames[name])
        files.append(write(out_dir / f"{name}.csv", flat.write_csv().encode("utf-8")))
        buffer = io.BytesIO()
        flat.write_parquet(buffer, compression="zstd")
        files.append(write(out_dir / f"{name}.parquet", buffer.getvalue()))
        schema = _schema(table, frames)
        resources += _resources(table, schema, *(_bytes(f) for f in files[-2:]))
    package = {
        "profile": "data-package",
        "name": "xianzhi",
        "title": "Indicators read from Chinese county and district reports",
        "description": "Each value leads back to the characters of the document it was read from.",
        "version": f"{SCHEMA_VERSION}.0.0",
        "created": moment(str(warehouse.vintage or "")).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "licenses": [LICENCE],
        "sources": _sources(frames["documents"]) or [{"title": "none"}],
        "resources": resources,
    }
    text = json.dumps(package, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return [write(out_dir / "datapackage.json", text), *files]


def _ordered(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(list(table.key), nulls_last=True, maintain_order=True)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists as JSON text."""
    return frame.with_columns(
        pl.Series(c, [None if v is None else json.dumps(v.to_list(), ensure_ascii=False) for v in frame[c]], dtype=pl.String)
        for c, dtype in frame.schema.items()
        if isinstance(dtype, pl.List)
    )  # fmt: skip


def _schema(table: Table, frames: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """The Table Schema: fields with type, meaning and constraints, the key, and the relations that hold."""
    fields = []
    for c in table.columns:
        field: dict[str, Any] = {"name": c.name, "type": "array" if isinstance(c.dtype, pl.List) else TYPES[c.dtype]}
        field["description"] = c.comment
        # an empty text and no text look the same in CSV, so that only other types can be required there
        if c.required and c.dtype != pl.String:
            field["constraints"] = {"required": True}
        fields.append(field)
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    frame = frames[table.name]
    if not frame.select(pl.any_horizontal(pl.col(k).is_null() | (pl.col(k).cast(pl.String) == "") for k in table.key).any()).item():  # fmt: skip
        schema["primaryKey"] = list(table.key)
    foreign = [
        {"fields": column, "reference": {"resource": other, "fields": column}}
        for column, other in RELATIONS.items()
        if column in frame.columns and other != table.name and _covered(frame[column], frames[other][column])
    ]
    if foreign:
        schema["foreignKeys"] = foreign
    return schema


def _covered(values: pl.Series, known: pl.Series) -> bool:
    return values.drop_nulls().is_in(known.unique().to_list()).all()


def _bytes(file: Path) -> dict[str, Any]:
    """Size and hash, so that a copy can be checked."""
    data = file.read_bytes()
    return {"bytes": len(data), "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}


def _resources(table: Table, schema: Mapping[str, Any], csv: Mapping[str, Any], parquet: Mapping[str, Any]) -> list[dict[str, Any]]:  # fmt: skip
    """The table twice: as the tabular resource, and as a file of the same columns for programs that read Parquet."""
    name = table.name.replace("_", "-")
    common = {"title": table.name, "description": table.comment}
    return [
        {"name": name, "type": "table", **common, "path": f"{table.name}.csv", "profile": "tabular-data-resource",
         "format": "csv", "mediatype": "text/csv", "encoding": "utf-8", **csv, "schema": schema},
        {"name": f"{name}-parquet", "type": "file", **common, "path": f"{table.name}.parquet", "profile": "data-resource",
         "format": "parquet", "mediatype": "application/vnd.apache.parquet", **parquet},
    ]  # fmt: skip


def _sources(documents: pl.DataFrame) -> list[dict[str, Any]]:
    """Every document: title, address, publisher, licence where the sidecar names them."""
    rows = []
    for r in documents.filter(pl.col("status") == "ok").sort("path").iter_rows(named=True):
        facts = {
            "title": clean(r["title"] or r["path"]),
            "path": web_address(r["source_url"]),
            "publisher": clean(r["publisher"]) or None,
            "licence": clean(r["licence"]) or None,
            "file": clean(r["path"]),
        }
        rows.append({k: v for k, v in facts.items() if v})
    return rows
