"""Spatial attribution: what every place of every layer does for the classes, where it came from and what it feeds.

From `A_l[H, W, K]`, the attribution of a layer's positions to the logits, and `P_lm[h, w, y, x]`, that of positions of a
layer l to positions of a later layer m (to the length of the activation vector there). Both are signed, and nothing is
cut off: evidence against a class is shown as evidence for it is. The classes are seen as a few factors of `A_l`, found
for evidence in favour and against apart (`saliency/…` in an image's file). A layer with more than `SIDE` positions a
side, or whose pairs would need more than `PAIRS` numbers, is summed over blocks of p × p positions, which is exact.

Symbols: H, W: rows and columns of cells; K: classes; U: classes with a map of their own; n: factors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.figures import grids
from pipeline.figures.classes import LEADING, leading
from pipeline.figures.packing import pack, pack_curved, pack_levels
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Interface, Presentation, Substrate, show
from pipeline.saliency import palette
from pipeline.store import File

NAME = "spatial_attribution"
TITLE = "Where the evidence is"

SIDE = 28  # cells a side at most
PAIRS = 600_000  # numbers of all layer-to-layer maps of one photograph, at most; they are most of what the figure weighs
EXTREMES = 3  # classes that a cell supports most, and as many that it opposes most, of all K
IN_FACTOR = 4  # classes named for a factor
SIGNS = ("for", "against")


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the positions of every display layer, their attribution to the classes and to the positions of later layers."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE))), *show(Activation(CLASSES))]
    spatial = [Substrate(layer, Atom.SPATIAL) for layer in layers]
    for positions in spatial:
        elements += show(Activation(positions), Presentation.FEATURE_VIS)
        elements += show(Attribution(positions, CLASSES))
    for source, target in combinations(spatial, 2):
        elements += show(Attribution(source, target))
    return Interface(NAME, tuple(elements))


# ------------------------------------------------------------------------------------------------------------------ cells
def blocks(shapes: Sequence[tuple[int, int]]) -> list[int]:
    """Return how many positions a side one cell of each layer sums, for layers of `shapes` (height, width)."""
    found = [-(-max(shape) // SIDE) for shape in shapes]

    def cells(i: int) -> int:
        height, width = shapes[i]
        return -(-height // found[i]) * -(-width // found[i])

    while sum(cells(i) * cells(j) for i, j in combinations(range(len(shapes)), 2)) > PAIRS:
        found[max(range(len(shapes)), key=cells)] += 1
    return found


def summed(values: np.ndarray, block: int, axis: int = 0) -> np.ndarray:
    """Sum `values` over blocks of positions along `axis` (rows) and the next one (columns); those at the far edges may be smaller."""
    if block == 1:
        return values
    for each in (axis, axis + 1):
        values = np.add.reduceat(values, np.arange(0, values.shape[each], block), axis=each)
    return values


def to_classes(file: File, layer: Layer, block: int) -> np.ndarray:
    """Attribution of a layer's cells to the logits: float32 `[H, W, K]`."""
    return summed(file.values(Attribution(Substrate(layer.name, Atom.SPATIAL), CLASSES).path).astype(np.float32), block)


def to_cells(file: File, source: Layer, target: Layer, block: tuple[int, int]) -> np.ndarray:
    """Attribution of a layer's cells to those of a later one: float32 `[h, w, H, W]`."""
    path = Attribution(Substrate(source.name, Atom.SPATIAL), Substrate(target.name, Atom.SPATIAL)).path
    return summed(summed(file.values(path).astype(np.float32), block[0]), block[1], axis=2)


