"""Notebooks executed against a published warehouse, each into one HTML file that needs no network.

What a notebook shows is written in the notebook.
"""

from __future__ import annotations

import asyncio
import copy
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbconvert.preprocessors import Preprocessor

from pipelines.briefing.common import inert, write
from pipelines.briefing.pages import SAFE_LINK
from pipelines.charts.listing import EVIDENCE_BASE

DEFAULT_SOURCE = Path(__file__).resolve().parents[2] / "notebooks"
MIMETYPE = "application/vnd.plotly.v1+json"


POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""The page's own scripts may run, and nothing may be fetched from anywhere."""


class NotebookFailed(RuntimeError):
    """A notebook did not run through; the message names notebook, cell and error."""


class InlinePlotly(Preprocessor):  # type: ignore[misc, unused-ignore]
    """Plotly outputs, which the HTML exporter would drop, become inline HTML; the first carries the library."""

    evidence = "../evidence/"

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """The notebook with its figures as HTML."""
        from plotly.offline import get_plotlyjs  # type: ignore[import-untyped, unused-ignore]

        first, count = True, 0
        for cell in nb.cells:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                if MIMETYPE not in data:
                    continue
                import json

                spec = {k: data[MIMETYPE].get(k) for k in ("data", "layout")}
                text = inert(json.dumps(spec, ensure_ascii=False, allow_nan=False))
                library = f"<script>{get_plotlyjs()}</script>" if first else ""
                first, count = False, count + 1
                base = self.evidence.removesuffix("evidence/")
                data.clear()
                data["text/html"] = (
                    f'{library}<div id="xz{count}"></div><script>(function(){{var f={text},n=document.getElementById("xz{count}");'
                    f'Plotly.newPlot(n,f.data,f.layout,{{displaylogo:false}}).then(function(){{n.setAttribute("data-drawn","yes");'
                    'n.on("plotly_click",function(e){var d=e.points[0]&&e.points[0].customdata,u=d&&d[0];'
                    f'if(typeof u==="string"&&/{SAFE_LINK}/.test(u)){{window.open("{base}"+u,"_blank","noopener");}}}});}});}})();</script>'
                )
        return nb, resources


def inject(notebook: Any, parameters: Mapping[str, Any]) -> Any:
    """A copy with a cell after the one tagged `parameters` that sets the given names."""
    book = copy.deepcopy(notebook)
    if parameters:
        at = next((i for i, c in enumerate(book.cells) if "parameters" in c.metadata.get("tags", [])), -1)
        source = "\n".join(f"{k} = {v!r}" for k, v in parameters.items())
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]})  # type: ignore[no-untyped-call]
        book.cells.insert(at + 1, cell)
    return book


def to_html(notebook: Any, title: str) -> str:
    """An executed notebook as one HTML page with nothing to fetch."""
    exporter: Any = HTMLExporter(preprocessors=[InlinePlotly])  # type: ignore[no-untyped-call]
    exporter.require_js_url = exporter.mermaid_js_url = exporter.mathjax_url = exporter.jquery_url = ""
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    body, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})
    text = str(body)
    if text.count("<head>") != 1:
        raise NotebookFailed(f"{title}: the page has no head to hold its policy")
    return text.replace("<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}">', 1)


def execute_notebooks(
    warehouse_dir: Path,
    out_dir: Path,
    source_dir: Path | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    timeout: int = 300,
    parallel: int = 2,
) -> list[Path]:
    """Run every notebook of `source_dir` (default: the project's) on the warehouse in `warehouse_dir`; HTML to
    `out_dir`. `parameters` (LANG, PLACE ...) override the cell tagged so, in notebooks that have the name there.
    `timeout`: seconds a cell. Raises NotebookFailed; the sources are never changed."""
    sources = sorted((source_dir or DEFAULT_SOURCE).glob("*.ipynb"))
    env = {
        **os.environ,
        "XIANZHI_WAREHOUSE": str(warehouse_dir.resolve()),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        EVIDENCE_BASE: "../",
    }
    gate = asyncio.Semaphore(parallel)

    async def one(path: Path) -> Path:
        book: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        names = "\n".join(c.source for c in book.cells if "parameters" in c.metadata.get("tags", []))
        own = {k: v for k, v in (parameters or {}).items() if f"{k} =" in names}
        book = inject(book, own)
        client: Any = NotebookClient(
            book,
            timeout=timeout,
            kernel_name="python3",
            resources={"metadata": {"path": str(path.parent)}},
            # the kernel listens on this machine only; its warning about plain TCP would hide what the run has to say
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
        async with gate:
            try:
                await client.async_execute(env=env)
            except CellExecutionError as error:
                raise NotebookFailed(f"{path.name}: {error.ename}: {error.evalue}") from error
        html = await asyncio.to_thread(to_html, book, path.stem)
        return write(out_dir / f"{path.stem}.html", html)

    async def every() -> list[Path]:
        return list(await asyncio.gather(*(one(p) for p in sources)))

    if sys.platform == "win32":
        raise NotebookFailed("notebooks are executed on Linux and macOS only")
    return asyncio.run(every())
