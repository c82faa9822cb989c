"""The semantic dictionary: what the strongest channels at any position of a layer respond to.

Each display layer is shown as cells of `[rows, columns]` (`pipeline.views.cells`); where a cell
averages several positions, the page says so. Of each cell the browser gets the strongest channels
with their activations, the first `FIRST` numbers of its vector, the vector's length, and how many
of the vector's numbers are positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from pipeline.views import cells
from pipeline.views.packing import pack

NAME = "semantic_dictionary"
TITLE = "What the network sees at each position"

FIRST = 12


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return positions and channels of every display layer over the photograph."""
    elements = [*show(Activation(Substrate(INPUT, WHOLE)))]
    for layer in layers:
        elements += show(Activation(Substrate(layer, SPATIAL)))
        elements += show(
            Activation(Substrate(layer, CHANNEL)),
            Presentation.FEATURE_VIS,
            Presentation.INFO_VIS,
        )
    return Interface(NAME, tuple(elements))


visualizations = cells.visualizations
shown_first = cells.shown_first


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return, for each layer, the cells as arrays and the cell that is shown first."""
    with atlas.open(photograph) as file:
        layers = [
            _baked(cells.read(file, layer, atlas.settings), layer) for layer in atlas.network.layers
        ]
    return {"first": cells.first_layer(atlas).name, "layers": layers}


def _baked(layer_cells: cells.Cells, layer: Layer) -> dict[str, Any]:
    by_cell = layer_cells.vectors.transpose(1, 2, 0)
    return {
        "layer": layer.name,
        "block": layer_cells.block,
        "peak": layer_cells.peak,
        "cell": list(layer_cells.first),
        "channels": pack(layer_cells.channels, "u2"),
        "values": pack(layer_cells.values, "f2"),
        "vector": pack(by_cell[:, :, :FIRST], "f2"),
        "length": pack(layer_cells.lengths, "f4"),
        "positive": pack((by_cell > 0).sum(axis=2), "u2"),
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the cell of the first photograph that is shown first, and its strongest channels."""
    layer = cells.first_layer(atlas)
    with atlas.open(atlas.photographs[0]) as file:
        layer_cells = cells.read(file, layer, atlas.settings)
    row, column = layer_cells.first
    return {
        "layer": layer,
        "row": row,
        "column": column,
        "strongest": layer_cells.strongest(row, column),
        "count": cells.STRONGEST,
        "first": FIRST,
        "block": layer_cells.block,
    }
