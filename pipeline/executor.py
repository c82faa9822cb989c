"""Where jobs run: in this process, in several, or on a Dask cluster, behind the interface of concurrent.futures.

`run_all` hands jobs to any executor and yields each result as it comes, with no more jobs in flight than there are
workers to take them (and one in reserve each), so an interruption loses what is in flight and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from pipeline.errors import AtlasError

Job = TypeVar("Job")
Result = TypeVar("Result")


class InProcess(Executor):
    """Runs a job in this process at the moment when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run now; the future is already done. An interruption by the keyboard passes through."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def executor(workers: int = 1, scheduler: str | None = None) -> Iterator[tuple[Executor, int]]:
    """Open an executor and say how many jobs it can take at once.

    Parameters
    ----------
    workers
        Processes on this machine; 1 means this process.
    scheduler
        Address of a Dask scheduler ("tcp://host:8786"), which takes precedence.

    Raises
    ------
    AtlasError
        When the scheduler cannot be reached or the package for it is not installed.
    """
    if scheduler is not None:
        with _cluster(scheduler) as opened:
            yield opened
    elif workers == 1:
        yield InProcess(), 1
    else:
        threads = max(1, (os.cpu_count() or 1) // workers)
        # Forking a process that runs torch's threads can hang; a fresh interpreter cannot.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_use_threads, initargs=(threads,))
        try:
            yield pool, workers
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Executor, int]]:
    try:
        from distributed import Client
    except ImportError as error:
        raise AtlasError('a scheduler needs the package "distributed": pip install "building-blocks[cluster]"') from error
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise AtlasError(f"no Dask scheduler answers at {address} ({error}); start one with: dask scheduler") from error
    with client:
        workers = len(client.scheduler_info()["workers"])
        if not workers:
            raise AtlasError(f"the scheduler at {address} has no workers; start some with: dask worker {address}")
        yield client.get_executor(), workers


def _use_threads(count: int) -> None:
    import signal

    import torch

    torch.set_num_threads(count)
    # The parent decides what an interruption means; a worker that died of it first would be reported as a crash.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_all(executor: Executor, workers: int, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[tuple[Job, Result]]:
    """Run `function` on every job and yield `(job, result)` as they come.

    Raises
    ------
    AtlasError
        When a worker process dies; and whatever a job raises, at once, with the jobs not yet begun cancelled.
    """
    waiting = iter(jobs)
    in_flight: dict[Future[Result], Job] = {}
    capacity = 1 if isinstance(executor, InProcess) else 2 * workers
    try:
        while True:
            while len(in_flight) < capacity:
                job = next(waiting, None)
                if job is None:
                    break
                in_flight[executor.submit(function, job)] = job
            if not in_flight:
                return
            done, _ = wait(in_flight, return_when=FIRST_COMPLETED)
            for future in done:
                yield in_flight.pop(future), future.result()
    except BrokenProcessPool as error:
        raise AtlasError("a worker process died, most likely for want of memory; run again with fewer --workers") from error
    finally:
        for future in in_flight:
            future.cancel()
