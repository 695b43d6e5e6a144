"""Archives of documents: members laid out as plain files, within limits that a hostile archive cannot pass.

Belongs here: .zip and .tar (plain, gzip, bzip2, xz), also inside each other; limits; names that lead elsewhere; links.
Does not belong here: what a member says, or whether it can be read at all (`read`).

Nothing is ever written under a name an archive gives: members are numbered files in a folder of our own.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from pipelines.documents.model import DocumentError
from pipelines.documents.read import MAX_BYTES, MAX_RATIO

MAX_UNPACKED: Final = 500_000_000
"""Bytes all members of one archive, nested ones included, may unpack to."""
RATIO_FROM: Final = 20_000_000
"""Below this an archive may unpack to any multiple of its size: small texts of zeros are harmless."""
MAX_MEMBERS: Final = 10_000
"""Entries of one archive, nested ones included."""
MAX_DEPTH: Final = 3
"""Archives inside archives; the outermost counts as one."""
MAX_NAME: Final = 1_000
"""Characters of a member's name."""

_TAR_SUFFIXES: Final = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
SUFFIXES: Final = (".zip", *_TAR_SUFFIXES)
_BROKEN: Final = (
    zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError,
    NotImplementedError, RuntimeError, ValueError, OverflowError, IndexError, KeyError, MemoryError,
)  # fmt: skip
_INDEX: Final = "index.json"
_LAYOUT: Final = 1  # of the folder `unpack` makes; another number unpacks again


def _is_of_the_disk(error: BaseException) -> bool:
    """True where not the archive is at fault but the disk; a place before the file's start (EINVAL) is a damaged index."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class Member:
    """One document of an archive: its name inside, the file that holds its bytes, or why there is none.

    An empty `name` means the archive itself.
    """

    name: str
    path: Path | None
    sha256: str
    fault: tuple[str, str] | None = None


def is_archive(name: str) -> bool:
    """True for names that end like an archive."""
    return name.lower().endswith(SUFFIXES)


class _Refused(DocumentError):
    """The whole archive is refused."""


@dataclass(slots=True)
class _Budget:
    """What may still be unpacked; shared by an archive and all archives inside it."""

    packed: int
    unpacked: int = 0
    members: int = 0

    def take(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED:
            raise _Refused("too_large", f"The archive unpacks to more than {MAX_UNPACKED:,} bytes; split it.")
        if self.unpacked > RATIO_FROM and self.unpacked > MAX_RATIO * self.packed:
            raise _Refused(
                "too_large",
                f"The archive unpacks to more than {MAX_RATIO} times its size and is refused; unpack it first.",
            )

    def count(self) -> None:
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise _Refused("too_large", f"The archive holds more than {MAX_MEMBERS:,} files; split it.")


class _Bounded(io.RawIOBase):
    """A decompressed stream that stops at the budget, so that not even an archive's own headers fill the memory."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._stream.read(len(buffer))
        self._budget.take(len(data))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def laid_out(archive: Path) -> Iterator[list[Member]]:
    """Members of an archive in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="xianzhi-") as folder:
        yield unpack(archive, Path(folder))


def unpack(archive: Path, folder: Path, sha256: str | None = None) -> list[Member]:
    """Members of an archive as files below `folder`/<hash of the archive>, sorted by name.

    A member that cannot be had, and an archive that is damaged or breaks a limit, is a `Member` with a fault; an
    archive that breaks a limit gives no members at all. An archive unpacked before is not unpacked again. Raises
    OSError where `folder` cannot be written.
    """
    if sha256 is None:
        with archive.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    home = folder / sha256
    known = _known(home)
    if known is not None:
        return known
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    work = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder))
    try:
        found = _Unpacker(work, _Budget(max(1, archive.stat().st_size)), sha256).all(archive)
        note = [asdict(m) | {"path": m.path.name if m.path else None} for m in found]
        (work / _INDEX).write_text(json.dumps({"layout": _LAYOUT, "members": note}), encoding="utf-8")
        shutil.rmtree(home, ignore_errors=True)
        work.replace(home)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return _known(home) or []


def forget(folder: Path, live: set[str]) -> None:
    """Removes what was unpacked of archives that are gone, and what a killed run left."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.name not in live:
            shutil.rmtree(entry, ignore_errors=True)


