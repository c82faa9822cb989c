"""Class comparison: the channels that pushed a decision towards one of two classes.

From `R[C, K]`, the attribution of a layer's channels to the logits (linear approximation, summed over positions): for
two classes A and B the evidence of channel c is `R[c, A] − R[c, B]`. Shown are the `SIDE` channels with the most
evidence for A and the `SIDE` with the most for B, for every pair of the most probable classes, and the activation map
`a[c, :, :]` of each of these channels. Every layer shown costs some twenty feature visualizations a photograph; so it is
one layer, late in the network, or all display layers if the atlas has pictures of all channels anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeVar

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.figures.classes import Prediction, leading
from pipeline.figures.packing import pack, pack_levels
from pipeline.figures.units import channel_unit
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Interface, Presentation, Substrate, show
from pipeline.store import File

NAME = "class_comparison"
TITLE = "Why this and not that"

SIDE = 3


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return channels, their attribution to the classes, and the classes."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE))), *show(Activation(CLASSES))]
    for layer in shown(layers, settings):
        channels = Substrate(layer, Atom.CHANNEL)
        elements += show(Attribution(channels, CLASSES))
        elements += show(Activation(channels), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    return Interface(NAME, tuple(elements))


T = TypeVar("T")


def shown(layers: Sequence[T], settings: Settings) -> tuple[T, ...]:
    """Return those of the display layers that the figure compares in."""
    return tuple(layers) if settings.features.channels == "all" else (_late(layers),)


def _late(layers: Sequence[T]) -> T:
    # The last layer but one: its channels stand for things, and still have places.
    return layers[max(0, len(layers) - 2)]


@dataclass(frozen=True)
class Comparison:
    """One pair of classes, by their places among the leading ones: channels for `a`, strongest first, and for `b`, strongest last.

    A channel stands on a side only if its evidence favours that side, so a list may be shorter than `SIDE`.
    """

    a: int
    b: int
    for_a: tuple[int, ...]
    for_b: tuple[int, ...]


def compare(attribution: np.ndarray) -> list[Comparison]:
    """Compare every pair of columns of `attribution[C, n]`."""
    found = []
    for a, b in combinations(range(attribution.shape[1]), 2):
        evidence = attribution[:, a] - attribution[:, b]
        order = np.argsort(-evidence, kind="stable")
        for_a = tuple(int(c) for c in order[:SIDE] if evidence[c] > 0)
        for_b = tuple(int(c) for c in order[-SIDE:] if evidence[c] < 0)
        found.append(Comparison(a, b, for_a, for_b))
    return found


def attribution(file: File, layer: Layer, classes: Sequence[Prediction]) -> np.ndarray:
    """Attribution `[C, n]` of a layer's channels to the logits of some classes."""
    whole = file.values(Attribution(Substrate(layer.name, Atom.CHANNEL), CLASSES).path)
    return whole[:, [prediction.index for prediction in classes]].astype(np.float32)


def first_layer(atlas: Atlas) -> Layer:
    """Return the layer that the figure opens with."""
    return _late(atlas.network.layers)


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return the channels of every pair in every layer shown."""
    classes = leading(atlas, photograph)
    with atlas.image(photograph) as file:
        return {
            layer.name: {channel_unit(c) for pair in compare(attribution(file, layer, classes)) for c in pair.for_a + pair.for_b}
            for layer in shown(atlas.network.layers, atlas.settings)
        }


def opening(atlas: Atlas, photograph: Photograph) -> dict[str, list[str]]:
    """Return the channels between the two most probable classes."""
    layer = first_layer(atlas)
    with atlas.image(photograph) as file:
        pairs = compare(attribution(file, layer, leading(atlas, photograph)))
    return {layer.name: [channel_unit(c) for c in pairs[0].for_a + pairs[0].for_b]} if pairs else {}


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes and, for each layer, the pairs, the channels they name, their evidence and their maps."""
    classes = leading(atlas, photograph)
    with atlas.image(photograph) as file:
        layers = [_baked(file, layer, classes) for layer in shown(atlas.network.layers, atlas.settings)]
    return {"first": first_layer(atlas).name, "classes": [prediction.baked() for prediction in classes], "layers": layers}


def _baked(file: File, layer: Layer, classes: Sequence[Prediction]) -> dict[str, Any]:
    r = attribution(file, layer, classes)
    pairs = compare(r)
    channels = sorted({c for pair in pairs for c in pair.for_a + pair.for_b})
    place = {channel: i for i, channel in enumerate(channels)}
    a = file.values(Activation(Substrate(layer.name, Atom.CHANNEL)).path)[channels].astype(np.float32)
    return {
        "layer": layer.name,
        "channels": channels,
        "attribution": pack(r[channels], "f2"),
        "total": pack(r.sum(axis=0, dtype=np.float64), "f4"),
        "pairs": [[pair.a, pair.b, [place[c] for c in pair.for_a], [place[c] for c in pair.for_b]] for pair in pairs],
        "maps": pack_levels(np.maximum(a, 0)),
        "negative": bool((a < 0).any()),
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the opening comparison of the first photograph, for the text and for readers without JavaScript."""
    photograph, layer = atlas.photographs[0], first_layer(atlas)
    classes = leading(atlas, photograph)
    with atlas.image(photograph) as file:
        r = attribution(file, layer, classes)
    pairs = compare(r)
    if not pairs:
        return {"layer": layer, "classes": classes, "columns": [], "side": SIDE}
    first = pairs[0]
    columns = [(c, float(r[c, first.a] - r[c, first.b]), float(r[c, first.a]), float(r[c, first.b])) for c in first.for_a + first.for_b]
    return {"layer": layer, "classes": classes, "columns": columns, "side": SIDE}
