"""The activation vector: one cell's activations as one picture, beside their strongest channels.

The cells are those of the semantic dictionary (`pipeline.views.cells`): `a[:, y, x]`, averaged over
blocks of positions where the dictionary averages. The picture is cut from the layer's activation
grid. `share` is how much of the vector the channels shown make up: the sum of their squares over
the squared length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.grammar import (
    CHANNEL,
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    Interface,
    Presentation,
    Substrate,
    show,
)
from pipeline.views import cells, grids
from pipeline.views.packing import pack

NAME = "activation_vector"
TITLE = "A list of numbers as one picture"


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return positions and channels of every display layer as feature visualizations."""
    elements = [*show(Activation(Substrate(INPUT, WHOLE)))]
    for layer in layers:
        elements += show(Activation(Substrate(layer, SPATIAL)), Presentation.FEATURE_VIS)
        elements += show(
            Activation(Substrate(layer, CHANNEL)),
            Presentation.FEATURE_VIS,
            Presentation.INFO_VIS,
        )
    return Interface(NAME, tuple(elements))


visualizations = cells.visualizations
shown_first = cells.shown_first


def share(layer_cells: cells.Cells) -> np.ndarray:
    """How much of each cell's vector its strongest channels make up.

    Returns
    -------
    np.ndarray
        `[rows, columns]`, from 0 to 1; 0 where the vector is zero.
    """
    squared = (layer_cells.vectors.astype(np.float64) ** 2).sum(axis=0)
    shown = (layer_cells.values.astype(np.float64) ** 2).sum(axis=2)
    return np.divide(shown, squared, out=np.zeros_like(shown), where=squared > 0)


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return, for each layer, its activation grid, its cells, and the cell that is shown first."""
    with atlas.open(photograph) as file:
        found = [(layer, cells.read(file, layer, atlas.settings)) for layer in atlas.network.layers]
    layers = [_baked(atlas, photograph, layer, layer_cells) for layer, layer_cells in found]
    return {"first": cells.first_layer(atlas).name, "layers": layers}


def _baked(
    atlas: Atlas, photograph: Photograph, layer: Layer, layer_cells: cells.Cells
) -> dict[str, Any]:
    return {
        "layer": layer.name,
        "grid": grids.path(atlas, photograph, layer.name),
        "dead": grids.dead(atlas, photograph, layer.name),
        "block": layer_cells.block,
        "peak": layer_cells.peak,
        "cell": list(layer_cells.first),
        "channels": pack(layer_cells.channels, "u2"),
        "values": pack(layer_cells.values, "f2"),
        "length": pack(layer_cells.lengths, "f4"),
        "share": pack(share(layer_cells), "f4"),
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the cell of the first photograph that is shown first."""
    layer = cells.first_layer(atlas)
    with atlas.open(atlas.photographs[0]) as file:
        layer_cells = cells.read(file, layer, atlas.settings)
    row, column = layer_cells.first
    return {
        "layer": layer,
        "row": row,
        "column": column,
        "strongest": layer_cells.strongest(row, column),
        "share": float(share(layer_cells)[row, column]),
        "length": float(layer_cells.lengths[row, column]),
        "count": cells.STRONGEST,
    }