def _known(home: Path) -> list[Member] | None:
    try:
        note = json.loads((home / _INDEX).read_text(encoding="utf-8"))
        if note["layout"] != _LAYOUT:
            return None
        found = [
            Member(
                m["name"],
                home / m["path"] if m["path"] else None,
                m["sha256"],
                (str(m["fault"][0]), str(m["fault"][1])) if m["fault"] else None,
            )
            for m in note["members"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if all(m.path is None or m.path.is_file() for m in found) else None


class _Unpacker:
    def __init__(self, work: Path, budget: _Budget, sha256: str) -> None:
        self._work, self._budget, self._sha256 = work, budget, sha256
        self._found: list[Member] = []
        self._names: set[str] = set()

    def all(self, archive: Path) -> list[Member]:
        try:
            self._archive(archive, archive.name, "", 1)
        except _Refused as refused:
            for member in self._found:
                if member.path:
                    member.path.unlink(missing_ok=True)
            return [Member("", None, self._sha256, (refused.status, refused.message))]
        if not self._found:
            self._fault("", "empty", "The archive holds no document; fetch it again or remove it.")
        return sorted(self._found, key=lambda m: m.name)

    def _fault(self, name: str, status: str, message: str) -> None:
        self._found.append(Member(self._unique(name) if name else "", None, self._sha256, (status, message)))

    def _unique(self, name: str) -> str:
        """Two members may bear the same name; each stays a document of its own."""
        unique, n = name, 1
        while unique in self._names:
            n += 1
            unique = f"{name}#{n}"
        self._names.add(unique)
        return unique

    def _archive(self, path: Path, name: str, inside: str, depth: int) -> None:
        """Lays out one archive; `inside` is its own name within the outermost, empty for that."""
        with path.open("rb") as stream:
            head = stream.read(4)
        prefix = f"{inside}!/" if inside else ""
        try:
            if head == b"PK\x05\x06":
                return
            if head[:2] == b"PK":
                self._zip(path, prefix, depth)
            elif name.lower().endswith(".zip"):
                raise zipfile.BadZipFile
            else:
                self._tar(path, name, prefix, depth)
        except _Refused:
            raise
        except _BROKEN as error:
            if _is_of_the_disk(error):
                raise
            self._fault(inside, "truncated", "The archive is cut off or damaged; fetch it again.")

    # --- kinds of archives ------------------------------------------------------------------------------------------

    def _zip(self, path: Path, prefix: str, depth: int) -> None:
        with zipfile.ZipFile(path) as package:
            for entry in package.infolist():
                name = entry.filename
                if not entry.flag_bits & 0x800:  # written by a program that knows no Unicode: often GBK
                    name = _chinese(name)
                if entry.is_dir() or name.endswith("\\"):
                    continue
                self._budget.count()
                inside = self._accepted(name, prefix, stat.S_ISLNK(entry.external_attr >> 16))
                if inside is None:
                    continue
                if entry.flag_bits & 1:
                    self._fault(inside, "encrypted", "The file is protected by a password; unpack the archive first.")
                    continue
                try:
                    with package.open(entry) as stream:
                        self._keep(stream, inside, depth, count=True)
                except _Refused:
                    raise
                except _BROKEN as error:
                    if _is_of_the_disk(error):
                        raise
                    self._fault(inside, "truncated", "The file is damaged inside its archive; fetch the archive again.")

    def _tar(self, path: Path, name: str, prefix: str, depth: int) -> None:
        with _decompressed(path) as stream:
            bounded = io.BufferedReader(_Bounded(stream, self._budget), 1 << 16)
            with tarfile.open(fileobj=bounded, mode="r|", errorlevel=1) as package:
                for entry in package:
                    if entry.isdir():
                        continue
                    self._budget.count()
                    inside = self._accepted(_utf8_or_chinese(entry.name), prefix, not entry.isfile())
                    if inside is None:
                        continue
                    content = package.extractfile(entry)
                    if content is not None:
                        self._keep(content, inside, depth, count=False)

    # --- one member -------------------------------------------------------------------------------------------------

    def _accepted(self, name: str, prefix: str, link: bool) -> str | None:
        """The member's name within the outermost archive; None where it is no document, or is reported as a fault."""
        clean = name.replace("\\", "/")
        parts = PurePosixPath(clean).parts
        if any(p.startswith(("~$", "__MACOSX")) or (p.startswith(".") and p not in {".", ".."}) for p in parts):
            return None
        shown = prefix + "/".join(p for p in parts if p != "/")[:MAX_NAME]
        if ".." in parts or clean.startswith("/") or re.match(r"[A-Za-z]:", clean):
            self._fault(
                shown, "unsafe", "The name of this entry leads outside the archive; it is not read, pack it again."
            )
            return None
        if link:
            self._fault(shown, "unsafe", "This entry is a link or a device and not a file; add the file itself.")
            return None
        if len(clean) > MAX_NAME or not parts:
            self._fault(shown or prefix + "?", "unsafe", "The name of this entry is empty or too long; pack it again.")
            return None
        return shown

    def _keep(self, stream: IO[bytes], inside: str, depth: int, *, count: bool) -> None:
        """Writes one member, or lays out the archive it is."""
        suffix = re.sub(r"[^a-z0-9.]", "", PurePosixPath(inside).suffix.lower())[:10]
        path = self._work / f"{self._budget.members:05d}{suffix}"
        digest, size = hashlib.sha256(), 0
        nested = is_archive(inside)
        limit = MAX_UNPACKED if nested else MAX_BYTES
        try:
            with path.open("wb") as out:
                while part := stream.read(1 << 20):
                    if count:
                        self._budget.take(len(part))
                    size += len(part)
                    if size <= limit:
                        digest.update(part)
                        out.write(part)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if size > limit:
            path.unlink()
            self._fault(inside, "too_large", f"{size:,} bytes; files above {limit:,} bytes are not read, split it.")
        elif nested:
            if depth >= MAX_DEPTH:
                self._fault(inside, "unsupported", f"Archives are opened {MAX_DEPTH} deep; unpack this one first.")
            else:
                self._archive(path, inside, inside, depth + 1)
            path.unlink()
        else:
            self._found.append(Member(self._unique(inside), path, digest.hexdigest()))


@contextmanager
def _decompressed(path: Path) -> Iterator[IO[bytes]]:
    """The archive's own bytes, whatever it is compressed with; judged by content, as names are often wrong."""
    with path.open("rb") as raw:
        head = raw.read(6)
        raw.seek(0)
        if head[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream  # type: ignore[misc]
        elif head[:3] == b"BZh":
            with bz2.BZ2File(raw) as packed:
                yield packed
        elif head == b"\xfd7zXZ\x00":
            with lzma.LZMAFile(raw) as small:
                yield small
        else:
            yield raw


def _chinese(name: str) -> str:
    """The name a zip program wrote in GBK or UTF-8 without saying so, which Python took for cp437."""
    try:
        data = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    return _decoded(data) or name


def _utf8_or_chinese(name: str) -> str:
    return _decoded(name.encode("utf-8", "surrogateescape")) or os.fsdecode(os.fsencode(name))


def _decoded(data: bytes) -> str | None:
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
