"""The open data package: complete, typed as declared, equal in CSV and Parquet, the same bytes for the same warehouse."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
from synthetic_warehouse import HOSTILE

from pipelines.briefing.package import data_package
from pipelines.charts import Frames
from pipelines.warehouse.schema import BY_NAME, empty

NAME = {"type": "string", "pattern": "^[a-z0-9._-]+$"}
TEXT = {"type": "string", "minLength": 1}
PATH = {"type": "string", "pattern": "^(?!/)(?!.*\\.\\.)[^\\\\]+$"}
ADDRESS = {"type": "string", "pattern": "^https?://"}
FIELD = {
    "type": "object",
    "required": ["name", "type", "description"],
    "additionalProperties": False,
    "properties": {
        "name": TEXT, "description": TEXT, "type": {"enum": ["string", "integer", "number", "boolean", "array"]},
        "constraints": {"type": "object", "properties": {"required": {"type": "boolean"}}, "additionalProperties": False},
    },
}  # fmt: skip
SCHEMA = {
    "type": "object",
    "required": ["fields", "missingValues"],
    "properties": {
        "fields": {"type": "array", "minItems": 1, "items": FIELD},
        "missingValues": {"type": "array", "items": {"type": "string"}},
        "primaryKey": {"type": "array", "items": TEXT, "minItems": 1},
        "foreignKeys": {"type": "array", "items": {"required": ["fields", "reference"]}},
    },
}
DESCRIPTOR = {
    "type": "object",
    "required": ["name", "title", "version", "created", "licenses", "sources", "resources"],
    "properties": {
        "name": NAME,
        "created": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "licenses": {"type": "array", "minItems": 1, "items": {"required": ["name", "path"], "properties": {"path": ADDRESS}}},
        "sources": {"type": "array", "minItems": 1, "items": {"required": ["title"], "properties": {"title": TEXT, "path": ADDRESS}}},
        "resources": {
            "type": "array",
            "items": {
                "required": ["name", "path", "profile", "format", "mediatype", "description"],
                "properties": {"name": NAME, "path": PATH, "schema": SCHEMA},
            },
        },
    },
}  # fmt: skip
"""What the Data Package specification asks of a descriptor, as far as ours uses it."""

TYPES: dict[str, Any] = {
    "string": pl.String, "integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean, "array": pl.String,
}  # fmt: skip


@pytest.fixture
def package(warehouse: Frames, tmp_path: Path) -> dict[str, Any]:
    """The descriptor of a package written to the test's folder."""
    files = data_package(warehouse, tmp_path)
    assert all(f.is_file() for f in files)
    found: dict[str, Any] = json.loads(files[0].read_text(encoding="utf-8"))
    return found


