"""Where jobs run: in this process, in several, or on a Dask cluster.

All three have the interface of concurrent.futures. `run_all` gives jobs to any of them and yields
each result as it comes. At most two jobs for each worker are under way at a time, so an
interruption loses those and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from pipeline.errors import AtlasError

Job = TypeVar("Job")
Result = TypeVar("Result")


class InProcess(Executor):
    """Runs a job in this process at the moment when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run now; the future is already done. A KeyboardInterrupt passes through."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def executor(workers: int = 1, scheduler: str | None = None) -> Iterator[tuple[Executor, int]]:
    """Open an executor; give it and the number of its workers.

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
        with _processes(workers) as pool:
            yield pool, workers


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    threads = max(1, (os.cpu_count() or 1) // workers)
    # Forking a process that runs torch's threads can hang; a fresh interpreter cannot.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin_worker, initargs=(threads,)
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin_worker(threads: int) -> None:
    import signal

    import torch

    torch.set_num_threads(threads)
    # The parent handles an interruption; a worker that it ended first would count as a crash.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Executor, int]]:
    try:
        from distributed import Client
    except ImportError as error:
        advice = 'pip install "building-blocks[cluster]"'
        raise AtlasError(f'a scheduler needs the package "distributed": {advice}') from error
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        advice = "start one with: dask scheduler"
        raise AtlasError(f"no Dask scheduler answers at {address} ({error}); {advice}") from error
    with client:
        workers = len(client.nthreads())
        if not workers:
            advice = f"start some with: dask worker {address}"
            raise AtlasError(f"the scheduler at {address} has no workers; {advice}")
        yield client.get_executor(), workers


def run_all(
    executor: Executor, workers: int, function: Callable[[Job], Result], jobs: Iterable[Job]
) -> Iterator[tuple[Job, Result]]:
    """Run `function` on every job and yield `(job, result)` as they come.

    Parameters
    ----------
    executor, workers
        As `executor` gives them.
    function
        Of a module, so that other processes can import it.
    jobs
        Taken one by one, when a worker is free for them.

    Raises
    ------
    AtlasError
        When a worker process dies. What a job raises is raised at once; jobs that have not begun
        are cancelled.
    """
    waiting = iter(jobs)
    under_way: dict[Future[Result], Job] = {}
    capacity = 1 if isinstance(executor, InProcess) else 2 * workers
    try:
        while True:
            for job in islice(waiting, capacity - len(under_way)):
                under_way[executor.submit(function, job)] = job
            if not under_way:
                return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                yield under_way.pop(future), future.result()
    except BrokenProcessPool as error:
        advice = "run again with fewer --workers"
        message = "a worker process died, most likely because memory ran out"
        raise AtlasError(f"{message}; {advice}") from error
    finally:
        for future in under_way:
            future.cancel()
