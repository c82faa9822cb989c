import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from types import ModuleType

import pytest

from pipeline.errors import AtlasError
from pipeline.executor import executor, run_all


def square(value: int) -> int:
    if value < 0:
        raise AtlasError(f"{value} is negative")
    return value * value


def process(_: int) -> int:
    return os.getpid()


def die(_: int) -> None:
    os._exit(3)


# ----------------------------------------------------------------------- processes of this machine
def test_in_this_process_results_come_one_by_one() -> None:
    seen: list[int] = []

    def job(value: int) -> int:
        seen.append(value)
        return value

    with executor() as (pool, workers):
        results: Iterator[tuple[int, int]] = run_all(pool, workers, job, [1, 2, 3])
        assert next(results) == (1, 1)
        assert seen == [1]
        assert list(results) == [(2, 2), (3, 3)]


def test_in_several_processes() -> None:
    with executor(workers=2) as (pool, workers):
        squares = run_all(pool, workers, square, [1, 2, 3, 4])
        assert sorted(result for _, result in squares) == [1, 4, 9, 16]
        processes = {result for _, result in run_all(pool, workers, process, [1, 2, 3])}
        assert os.getpid() not in processes


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_of_jobs_arrive(workers: int) -> None:
    with executor(workers) as (pool, count), pytest.raises(AtlasError, match="-1 is negative"):
        list(run_all(pool, count, square, [1, -1, 2]))


def test_a_worker_that_dies_is_reported() -> None:
    message = "a worker process died(.|\n)*--workers"
    with executor(workers=2) as (pool, count), pytest.raises(AtlasError, match=message):
        list(run_all(pool, count, die, [1, 2]))


def test_an_interruption_passes_through() -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with executor() as (pool, count), pytest.raises(KeyboardInterrupt):
        list(run_all(pool, count, interrupt, [1]))


def test_no_more_jobs_are_taken_than_workers_can_begin() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(20):
            taken.append(job)
            yield job

    with ThreadPoolExecutor(2) as pool:
        results = run_all(pool, 2, square, jobs())
        first, _ = next(results)
        assert len(taken) == 4
        assert sorted([first, *(job for job, _ in results)]) == list(range(20))


# ------------------------------------------------------------------------------------ Dask clusters
class Cluster:
    """What `executor` needs of a Dask client: two workers with two threads each."""

    workers = 2
    addresses: tuple[str, ...] = ()

    def __init__(self, address: str, timeout: str) -> None:
        Cluster.addresses = (*Cluster.addresses, address)

    def __enter__(self) -> "Cluster":
        self.pool = ThreadPoolExecutor(4)
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()

    def nthreads(self) -> dict[str, int]:
        return {f"worker {number}": 2 for number in range(self.workers)}

    def get_executor(self) -> Executor:
        return self.pool


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> type[Cluster]:
    module = ModuleType("distributed")
    module.Client = Cluster  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "distributed", module)
    monkeypatch.setattr(Cluster, "addresses", ())
    return Cluster


def test_a_scheduler_takes_precedence(cluster: type[Cluster]) -> None:
    with executor(workers=3, scheduler="tcp://there:8786") as (pool, workers):
        assert workers == 2
        assert sorted(job for job, _ in run_all(pool, workers, square, range(9))) == list(range(9))
    assert cluster.addresses == ("tcp://there:8786",)


def test_a_scheduler_runs_jobs_in_several_threads(cluster: type[Cluster]) -> None:
    together = threading.Barrier(2, timeout=30)

    def job(_: int) -> int:
        return together.wait()

    with executor(scheduler="tcp://there:8786") as (pool, workers):
        assert sorted(result for _, result in run_all(pool, workers, job, [1, 2])) == [0, 1]


def test_a_scheduler_without_workers(
    cluster: type[Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "workers", 0)
    message = "has no workers; start some with: dask worker tcp://there:8786"
    with (
        pytest.raises(AtlasError, match=message),
        executor(scheduler="tcp://there:8786"),
    ):
        pass


def test_a_scheduler_that_is_not_there() -> None:
    message = r"building-blocks\[cluster\]|no Dask scheduler answers"
    with pytest.raises(AtlasError, match=message), executor(scheduler="tcp://127.0.0.1:9"):
        pass


def test_a_real_cluster() -> None:
    distributed = pytest.importorskip("distributed")
    local = distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    )
    with local, executor(scheduler=local.scheduler_address) as (pool, workers):
        assert workers == 1
        assert sorted(result for _, result in run_all(pool, workers, square, [1, 2, 3])) == [
            1,
            4,
            9,
        ]
