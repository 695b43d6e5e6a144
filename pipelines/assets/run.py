"""One run of the graph in this process, and a plain report of it.

Here: the Dagster instance, the lock held over the whole run, and turning Dagster's events into a report. Not here:
printing (`pipelines.cli`), the graph (`definitions`).
"""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl
from dagster import DagsterRunStatus

from pipelines.assets.definitions import build_definitions
from pipelines.assets.resources import ROOT, Listener, Workspace, listening
from pipelines.corpus import BadDocument
from pipelines.warehouse.lock import writer_lock
from pipelines.warehouse.store import Store, StoreError

PID_TAG, HOST_TAG = "xianzhi/pid", "xianzhi/host"


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did: `failures` names steps that failed, each with one sentence."""

    documents: int
    extracted: int
    new: int
    changed: int
    removed: int
    vintage: str | None
    published: bool
    rows: dict[str, int]
    bad: tuple[BadDocument, ...]
    missing: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def close_stale_runs(instance: dg.DagsterInstance) -> int:
    """Marks runs of this machine whose process is gone as cancelled; Dagster would show them as running for ever."""
    closed = 0
    for run in instance.get_runs(dg.RunsFilter(statuses=[DagsterRunStatus.STARTED])):
        pid = run.tags.get(PID_TAG, "")
        if run.tags.get(HOST_TAG) == socket.gethostname() and pid.isdigit() and not _alive(int(pid)):
            instance.report_run_canceled(run, message="the process of this run is gone")
            closed += 1
    return closed


@contextlib.contextmanager
def _instance(ephemeral: bool) -> Any:
    """The checkout's Dagster history, else one that is forgotten after the run."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    if ephemeral or not (ROOT / "dagster.yaml").is_file():
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance
        return
    os.environ.setdefault("DAGSTER_HOME", str(ROOT))
    with contextlib.chdir(ROOT), dg.DagsterInstance.get() as instance:  # dagster.yaml names its folders from the root
        yield instance


def _sentence(error: Any) -> str:
    """The message of the exception a step raised, without Dagster's wrapping."""
    inner = error.cause or error
    message = " ".join(str(inner.message).split())
    kind = f"{inner.cls_name}: "
    return message.split(kind, 1)[1] if kind in message else message


def run_job(
    workspace: Workspace,
    *,
    job: str = "full_run",
    skip: tuple[str, ...] = (),
    listener: Listener | None = None,
    ephemeral: bool = False,
) -> RunReport:
    """Runs a job but for the assets in `skip`; raises LockedError where another run holds the warehouse."""
    definitions = build_definitions(workspace)
    with contextlib.ExitStack() as stack:
        stack.enter_context(writer_lock(workspace.warehouse_dir))
        if listener:
            stack.enter_context(listening(listener))
        instance = stack.enter_context(_instance(ephemeral))
        close_stale_runs(instance)
        resolved = definitions.resolve_job_def(job)
        keys = sorted(key for key in resolved.asset_layer.executable_asset_keys if key.path[-1] not in skip)
        result = resolved.execute_in_process(
            instance=instance,
            raise_on_error=False,
            asset_selection=keys,
            tags={PID_TAG: str(os.getpid()), HOST_TAG: socket.gethostname()},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return _report(result, workspace.store)


def _report(result: dg.ExecuteInProcessResult, store: Store) -> RunReport:
    facts: dict[str, dict[str, Any]] = {}
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        facts[made.asset_key.path[-1]] = {name: value.value for name, value in made.metadata.items()}
    failures = [
        (event.step_key or "run", _sentence(event.step_failure_data.error))
        for event in result.get_step_failure_events()
    ]
    if not result.success and not failures:
        failures.append(("run", "the run ended before its first step; `xianzhi doctor` may tell why"))
    try:
        documents = store.staged("documents")
    except StoreError:
        documents = pl.DataFrame(schema={"path": pl.String, "status": pl.String, "error": pl.String})
    unread = documents.filter(pl.col("status") != "ok").sort("path").select("path", "status", "error").rows()
    corpus, published = facts.get("corpus", {}), facts.get("warehouse", {})
    return RunReport(
        documents=documents.height,
        extracted=corpus.get("extracted", 0),
        new=corpus.get("new", 0),
        changed=corpus.get("changed", 0),
        removed=corpus.get("removed", 0),
        vintage=published.get("vintage"),
        published=bool(published.get("published now")),
        rows={k.removeprefix("rows "): v for k, v in published.items() if k.startswith("rows ")},
        bad=tuple(BadDocument(path, status, error or "") for path, status, error in unread),
        missing=tuple(facts.get("exports", {}).get("missing", ())),
        failures=tuple(failures),
    )
