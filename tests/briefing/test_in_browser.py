"""Pages in a real browser: they draw, stay on this machine, lead from chart to evidence and back, and run no document.

What the pages contain is tested in `test_briefing`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl
import pytest
from browser import Tab, browser, needs_browser
from hostile_documents import TRAP, write_hostile_documents

from pipelines.assets.resources import Workspace
from pipelines.assets.run import run_job
from pipelines.briefing.export import export
from pipelines.briefing.notebooks import DEFAULT_SOURCE, execute_notebooks
from pipelines.charts import Frames
from pipelines.warehouse.read import open_warehouse

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_browser]
NewTab = Callable[[], AbstractContextManager[Tab]]

DRAWN = "document.querySelectorAll('[data-drawn=yes]').length === document.querySelectorAll('.js-plotly-plot').length"


@pytest.fixture(scope="module")
def new_tab() -> Iterator[NewTab]:
    """Opens tabs of one browser."""
    with browser() as tab:
        yield tab


def calm(tab: Tab) -> None:
    """Nothing was complained about, and nothing was asked from anywhere but files."""
    assert tab.messages == []
    assert [a for a in tab.requests if not a.startswith(("file:", "data:", "blob:", "about:"))] == []


def one_of_each(pages: Iterable[Path]) -> list[Path]:
    """One page of each kind of chart and language, and every other page."""
    kinds = {
        (p.parent.name, re.sub(r"_.*_", "_", p.name) if p.parent.name == "charts" else p.name): p for p in sorted(pages)
    }
    return sorted(kinds.values())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_point_leads_to_its_marked_sentence_and_back(
    lang: str, new_tab: NewTab, warehouse: Frames, raw_dir: Path, tmp_path: Path
) -> None:
    export(warehouse, tmp_path, ("html",), raw_dir=raw_dir)
    with new_tab() as tab:
        tab.open((tmp_path / "charts" / f"trend_990001_birth_rate_{lang}.html").as_uri())
        tab.until("document.querySelector('[data-drawn=yes] .point') !== null", "the chart was not drawn")
        tab.click(".scatterlayer .trace .points path.point")
        tab.until("location.href.includes('/evidence/')", "a click on a point led nowhere")
        tab.until("document.querySelector('mark:target') !== null", "the evidence page marks nothing")
        marked = tab.run("document.querySelector('mark:target').textContent")
        observation = tab.run("decodeURIComponent(location.hash.slice(1))")
        value = warehouse.table("observations").row(by_predicate=pl.col("observation_id") == observation, named=True)
        assert marked == value["raw"]
        tab.click(f"mark:target ~ a.back[href$='_{lang}.html#at={observation}']")
        tab.until("document.querySelector('[data-at]') !== null", "the way back shows no point")
        assert tab.run("document.querySelector('[data-at]').getAttribute('data-at')") == observation
        assert f"_{lang}.html" in tab.address()
        tab.until("document.querySelector('.hoverlayer .hovertext') !== null", "the point says nothing")
        assert tab.run("document.querySelector('tr.at').getAttribute('data-o')") == observation
        calm(tab)


def test_a_self_contained_page_shows_the_sentence_on_the_page(
    new_tab: NewTab, warehouse: Frames, tmp_path: Path
) -> None:
    export(warehouse, tmp_path / "out", ("html",), place="990001")
    alone = tmp_path / "alone" / "sent.html"
    alone.parent.mkdir()
    alone.write_bytes((tmp_path / "out" / "briefing_990001_en.html").read_bytes())
    with new_tab() as tab:
        tab.open(alone.as_uri())
        tab.until(f"{DRAWN} && document.querySelector('.point') !== null", "the page was not drawn")
        assert tab.run("document.querySelectorAll('details[open]').length") == 0
        tab.click("#f2 .points path.point")
        tab.until("document.querySelector('tr.at') !== null", "a click shows no sentence")
        assert tab.run("document.querySelector('tr.at').closest('details').open") is True
        assert tab.address() == alone.as_uri()
        calm(tab)
        assert all(a == alone.as_uri() for a in tab.requests if a.startswith("file:"))


def test_every_kind_of_page_draws_without_complaint(
    new_tab: NewTab, warehouse: Frames, raw_dir: Path, tmp_path: Path
) -> None:
    report = export(warehouse, tmp_path, ("html",), raw_dir=raw_dir)
    pages = one_of_each(p for p in report.files if p.suffix == ".html")
    with new_tab() as tab:
        for page in pages:
            tab.open(page.as_uri())
            tab.until(DRAWN, f"{page.name} was not drawn")
            assert tab.run(f"typeof {TRAP}") == "undefined", page.name
        assert tab.run("document.body.innerText").count("undefined") == 0
        calm(tab)


def test_repairs_can_be_seen_hidden_and_undone(new_tab: NewTab, tmp_path: Path) -> None:
    from pipelines.briefing.common import page
    from pipelines.briefing.evidence import STYLE, mark_text
    from pipelines.documents.model import Edit

    text = "全?cè)丝?5.47％"
    repairs = [Edit(1, 7, "区人口", "lost_byte", certain=False, candidates=("县人口",)), Edit(11, 12, "%", "width")]
    body = (
        '<input type="radio" name="view" id="both" checked><input type="radio" name="view" id="plain">'
        '<input type="radio" name="view" id="repaired">'
        f'<div class="text">{mark_text(text, [], {}, repairs)}</div>'
    )
    file = tmp_path / "page.html"
    file.write_text(page(title="t", body=body, lang="zh", style=STYLE), encoding="utf-8")
    seen = "document.querySelector('.text').innerText"
    with new_tab() as tab:
        tab.open(file.as_uri())
        assert tab.run(seen) == "全?cè)丝?区人口 / 县人口?5.47％%"
        tab.click("#plain")
        assert tab.run(seen) == text
        tab.click("#repaired")
        assert tab.run(seen) == "全区人口 / 县人口?5.47%"
        calm(tab)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exports and notebooks of a real run on hostile documents."""
    root = tmp_path_factory.mktemp("hostile")
    write_hostile_documents(root / "raw")
    space = Workspace(raw=str(root / "raw"), warehouse=str(root / "warehouse"), exports=str(root / "out"), workers=1)
    report = run_job(space, skip=("notebooks", "exports"), ephemeral=True)
    assert report.failures == ()
    with open_warehouse(root / "warehouse") as warehouse:
        export(warehouse, root / "out", ("html",), raw_dir=root / "raw")
    (root / "notebooks").mkdir()
    for name in (
        "04_evidence_and_quality.ipynb",
        "05_briefing_one_place.ipynb",
    ):  # all the charts, and most of the text
        shutil.copy(DEFAULT_SOURCE / name, root / "notebooks")
    execute_notebooks(root / "warehouse", root / "out" / "notebooks", root / "notebooks")
    return root / "out"


def test_hostile_documents_do_not_run(new_tab: NewTab, hostile: Path) -> None:
    pages = one_of_each(hostile.rglob("*.html"))
    assert {p.parent.name for p in pages} >= {"charts", "evidence", "notebooks", "out"}
    seen = 0
    with new_tab() as tab:
        for page in pages:
            tab.open(page.as_uri())
            tab.until(DRAWN, f"{page.name} was not drawn")
            assert tab.run(f"typeof {TRAP}") == "undefined", page.name
            assert tab.run("document.querySelectorAll('[onerror],[onload],[onclick],iframe,object,embed').length") == 0
            assert tab.run('document.querySelectorAll(\'a[href^="javascript" i],a[href^="data" i]\').length') == 0
            seen += TRAP in tab.run("document.body.textContent")
        calm(tab)
    assert seen >= 5, "the hostile text is shown, as text"
