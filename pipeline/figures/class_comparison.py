"""Class comparison: the channels that pushed a decision towards one of two classes.

From `R[C, K]`, the shares of a layer's channels in the logits: for two classes A and B the evidence
of channel c is `R[c, A] − R[c, B]`. Beside it stands what the network does without the channel, the
same difference of the effects of its removal, which was measured. Shown are the `SIDE` channels
with the most evidence for A and the `SIDE` with the most for B, for every pair of the most probable
classes, and the activation map `a[c, :, :]` of each of these channels. A layer costs some twenty
feature visualizations a photograph; so it is one layer, late in the network, or all display layers
where all channels have feature visualizations anyway.
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
    AtBaseline,
    Attribution,
    Interface,
    Presentation,
    Removal,
    Substrate,
    show,
)
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views.classes import Prediction, at_baseline, for_classes, top_classes
from pipeline.views.layers import late
from pipeline.views.packing import pack, pack_levels

NAME = "class_comparison"
TITLE = "Why this and not that"

SIDE = 3  # channels for each class of a pair

T = TypeVar("T")


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return channels, their shares in the classes, the effects of removal, and the classes."""
    elements = [*show(Activation(Substrate(INPUT, WHOLE))), *show(Activation(CLASSES))]
    for layer in compared(layers, settings):
        channels = Substrate(layer, CHANNEL)
        for content in (Attribution(channels, CLASSES), Removal(channels, CLASSES)):
            elements += show(content)
        elements += show(AtBaseline(layer))
        elements += show(Activation(channels), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    return Interface(NAME, tuple(elements))


def compared(layers: Sequence[T], settings: Settings) -> tuple[T, ...]:
    """Return those of the display layers in which the figure compares classes."""
    return tuple(layers) if settings.features.channels == "all" else (late(layers),)


def first_layer(atlas: Atlas) -> Layer:
    """Return the layer that the figure shows first."""
    return late(atlas.network.layers)


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


def shares(file: File, layer: Layer, classes: Sequence[Prediction]) -> np.ndarray:
    """Shares f4 `[C, n]` of a layer's channels in the logits of n classes."""
    return for_classes(file, Attribution(Substrate(layer.name, CHANNEL), CLASSES), classes)


def removals(file: File, layer: Layer, classes: Sequence[Prediction]) -> np.ndarray:
    """What the logits of n classes lose without each channel of a layer, f4 `[C, n]`."""
    return for_classes(file, Removal(Substrate(layer.name, CHANNEL), CLASSES), classes)


def _channels(pairs: Iterable[Comparison]) -> list[int]:
    return sorted({channel for pair in pairs for channel in pair.channels})


# ------------------------------------------------------------------------- feature visualizations
def visualizations(atlas: Atlas, photograph: Photograph) -> dict[str, set[Unit]]:
    """Return the channels of every pair in every layer compared."""
    classes = top_classes(atlas, photograph)
    found = {}
    with atlas.open(photograph) as file:
        for layer in compared(atlas.network.layers, atlas.settings):
            pairs = compare(shares(file, layer, classes))
            found[layer.name] = {Unit.channel(channel) for channel in _channels(pairs)}
    return found


def shown_first(atlas: Atlas, photograph: Photograph) -> dict[str, list[Unit]]:
    """Return the channels between the two most probable classes."""
    layer = first_layer(atlas)
    with atlas.open(photograph) as file:
        pairs = compare(shares(file, layer, top_classes(atlas, photograph)))
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
    values = shares(file, layer, classes)
    pairs = compare(values)
    channels = _channels(pairs)
    row = {channel: i for i, channel in enumerate(channels)}
    cube = file.values(Activation(Substrate(layer.name, CHANNEL)).path)
    a = cube[channels].astype(np.float32)
    return {
        "layer": layer.name,
        "channels": channels,
        "share": pack(values[channels], "f2"),
        "removal": pack(removals(file, layer, classes)[channels], "f2"),
        "baseline": pack(at_baseline(file, layer.name, classes), "f4"),
        "total": pack(values.sum(axis=0, dtype=np.float64), "f4"),
        "pairs": [
            [pair.a, pair.b, [row[c] for c in pair.for_a], [row[c] for c in pair.for_b]]
            for pair in pairs
        ],
        "maps": pack_levels(a),
        "negative": bool((a < 0).any()),
    }


# ------------------------------------------------------------------------------------------- page
def page(atlas: Atlas) -> dict[str, Any]:
    """Return the comparison shown first of the first photograph, for text without JavaScript.

    `columns` holds a channel, its net evidence, its share in each of the two logits, and how much
    of their difference is lost without it; `layers` the names of all layers compared.
    """
    photograph, layer = atlas.photographs[0], first_layer(atlas)
    classes = top_classes(atlas, photograph)
    with atlas.open(photograph) as file:
        values, lost = shares(file, layer, classes), removals(file, layer, classes)
    columns = []
    for pair in compare(values)[:1]:
        for channel in pair.channels:
            net, a, b = _evidence(values[channel], pair)
            columns.append((channel, net, a, b, _evidence(lost[channel], pair)[0]))
    shown = [each.name for each in compared(atlas.network.layers, atlas.settings)]
    return {"layer": layer, "layers": shown, "classes": classes, "columns": columns}


def _evidence(values: np.ndarray, pair: Comparison) -> tuple[float, float, float]:
    a, b = values[pair.a], values[pair.b]
    return float(a - b), float(a), float(b)
