"""The semantic dictionary: what the strongest channels at any position of a layer look for.

For each display layer: activations `a[C, H, W]` are shown on a grid of `[rows, columns]` cells. A cell averages blocks of
p × p positions where a layer has more than `GRID` a side, or where its positions would need pictures of more than
`PICTURES` different channels; the page says so. Of each cell: the `STRONGEST` channels with their activations, the first
`FIRST` numbers of its vector, the vector's length and how many of its channels are positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.figures.packing import pack
from pipeline.figures.units import channel_unit
from pipeline.grammar import INPUT, Activation, Atom, Interface, Presentation, Substrate, show
from pipeline.store import File

NAME = "semantic_dictionary"
TITLE = "What the network sees at each place"

STRONGEST = 4
FIRST = 12
GRID = 14  # cells a side at most
COARSE = 7  # cells a side that are always kept, however many pictures they need
PICTURES = 64  # different channels of one layer and photograph, at most; each costs a feature visualization


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return positions and channels of every display layer over the photograph."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE)))]
    for layer in layers:
        elements += show(Activation(Substrate(layer, Atom.SPATIAL)))
        elements += show(Activation(Substrate(layer, Atom.CHANNEL)), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    return Interface(NAME, tuple(elements))


@dataclass(frozen=True)
class Cells:
    """A layer cut into the cells that the figure shows.

    `block`: positions a side that one cell averages; `vectors[C, rows, columns]`; `channels[rows, columns, n]`: the
    strongest, strongest first; `values`, of the same shape, their activations (0 where fewer are positive);
    `peak`: the largest activation of any one cell.
    """

    block: int
    vectors: np.ndarray
    channels: np.ndarray
    values: np.ndarray

    @property
    def peak(self) -> float:
        """The largest activation shown."""
        return float(max(self.values.max(), 0.0))

    @property
    def shown(self) -> np.ndarray:
        """The channels that are among the strongest of any cell."""
        return np.unique(self.channels[self.values > 0])

    @property
    def liveliest(self) -> tuple[int, int]:
        """Row and column of the cell with the longest vector among those inside the border, where there is an inside.

        Padding disturbs the outermost cells of many networks, so the figure does not open on one of them.
        """
        length = np.linalg.norm(self.vectors, axis=0)
        if min(length.shape) > 4:
            length[[0, -1], :] = length[:, [0, -1]] = -1
        row, column = np.unravel_index(int(length.argmax()), length.shape)
        return int(row), int(column)


def average(a: np.ndarray, block: int) -> np.ndarray:
    """Average `a[C, H, W]` over blocks of `block` × `block` positions; those at the far edges may be smaller."""
    if block == 1:
        return a
    for axis in (1, 2):
        starts = np.arange(0, a.shape[axis], block)
        sizes = np.diff(np.append(starts, a.shape[axis]))
        sums = np.add.reduceat(a, starts, axis=axis)
        a = sums / np.expand_dims(sizes, tuple(i for i in range(3) if i != axis))
    return a


def cells(file: File, layer: Layer, settings: Settings) -> Cells:
    """Cut one layer of an image's file into cells."""
    a = file.values(Activation(Substrate(layer.name, Atom.SPATIAL)).path).astype(np.float32)
    side = max(a.shape[1:])
    block = -(-side // GRID)
    cut = _cut(a, block)
    bound = a.shape[0] if settings.features.channels == "all" else PICTURES
    while len(cut.shown) > bound and -(-side // (block + 1)) >= COARSE:
        block += 1
        cut = _cut(a, block)
    return cut


def _cut(a: np.ndarray, block: int) -> Cells:
    vectors = average(a, block)
    order = np.argsort(-vectors, axis=0, kind="stable")[:STRONGEST]
    values = np.maximum(np.take_along_axis(vectors, order, axis=0), 0)
    return Cells(block, vectors, order.transpose(1, 2, 0), values.transpose(1, 2, 0))


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return the strongest channels of every cell of every display layer."""
    found: dict[str, set[str]] = {}
    with atlas.image(photograph) as file:
        for layer in atlas.network.layers:
            cut = cells(file, layer, atlas.settings)
            found[layer.name] = {channel_unit(channel) for channel in cut.shown}
    return found


def first_layer(atlas: Atlas) -> Layer:
    """Return the layer that the figure opens with: late enough for objects, early enough for a fine grid."""
    layers = atlas.network.layers
    return layers[len(layers) // 2]


def opening(atlas: Atlas, photograph: Photograph) -> dict[str, list[str]]:
    """Return the channels of the cell that the figure opens with."""
    layer = first_layer(atlas)
    with atlas.image(photograph) as file:
        cut = cells(file, layer, atlas.settings)
    row, column = cut.liveliest
    return {layer.name: [channel_unit(c) for c, value in zip(cut.channels[row, column], cut.values[row, column], strict=True) if value > 0]}


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return, for each layer, the cells as arrays and the cell to open with."""
    with atlas.image(photograph) as file:
        layers = [_baked(cells(file, layer, atlas.settings), layer) for layer in atlas.network.layers]
    return {"first": first_layer(atlas).name, "layers": layers}


def _baked(cut: Cells, layer: Layer) -> dict[str, Any]:
    by_cell = cut.vectors.transpose(1, 2, 0)
    return {
        "layer": layer.name,
        "block": cut.block,
        "peak": cut.peak,
        "cell": list(cut.liveliest),
        "channels": pack(cut.channels, "u2"),
        "values": pack(cut.values, "f2"),
        "vector": pack(by_cell[:, :, :FIRST], "f2"),
        "length": pack(np.linalg.norm(by_cell, axis=2), "f4"),
        "positive": pack((by_cell > 0).sum(axis=2), "u2"),
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the layers and an example: the strongest channel of the first photograph's first cell."""
    photograph, layer = atlas.photographs[0], first_layer(atlas)
    with atlas.image(photograph) as file:
        cut = cells(file, layer, atlas.settings)
    row, column = cut.liveliest
    strongest = [(int(c), float(v)) for c, v in zip(cut.channels[row, column], cut.values[row, column], strict=True)]
    return {"layer": layer, "row": row, "column": column, "strongest": strongest, "block": cut.block, "first": FIRST}
