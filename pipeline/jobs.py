"""What a worker computes: the contents of one photograph, or a few feature visualizations of one layer.

Jobs are plain values that travel between processes and machines; results come back as arrays, and one process, the
builder, writes them. The network is loaded once per process and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import images, models
from pipeline.allocator import keep_memory
from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.featurevis.recipes import recipe
from pipeline.grammar import Content
from pipeline.store import Array

if TYPE_CHECKING:
    from pipeline.featurevis.grids import Grid
    from pipeline.featurevis.objectives import Objective
    from pipeline.featurevis.optimizer import Batch
    from pipeline.network import Network


@dataclass(frozen=True)
class ImageJob:
    """Compute `contents` for the photograph in the file `path`."""

    config: Config
    device: str
    name: str
    path: str
    contents: tuple[Content, ...]


@dataclass(frozen=True)
class PictureJob:
    """Render feature visualizations of `units` ("channel:12") of one layer.

    `directions` holds the vectors of those units that are no channels: unit → f4 [C]; `magnitude` the natural spectrum of the
    recipe `maco`, unless it is that of the bundled photographs.
    """

    config: Config
    device: str
    layer: str
    units: tuple[str, ...]
    directions: Mapping[str, np.ndarray]
    magnitude: np.ndarray | None = None


@dataclass(frozen=True)
class GridJob:
    """Render the activation grid of one layer for one photograph, whose `activations` there are f4 [C, H, W]."""

    config: Config
    device: str
    name: str
    layer: str
    activations: np.ndarray


def choose_device(wanted: str) -> str:
    """Turn "auto" into the best device there is; an unavailable one raises an AtlasError."""
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    kind = wanted.partition(":")[0]
    if kind not in available:
        raise AtlasError(f'no device "{wanted}"; write auto, cpu, cuda, cuda:1 or mps')
    if not available[kind]:
        raise AtlasError(f'device "{wanted}" is not to be had here; write --device cpu or auto')
    return wanted


_loaded: dict[str, Network] = {}


def network(config: Config, device: str) -> Network:
    """The configured network on a device, loaded once per process and kept."""
    key = f"{config.path.resolve()} {config.settings.model.model_dump_json()} {device}"
    if key not in _loaded:
        import torch

        # Gradients of channels that hardly fire are denormal numbers, which some processors handle many times slower.
        torch.set_flush_denormal(True)
        keep_memory()
        _loaded.clear()
        _loaded[key] = models.load(config).to(torch.device(device))
    return _loaded[key]


def compute_image(job: ImageJob) -> dict[str, Array]:
    """Compute a photograph's contents: dataset path → array.

    Raises
    ------
    AtlasError
        When the photograph cannot be decoded or a content cannot be computed; names the photograph.
    """
    from pipeline.attribution import compute

    loaded = network(job.config, job.device)
    settings = job.config.settings
    try:
        pixels = images.fit(images.decode(Path(job.path)), loaded.preprocessing.size, settings.dataset.fit)
        arrays = compute(loaded, loaded.input(pixels), job.contents, settings.attribution, settings.groups)
    except AtlasError as error:
        raise AtlasError(f"photograph {job.name}: {error}") from error
    return {"input": Array(pixels, ("y", "x", "rgb"), "0…255"), **arrays}


def render_pictures(job: PictureJob) -> list[Batch]:
    """Render a job's pictures, in as many batches as memory asks for."""
    from pipeline.featurevis.optimizer import Request, render

    loaded = network(job.config, job.device)
    features = job.config.settings.features
    requests = [Request(job.layer, unit, _objective(job, unit)) for unit in job.units]
    dtype = job.config.settings.execution.dtype
    return list(render(loaded, requests, recipe(features), seed=features.seed, dtype=dtype, magnitude=job.magnitude))


def render_grid(job: GridJob) -> Grid:
    """Render one activation grid."""
    from pipeline.featurevis import grids

    execution, features = job.config.settings.execution, job.config.settings.features
    loaded = network(job.config, job.device)
    return grids.render_grid(loaded, job.layer, job.activations, seed=features.seed, dtype=execution.dtype)


def _objective(job: PictureJob, unit: str) -> Objective:
    from pipeline.featurevis import objectives

    kind, _, which = unit.partition(":")
    if kind == "channel":
        return objectives.channel(job.layer, int(which))
    return objectives.direction(job.layer, job.directions[unit])
