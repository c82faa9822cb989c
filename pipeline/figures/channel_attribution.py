"""Channel attribution: the channels of every layer that speak for or against a class, what feeds them, and what they feed.

From `R[C, K]`, the attribution of a layer's channels to the logits, and `R[C1, C2]`, that of a layer's channels to those
of a later one (the score of a channel is its activation summed over positions): for a class or a channel as the target,
the `SUPPORT` channels of a layer that contribute most to it and the `OPPOSE` that take most away; for a channel as the
source, the channels of a later layer to which it gives and from which it takes most. The channels that can be reached
from the leading classes in `CLICKS` clicks are the page's; of each: its activation map, averaged to at most `GRID`
positions a side, and its attribution to the leading classes. Lists are kept for those reached one click earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.figures.classes import Prediction, leading
from pipeline.figures.packing import pack, pack_levels
from pipeline.figures.semantic_dictionary import average
from pipeline.figures.units import channel_unit
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Interface, Presentation, Substrate, show
from pipeline.store import File

NAME = "channel_attribution"
TITLE = "Which channels a decision rests on"

SUPPORT = 3
OPPOSE = 2
CLICKS = 3  # from the class: a channel of the first lists, a channel of its lists, and the lists of that one
GRID = 14
PICTURED = 3  # leading classes whose channels all have pictures; of other channels the page shows where they are active
NONE = 65535  # in a list with fewer channels than it has places


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return channels, their attribution to the classes, and to the channels of every later layer."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE))), *show(Activation(CLASSES))]
    for layer in layers:
        channels = Substrate(layer, Atom.CHANNEL)
        elements += show(Attribution(channels, CLASSES))
        elements += show(Activation(channels), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    for lower, upper in combinations(layers, 2):
        elements += show(Attribution(Substrate(lower, Atom.CHANNEL), Substrate(upper, Atom.CHANNEL)))
    return Interface(NAME, tuple(elements))


def strongest(values: np.ndarray) -> np.ndarray:
    """Choose what a list shows of each column of `values[C, n]`.

    Returns
    -------
    ndarray
        int `[n, SUPPORT + OPPOSE]`: the rows with the largest positive values, largest first, then those with the most
        negative, most negative first; −1 where there are fewer.
    """
    order = np.argsort(-values, axis=0, kind="stable")
    # A layer may have fewer channels than a list has places.
    ends = [_filled(order[:SUPPORT], SUPPORT), _filled(order[::-1][:OPPOSE], OPPOSE)]
    chosen = np.concatenate(ends).T
    taken = np.take_along_axis(values.T, np.maximum(chosen, 0), axis=1)
    wanted = np.concatenate([np.ones(SUPPORT), -np.ones(OPPOSE)])
    return np.where((chosen >= 0) & (taken * wanted > 0), chosen, -1)


def _filled(rows: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([rows, np.full((count - len(rows), rows.shape[1]), -1)])


def shares(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return which share of all support, and of all opposition, the channels of a list have.

    Parameters
    ----------
    values
        `[C, n]`.
    chosen
        `[n, SUPPORT + OPPOSE]`, from `strongest`.

    Returns
    -------
    ndarray
        `[n, 2]` in 0…1; 0 where nothing supports, or nothing opposes.
    """
    taken = np.where(chosen >= 0, np.take_along_axis(values.T, np.maximum(chosen, 0), axis=1), 0)
    shown = np.stack([taken[:, :SUPPORT].sum(1), taken[:, SUPPORT:].sum(1)], axis=1)
    whole = np.stack([np.maximum(values, 0).sum(0), np.minimum(values, 0).sum(0)], axis=1)
    return np.divide(shown, whole, out=np.zeros_like(shown), where=whole != 0)


