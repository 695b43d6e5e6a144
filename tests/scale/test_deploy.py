"""Files for deployment: they parse, have limits, and name what exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def read(name: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*.yaml")), ids=lambda p: p.name)
def test_every_file_parses(path: Path) -> None:
    assert all(isinstance(document, dict) for document in read(path.name))


def modules_named() -> set[str]:
    texts = "\n".join(p.read_text(encoding="utf-8") for p in DEPLOY.iterdir())
    return set(re.findall(r'"--module-name", "([a-z_.]+)"', texts))


def test_the_module_named_holds_the_definitions() -> None:
    assert modules_named() == {"pipelines.assets.definitions"}
    for name in modules_named():
        assert isinstance(importlib.import_module(name).defs, dg.Definitions)


def test_every_service_has_limits() -> None:
    (compose,) = read("compose.yaml")
    for name, service in compose["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory"} <= limits.keys(), name
    (values,) = read("helm-values.yaml")
    for part in (values["dagsterWebserver"], values["dagsterDaemon"], values["postgresql"]):
        assert {"cpu", "memory"} <= part["resources"]["limits"].keys()
    for document in read("dask.yaml"):
        if document["kind"] == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


def test_runs_go_through_the_queue_one_at_a_time_with_history_in_postgres() -> None:
    (instance,) = read("dagster.yaml")
    assert instance["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert "postgres" in instance["storage"]
    (values,) = read("helm-values.yaml")
    coordinator = values["dagsterDaemon"]["runCoordinator"]
    assert coordinator["type"] == "QueuedRunCoordinator"
    assert coordinator["config"]["queuedRunCoordinator"]["maxConcurrentRuns"] == 1


def test_settings_are_those_the_definitions_read() -> None:
    known = set(re.findall(r"XIANZHI_[A-Z]+", (ROOT / "pipelines/assets/definitions.py").read_text(encoding="utf-8")))
    used = {n for p in DEPLOY.iterdir() for n in re.findall(r"XIANZHI_[A-Z]+", p.read_text(encoding="utf-8"))}
    assert used <= known, used - known


def test_what_the_image_copies_is_there() -> None:
    for line in (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY "):
            for name in line.split()[1:-1]:
                assert (ROOT / name).exists(), name


def test_the_cluster_addresses_agree() -> None:
    (values,) = read("helm-values.yaml")
    settings = {e["name"]: e["value"] for e in values["dagster-user-deployments"]["deployments"][0]["env"]}
    service = next(d for d in read("dask.yaml") if d["kind"] == "Service")
    host, port = service["metadata"]["name"], service["spec"]["ports"][0]["port"]
    assert settings["XIANZHI_EXECUTOR"] == f"dask:tcp://{host}:{port}"
    assert settings["XIANZHI_EXCHANGE"].startswith("s3://")
