"""Photographs: of each, what the network does with it; activations, attributions and groups.

A photograph's file holds contents of the plan, each with a fingerprint of its own: a new figure
computes what the file lacks, and fewer figures compute nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import photographs, schema
from pipeline.arrays import Array
from pipeline.atlas import Atlas, Key
from pipeline.attribution.methods import shares
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of
from pipeline.grammar import (
    BASELINE,
    CLASSES,
    INPUT,
    WHOLE,
    Activation,
    AtBaseline,
    Attribution,
    Between,
    Coalitions,
    Content,
    Substrate,
)
from pipeline.phases.baselines import fingerprint_of_photographs, read_means
from pipeline.phases.phase import Inventory, Phase, Written
from pipeline.photographs import PhotographFile
from pipeline.store import PHOTOGRAPHS as KIND
from pipeline.store import Computed, State, held, join, state
from pipeline.survey import Survey
from pipeline.worker import choose_device, network

VERSION = 4  # raised when activations, attributions or groups are computed differently

Missing = tuple[PhotographFile, tuple[Content, ...]]
Use = tuple[str, list[str], dict[str, Any]]  # a content, those it requires, settings


@dataclass(frozen=True)
class Job:
    """Compute contents of the photograph in the file `path`.

    Attributes
    ----------
    layers
        Of the plan. What comes after them runs in the same copy of the network for all contents:
        another one would round differently.
    means
        Layer → its baseline.
    """

    config: Config
    device: str
    name: str
    path: Path
    contents: tuple[Content, ...]
    layers: tuple[str, ...]
    means: Mapping[str, np.ndarray] | None


# -------------------------------------------------------------------------- what a file depends on
def fingerprints(survey: Survey) -> dict[Key, str]:
    """(Photograph,) → fingerprint of all its contents: one for each, however many contents."""
    uses = uses_of(survey)
    return {
        (each.name,): fingerprint_of(fingerprints_of_contents(survey, each, uses))
        for each in survey.photographs
    }


def fingerprint_of_input(survey: Survey, photograph: PhotographFile) -> str:
    """Of the network and the pixels that it is shown."""
    profile, fit = survey.profile, survey.settings.dataset.fit
    return fingerprint_of(profile.weights, photograph.fingerprint, [profile.size, fit])


def fingerprint_of_file(survey: Survey, photograph: PhotographFile) -> str:
    """Of what all contents of a photograph's file depend on."""
    return fingerprint_of(KIND, VERSION, fingerprint_of_input(survey, photograph))


def fingerprints_of_contents(
    survey: Survey, photograph: PhotographFile, uses: Sequence[Use] | None = None
) -> dict[str, str]:
    """Content → the fingerprint of all that it depends on, for every content of the plan.

    `uses` is what `uses_of` returns, for whoever asks for many photographs.
    """
    file = fingerprint_of_file(survey, photograph)
    found: dict[str, str] = {}
    for content, requires, used in uses_of(survey) if uses is None else uses:
        required = [found[each] for each in requires]
        found[content] = fingerprint_of(file, content, required, used)
    return found


def uses_of(survey: Survey) -> list[Use]:
    """What each content of the plan uses, whatever the photograph: contents before it, settings."""
    values = _by_key(survey.settings)
    if values[BASELINE] == "mean":
        values[BASELINE] = fingerprint_of_photographs(survey)
    return [
        (
            content.path,
            [each.path for each in content.requires],
            {key: value for key, value in values.items() if content.depends_on(key)},
        )
        for content in survey.plan.contents  # what a content requires comes before it
    ]


def _by_key(settings: Settings) -> dict[str, Any]:
    """Key of the configuration ("attribution.method") → value, for keys of tables."""
    tables = {name: table for name, table in settings.model_dump().items() if type(table) is dict}
    return {
        f"{name}.{key}": value for name, table in tables.items() for key, value in table.items()
    }


# ---------------------------------------------------------------------------------- what is missing
def missing_contents(survey: Survey) -> list[Missing]:
    """Return the photographs whose file lacks contents, or has them from other settings."""
    found: list[Missing] = []
    uses = uses_of(survey)
    for photograph in survey.photographs:
        path = survey.store.photograph_path(photograph.name)
        there = held(path, KIND, fingerprint_of_file(survey, photograph))
        wanted = fingerprints_of_contents(survey, photograph, uses)
        lacking = [
            each for each in survey.plan.contents if there.get(each.path) != wanted[each.path]
        ]
        if lacking:
            found.append((photograph, tuple(lacking)))
    return found