@dataclass
class Reach:
    """The channels of one photograph that the page can come to.

    `channels`: layer → channels, those reached in fewer clicks first; `listed`: layer → how many of them have lists;
    `lists`: (layer, other) → channels of `other` `[listed, SUPPORT + OPPOSE]` for each listed channel of `layer`;
    `shares`: likewise, `[listed, 2]`; `classes`: layer → `[n, SUPPORT + OPPOSE]` for n leading classes.
    """

    channels: dict[str, list[int]] = field(default_factory=dict)
    listed: dict[str, int] = field(default_factory=dict)
    lists: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    shares: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    classes: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """One photograph's attributions: to its leading classes, layer → `[C, n]`; between channels, (layer, later) → `[C1, C2]`."""

    to_classes: dict[str, np.ndarray]
    between: dict[tuple[str, str], np.ndarray]

    @classmethod
    def read(cls, file: File, layers: Sequence[Layer], classes: Sequence[Prediction]) -> Evidence:
        """Read them from a photograph's file."""
        indexes = [prediction.index for prediction in classes]
        substrates = {layer.name: Substrate(layer.name, Atom.CHANNEL) for layer in layers}
        return cls(
            {name: file.values(Attribution(of, CLASSES).path)[:, indexes].astype(np.float32) for name, of in substrates.items()},
            {
                (lower, upper): file.values(Attribution(substrates[lower], substrates[upper]).path).astype(np.float32)
                for lower, upper in combinations(substrates, 2)
            },
        )

    def seen_from(self, layer: str, other: str, channels: Sequence[int]) -> np.ndarray:
        """Attribution between some channels of `layer` and all of `other`, whichever is the source: `[C of other, n]`."""
        if (layer, other) in self.between:
            return self.between[layer, other][list(channels)].T
        return self.between[other, layer][:, list(channels)]

    def reach(self, clicks: int = CLICKS) -> Reach:
        """Follow the lists from the classes."""
        names = list(self.to_classes)
        found = Reach(classes={name: strongest(values) for name, values in self.to_classes.items()})
        new = {name: _reached(lists) for name, lists in found.classes.items()}
        found.channels = {name: list(new[name]) for name in names}
        for _ in range(clicks - 1):
            found.listed = {name: len(found.channels[name]) for name in names}
            lists = {(name, other): strongest(self.seen_from(name, other, new[name])) for name in names for other in names if name != other}
            new = {
                other: [
                    c for c in _reached(*(lists[name, other] for name in names if name != other)) if c not in set(found.channels[other])
                ]
                for other in names
            }
            for name in names:
                found.channels[name] += new[name]
        for name, other in ((name, other) for name in names for other in names if name != other):
            values = self.seen_from(name, other, found.channels[name][: found.listed[name]])
            found.lists[name, other] = strongest(values)
            found.shares[name, other] = shares(values, found.lists[name, other])
        return found


def _reached(*lists: np.ndarray) -> list[int]:
    return sorted({int(channel) for each in lists for channel in each.flat if channel >= 0})


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return the channels of the most probable classes and those `followed`; all that can be reached if all have pictures."""
    with atlas.image(photograph) as file:
        evidence = Evidence.read(file, atlas.network.layers, leading(atlas, photograph))
    if atlas.settings.features.channels == "all":
        return {name: {channel_unit(c) for c in channels} for name, channels in evidence.reach().channels.items()}
    found = {name: {channel_unit(c) for c in _reached(strongest(values[:, :PICTURED]))} for name, values in evidence.to_classes.items()}
    for name, channel in followed(evidence):
        found[name].add(channel_unit(channel))
    return found


def followed(evidence: Evidence) -> Iterator[tuple[str, int]]:
    """Yield what the reader meets first: of each channel that most supports the first class, the strongest in the layers beside."""
    names = list(evidence.to_classes)
    for name, other in [*pairwise(names), *pairwise(reversed(names))]:
        first = [int(c) for c in strongest(evidence.to_classes[name][:, :1])[0, :SUPPORT] if c >= 0]
        if first:
            yield from ((other, int(c)) for c in strongest(evidence.seen_from(name, other, first))[:, 0] if c >= 0)


def opening(atlas: Atlas, photograph: Photograph) -> dict[str, list[str]]:
    """Return the lists of the most probable class."""
    with atlas.image(photograph) as file:
        evidence = Evidence.read(file, atlas.network.layers, leading(atlas, photograph, 1))
    return {name: [channel_unit(c) for c in strongest(values)[0] if c >= 0] for name, values in evidence.to_classes.items()}


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes and, for each layer, the channels within reach with their maps, values and lists."""
    classes, layers = leading(atlas, photograph), atlas.network.layers
    with atlas.image(photograph) as file:
        evidence = Evidence.read(file, layers, classes)
        reach = evidence.reach()
        baked = [_baked(file, evidence, reach, layer) for layer in layers]
    return {"classes": [prediction.baked() for prediction in classes], "layers": baked}


