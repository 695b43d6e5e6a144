"""The audit says what it looked at and what it could not look at, and finds what is wrong."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_known_faults_from_a_file(audit: ModuleType, tmp_path: Path) -> None:
    packages = audit.pinned(ROOT / "requirements.lock")
    version = packages["python-docx"]
    records: list[dict[str, Any]] = [
        {"id": "X-1", "modified": "2026-01-02T00:00:00Z", "affected": [{"package": {"name": "Python_Docx"}, "versions": [version]}]},
        {"id": "X-2", "modified": "2026-02-02T00:00:00Z", "affected": [{"package": {"name": "polars"}, "versions": ["0.0.1"]}]},
        {"id": "X-3", "withdrawn": "2026-02-02", "affected": [{"package": {"name": "python-docx"}, "versions": [version]}]},
    ]  # fmt: skip
    export = tmp_path / "all.zip"
    with zipfile.ZipFile(export, "w") as archive:
        for record in records:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
    found, told = audit.faults_in_file(export, packages)
    assert found == [f"python-docx {version}: X-1"]
    assert told == "known faults were looked up in 3 records, the newest of 2026-02-02"
    with zipfile.ZipFile(export, "w"):
        pass
    assert "not looked up" in audit.faults_in_file(export, packages)[1]


@pytest.mark.parametrize(
    ("answer", "found", "words"),
    [
        ({"dependencies": [{"name": "a", "skip_reason": "unknown"}, {"name": "b", "version": "1", "vulns": []}]}, [], "1 of 2 packages were not"),
        ({"dependencies": [{"name": "b", "version": "1", "vulns": [{"id": "CVE-1"}]}]}, ["b 1: CVE-1"], ""),
        ({"dependencies": [{"name": "b", "version": "1", "vulns": []}]}, [], ""),
        (None, [], "the service could not be reached"),
    ],
)  # fmt: skip
def test_an_answer_for_none_is_no_all_clear(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | None, found: list[str], words: str
) -> None:
    """The service of a mirror may know no package at all, and the program then ends as if all were well."""
    done = subprocess.CompletedProcess([], 0, json.dumps(answer) if answer else "", "no route")
    monkeypatch.setattr(audit.subprocess, "run", lambda *args, **options: done)
    monkeypatch.setattr(audit.shutil, "which", lambda *args, **options: "/bin/pip-audit")
    faults, told = audit.known_faults()
    assert faults == found and words in told and bool(words) == bool(told)


def test_changed_files_of_a_package_are_found(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "somepackage-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: somepackage\nVersion: 1.0\n")
    (tmp_path / "some.py").write_text("good = 1\n")
    import base64
    import hashlib

    digest = base64.urlsafe_b64encode(hashlib.sha256(b"good = 1\n").digest()).rstrip(b"=").decode()
    (folder / "RECORD").write_text(f"some.py,sha256={digest},9\ngone.py,sha256={digest},9\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(audit, "pinned", lambda lock: {"somepackage": "1.1"})
    assert audit.check_installed() == (
        [
            "somepackage: 1.0 is installed, 1.1 is locked",
            "somepackage: gone.py is gone since it was installed",
        ],
        1,
    )
    (tmp_path / "some.py").write_text("evil = 1\n")
    assert "somepackage: some.py is changed since it was installed" in audit.check_installed()[0]
