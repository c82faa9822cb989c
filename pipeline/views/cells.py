"""The cells in which figures show a layer's activation vectors, and their strongest channels.

Activations `a[C, H, W]` are shown on a grid of `[rows, columns]` cells. A cell averages p × p
positions where a layer has more than `GRID` a side, or where its positions would need feature
visualizations of more than `CHANNELS` different channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.grammar import SPATIAL, Activation, Substrate
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views.ranking import largest

STRONGEST = 4
GRID = 14  # cells a side at most
COARSE = 7  # cells a side that are always kept, however many channels they show
CHANNELS = 64  # different ones of one layer and photograph, at most; each costs a visualization


@dataclass(frozen=True)
class Cells:
    """A layer cut into cells.

    Attributes
    ----------
    block
        Positions a side that one cell averages.
    vectors
        `[C, rows, columns]`.
    channels
        `[rows, columns, n]`, the strongest ones of each cell, strongest first.
    values
        `[rows, columns, n]`, their activations; 0 where fewer are positive.
    """

    block: int
    vectors: np.ndarray
    channels: np.ndarray
    values: np.ndarray

    @property
    def peak(self) -> float:
        """The largest activation shown in any cell."""
        return float(max(self.values.max(), 0.0))

    @property
    def shown(self) -> np.ndarray:
        """The channels that are among the strongest of any cell."""
        return np.unique(self.channels[self.values > 0])

    @property
    def lengths(self) -> np.ndarray:
        """The length of each cell's vector, `[rows, columns]`."""
        return np.asarray(np.linalg.norm(self.vectors, axis=0))

    @property
    def first(self) -> tuple[int, int]:
        """Row and column of the cell that a figure shows first: the one with the longest vector."""
        return longest(self.lengths)

    def strongest(self, row: int, column: int) -> list[tuple[int, float]]:
        """The positive ones among a cell's strongest channels: (channel, activation) each."""
        both = zip(self.channels[row, column], self.values[row, column], strict=True)
        return [(int(channel), float(value)) for channel, value in both if value > 0]


def longest(lengths: np.ndarray) -> tuple[int, int]:
    """Return row and column of the longest vector inside the border, where there is an inside.

    Padding disturbs the outermost positions of many networks, so no figure begins with one of them.
    """
    border = 1 if min(lengths.shape) > 4 else 0
    height, width = lengths.shape
    inner = lengths[border : height - border, border : width - border]
    row, column = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(row) + border, int(column) + border


def average(a: np.ndarray, block: int) -> np.ndarray:
    """Average `a[C, H, W]` over blocks of positions; those at the far edges may be smaller."""
    if block == 1:
        return a
    rows, columns = (-(-side // block) for side in a.shape[1:])
    sums = np.zeros((len(a), rows, columns), a.dtype)
    sizes = np.zeros((rows, columns), a.dtype)
    for y, x in np.ndindex(block, block):
        each = a[:, y::block, x::block]
        height, width = each.shape[1:]
        sums[:, :height, :width] += each
        sizes[:height, :width] += 1
    return sums / sizes


def read(file: File, layer: Layer, settings: Settings) -> Cells:
    """Cut one layer of a photograph's file into cells."""
    a = file.values(Activation(Substrate(layer.name, SPATIAL)).path).astype(np.float32)
    side = max(a.shape[1:])
    block = -(-side // GRID)
    cells = _cut(a, block)
    bound = a.shape[0] if settings.features.channels == "all" else CHANNELS
    while len(cells.shown) > bound and -(-side // (block + 1)) >= COARSE:
        block += 1
        cells = _cut(a, block)
    return cells


def _cut(a: np.ndarray, block: int) -> Cells:
    vectors = average(a, block)
    order = largest(vectors, STRONGEST)
    values = np.maximum(np.take_along_axis(vectors, order, axis=0), 0)
    return Cells(block, vectors, order.transpose(1, 2, 0), values.transpose(1, 2, 0))


def first_layer(atlas: Atlas) -> Layer:
    """Return the layer to begin with: late enough for objects, early enough for a fine grid."""
    layers = atlas.network.layers
    return layers[len(layers) // 2]


def visualizations(atlas: Atlas, photograph: Photograph) -> dict[str, set[Unit]]:
    """Return the strongest channels of every cell of every display layer."""
    found: dict[str, set[Unit]] = {}
    with atlas.open(photograph) as file:
        for layer in atlas.network.layers:
            cells = read(file, layer, atlas.settings)
            found[layer.name] = {Unit.channel(channel) for channel in cells.shown}
    return found


def shown_first(atlas: Atlas, photograph: Photograph) -> dict[str, list[Unit]]:
    """Return the channels of the cell that a figure shows first."""
    layer = first_layer(atlas)
    with atlas.open(photograph) as file:
        cells = read(file, layer, atlas.settings)
    return {layer.name: [Unit.channel(channel) for channel, _ in cells.strongest(*cells.first)]}
