"""Activation grids: for every position of a layer, a feature visualization of what is active there.

Symbols: C channels, H × W positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline import schema
from pipeline.atlas import Atlas, Key
from pipeline.config import Config
from pipeline.featurevis.recipes import GridRecipe, grid_named
from pipeline.fingerprints import fingerprint_of
from pipeline.grammar import WHOLE, Activation, Substrate
from pipeline.phases.phase import Inventory, Phase, Written, inventory_of_files
from pipeline.phases.photographs import fingerprint_of_input
from pipeline.store import GRIDS, write
from pipeline.survey import Survey
from pipeline.worker import choose_device, network

if TYPE_CHECKING:
    from pipeline.featurevis.grids import Grid


@dataclass(frozen=True)
class Job:
    """Render the grid of one layer for one photograph, whose `activations` are f4 [C, H, W]."""

    config: Config
    device: str
    name: str
    layer: str
    activations: np.ndarray


def fingerprints(survey: Survey) -> dict[Key, str]:
    """(Photograph, layer) → the fingerprint of its grid, for the layers that are shown as grids."""
    features, dtype = survey.settings.features, survey.settings.execution.dtype
    how, profile = grid_named(features.grids), survey.profile
    settings = [how.fingerprint_parts(), features.seed, dtype]
    return {
        (photograph.name, layer): fingerprint_of(
            *(GRIDS, fingerprint_of_input(survey, photograph), layer),
            *(*settings, *profile.form(layer)),
        )
        for photograph in survey.photographs
        for layer in survey.plan.grid_layers
    }


def inventory(survey: Survey, atlas: Atlas) -> Inventory[Key]:
    """Find the grids that are missing."""
    return inventory_of_files(
        GRIDS, atlas.fingerprints[GRIDS], lambda key: survey.store.grid_path(*key)
    )


def jobs(survey: Survey, _atlas: Atlas, missing: Sequence[Key]) -> Iterator[Job]:
    """Make a job of each grid."""
    device = choose_device(survey.device, survey.scheduler)
    for name, layer in missing:
        with survey.store.photograph(name) as file:
            activations = file.values(Activation(Substrate(layer, WHOLE)).path)
        yield Job(survey.config, device, name, layer, activations.astype(np.float32))


def compute(job: Job, how: GridRecipe | None = None) -> Grid:
    """Render one grid, by the configured recipe; a trial has one of few steps."""
    from pipeline.featurevis.grids import render_grid

    settings = job.config.settings
    return render_grid(
        network(job.config, job.device),
        job.layer,
        job.activations,
        how or grid_named(settings.features.grids),
        seed=settings.features.seed,
        dtype=settings.execution.dtype,
    )


def write_grid(survey: Survey, atlas: Atlas, job: Job, grid: Grid) -> Written:
    """Write the grid's file."""
    key = job.name, job.layer
    datasets = schema.grid(grid.cells, grid.likeness, grid.alive)
    path, fingerprint = survey.store.grid_path(*key), atlas.fingerprints[GRIDS][key]
    write(path, GRIDS, fingerprint, datasets, {"layer": job.layer, "precision": grid.precision})
    how = f"{grid.precision}, {grid.seconds:.0f} s"
    return Written(detail=f"{job.name}, {job.layer}: {how}")


ACTIVATION_GRIDS = Phase(
    "activation grids", "grids", GRIDS, fingerprints, inventory, jobs, compute, write_grid
)
