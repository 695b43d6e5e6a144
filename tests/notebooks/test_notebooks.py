"""The notebooks in the repository: stored clean, run on an empty and on a small warehouse, whole in one file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import duckdb
import nbformat
import pytest
from synthetic_warehouse import synthetic

from pipelines.briefing.notebooks import DEFAULT_SOURCE, execute_notebooks
from pipelines.charts import Frames
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


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_they_run_and_need_no_network(lang: str, tmp_path: Path) -> None:
    frames = synthetic() if lang == "zh" else Frames({})
    where = store(frames, tmp_path / "warehouse")
    files = execute_notebooks(where, tmp_path / "html", parameters={"LANG": lang})
    assert [f.stem for f in files] == [p.stem for p in NOTEBOOKS]
    for f in files:
        text = f.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"'](?:https?:)?//", text), f.name
        assert "Plotly.newPlot" in text
        assert ("甲县" if lang == "zh" else "no data") in text
