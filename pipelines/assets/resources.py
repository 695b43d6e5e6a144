"""What every asset of a run shares: the folders, the writer lock, and a way to tell how far the run is."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from pipelines.sources import is_remote
from pipelines.warehouse.lock import writer_lock
from pipelines.warehouse.store import Store

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

Listener = Callable[[str, int, int], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Generator[None, None, None]:
    """Calls `listener(step, done, total)` while a run goes on in this process."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(step: str, done: int = 0, total: int = 0) -> None:
    """Says how far a step is."""
    for listener in _listeners:
        listener(step, done, total)


def folder(variable: str, default: str) -> str:
    """A folder or address from the environment, else a folder inside the checkout."""
    given = os.environ.get(variable) or str(ROOT / default)
    return given if is_remote(given) else str(Path(given).resolve())


class Workspace(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folders a run reads and writes; held for writing from its first asset to its last."""

    raw: str
    warehouse: str
    exports: str
    workers: int = 0
    executor: str = "processes"
    """Engine that reads documents (`pipelines.executors`)."""
    exchange: str = ""
    """Address where workers on other machines leave their parts."""
    verify: bool = False
    """Hash everything instead of looking at sizes and times."""
    accept: str = ""
    """Why fewer figures than in the vintage before are right."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Workspace, None, None]:
        """Holds the writer lock for the whole run."""
        with writer_lock(Path(self.warehouse)):
            yield self

    @property
    def raw_dir(self) -> Path | str:
        """Documents, series and corrections: a folder, or an address."""
        return self.raw if is_remote(self.raw) else Path(self.raw)

    @property
    def warehouse_dir(self) -> Path:
        """Where the warehouse is published."""
        return Path(self.warehouse)

    @property
    def exports_dir(self) -> Path:
        """Where charts, decks and workbooks go."""
        return Path(self.exports)

    @property
    def store(self) -> Store:
        """The warehouse's writer."""
        return Store(self.warehouse_dir)
