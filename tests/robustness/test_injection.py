"""Documents, file names and tables that try to be more than text, through a whole run and every kind of export.

One run over hostile documents; then each string is looked for in each export: it may stand there as text, never as
markup, formula, address, template or command. Pages in a real browser: `tests/briefing/test_in_browser.py`.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from lxml import etree

from pipelines.assets import run as run_module
from pipelines.assets.resources import Workspace
from pipelines.briefing.export import export
from pipelines.briefing.notebooks import DEFAULT_SOURCE, execute_notebooks
from pipelines.warehouse.read import open_warehouse

pytestmark = pytest.mark.slow

TRAP = "__hostile_text_ran"
STRINGS = (
    f"=cmd|' /C echo {TRAP}'!A0",
    f'=HYPERLINK("http://192.0.2.1/{TRAP}","x")',
    f"+cmd|'/C {TRAP}'!A0",
    f"-2+3+cmd|'{TRAP}'!A0",
    f"@SUM(1+1)*cmd|'{TRAP}'!A0",
    f"\t=1+{TRAP}",
    f"<script>{TRAP}=1</script>",
    f"<img src=x onerror={TRAP}=1>",
    f'"><svg onload={TRAP}=1>',
    f"</script><script>{TRAP}=1</script>",
    f"</textarea></title></style><iframe srcdoc='{TRAP}'>",
    f"[x](javascript:{TRAP}=1)",
    f"![x](http://192.0.2.1/{TRAP}.png)",
    f"<a href='javascript:{TRAP}=1'>x</a>",
    f"$\\href{{javascript:{TRAP}=1}}{{x}}$",
    f"{{{{ {TRAP} }}}}{{% raw %}}",
    f"${{{TRAP}}} %{{{TRAP}}}",
    f"!touch {TRAP}",
    f"%%bash touch {TRAP}",
    f"'; DROP TABLE series; -- {TRAP}",
)
HEAD = "place_code,place_name,indicator_id,indicator_zh,period,value,unit,basis,kind,source_title,source_url,note\n"


def write_raw(raw: Path) -> None:
    """Every string as a sentence's begin and end, title, publisher, address, file name, and in a table of figures."""
    (raw / "documents").mkdir(parents=True)
    (raw / "series").mkdir()
    rows = io.StringIO()
    for n, text in enumerate(STRINGS):
        name = re.sub(r"[/\x00\t]", "_", f"{n} {text}")[:80]
        year = 2001 + n
        (raw / "documents" / f"{name}.txt").write_text(
            f"武清区{year}年人口工作总结{text}\n{text}。\n{text}，{year}年，全区出生率为8.{n:02d}‰，低于10.66‰的目标{text}。\n"
            f"{text}年末户籍人口85.{n:02d}万人，{text}率为98%。\n",
            encoding="utf-8",
        )
        told = json.dumps(text, ensure_ascii=False)
        (raw / "documents" / f"{name}.yaml").write_text(
            f"title: {told}\npublisher: {told}\nsource_url: {told}\nnote: {told}\nyear: {year}\nplace_code: '120114'\n",
            encoding="utf-8",
        )
        csv.writer(rows).writerow(
            ["120114", "武清区", "death_rate", text, year, 6 + n / 100, "‰", "", "actual", text, text, text]
        )
    (raw / "series" / "table.csv").write_text(HEAD + rows.getvalue(), encoding="utf-8")


@dataclass
class Ran:
    out: Path
    metadata: list[tuple[str, Any]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    root = tmp_path_factory.mktemp("injection")
    write_raw(root / "raw")
    kept: list[dg.ExecuteInProcessResult] = []
    told = run_module._report

    def keep(result: dg.ExecuteInProcessResult, store: Any) -> Any:
        kept.append(result)
        return told(result, store)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "_report", keep)
        space = Workspace(raw=str(root / "raw"), warehouse=str(root / "wh"), exports=str(root / "out"), workers=1)
        report = run_module.run_job(space, skip=("notebooks", "exports"), ephemeral=True)
    assert report.failures == () and report.documents == len(STRINGS) + 1
    with open_warehouse(root / "wh") as warehouse:
        assert warehouse.table("series").height > 0
        assert warehouse.table("observations")["sentence"].str.contains(TRAP).sum() >= len(STRINGS)
        export(warehouse, root / "out", ("html", "pptx", "xlsx", "csv"), raw_dir=root / "raw")
    (root / "notebooks").mkdir()
    for name in ("01_explore_indicators.ipynb", "04_evidence_and_quality.ipynb"):
        shutil.copy(DEFAULT_SOURCE / name, root / "notebooks")
    execute_notebooks(root / "wh", root / "out" / "notebooks", root / "notebooks")
    metadata = [
        (name, value)
        for event in kept[0].get_asset_materialization_events()
        for name, value in event.step_materialization_data.materialization.metadata.items()
    ]
    assert not list(root.rglob(TRAP)) and not Path(TRAP).exists(), "something was run"
    return Ran(root / "out", metadata)


