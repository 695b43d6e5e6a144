"""The benchmark's own parts: texts that vary, and a check that can fail."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from benchmark_modules import module

SEEDS = Path(__file__).resolve().parents[3] / "shared" / "seeds"


@pytest.fixture(scope="module")
def make_corpus() -> ModuleType:
    return module("make_corpus")


@pytest.fixture(scope="module")
def pipeline() -> ModuleType:
    return module("pipeline")


def text_of(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def test_the_same_number_and_seed_make_the_same_document(make_corpus: ModuleType) -> None:
    one, again = (list(make_corpus.documents(range(20), seed=5)) for _ in range(2))
    assert one == again
    assert one != list(make_corpus.documents(range(20), seed=6))


def test_texts_vary_and_hold_as_many_numbers_as_reports(make_corpus: ModuleType) -> None:
    made = [text_of(data) for _, data in make_corpus.documents(range(60), damaged=0.0)]
    figures = [s for t in made for s in re.findall("[^。；]*[0-9][^。；]*[。；]", t)]
    assert len(set(figures)) > 0.97 * len(figures)
    size = sum(len(t.encode()) for t in made) / 1000
    assert 3 < len(re.findall("[0-9]+(?:[.][0-9]+)?", "".join(made))) / size < 7
    assert len({t[:12] for t in made}) > 6


def test_the_damaged_share_is_kept(make_corpus: ModuleType) -> None:
    for share in (0.0, 0.5, 1.0):
        made = [text_of(data) for _, data in make_corpus.documents(range(40), damaged=share)]
        damaged = sum(bool(re.search(r"\([a-zāáǎàēéěèīíǐìōóǒòūúǔùüǖǘǚǜ]+\)|\?", t)) for t in made)
        assert abs(damaged - share * 40) <= 10


def test_broken_runs_are_as_dense_as_asked(make_corpus: ModuleType) -> None:
    def density(asked: float | None) -> float:
        made = [text_of(data) for _, data in make_corpus.documents(range(40), seed=3, damaged=1.0, density=asked)]
        size = sum(len(t.encode()) for t in made) / 1e6
        return sum(len(re.findall("[?]+", t)) for t in made) / size

    as_it_comes = density(None)
    assert as_it_comes > 300
    assert density(100) < density(200) < as_it_comes
    assert abs(density(200) - 200) < 60


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed texts are not part of the repository")
def test_further_texts_are_taken_up(make_corpus: ModuleType) -> None:
    assert len(make_corpus.material((SEEDS,)).clauses) > len(make_corpus.material().clauses)


def test_the_check_compares_ratios_and_can_fail(pipeline: ModuleType) -> None:
    baseline = {"extract, clean": 20.0, "one long text": 30.0}
    assert pipeline.slower({"extract, clean": 29.0, "one long text": 10.0}, baseline) == []
    (found,) = pipeline.slower({"extract, clean": 31.0, "one long text": 30.0}, baseline)
    assert "extract, clean" in found and "1.55" in found


@pytest.mark.slow
def test_stages_are_measured_apart(make_corpus: ModuleType, pipeline: ModuleType, tmp_path: Path) -> None:
    make_corpus.write_corpus(tmp_path / "raw", 6, kilobytes=2.0, workers=1)
    found = pipeline._alone("stages", tmp_path / "raw")
    assert found["documents"] == 6
    assert {"read and decode", "restore", "clean", "split", "find numbers", "attribute", "rest"} <= found[
        "ms/MB"
    ].keys()
    assert abs(sum(found["ms/MB"].values()) - 1000 / found["MB/s"]) < 0.2 * 1000 / found["MB/s"]
    assert "| extract: MB/s |" in pipeline.as_markdown({"machine": {}, "load after the run": 1, "extract": found})
