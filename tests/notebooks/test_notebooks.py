"""The notebooks in the repository: stored clean, run on an empty and on a small warehouse, whole in one file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import nbformat
import pytest
from synthetic_warehouse import synthetic

from pipelines.briefing.notebooks import DEFAULT_SOURCE, execute_notebooks
from pipelines.catalogue.corrections import apply, load
from pipelines.charts import Frames
from pipelines.warehouse.read import ReadError, Warehouse, open_warehouse
from pipelines.warehouse.schema import BY_NAME

NOTEBOOKS = sorted(DEFAULT_SOURCE.glob("*.ipynb"))


def store(frames: Frames, folder: Path) -> Path:
    """The frames as a database file that readers open."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(str(folder / "xianzhi.duckdb"))
    for name in BY_NAME:
        table = frames.table(name)
        connection.register("incoming", table.to_arrow())
        connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM incoming')
        connection.unregister("incoming")
    connection.close()
    return folder


def test_there_are_five() -> None:
    assert len(NOTEBOOKS) == 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_stored_without_outputs_and_with_parameters(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    code = [c for c in book.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code)
    assert "parameters" in code[0].metadata["tags"] and "LANG =" in code[0].source
    logic = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.comprehension)
    assert not any(isinstance(n, logic) for c in code for n in ast.walk(ast.parse(c.source))), "belongs in the package"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """The constructed warehouse, opened as a notebook does."""
    with open_warehouse(store(synthetic(), tmp_path / "warehouse")) as opened:
        yield opened


def test_the_helpers_take_names_and_give_frames(warehouse: Warehouse) -> None:
    points = warehouse.series("出生率", place="甲县")
    assert points["value"].to_list() == warehouse.series("birth_rate", place="990001")["value"].to_list()
    assert points.columns == list(BY_NAME["series"].schema) and points["year"].is_sorted()
    assert warehouse.series("birth_rate", place="甲县", period_kind=None).height == points.height + 1
    assert warehouse.growth("birth_rate", place="甲县").height == points.height - 1
    assert warehouse.gaps("甲县", "Birth rate").height == warehouse.targets("甲县", "birth_rate").height == 1
    assert warehouse.catalogue()["indicator_id"].n_unique() == warehouse.catalogue().height == 5
    assert warehouse.conflicts("甲县").height == 5 and warehouse.failed_checks()["verdict"].to_list() == ["fails", "flag"]
    with pytest.raises(ReadError, match="no indicator '无此指标'"):
        warehouse.series("无此指标")


def test_a_drafted_correction_fits_the_reading_it_was_drafted_for(warehouse: Warehouse, tmp_path: Path) -> None:
    row = warehouse.table("observations").sort("observation_id").row(0, named=True)
    text = warehouse.correction(row["observation_id"])
    text = text.replace("author: ''", "author: me").replace("reason: ''", "reason: looked").replace("date: null", "date: 2026-01-05")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    good, bad = load(tmp_path)
    assert bad == [] and len(good) == 1
    paths = dict(warehouse.table("documents").select("path", "doc_id").iter_rows())
    _, stale = apply(warehouse.table("observations"), paths, good)
    assert stale == []
    assert warehouse.correction() == "# nothing to review\n"


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_they_run_and_need_no_network(lang: str, tmp_path: Path) -> None:
    known = synthetic()  # in English: a warehouse that was published, with nothing in it
    frames = known if lang == "zh" else Frames({"publications": known.table("publications")})
    where = store(frames, tmp_path / "warehouse")
    files = execute_notebooks(where, tmp_path / "html", parameters={"LANG": lang})
    assert [f.stem for f in files] == [p.stem for p in NOTEBOOKS]
    for f in files:
        text = f.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"'](?:https?:)?//", text), f.name
        assert "Plotly.newPlot" in text
        assert ("甲县" if lang == "zh" else "no data") in text
