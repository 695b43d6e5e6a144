"""Gates: what breaks a rule is not published, the sentence names the rows, and the warehouse before stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from small_tables import frame, mention, observation, point, small_tables, stage_all

from pipelines.doctor import examine
from pipelines.warehouse import store as store_module
from pipelines.warehouse.gates import GATES, coverage_faults, faults
from pipelines.warehouse.read import ReadError, open_warehouse
from pipelines.warehouse.schema import SCHEMA_VERSION
from pipelines.warehouse.store import LOG, GateError, Store, StoreError


def changed(table: str, **columns: Any) -> dict[str, pl.DataFrame]:
    tables = small_tables()
    return tables | {table: tables[table].with_columns(**columns)}


def growth(**other: Any) -> pl.DataFrame:
    row = {
        "place_code": "511723", "indicator_id": "resident_population", "basis": "常住", "scope": "",
        "period_kind": "annual", "period": "2010", "prior_period": "2009", "n_years": 1, "value": 1.0, "growth": 0.1,
        "unit": "人", "observation_id": "d1:2010-2014",
    }  # fmt: skip
    return frame("growth_rates", row | other)


@pytest.mark.parametrize(
    ("rule", "tables", "words"),
    [
        ("evidence", changed("series", place_code=pl.lit("110101")), "another place or indicator"),
        ("evidence", changed("series", status=pl.lit("implied")), "3 implied points without a stated change"),
        ("evidence", changed("observations", sentence=pl.lit("")), "without their sentence"),
        ("documents", changed("observations", doc_id=pl.lit("d9")), "without a document"),
        ("evidence", small_tables() | {"growth_rates": growth(observation_id="gone")}, "growth_rates: 1 rows without"),
        ("mentions", changed("mentions", raw=pl.lit("other")), "no mention of their document"),
        ("mentions", changed("documents", n_mentions=pl.lit(4, pl.Int64)), "another number of mentions"),
        ("damage", changed("observations", flags=pl.lit(["masked"])), "rest on damaged"),
        ("damage", changed("observations", value=pl.lit(None, pl.Float64)), "rest on damaged"),
        ("units", changed("indicators", unit=pl.lit("%")), "another unit than the catalogue's"),
        (
            "units",
            changed("series", unit=pl.when(pl.col("year") == 2010).then(pl.lit("%")).otherwise("unit")),
            "1 series mix units: 511723 birth_rate ['%', '‰']",
        ),
        ("ranges", changed("series", value=pl.lit(1300.0), value_lo=pl.lit(1300.0), value_hi=pl.lit(1300.0)), "impossible"),
        ("ranges", changed("series", year=pl.lit(201, pl.Int64)), "impossible"),
        ("documents", changed("observations", confidence=pl.lit(1.5)), "confidences outside"),
    ],
)  # fmt: skip
def test_each_rule_names_its_rows(rule: str, tables: dict[str, pl.DataFrame], words: str) -> None:
    found = list(GATES[rule](tables))
    assert any(words in sentence for sentence in found), found
    assert set(found) <= set(faults(tables))
    assert all(sum(1 for c in sentence if c == ";") <= 5 for sentence in found)


def test_growth_across_a_break_is_refused() -> None:
    seen = [
        observation(year, 1.0, indicator_id="resident_population", unit="人", basis="常住") for year in (2009, 2010)
    ]
    tables = small_tables() | {"series": frame("series", *(point(o) for o in seen)), "growth_rates": growth()}
    assert any("reach across a break" in sentence for sentence in GATES["breaks"](tables))
    tables["growth_rates"] = growth(growth=None, reason="break")
    assert list(GATES["breaks"](tables)) == []


def many(documents: int, points: int) -> dict[str, pl.DataFrame]:
    """Documents of one observation each a year apart; the first `points` of them are points."""
    seen = [
        observation(1900 + n, 10.0, doc_id=f"d{n}", observation_id=f"d{n}:1-2", extractor_version="v1")
        for n in range(documents)
    ]
    rows = [
        {"doc_id": f"d{n}", "path": f"{n}.txt", "sha256": f"{n:02d}", "status": "ok", "extractor_version": "v1"}
        for n in range(documents)
    ]
    return small_tables() | {
        "documents": frame("documents", *rows),
        "observations": frame("observations", *seen),
        "mentions": frame("mentions", *(mention(o) for o in seen)),
        "series": frame("series", *(point(o) for o in seen[:points])),
    }


def test_coverage_must_not_shrink_without_a_reason() -> None:
    before = many(60, 60)
    assert coverage_faults(before, before) == []
    (lost,) = coverage_faults(many(60, 30), before)
    assert "30 of 60 points of unchanged documents are lost" in lost and "30.txt" in lost
    assert coverage_faults(many(60, 45), before) == []  # few enough for a better reading
    (gone,) = coverage_faults(many(30, 30), before)
    assert "30 of 60 are gone" in gone
    assert coverage_faults(many(55, 55), before) == []
    other = many(60, 30)
    other["documents"] = other["documents"].with_columns(sha256=pl.col("sha256") + "x")
    assert coverage_faults(other, before) == []  # the documents changed
    unread = many(60, 60)
    unread["documents"] = unread["documents"].with_columns(status=pl.lit("failed"))
    assert any("can no longer be read" in sentence for sentence in coverage_faults(unread, before))
    fewer = many(60, 60)
    fewer["observations"] = fewer["observations"].filter(pl.col("doc_id") != "d7")
    assert any("7.txt 1 None" in sentence for sentence in coverage_faults(fewer, before))
    rejected = many(60, 30)
    rejected["observations"] = rejected["observations"].with_columns(flags=pl.lit(["rejected"]))
    assert coverage_faults(rejected, before) == []  # the analyst decided so


def publish(store: Store, inputs: str = "i", **other: Any) -> store_module.Publication:
    return store.publish(inputs_sha256=inputs, extractor_version="v1", **other)


def test_a_reason_is_recorded(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store, many(60, 60))
    publish(store)
    stage_all(store, many(60, 30))
    with pytest.raises(GateError, match="--accept-smaller"):
        publish(store)
    assert publish(store, accept="the towns moved to another county").new
    with open_warehouse(store.root) as warehouse:
        rows = warehouse.table("publications").sort("vintage").to_dicts()
    assert rows[0]["accepted"] is None and rows[0]["gates"] == ["schema", "keys", *GATES]
    assert rows[1]["accepted"].startswith("the towns moved to another county | series: 30 of 60")
    assert rows[1]["code_version"] == store_module.code_version() and rows[1]["n_unread"] == 0


def test_coverage_against_a_vintage_of_another_schema(tmp_path: Path) -> None:
    """Columns that came or went since do not matter; where what coverage asks for is gone, the record's counts decide."""
    store = Store(tmp_path / "wh")
    stage_all(store, many(60, 60))
    publish(store)
    series = (store.root / "tables" / "series.parquet").resolve()
    older = pl.read_parquet(series).drop("n_sources", "conflict").with_columns(another=pl.lit(1))
    older.write_parquet(series)
    stage_all(store, many(60, 30))
    with pytest.raises(GateError, match="30 of 60 points of unchanged documents are lost"):
        publish(store, "later")
    older.drop("observation_id").write_parquet(series)
    with pytest.raises(
        GateError, match="series: 30 where the vintage before had 60, whose tables are of another schema"
    ):
        publish(store, "later")
    stage_all(store, many(60, 58))
    publish(store, "later")
    with open_warehouse(store.root) as warehouse:
        gates = warehouse.table("publications").sort("vintage")["gates"].to_list()
    assert gates == [["schema", "keys", *GATES], ["schema", "keys", *GATES, "coverage by counts"]]


