"""Feature visualizations and activation grids."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipeline.api import display
from pipeline.api.groups import Groups
from pipeline.api.networks import activations
from pipeline.errors import AtlasError
from pipeline.featurevis.grids import render_grid
from pipeline.featurevis.objectives import channel, direction
from pipeline.featurevis.recipes import GRID, grid_named, named
from pipeline.featurevis.render import render as render_all
from pipeline.featurevis.requests import Request
from pipeline.network import Network
from pipeline.units import Unit
from pipeline.views.grids import tiled


@dataclass(frozen=True)
class Picture:
    """A feature visualization.

    Attributes
    ----------
    label
        What it is a picture of.
    pixels
        uint8 `[S, S, 3]`.
    activation
        What it makes its unit do: the mean activation.
    alive
        Whether it activates its unit at all.
    """

    label: str
    pixels: np.ndarray = field(repr=False)
    activation: float
    alive: bool

    def _repr_png_(self) -> bytes:
        return display.png(self.pixels)


class Pictures(list[Picture]):
    """Pictures in the order in which they were asked for; a notebook shows them side by side."""

    def _repr_html_(self) -> str:
        return "".join(display.image(each.pixels, each.label) for each in self)


def render(
    network: Network,
    objective: str | tuple[str, np.ndarray] | Groups | list[Any],
    recipe: str = "fast",
    *,
    size: int | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> Pictures:
    """Make feature visualizations.

    Parameters
    ----------
    network
        See `load` and `wrap`.
    objective
        What to look for: "mixed4d:12" (a channel), ("mixed4d", vector f4 `[C]`) (a direction), what
        `factorize` returns (every group), or a list of these.
    recipe
        A name from docs/feature-visualization.md.
    size, steps
        Side in pixels and number of steps; the recipe's by default.
    seed
        Pictures depend on it, and on nothing else that is random.

    Raises
    ------
    AtlasError
        When a layer, a channel or the recipe is unknown.
    """
    wanted = [each for item in _listed(objective) for each in _requests(item)]
    made: dict[tuple[str, Unit], Picture] = {}
    unique = {(request.layer, request.unit): request for _, request in wanted}
    recipe_found = named(recipe, size=size, steps=steps)
    for batch in render_all(network, list(unique.values()), recipe_found, seed=seed):
        for i, unit in enumerate(batch.units):
            activation, alive = float(batch.activation[i]), bool(batch.alive[i])
            made[batch.layer, unit] = Picture("", batch.pictures[i], activation, alive)
    return Pictures(
        replace(made[request.layer, request.unit], label=label) for label, request in wanted
    )


def activation_grid(
    network: Network,
    image: Any,
    layer: str,
    *,
    recipe: str = GRID.name,
    cell: int | None = None,
    steps: int | None = None,
) -> Picture:
    """Make the activation grid of a layer: for each position a picture of what is active there.

    Parameters
    ----------
    network
        See `load` and `wrap`.
    image
        See `photograph`.
    layer
        Name of a submodule.
    recipe
        "places" or "article".
    cell, steps
        Side of a cell in pixels and number of steps; the recipe's by default.

    Raises
    ------
    AtlasError
        When the layer or the recipe is unknown.
    """
    chosen = grid_named(recipe)
    how = replace(chosen, cell=cell or chosen.cell, steps=steps or chosen.steps)
    grid = render_grid(network, layer, activations(network, image, layer), how)
    alive = bool(grid.alive.any())
    return Picture(layer, tiled(grid.cells), float(grid.likeness.mean()), alive)


def _listed(objective: Any) -> list[Any]:
    return objective if isinstance(objective, list) else [objective]


def _requests(item: Any) -> list[tuple[str, Request]]:
    """Return a label and a request for each picture that an objective stands for."""
    if isinstance(item, Groups):
        return [
            (f"group {i}", _directed(item.layer, vector)) for i, vector in enumerate(item.channels)
        ]
    if isinstance(item, tuple) and len(item) == 2:
        return [(f"a direction of {item[0]}", _directed(item[0], np.asarray(item[1])))]
    if isinstance(item, str):
        layer, _, index = item.rpartition(":")
        if layer and index.isdigit():
            unit = Unit.channel(int(index))
            return [(item, Request(layer, unit, channel(layer, int(index))))]
    example = '"mixed4d:12", ("mixed4d", vector), what factorize returns, or a list of these'
    raise AtlasError(f"{item!r} is no objective; one looks like {example}")


def _directed(layer: str, vector: np.ndarray) -> Request:
    values = np.asarray(vector, dtype=np.float32)
    return Request(layer, Unit.direction(values), direction(layer, values))
