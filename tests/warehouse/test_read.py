"""The read API: what it answers, and that a query can do nothing but read."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_tables import stage_all

from pipelines.warehouse.diff import diff_series
from pipelines.warehouse.explain import explain
from pipelines.warehouse.read import ReadError, Warehouse, find_warehouse, open_warehouse
from pipelines.warehouse.review import review_rows
from pipelines.warehouse.schema import SCHEMAS, TABLES
from pipelines.warehouse.store import Store


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    store = Store(tmp_path / "wh")
    stage_all(store)
    store.publish(inputs_sha256="i", extractor_version="v1")
    return open_warehouse(store.root)


def test_tables_have_the_declared_types(warehouse: Warehouse) -> None:
    for table in TABLES:
        assert dict(warehouse.table(table.name).schema) == dict(SCHEMAS[table.name])


@pytest.mark.parametrize("place", ["511723", "开江县", "四川省达州市开江县", "kaijiang"])
def test_series_by_any_name_of_a_place(warehouse: Warehouse, place: str) -> None:
    assert warehouse.series("birth_rate", place)["value"].to_list() == [10.5, 11.25, 1.63]


def test_params_fill_marks(warehouse: Warehouse) -> None:
    found = warehouse.sql("SELECT value FROM series WHERE period = ?", ["2011"])
    assert found["value"].to_list() == [1.63]


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE series",
        "INSERT INTO series SELECT * FROM series",
        "CREATE TABLE x AS SELECT 1",
        "COPY (SELECT 1) TO '{out}'",
        "COPY series FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "ATTACH '{out}' AS other",
        "EXPORT DATABASE '{out}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SELECT getenv('HOME')",
        "SELECT 1; DROP TABLE series",
        "",
    ],
)
def test_a_query_can_only_read(warehouse: Warehouse, tmp_path: Path, query: str) -> None:
    out = tmp_path / "out"
    with pytest.raises(ReadError):
        warehouse.sql(query.format(out=out))
    assert not out.exists()
    assert warehouse.table("series").height == 3


def test_questions_without_an_answer(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no place"):
        warehouse.place_code("nowhere")
    with pytest.raises(ReadError, match="no table"):
        warehouse.table("x; DROP TABLE series")
    with pytest.raises(ReadError, match="no observation"):
        warehouse.observation("x")
    with pytest.raises(ReadError, match="make run"):
        find_warehouse(tmp_path / "none")


def test_explain_leads_from_sentence_to_series(warehouse: Warehouse) -> None:
    text = "\n".join(explain(warehouse, "d1:2011-2015"))
    assert "【1.63‰】" in text
    assert "a.txt" in text
    assert "series       birth_rate 2011 = 1.63" in text


def test_review_lists_conflicts_and_doubts(warehouse: Warehouse) -> None:
    series = warehouse.table("series")
    conflict = series.with_columns(conflict=series["conflict"].fill_null("severe"))
    rows = review_rows(warehouse.table("mentions"), warehouse.table("observations"), conflict)
    assert rows["why"].to_list() == ["conflict"] * 3


def test_diff_names_every_change(warehouse: Warehouse, tmp_path: Path) -> None:
    import polars as pl

    other = Store(tmp_path / "other")
    stage_all(other)
    series = warehouse.table("series").filter(pl.col("period") != "2009")
    other.stage(
        "series", series.with_columns(value=pl.when(pl.col("period") == "2010").then(11.252).otherwise("value"))
    )
    other.publish(inputs_sha256="i", extractor_version="v1")
    with open_warehouse(other.root) as new:
        changes = diff_series(warehouse, new)
    assert sorted(changes.select("change", "period").rows()) == [("changed", "2010"), ("removed", "2009")]
    assert diff_series(warehouse, warehouse).is_empty()