def extremes(values: np.ndarray, count: int = EXTREMES) -> np.ndarray:
    """Classes `[H, W, 2 · count]` that each cell of `values[H, W, K]` supports most, most first, then those it opposes most."""
    count = min(count, values.shape[-1] // 2)
    order = np.argsort(-values, axis=-1, kind="stable")
    return np.concatenate([order[..., :count], order[..., : -count - 1 : -1]], axis=-1) if count else order[..., :0]


# ---------------------------------------------------------------------------------------------------------------- factors
@dataclass(frozen=True)
class Saliency:
    """Factors of one sign of the evidence.

    `spatial`: layer → float32 `[n, H, W]`; `classes[n, m]` and `amounts[n, m]`: the classes that take most part in each
    factor and how many logits its cells in the last layer give (or take from) each of them together.
    """

    spatial: dict[str, np.ndarray]
    classes: np.ndarray
    amounts: np.ndarray


def saliency(file: File, layers: Sequence[Layer], sign: str) -> Saliency:
    """Read the factors of a photograph's evidence for or against the classes."""
    listed = file.values("saliency/classes")
    shares = file.values(f"saliency/{sign}/classes").astype(np.float64)
    spatial = {layer.name: file.values(f"saliency/{sign}/{layer.name}/spatial") for layer in layers}
    last = layers[-1]
    evidence = to_classes(file, last, 1)[..., listed].astype(np.float64) * (1 if sign == "for" else -1)
    # The factors are those of the evidence divided by its mean; multiplying by it brings them back into logits.
    logits = np.maximum(evidence, 0).mean() * spatial[last.name].sum(axis=(1, 2), dtype=np.float64)[:, None] * shares
    order = np.argsort(-shares, axis=1, kind="stable")[:, :IN_FACTOR]
    return Saliency(spatial, listed[order], np.take_along_axis(logits, order, axis=1))


# ------------------------------------------------------------------------------------------------------------------ baking
def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return no pictures of units: the cells are those of the activation grids."""
    return {}


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes, the factors, and for each layer its attributions; then the maps between layers."""
    layers = atlas.network.layers
    classes = leading(atlas, photograph)
    with atlas.image(photograph) as file:
        factors = {sign: saliency(file, layers, sign) for sign in SIGNS}
        named = np.concatenate([[each.index for each in classes], *(factors[sign].classes.ravel() for sign in SIGNS)])
        mapped = list(dict.fromkeys(int(index) for index in named))
        shape = [file.values(Activation(Substrate(layer.name, Atom.SPATIAL)).path).shape[1:] for layer in layers]
        sizes = blocks([(height, width) for height, width in shape])
        baked = [
            {**_layer(file, layer, block, mapped, factors), "grid": grids.path(atlas, photograph, layer.name)}
            for layer, block in zip(layers, sizes, strict=True)
        ]
        pairs = {
            f"{i}-{j}": pack_curved(to_cells(file, layers[i], layers[j], (sizes[i], sizes[j])))
            for i, j in combinations(range(len(layers)), 2)
        }
    mentioned = sorted({*mapped, *(int(index) for layer in baked for index in layer.pop("mentioned"))})
    return {
        "classes": [prediction.baked() for prediction in classes],
        "mapped": mapped,
        "names": {index: atlas.network.classes[index] for index in mentioned},
        "factors": {sign: _factors(factors[sign]) for sign in SIGNS},
        "palette": [[round(255 * part) for part in colour] for colour in palette(len(factors["for"].classes)).tolist()],
        "layers": baked,
        "pairs": pairs,
    }


def _layer(file: File, layer: Layer, block: int, mapped: list[int], factors: Mapping[str, Saliency]) -> dict[str, Any]:
    values = to_classes(file, layer, block)
    most = extremes(values)
    return {
        "layer": layer.name,
        "block": block,
        "maps": pack(values[..., mapped].transpose(2, 0, 1), "f2"),
        "total": pack(values[..., mapped].sum(axis=(0, 1), dtype=np.float64), "f4"),
        "extremes": pack(most, "u2"),
        "extreme": pack(np.take_along_axis(values, most, axis=-1), "f2"),
        "mentioned": np.unique(most),
        "colours": {sign: _colours(file.values(f"saliency/{sign}/{layer.name}/colours"), block) for sign in SIGNS},
        "factors": {sign: pack_levels(summed(factors[sign].spatial[layer.name], block, axis=1)) for sign in SIGNS},
    }


def _colours(colours: np.ndarray, block: int) -> dict[str, Any]:
    count = summed(np.ones(colours.shape[:2]), block)[..., None]
    return pack(np.rint(summed(colours.astype(np.float64), block) / count), "u1")


def _factors(found: Saliency) -> list[list[list[float]]]:
    return [
        [[int(index), round(float(amount), 4)] for index, amount in zip(classes, amounts, strict=True)]
        for classes, amounts in zip(found.classes, found.amounts, strict=True)
    ]


# -------------------------------------------------------------------------------------------------------------------- page
def page(atlas: Atlas) -> dict[str, Any]:
    """Return, for the first photograph and its first class, the evidence of each layer's cells, and the strongest cell."""
    photograph = atlas.photographs[0]
    first = leading(atlas, photograph, 1)[0]
    rows = []
    with atlas.image(photograph) as file:
        for layer in atlas.network.layers:
            values = to_classes(file, layer, 1)[..., first.index]
            row, column = np.unravel_index(int(values.argmax()), values.shape)
            supports, opposes = (float(part.sum(dtype=np.float64)) for part in (np.maximum(values, 0), np.minimum(values, 0)))
            rows.append((layer, supports, opposes, int(row), int(column), float(values.max())))
    return {"first": first, "rows": rows, "extremes": EXTREMES, "leading": LEADING}
