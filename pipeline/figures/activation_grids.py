"""Activation grids: at every position of every layer, a picture of what is active there; sized by magnitude, if wanted.

A layer's grid (`pipeline.figures.grids`) is made for its activation vectors `a[:, y, x]`. Besides it the browser gets
their lengths `‖a[:, y, x]‖₂`, `[H, W]`. Sized by magnitude, the area of a cell's picture is to the area of the cell as
its length is to the largest of the layer: a side of sqrt(length / largest).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.figures import grids
from pipeline.figures.packing import pack
from pipeline.grammar import INPUT, Activation, Atom, Interface, Presentation, Substrate, show
from pipeline.store import File

NAME = "activation_grids"
TITLE = "What is active, everywhere at once"


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the positions of every display layer."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE)))]
    for layer in layers:
        elements += show(Activation(Substrate(layer, Atom.SPATIAL)), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    return Interface(NAME, tuple(elements))


def lengths(file: File, layer: Layer) -> np.ndarray:
    """Length of the activation vector at every position of a layer: float32 `[H, W]`."""
    a = file.values(Activation(Substrate(layer.name, Atom.SPATIAL)).path).astype(np.float32)
    return np.asarray(np.linalg.norm(a, axis=0))


def strongest(length: np.ndarray) -> tuple[int, int]:
    """Row and column of the longest vector."""
    row, column = np.unravel_index(int(length.argmax()), length.shape)
    return int(row), int(column)


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return no pictures of units: the grids are pictures of their own."""
    return {}


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return where each layer's grid is, which of its cells failed, and the lengths of its vectors."""
    with atlas.image(photograph) as file:
        found = [(layer, lengths(file, layer)) for layer in atlas.network.layers]
    return {
        "layers": [
            {
                "grid": grids.path(atlas, photograph, layer.name),
                "dead": grids.dead(atlas, photograph, layer.name),
                "lengths": pack(length, "f4"),
                "strongest": strongest(length),
            }
            for layer, length in found
        ]
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return, for the first photograph, each layer's grid and its longest and shortest vector."""
    photograph = atlas.photographs[0]
    rows = []
    with atlas.image(photograph) as file:
        for layer in atlas.network.layers:
            length = lengths(file, layer)
            rows.append((layer, grids.path(atlas, photograph, layer.name), *strongest(length), float(length.max()), float(length.min())))
    return {"rows": rows, "missing": any(row[1] is None for row in rows)}
