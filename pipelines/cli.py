"""The terminal: `xianzhi COMMAND`. Parses words, calls the packages, prints, and sets the exit status.

Here: nothing but that. Imports are inside the commands, so that `--help` answers at once. An error is one sentence on
stderr; `XIANZHI_DEBUG=1` shows where it came from.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import polars as pl

    from pipelines.assets.run import RunReport

app = typer.Typer(
    help="Time series from the prose of county reports, each number traceable to its sentence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


PIPE_WIDTH = 200
"""Columns a table may take where no terminal tells its own width."""


class Rows(StrEnum):
    """How a table is printed."""

    table = "table"
    csv = "csv"
    json = "json"


class Records(StrEnum):
    """How extraction records are printed."""

    jsonl = "jsonl"
    table = "table"


class Output(StrEnum):
    """Formats of briefing outputs."""

    html = "html"
    png = "png"
    svg = "svg"
    pdf = "pdf"
    pptx = "pptx"
    xlsx = "xlsx"
    csv = "csv"


class Fault(Exception):
    """Something the user can act on: one sentence."""


WarehouseOption = Annotated[
    Path | None, typer.Option("--warehouse", help="Warehouse folder or database file.", show_default="data/warehouse")
]


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _safe(text: str) -> str:
    """Text from documents and file names without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def _print_rows(frame: pl.DataFrame, form: Rows) -> None:
    if form is Rows.json:
        typer.echo(json.dumps(frame.to_dicts(), ensure_ascii=False, default=str))
    elif form is Rows.csv:
        import polars as pl

        nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
        flat = frame.with_columns(
            pl.col(c).map_elements(lambda v: json.dumps(list(v), ensure_ascii=False), return_dtype=pl.String)
            for c in nested
        )
        typer.echo(flat.write_csv(), nl=False)
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(show_edge=False, pad_edge=False)
        for name in frame.columns:
            table.add_column(Text(name), justify="right" if frame[name].dtype.is_numeric() else "left", overflow="fold")
        for row in frame.rows():
            table.add_row(*(Text("" if v is None else _safe(_cell(v))) for v in row))
        Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)


# ------------------------------------------------------------------------------------------------------------------ run


@contextmanager
def _progress() -> Iterator[Any]:
    """A listener that draws the run's progress on a terminal, or prints one line a step elsewhere."""
    if not sys.stderr.isatty():
        seen: set[str] = set()

        def plain(step: str, done: int, total: int) -> None:
            if step not in seen:
                seen.add(step)
                _say(f"  {step}")

        yield plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("starting", total=None)

        def drawn(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total or None)

        yield drawn


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _tell_run(report: RunReport, warehouse: Path, exports: Path, notebooks: bool, exported: bool) -> None:
    typer.echo(
        f"Documents   {report.documents} in all, {report.extracted} read in this run "
        f"({report.new} new, {report.changed} changed), {report.removed} removed"
    )
    if report.vintage:
        rows = report.rows
        state = "published" if report.published else "unchanged since"
        typer.echo(f"Warehouse   {_shown(warehouse / 'xianzhi.duckdb')}  ({state} {report.vintage})")
        typer.echo(
            f"            {rows.get('observations', 0)} observations, {rows.get('series', 0)} series points, "
            f"{rows.get('targets', 0)} targets, {rows.get('target_gaps', 0)} gaps, {rows.get('growth_rates', 0)} growth rates"
        )
        typer.echo(f"Tables      {_shown(warehouse / 'tables')}/*.parquet")
    failed = {step for step, _ in report.failures}
    if notebooks and "notebooks" not in failed and report.vintage:
        typer.echo(f"Notebooks   {_shown(exports / 'notebooks')}/*.html")
    if exported and "exports" not in failed and report.vintage:
        typer.echo(f"Briefing    {_shown(exports)}/")
    for line in report.missing:
        _say(f"note: {_safe(line)}")
    if report.vintage:
        typer.echo(
            'Look around `make ui` (Dagster, http://127.0.0.1:3000), `make lab` (notebooks), `xianzhi sql "SELECT ..."`'
        )
    if report.bad:
        _say(f"warning: {len(report.bad)} of {report.documents} documents could not be read in full:")
        for document in report.bad:
            _say(f"  {_safe(document.path)} [{document.status}] {_safe(document.error)}")
    for step, message in report.failures:
        _say(f"error: {step}: {_safe(message)}")


