"""How an atlas grows: memory, time and bytes by the number of photographs, and what workers gain.

Every build runs in a process of its own, with one thread, of a network with random weights whose
layers are as large as real ones. What few photographs take, twice, foretells what many take; the
last rows say how well. `BUILDING_BLOCKS_MANY=40` makes a short run of it.
"""

from __future__ import annotations

import gzip
import json
import operator
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks._rows import row
from pipeline.store import File

FEW = 20
MANY = int(os.environ.get("BUILDING_BLOCKS_MANY", "400"))
DEMO = Path("build/demo")
FIGURES = "predictions,semantic_dictionary,neuron_groups"
PICTURES = 192  # rendered by one worker and by two: six jobs
STEPS = 160  # of each of these: workers take seconds to begin, which the demo does not notice
# What is loaded before the first figure, and what the picker loads after it.
FIRST_LOAD = ("index.html", "atlas.css", "atlas.js", "figures.js", "data/site.js")
PICKER = ("data/photographs-0.js", "sprites/photographs-0.webp")
NETWORK = """
import torch
from torch import nn
from pipeline.network import Network, Preprocessing

def build():
    torch.manual_seed(0)
    sizes = [(3, 64, 4), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
    stages = [[nn.Conv2d(a, b, 3, s, 1), nn.ReLU()] for a, b, s in sizes]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 100)]
    module = nn.Sequential(*[each for stage in stages for each in stage], *head)
    shown = Preprocessing(224, (0.5,) * 3, (0.25,) * 3)
    return Network(module, shown, [f"class {i}" for i in range(100)], "Random")
"""
CONFIG = """
title = "Random"

[model]
source = "random_network.py:build"
layers = [{layers}]

[dataset]
images = ["photographs/*.png"]

[features]
size = 64
steps = {steps}
{more}
"""
LAYERS = ("3", "5", "7")  # [128, 28, 28], [256, 14, 14], [512, 7, 7]


@dataclass(frozen=True)
class Run:
    """What a command took: wall and processor seconds, and the most memory, in MB."""

    seconds: float
    cpu: float
    peak: float


