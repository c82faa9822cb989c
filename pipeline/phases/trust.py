"""Trust: what the store claims, tried out on the network once more, for some photographs.

    trust/photographs/<photograph>.h5   one group of datasets for each layer
    trust/pictures/<layer>.h5           one row for each feature visualization of a channel, and of
                                        a group of one of these photographs

`pipeline.trust` tries it out, `pipeline.schema` names the datasets, `pipeline.views.trust` judges
them. There is nothing to do where the figure "trust" is not shown or `[trust] photographs` is 0.

Symbols: k classes; U feature visualizations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline import figures, photographs, schema
from pipeline.arrays import Array
from pipeline.atlas import Atlas, Key
from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.featurevis.recipes import recipe
from pipeline.fingerprints import fingerprint_of
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    SPATIAL,
    WHOLE,
    Activation,
    Attribution,
    Group,
    Removal,
    Substrate,
)
from pipeline.phases import feature_visualizations
from pipeline.phases.baselines import read_means
from pipeline.phases.phase import Inventory, Phase, Written, inventory_of_files
from pipeline.phases.photographs import fingerprint_of_file, fingerprints_of_contents
from pipeline.photographs import PhotographFile
from pipeline.plan import TRUST
from pipeline.store import File, write
from pipeline.survey import Survey
from pipeline.trust.claims import Claims, Effort, GroupsClaim
from pipeline.trust.quantiles import quantiles
from pipeline.units import Unit
from pipeline.views import groups
from pipeline.views.classes import TOP
from pipeline.views.trust import KIND, PHOTOGRAPH, PICTURES, path_of
from pipeline.worker import choose_device, network

VERSION = 1  # raised when something is tried out differently


@dataclass(frozen=True)
class PhotographJob:
    """Try out one photograph: what the store `claims` of it, with the layers' baselines `means`."""

    config: Config
    device: str
    name: str
    path: Path
    claims: tuple[Claims, ...]
    means: Mapping[str, np.ndarray] | None


@dataclass(frozen=True)
class PicturesJob:
    """Try out the pictures of one layer.

    Attributes
    ----------
    directions
        The vectors f4 `[C]` of those units that are directions.
    pictures, stated
        uint8 `[U, S, S, 3 or 4]`, and the activations that the store has for them, f4 `[U]`.
    """

    config: Config
    device: str
    layer: str
    units: tuple[Unit, ...]
    directions: Mapping[Unit, np.ndarray]
    pictures: np.ndarray
    stated: np.ndarray


Job = PhotographJob | PicturesJob
Result = Mapping[str, Mapping[str, np.ndarray]] | np.ndarray


# ------------------------------------------------------------------------------ what it depends on
def tried(survey: Survey) -> list[PhotographFile]:
    """Choose the photographs that are tried out, spread evenly over all."""
    wanted = min(survey.settings.trust.photographs, len(survey.photographs))
    if not wanted or TRUST not in survey.plan.figures:
        return []
    rows = np.linspace(0, len(survey.photographs) - 1, wanted).round().astype(int)
    return [survey.photographs[row] for row in dict.fromkeys(rows.tolist())]


def fingerprints(survey: Survey) -> dict[Key, str]:
    """(PHOTOGRAPH, name) and (PICTURES, layer) → the fingerprint of all that is tried out."""
    chosen = tried(survey)
    if not chosen:
        return {}
    settings, plan = survey.settings, survey.plan
    effort = settings.trust.model_dump(exclude={"photographs"})
    tables = [settings.attribution.model_dump(), settings.groups.model_dump(), list(plan.layers)]
    found: dict[Key, str] = {
        (PHOTOGRAPH, each.name): fingerprint_of(
            KIND, VERSION, effort, tables, fingerprints_of_contents(survey, each)
        )
        for each in chosen
    }
    # Which pictures are shown follows from the contents of all photographs, and these from:
    every = [fingerprint_of_file(survey, each) for each in survey.photographs]
    groups_of = [each.name for each in chosen]
    shown = [tables, [each.path for each in plan.contents], list(plan.figures), every, groups_of]
    features = settings.features.model_dump()
    for (layer,), pictures in feature_visualizations.fingerprints(survey).items():
        found[PICTURES, layer] = fingerprint_of(KIND, VERSION, layer, pictures, shown, features)
    return found


def inventory(survey: Survey, atlas: Atlas) -> Inventory[Key]:
    """Find what has not been tried out as it is now."""
    wanted = atlas.fingerprints[KIND]
    return inventory_of_files(KIND, wanted, lambda key: path_of(survey.store, key))


# ---------------------------------------------------------------------------------- how it is done
def jobs(survey: Survey, atlas: Atlas, missing: Sequence[Key]) -> Iterator[Job]:
    """Make a job of each photograph, and of the pictures of each layer."""
    device, means = choose_device(survey.device, survey.scheduler), read_means(survey)
    paths = {each.name: each.path for each in survey.photographs}
    for kind, name in missing:
        if kind == PHOTOGRAPH:
            claims = claims_of(survey, name)
            yield PhotographJob(survey.config, device, name, paths[name], claims, means)
    layers = [name for kind, name in missing if kind == PICTURES]
    if not layers:
        return
    needed = feature_visualizations.needed_units(survey, atlas)
    of_groups = _directions(survey, atlas)
    for layer in layers:
        directions = of_groups[layer]
        units = [
            u for u in needed[layer] if u.channel_index is not None or u.original in directions
        ]
        found = atlas.visualizations(layer, units)
        # A layer without pictures has a file, too, or it would be looked for every time.
        pixels = [each.pixels for each in found.values()]
        pictures = np.stack(pixels) if pixels else np.zeros((0, 1, 1, 3), np.uint8)
        stated = np.array([each.activation for each in found.values()], np.float32)
        yield PicturesJob(survey.config, device, layer, tuple(found), directions, pictures, stated)


