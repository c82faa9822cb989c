"""Spatial attribution: what every position of every layer does for the classes.

Also where it came from and what it feeds. From `A_l[H, W, K]`, the shares of a layer's positions in
the logits, and `P_lm[h, w, y, x]`, those of positions of a layer l in positions of a later layer m
(in the length of the activation vector there). Both are signed and nothing is cut off: evidence
against a class is shown as evidence for it is. Beside them stand the effects of removing a
position, which were measured. The classes are seen as a few factors of `A_l`, found for evidence in
favour and against apart.

A cell is one position. A layer with more than `SIDE` positions a side, or whose pairs would need
more than `PAIRS` numbers, is summed over blocks of p × p positions, which is exact for shares; of
effects of removal it is the sum over positions that were removed one at a time.

Symbols: H, W: rows and columns of cells; K: classes, not all of which may have shares; U: classes
with a map of their own; n: factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.grammar import (
    CLASSES,
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    AtBaseline,
    Attribution,
    Between,
    Interface,
    Presentation,
    Removal,
    Saliency,
    Sign,
    Substrate,
    show,
)
from pipeline.store import File
from pipeline.views import grids
from pipeline.views.classes import Prediction, top_classes
from pipeline.views.packing import pack, pack_curved, pack_decimals, pack_levels
from pipeline.views.saliency import colours, palette

NAME = "spatial_attribution"
TITLE = "Where the evidence is"

SIDE = 28  # cells a side at most
PAIRS = 600_000  # numbers of all maps between layers of one photograph; most of the figure's size
EXTREMES = 3  # classes that a cell supports most, and as many that it opposes most, of all K
IN_FACTOR = 4  # classes named for a factor
KINDS: dict[str, type[Between]] = {"share": Attribution, "removal": Removal}


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the positions of every display layer, their shares, and the factors of these.

    Shares are in the classes and in the positions of later layers; the effects of removal go with
    them.
    """
    elements = [*show(Activation(Substrate(INPUT, WHOLE))), *show(Activation(CLASSES))]
    spatial = [Substrate(layer, SPATIAL) for layer in layers]
    for positions in spatial:
        elements += show(Activation(positions), Presentation.FEATURE_VIS)
        elements += [*show(Attribution(positions, CLASSES)), *show(Removal(positions, CLASSES))]
        elements += show(AtBaseline(positions.layer))
    for source, target in combinations(spatial, 2):
        elements += [*show(Attribution(source, target)), *show(Removal(source, target))]
    elements += show(Saliency(tuple(layers)))
    return Interface(NAME, tuple(elements))