class Workplace:
    """A folder with a configuration, photographs, and what is built of them."""

    def __init__(
        self, folder: Path, count: int, *, layers: int = 2, steps: int = 1, more: str = ""
    ) -> None:
        self.folder = folder
        (folder / "photographs").mkdir(parents=True)
        (folder / "random_network.py").write_text(NETWORK)
        named = ", ".join(f'"{each}"' for each in LAYERS[:layers])
        text = CONFIG.format(layers=named, steps=steps, more=more)
        (folder / "atlas.toml").write_text(text)
        for i in range(count):
            coarse = np.random.default_rng(i).integers(0, 255, (7, 7, 3), np.uint8)
            path = folder / "photographs" / f"p{i:05d}.png"
            Image.fromarray(coarse).resize((256, 256)).save(path)

    def run(self, command: str, *options: str, figures: str = FIGURES) -> Run:
        """Run `building-blocks COMMAND` and measure it."""
        line = [sys.executable, "-m", "pipeline", command, "atlas.toml", "--figures", figures]
        threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        here = {"PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
        began = time.monotonic()
        process = subprocess.Popen(
            [*line, "--quiet", *options], cwd=self.folder, env={**os.environ, **threads, **here}
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(line)}: exit status {process.returncode}")
        cpu = usage.ru_utime + usage.ru_stime
        return Run(time.monotonic() - began, cpu, usage.ru_maxrss / 1024)

    def size(self, part: str) -> int:
        """Bytes below a folder."""
        return _bytes(self.folder / part)

    def seconds(self, phase: str) -> float:
        """How long one thing of a phase took, as the build has noted it."""
        (ledger,) = (self.folder / "build").glob("*/build.json")
        return float(json.loads(ledger.read_text())["seconds"][phase])

    def sent(self, paths: Sequence[str]) -> int:
        """Bytes of files of the site as they are sent, compressed."""
        return sum(len(gzip.compress((self.folder / "site" / path).read_bytes())) for path in paths)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


# ------------------------------------------------------------------------------ many photographs
def growth_rows(folder: Path) -> list[dict[str, Any]]:
    """Compare `MANY` photographs with `FEW`, and both with what half of these foretells."""
    works = {count: Workplace(folder / str(count), count) for count in (FEW // 2, FEW, MANY)}
    builds = {count: work.run("build") for count, work in works.items()}
    sites = {count: works[count].run("site") for count in (FEW, MANY)}
    again = works[MANY].run("build")
    few, many = works[FEW], works[MANY]
    site, of_processor = (
        (getattr(sites[MANY], what) - getattr(sites[FEW], what)) / (MANY - FEW)
        for what in ("seconds", "cpu")
    )
    grown = many.sent(FIRST_LOAD) / few.sent(FIRST_LOAD) - 1
    name = f"{MANY} photographs"
    return [
        row(f"scaling: peak memory of a build, {FEW} photographs", builds[FEW].peak, "MB"),
        row(f"scaling: the same, {name} against these", builds[MANY].peak / builds[FEW].peak,
            "×", 1.05),
        row("scaling: site, each further photograph", site, "s", 0.1),
        row("scaling: the same, of the processor", of_processor, "CPU-s"),
        row(f"scaling: peak memory of site, {name}", sites[MANY].peak, "MB", 150),
        row(f"scaling: build with nothing to do, {name}", again.seconds, "s", 5),
        row(f"scaling: first load, {name} against {FEW}", 100 * grown, "% more", 1),
        row(f"scaling: what the picker loads after that, {name}", many.sent(PICKER) / 1e3, "kB"),
        *_foretold_rows(works, builds),
    ]  # fmt: skip


def _foretold_rows(works: dict[int, Workplace], builds: dict[int, Run]) -> list[dict[str, Any]]:
    """What a photograph takes, from few; and how well that foretells what many take."""
    quantities = {
        "CPU-s": {count: run.cpu for count, run in builds.items()},
        "kB in the store": {n: work.size("build") / 1e3 for n, work in works.items()},
        "kB in the site": {n: work.size("site") / 1e3 for n, work in works.items()},
    }
    found = []
    for unit, of in quantities.items():
        each = (of[FEW] - of[FEW // 2]) / (FEW - FEW // 2)
        foretold = of[FEW] + each * (MANY - FEW)
        found += [
            row("scaling: each photograph, two layers, three figures", each, unit),
            row(f"scaling: {MANY} photographs, {unit}, to what was foretold",
                of[MANY] / foretold, "×", 1.25),
        ]  # fmt: skip
    return found


# ------------------------------------------------------------------- layers, pairs and pictures
def parts_rows(folder: Path) -> list[dict[str, Any]]:
    """What a layer, a pair of layers and a picture take, from one, two and three layers."""
    figures = f"{FIGURES},spatial_attribution,channel_attribution"
    took, bytes_of = {}, {}
    for layers in (1, 2, 3):
        work = Workplace(folder / f"layers{layers}", 3, layers=layers)
        work.run("build", figures=figures)
        took[layers] = work.seconds("photographs")
        bytes_of[layers] = work.size("build/atlas/images") / 3e3
    picture = work.seconds("feature visualizations")
    # n layers have n (n − 1) / 2 pairs: the second difference is a pair's part.
    pair = {"s": took[3] - 2 * took[2] + took[1]}
    pair["kB"] = bytes_of[3] - 2 * bytes_of[2] + bytes_of[1]
    layer = {"s": took[2] - took[1] - pair["s"], "kB": bytes_of[2] - bytes_of[1] - pair["kB"]}
    return [
        *(row("scaling: each layer of a photograph", value, unit) for unit, value in layer.items()),
        *(row("scaling: each pair of layers", value, unit) for unit, value in pair.items()),
        row("scaling: each step of a picture of 64 pixels a side", 1e3 * picture, "ms"),
    ]


# ------------------------------------------------------------------------------------ the demo
def demo_rows() -> list[dict[str, Any]]:
    """What very many photographs like the demo's would take here, from what `make` has noted."""
    if not (DEMO / "build.json").is_file():
        return []
    ledger = json.loads((DEMO / "build.json").read_text())
    count = ledger["held"]["photographs"][1]
    directions = len(_directions()) / count
    pictures = ledger["held"]["feature visualizations"][1]
    per_photograph = {
        "photographs": 1.0,
        "feature visualizations": directions,  # of channels there are only so many
        "activation grids": ledger["held"].get("activation grids", ("", 0))[1] / count,
    }
    seconds = sum(ledger["seconds"].get(name, 0) * n for name, n in per_photograph.items())
    parts = ("images", "grids")
    size = sum(_bytes(DEMO / part) for part in parts) / count
    size += _bytes(DEMO / "visualizations") / pictures * directions
    found = [row("scaling: each further photograph of the demo", seconds, "s")]
    for many in (100, 10_000, 1_000_000):
        name = f"scaling: {many:,} photographs like the demo's"
        found.append(row(name, many * seconds / 86400, "days"))
        found.append(row(name, many * size / 1e9, "GB in the store"))
    return found


def _directions() -> set[str]:
    paths = (DEMO / "visualizations").rglob("*.h5")
    units = {str(unit) for path in paths for unit in _units(path)}
    return {unit for unit in units if unit.startswith("direction")}


def _units(path: Path) -> np.ndarray:
    with File(path) as file:
        return file.values("units")


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# --------------------------------------------------------------------------------------- workers
def workers_rows(folder: Path) -> list[dict[str, Any]]:
    """Render the same pictures in this process, by one worker of a cluster, and by two."""
    from distributed import LocalCluster

    channels = ", ".join(map(str, range(PICTURES // 2)))
    more = f'channels = {{ "3" = [{channels}], "5" = [{channels}] }}'

    def seconds(name: str, workers: int) -> float:
        work = Workplace(folder / name, 1, steps=STEPS, more=more)
        if not workers:
            work.run("build", figures="predictions")
        else:
            # Its processes have the threads that this process asks for.
            with LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None
            ) as cluster:
                options = ("--scheduler", cluster.scheduler_address)
                work.run("build", *options, figures="predictions")
        return work.seconds("feature visualizations")

    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    alone, one, two = (seconds(name, n) for name, n in (("here", 0), ("one", 1), ("two", 2)))
    return [
        row("scaling: rendering, one worker of a cluster to this process", one / alone, "×", 1.1),
        row("scaling: rendering, speed of two workers to one", one / two, "×", 1.7, operator.ge),
    ]


def rows() -> list[dict[str, Any]]:
    with _folder() as folder:
        return [
            *growth_rows(folder),
            *parts_rows(folder),
            *workers_rows(folder),
            *demo_rows(),
        ]
