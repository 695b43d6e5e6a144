"""Growth rates of more points than one file holds are written part by part, and are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_tables import stage_all

from pipelines.assets import steps
from pipelines.warehouse.store import Store


def test_files_hold_what_one_table_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = Store(tmp_path / "whole"), Store(tmp_path / "parts")
    for store in (whole, parts):
        stage_all(store)
        store.stage("indicators", steps.indicator_rows())
    expected = steps.growth_rates(whole).read()
    monkeypatch.setattr(steps, "ONE_FILE_ROWS", 2)
    made = steps.growth_rates(parts)
    assert made.rows == expected.height == 3 and made.read().equals(expected)
    assert "derived" in made.files[0].path
    again = steps.growth_rates(parts)
    assert again == made, "what was made from the same points is left alone"
