"""Where jobs run: in this process, in several, or on a Dask cluster.

All three have the interface of concurrent.futures. `run_all` gives jobs to any of them and yields
each as it ends, well or badly. `Workers` keeps one of them open for phase after phase. At most two
jobs for each worker are under way at a time, so an interruption loses those and nothing else. A
process that dies is replaced, and its jobs begin again, one at a time: the one that it died of is
known by that.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from pipeline import cores
from pipeline.errors import AtlasError
from pipeline.luggage import Parcel, carried, pack

GPU = "GPU"  # the resource as workers name it: dask worker … --resources "GPU=1"
LOST = (
    "a worker process died of it, most likely because memory ran out; "
    "run again with fewer --workers"
)

Job = TypeVar("Job")
Result = TypeVar("Result")


class InProcess(Executor):
    """Runs a job in this process at the moment when it is submitted.

    Attributes
    ----------
    threads
        That torch computes with; None: as many as it takes.
    """

    threads: int | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run now; the future is already done. A KeyboardInterrupt passes through."""
        future: Future[Any] = Future()
        try:
            with cores.limited(self.threads):
                future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def executor(
    workers: int = 1,
    scheduler: str | None = None,
    parcel: Callable[[], Parcel | None] = lambda: None,
    spread: bool = True,
) -> Iterator[tuple[Executor, int]]:
    """Open an executor; give it and the number of its workers.

    Parameters
    ----------
    workers
        Processes on this machine; 1 means this process.
    scheduler
        Address of a Dask scheduler ("tcp://host:8786"), which takes precedence.
    parcel
        Makes what the scheduler's workers need of this machine's disk for all jobs.
    spread
        Whether each process shall see one GPU only, in turn, where there are several.

    Raises
    ------
    AtlasError
        When the scheduler cannot be reached or the package for it is not installed.
    """
    if scheduler is not None:
        with _cluster(scheduler, parcel) as opened:
            yield opened
    elif workers == 1:
        yield InProcess(), 1
    else:
        with _processes(workers, visible_gpus() if spread else ()) as pool:
            yield pool, workers


class Processes(Executor):
    """Processes of this machine, which are replaced when one dies."""

    def __init__(self, workers: int, gpus: Sequence[str] = ()) -> None:
        self.workers, self.gpus = workers, gpus
        self._others = set(multiprocessing.active_children())
        self.replace()

    def replace(self) -> None:
        """Begin with new processes."""
        # Forking a process that runs torch's threads can hang; a fresh interpreter cannot.
        context = multiprocessing.get_context("spawn")
        threads = cores.threads_each(self.workers)
        self._pool = ProcessPoolExecutor(
            self.workers,
            mp_context=context,
            initializer=_begin_worker,
            initargs=(threads, self.gpus, context.Value("i", 0)),
        )

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Give a job to the first process that is free."""
        return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when they have finished what they are at."""
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def kill(self) -> None:
        """End the processes now: their jobs may take minutes, and are computed again anyway."""
        for process in set(multiprocessing.active_children()) - self._others:
            process.kill()
        self.shutdown(cancel_futures=True)


@contextmanager
def _processes(workers: int, gpus: Sequence[str]) -> Iterator[Executor]:
    pool = Processes(workers, gpus)
    try:
        yield pool
    except BaseException:
        pool.kill()
        raise
    pool.shutdown(cancel_futures=True)


