"""The files in configs/examples/cluster, run as they are with workers of this machine.

Deployment packages need a cluster to start workers on, so a stand-in of each starts them here; it
takes only arguments that the package's own class has.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import furnish

distributed = pytest.importorskip("distributed")

EXAMPLES = Path(__file__).resolve().parents[2] / "configs" / "examples" / "cluster"
# What the files use of each class: dask-jobqueue 0.9, dask-kubernetes 2026.3, distributed 2026.8.
KNOWN = {
    "on_slurm": (
        "dask_jobqueue",
        "SLURMCluster",
        "queue cores processes job_cpu memory walltime job_extra_directives worker_extra_args",
    ),
    "on_kubernetes": (
        "dask_kubernetes/operator",
        "KubeCluster",
        "name image n_workers resources worker_command",
    ),
    "over_ssh": (
        "dask/distributed",
        "SSHCluster",
        "hosts connect_options worker_options scheduler_options",
    ),
}
STAND_IN = """
import os
from distributed import Client, LocalCluster

class Here(LocalCluster):
    def __exit__(self, *_):
        pass  # closed at the end of the process: on a busy machine Dask gives up waiting here

def {name}(hosts=None, **given):
    unknown = set(given) - set({known!r}.split())
    assert not unknown, unknown
    # As many as the files ask for would take minutes to start: what they scale to is one.
    cluster = Here(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://",
        resources={{"GPU": 1}}, dashboard_address=None, local_directory=os.environ["WORKERS"],
    )
    cluster.scale = lambda count: None
    Client.wait_for_workers = lambda self, count: None
    return cluster
"""


def stand_in(folder: Path, module: str, name: str, known: str) -> None:
    """Write a module with a function in place of the class."""
    path = folder / f"{module}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = STAND_IN.format(name=name, known=known)
    if module.startswith("dask/"):  # only the class is replaced, the package stays
        path = folder / "sitecustomize.py"
        text += f"\nimport dask.distributed\ndask.distributed.{name} = {name}\n"
        path.write_text(text)
        (folder / "dask").rmdir()
        return
    path.write_text(text)


@pytest.mark.parametrize("example", sorted(KNOWN))
def test_an_example_builds(example: str, tmp_path: Path) -> None:
    work = furnish(tmp_path / "atlas")
    stand_in(tmp_path / "packages", *KNOWN[example])
    (tmp_path / "workers").mkdir()
    root = str(EXAMPLES.parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "packages"), root]),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "WORKERS": str(tmp_path / "workers"),
    }
    file, options = EXAMPLES / f"{example}.py", ["--figures", "predictions"]
    line = [sys.executable, str(file), "atlas.toml", *options]
    subprocess.run(line, cwd=work.folder, env=environment, check=True, timeout=600)
    assert (work.site / "index.html").is_file()


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(KNOWN)


@pytest.mark.parametrize("example", sorted(KNOWN))
def test_the_stand_in_knows_the_arguments_of_the_class(example: str) -> None:
    module, name, known = KNOWN[example]
    package = pytest.importorskip(module.replace("/", "."))
    code = getattr(package, name)
    import inspect

    accepted: set[str] = set()
    classes = inspect.getmro(code) if inspect.isclass(code) else (code,)
    for each in (*classes, *inspect.getmro(getattr(code, "job_cls", object))):
        accepted |= set(inspect.signature(each).parameters)
    assert set(known.split()) <= accepted
