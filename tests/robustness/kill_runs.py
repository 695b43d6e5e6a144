"""Kills `xianzhi run` at random moments and looks at what is left.

    python tests/robustness/kill_runs.py --kills 500 --seed 1

Every trial changes the raw folder, starts a run, kills it with SIGKILL at a random moment, checks that readers see a
whole warehouse (the one before or the new one, never a mixture), then lets a second run finish and checks that its
tables equal those of an undisturbed build. Most trials fork from a process that has loaded the program, so that the
kills fall into the work and not into the loading of libraries; every tenth starts the program anew.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEAD = "place_code,place_name,indicator_id,indicator_zh,period,value,unit,basis,kind,source_title,source_url,note\n"


def make_raw(folder: Path, state: int) -> None:
    """A small raw folder in one of several states: documents, published figures and a sidecar change with it."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "series").mkdir(exist_ok=True)
    for n in range(4):
        rate = 8 + (state * 7 + n) % 5 / 4
        text = f"开江县{2008 + n}年人口工作总结\n{2008 + n}年，全县总人口{59 + n / 10:.1f}万人，人口出生率{rate}‰，比上年增长{n + state}‰。\n"
        (folder / "documents" / f"{n}.txt").write_text(text * (1 + 40 * (n == 3)), encoding="utf-8")
    extra = folder / "documents" / "extra.txt"
    if state % 2:
        extra.write_text(f"开江县2015年，全县小学{40 + state}所，人口出生率9.5‰。\n", encoding="utf-8")
    else:
        extra.unlink(missing_ok=True)
    (folder / "documents" / "0.yaml").write_text(f"place_code: '511723'\ntitle: 总结 {state}\n", encoding="utf-8")
    rows = "".join(
        f"511723,开江县,birth_rate,出生率,{year},{9 + (year + state) % 4 / 4},‰,,actual,某县统计年鉴,,\n"
        for year in range(1980, 2006)
    )
    (folder / "series" / "birth.csv").write_text(HEAD + rows, encoding="utf-8")


def words(raw: Path, warehouse: Path) -> list[str]:
    return [
        "xianzhi", "run", "--raw", str(raw), "--warehouse", str(warehouse), "--exports", str(warehouse.parent / "exports"),
        "--no-notebooks", "--no-exports", "--workers", "1",
    ]  # fmt: skip


def dagster_home(folder: Path) -> dict[str, str]:
    """A Dagster history of its own, as runs of the checkout must not be cancelled by trials."""
    home = folder / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings = f"telemetry:\n  enabled: false\nstorage:\n  sqlite:\n    base_dir: {home}/history\n"
    settings += (
        "compute_logs:\n  module: dagster._core.storage.noop_compute_log_manager\n  class: NoOpComputeLogManager\n"
    )
    (home / "dagster.yaml").write_text(settings, encoding="utf-8")
    return {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}


def start_forked(command: list[str], log: Path, environment: dict[str, str]) -> int:
    """Runs the command line in a copy of this process; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.environ.update(environment)
        sys.argv = command
        from pipelines.cli import main

        main()
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    except BaseException:
        os._exit(99)
    os._exit(0)


def start_anew(command: list[str], log: Path, environment: dict[str, str]) -> int:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *command[1:]],
            stdout=out, stderr=out, env=os.environ | environment, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
    process.returncode = 0  # waited for by its id
    return process.pid


def wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


INSPECT = """
import json, sys
from pathlib import Path
import polars as pl
from pipelines.warehouse.read import open_warehouse
from pipelines.warehouse.schema import TABLES
from pipelines.warehouse.store import Store
from pipelines.warehouse.tables import hash_tables
root = Path(sys.argv[1])
for line in sys.stdin:
    store = Store(root)
    with open_warehouse(root) as warehouse:
        database = {t.name: warehouse.table(t.name) for t in TABLES}
        vintage = warehouse.vintage
        told = warehouse.sql("SELECT tables_sha256 FROM publications ORDER BY vintage DESC LIMIT 1")["tables_sha256"][0]
    parquet = {t.name: pl.read_parquet(root / "tables" / f"{t.name}.parquet") for t in TABLES}
    manifest = store.manifest() or {}
    print(json.dumps({
        "database": hash_tables(database), "parquet": hash_tables(parquet), "told": told, "vintage": vintage,
        "manifest": manifest.get("tables_sha256"), "manifest_vintage": manifest.get("vintage"), "faults": store.verify(),
        "publications": database["publications"].height, "vintages": len(store.vintages()),
        "litter": sorted(p.name for p in root.iterdir() if p.name.endswith(".tmp") or p.name.startswith("candidate")),
    }), flush=True)