def test_the_record_of_publications_survives_damage(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    publish(store, "one")
    publish(store, "two")
    (store.root / "tables" / "publications.parquet").write_bytes(b"damaged")
    log = store.root / LOG
    log.write_text("{not json\n" + log.read_text() + '{"vintage": 3}\n')
    publish(store, "three")
    with open_warehouse(store.root) as warehouse:
        assert warehouse.table("publications").sort("vintage")["inputs_sha256"].to_list() == ["one", "two", "three"]
    assert [json.loads(line)["inputs_sha256"] for line in log.read_text().splitlines()] == ["one", "two", "three"]


def test_one_swap_changes_database_tables_and_manifest_together(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    publish(store, "one")
    before = (store.root / "current").readlink()
    publish(store, "two")
    (store.root / "current").unlink()
    (store.root / "current").symlink_to(before)  # as if killed right before the swap
    assert store.verify() == []
    manifest = store.manifest()
    assert manifest is not None and manifest["inputs_sha256"] == "one"
    with open_warehouse(store.root) as warehouse:
        assert warehouse.table("publications")["inputs_sha256"].to_list() == ["one"]
    assert pl.read_parquet(store.root / "tables" / "publications.parquet").height == 1


def test_a_store_of_the_older_layout_is_taken_over(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    database = publish(store, "one").database
    note = (store.root / "manifest.json").read_text()
    for name, target in (("xianzhi.duckdb", database.name), ("tables", f"tables-{store.vintages()[0]}")):
        (store.root / name).unlink()
        (store.root / name).symlink_to(target)
    (store.root / "manifest.json").unlink()
    (store.root / "manifest.json").write_text(note)
    (store.root / "current").unlink()
    assert publish(store, "one").new
    assert store.verify() == []
    assert (store.root / "xianzhi.duckdb").readlink() == Path("current/xianzhi.duckdb")


def test_a_warehouse_of_another_schema_version_is_not_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    database = publish(store).database
    for change, words in (
        ("UPDATE publications SET schema_version = 1", "older version"),
        ("UPDATE publications SET schema_version = 99", "newer version"),
        ("DROP TABLE publications", "schema unknown"),
    ):
        with duckdb.connect(str(database)) as connection:
            connection.execute(change)
        with pytest.raises(ReadError, match=words):
            open_warehouse(store.root)


def test_an_older_warehouse_is_announced(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    publish(store)
    assert store.outdated() is None
    manifest = (store.root / "manifest.json").resolve()
    manifest.write_text(manifest.read_text().replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 1'))
    assert "schema version" in str(store.outdated())
    assert [f.level for f in examine(store.root) if f.subject == "warehouse"] == ["note"]


def test_a_staged_table_of_an_older_schema_is_never_mixed_in(tmp_path: Path) -> None:
    store = Store(tmp_path / "wh")
    stage_all(store)
    before = publish(store)
    staged = store.cache / "stage" / "series.parquet"
    for data in (small_tables()["series"].drop("basis"), None):
        if data is None:
            staged.write_bytes(staged.read_bytes()[:-9])
        else:
            data.write_parquet(staged)
        with pytest.raises(StoreError, match="damaged or of an older version"):
            publish(store)
        assert store.verify() == []
    stage_all(store)
    assert publish(store).vintage == before.vintage


def test_a_clock_that_goes_back_does_not_mix_up_vintages(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    store = Store(tmp_path / "wh")
    stage_all(store)
    names = [
        publish(store, str(n), now=datetime(year, 1, 1, tzinfo=UTC)).vintage
        for n, year in enumerate((2030, 2020, 2020, 2031))
    ]
    assert (
        names
        == sorted(names)
        == ["20300101T000000Z", "20300101T000000Z-002", "20300101T000000Z-003", "20310101T000000Z"]
    )
    with open_warehouse(store.root) as warehouse:
        assert warehouse.vintage == names[-1]
