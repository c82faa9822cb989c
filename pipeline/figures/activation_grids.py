"""Activation grids: what is active at every position of every layer, as pictures.

A layer's grid (`pipeline.views.grids`) is rendered from its activation vectors `a[:, y, x]`. Beside
the grid the browser gets their lengths `‖a[:, y, x]‖₂`, `[H, W]`. When pictures are sized by
magnitude, a picture's share of its cell's area is its length over the largest of the layer, so its
side is sqrt(length / largest).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.grammar import (
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    Interface,
    Presentation,
    Substrate,
    show,
)
from pipeline.store import File
from pipeline.views import grids
from pipeline.views.packing import pack

NAME = "activation_grids"
TITLE = "What is active, everywhere at once"


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the positions of every display layer."""
    elements = [*show(Activation(Substrate(INPUT, WHOLE)))]
    for layer in layers:
        elements += show(
            Activation(Substrate(layer, SPATIAL)),
            Presentation.FEATURE_VIS,
            Presentation.INFO_VIS,
        )
    return Interface(NAME, tuple(elements))


def lengths(file: File, layer: Layer) -> np.ndarray:
    """Length of the activation vector at every position of a layer: float32 `[H, W]`."""
    a = file.values(Activation(Substrate(layer.name, SPATIAL)).path).astype(np.float32)
    return np.asarray(np.linalg.norm(a, axis=0))


def strongest(length: np.ndarray) -> tuple[int, int]:
    """Row and column of the longest vector of `[H, W]`."""
    row, column = np.unravel_index(int(length.argmax()), length.shape)
    return int(row), int(column)


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return where each layer's grid is, which of its cells failed, and the vectors' lengths."""
    with atlas.open(photograph) as file:
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
    with atlas.open(atlas.photographs[0]) as file:
        rows = [_row(atlas, layer, lengths(file, layer)) for layer in atlas.network.layers]
    return {"rows": rows, "missing": any(row["path"] is None for row in rows)}


def _row(atlas: Atlas, layer: Layer, length: np.ndarray) -> dict[str, Any]:
    row, column = strongest(length)
    return {
        "layer": layer,
        "path": grids.path(atlas, atlas.photographs[0], layer.name),
        "row": row,
        "column": column,
        "longest": float(length.max()),
        "shortest": float(length.min()),
    }