@app.command()
def run(
    raw: Annotated[
        str, typer.Option(metavar="DIR", help="Folder or address (s3://...) with documents, series/ and corrections/.")
    ] = "data/raw",
    warehouse: Annotated[Path, typer.Option(help="Where the warehouse is published.")] = Path("data/warehouse"),
    exports: Annotated[Path, typer.Option(help="Where notebooks and charts go.")] = Path("data/exports"),
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where a document could not be read.")] = False,
    notebooks: Annotated[bool, typer.Option("--notebooks/--no-notebooks", help="Execute the notebooks.")] = True,
    make_exports: Annotated[bool, typer.Option("--exports-on/--no-exports", help="Make charts and workbook.")] = True,
    analysis_only: Annotated[
        bool, typer.Option("--analysis-only", help="Read no document; start from the tables.")
    ] = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes that read documents; 0: one a core.")] = 0,
    executor: Annotated[
        str,
        typer.Option(envvar="XIANZHI_EXECUTOR", help="What reads documents: processes, dask, dask:tcp://HOST:PORT."),
    ] = "processes",
    exchange: Annotated[
        str,
        typer.Option(
            envvar="XIANZHI_EXCHANGE", metavar="URL", help="Where workers on other machines leave their rows."
        ),
    ] = "",
    verify: Annotated[
        bool, typer.Option("--verify", help="Hash every document and kept file instead of looking at sizes and times.")
    ] = False,
    accept_smaller: Annotated[
        str,
        typer.Option(metavar="REASON", help="Publish although figures of the last vintage are lost, and record why."),
    ] = "",
) -> None:
    """Build the warehouse, the notebooks and the charts; only new or changed documents are read again."""
    if "://" not in raw:
        if not Path(raw).is_dir():
            raise Fault(f"the raw folder {raw} does not exist")
        raw = str(Path(raw).resolve())
    warehouse, exports = warehouse.resolve(), exports.resolve()
    with _progress() as listener:
        listener("starting", 0, 0)
        from pipelines.assets.resources import Workspace
        from pipelines.assets.run import run_job
        from pipelines.warehouse.store import Store

        if outdated := Store(warehouse).outdated():
            _say(f"note: {_safe(outdated)}")
        skip = tuple(name for name, wanted in (("notebooks", notebooks), ("exports", make_exports)) if not wanted)
        report = run_job(
            Workspace(
                raw=raw,
                warehouse=str(warehouse),
                exports=str(exports),
                workers=workers,
                executor=executor,
                exchange=exchange,
                verify=verify,
                accept=accept_smaller,
            ),
            job="analysis_only" if analysis_only else "full_run",
            skip=skip,
            listener=listener,
        )
    _tell_run(report, warehouse, exports, notebooks, make_exports)
    if report.failures or (strict and report.bad):
        raise typer.Exit(1)


# ------------------------------------------------------------------------------------------------------------ documents


@app.command()
def extract(
    paths: Annotated[list[Path], typer.Argument(help="Documents.", metavar="PATH...")],
    format: Annotated[Records, typer.Option("--format", help="jsonl or table.")] = Records.jsonl,
) -> None:
    """Read documents and print one record per numeric mention; touches no warehouse."""
    import gc

    import orjson

    from pipelines.documents.archives import is_archive, laid_out
    from pipelines.documents.model import DocumentError

    gc.freeze()  # the vocabularies stay: they need not be looked through again and again
    gc.set_threshold(100_000, 50, 50)
    bad = 0

    def tell(name: str, file: Path | None, beside: Path, fault: tuple[str, str] | None = None) -> None:
        nonlocal bad
        try:
            if file is None or fault is not None:
                raise DocumentError(*(fault or ("unreadable", "The file cannot be read.")))
            records = _records_of(file, beside)
        except DocumentError as error:
            _say(f"xianzhi: {_safe(name)} [{error.status}] {_safe(error.message)}")
            bad += 1
            return
        for record in records:
            record["doc"] = Path(name).name if "!/" not in name else name
        if format is Records.jsonl:
            sys.stdout.buffer.write(b"".join([orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in records]))
        else:
            _records_table(records)

    for path in paths:
        if is_archive(path.name) and path.is_file():
            with laid_out(path) as members:
                for m in members:
                    if not m.name.endswith(".yaml"):
                        tell(f"{path.name}!/{m.name}" if m.name else str(path), m.path, path, m.fault)
        else:
            tell(str(path), path, path)
    if bad:
        raise typer.Exit(1)


