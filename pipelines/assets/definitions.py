"""The graph of assets, its jobs, sensor and schedule. `dagster dev` shows it, `xianzhi run` runs it.

Here: names, groups, owners, descriptions, metadata and verdicts. What an asset does is one call into `steps`. The
executor runs in this process: the parallel part is inside `corpus`, over batches of documents, never a step a document.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from pipelines.assets import steps
from pipelines.assets.resources import Workspace, folder, tell
from pipelines.warehouse.database import SQL_TYPES
from pipelines.warehouse.schema import BY_NAME, TABLES, Table
from pipelines.warehouse.staging import Staged
from pipelines.warehouse.store import Store

OWNERS = ["team:data"]
GROUPS = {
    "documents": "documents",
    "sections": "documents",
    "mentions": "documents",
    "observations": "observations",
    "targets": "observations",
    "indicators": "catalogue",
    "places": "catalogue",
    "series": "series",
    "growth_rates": "growth_rates",
    "target_gaps": "target_gaps",
    "checks": "checks",
    "review": "checks",
}
DOCUMENT_TABLES = ("documents", "sections", "mentions", "observations", "targets")
ANALYSIS = ("places", "series", "growth_rates", "target_gaps", "checks", "review", "warehouse", "notebooks", "exports")


def column_schema(table: Table) -> dg.TableSchema:
    """A declared table as Dagster shows it."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(c.name, SQL_TYPES[c.dtype], c.comment, dg.TableColumnConstraints(nullable=not c.required))
            for c in table.columns
        ]
    )


def _spec(name: str, deps: tuple[str, ...]) -> dict[str, Any]:
    table = BY_NAME[name]
    return {
        "key": dg.AssetKey(name),
        "deps": [dg.AssetKey(d) for d in deps],
        "group_name": GROUPS[name],
        "owners": OWNERS,
        "description": f"{table.comment} Key: {', '.join(table.key)}.",
        "kinds": {"polars", "parquet"},
        "metadata": {"dagster/column_schema": column_schema(table)},
    }


def _rows(table: Staged) -> dict[str, Any]:
    return {"dagster/row_count": table.rows}


# ----------------------------------------------------------------------------------------------------------- documents


