"""The benchmark of the derived tables: its stages run, its figures relate to a calibration, and its check can fail."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from benchmark_modules import module

from pipelines.warehouse.schema import conform

ANALYSIS = module("analysis")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("analysis")
    ANALYSIS.generate(made, 4000)
    return made


def test_inputs_fit_their_tables(folder: Path) -> None:
    for table in ("series", "targets", "observations", "indicators"):
        assert conform(table, pl.read_parquet(folder / f"{table}.parquet")).height > 100


def test_inputs_hold_what_costs_time(folder: Path) -> None:
    series, targets = (pl.read_parquet(folder / f"{t}.parquet") for t in ("series", "targets"))
    assert {"annual", "quarter", "ytd", "school_year"} <= set(series["period_kind"])
    assert targets["period"].str.contains("..", literal=True).any()
    assert (series["value"] <= 0).any() and (series["conflict"] == "severe").any()


@pytest.mark.parametrize("stage", ANALYSIS.STAGES)
def test_every_stage_runs(folder: Path, stage: str) -> None:
    found = ANALYSIS.measure(stage, folder)
    assert found["rows_in"] > 0 and found["cpu_s"] >= 0
    assert found["rows_out"] > 0 or stage == "gates"


def test_parts_give_as_many_rows_as_the_whole(folder: Path) -> None:
    for whole, parts in (("growth", "growth_parts"), ("gaps", "gap_parts")):
        assert ANALYSIS.measure(whole, folder)["rows_out"] == ANALYSIS.measure(parts, folder)["rows_out"]


def test_the_check_compares_ratios_and_can_fail() -> None:
    results = [{"stage": "growth", "ratio": 0.9}, {"stage": "gaps", "ratio": 1.6}, {"stage": "new", "ratio": 9.0}]
    assert ANALYSIS.slower(results, {"growth": 0.8, "gaps": 1.2}) == []
    (found,) = ANALYSIS.slower(results, {"growth": 0.8, "gaps": 1.0})
    assert found.startswith("gaps") and "1.60 times the baseline" in found


def test_the_baseline_names_every_stage() -> None:
    assert set(json.loads(ANALYSIS.BASELINE.read_bytes())["ratios"]) == set(ANALYSIS.STAGES)


def test_results_are_a_table_with_the_machine() -> None:
    row = {
        "stage": "growth",
        "rows_in": 10**6,
        "rows_out": 5,
        "wall_s": 1.0,
        "cpu_s": 2.0,
        "ratio": 0.5,
        "peak_gb": 0.6,
    }
    text = ANALYSIS.as_markdown(ANALYSIS.machine(), [row])
    assert "| growth | 1,000,000 | 5 | 1.00 | 2.00 | 0.50 | 0.60 |" in text and "polars" in text