def _directions(survey: Survey, atlas: Atlas) -> dict[str, dict[Unit, np.ndarray]]:
    """Of the groups of the photographs that are tried out, by layer and unit.

    Channels have as many pictures however many photographs there are; groups have not.
    """
    shown, names = figures.chosen(survey.plan.figures), {each.name for each in tried(survey)}
    found: dict[str, dict[Unit, np.ndarray]] = {layer: {} for layer in survey.plan.layers}
    for photograph in atlas.photographs:
        if photograph.name in names:
            for layer, vectors in figures.directions_of(shown, atlas, photograph).items():
                found[layer] |= vectors
    return found


def claims_of(survey: Survey, photograph: str) -> tuple[Claims, ...]:
    """Read what the store holds of a photograph, as far as it is tried out."""
    with survey.store.photograph(photograph) as file:
        logits = file.values(Activation(CLASSES).path)
        classes = np.argsort(-logits, kind="stable")[:TOP]
        return tuple(_claims(survey, file, layer, classes) for layer in survey.plan.layers)


def _claims(survey: Survey, file: File, layer: str, classes: np.ndarray) -> Claims:
    planned = {content.path for content in survey.plan.contents}
    counts = groups.counts(survey.settings, layer)
    known = {n: Substrate(layer, Group(n)) for n in counts}
    known = {n: each for n, each in known.items() if Activation(each).path in planned}
    shares = {}
    for source in [*(Substrate(layer, atom) for atom in (CHANNEL, SPATIAL)), *known.values()]:
        content = Attribution(source, CLASSES)
        if content.path in planned:
            shares[str(source.atom)] = with_residual(file, content)[..., classes]
    removal = Removal(Substrate(layer, CHANNEL), CLASSES)
    removals = None
    if removal.path in planned:
        removals = file.values(removal.path)[:, classes[0]].astype(np.float32)
    first = groups.first_count(tuple(known)) if known else 0
    claimed = {n: _groups(file, each, n == first) for n, each in known.items()}
    return Claims(layer, tuple(classes.tolist()), shares, removals, claimed)


def with_residual(file: File, content: Attribution) -> np.ndarray:
    """Read shares f4 `[…, K]`, that of a residual as one more of the source's atoms."""
    values = file.values(content.path).astype(np.float32)
    if not content.source.atom.leaves_residual:
        return values
    return np.concatenate([values, file.values(content.residual_of_source)[None]])


def _groups(file: File, substrate: Substrate, stability: bool) -> GroupsClaim:
    path = Activation(substrate).path
    spatial, channels = (file.values(f"{path}/{name}") for name in ("spatial", "channels"))
    return GroupsClaim(spatial, channels, float(file.values(f"{path}/explained")), stability)


def compute(job: Job) -> Result:
    """Try out a job: layer → name → array for a photograph; what pictures reach, f4 `[U]`.

    Raises
    ------
    AtlasError
        When the photograph cannot be decoded, or a layer does not suit; names it.
    """
    loaded, settings = network(job.config, job.device), job.config.settings
    if isinstance(job, PicturesJob):
        from pipeline.trust.pictures import reached

        how = recipe(settings.features)
        return reached(loaded, how, job.layer, job.units, job.directions, job.pictures)
    from pipeline.featurevis.folding import folded
    from pipeline.trust.photograph import Trial

    effort = Effort(settings.trust.channels, settings.trust.draws)
    try:
        size = loaded.preprocessing.size
        pixels = photographs.fitted(job.path, size, settings.dataset)
        tables = (settings.attribution, settings.groups)
        faster = folded(loaded, tuple(claim.layer for claim in job.claims))
        return Trial(loaded, pixels, *tables, effort, job.means, faster).of(job.claims)
    except AtlasError as error:
        raise AtlasError(f"photograph {job.name}: {error}") from error


def divide(job: Job) -> list[Job]:
    """Try out the layers of a photograph one by one."""
    if isinstance(job, PicturesJob):
        return [job]
    return [replace(job, claims=(claim,)) for claim in job.claims] or [job]


def merge(results: Sequence[Result]) -> Result:
    """Put together what was found of a photograph's layers."""
    if len(results) == 1:
        return results[0]
    layers: dict[str, Mapping[str, np.ndarray]] = {}
    for found in results:
        assert not isinstance(found, np.ndarray)
        layers |= found
    return layers


def write_found(survey: Survey, atlas: Atlas, job: Job, found: Result) -> Written:
    """Write a photograph's file, or that of a layer's pictures."""
    if isinstance(job, PhotographJob):
        assert not isinstance(found, np.ndarray)
        key, datasets = (PHOTOGRAPH, job.name), dict[str, Array]()
        for layer, values in found.items():
            datasets |= schema.trust(layer, values)
    else:
        assert isinstance(found, np.ndarray)
        key = (PICTURES, job.layer)
        cubes = (_cube(survey, each.name, job.layer) for each in survey.photographs)
        among = quantiles(cubes, job.units, job.directions, found)
        names = np.array([str(unit) for unit in job.units])
        datasets = schema.trusted_pictures(names, job.stated, found, among.below, among.largest)
    write(path_of(survey.store, key), KIND, atlas.fingerprints[KIND][key], datasets)
    return Written(detail=", ".join(key))


def _cube(survey: Survey, photograph: str, layer: str) -> np.ndarray:
    with survey.store.photograph(photograph) as file:
        return file.values(Activation(Substrate(layer, WHOLE)).path)


TRUSTED = Phase(
    "trust",
    "files",
    KIND,
    fingerprints,
    inventory,
    jobs,
    compute,
    write_found,
    divide=divide,
    merge=merge,
)
