"""Sides in pixels: how large a unit's picture is, and at which sides the network is shown it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from pipeline.errors import AtlasError
from pipeline.featurevis.objectives import Objective, layers_of
from pipeline.featurevis.recipes import Recipe
from pipeline.featurevis.responses import check_objectives
from pipeline.grammar import OUTPUT
from pipeline.network import Network
from pipeline.network.canvases import REFUSALS
from pipeline.probe import receptive_fields

LEAST_SIDE = 112
"""No recipe's picture is made smaller than this: enlarged to an icon it would look blurred."""

FIELDS = 2
"""A picture of more receptive fields than this shows the same again, side by side."""

_REFUSED = (*REFUSALS, AtlasError)  # of a side, and of what an objective names


def suited_recipe(network: Network, recipe: Recipe, objectives: Sequence[Objective]) -> Recipe:
    """Return a recipe with the sides that suit some objectives.

    Units that see little of a picture get a smaller one, and where they do not see all of that
    they are shown it at its own side alone. And pictures are shown only at sides at which the
    network works and has what the objectives name (one of 64 px, for example, vanishes in a network
    with many strides); at other sides a stage shows the picture at its own.

    Parameters
    ----------
    network
        Any.
    recipe
        To start from.
    objectives
        All look at the same layers; if one names a position, all do.
    """
    if not any(each.has_position for each in objectives):
        side = picture_side(network, layers_of(objectives), recipe.size)
        recipe = replace(recipe, size=side)
    if _sees_little(network, layers_of(objectives), recipe):
        return recipe.at_own_side()
    sides = {recipe.side_of(stage) for stage in recipe.stages}
    fitting = {side for side in sides if side == recipe.size or _fits(network, objectives, side)}
    stages = tuple(
        stage if recipe.side_of(stage) in fitting else replace(stage, view=1.0, rate=1.0)
        for stage in recipe.stages
    )
    return replace(recipe, stages=stages)


def _fits(network: Network, objectives: Sequence[Objective], side: int) -> bool:
    layers = layers_of(objectives)
    try:
        check_objectives(network, objectives, side)
        return network.takes(side, None if OUTPUT in layers else layers)
    except _REFUSED:
        return False


def _sees_little(network: Network, layers: Sequence[str], recipe: Recipe) -> bool:
    """Return whether units see only parts of a picture: stages at other sides do not suit them.

    What they look for has one size, at which it fills the picture many times. At another side the
    network would draw it larger or smaller.
    """
    if OUTPUT in layers or not layers or all(stage.view == 1 for stage in recipe.stages):
        return False
    try:
        fields = receptive_fields(network, layers, round(2 * recipe.size / 16) * 16)
    except _REFUSED:
        return False
    return max(fields.values()) < recipe.size


def picture_side(network: Network, layers: Sequence[str], largest: int) -> int:
    """Return the side in pixels of pictures of units that look at these layers.

    Parameters
    ----------
    network
        Any.
    layers
        One that stands for the logits sees the whole picture.
    largest
        The recipe's own side; a smaller one is returned where units see less.
    """
    if OUTPUT in layers or not layers or largest <= LEAST_SIDE:
        return largest
    fields = receptive_fields(network, layers, largest)
    return side_for_field(max(fields.values()), largest)


def side_for_field(field: int, largest: int) -> int:
    """Return the side of a picture that holds a receptive field twice, in multiples of 16 px."""
    return min(max(math.ceil(FIELDS * field / 16) * 16, LEAST_SIDE), largest)