class Elements(HTMLParser):
    """Whatever of a page is more than text and holds the trap."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.seen = False
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script" and dict(attrs).get("type", "") not in ("application/json",)
        for name, value in attrs:
            text = value or ""
            if TRAP in name or (TRAP in text and (name.startswith("on") or name in ("srcdoc", "style"))):
                self.faults.append(f"<{tag} {name}={text[:80]!r}>")
            if name in ("href", "src", "action", "data", "xlink:href") and re.match(
                r"\s*(?:javascript|vbscript|data:text|https?://192\.0\.2)", text, re.IGNORECASE
            ):
                self.faults.append(f"<{tag} {name}={text[:80]!r}>")
        if tag in ("iframe", "object", "embed", "base"):
            self.faults.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if TRAP in data:
            self.seen = True
            # in a script of a chart the text stands inside a string, where `<` is written another way
            if self._script and ("<script" in data.lower() or re.fullmatch(rf"\s*{TRAP}=1\s*", data)):
                self.faults.append(f"script: {data[:80]!r}")

    def handle_comment(self, data: str) -> None:
        if TRAP in data:
            self.faults.append(f"comment: {data[:80]!r}")


def page_faults(text: str) -> tuple[list[str], bool]:
    parser = Elements()
    parser.feed(text)
    parser.close()
    return parser.faults, parser.seen


def parts(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The XML parts of a package, and those of the workbooks that its charts carry along."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        for part in package.namelist():
            if part.endswith(".xlsx"):
                yield from parts(f"{name}/{part}", package.read(part))
            elif part.endswith((".xml", ".rels")):
                yield f"{name}/{part}", package.read(part)


def test_pages(ran: Ran) -> None:
    shown = 0
    pages = sorted(ran.out.rglob("*.html"))
    assert len(pages) > 20
    for path in pages:
        faults, seen = page_faults(path.read_text(encoding="utf-8"))
        assert faults == [], path
        shown += seen
    assert shown >= 5, "the text itself is shown"


def test_notebooks(ran: Ran) -> None:
    """Executed notebooks are pages; the text stands in outputs, and no cell's source holds it."""
    pages = sorted((ran.out / "notebooks").glob("*.html"))
    assert len(pages) == 2
    for path in pages:
        tree = etree.HTML(path.read_text(encoding="utf-8"))
        assert page_faults(path.read_text(encoding="utf-8"))[0] == [], path
        for part in ("jp-InputArea", "jp-MarkdownOutput", "jp-RenderedLatex"):
            for area in tree.xpath(f"//*[contains(@class, '{part}')]"):
                assert TRAP not in "".join(area.itertext()), (path, part)


@pytest.mark.parametrize("suffix", ["xlsx", "pptx"])
def test_packages(ran: Ran, suffix: str) -> None:
    seen = False
    files = sorted(ran.out.rglob(f"*.{suffix}"))
    for name, content in (part for path in files for part in parts(path.name, path.read_bytes())):
        tree = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
        seen |= TRAP in content.decode("utf-8", "replace")
        assert not tree.findall(".//{http://schemas.openxmlformats.org/spreadsheetml/2006/main}f"), name
        for relation in tree.iter("{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"):
            target = relation.get("Target", "")
            assert not re.match(r"(?i)javascript|vbscript|cmd|=|file:", target) and TRAP not in target, (name, target)
        assert not re.search(rb"(?i)ddeLink|oleLink|macro", content), name
    assert seen, "the text itself is there"


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
def test_cells_of_csv(ran: Ran, text: str) -> None:
    """A spreadsheet that opens the file takes no cell for a formula; `datapackage/` is for programs, and exact."""
    found = 0
    for path in sorted((ran.out / "csv").glob("*.csv")):
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")):
            for cell in row:
                found += text.strip()[:20] in cell
                if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
                    assert re.fullmatch(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?", cell), (path.name, cell[:80])
    assert found, "the text itself is there"


def test_dagster_metadata(ran: Ran) -> None:
    assert ran.metadata
    allowed = (
        dg.TextMetadataValue, dg.IntMetadataValue, dg.FloatMetadataValue, dg.BoolMetadataValue, dg.JsonMetadataValue,
        dg.TableMetadataValue, dg.TableSchemaMetadataValue, dg.TimestampMetadataValue, dg.NullMetadataValue,
    )  # fmt: skip
    for name, value in ran.metadata:
        assert isinstance(value, allowed), (name, type(value))
        assert TRAP not in name