def require_contents(survey: Survey) -> None:
    """Check that no photograph's file lacks anything.

    Raises
    ------
    AtlasError
        Otherwise; names the file, what it lacks, and the command that computes it.
    """
    reasons = {
        State.ABSENT: "not computed yet",
        State.STALE: "computed from something else than is configured now",
        State.DAMAGED: "damaged",
    }
    for photograph, contents in missing_contents(survey):
        path = survey.store.photograph_path(photograph.name)
        found = state(path, KIND, fingerprint_of_file(survey, photograph))
        why = reasons.get(found, f'holds no "{contents[0].path}" as it is configured now')
        command = f'"building-blocks build {survey.config.path}" computes it'
        raise AtlasError(f"{path}: {why}; {command}")


def inventory(survey: Survey, _atlas: Atlas) -> Inventory[Missing]:
    """Find the photographs that lack contents."""
    found = missing_contents(survey)
    paths = {each.name: survey.store.photograph_path(each.name) for each, _ in found}
    damaged = [
        paths[each.name]
        for each, _ in found
        if state(paths[each.name], KIND, fingerprint_of_file(survey, each)) is State.DAMAGED
    ]
    return Inventory(found, len(survey.photographs) - len(found), damaged)


# ---------------------------------------------------------------------------------- how it is made
def jobs(survey: Survey, _atlas: Atlas, missing: Sequence[Missing]) -> Iterator[Job]:
    """Make a job of each photograph."""
    device, means = choose_device(survey.device, survey.scheduler), read_means(survey)
    for photograph, contents in missing:
        which = photograph.name, photograph.path, contents, survey.plan.layers
        yield Job(survey.config, device, *which, means)


def compute(job: Job) -> dict[str, Mapping[str, Array]]:
    """Compute a photograph's contents: content → its datasets.

    Raises
    ------
    AtlasError
        When the photograph cannot be decoded or a content cannot be computed; names the photograph.
    """
    from pipeline.attribution import compute as compute_contents
    from pipeline.featurevis.folding import folded

    loaded, settings = network(job.config, job.device), job.config.settings
    try:
        size = loaded.preprocessing.size
        pixels = photographs.fitted(job.path, size, settings.dataset)
        x, tables = loaded.input(pixels), (settings.attribution, settings.groups)
        contents = compute_contents(
            loaded,
            x,
            job.contents,
            *tables,
            means=job.means,
            faster=lambda network, _: folded(network, job.layers),
        )
        found = dict(contents)
    except AtlasError as error:
        raise AtlasError(f"photograph {job.name}: {error}") from error
    shown = Activation(Substrate(INPUT, WHOLE))
    return {**found, shown.path: schema.pixels(shown, pixels)}


def divide(job: Job) -> list[Job]:
    """Take a job apart into jobs that share hardly any pass through the network.

    What is attributed to classes serves saliency, so it stays together. All else has passes of its
    own for each layer that it starts from. Only shares are divided: other methods attribute all
    pairs of layers in the same few passes, and take seconds.
    """
    if job.config.settings.attribution.method != shares.NAME:
        return [job]
    parts: dict[str, list[Content]] = {}
    for content in job.contents:
        parts.setdefault(_starts_from(content), []).append(content)
    return [replace(job, contents=tuple(part)) for part in parts.values()]


def _starts_from(content: Content) -> str:
    """The layer whose passes make a content; "" for what all layers' saliency is made with."""
    source = content.substrates[0]
    to_classes = isinstance(content, Attribution) and content.target == CLASSES
    of_layer = isinstance(content, Between | Coalitions | AtBaseline) and not to_classes
    return source.layer if of_layer or source.atom.leaves_residual else ""


def merge(results: Sequence[Mapping[str, Mapping[str, Array]]]) -> dict[str, Mapping[str, Array]]:
    """Put together what the parts of a job have computed."""
    return {name: datasets for result in results for name, datasets in result.items()}


def write(
    survey: Survey, _atlas: Atlas, job: Job, result: Mapping[str, Mapping[str, Array]]
) -> Written:
    """Add the contents to the photograph's file."""
    photograph = next(each for each in survey.photographs if each.name == job.name)
    wanted = fingerprints_of_contents(survey, photograph)
    contents = {
        name: Computed(wanted[name], datasets)
        for name, datasets in result.items()
        if name in wanted
    }
    join(
        survey.store.photograph_path(job.name),
        KIND,
        fingerprint_of_file(survey, photograph),
        contents,
        {"source": str(job.path), "network": survey.profile.title},
    )
    return Written(detail=f"{job.name}: {len(contents)} contents")


PHOTOGRAPHS = Phase(
    "photographs",
    "photographs",
    KIND,
    fingerprints,
    inventory,
    jobs,
    compute,
    write,
    divide=divide,
    merge=merge,
)
