"""A Dask cluster whose workers stand in another folder and see neither photographs nor weights."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import build as builder
from pipeline.config import read
from pipeline.executor import executor, run_all
from pipeline.phases import PHASES, PHOTOGRAPHS
from pipeline.progress import Reporter
from pipeline.survey import Options
from tests.end_to_end.conftest import Workplace, furnish

distributed = pytest.importorskip("distributed")

FIGURES = ("predictions", "semantic_dictionary")
MODELS = """
from my_layers import unchanged
from tests.unit.networks import Plain, network

def build():
    return unchanged(network(Plain()))
"""
LAYERS = """
def unchanged(network):
    return network
"""


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Two workers, started in a folder of their own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(folder),
    ) as cluster:
        yield cluster.scheduler_address


def prepared(folder: Path) -> Workplace:
    work = furnish(folder)
    (folder / "my_models.py").write_text(MODELS)
    (folder / "my_layers.py").write_text(LAYERS)
    return work


def build(work: Workplace, monkeypatch: pytest.MonkeyPatch, phases: Any = PHASES) -> None:
    """Build in the atlas's folder, so that every path is relative and means nothing elsewhere."""
    monkeypatch.chdir(work.folder)
    options = Options(figures=FIGURES, scheduler=os.environ.get("SCHEDULER"))
    builder.build(read(Path("atlas.toml")), options, Reporter(-1), phases)


def test_workers_elsewhere_give_the_same_bytes(
    tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = prepared(tmp_path / "here"), prepared(tmp_path / "there")
    build(here, monkeypatch)
    monkeypatch.setenv("SCHEDULER", scheduler)
    build(there, monkeypatch)

    def stored(work: Workplace) -> dict[str, bytes]:
        return {str(path.relative_to(work.folder)): data for path, data in work.stored().items()}

    assert stored(here) == stored(there)


def die_once(job: Any) -> Any:
    """Take the worker down with the first job that comes here."""
    mark = Path(os.environ["MARK"])
    if not mark.exists():
        mark.write_text("")
        os._exit(1)
    return PHOTOGRAPHS.compute(job)


def test_a_lost_workers_jobs_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))  # before the workers, who inherit it
    monkeypatch.setenv("SCHEDULER", request.getfixturevalue("scheduler"))
    phases = tuple(
        replace(each, compute=die_once) if each is PHOTOGRAPHS else each for each in PHASES
    )
    work = prepared(tmp_path / "there")
    build(work, monkeypatch, phases)
    assert (tmp_path / "mark").exists()
    assert {path.stem for path in (work.store / "images").iterdir()} == {"first", "second"}


class Together:
    """How many jobs run at a time in this process, at most."""

    now, most = 0, 0
    lock = threading.Lock()


def note(job: int) -> int:
    with Together.lock:
        Together.now += 1
        Together.most = max(Together.most, Together.now)
    time.sleep(0.05)
    with Together.lock:
        Together.now -= 1
    return job


@pytest.mark.parametrize("resources", [{"GPU": 1}, {}])
def test_a_job_takes_a_gpu_where_workers_have_some(resources: dict[str, int]) -> None:
    Together.most = 0
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=4,
            processes=False,
            dashboard_address=None,
            resources=resources,
        ) as cluster,
        executor(scheduler=cluster.scheduler_address) as (pool, _),
    ):
        # Four workers are spoken of here, so that as many jobs are under way as it has threads.
        ended = [future.result() for _, future in run_all(pool, 4, note, range(16))]
    assert sorted(ended) == list(range(16))
    assert (Together.most == 1) == bool(resources)
