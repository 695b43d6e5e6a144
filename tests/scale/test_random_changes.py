"""Whatever happened to a folder of documents before: the warehouse is that of a build from nothing, row for row, and so is
its database, whose rows of changed documents and places are exchanged in a copy of the last one."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from whole_runs import build

from pipelines import corpus as corpus_module
from pipelines.analysis.growth import growth_rates
from pipelines.analysis.quality import quality_checks
from pipelines.analysis.reconcile import series_checks
from pipelines.analysis.targets import compared_observations, target_gaps
from pipelines.series.build import build_series
from pipelines.warehouse.schema import TABLES
from pipelines.warehouse.store import Store

COUNTIES = ("四川省开江县", "浙江省长兴县", "广东省台山县", "四川省渠县", "浙江省安吉县", "甘肃省镇原县")
SENTENCES = (
    "{year}年，全县人口出生率{a:.2f}‰，比上年下降{b:.2f}个千分点。",
    "{year}年末，全县户籍人口{n}人，比上年增长{c:.1f}%。",
    "{year}年出生{m}人，死亡{k}人，自然增长{d}人。",
    "{next}年，人口出生率控制在{a:.2f}‰以内，农民人均纯收入达到{n}元。",
    "{year}年农民人均纯收入{n}元，同比增长{c:.1f}%。",
    "其中男{m}人，女{k}人，共{d}人。",
)


def text(dice: random.Random) -> str:
    year = dice.randint(2001, 2006)
    lines = [f"{dice.choice(COUNTIES)}{year}年工作报告"]
    for _ in range(dice.randint(1, 6)):
        births, deaths = dice.randint(2000, 9000), dice.randint(500, 1999)
        lines.append(
            dice.choice(SENTENCES).format(
                year=year,
                next=year + 1,
                n=dice.randint(1000, 90000),
                m=births,
                k=deaths,
                d=births - deaths + dice.choice((0, 0, 7)),
                a=dice.uniform(5, 20),
                b=dice.uniform(0, 2),
                c=dice.uniform(1, 30),
            )
        )
    return "\n".join(lines) + "\n"


def change(raw: Path, dice: random.Random, operations: int) -> None:
    for _ in range(operations):
        known = sorted((raw / "documents").glob("*.txt"))
        what = dice.choice(("new", "new", "edit", "remove", "rename", "published", "correct"))
        if what == "new" or not known:
            (raw / "documents" / f"{dice.randrange(10**6)}.txt").write_text(text(dice), encoding="utf-8")
        elif what == "edit":
            dice.choice(known).write_text(text(dice), encoding="utf-8")
        elif what == "remove":
            dice.choice(known).unlink()
        elif what == "rename":
            dice.choice(known).rename(raw / "documents" / f"{dice.randrange(10**6)}.txt")
        elif what == "published":
            head = "place_code,place_name,indicator_id,indicator_zh,period,value,unit,basis,kind,source_title,source_url,note"
            rows = [
                f"511723,四川省达州市开江县,births,出生人数,{year},{dice.randint(1000, 9000)},人,,actual,Yearbook,https://a.example/,"
                for year in (2003, 2004)
            ]
            (raw / "series" / "figures.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        else:
            path = dice.choice(known)
            written = path.read_text(encoding="utf-8")
            found = list(re.finditer(r"[0-9.]+[人元‰%]", written))
            if found:
                one = dice.choice(found)
                entry = f"- document: documents/{path.name}\n  start: {one.start()}\n  end: {one.end()}\n"
                entry += f"  match: '{one.group()}'\n  action: reject\n  reason: a test\n  author: t\n"
                (raw / "corrections" / "some.yaml").write_text(entry, encoding="utf-8")


def contents(store: Store) -> dict[str, pl.DataFrame]:
    return {t.name: store.staged(t.name).sort(t.key, nulls_last=True) for t in TABLES if t.name != "publications"}


def in_database(database: Path) -> dict[str, pl.DataFrame]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return {
            t.name: connection.sql(f'SELECT * FROM "{t.name}"').pl().cast(t.schema).sort(t.key, nulls_last=True)  # type: ignore[arg-type]
            for t in TABLES
            if t.name != "publications"
        }


def assert_same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> None:
    for name, frame in one.items():
        assert_frame_equal(frame, other[name], check_exact=True)


def assert_made_whole(tables: dict[str, pl.DataFrame]) -> None:
    """Place by place is the same as all at once."""
    catalogue, observations = tables["indicators"], tables["observations"]
    series = build_series(observations, catalogue, tables["documents"])
    key = [t for t in TABLES if t.name == "series"][0].key
    assert_frame_equal(series.sort(key), tables["series"], check_exact=True)
    assert_frame_equal(growth_rates(series, catalogue).sort(key), tables["growth_rates"], check_exact=True)
    targets = tables["targets"]
    gaps = target_gaps(series, targets, catalogue, compared_observations(observations.lazy(), targets))
    assert_frame_equal(gaps.sort("target_id", "observation_id"), tables["target_gaps"], check_exact=True)
    across = pl.concat([series_checks(series, catalogue, observations), quality_checks(series, catalogue)])
    assert across.join(tables["checks"], on="check_id", how="anti").is_empty()
    own = tables["checks"].join(across, on="check_id", how="anti")
    assert own["doc_id"].null_count() == 0, "checks of a place that no series shows"


@pytest.fixture(params=[False, True], ids=["small", "large"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(corpus_module, "FRESH_NS", 0)
    monkeypatch.setattr(corpus_module, "BATCH", 8)
    monkeypatch.setattr(corpus_module, "MAX_SMALL_PARTS", 2)
    monkeypatch.setattr("pipelines.warehouse.derivation.BATCH_ROWS", 20)
    if request.param:
        monkeypatch.setattr("pipelines.warehouse.store.EXCHANGED_SHARE", 9.0)
        for module in ("pipelines.assets.steps", "pipelines.warehouse.store"):
            monkeypatch.setattr(f"{module}.ONE_FILE_ROWS", 5)
    for name in ("documents", "series", "corrections"):
        (tmp_path / "raw" / name).mkdir(parents=True)
    return tmp_path


def grow_and_compare(folder: Path, seed: int, runs: Sequence[int]) -> None:
    dice = random.Random(seed)
    change(folder / "raw", dice, 40)
    (folder / "raw" / "documents" / "kept.txt").write_text(text(dice), encoding="utf-8")
    build(folder / "grown", folder / "raw")
    exchanged = 0
    for operations in runs:
        change(folder / "raw", dice, operations)
        store, publication = build(folder / "grown", folder / "raw")
        exchanged += (store.manifest() or {})["exchanged"]
        assert_same(contents(store), in_database(publication.database))
    fresh, new = build(folder / "fresh", folder / "raw")
    assert publication.tables_sha256 == new.tables_sha256
    assert_same(contents(store), contents(fresh))
    assert_made_whole(contents(fresh))
    assert store.verify() == []
    if store.table("observations").files[1:]:
        assert exchanged > 0, "the database was never taken over"


@pytest.mark.slow
def test_changed_again_is_built_from_nothing(folder: Path) -> None:
    grow_and_compare(folder, 1, (1, 6))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 125))
def test_many_histories(folder: Path, seed: int) -> None:
    grow_and_compare(folder, seed, (1, 2, 0, 6))
