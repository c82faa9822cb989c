"""Baselines: the mean of each channel of the display layers over positions and photographs.

They are what atoms are replaced by where `[attribution] baseline` is "mean"; otherwise there is
nothing to compute. Another photograph changes the means, and with them all that is measured.

Symbols: C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import photographs
from pipeline.arrays import Array
from pipeline.atlas import Atlas, Key
from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of
from pipeline.phases.phase import Inventory, Phase, Written, inventory_of_files
from pipeline.slugs import slug
from pipeline.store import File, write
from pipeline.survey import Survey
from pipeline.worker import choose_device, network

KIND = "baseline"
MEAN = "mean"  # name of the dataset
VERSION = 1  # raised when means are computed differently


@dataclass(frozen=True)
class Job:
    """Average some layers over the photographs in the files `paths`: name → path."""

    config: Config
    device: str
    paths: Mapping[str, Path]
    layers: tuple[str, ...]


def path_of(survey: Survey, layer: str) -> Path:
    """Return the path of a layer's file."""
    return survey.store.root / "baselines" / f"{slug(layer)}.h5"


def fingerprint_of_photographs(survey: Survey) -> str:
    """Of the network and all photographs, as it is shown them."""
    profile, fit = survey.profile, survey.settings.dataset.fit
    shown = sorted(each.fingerprint for each in survey.photographs)
    return fingerprint_of(KIND, VERSION, profile.weights, shown, [profile.size, fit])


def fingerprints(survey: Survey) -> dict[Key, str]:
    """(Layer,) → the fingerprint of its means; none where baselines are zero."""
    if survey.settings.attribution.baseline == "zero":
        return {}
    shown = fingerprint_of_photographs(survey)
    form = survey.profile.form
    return {(layer,): fingerprint_of(shown, layer, *form(layer)) for layer in survey.plan.layers}


def read_means(survey: Survey) -> dict[str, np.ndarray] | None:
    """Read the means of all layers, f4 `[C]` each; None where baselines are zero."""
    if survey.settings.attribution.baseline == "zero":
        return None
    means: dict[str, np.ndarray] = {}
    for layer in survey.plan.layers:
        with File(path_of(survey, layer)) as file:
            means[layer] = file.values(MEAN)
    return means


def inventory(survey: Survey, atlas: Atlas) -> Inventory[Key]:
    """Find the layers whose means are missing."""
    return inventory_of_files(KIND, atlas.fingerprints[KIND], lambda key: path_of(survey, *key))


def jobs(survey: Survey, _atlas: Atlas, missing: Sequence[Key]) -> Iterator[Job]:
    """Make one job of all layers: a pass of a photograph serves every layer."""
    paths = {each.name: each.path for each in survey.photographs}
    layers = tuple(layer for (layer,) in missing)
    yield Job(survey.config, choose_device(survey.device, survey.scheduler), paths, layers)


def compute(job: Job) -> dict[str, np.ndarray]:
    """Average the layers: layer → f4 `[C]`.

    Raises
    ------
    AtlasError
        When a photograph cannot be decoded; names it.
    """
    from pipeline.attribution.baselines import mean_activations

    loaded, dataset = network(job.config, job.device), job.config.settings.dataset

    def shown(name: str, path: Path) -> np.ndarray:
        try:
            return photographs.fitted(path, loaded.preprocessing.size, dataset)
        except AtlasError as error:
            raise AtlasError(f"photograph {name}: {error}") from error

    inputs = (loaded.input(shown(name, path)) for name, path in job.paths.items())
    return mean_activations(loaded, inputs, job.layers)


def write_means(survey: Survey, atlas: Atlas, _job: Job, means: dict[str, np.ndarray]) -> Written:
    """Write a file for each layer."""
    for layer, values in means.items():
        datasets = {MEAN: Array(values, ("channel",), "activation")}
        fingerprint = atlas.fingerprints[KIND][(layer,)]
        write(path_of(survey, layer), KIND, fingerprint, datasets, {"layer": layer})
    return Written(len(means))


BASELINES = Phase("baselines", "layers", KIND, fingerprints, inventory, jobs, compute, write_means)
