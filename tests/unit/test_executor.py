import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from pipeline.cores import Crew
from pipeline.errors import AtlasError
from pipeline.executor import Workers, executor, run_all


def square(value: int) -> int:
    if value < 0:
        raise AtlasError(f"{value} is negative")
    return value * value


def process(_: int) -> int:
    return os.getpid()


def square_or_die(value: int) -> int:
    if value == 0:
        os._exit(3)
    return value * value


def square_or_sleep(value: int) -> int:
    if value == 0:
        time.sleep(1000)
    return value * value


def gpus(_: object) -> str:
    return os.environ["CUDA_VISIBLE_DEVICES"]


def meet_the_other(folder: Path) -> str:
    """Leave a file with the name of the GPU, and wait for that of another process."""
    (folder / gpus(folder)).touch()
    deadline = time.monotonic() + 120
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return gpus(folder)


def interrupt_after_the_first(values: list[int]) -> None:
    with executor(workers=2) as (pool, count):
        for _ in run_all(pool, count, square_or_sleep, values):
            raise KeyboardInterrupt


def results(ended: Iterator[tuple[Any, Future[Any]]]) -> list[Any]:
    """What the jobs returned, sorted."""
    return sorted(future.result() for _, future in ended)


# ----------------------------------------------------------------------- processes of this machine
def test_in_this_process_results_come_one_by_one() -> None:
    seen: list[int] = []

    def job(value: int) -> int:
        seen.append(value)
        return value

    with executor() as (pool, workers):
        ended = run_all(pool, workers, job, [1, 2, 3])
        first, future = next(ended)
        assert (first, future.result()) == (1, 1)
        assert seen == [1]
        assert results(ended) == [2, 3]


def test_in_several_processes() -> None:
    with executor(workers=2) as (pool, workers):
        assert results(run_all(pool, workers, square, [1, 2, 3, 4])) == [1, 4, 9, 16]
        assert os.getpid() not in results(run_all(pool, workers, process, [1, 2, 3]))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_fails_stops_no_other(workers: int) -> None:
    with executor(workers) as (pool, count):
        ended = dict(run_all(pool, count, square, [1, -1, 2]))
    with pytest.raises(AtlasError, match="-1 is negative"):
        ended[-1].result()
    assert [ended[job].result() for job in (1, 2)] == [1, 4]


def test_a_job_of_which_its_process_dies_stops_no_other() -> None:
    with executor(workers=2) as (pool, count):
        ended = dict(run_all(pool, count, square_or_die, [1, 2, 0, 3, 4, 5, 6]))
        assert {job: ended[job].result() for job in range(1, 7)} == {
            job: job * job for job in range(1, 7)
        }
        with pytest.raises(AtlasError, match=r"a worker process died of it.*--workers"):
            ended[0].result()
        assert results(run_all(pool, count, square, [7])) == [49]


def test_each_process_sees_one_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    with executor(workers=2) as (pool, count):
        assert results(run_all(pool, count, meet_the_other, [tmp_path, tmp_path])) == ["3", "5"]
    with executor(workers=2, spread=False) as (pool, count):
        assert results(run_all(pool, count, gpus, [1])) == ["3, 5"]


def test_an_interruption_ends_the_processes_at_once() -> None:
    before = set(multiprocessing.active_children())
    with pytest.raises(KeyboardInterrupt):
        interrupt_after_the_first([1, 0, 0])
    assert set(multiprocessing.active_children()) <= before


def test_an_interruption_passes_through() -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with executor() as (pool, count), pytest.raises(KeyboardInterrupt):
        next(run_all(pool, count, interrupt, [1]))


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

    def scheduler_info(self, n_workers: int) -> dict[str, dict[str, dict[str, object]]]:
        assert n_workers == -1  # all of them, where Dask would leave most out
        return {"workers": {name: {"resources": {}} for name in self.nthreads()}}

    def get_executor(self, **_: object) -> Executor:
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
        assert results(run_all(pool, workers, square, range(9))) == [n * n for n in range(9)]
    assert cluster.addresses == ("tcp://there:8786",)


def test_a_scheduler_runs_jobs_in_several_threads(cluster: type[Cluster]) -> None:
    together = threading.Barrier(2, timeout=30)

    def job(_: int) -> int:
        return together.wait()

    with executor(scheduler="tcp://there:8786") as (pool, workers):
        assert results(run_all(pool, workers, job, [1, 2])) == [0, 1]


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
        assert results(run_all(pool, workers, square, [1, 2, 3])) == [1, 4, 9]


# ------------------------------------------------------------------------ kept from phase to phase
def test_workers_are_asked_for_once_and_kept() -> None:
    asked: list[int] = []

    def crew() -> Crew:
        asked.append(1)
        return Crew(2, 1)

    with Workers(crew) as workers:
        assert asked == []
        assert workers.several
        first, second = (
            {future.result() for _, future in workers.run(process, range(8))} for _ in range(2)
        )
    assert len(first | second) <= 2
    assert os.getpid() not in first
    assert asked == [1]
    assert multiprocessing.active_children() == []


def test_jobs_in_this_process_have_as_many_threads_as_the_crew_says() -> None:
    before = torch.get_num_threads()
    with Workers(lambda: Crew(1, 1)) as workers:
        assert not workers.several
        found = [future.result() for _, future in workers.run(threads, range(2))]
    assert found == [(os.getpid(), 1)] * 2
    assert torch.get_num_threads() == before


def threads(_: int) -> tuple[int, int]:
    return os.getpid(), torch.get_num_threads()


def test_workers_that_are_interrupted_end_at_once() -> None:
    def interrupt() -> None:
        with Workers(lambda: Crew(2)) as workers:
            for _ in workers.run(square_or_sleep, [1, 0]):
                raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert time.monotonic() - began < 60
    assert multiprocessing.active_children() == []
