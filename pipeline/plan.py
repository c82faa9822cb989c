"""From the chosen figures to what has to be computed.

Each figure's `Interface` names contents; their union is what every photograph's file holds, each content once. Which
feature visualizations are needed follows from the computed contents: the figures name the units that they show.
Fingerprints are made here, so what a file depends on can be read in one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline import figures
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError, did_you_mean
from pipeline.featurevis.recipes import GRID, recipe
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Content, Interface, Presentation, Substrate
from pipeline.images import PhotographFile
from pipeline.probe import Facts
from pipeline.store import fingerprint_of

if TYPE_CHECKING:
    from pipeline.atlas import Atlas

CONTENTS_VERSION = 1  # raised when activations, attributions or groups are computed differently


@dataclass(frozen=True)
class Plan:
    """What an atlas is made of. `contents` is what every photograph's file holds."""

    figures: tuple[str, ...]
    layers: tuple[str, ...]
    interfaces: tuple[Interface, ...]
    contents: tuple[Content, ...]


def chosen_figures(config: Config, only: Sequence[str] | None = None) -> tuple[str, ...]:
    """The figures to make, in page order: `only`, else those of `[site] figures`, else all; unknown names raise."""
    known = list(figures.FIGURES)
    wanted = only if only is not None else config.settings.site.figures
    where = "--figures" if only is not None else f'{config.path}: "site.figures"'
    if wanted is None:
        return tuple(known)
    if not wanted:
        raise AtlasError(f"{where}: names no figure; known are {', '.join(known)}")
    for name in wanted:
        if name not in known:
            raise AtlasError(f'{where}: no figure "{name}"{did_you_mean(name, known) or ";"} known are {", ".join(known)}')
    return tuple(name for name in known if name in wanted)


def make_plan(chosen: Sequence[str], layers: Sequence[str], settings: Settings) -> Plan:
    """Join the interfaces of the chosen figures into the contents to compute, the photograph and its logits first."""
    interfaces = tuple(figures.load(name).interface(tuple(layers), settings) for name in chosen)
    always: tuple[Content, ...] = (Activation(Substrate(INPUT, Atom.WHOLE)), Activation(CLASSES))
    by_path: dict[str, Content] = {}
    for content in (*always, *(content for each in interfaces for content in each.contents)):
        by_path.setdefault(content.path, content)
    return Plan(tuple(chosen), tuple(layers), interfaces, tuple(by_path.values()))


def image_fingerprint(plan: Plan, facts: Facts, settings: Settings, photograph: PhotographFile) -> str:
    """Of everything that a photograph's file depends on."""
    return fingerprint_of(
        "image",
        CONTENTS_VERSION,
        facts.weights,
        photograph.fingerprint,
        [facts.size, settings.dataset.fit],
        sorted(content.path for content in plan.contents),
        settings.attribution.model_dump(),
        settings.groups.model_dump(),
    )


def own_spectrum(settings: Settings) -> bool:
    """Whether feature visualizations are made with the spectrum of the atlas's photographs."""
    return settings.features.spectrum == "photographs" and recipe(settings.features).parameterization == "maco"


def picture_fingerprint(facts: Facts, settings: Settings, layer: str, photographs: Sequence[PhotographFile]) -> str:
    """Of everything that a layer's feature visualizations depend on, besides their units."""
    features = settings.features
    parts = [facts.weights, layer, recipe(features).fingerprint_parts(), features.seed, settings.execution.dtype]
    if own_spectrum(settings):
        parts.append(sorted(photograph.fingerprint for photograph in photographs))
    return fingerprint_of("visualizations", *parts)


def grid_fingerprint(facts: Facts, settings: Settings, photograph: PhotographFile, layer: str) -> str:
    """Of everything that a photograph's activation grid of one layer depends on."""
    parts = [facts.weights, photograph.fingerprint, facts.size, settings.dataset.fit]
    return fingerprint_of("grid", *parts, layer, GRID.fingerprint_parts(), settings.features.seed, settings.execution.dtype)


def site_fingerprint(plan: Plan, facts: Facts, settings: Settings, images: Mapping[str, str], pictures: Mapping[str, str]) -> str:
    """Of everything that the site is baked from: all files of the store that it reads, and the settings it prints."""
    parts: list[Any] = [list(plan.figures), list(plan.layers), facts.title, list(facts.classes), dict(images), dict(pictures)]
    return fingerprint_of("site", *parts, settings.model_dump(exclude={"execution"}))


def needed_units(plan: Plan, atlas: Atlas, settings: Settings) -> dict[str, list[str]]:
    """The units whose feature visualizations the atlas needs, by layer: those that the figures show, and those asked for."""
    needed: dict[str, set[str]] = {layer: set() for layer in plan.layers}
    for name in plan.figures:
        for photograph in atlas.photographs:
            for layer, units in figures.load(name).units(atlas, photograph).items():
                needed[layer] |= set(units)
    channels = settings.features.channels
    for shown in atlas.network.layers:
        if channels == "all":
            asked: Sequence[int] = range(shown.shape[0])
        else:
            asked = channels.get(shown.name, ()) if isinstance(channels, dict) else ()
        needed[shown.name] |= {f"channel:{channel}" for channel in asked}
    return {layer: sorted(units, key=_unit_order) for layer, units in needed.items()}


def grid_layers(plan: Plan) -> tuple[str, ...]:
    """The layers whose positions are shown as feature visualizations: the activation grids."""
    shown = {element.content for each in plan.interfaces for element in each.elements if element.presentation is Presentation.FEATURE_VIS}
    return tuple(layer for layer in plan.layers if Activation(Substrate(layer, Atom.SPATIAL)) in shown)


def _unit_order(unit: str) -> tuple[str, int, str]:
    kind, _, which = unit.partition(":")
    return kind, int(which) if which.isdigit() else 0, which


def check_recipe(config: Config) -> None:
    """Raise an AtlasError, naming the file, where `[features]` names no recipe."""
    try:
        recipe(config.settings.features)
    except AtlasError as error:
        raise AtlasError(f"{config.path}: {error}") from error


def check_channels(settings: Settings, facts: Facts, layers: Sequence[str], where: str) -> list[AtlasError]:
    """What is wrong with `[features] channels` and `[groups] counts`: layers and channels that are not there."""
    errors: list[AtlasError] = []
    channels = settings.features.channels if isinstance(settings.features.channels, dict) else {}
    for key, named in (("features.channels", list(channels)), ("groups.counts", list(settings.groups.counts))):
        for layer in named:
            if layer not in layers:
                hint = did_you_mean(layer, layers) or ";"
                errors.append(AtlasError(f'{where}: "{key}.{layer}": not one of the display layers{hint} they are {", ".join(layers)}'))
    for layer, asked in channels.items():
        if layer in layers:
            count = facts.layer(layer).shape[0]
            outside = [channel for channel in asked if channel >= count]
            if outside:
                errors.append(
                    AtlasError(f'{where}: "features.channels.{layer}": no channel {outside[0]}; the layer has {count}, 0 to {count - 1}')
                )
    return errors
