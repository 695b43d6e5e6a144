"""Runs a server and ends all of it: `python tools/serve.py COMMAND...`.

`dagster dev` starts processes of its own that outlive it when it is told to end. Here the server and everything it starts
form one process group; at Ctrl-C, SIGTERM or the closing of the terminal the whole group is told to end, and killed where
it does not within `PATIENCE` seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

PATIENCE = 5.0


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if not _group_lives(server.pid):
            return
        os.killpg(server.pid, number)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and _group_lives(server.pid):
            server.poll()
            time.sleep(0.1)


def main() -> int:
    """Exit status of the server, or 128 and the signal that ended it."""
    server = subprocess.Popen(sys.argv[1:], start_new_session=True)
    told: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        told.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        while server.poll() is None and not told:
            time.sleep(0.2)
    finally:
        _end(server)
    return 0 if told == [signal.SIGINT] else 128 + told[0] if told else server.returncode


if __name__ == "__main__":
    sys.exit(main())