def _records_of(file: Path, beside: Path) -> list[dict[str, Any]]:
    """Records of a file, with the sidecar that lies beside `beside`."""
    from pipelines.extraction.document import extract_records
    from pipelines.sidecars import read_sidecar, sidecar_of

    sidecar = sidecar_of(beside)
    return extract_records(file, read_sidecar(sidecar) if sidecar else None)


def _records_table(records: list[dict[str, Any]]) -> None:
    import polars as pl

    shown = ("doc", "start", "raw", "class", "indicator", "value", "unit", "kind", "place", "period", "flags")
    rows = [{c: None if r[c] is None else _cell(r[c]) for c in shown} for r in records]
    _print_rows(pl.DataFrame(rows, schema=dict.fromkeys(shown, pl.String)), Rows.table)


@app.command()
def restore(
    path: Annotated[Path, typer.Argument(help="Document.")],
    edits: Annotated[bool, typer.Option("--edits", help="Print one JSON object per repair instead.")] = False,
) -> None:
    """Print the repaired, simplified text of a document, or the repairs."""
    from pipelines.documents.read import read
    from pipelines.documents.restore import restore as repair

    source = read(path)
    plain = source.text if source.plain is None else source.plain
    restored = repair(plain)
    if not edits:
        typer.echo(_safe_lines(restored.text), nl=not restored.text.endswith("\n"))
        return
    for edit in restored.edits:
        start, end = source.plain_map.to_original(edit.start, edit.end)
        record = {"start": start, "end": end, "raw": source.text[start:end]} | edit._asdict()
        record |= {"start": start, "end": end}  # places in the file, not in the text without its markup
        typer.echo(json.dumps(record, ensure_ascii=False))


def _safe_lines(text: str) -> str:
    return _safe(text) if sys.stdout.isatty() else text


# ------------------------------------------------------------------------------------------------------------ warehouse


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="A SELECT; tables: see docs/data-dictionary.md.")],
    format: Annotated[Rows, typer.Option("--format", help="table, csv or json.")] = Rows.table,
    warehouse: WarehouseOption = None,
) -> None:
    """Ask the warehouse a read-only question."""
    from pipelines.warehouse.read import open_warehouse

    with open_warehouse(warehouse) as opened:
        _print_rows(opened.sql(query), format)


@app.command()
def explain(
    observation_id: Annotated[str, typer.Argument(help="Observation id, e.g. from the table series.")],
    warehouse: WarehouseOption = None,
) -> None:
    """Show the source sentence of an observation and every step from its characters to the published number."""
    from pipelines.warehouse.explain import explain as lines
    from pipelines.warehouse.read import open_warehouse

    with open_warehouse(warehouse) as opened:
        for line in lines(opened, observation_id):
            typer.echo(_safe(line))


@app.command()
def review(
    why: Annotated[str | None, typer.Option(help="low_confidence, unread, uncatalogued, damaged or conflict.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown.")] = 50,
    format: Annotated[Rows, typer.Option("--format", help="table, csv or json.")] = Rows.table,
    warehouse: WarehouseOption = None,
) -> None:
    """List readings that an analyst should look at."""
    import polars as pl

    from pipelines.warehouse.read import open_warehouse

    with open_warehouse(warehouse) as opened:
        rows = opened.table("review")
    if why:
        rows = rows.filter(pl.col("why") == why)
    _print_rows(rows.sort("why", "doc_id", "observation_id").head(limit), format)
    if rows.height > limit:
        _say(f"{rows.height - limit} more; --limit shows them")


