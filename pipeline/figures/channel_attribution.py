"""Channel attribution: the channels of every layer that speak for or against a class.

Also what feeds each of them, and what they feed. From `R[C, K]`, the shares of a layer's channels
in the logits, and `R[C1, C2]`, those of a layer's channels in the channels of a later one (the
score of a channel is its activation summed over positions), a list shows for a target, a class or a
channel, the `SUPPORT` channels of a layer that contribute most to it and the `OPPOSE` that take
most away; for a channel as the source, those of a later layer to which it gives and from which it
takes most. Beside each share stands the effect of removal, which was measured.

The page holds the channels that can be reached from the top classes in `CLICKS` clicks: of each its
activation map, averaged to at most `GRID` positions a side, and its shares in the top classes. It
holds the lists of those that are reached one click earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations
from typing import Any

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
    Between,
    Interface,
    Presentation,
    Removal,
    Substrate,
    show,
)
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views.cells import average
from pipeline.views.channel_lists import OPPOSE, SUPPORT, named, shares, strongest, taken
from pipeline.views.classes import Prediction, at_baseline, for_classes, top_classes
from pipeline.views.packing import pack, pack_curved, pack_decimals

NAME = "channel_attribution"
TITLE = "Which channels a decision rests on"

CLICKS = 3  # a channel of a class's lists, a channel of its lists, and the lists of that one
GRID = 14
# Top classes whose channels all have feature visualizations. Of other channels the page shows where
# they are active.
VISUALIZED = 3
NONE = 65535  # where a list has fewer channels than it could hold


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return channels, their shares in the classes and in the channels of later layers.

    The effects of their removal go with them.
    """
    elements = [*show(Activation(Substrate(INPUT, WHOLE))), *show(Activation(CLASSES))]
    for layer in layers:
        channels = Substrate(layer, CHANNEL)
        elements += [*show(Attribution(channels, CLASSES)), *show(Removal(channels, CLASSES))]
        elements += show(AtBaseline(layer))
        elements += show(Activation(channels), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    for lower, upper in combinations(layers, 2):
        ends = Substrate(lower, CHANNEL), Substrate(upper, CHANNEL)
        elements += [*show(Attribution(*ends)), *show(Removal(*ends))]
    return Interface(NAME, tuple(elements))


# ------------------------------------------------------------------------------------------ reach
@dataclass(frozen=True)
class Reach:
    """The channels of one photograph that the page can come to.

    Attributes
    ----------
    channels
        Layer → channels, those reached in fewer clicks first.
    listed
        Layer → how many of them, from the first on, have lists.
    """

    channels: dict[str, list[int]]
    listed: dict[str, int]

    def with_lists(self, layer: str) -> list[int]:
        """The channels of a layer that have lists."""
        return self.channels[layer][: self.listed[layer]]


@dataclass(frozen=True)
class Evidence:
    """The shares of one photograph, or its effects of removal.

    Attributes
    ----------
    to_classes
        Layer → f4 `[C, n]`, to the n top classes.
    between
        (Layer, later layer) → f4 `[C1, C2]`, between their channels.
    """

    to_classes: dict[str, np.ndarray]
    between: dict[tuple[str, str], np.ndarray]

    @classmethod
    def read(
        cls,
        file: File,
        layers: Sequence[Layer],
        classes: Sequence[Prediction],
        kind: type[Between] = Attribution,
    ) -> Evidence:
        """Read shares (`Attribution`) or effects of `Removal` from a photograph's file."""
        channels = {layer.name: Substrate(layer.name, CHANNEL) for layer in layers}
        to_classes = {
            name: for_classes(file, kind(source, CLASSES), classes)
            for name, source in channels.items()
        }
        between = {
            (lower, upper): file.values(kind(channels[lower], channels[upper]).path)
            for lower, upper in combinations(channels, 2)
        }
        return cls(to_classes, {ends: each.astype(np.float32) for ends, each in between.items()})

    def seen_from(self, layer: str, other: str, channels: Sequence[int]) -> np.ndarray:
        """What is between n channels of `layer` and all of `other`: `[C of other, n]`.

        Whichever of the two layers runs first is the source.
        """
        if (layer, other) in self.between:
            return self.between[layer, other][list(channels)].T
        return self.between[other, layer][:, list(channels)]

    def reach(self, clicks: int = CLICKS) -> Reach:
        """Follow the lists from the classes."""
        names = list(self.to_classes)
        new = {name: named(strongest(values)) for name, values in self.to_classes.items()}
        channels = {name: list(new[name]) for name in names}
        listed = dict.fromkeys(names, 0)
        for _ in range(clicks - 1):
            listed = {name: len(channels[name]) for name in names}
            found: dict[str, list[np.ndarray]] = {name: [] for name in names}
            for name, other in permutations(names, 2):
                found[other].append(strongest(self.seen_from(name, other, new[name])))
            new = {
                name: [c for c in named(*found[name]) if c not in set(channels[name])]
                for name in names
            }
            for name in names:
                channels[name] += new[name]
        return Reach(channels, listed)


# ------------------------------------------------------------------------- feature visualizations
def visualizations(atlas: Atlas, photograph: Photograph) -> dict[str, set[Unit]]:
    """Return the channels of the most probable classes and those `followed`.

    Where all channels have feature visualizations, return all that can be reached.
    """
    with atlas.open(photograph) as file:
        evidence = Evidence.read(file, atlas.network.layers, top_classes(atlas, photograph))
    if atlas.settings.features.channels == "all":
        found = {name: set(channels) for name, channels in evidence.reach().channels.items()}
    else:
        found = {
            name: set(named(strongest(values[:, :VISUALIZED])))
            for name, values in evidence.to_classes.items()
        }
        for name, channel in followed(evidence):
            found[name].add(channel)
    return {name: {Unit.channel(each) for each in channels} for name, channels in found.items()}


def followed(evidence: Evidence) -> Iterator[tuple[str, int]]:
    """Yield layer and channel of what a reader meets first.

    These are, of each channel that most supports the first class, the strongest channels in the
    layers before and after.
    """
    names = list(evidence.to_classes)
    for name, other in [*pairwise(names), *pairwise(reversed(names))]:
        supporters = named(strongest(evidence.to_classes[name][:, :1])[:, :SUPPORT])
        if supporters:
            first = strongest(evidence.seen_from(name, other, supporters))[:, 0]
            yield from ((other, int(channel)) for channel in first if channel >= 0)


def shown_first(atlas: Atlas, photograph: Photograph) -> dict[str, list[Unit]]:
    """Return the lists of the most probable class."""
    with atlas.open(photograph) as file:
        evidence = Evidence.read(file, atlas.network.layers, top_classes(atlas, photograph, 1))
    return {
        name: [Unit.channel(c) for c in strongest(values)[0] if c >= 0]
        for name, values in evidence.to_classes.items()
    }


# ----------------------------------------------------------------------------------------- baking
def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes and, for each layer, the channels within reach and their lists."""
    classes, layers = top_classes(atlas, photograph), atlas.network.layers
    with atlas.open(photograph) as file:
        shares = Evidence.read(file, layers, classes)
        both = shares, Evidence.read(file, layers, classes, Removal)
        reach = shares.reach()
        baked = [_baked(file, both, reach, layer) for layer in layers]
        for layer in baked:
            left = at_baseline(file, layer["layer"], classes)
            whole = np.array([prediction.logit for prediction in classes]) - left
            layer["classes"]["whole"] = pack(whole, "f4")
    return {"classes": [prediction.baked() for prediction in classes], "layers": baked}


def _baked(
    file: File, both: tuple[Evidence, Evidence], reach: Reach, layer: Layer
) -> dict[str, Any]:
    """A layer's channels and lists, from shares and effects of removal."""
    channels = reach.channels[layer.name]
    values, removals = (evidence.to_classes[layer.name] for evidence in both)
    cube = file.values(Activation(Substrate(layer.name, CHANNEL)).path)
    a = cube[channels].astype(np.float32)
    block = -(-max(a.shape[1:]) // GRID)
    return {
        "layer": layer.name,
        "channels": pack(np.array(channels, dtype=int), "u2"),
        "listed": reach.listed[layer.name],
        "maps": pack_curved(average(a, block)),
        "block": block,
        "negative": bool((a < 0).any()),
        "summed": pack(a.sum(axis=(1, 2), dtype=np.float64), "f4"),
        "toClasses": pack(values[channels], "f2"),
        "removals": pack(removals[channels], "f2"),
        "classes": _class_lists(values, channels),
        "lists": {
            other: _channel_lists(both, reach, layer.name, other)
            for other in reach.channels
            if other != layer.name
        },
    }


def _class_lists(values: np.ndarray, channels: Sequence[int]) -> dict[str, Any]:
    """A layer's list for each of n classes, from `values[C, n]`."""
    chosen = strongest(values)
    counts = np.stack([(values > 0).sum(0), (values < 0).sum(0)], axis=1)
    return {
        "indexes": _indexes(chosen, channels),
        "shares": pack_decimals(shares(values, chosen)),
        "counts": pack(counts, "u2"),
        "total": pack(values.sum(axis=0, dtype=np.float64), "f4"),
    }


def _channel_lists(
    both: tuple[Evidence, Evidence], reach: Reach, layer: str, other: str
) -> dict[str, Any]:
    """The list in the layer `other` for each channel of `layer` that has lists."""
    listed = reach.with_lists(layer)
    values, removals = (evidence.seen_from(layer, other, listed) for evidence in both)
    chosen = strongest(values)
    return {
        "indexes": _indexes(chosen, reach.channels[other]),
        "values": pack(taken(values, chosen), "f2"),
        "removals": pack(taken(removals, chosen), "f2"),
        "shares": pack_decimals(shares(values, chosen)),
    }


def _indexes(chosen: np.ndarray, channels: Sequence[int]) -> dict[str, Any]:
    """Pack lists of channels as indexes into the page's `channels`; −1 becomes `NONE`."""
    index = {-1: NONE, **{channel: i for i, channel in enumerate(channels)}}
    found = np.array([index[int(channel)] for channel in chosen.flat], dtype=int)
    return pack(found.reshape(chosen.shape), "u2")


# ------------------------------------------------------------------------------------------- page
def page(atlas: Atlas) -> dict[str, Any]:
    """Return the lists shown first of the first photograph, and an example.

    `columns` holds each layer and its list: (channel, share, effect of removal) each.
    """
    photograph, layers = atlas.photographs[0], atlas.network.layers
    classes = top_classes(atlas, photograph)
    with atlas.open(photograph) as file:
        shares = Evidence.read(file, layers, classes)
        removals = Evidence.read(file, layers, classes, Removal)
    columns = []
    for layer in layers:
        values, lost = (each.to_classes[layer.name][:, 0] for each in (shares, removals))
        chosen = [int(c) for c in strongest(values[:, None])[0] if c >= 0]
        columns.append((layer, [(c, float(values[c]), float(lost[c])) for c in chosen]))
    return {
        "classes": classes,
        "columns": columns,
        "example": _example(shares, removals, layers),
        "support": SUPPORT,
        "oppose": OPPOSE,
    }


def _example(
    evidence: Evidence, removals: Evidence, layers: Sequence[Layer]
) -> dict[str, Any] | None:
    """The channel of the last layer that most supports the first class, and what feeds it most."""
    if len(layers) < 2:
        return None
    lower, upper = layers[-2:]
    (channel,) = strongest(evidence.to_classes[upper.name][:, :1])[:, 0]
    if channel < 0:
        return None
    (feeder,) = strongest(evidence.seen_from(upper.name, lower.name, [int(channel)]))[:, 0]
    return {
        "upper": upper,
        "channel": int(channel),
        "value": float(evidence.to_classes[upper.name][channel, 0]),
        "lost": float(removals.to_classes[upper.name][channel, 0]),
        "lower": lower,
        "feeder": int(feeder),
    }
