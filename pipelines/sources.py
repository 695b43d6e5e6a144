"""The documents of a raw folder: which files they are and when each was touched last.

Here: walking the folder, pairing documents with sidecars, and the facts that tell a changed file without reading it. A
raw folder is a local one or an address that fsspec knows (`s3://bucket/raw`, `memory://raw`). Not here: reading documents
(`parts`), deciding which to read again (`corpus`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.documents.archives import forget, is_archive, unpack
from pipelines.sidecars import SUFFIX, possible_sidecars, printable

RESERVED_FOLDERS = frozenset({"series", "corrections"})
"""Folders of a raw folder that hold tables and corrections, no documents."""
NO_DOCUMENT = "README.md"
UNREADABLE = (-1, 0, 0)
FRESH_NS = 2_000_000_000
"""A file touched within this time before it was looked at may have been touched again in the same tick of its clock."""


@dataclass(frozen=True, slots=True)
class Source:
    """One document found: its name inside the raw folder, where its bytes are, and its stamp (size in bytes, time of its
    contents and of its entry in ns); size -1 where it is no readable file. The same of its sidecar. `fault` is a status
    and a sentence where an archive could not give its member."""

    name: str
    location: str
    stamp: tuple[int, int, int] = UNREADABLE
    sidecar: str = ""
    sidecar_stamp: tuple[int, int, int] = UNREADABLE
    fault: tuple[str, str] | None = None

    @property
    def doc_id(self) -> str:
        """First 12 hex digits of the hash of the name."""
        return doc_id_of(self.name)


def doc_id_of(name: str) -> str:
    """Identifier of a document by its path inside the raw folder."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def is_remote(location: str) -> bool:
    """True for an address (`scheme://...`), False for a path of this machine."""
    return "://" in location


