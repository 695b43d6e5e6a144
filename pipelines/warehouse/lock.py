"""The writer lock: one run at a time for each warehouse.

An OS lock (flock) and not a file's existence, so that a killed run leaves nothing to clean up. The file says who holds
it. Readers need no lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

LOCK_NAME = ".lock"
_held: dict[Path, int] = {}


class LockedError(RuntimeError):
    """Another run holds the warehouse; the message names it."""


def holder(root: Path) -> str | None:
    """Who holds the lock, in words; None where nobody does (whatever a killed run left in the file)."""
    path = root / LOCK_NAME
    try:
        with path.open("r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return _describe(path)
            fcntl.flock(file, fcntl.LOCK_UN)
    except OSError:
        return None
    return None


def _describe(path: Path) -> str:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return f"process {note['pid']} on {note['host']}, since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "an unnamed process"


@contextmanager
def writer_lock(root: Path) -> Iterator[None]:
    """Holds the warehouse for writing; entering again inside the same process is free. Raises LockedError at once."""
    key = root.resolve()
    if _held.get(key):
        _held[key] += 1
        try:
            yield
        finally:
            _held[key] -= 1
        return
    root.mkdir(parents=True, exist_ok=True)
    path = root / LOCK_NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LockedError(
                f"another run holds the warehouse {root} ({_describe(path)}): wait for its end or give another --warehouse"
            ) from error
        note = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        _held[key] = 1
        try:
            yield
        finally:
            _held[key] = 0
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
