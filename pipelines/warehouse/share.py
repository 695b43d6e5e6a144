"""A published warehouse for many readers: its Parquet files in an object store, with views that any DuckDB opens.

Here: copying what was published to an address, so that a reader sees one vintage whole. Files are named after their
contents, so that a table that did not change is not sent again; the list of a vintage is written after its files, and
the pointer to it last. Not here: publishing on this machine (`store`), access rights (the object store's own).

    <address>/files/TABLE-<hash>.parquet      shared by vintages
    <address>/<vintage>/views.sql             CREATE VIEW statements over the files of one vintage
    <address>/<vintage>/manifest.json         the same as data: files and hash of each table
    <address>/views.sql, manifest.json        those of the latest vintage
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pipelines.sources import file_system
from pipelines.warehouse.database import literal
from pipelines.warehouse.schema import BY_NAME
from pipelines.warehouse.store import Store, StoreError

KEPT_VINTAGES = 3


@dataclass(frozen=True, slots=True)
class Shared:
    """What was shared: the vintage, files sent, files that were there already."""

    vintage: str
    sent: int
    kept: int


def views(base: str, files: dict[str, list[str]]) -> str:
    """CREATE VIEW statements for the tables of a vintage, with the meaning of each; `base` is where readers find it."""
    lines = [
        "-- Tables of one vintage as views: duckdb -init views.sql, or connection.execute(...) from any language.\n"
    ]
    for table, names in sorted(files.items()):
        paths = ", ".join(literal(f"{base}/files/{name}") for name in names)
        lines.append(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM read_parquet([{paths}]);\n")  # noqa: S608
        lines.append(f"COMMENT ON VIEW {table} IS {literal(BY_NAME[table].comment)};\n")
    return "".join(lines)


def share(root: Path, address: str, base: str = "") -> Shared:
    """Copies the published vintage of a warehouse folder to an fsspec address and makes it the latest there.

    `base` is the address that readers use where it is another one (https://... before s3://...). Raises StoreError where
    nothing is published or a published file was changed since, ValueError for an address without plug-in.
    """
    store = Store(root)
    manifest = store.manifest()
    if manifest is None:
        raise StoreError(f"nothing is published in {root}: run `xianzhi run` first")
    broken = store.verify()
    if broken:
        raise StoreError(f"not shared: {' | '.join(broken)}")
    fs, target = file_system(address)
    target = target.rstrip("/")
    vintage = str(manifest["vintage"])
    fs.makedirs(f"{target}/files", exist_ok=True)
    there = {Path(name).name for name in fs.ls(f"{target}/files", detail=False)}
    files: dict[str, list[str]] = defaultdict(list)
    sent = kept = 0
    for path, fact in sorted(manifest["files"].items()):
        parts = Path(path).parts
        if not parts[0].startswith("tables-"):
            continue
        table = parts[1].removesuffix(".parquet")
        name = f"{table}-{fact['sha256'][:24]}.parquet"
        files[table].append(name)
        if name in there:
            kept += 1
        else:
            # under its final name only when whole: a reader never opens half a file
            fs.put_file(str(root / path), f"{target}/files/.{name}.tmp")
            fs.mv(f"{target}/files/.{name}.tmp", f"{target}/files/{name}")
            sent += 1
    said = {"vintage": vintage, "tables_sha256": manifest["tables_sha256"], "files": files}
    texts = {
        "views.sql": views(base or address.rstrip("/").removeprefix("file://"), files),
        "manifest.json": json.dumps(said, indent=1, sort_keys=True) + "\n",
    }
    fs.makedirs(f"{target}/{vintage}", exist_ok=True)
    for folder in (f"{target}/{vintage}", target):
        for name, text in texts.items():
            fs.pipe_file(f"{folder}/{name}", text.encode())
    _prune(address, vintage)
    return Shared(vintage, sent, kept)


def _prune(address: str, current: str) -> None:
    """Forgets vintages but the last ones, and files that none of those names."""
    fs, target = file_system(address)
    target = target.rstrip("/")
    fs.invalidate_cache()
    notes = {
        Path(folder).name: f"{folder}/manifest.json"
        for folder in fs.ls(target, detail=False)
        if fs.exists(f"{folder}/manifest.json")
    }
    kept = {*sorted(notes)[-KEPT_VINTAGES:], current}
    wanted: set[str] = set()
    for vintage, note in notes.items():
        if vintage in kept:
            wanted |= {name for names in json.loads(fs.cat_file(note))["files"].values() for name in names}
        else:
            fs.rm(f"{target}/{vintage}", recursive=True)
    for path in fs.ls(f"{target}/files", detail=False):
        if Path(path).name not in wanted:
            fs.rm_file(path)
