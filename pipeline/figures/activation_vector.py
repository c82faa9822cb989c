"""The activation vector: what is active at one place as one picture, beside the strongest channels it is made of.

The cells are those of the semantic dictionary, and so is the choice of one: `a[:, y, x]`, averaged over blocks where the
dictionary averages. The picture is cut from the layer's activation grid. `share` is how much of the vector the channels
shown make up: the sum of their squares over the squared length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.figures import grids, semantic_dictionary
from pipeline.figures.packing import pack
from pipeline.figures.semantic_dictionary import STRONGEST, Cells
from pipeline.grammar import INPUT, Activation, Atom, Interface, Presentation, Substrate, show

NAME = "activation_vector"
TITLE = "A list of numbers as one picture"


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return positions and channels of every display layer, both as pictures."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE)))]
    for layer in layers:
        elements += show(Activation(Substrate(layer, Atom.SPATIAL)), Presentation.FEATURE_VIS)
        elements += show(Activation(Substrate(layer, Atom.CHANNEL)), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    return Interface(NAME, tuple(elements))


units = semantic_dictionary.units
opening = semantic_dictionary.opening


def share(cut: Cells) -> np.ndarray:
    """How much of each cell's vector its strongest channels make up, `[rows, columns]` in 0…1; 0 where all is 0."""
    squared = (cut.vectors.astype(np.float64) ** 2).sum(axis=0)
    shown = (cut.values.astype(np.float64) ** 2).sum(axis=2)
    return np.divide(shown, squared, out=np.zeros_like(shown), where=squared > 0)


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return, for each layer, its activation grid, the strongest channels of every cell and the cell to open with."""
    with atlas.image(photograph) as file:
        cut = [(layer, semantic_dictionary.cells(file, layer, atlas.settings)) for layer in atlas.network.layers]
    layers = [_baked(atlas, photograph, layer, cells) for layer, cells in cut]
    return {"first": semantic_dictionary.first_layer(atlas).name, "layers": layers}


def _baked(atlas: Atlas, photograph: Photograph, layer: Layer, cut: Cells) -> dict[str, Any]:
    return {
        "layer": layer.name,
        "grid": grids.path(atlas, photograph, layer.name),
        "dead": grids.dead(atlas, photograph, layer.name),
        "block": cut.block,
        "peak": cut.peak,
        "cell": list(cut.liveliest),
        "channels": pack(cut.channels, "u2"),
        "values": pack(cut.values, "f2"),
        "length": pack(np.linalg.norm(cut.vectors, axis=0), "f4"),
        "share": pack(share(cut), "f4"),
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the cell that the first photograph opens with."""
    photograph, layer = atlas.photographs[0], semantic_dictionary.first_layer(atlas)
    with atlas.image(photograph) as file:
        cut = semantic_dictionary.cells(file, layer, atlas.settings)
    row, column = cut.liveliest
    strongest = [(int(c), float(v)) for c, v in zip(cut.channels[row, column], cut.values[row, column], strict=True) if v > 0]
    return {
        "layer": layer,
        "row": row,
        "column": column,
        "strongest": strongest,
        "share": float(share(cut)[row, column]),
        "length": float(np.linalg.norm(cut.vectors[:, row, column])),
        "count": STRONGEST,
    }
