"""A tiny atlas of one architecture: all figures of one photograph, with few steps of everything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import config, models, probe
from pipeline.build import build
from pipeline.errors import AtlasError
from pipeline.featurevis.recipes import GRID
from pipeline.phases import PHASES, Phase
from pipeline.phases.activation_grids import ACTIVATION_GRIDS
from pipeline.progress import Reporter
from pipeline.store import Store
from pipeline.survey import Options
from pipeline.worker import network
from tests.zoo.architectures import Architecture
from tests.zoo.results import Result

CELLS = 3  # a tiny grid has so many different rows and columns, each repeated
QUICK = replace(GRID, steps=1, groups=2, cell=16, margin=0)

_SETTINGS = """
[dataset]
images = ["skimage:coffee"]
[features]
size = 32
steps = 2
[attribution]
steps = 2
tolerance = 0.9
[trust]
photographs = 1
channels = 4
draws = 4
"""


def configuration(architecture: Architecture, folder: Path) -> Path:
    """Write the configuration of a tiny atlas into a folder, and the file that it needs."""
    source, model = str(architecture), 'weights = "random"'
    if architecture.arguments:
        source, model = "network.py:build", "std = 0.25\nmean = 0.5"
        (folder / "network.py").write_text(_code(architecture))
    path = folder / "zoo.toml"
    head = f'[model]\nsource = "{source}"\nsize = {architecture.side}\n{model}\n'
    path.write_text(head + _SETTINGS)
    return path


def _code(architecture: Architecture) -> str:
    """The file of somebody whose network is a variant of a library's."""
    arguments = ", ".join(f"{key}={value!r}" for key, value in architecture.arguments.items())
    make = {
        "timm": f'timm.create_model("{architecture.name}", {arguments})',
        "torchvision": f"torchvision.models.{architecture.name}({arguments})",
    }[architecture.library]
    return f"""from pipeline.models.torchvision_import import import_torchvision

import_torchvision()
import {architecture.library}
from torch import nn


def build():
    module = {make}
    for each in module.modules():  # some heads and scales start at zero
        for weight in each.parameters(recurse=False):
            if weight.ndim > 1 and not weight.any():
                nn.init.normal_(weight, std=0.02)
    return module
"""


def build_tiny(architecture: Architecture, folder: Path) -> Result:
    """Build a tiny atlas in a folder; errors meant for users are part of the result.

    Raises
    ------
    Exception
        Any other than an AtlasError is a bug and is raised.
    """
    path = configuration(architecture, folder)
    options = Options(output=folder / "site", root=folder / "build", workers=1)
    began = time.perf_counter()
    layers: tuple[probe.LayerProfile, ...] = ()
    error = None
    try:
        layers = chosen_layers(path, options)
        path.write_text(path.read_text() + _few_groups(layers))
        build(config.read(path), options, Reporter(verbosity=-1), tiny_phases())
    except AtlasError as found:
        error = str(found)
    seconds = time.perf_counter() - began
    files = sum(each.is_file() for each in options.output.rglob("*"))
    return Result(architecture, layers, error, files, seconds)


def chosen_layers(path: Path, options: Options) -> tuple[probe.LayerProfile, ...]:
    """The layers that will be chosen, from a probe that the build finds in its store.

    Raises
    ------
    AtlasError
        When the network cannot be loaded or probed, or none of its layers suits.
    """
    read = config.read(path)
    loaded = network(read, "cpu")
    labels = models.labels_fingerprint(read)
    profile = probe.probe(loaded, models.fingerprint_loaded(read, loaded), labels)
    probe.save(Store(options.root / read.name), profile)
    return tuple(profile.layer(name) for name in probe.suggest(profile))


def _few_groups(layers: Sequence[probe.LayerProfile]) -> str:
    """Lines of the configuration: two and three groups in two layers, since each has coalitions."""
    lines = [f'"{each.name}" = [2, 3]' for each in layers[-3:][:2]]
    return "\n".join(["[groups.counts]", *lines, ""])


def tiny_phases() -> Sequence[Phase[Any, Any, Any]]:
    """All phases; activation grids have few cells, and one step."""
    tiny = replace(ACTIVATION_GRIDS, compute=_tiny_grid)
    return [tiny if each is ACTIVATION_GRIDS else each for each in PHASES]


def _tiny_grid(job: Any) -> Any:
    from pipeline.featurevis.grids import render_grid

    rows, columns = (_few(side) for side in job.activations.shape[1:])
    some_rows, row = np.unique(rows, return_inverse=True)
    some_columns, column = np.unique(columns, return_inverse=True)
    few = job.activations[:, some_rows[:, None], some_columns]
    grid = render_grid(network(job.config, job.device), job.layer, few, QUICK)
    spread = (row[:, None], column)
    return replace(
        grid, cells=grid.cells[spread], likeness=grid.likeness[spread], alive=grid.alive[spread]
    )


def _few(side: int) -> np.ndarray:
    """Which of a few rows stands for each of `side` rows."""
    chosen = np.linspace(0, side - 1, min(side, CELLS)).round().astype(int)
    return chosen[np.arange(side) * len(chosen) // side]