def test_the_descriptor_follows_the_specification(package: dict[str, Any], tmp_path: Path) -> None:
    jsonschema.validate(package, DESCRIPTOR)
    names = [r["name"] for r in package["resources"]]
    assert len(names) == len(set(names)) == 2 * len(BY_NAME)
    for resource in package["resources"]:
        data = (tmp_path / resource["path"]).read_bytes()
        assert (resource["bytes"], resource["hash"]) == (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")


def test_columns_are_those_declared_with_their_meaning(package: dict[str, Any]) -> None:
    tables = {r["path"].removesuffix(".csv"): r["schema"] for r in package["resources"] if r["format"] == "csv"}
    assert set(tables) == set(BY_NAME)
    for name, schema in tables.items():
        assert [(f["name"], f["description"]) for f in schema["fields"]] == [
            (c.name, c.comment) for c in BY_NAME[name].columns
        ]


def test_csv_reads_back_as_typed_and_equals_the_parquet_file(
    package: dict[str, Any], warehouse: Frames, tmp_path: Path
) -> None:
    for resource in package["resources"]:
        if resource["format"] != "csv":
            continue
        fields = resource["schema"]["fields"]
        kinds = {f["name"]: TYPES[f["type"]] for f in fields}
        name = resource["path"].removesuffix(".csv")
        text = pl.read_csv(tmp_path / resource["path"], schema=kinds)
        exact = pl.read_parquet(tmp_path / f"{name}.parquet")
        key = list(BY_NAME[name].key)
        original = warehouse.table(name).sort(key, nulls_last=True, maintain_order=True)
        for f in fields:
            column = exact[f["name"]]
            if f["type"] == "array":
                column = pl.Series(
                    [None if v is None else json.loads(v) for v in column], dtype=original[f["name"]].dtype
                )
            assert column.dtype == original[f["name"]].dtype and column.to_list() == original[f["name"]].to_list()
            found = text[f["name"]]
            if exact[f["name"]].dtype == pl.String:
                assert found.fill_null("").to_list() == exact[f["name"]].fill_null("").to_list()
            else:
                assert found.to_list() == exact[f["name"]].to_list(), f"{name}.{f['name']}"
            if f.get("constraints", {}).get("required"):
                assert text[f["name"]].null_count() == 0
    assert HOSTILE in (tmp_path / "observations.csv").read_text(encoding="utf-8").replace('""', '"'), (
        "exact, not disarmed"
    )


def test_keys_and_relations_hold(package: dict[str, Any], tmp_path: Path) -> None:
    csv = {r["name"]: r for r in package["resources"] if r["format"] == "csv"}
    relations = 0
    for resource in csv.values():
        frame = pl.read_parquet(tmp_path / resource["path"].replace(".csv", ".parquet"))
        if key := resource["schema"].get("primaryKey"):
            assert frame.select(key).n_unique() == frame.height
        for relation in resource["schema"].get("foreignKeys", ()):
            other = csv[relation["reference"]["resource"]]
            known = pl.read_parquet(tmp_path / other["path"].replace(".csv", ".parquet"))
            column = relation["reference"]["fields"]
            assert frame[relation["fields"]].drop_nulls().is_in(known[column].to_list()).all()
            relations += 1
    assert relations >= 6
    assert csv["documents"]["schema"]["primaryKey"] == ["doc_id"]


def test_the_same_warehouse_gives_the_same_bytes(warehouse: Frames, tmp_path: Path) -> None:
    shuffled = Frames(
        {n: warehouse.table(n).sample(fraction=1, shuffle=True, seed=7) for n in BY_NAME}, warehouse.vintage
    )
    for a, b in zip(data_package(warehouse, tmp_path / "a"), data_package(shuffled, tmp_path / "b"), strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name


def test_only_web_addresses_become_paths(warehouse: Frames, tmp_path: Path) -> None:
    tables = dict(warehouse.tables)
    addresses = pl.Series(["javascript:alert(1)", "https://example.org/a?b=1", None])
    tables["documents"] = tables["documents"].sort("path").with_columns(source_url=addresses, title=pl.lit(HOSTILE))
    files = data_package(Frames(tables, warehouse.vintage), tmp_path)
    sources = json.loads(files[0].read_text(encoding="utf-8"))["sources"]
    assert [s.get("path") for s in sources] == [None, "https://example.org/a?b=1", None]


def test_an_empty_warehouse_has_a_package_too(tmp_path: Path) -> None:
    files = data_package(Frames({n: empty(n) for n in BY_NAME}), tmp_path)
    jsonschema.validate(json.loads(files[0].read_text(encoding="utf-8")), DESCRIPTOR)


def test_frictionless_finds_no_fault(package: dict[str, Any], tmp_path: Path) -> None:
    """With the reference library where it is installed; it is no dependency, as it brings an encoding detector that
    would change how documents are decoded here."""
    frictionless = pytest.importorskip("frictionless", reason="frictionless is not installed")
    report = frictionless.validate(str(tmp_path / "datapackage.json"))
    assert report.valid, report.flatten(["type", "message"])