@app.command()
def export(
    place: Annotated[list[str] | None, typer.Option(help="Place by code or name, may be repeated.")] = None,
    indicator: Annotated[list[str] | None, typer.Option(help="Indicator by id or name, may be repeated.")] = None,
    format: Annotated[list[Output] | None, typer.Option("--format", help="Format, may be repeated.")] = None,
    exports: Annotated[Path, typer.Option(help="Where the files go.")] = Path("data/exports"),
    raw: Annotated[Path, typer.Option(help="Raw folder, for the text on evidence pages.")] = Path("data/raw"),
    warehouse: WarehouseOption = None,
) -> None:
    """Make briefing outputs from the published warehouse."""
    from pipelines.briefing.export import export_all
    from pipelines.warehouse.read import find_warehouse

    database = find_warehouse(warehouse)
    try:
        formats = [f.value for f in format] if format else None
        report = export_all(database.parent, exports, formats, place, indicator, raw_dir=raw if raw.is_dir() else None)
    except ValueError as error:
        raise Fault(str(error)) from error
    for path in report.files:
        typer.echo(_shown(path))
    for line in report.skipped:
        _say(f"note: {_safe(line)}")
    made = {path.suffix.removeprefix(".") for path in report.files}
    unmade = [f.value for f in format or () if f.value not in made]
    if unmade:
        raise Fault(f"no {', '.join(unmade)} could be made; `xianzhi doctor` tells what is missing")


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="Warehouse folder, database file, or vintage.")],
    new: Annotated[str, typer.Argument(help="Warehouse folder, database file, or vintage.")],
    format: Annotated[Rows, typer.Option("--format", help="table, csv or json.")] = Rows.table,
    warehouse: WarehouseOption = None,
) -> None:
    """Show which series points were added, changed or removed between two warehouses, and why."""
    from pipelines.warehouse.diff import diff_series
    from pipelines.warehouse.read import find_warehouse, open_warehouse

    def find(name: str) -> Path:
        if Path(name).exists():
            return find_warehouse(name)
        vintage = find_warehouse(warehouse).parent / f"warehouse-{Path(name).name}.duckdb"
        if not vintage.is_file():
            raise Fault(f"{name} is neither a warehouse nor a vintage kept beside {_shown(vintage.parent)}")
        return vintage

    with open_warehouse(find(old)) as before, open_warehouse(find(new)) as after:
        changes = diff_series(before, after)
    _print_rows(changes, format)
    counts = dict(changes["change"].value_counts().rows())
    _say(", ".join(f"{counts.get(k, 0)} {k}" for k in ("added", "changed", "removed")))


@app.command()
def share(
    address: Annotated[str, typer.Argument(help="Folder in an object store: s3://..., gs://..., file:///...")],
    base: Annotated[str, typer.Option(help="Address that readers use, where it is another one.")] = "",
    warehouse: WarehouseOption = None,
) -> None:
    """Copy the published tables to an object store, with views that any DuckDB opens; see docs/deployment.md."""
    from pipelines.warehouse.read import find_warehouse
    from pipelines.warehouse.share import share as copy

    try:
        shared = copy(find_warehouse(warehouse).parent, address, base)
    except (ValueError, OSError) as error:
        raise Fault(str(error)) from error
    typer.echo(f"{shared.vintage} shared at {address}: {shared.sent} files sent, {shared.kept} were there already")


@app.command()
def doctor(warehouse: Annotated[Path, typer.Option(help="Warehouse folder.")] = Path("data/warehouse")) -> None:
    """Check the installation, fonts, browser, the warehouse's files against their hashes, and locks."""
    from pipelines.doctor import examine

    findings = examine(warehouse)
    for finding in findings:
        typer.echo(f"{finding.level:<7} {finding.subject:<12} {_safe(finding.message)}")
    if any(finding.level == "broken" for finding in findings):
        raise typer.Exit(1)


# ----------------------------------------------------------------------------------------------------------------- main


def _expected() -> tuple[type[BaseException], ...]:
    """Errors whose message is already the one sentence to show; only of modules that were loaded."""
    names = {
        "pipelines.warehouse.read": ("ReadError",),
        "pipelines.warehouse.store": ("StoreError",),
        "pipelines.warehouse.lock": ("LockedError",),
        "pipelines.documents.model": ("DocumentError",),
        "pipelines.briefing.export": ("ExportError",),
    }
    found = [getattr(sys.modules[m], n, None) for m, ns in names.items() if m in sys.modules for n in ns]
    return (Fault, *(f for f in found if f is not None))


def main() -> None:
    """Runs the command line and exits with its status."""
    import click

    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    try:
        app(standalone_mode=True)
    except (KeyboardInterrupt, click.exceptions.Abort):
        _say("xianzhi: interrupted; the warehouse published before is untouched")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("XIANZHI_DEBUG"):
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        known = isinstance(error, _expected())
        _say(f"xianzhi: {_safe(message)}" if known else f"xianzhi: {type(error).__name__}: {_safe(message)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