def visible_gpus() -> list[str]:
    """Name the GPUs that this process may use, as CUDA_VISIBLE_DEVICES does."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [each.strip() for each in named.split(",") if each.strip()]
    known = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number, _ in enumerate(known.iterdir())] if known.is_dir() else []


def _begin_worker(threads: int, gpus: Sequence[str], begun: Any) -> None:
    with begun.get_lock():
        number = begun.value
        begun.value += 1
    if len(gpus) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
    # Before torch is loaded, which a job does that needs it.
    os.environ.update(OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    # The parent handles an interruption; a worker that it ended first would count as a crash.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is killed, which could not tell it to."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Cluster(Executor):
    """The workers of a Dask cluster, which need not see this machine's disk.

    When one is lost, Dask runs its jobs on another.

    Attributes
    ----------
    dashboard
        The address at which Dask shows what its workers do; empty where there is none.
    """

    def __init__(self, client: Any, parcel: Parcel | None) -> None:
        self.dashboard = str(getattr(client, "dashboard_link", None) or "")
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        offered = {name for worker in workers for name in worker.get("resources", {})}
        # Where some workers have said that they have a GPU, each job takes one.
        needed = {GPU: 1} if GPU in offered else None
        self._pool = client.get_executor(pure=False, resources=needed)
        # Sent to every worker once, and known by its contents.
        self._parcel = None
        if parcel is not None:
            self._parcel = client.scatter(parcel, broadcast=True, hash=True)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Send a job and the files that it names to the first worker that is free."""
        (job,) = args
        try:
            packed = pack(job)
        except OSError as error:
            return _failed(AtlasError(f"{error.filename}: cannot be read ({error.strerror})"))
        return cast("Future[Any]", self._pool.submit(carried, fn, packed, self._parcel))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the cluster."""
        self._pool.shutdown(wait=wait)


@contextmanager
def _cluster(address: str, parcel: Callable[[], Parcel | None]) -> Iterator[tuple[Executor, int]]:
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
        yield Cluster(client, parcel()), workers


class Workers:
    """Where the jobs of a build run, phase after phase; opened when there is one.

    Parameters
    ----------
    crew
        Says, when it comes to that, how many processes compute on this machine.
    scheduler, parcel, spread
        As `executor` takes them.
    inform
        Takes a line for those who want to read more.
    """

    def __init__(
        self,
        crew: Callable[[], cores.Crew] = lambda: cores.Crew(1),
        scheduler: str | None = None,
        parcel: Callable[[], Parcel | None] = lambda: None,
        spread: bool = True,
        inform: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._crew, self._scheduler, self._parcel, self._spread = crew, scheduler, parcel, spread
        self._inform = inform
        self._stack = ExitStack()
        self._opened: tuple[Executor, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    @property
    def several(self) -> bool:
        """Whether several processes of this machine compute."""
        return isinstance(self._open()[0], Processes)

    def run(
        self, function: Callable[[Job], Result], jobs: Iterable[Job]
    ) -> Iterator[tuple[Job, Future[Result]]]:
        """Run `function` on every job and yield `(job, future)` as they end, as `run_all` does."""
        yield from run_all(*self._open(), function, jobs)

    def _open(self) -> tuple[Executor, int]:
        if self._opened is None:
            self._opened = self._begun()
        return self._opened

    def _begun(self) -> tuple[Executor, int]:
        crew = cores.Crew(1) if self._scheduler else self._crew()
        where = executor(crew.processes, self._scheduler, self._parcel, self._spread)
        pool, count = self._stack.enter_context(where)
        if isinstance(pool, Cluster) and pool.dashboard:
            self._inform(f"  {count} workers: {pool.dashboard}")
        elif isinstance(pool, InProcess):
            pool.threads = crew.threads
        else:
            self._inform(f"  {count} processes")
        return pool, count


def run_all(
    pool: Executor, workers: int, function: Callable[[Job], Result], jobs: Iterable[Job]
) -> Iterator[tuple[Job, Future[Result]]]:
    """Run `function` on every job and yield `(job, future)` as they end.

    The future has the result, or raises what the job raised; for a job of which its process died,
    an AtlasError. When the caller leaves, jobs that have not begun are cancelled.

    Parameters
    ----------
    pool, workers
        As `executor` gives them.
    function
        Of a module, so that other processes can import it.
    jobs
        Taken one by one, when a worker is free for them.
    """
    waiting = iter(jobs)
    suspects: list[Job] = []  # were under way when a process died
    under_way: dict[Future[Result], Job] = {}
    room = 1 if isinstance(pool, InProcess) else 2 * workers
    try:
        while True:
            alone = bool(suspects)
            more: Iterable[Job] = suspects[:1] if alone else islice(waiting, room - len(under_way))
            for job in more:
                under_way[_submitted(pool, function, job)] = job
            if not under_way:
                return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            if isinstance(pool, Processes) and any(map(_died, done)):
                jobs_lost = list(under_way.values())
                under_way.clear()
                pool.replace()
                if alone:
                    yield suspects.pop(0), _failed(AtlasError(LOST))
                else:
                    suspects += jobs_lost
                continue
            del suspects[:1]
            for future in done:
                yield under_way.pop(future), future
    finally:
        for future in under_way:
            future.cancel()


def _submitted(pool: Executor, function: Callable[[Job], Result], job: Job) -> Future[Result]:
    try:
        return pool.submit(function, job)
    except BrokenProcessPool as error:  # a process died before it had a job
        return _failed(error)


def _died(future: Future[Any]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future
