"""Class comparison: the channels that pushed a decision towards one of two classes.

From `R[C, K]`, the attribution of a layer's channels to the logits: for two classes A and B the
evidence of channel c is `R[c, A] − R[c, B]`. Shown are the `SIDE` channels with the most evidence
for A and the `SIDE` with the most for B, for every pair of the most probable classes, and the
activation map `a[c, :, :]` of each of these channels. A layer costs some twenty feature
visualizations a photograph; so it is one layer, late in the network, or all display layers where
all channels have feature visualizations anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeVar

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    WHOLE,
    Activation,
    Attribution,
    Interface,
    Presentation,
    Substrate,
    show,
)
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views.classes import Prediction, top_classes
from pipeline.views.packing import pack, pack_levels

NAME = "class_comparison"
TITLE = "Why this and not that"

SIDE = 3  # channels for each class of a pair

T = TypeVar("T")


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return channels, their attribution to the classes, and the classes."""
    elements = [*show(Activation(Substrate(INPUT, WHOLE))), *show(Activation(CLASSES))]
    for layer in compared(layers, settings):
        channels = Substrate(layer, CHANNEL)
        elements += show(Attribution(channels, CLASSES))
        elements += show(Activation(channels), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    return Interface(NAME, tuple(elements))


def compared(layers: Sequence[T], settings: Settings) -> tuple[T, ...]:
    """Return those of the display layers in which the figure compares classes."""
    return tuple(layers) if settings.features.channels == "all" else (_late(layers),)


def _late(layers: Sequence[T]) -> T:
    # In the last layer but one, channels stand for things and positions still tell them apart.
    return layers[max(0, len(layers) - 2)]


def first_layer(atlas: Atlas) -> Layer:
    """Return the layer that the figure shows first."""
    return _late(atlas.network.layers)


# ------------------------------------------------------------------------------------- comparison
@dataclass(frozen=True)
class Comparison:
    """One pair of classes and the channels that favour each.

    Attributes
    ----------
    a, b
        The classes, by their rank among the top classes.
    for_a
        Channels with evidence for `a`, strongest first; fewer than `SIDE` where fewer favour it.
    for_b
        Likewise for `b`, strongest last.
    """

    a: int
    b: int
    for_a: tuple[int, ...]
    for_b: tuple[int, ...]

    @property
    def channels(self) -> tuple[int, ...]:
        """All channels of the pair, from the strongest for `a` to the strongest for `b`."""
        return self.for_a + self.for_b


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
    """Attribution f4 `[C, n]` of a layer's channels to the logits of n classes."""
    content = Attribution(Substrate(layer.name, CHANNEL), CLASSES)
    indexes = [prediction.index for prediction in classes]
    return file.values(content.path)[:, indexes].astype(np.float32)


def _channels(pairs: Iterable[Comparison]) -> list[int]:
    return sorted({channel for pair in pairs for channel in pair.channels})


# ------------------------------------------------------------------------- feature visualizations
def visualizations(atlas: Atlas, photograph: Photograph) -> dict[str, set[Unit]]:
    """Return the channels of every pair in every layer compared."""
    classes = top_classes(atlas, photograph)
    found = {}
    with atlas.open(photograph) as file:
        for layer in compared(atlas.network.layers, atlas.settings):
            pairs = compare(attribution(file, layer, classes))
            found[layer.name] = {Unit.channel(channel) for channel in _channels(pairs)}
    return found


def shown_first(atlas: Atlas, photograph: Photograph) -> dict[str, list[Unit]]:
    """Return the channels between the two most probable classes."""
    layer = first_layer(atlas)
    with atlas.open(photograph) as file:
        pairs = compare(attribution(file, layer, top_classes(atlas, photograph)))
    if not pairs:
        return {}
    return {layer.name: [Unit.channel(channel) for channel in pairs[0].channels]}


# ----------------------------------------------------------------------------------------- baking
def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes and, for each layer, its pairs and their channels."""
    classes = top_classes(atlas, photograph)
    with atlas.open(photograph) as file:
        layers = [
            _baked(file, layer, classes) for layer in compared(atlas.network.layers, atlas.settings)
        ]
    return {
        "first": first_layer(atlas).name,
        "classes": [prediction.baked() for prediction in classes],
        "layers": layers,
    }


def _baked(file: File, layer: Layer, classes: Sequence[Prediction]) -> dict[str, Any]:
    values = attribution(file, layer, classes)
    pairs = compare(values)
    channels = _channels(pairs)
    row = {channel: i for i, channel in enumerate(channels)}
    cube = file.values(Activation(Substrate(layer.name, CHANNEL)).path)
    a = cube[channels].astype(np.float32)
    return {
        "layer": layer.name,
        "channels": channels,
        "attribution": pack(values[channels], "f2"),
        "total": pack(values.sum(axis=0, dtype=np.float64), "f4"),
        "pairs": [
            [pair.a, pair.b, [row[c] for c in pair.for_a], [row[c] for c in pair.for_b]]
            for pair in pairs
        ],
        "maps": pack_levels(np.maximum(a, 0)),
        "negative": bool((a < 0).any()),
    }


# ------------------------------------------------------------------------------------------- page
def page(atlas: Atlas) -> dict[str, Any]:
    """Return the comparison shown first of the first photograph, for text without JavaScript.

    `columns` holds a channel, its net evidence, and its attribution to each of the two classes.
    """
    photograph, layer = atlas.photographs[0], first_layer(atlas)
    classes = top_classes(atlas, photograph)
    with atlas.open(photograph) as file:
        values = attribution(file, layer, classes)
    columns = [
        (channel, *(float(value) for value in _evidence(values[channel], pair)))
        for pair in compare(values)[:1]
        for channel in pair.channels
    ]
    return {"layer": layer, "classes": classes, "columns": columns}


def _evidence(values: np.ndarray, pair: Comparison) -> tuple[float, float, float]:
    a, b = values[pair.a], values[pair.b]
    return a - b, a, b