# ------------------------------------------------------------------------------------------ cells
def blocks(shapes: Sequence[tuple[int, int]]) -> list[int]:
    """Return how many positions a side one cell of each layer sums.

    Parameters
    ----------
    shapes
        (Height, width) of each layer.
    """
    found = [-(-max(shape) // SIDE) for shape in shapes]

    def cells(i: int) -> int:
        height, width = shapes[i]
        return -(-height // found[i]) * -(-width // found[i])

    def numbers() -> int:
        return sum(cells(i) * cells(j) for i, j in combinations(range(len(shapes)), 2))

    while numbers() > PAIRS:
        found[max(range(len(shapes)), key=cells)] += 1
    return found


def summed(values: np.ndarray, block: int, axis: int = 0) -> np.ndarray:
    """Sum over blocks of positions along `axis` (rows) and the next one (columns).

    Blocks at the far edges may be smaller.
    """
    if block == 1:
        return values
    for each in (axis, axis + 1):
        starts = np.arange(0, values.shape[each], block)
        values = np.add.reduceat(values, starts, axis=each)
    return values


def to_classes(
    file: File, layer: Layer, block: int, kind: type[Between] = Attribution
) -> np.ndarray:
    """Shares of a layer's cells in the logits, or effects of `Removal`: f4 `[H, W, K]`."""
    content = kind(Substrate(layer.name, SPATIAL), CLASSES)
    return summed(file.values(content.path).astype(np.float32), block)


def to_cells(
    file: File,
    source: Layer,
    target: Layer,
    block: tuple[int, int],
    kind: type[Between] = Attribution,
) -> np.ndarray:
    """Shares of a layer's cells in those of a later one, or effects: f4 `[h, w, H, W]`."""
    content = kind(Substrate(source.name, SPATIAL), Substrate(target.name, SPATIAL))
    values = file.values(content.path).astype(np.float32)
    return summed(summed(values, block[0]), block[1], axis=2)


def extremes(values: np.ndarray, count: int = EXTREMES) -> np.ndarray:
    """Choose the classes that each cell supports and opposes most.

    Parameters
    ----------
    values
        `[H, W, K]`; NaN for classes without shares, which are not chosen.
    count
        How many of each, at most.

    Returns
    -------
    ndarray
        int `[H, W, 2 · count]`: the classes supported most, most first, then those opposed most.
    """
    known = with_shares(values)
    count = min(count, len(known) // 2)
    order = known[np.argsort(-values[..., known], axis=-1, kind="stable")]
    most, least = order[..., :count], order[..., ::-1][..., :count]
    return np.concatenate([most, least], axis=-1)


def with_shares(values: np.ndarray) -> np.ndarray:
    """Return the classes that have shares, from `values[H, W, K]`: ascending integers."""
    return np.flatnonzero(~np.isnan(values).any(axis=(0, 1)))


# ---------------------------------------------------------------------------------------- factors
@dataclass(frozen=True)
class ShownFactors:
    """Factors of one sign of the evidence.

    Attributes
    ----------
    spatial
        Layer → f4 `[n, height, width]`, at the layer's positions.
    classes
        `[n, m]`, the classes that take most part in each factor.
    amounts
        `[n, m]`, how many logits the factor's positions in the last layer give to each of these
        classes together, or take from it.
    """

    spatial: dict[str, np.ndarray]
    classes: np.ndarray
    amounts: np.ndarray

    def baked(self) -> list[list[list[float]]]:
        """Return for each factor its classes and their amounts, as the browser gets them."""
        return [
            [[int(k), round(float(amount), 4)] for k, amount in zip(*factor, strict=True)]
            for factor in zip(self.classes, self.amounts, strict=True)
        ]


def factors(file: File, layers: Sequence[Layer], sign: Sign) -> ShownFactors:
    """Read the factors of a photograph's evidence for or against the classes."""
    content = Saliency(tuple(layer.name for layer in layers))
    listed = file.values(content.classes)
    shares = file.values(content.shares(sign)).astype(np.float64)
    spatial = {layer.name: file.values(content.spatial(sign, layer.name)) for layer in layers}
    last = layers[-1]
    evidence = to_classes(file, last, 1)[..., listed].astype(np.float64)
    kept = np.maximum(evidence if sign is Sign.FOR else -evidence, 0)
    # The factors are those of the evidence divided by its mean, which brings them back into logits.
    sums = spatial[last.name].sum(axis=(1, 2), dtype=np.float64)
    logits = kept.mean() * sums[:, None] * shares
    order = np.argsort(-shares, axis=1, kind="stable")[:, :IN_FACTOR]
    return ShownFactors(spatial, listed[order], np.take_along_axis(logits, order, axis=1))


def cell_colours(spatial: np.ndarray, block: int) -> np.ndarray:
    """Colours uint8 `[H, W, 3]` of cells: the mean colour of the positions of each."""
    coloured = colours(spatial)
    count = summed(np.ones(coloured.shape[:2]), block)[..., None]
    return np.rint(summed(coloured.astype(np.float64), block) / count).astype(np.uint8)


# ----------------------------------------------------------------------------------------- baking
def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return classes, factors, and each layer's maps for the classes."""
    layers = atlas.network.layers
    classes = top_classes(atlas, photograph)
    with atlas.open(photograph) as file:
        found = {sign: factors(file, layers, sign) for sign in Sign}
        mapped = _mapped(classes, found.values())
        baked = [
            {
                **_layer(file, layer, block, mapped, found),
                "grid": grids.path(atlas, photograph, layer.name),
            }
            for layer, block in _cells(file, layers)
        ]
    mentioned = {*mapped, *(k for layer in baked for k in layer["ends"])}
    return {
        "classes": [prediction.baked() for prediction in classes],
        "mapped": mapped,
        "names": {k: atlas.network.classes[k] for k in sorted(mentioned)},
        "factors": {str(sign): shown.baked() for sign, shown in found.items()},
        "palette": _palette(len(found[Sign.FOR].classes)),
        "layers": baked,
    }


def bake_later(atlas: Atlas, photograph: Photograph) -> dict[str, dict[str, Any]]:
    """Return the maps between layers, of shares and of effects of removal.

    They are most of the figure's bytes, and are seen only once a cell is looked at.
    """
    with atlas.open(photograph) as file:
        cells = _cells(file, atlas.network.layers)
        return {
            name: {
                f"{i}-{j}": pack_curved(
                    to_cells(file, cells[i][0], cells[j][0], (cells[i][1], cells[j][1]), kind)
                )
                for i, j in combinations(range(len(cells)), 2)
            }
            for name, kind in KINDS.items()
        }


def _cells(file: File, layers: Sequence[Layer]) -> list[tuple[Layer, int]]:
    """Each layer, and how many positions a side one of its cells sums."""
    return list(zip(layers, blocks([_shape(file, layer) for layer in layers]), strict=True))


def _mapped(classes: Sequence[Prediction], found: Iterable[ShownFactors]) -> list[int]:
    """The U classes with maps: the most probable ones, then those that the factors name."""
    named = [int(k) for factors in found for k in factors.classes.flat]
    return list(dict.fromkeys([*(each.index for each in classes), *named]))


def _shape(file: File, layer: Layer) -> tuple[int, int]:
    _, height, width = file.values(Activation(Substrate(layer.name, SPATIAL)).path).shape
    return height, width


def _layer(
    file: File,
    layer: Layer,
    block: int,
    mapped: list[int],
    found: Mapping[Sign, ShownFactors],
) -> dict[str, Any]:
    values, removals = (to_classes(file, layer, block, kind) for kind in KINDS.values())
    most, known = extremes(values), len(with_shares(values))
    ends, numbers = np.unique(most, return_inverse=True)
    whole = file.values(Activation(CLASSES).path) - file.values(AtBaseline(layer.name).path)
    spatial = {str(sign): shown.spatial[layer.name] for sign, shown in found.items()}
    return {
        "layer": layer.name,
        "block": block,
        "share": pack_decimals(values[..., mapped].transpose(2, 0, 1)),
        "removal": pack_decimals(removals[..., mapped].transpose(2, 0, 1)),
        "total": pack(values[..., mapped].sum(axis=(0, 1), dtype=np.float64), "f4"),
        "whole": pack(whole[mapped], "f4"),
        "attributed": known if known < values.shape[-1] else None,
        "ends": [int(k) for k in ends],
        "extremes": pack(numbers.reshape(most.shape), "u2"),
        "extreme": {
            "share": pack_decimals(np.take_along_axis(values, most, axis=-1)),
            "removal": pack_decimals(np.take_along_axis(removals, most, axis=-1)),
        },
        "colours": {sign: pack(cell_colours(maps, block), "u1") for sign, maps in spatial.items()},
        "factors": {
            sign: pack_levels(summed(maps, block, axis=1)) for sign, maps in spatial.items()
        },
    }


def _palette(n: int) -> list[list[int]]:
    return [[round(255 * part) for part in colour] for colour in palette(n).tolist()]


# ------------------------------------------------------------------------------------------- page
def page(atlas: Atlas) -> dict[str, Any]:
    """Return the evidence for the most probable class of the first photograph.

    `rows` holds of each layer: the layer, the evidence of all positions for and against the class,
    row and column of the position with the most evidence for it, how much that is, and how much the
    logit falls without that position.
    """
    photograph = atlas.photographs[0]
    (first,) = top_classes(atlas, photograph, 1)
    with atlas.open(photograph) as file:
        rows = [_row(file, layer, first) for layer in atlas.network.layers]
    return {"first": first, "rows": rows}


def _row(
    file: File, layer: Layer, prediction: Prediction
) -> tuple[Layer, float, float, int, int, float, float]:
    values, removals = (
        to_classes(file, layer, 1, kind)[..., prediction.index] for kind in KINDS.values()
    )
    supports = float(np.maximum(values, 0).sum(dtype=np.float64))
    opposes = float(np.minimum(values, 0).sum(dtype=np.float64))
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    most, lost = float(values[row, column]), float(removals[row, column])
    return layer, supports, opposes, int(row), int(column), most, lost