"""


class Inspector:
    """Reads the warehouse from a process of its own, as an analyst would."""

    def __init__(self, warehouse: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", INSPECT, str(warehouse)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def look(self) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("look\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the warehouse could not be read")
        return dict(json.loads(line))

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@dataclass
class Tally:
    """What the trials showed."""

    kills: int = 0
    anew: int = 0
    too_late: int = 0
    old_seen: int = 0
    new_seen: int = 0
    lost: list[str] = field(default_factory=list)


def check_whole(seen: dict[str, Any], allowed: set[str], where: str) -> list[str]:
    """Faults of what a reader sees: all views equal, and equal to one of the allowed builds."""
    faults = []
    views = {seen["database"], seen["parquet"], seen["told"], seen["manifest"]}
    if len(views) != 1:
        faults.append(f"{where}: database, Parquet and manifest differ: {seen}")
    if seen["database"] not in allowed:
        faults.append(f"{where}: neither the tables before nor the new ones: {seen}")
    if seen["vintage"] != seen["manifest_vintage"] or seen["faults"]:
        faults.append(f"{where}: {seen['faults'] or 'two vintages at once'}")
    return faults


LOADED = """
import json, sys
from pipelines.cli import main
sys.argv = sys.argv[1:]
try:
    main()
except SystemExit as ended:
    assert not ended.code
print("loaded " + json.dumps(sorted(sys.modules)))
"""


def load_everything(folder: Path, environment: dict[str, str]) -> None:
    """Imports what a run imports, and the vocabularies, which forked trials then share. No frame is computed here:
    Polars' threads do not survive a fork, so they must not be started before it."""
    command = [sys.executable, "-c", LOADED, *words(folder / "raw", folder / "first" / "wh")]
    first = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment, cwd=ROOT)
    line = next(line for line in first.stdout.splitlines() if line.startswith("loaded "))
    for name in json.loads(line.removeprefix("loaded ")):
        with contextlib.suppress(Exception):  # some modules exist only where their program is started
            if not name.startswith("__"):
                importlib.import_module(name)
    from pipelines.extraction.document import extract_records

    assert extract_records(folder / "raw" / "documents" / "0.txt")


def trials(kills: int, seed: int, folder: Path, *, states: int = 4, say: bool = False) -> Tally:
    """Runs the trials below `folder`."""
    chance = random.Random(seed)
    environment = dagster_home(folder)
    raw, warehouse, log = folder / "raw", folder / "wh", folder / "log.txt"
    make_raw(raw, 0)
    load_everything(folder, environment)
    expected: list[str] = []
    for state in range(states):  # undisturbed builds, each from nothing
        alone = folder / f"undisturbed-{state}"
        make_raw(raw, state)
        code = wait(start_forked(words(raw, alone / "wh"), log, environment))
        assert code == 0, log.read_text()
        reader = Inspector(alone / "wh")
        expected.append(reader.look()["database"])
        reader.close()
        shutil.rmtree(alone)
    assert len(set(expected)) == states
    make_raw(raw, 0)
    began = time.monotonic()
    assert wait(start_forked(words(raw, warehouse), log, environment)) == 0
    lasting = {False: time.monotonic() - began, True: 2.0 * (time.monotonic() - began)}
    tally, inspector, state = Tally(), Inspector(warehouse), 0
    try:
        while tally.kills < kills:
            following = (state + chance.randrange(1, states)) % states
            make_raw(raw, following)
            anew = tally.kills % 10 == 9
            began = time.monotonic()
            pid = (start_anew if anew else start_forked)(words(raw, warehouse), log, environment)
            time.sleep(chance.uniform(0, 1.05 * lasting[anew]))
            ended, _ = os.waitpid(pid, os.WNOHANG)
            if ended:
                tally.too_late += 1
                lasting[anew] = min(lasting[anew], time.monotonic() - began)
                state = following
                continue
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            tally.kills += 1
            tally.anew += anew
            where = f"kill {tally.kills}"
            seen = inspector.look()
            tally.lost += check_whole(seen, {expected[state], expected[following]}, where)
            if seen["database"] == expected[following]:
                tally.new_seen += 1
            else:
                tally.old_seen += 1
            began = time.monotonic()
            code = wait(start_forked(words(raw, warehouse), log, environment))
            lasting[False] = 0.8 * lasting[False] + 0.2 * (time.monotonic() - began)
            if code != 0:
                tally.lost.append(f"{where}: the next run ended with {code}: {log.read_text()[-500:]}")
            seen = inspector.look()
            tally.lost += check_whole(seen, {expected[following]}, f"{where}, next run")
            if seen["vintages"] > 3 or seen["litter"]:
                tally.lost.append(f"{where}: left behind {seen['litter']}, {seen['vintages']} vintages")
            state = following
            if say and tally.kills % 10 == 0:
                print(f"{tally.kills} kills, {len(tally.lost)} losses, a run takes {lasting[False]:.1f} s", flush=True)
    finally:
        inspector.close()
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="xianzhi-kill-") as folder:
        tally = trials(chosen.kills, chosen.seed, Path(folder), say=True)
    print(
        f"{tally.kills} runs killed ({tally.anew} of them started anew, the others forked), {tally.too_late} had ended "
        f"before; readers saw the warehouse before {tally.old_seen} times and the new one {tally.new_seen} times; "
        f"{len(tally.lost)} losses; seed {chosen.seed}; {time.monotonic() - began:.0f} s"
    )
    for line in tally.lost:
        print(line)
    sys.exit(1 if tally.lost else 0)


if __name__ == "__main__":
    main()