def _baked(file: File, evidence: Evidence, reach: Reach, layer: Layer) -> dict[str, Any]:
    channels, values = reach.channels[layer.name], evidence.to_classes[layer.name]
    a = file.values(Activation(Substrate(layer.name, Atom.CHANNEL)).path)[channels].astype(np.float32)
    block = -(-max(a.shape[1:]) // GRID)
    lists = reach.classes[layer.name]
    return {
        "layer": layer.name,
        "channels": pack(np.array(channels, dtype=int), "u2"),
        "listed": reach.listed[layer.name],
        "maps": pack_levels(np.maximum(average(a, block), 0)),
        "block": block,
        "negative": bool((a < 0).any()),
        "summed": pack(a.sum(axis=(1, 2), dtype=np.float64), "f4"),
        "toClasses": pack(values[channels], "f2"),
        "classes": {
            "places": _places(lists, channels),
            "shares": pack(shares(values, lists), "f2"),
            "counts": pack(np.stack([(values > 0).sum(0), (values < 0).sum(0)], axis=1), "u2"),
            "total": pack(values.sum(axis=0, dtype=np.float64), "f4"),
        },
        "lists": {other: _list(evidence, reach, layer.name, other) for other in reach.channels if other != layer.name},
    }


def _list(evidence: Evidence, reach: Reach, name: str, other: str) -> dict[str, Any]:
    chosen = reach.lists[name, other]
    values = evidence.seen_from(name, other, reach.channels[name][: reach.listed[name]]).T
    return {
        "places": _places(chosen, reach.channels[other]),
        "values": pack(np.where(chosen >= 0, np.take_along_axis(values, np.maximum(chosen, 0), axis=1), 0), "f2"),
        "shares": pack(reach.shares[name, other], "f2"),
    }


def _places(chosen: np.ndarray, channels: Sequence[int]) -> dict[str, Any]:
    place = {channel: i for i, channel in enumerate(channels)}
    return pack(np.array([NONE if c < 0 else place[int(c)] for c in chosen.flat], dtype=int).reshape(chosen.shape), "u2")


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the opening lists of the first photograph, and an example: its best supporter and what feeds that one most."""
    photograph, layers = atlas.photographs[0], atlas.network.layers
    classes = leading(atlas, photograph)
    with atlas.image(photograph) as file:
        evidence = Evidence.read(file, layers, classes)
    columns = [
        (
            layer,
            [
                (int(c), float(evidence.to_classes[layer.name][c, 0]))
                for c in strongest(evidence.to_classes[layer.name][:, :1])[0]
                if c >= 0
            ],
        )
        for layer in layers
    ]
    return {
        "classes": classes,
        "columns": columns,
        "example": _example(evidence, layers),
        "support": SUPPORT,
        "oppose": OPPOSE,
        "grid": GRID,
    }


def _example(evidence: Evidence, layers: Sequence[Layer]) -> dict[str, Any] | None:
    if len(layers) < 2:
        return None
    lower, upper = layers[-2:]
    (channel,) = strongest(evidence.to_classes[upper.name][:, :1])[:, 0]
    if channel < 0:
        return None
    (feeder,) = strongest(evidence.seen_from(upper.name, lower.name, [int(channel)]))[:, 0]
    value = float(evidence.to_classes[upper.name][channel, 0])
    return {"upper": upper, "channel": int(channel), "value": value, "lower": lower, "feeder": int(feeder)}