@dg.asset(
    group_name="documents",
    owners=OWNERS,
    kinds={"python", "parquet"},
    description="Every document of the raw folder as rows; only new and changed documents are read again.",
    check_specs=[
        dg.AssetCheckSpec(
            "all_documents_read", asset="corpus", description="Every document could be read; the others are listed."
        )
    ],
)
def corpus(workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Documents to rows, incrementally."""
    tell("corpus")
    found = steps.read_documents(
        workspace.store,
        workspace.raw_dir,
        workers=workspace.workers or None,
        executor=workspace.executor,
        exchange=workspace.exchange,
        verify=workspace.verify,
        progress=lambda done, total: tell("corpus", done, total),
    )
    bad = [{"path": b.path, "status": b.status, "error": b.error} for b in found.bad]
    return dg.MaterializeResult(
        metadata={
            "new": found.new,
            "changed": found.changed,
            "removed": found.removed,
            "unchanged": found.unchanged,
            "extracted": found.extracted,
            "bad": len(bad),
            **{f"rows {name}": found.rows(name) for name in DOCUMENT_TABLES},
        },
        data_version=dg.DataVersion(found.inputs_sha256),
        check_results=[
            dg.AssetCheckResult(
                check_name="all_documents_read",
                passed=not bad,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"documents": dg.MetadataValue.json(bad)},
            )
        ],
    )


@dg.asset(
    group_name="published_figures",
    owners=OWNERS,
    kinds={"csv", "parquet"},
    description="Published figures from the tables below series/, each with source, address and basis.",
)
def published_figures(workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Tables of published figures to rows."""
    tell("published_figures")
    return dg.MaterializeResult(metadata={**steps.read_published(workspace.store, workspace.raw_dir)})


# -------------------------------------------------------------------------------------------------------------- tables


def _table_asset(name: str, deps: tuple[str, ...], step: Callable[[Store], Staged]) -> dg.AssetsDefinition:
    def table(workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
        tell(name)
        return dg.MaterializeResult(metadata=_rows(step(workspace.store)))

    made: dg.AssetsDefinition = dg.asset(**_spec(name, deps))(table)
    return made


def _combined(name: str) -> dg.AssetsDefinition:
    return _table_asset(name, ("corpus", "published_figures"), lambda store: steps.combine(store, name))


def _checks(workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Reconciliations, with their verdicts."""
    tell("checks")
    table = steps.checks(workspace.store)
    frame = table.scan().select("kind", "subject", "difference", "verdict").collect()
    verdicts = dict(frame["verdict"].value_counts().sort("verdict").rows())
    failing = frame.filter(pl.col("verdict") == "fails").select("kind", "subject", "difference").head(50)
    return dg.MaterializeResult(
        metadata=_rows(table) | {f"verdict {k}": v for k, v in verdicts.items()},
        check_results=[
            dg.AssetCheckResult(
                check_name="figures_agree",
                passed=not verdicts.get("fails"),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "verdicts": dg.MetadataValue.json(verdicts),
                    "failing": dg.MetadataValue.json(failing.to_dicts()),
                },
            )
        ],
    )


checks: dg.AssetsDefinition = dg.asset(
    **_spec("checks", ("observations", "series", "indicators")),
    check_specs=[
        dg.AssetCheckSpec(
            "figures_agree", asset="checks", description="No figure contradicts others of its own document."
        )
    ],
)(_checks)

TABLE_ASSETS = [
    *(_combined(name) for name in DOCUMENT_TABLES),
    _table_asset("indicators", (), steps.indicators),
    _table_asset("places", ("observations", "targets"), steps.places),
    _table_asset("series", ("observations", "indicators", "documents"), steps.series),
    _table_asset("growth_rates", ("series", "indicators"), steps.growth_rates),
    _table_asset("target_gaps", ("targets", "observations", "series", "indicators"), steps.target_gaps),
    checks,
    _table_asset("review", ("mentions", "observations", "series"), steps.review),
]


# --------------------------------------------------------------------------------------------------------- publication


@dg.asset(
    deps=[dg.AssetKey(t.name) for t in TABLES if t.name != "publications"],
    group_name="warehouse",
    owners=OWNERS,
    kinds={"duckdb"},
    description=(
        "The published warehouse: a candidate database is built from all tables, checked, and swapped in as a whole. "
        "A broken rule keeps the warehouse published before."
    ),
    check_specs=[
        dg.AssetCheckSpec(
            "publishable", asset="warehouse", description="Rules across tables that hold before publication."
        ),
        dg.AssetCheckSpec(
            "intact", asset="warehouse", description="Every published file equals its hash in the manifest."
        ),
    ],
)
def warehouse(workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Checks and publishes."""
    tell("warehouse")
    publication = steps.publish(workspace.store, workspace.accept)
    broken = workspace.store.verify(deep=False)
    return dg.MaterializeResult(
        metadata={
            "vintage": publication.vintage,
            "published now": publication.new,
            "tables_sha256": publication.tables_sha256,
            "inputs_sha256": publication.inputs_sha256,
            **{f"rows {name}": rows for name, rows in publication.rows.items()},
        },
        data_version=dg.DataVersion(publication.tables_sha256),
        check_results=[
            dg.AssetCheckResult(check_name="publishable", passed=True, metadata={"rules": "all hold"}),
            dg.AssetCheckResult(
                check_name="intact", passed=not broken, metadata={"faults": dg.MetadataValue.json(broken)}
            ),
        ],
    )


@dg.asset(
    deps=[warehouse],
    group_name="notebooks",
    owners=OWNERS,
    kinds={"jupyter"},
    description="Every notebook executed on the published warehouse, as one HTML file that needs no network.",
)
def notebooks(workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Executes the notebooks."""
    tell("notebooks")
    made = steps.notebooks(workspace.store, workspace.exports_dir / "notebooks")
    return dg.MaterializeResult(metadata={"files": dg.MetadataValue.json([p.name for p in made.files])})


@dg.asset(
    deps=[warehouse],
    group_name="exports",
    owners=OWNERS,
    kinds={"plotly", "excel", "powerpoint"},
    description="Charts, workbook and deck for briefings, each with source line and vintage.",
    check_specs=[
        dg.AssetCheckSpec(
            "all_formats_made", asset="exports", description="No format was left out for want of a program."
        )
    ],
)
def exports(workspace: Workspace) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Writes the briefing outputs."""
    tell("exports")
    made = steps.exports(workspace.store, workspace.exports_dir, workspace.raw_dir)
    return dg.MaterializeResult(
        metadata={"files": len(made.files), "missing": dg.MetadataValue.json(list(made.missing))},
        check_results=[
            dg.AssetCheckResult(
                check_name="all_formats_made",
                passed=not made.missing,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"missing": dg.MetadataValue.json(list(made.missing))},
            )
        ],
    )


# ---------------------------------------------------------------------------------------------------- jobs and triggers

full_run = dg.define_asset_job(
    "full_run", dg.AssetSelection.all(), description="Everything: documents, analysis, warehouse, notebooks, exports."
)
analysis_only = dg.define_asset_job(
    "analysis_only",
    dg.AssetSelection.assets(*ANALYSIS),
    description="Analysis, warehouse, notebooks and exports from the observations of the last run; reads no document.",
)


def new_documents(raw: Path | str) -> dg.SensorDefinition:
    """A sensor on a raw folder; it takes no part in the run and so needs no lock."""

    @dg.sensor(
        name="new_documents",
        job=full_run,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Starts a full run when files in the raw folder were added, changed or removed.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from pipelines.sources import folder_state

        state = folder_state(raw)
        if state == context.cursor:
            return dg.SkipReason("nothing new in the raw folder")
        context.update_cursor(state)
        return dg.RunRequest(run_key=state)

    return look


nightly = dg.ScheduleDefinition(
    name="nightly",
    job=full_run,
    cron_schedule="0 3 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="A full run at three in the morning.",
)


def build_definitions(workspace: Workspace | None = None) -> dg.Definitions:
    """The one set of definitions for the web interface, the terminal and the tests."""
    workspace = workspace or Workspace(
        raw=folder("XIANZHI_RAW", "data/raw"),
        warehouse=folder("XIANZHI_WAREHOUSE", "data/warehouse"),
        exports=folder("XIANZHI_EXPORTS", "data/exports"),
        workers=int(os.environ.get("XIANZHI_WORKERS") or 0),
        executor=os.environ.get("XIANZHI_EXECUTOR") or "processes",
        exchange=os.environ.get("XIANZHI_EXCHANGE") or "",
    )
    return dg.Definitions(
        assets=[corpus, published_figures, *TABLE_ASSETS, warehouse, notebooks, exports],
        jobs=[full_run, analysis_only],
        sensors=[new_documents(workspace.raw_dir)],
        schedules=[nightly],
        resources={"workspace": workspace},
        executor=dg.in_process_executor,
    )


defs = build_definitions()