def file_system(address: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path inside it; raises ValueError where its plug-in is missing."""
    import fsspec  # type: ignore[import-untyped]

    try:
        fs, path = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"the address {address} cannot be used ({error}): install the fsspec plug-in of its scheme, e.g. s3fs or gcsfs"
        ) from error
    return fs, str(path)


# ------------------------------------------------------------------------------------------------------------- walking


def _walk(raw: Path) -> Iterator[tuple[str, list[os.DirEntry[str]] | None]]:
    """Each folder below `raw` with its files in a fixed order, or None where it cannot be listed. Links to folders are
    followed once and never in a circle, after all folders that are none."""
    seen: set[tuple[int, int]] = set()
    pending, links = [str(raw)], list[str]()
    while pending or links:
        folder = pending.pop() if pending else links.pop(0)
        try:
            status = os.stat(folder)  # noqa: PTH116  a path object for each of a million files would cost more than the look
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda e: os.fsencode(e.name))
        except OSError:
            yield folder, None
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        files: list[os.DirEntry[str]] = []
        folders: list[str] = []
        for entry in entries:
            if entry.name.startswith((".", "~$")):
                continue
            if not _leads_to_folder(entry):
                files.append(entry)
            elif entry.is_symlink():
                links.append(entry.path)
            else:
                folders.append(entry.path)
        yield folder, files
        pending.extend(reversed(folders))


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle; it is reported as a file that cannot be read
        return False


def find_files(raw: Path) -> Iterator[Path]:
    """Every file below a folder in a fixed order; a folder that cannot be listed is given like a file."""
    for folder, files in _walk(raw):
        if files is None:
            yield Path(folder)
        else:
            yield from (Path(entry.path) for entry in files)


def _stamp(entry: os.DirEntry[str] | Path) -> tuple[int, int, int]:
    try:
        status = entry.stat()
    except OSError:
        return UNREADABLE
    if not stat.S_ISREG(status.st_mode):
        return UNREADABLE
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _local(raw: Path) -> Iterator[Source]:
    root = len(str(raw)) + 1
    for folder, files in _walk(raw):
        inside = folder[root:].replace(os.sep, "/")
        if inside.split("/", 1)[0] in RESERVED_FOLDERS:
            continue
        if files is None:
            yield Source(inside, folder)
            continue
        prefix = f"{inside}/" if inside else ""
        by_name = {entry.name: entry for entry in files if entry.name != NO_DOCUMENT}
        sidecar_files = {
            name for name, entry in by_name.items() if name.endswith(SUFFIX) and _stamp(entry) != UNREADABLE
        }
        described = by_name if sidecar_files else ()
        sidecars = {name: found for name in described if (found := _first(possible_sidecars(name), sidecar_files))}
        taken = {sidecar for name, sidecar in sidecars.items() if not name.endswith(SUFFIX)}
        for name, entry in by_name.items():
            if name in taken:
                continue
            beside = sidecars.get(name)
            if beside is None:
                yield Source(prefix + name, entry.path, _stamp(entry))
            else:
                other = by_name[beside]
                yield Source(prefix + name, entry.path, _stamp(entry), other.path, _stamp(other))


def _remote_stamp(fact: dict[str, Any]) -> tuple[int, int, int]:
    """Size and a number that changes with the contents: object stores tell an ETag or a time, some only one of them."""
    told = [
        str(fact[key])
        for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "created")
        if key in fact
    ]
    digest = hashlib.sha256("\n".join(told).encode()).digest()
    return int(fact.get("size") or 0), int.from_bytes(digest[:7], "big"), 0


def _remote(address: str) -> Iterator[Source]:
    fs, root = file_system(address)
    root = root.rstrip("/")
    found: dict[str, dict[str, Any]] = {}
    for path, fact in fs.find(root, detail=True).items():
        name = path[len(root) :].lstrip("/")
        parts = PurePosixPath(name).parts
        if parts and parts[0] not in RESERVED_FOLDERS and not any(p.startswith((".", "~$")) for p in parts):
            found[name] = fact
    files = {name for name in found if PurePosixPath(name).name != NO_DOCUMENT}
    base = address.rstrip("/")
    sidecars: dict[str, str] = {}
    for name in files:
        folder, _, last = name.rpartition("/")
        prefix = f"{folder}/" if folder else ""
        beside = _first((prefix + s for s in possible_sidecars(last)), files)
        if beside:
            sidecars[name] = beside
    taken = {sidecar for name, sidecar in sidecars.items() if not name.endswith(SUFFIX)}
    for name in files - taken:
        beside = sidecars.get(name)
        yield Source(
            name,
            f"{base}/{name}",
            _remote_stamp(found[name]),
            f"{base}/{beside}" if beside else "",
            _remote_stamp(found[beside]) if beside else UNREADABLE,
        )


def find_documents(raw: Path | str) -> list[Source]:
    """Documents below a raw folder, by name; not its `series/` and `corrections/`, nor README.md and sidecars. Nothing
    is read. Raises FileNotFoundError where there is no such folder."""
    if is_remote(str(raw)):
        found = _remote(str(raw))
    else:
        raw = Path(raw)
        if not raw.is_dir():
            raise FileNotFoundError(f"the raw folder {raw} does not exist")
        found = _local(raw)
    return sorted(found, key=lambda s: os.fsencode(s.name))


def folder_state(raw: Path | str) -> str:
    """Hash over names, sizes and times of everything in a raw folder: another one means that something changed."""
    digest = hashlib.sha256()
    if is_remote(str(raw)):
        fs, root = file_system(str(raw))
        stamps = {path: _remote_stamp(fact) for path, fact in fs.find(root, detail=True).items()}
    else:
        stamps = {str(path): _stamp(path) for path in find_files(Path(raw))}
    for path, (size, at, _) in sorted(stamps.items()):
        digest.update(f"{printable(path)}\t{size}\t{at}\n".encode())
    return digest.hexdigest()


def local_tables(raw: Path | str, copy: Path) -> Path:
    """Where the series/ and corrections/ of a raw folder lie on this machine: there, or in `copy`, fetched anew."""
    if not is_remote(str(raw)):
        return Path(raw)
    fs, root = file_system(str(raw))
    for folder in sorted(RESERVED_FOLDERS):
        shutil.rmtree(copy / folder, ignore_errors=True)
        address = f"{root.rstrip('/')}/{folder}"
        for path in fs.find(address) if fs.exists(address) else ():
            target = copy / folder / path[len(address) :].lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(fs.cat_file(path))
    return copy


# ------------------------------------------------------------------------------------------------------------- archives


def _archive_hashes(note: Path, archives: Iterable[Source], looked_ns: int) -> dict[str, str]:
    """Hash of every archive; one that was not touched since it was hashed last is not opened."""
    try:
        known = json.loads(note.read_bytes())
    except (OSError, ValueError):
        known = {}
    hashes: dict[str, str] = {}
    lines: dict[str, list[object]] = {}
    for source in archives:
        stamp, sha256, at = known.get(source.name, (None, "", 0))
        if stamp != list(source.stamp) or not sha256 or max(source.stamp[1:]) >= at - FRESH_NS:
            sha256, at = hash_or_nothing(Path(source.location)), looked_ns
        hashes[source.name] = sha256
        lines[printable(source.name)] = [source.stamp, sha256, at]
    if lines or known:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(lines), encoding="utf-8")
    return hashes


def with_members(sources: Sequence[Source], unpacked: Path) -> list[Source]:
    """The sources with every archive replaced by the documents in it, named `archive!/member` and laid out as files
    below `unpacked`. A member's sidecar is the one beside it in the archive, else the archive's own."""
    looked_ns = time.time_ns()
    archives = [s for s in sources if is_archive(s.name) and s.stamp != UNREADABLE and not is_remote(s.location)]
    hashes = _archive_hashes(unpacked.with_suffix(".json"), archives, looked_ns)
    if not archives and not any(is_remote(s.location) for s in sources[:1]):
        forget(unpacked, set())
        return list(sources)
    found: list[Source] = []
    taken = {s.name for s in sources}
    for source in sources:
        if is_archive(source.name) and is_remote(source.location):
            message = "Archives at an address are not opened; unpack it there."
            found.append(replace(source, fault=("unsupported", message)))
        elif hashes.get(source.name):
            found += _members(source, unpacked, hashes[source.name], taken)
        else:
            found.append(source)
    forget(unpacked, set(hashes.values()))
    return sorted(found, key=lambda s: os.fsencode(s.name))


def _members(source: Source, unpacked: Path, sha256: str, taken: set[str]) -> Iterator[Source]:
    members = [m for m in unpack(Path(source.location), unpacked, sha256) if PurePosixPath(m.name).name != NO_DOCUMENT]
    by_name = {m.name: m for m in members if m.path and m.name.endswith(SUFFIX)}
    beside = {
        m.name: by_name[name]
        for m in members
        if m.name and m.name not in by_name
        for name in [_first(possible_sidecars(m.name), by_name)]
        if name
    }
    sidecars = {s.name for s in beside.values()}
    for member in members:
        if member.name in sidecars:
            continue
        name = f"{source.name}!/{member.name}" if member.name else source.name
        while name in taken and member.name:
            name += "#2"  # a folder on disk may be named like an archive's inside
        taken.add(name)
        own = beside.get(member.name)
        yield Source(
            name=name,
            location=str(member.path or source.location),
            stamp=_stamp(member.path) if member.path else source.stamp,
            sidecar=str(own.path) if own else source.sidecar,
            sidecar_stamp=_stamp(own.path) if own and own.path else source.sidecar_stamp,
            fault=member.fault,
        )


def _first(names: Iterable[str], known: Container[str]) -> str | None:
    return next((name for name in names if name in known), None)


# -------------------------------------------------------------------------------------------------------------- bytes


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def at_hand(location: str) -> Iterator[Path]:
    """The file on this machine: itself, or a copy under the same name that is gone afterwards. Raises OSError."""
    if not is_remote(location):
        yield Path(location)
        return
    fs, path = file_system(location)
    with tempfile.TemporaryDirectory(prefix="xianzhi-") as folder:
        copy = Path(folder) / PurePosixPath(path).name
        with fs.open(path, "rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        yield copy


def hash_or_nothing(path: Path) -> str:
    """SHA-256 of a file, empty where it is no file or cannot be read."""
    try:
        return sha256_of(path) if path.is_file() else ""
    except OSError:
        return ""
