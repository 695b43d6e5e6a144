"""`make ui` and `make lab` as a user starts them, and a notebook that stays open while a run publishes.

The real commands in a copy of the checkout: what they start listens on this machine only, answers, asks for its token, and
ends with Ctrl-C to the last process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kill_runs import ROOT, dagster_home, make_raw, words

LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
"""127.0.0.1, ::1 and 127.0.0.1 in IPv6, as /proc/net writes them."""
PATIENCE = 240.0


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first answer that is true; fails the test when none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.5)
    raise AssertionError(f"nothing after {seconds:.0f} s")


def family(parent: int) -> set[int]:
    """A process and all that it started, directly or not."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    members = {parent}
    while more := {pid for pid, above in parents.items() if above in members} - members:
        members |= more
    return members


def listening(members: set[int]) -> dict[int, str]:
    """Ports that these processes listen on, and the address in the kernel's writing."""
    sockets = set()
    for pid in members:
        try:
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                sockets.update(re.findall(r"socket:\[(\d+)\]", str(handle.readlink())))
        except OSError:
            continue
    found: dict[int, str] = {}
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                address, _, port = fields[1].partition(":")
                found[int(port, 16)] = address
    return found


def ask(url: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """Status and content of an address; 0 where nobody answers."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""
    except (OSError, ValueError):
        return 0, b""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def made(target: str, folder: Path, *settings: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`make TARGET` in a copy of the checkout with this environment's programs; its output goes to the file given."""
    if sys.platform != "linux" or shutil.which("make") is None:
        pytest.skip("needs make and /proc")
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in ("Makefile", "dagster.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout)
    for name in ("pipelines", "tools", "notebooks"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    ready = [part for stamp in (".run-stamp", ".dev-stamp") for part in ("-o", f"{sys.prefix}/{stamp}")]
    environment = os.environ | {
        "PYTHONPATH": str(checkout),
        "HOME": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
    }
    if os.geteuid() == 0:  # JupyterLab refuses the superuser, whom tests may run as; users do not
        (folder / ".jupyter").mkdir()
        (folder / ".jupyter" / "jupyter_server_config.json").write_text('{"ServerApp": {"allow_root": true}}')
    out = folder / "out.txt"
    with out.open("wb") as stream:
        process = subprocess.Popen(
            ["make", *ready, target, f"VENV={sys.prefix}", *settings],
            cwd=checkout, env=environment, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    members: set[int] = set()
    try:
        yield process, out
        members = family(process.pid)
        os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C in the terminal does
        process.wait(timeout=60)
        until(lambda: not any(alive(pid) for pid in members), 30)
    finally:
        for pid in {process.pid, *members, *(family(process.pid) if process.poll() is None else ())}:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@pytest.mark.long
def test_make_ui_answers_on_this_machine_only_and_ends(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.monotonic()
    with made("ui", tmp_path, f"UI_PORT={port}") as (process, out):
        address = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or ask(f"{address}/server_info")[0] == 200)
        assert process.poll() is None, out.read_text()
        seconds = time.monotonic() - began
        query = {"query": "{ assetNodes { assetKey { path } } }"}
        nodes = until(
            lambda: json.loads(ask(f"{address}/graphql", query)[1] or b"{}").get("data", {}).get("assetNodes")
        )
        assert len(nodes) > 5
        ports = listening(family(process.pid))
        assert port in ports and set(ports.values()) <= LOOPBACK, ports
    assert ask(f"{address}/server_info")[0] == 0
    print(f"make ui: answers after {seconds:.0f} s, {len(nodes)} assets, ports {sorted(ports)} on loopback only")


@pytest.mark.long
def test_make_lab_asks_for_its_token_and_ends(tmp_path: Path) -> None:
    began = time.monotonic()
    with made("lab", tmp_path) as (process, out):
        told = until(
            lambda: (
                process.poll() is not None
                or re.search(r"http://127\.0\.0\.1:(\d+)/lab\S*?token=(\w+)", out.read_text(errors="replace"))
            )
        )
        assert process.poll() is None, out.read_text()
        address, token = f"http://127.0.0.1:{told[1]}", told[2]
        assert len(token) >= 32
        until(lambda: ask(f"{address}/api/contents?token={token}")[0] == 200)
        seconds = time.monotonic() - began
        for wrong in ("", "?token=", f"?token={'0' * len(token)}"):
            assert ask(f"{address}/api/contents{wrong}")[0] == 403
            assert ask(f"{address}/api/kernels{wrong}", {"name": "python3"})[0] == 403
        listed = json.loads(ask(f"{address}/api/contents?token={token}")[1])["content"]
        assert len([entry for entry in listed if entry["name"].endswith(".ipynb")]) == 5
        ports = listening(family(process.pid))
        assert int(told[1]) in ports and set(ports.values()) <= LOOPBACK, ports
    assert ask(f"{address}/api/status")[0] == 0
    print(f"make lab: answers after {seconds:.0f} s, refuses without its token, ports {sorted(ports)} on loopback only")


OPEN = """
from pathlib import Path
from pipelines.warehouse.read import open_warehouse
from pipelines.warehouse.schema import TABLES
from pipelines.warehouse.tables import hash_tables
root = Path({root!r})
def seen(warehouse):
    return hash_tables({{t.name: warehouse.table(t.name) for t in TABLES}})
kept = open_warehouse(root)
print(seen(kept))
"""
LOOK = """
with open_warehouse(root) as fresh:
    print(seen(kept), seen(fresh))
"""


@pytest.mark.slow
def test_an_open_notebook_neither_blocks_a_run_nor_sees_half_of_one(tmp_path: Path) -> None:
    """A kernel keeps the warehouse open, and opens it anew again and again, while another run publishes."""
    from jupyter_client.manager import start_new_kernel

    raw, warehouse = tmp_path / "raw", tmp_path / "wh"

    def run() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *words(raw, warehouse)[1:]],
            env=os.environ | dagster_home(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    make_raw(raw, 0)
    assert run().wait(timeout=600) == 0
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))
    try:

        def cell(code: str) -> list[str]:
            lines: list[str] = []

            def keep(message: dict[str, Any]) -> None:
                if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                    lines.append(message["content"]["text"])

            answer = client.execute_interactive(code, timeout=120, output_hook=keep)
            assert answer["content"]["status"] == "ok", answer["content"]
            return "".join(lines).split()

        (old,) = cell(OPEN.format(root=str(warehouse)))
        make_raw(raw, 1)
        looks: list[list[str]] = []
        process = run()
        while process.poll() is None:
            looks.append(cell(LOOK))
        assert process.returncode == 0, "an open notebook must not hold a run up"
        last = cell(LOOK)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    new = last[1]
    assert last[0] == old != new, "what is open keeps its vintage, what is opened anew sees the new one"
    assert len(looks) > 1
    assert {kept for kept, _ in looks} == {old}
    assert {fresh for _, fresh in looks} <= {old, new}
