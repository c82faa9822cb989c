"""From the chosen figures to what has to be computed.

Each figure's `Interface` names contents. Their union, with all that they require, is what every
photograph's file holds, each content once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pipeline import figures
from pipeline.attribution import METHODS
from pipeline.attribution.methods import shares
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError, did_you_mean
from pipeline.featurevis.recipes import grid_named, recipe
from pipeline.grammar import (
    CLASSES,
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    AtBaseline,
    Content,
    Interface,
    Presentation,
    Substrate,
    with_requirements,
)
from pipeline.probe import NetworkProfile
from pipeline.shapley import MOST_PLAYERS

TRUST = "trust"  # the figure that is left out where nothing is tried out


@dataclass(frozen=True)
class Plan:
    """What an atlas is made of. `contents`: what every photograph's file holds."""

    figures: tuple[str, ...]
    layers: tuple[str, ...]
    interfaces: tuple[Interface, ...]
    contents: tuple[Content, ...]

    @property
    def grid_layers(self) -> tuple[str, ...]:
        """The layers whose positions are shown as feature visualizations: activation grids."""
        shown = {
            element.content
            for interface in self.interfaces
            for element in interface.elements
            if element.presentation is Presentation.FEATURE_VIS
        }
        return tuple(
            layer for layer in self.layers if Activation(Substrate(layer, SPATIAL)) in shown
        )


def make_plan(
    chosen: Sequence[str],
    layers: Sequence[str],
    settings: Settings,
    bypassed: Sequence[str] = (),
) -> Plan:
    """Join the interfaces of the chosen figures, and add what the page itself shows.

    Parameters
    ----------
    chosen
        Names of figures, in page order.
    layers
        Names of the display layers, in the order in which they run.
    settings
        As configured.
    bypassed
        The layers around which a part of the decision goes; the page shows how much of it.
    """
    shown = figures.interfaces(layers, settings)
    interfaces = tuple(shown[name] for name in chosen)
    always = (Activation(Substrate(INPUT, WHOLE)), Activation(CLASSES))
    named = tuple(content for interface in interfaces for content in interface.contents)
    around = tuple(AtBaseline(layer) for layer in bypassed)
    contents = with_requirements((*always, *named, *around))
    return Plan(tuple(chosen), tuple(layers), interfaces, contents)


def chosen_figures(config: Config, only: Sequence[str] | None = None) -> tuple[str, ...]:
    """The figures to make, in page order.

    Parameters
    ----------
    config
        Its `[site] figures` count where `only` is None; without them, all figures.
    only
        What the command line names.

    Raises
    ------
    AtlasError
        For an unknown name, or none at all.
    """
    known = list(figures.FIGURES)
    wanted = only if only is not None else config.settings.site.figures
    where = "--figures" if only is not None else f'{config.path}: "site.figures"'
    if wanted is None:
        tried = config.settings.trust.photographs > 0
        return tuple(name for name in known if tried or name != TRUST)
    if not wanted:
        raise AtlasError(f"{where}: names no figure; known are {', '.join(known)}")
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, known) or ";"
            listed = ", ".join(known)
            raise AtlasError(f'{where}: no figure "{name}"{hint} known are {listed}')
    return tuple(name for name in known if name in wanted)


def check_names(config: Config) -> list[AtlasError]:
    """What is wrong with the names of recipes and of the attribution method, and with groups."""
    errors: list[AtlasError] = []
    features = config.settings.features
    for named in (partial(recipe, features), partial(grid_named, features.grids)):
        try:
            named()
        except AtlasError as error:
            errors.append(AtlasError(f"{config.path}: {error}"))
    method = config.settings.attribution.method
    if method not in METHODS:
        hint = did_you_mean(method, METHODS) or ";"
        listed = ", ".join(METHODS)
        where = f'{config.path}: "attribution.method"'
        errors.append(AtlasError(f'{where}: no method "{method}"{hint} known are {listed}'))
    return errors + _check_group_counts(config)


def _check_group_counts(config: Config) -> list[AtlasError]:
    """What is wrong with `[groups] counts` where groups have shares."""
    settings, most = config.settings, MOST_PLAYERS - 1
    if settings.attribution.method != shares.NAME:
        return []
    return [
        shares.too_many(f'{config.path}: "groups.counts.{layer}"', count)
        for layer, counts in settings.groups.counts.items()
        for count in counts
        if count > most
    ]


def check_channels(
    config: Config, profile: NetworkProfile, layers: Sequence[str]
) -> list[AtlasError]:
    """What is wrong with `[features] channels` and `[groups] counts`."""
    settings, errors = config.settings, list[AtlasError]()
    listed = settings.features.channels
    channels = listed if isinstance(listed, dict) else {}
    for key, named in (("features.channels", channels), ("groups.counts", settings.groups.counts)):
        for layer in named:
            if layer not in layers:
                hint = did_you_mean(layer, layers) or ";"
                shown = f"they are {', '.join(layers)}"
                message = f'"{key}.{layer}": not one of the display layers{hint} {shown}'
                errors.append(AtlasError(f"{config.path}: {message}"))
    for layer, asked in channels.items():
        if layer not in layers:
            continue
        count = profile.layer(layer).cube[0]
        outside = [channel for channel in asked if channel >= count]
        if outside:
            message = f"no channel {outside[0]}; the layer has {count}, 0 to {count - 1}"
            where = f'{config.path}: "features.channels.{layer}"'
            errors.append(AtlasError(f"{where}: {message}"))
    return errors
