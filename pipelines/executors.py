"""Where batches of documents are read: in this process, in processes of this machine, or on a Dask cluster.

Here: opening an engine named by configuration, handing batches to it, and what happens when a worker dies. No scheduler
and no transport of our own. Not here: what is done with a batch (`parts`). Loads no table library, as workers import it
before their settings are made.

    processes                    one process a core, the default
    dask                         a Dask cluster on this machine
    dask:tcp://scheduler:8786    a Dask cluster that is running
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Batch = Sequence[Item]

WORKER_SETTINGS = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
"""Each worker has one core; threads of its own would only wait for one another."""


class WorkersError(RuntimeError):
    """Workers cannot be started at all, which says nothing about any document."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Something that runs batches: `open(n)` gives an executor with at most n workers."""

    open: Callable[[int], AbstractContextManager[Executor]]
    workers: int
    shared: bool = False
    """True where workers may run on other machines and see no files of this one."""


def set_up_worker() -> None:
    """Settings of a worker process, before anything is imported that reads them."""
    os.environ.update(WORKER_SETTINGS)
    # rows live as long as their task: looking through all of them every few hundred objects costs a tenth of the time
    gc.set_threshold(100_000, 50, 50)
    parent: multiprocessing.process.BaseProcess | None = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """Ends this worker when the run is gone; of a killed run it would otherwise wait for work for ever."""
    parent.join()
    os._exit(1)


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    # forkserver, because the threads of Polars and DuckDB do not survive a fork of this process
    context = multiprocessing.get_context("forkserver")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=set_up_worker)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _dask(address: str) -> Callable[[int], AbstractContextManager[Executor]]:
    @contextmanager
    def cluster(workers: int) -> Iterator[Executor]:
        try:
            distributed = import_module("distributed")
        except ImportError as error:
            raise ValueError("the executor `dask` needs the extra `cluster`: pip install 'xianzhi[cluster]'") from error
        if address:
            with distributed.Client(address) as client:
                yield client.get_executor()
            return
        with (
            distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, env=WORKER_SETTINGS
            ) as local,
            distributed.Client(local) as client,
        ):
            yield client.get_executor()

    return cluster


def engine(name: str = "processes", workers: int = 0) -> Engine:
    """The engine of a configured name; raises ValueError for any other. `workers` 0 is one a core, at most eight."""
    n = workers or min(os.cpu_count() or 1, 8)
    if name == "processes":
        return Engine(_processes, n)
    kind, _, address = name.partition(":")
    if kind == "dask":
        return Engine(_dask(address), n if workers or not address else 64, shared=bool(address))
    raise ValueError(f"unknown executor {name!r}: use processes, dask or dask:tcp://HOST:PORT")


def local_engine(workers: int | None = None) -> Engine | None:
    """Processes of this machine for work on files of this machine, whatever reads the documents; None for one worker."""
    n = workers or min(os.cpu_count() or 1, 8)
    return Engine(_processes, n) if n > 1 else None


def _is_loss(error: BaseException) -> bool:
    """True where the error says that the worker ended, and not that the work failed."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


def run_batches(
    work: Callable[[Batch[Item]], Result],
    batches: Sequence[Batch[Item]],
    engine: Engine,
    lost: Callable[[Item], Result],
) -> Iterator[Result]:
    """Results of all batches, in any order. A batch whose worker died is done again alone, halved until the one item
    that ends workers stands alone; `lost` makes its result. What `work` raises is raised here."""
    waiting = deque(batches)
    suspects: list[Batch[Item]] = []
    while waiting:
        with engine.open(min(engine.workers, len(waiting))) as executor:
            running: dict[Future[Result], Batch[Item]] = {}
            whole = True
            while running or (waiting and whole):
                while whole and waiting and len(running) < 2 * engine.workers:
                    try:
                        running[executor.submit(work, waiting[0])] = waiting[0]
                        waiting.popleft()
                    except BrokenExecutor:
                        whole = False
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    batch = running.pop(future)
                    try:
                        yield future.result()
                    except Exception as error:
                        if not _is_loss(error):
                            raise
                        suspects.append(batch)
                        whole = whole and not isinstance(error, BrokenExecutor)
    if suspects:
        _probe(engine)
    for batch in suspects:
        yield from _alone(work, batch, engine, lost)


def _probe(engine: Engine) -> None:
    """Raises WorkersError where a worker ends although it has nothing to do."""
    try:
        with engine.open(1) as executor:
            executor.submit(os.getpid).result()
    except Exception as error:
        if not _is_loss(error):
            raise
        raise WorkersError(
            "worker processes end as soon as they start: a script that starts a run needs the usual "
            "`if __name__ == '__main__':`, or use one worker"
        ) from error


def _alone(
    work: Callable[[Batch[Item]], Result], batch: Batch[Item], engine: Engine, lost: Callable[[Item], Result]
) -> Iterator[Result]:
    try:
        with engine.open(1) as executor:
            result = executor.submit(work, batch).result()
    except Exception as error:
        if not _is_loss(error):
            raise
        if len(batch) == 1:
            yield lost(batch[0])
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            yield from _alone(work, half, engine, lost)
        return
    yield result
