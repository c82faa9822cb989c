import os
import time
from collections.abc import Iterator

import pytest

from pipeline.errors import AtlasError
from pipeline.executor import executor, run_all


def square(value: int) -> int:
    if value < 0:
        raise AtlasError(f"{value} is negative")
    return value * value


def process(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def die(_: int) -> None:
    os._exit(3)


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
        assert sorted(result for _, result in run_all(pool, workers, square, [1, 2, 3, 4])) == [1, 4, 9, 16]
        assert os.getpid() not in {result for _, result in run_all(pool, workers, process, [1, 2, 3])}


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_of_jobs_arrive(workers: int) -> None:
    with executor(workers) as (pool, count), pytest.raises(AtlasError, match="-1 is negative"):
        list(run_all(pool, count, square, [1, -1, 2]))


def test_a_worker_that_dies_is_reported() -> None:
    with executor(workers=2) as (pool, count), pytest.raises(AtlasError, match="a worker process died"):
        list(run_all(pool, count, die, [1, 2]))


def test_an_interruption_passes_through() -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with executor() as (pool, count), pytest.raises(KeyboardInterrupt):
        list(run_all(pool, count, interrupt, [1]))


def test_a_scheduler_that_is_not_there() -> None:
    with pytest.raises(AtlasError, match=r"building-blocks\[cluster\]|no Dask scheduler answers"), executor(scheduler="tcp://127.0.0.1:9"):
        pass
