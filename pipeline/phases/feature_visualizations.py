"""Feature visualizations: of the units that the figures show, and of no others.

Which units those are is known once the photographs' contents are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline import figures, photographs, schema
from pipeline.atlas import Atlas, Key
from pipeline.config import Config
from pipeline.featurevis.recipes import recipe
from pipeline.fingerprints import fingerprint_of
from pipeline.phases.phase import Inventory, Phase, Written
from pipeline.phases.vectors import Vectors
from pipeline.store import VISUALIZATIONS
from pipeline.survey import Survey
from pipeline.units import Unit
from pipeline.worker import choose_device, network

if TYPE_CHECKING:
    from pipeline.featurevis.objectives import Objective
    from pipeline.featurevis.requests import Batch

UNITS_PER_JOB = 32  # an interruption loses at most so many per worker
ON_GPU = 1024  # which needs so many at a time to be busy, and takes seconds for them

Missing = tuple[str, Unit]  # layer and unit


@dataclass(frozen=True)
class Job:
    """Render feature visualizations of units of one layer.

    Attributes
    ----------
    directions
        The vectors f4 `[C]` of those units that are directions.
    magnitude
        The natural spectrum for the recipe `maco`; None for that of the bundled photographs.
    """

    config: Config
    device: str
    layer: str
    units: tuple[Unit, ...]
    directions: Mapping[Unit, np.ndarray]
    magnitude: np.ndarray | None = None


# ---------------------------------------------------------------------------------- what is needed
def fingerprints(survey: Survey) -> dict[Key, str]:
    """(Layer,) → the fingerprint of its feature visualizations; their units do not count."""
    features, dtype = survey.settings.features, survey.settings.execution.dtype
    settings = [recipe(features).fingerprint_parts(), features.seed, dtype]
    if has_own_spectrum(survey):
        settings.append(sorted(photograph.fingerprint for photograph in survey.photographs))
    profile = survey.profile
    return {
        (layer,): fingerprint_of(
            VISUALIZATIONS, profile.weights, layer, *settings, *profile.form(layer)
        )
        for layer in survey.plan.layers
    }


def has_own_spectrum(survey: Survey) -> bool:
    """Whether feature visualizations get the spectrum of the atlas's own photographs."""
    features = survey.settings.features
    return features.spectrum == "photographs" and recipe(features).parameterization == "maco"


def needed_units(survey: Survey, atlas: Atlas) -> dict[str, list[Unit]]:
    """Return the units that the figures show or the configuration names, by layer."""
    needed: dict[str, set[Unit]] = {layer: set() for layer in survey.plan.layers}
    chosen = figures.chosen(survey.plan.figures)
    for photograph in atlas.photographs:
        with atlas.store.holding(photograph.name):
            for figure in chosen:
                for layer, units in figures.visualizations(figure, atlas, photograph).items():
                    needed[layer] |= set(units)
    channels = survey.settings.features.channels
    for shown in atlas.network.layers:
        asked: Sequence[int] = ()
        if channels == "all":
            asked = range(shown.shape[0])
        elif isinstance(channels, dict):
            asked = channels.get(shown.name, ())
        needed[shown.name] |= {Unit.channel(channel) for channel in asked}
    return {layer: sorted(units) for layer, units in needed.items()}


def inventory(survey: Survey, atlas: Atlas) -> Inventory[Missing]:
    """Find the units whose feature visualization is missing."""
    needed = needed_units(survey, atlas)
    missing: list[Missing] = []
    for layer, units in needed.items():
        fingerprint = atlas.fingerprints[VISUALIZATIONS][(layer,)]
        there = survey.store.visualization_index(layer, fingerprint)
        missing += [(layer, unit) for unit in units if str(unit) not in there]
    return Inventory(missing, sum(map(len, needed.values())) - len(missing))


# -------------------------------------------------------------------------------- how it is made
def jobs(survey: Survey, atlas: Atlas, missing: Sequence[Missing]) -> Iterator[Job]:
    """Make jobs of a few units of one layer each."""
    device = choose_device(survey.device, survey.scheduler)
    vectors = Vectors(figures.chosen(survey.plan.figures), atlas, missing)
    magnitude = _own_spectrum(survey)
    for layer in survey.plan.layers:
        units = vectors.in_order(layer, [unit for other, unit in missing if other == layer])
        count = _units_per_job(len(units), device, survey.workers or 1)
        for start in range(0, len(units), count):
            some = tuple(units[start : start + count])
            directions = vectors.of(layer, some)
            yield Job(survey.config, device, layer, some, directions, magnitude)


def _units_per_job(units: int, device: str, workers: int) -> int:
    """How many of a layer's units are made together; every GPU gets some of them."""
    if not device.startswith("cuda"):
        return UNITS_PER_JOB
    return min(max(-(-units // workers), UNITS_PER_JOB), ON_GPU)


def _own_spectrum(survey: Survey) -> np.ndarray | None:
    if not has_own_spectrum(survey):
        return None
    from pipeline.featurevis.spectrum import natural_magnitude

    most = survey.settings.dataset.max_megapixels
    return natural_magnitude(photographs.decode(each.path, most) for each in survey.photographs)


def compute(job: Job) -> list[Batch]:
    """Render a job's units, in as many batches as memory requires."""
    from pipeline.featurevis.render import render
    from pipeline.featurevis.requests import Request

    loaded, settings = network(job.config, job.device), job.config.settings
    requests = [Request(job.layer, unit, _objective(job, unit)) for unit in job.units]
    batches = render(
        loaded,
        requests,
        recipe(settings.features),
        seed=settings.features.seed,
        dtype=settings.execution.dtype,
        magnitude=job.magnitude,
    )
    return list(batches)


def _objective(job: Job, unit: Unit) -> Objective:
    from pipeline.featurevis import objectives

    channel = unit.channel_index
    if channel is None:
        return objectives.direction(job.layer, job.directions[unit])
    return objectives.channel(job.layer, channel)


def write(survey: Survey, atlas: Atlas, job: Job, result: Sequence[Batch]) -> Written:
    """Write a file for each batch."""
    fingerprint = atlas.fingerprints[VISUALIZATIONS][(job.layer,)]
    for batch in result:
        datasets = schema.visualizations(
            batch.pictures, batch.objective, batch.activation, batch.alive
        )
        units = [str(unit) for unit in batch.units]
        made_in = {"precision": batch.precision}
        survey.store.write_visualizations(job.layer, fingerprint, units, datasets, made_in)
    count, seconds = sum(len(each.units) for each in result), sum(each.seconds for each in result)
    kinds = ", ".join(sorted({each.precision for each in result}))
    return Written(count, f"{job.layer}: {count} pictures in {kinds}, {seconds:.0f} s")


def split(job: Job) -> list[Job]:
    """Take a job apart into units: one that cannot be rendered shall stop no other."""
    return [replace(job, units=(unit,)) for unit in job.units] if len(job.units) > 1 else []


FEATURE_VISUALIZATIONS = Phase(
    "feature visualizations",
    "pictures",
    VISUALIZATIONS,
    fingerprints,
    inventory,
    jobs,
    compute,
    write,
    split,
)
