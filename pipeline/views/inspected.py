"""What the inspector and the channels' own pages show of a channel that has a picture.

For each photograph: where the channel is active, its shares in the top classes and the effects of
its removal, the channels of the layer before that feed it, and those of the layer after that it
feeds. And over all photographs: those in which it is most active, and where. What the store lacks,
because no figure of this atlas needs it, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.grammar import CHANNEL, CLASSES, Activation, Attribution, Between, Removal, Substrate
from pipeline.store import File
from pipeline.views.cells import average
from pipeline.views.channel_lists import strongest, taken
from pipeline.views.classes import Prediction, for_classes, top_classes
from pipeline.views.packing import pack

GRID = 14  # positions a side of a map, at most
LEVELS = 255
SHOWN = 63  # levels that the browser gets: steps too fine to see, in fewer bytes
NONE = 65535  # where a list has fewer channels than it could hold
PHOTOGRAPHS = 6  # in which a channel is most active, at most


@dataclass(frozen=True)
class Neighbours:
    """For n channels, those of a layer before or after with the largest effects of removal.

    Attributes
    ----------
    layer
        The other layer's name.
    channels
        int `[n, SUPPORT + OPPOSE]`, −1 where there are fewer.
    removals
        f4, the same shape: what the channel that is fed loses of its summed activation when the
        other one is removed, in units of activation.
    """

    layer: str
    channels: np.ndarray
    removals: np.ndarray

    def of(self, i: int) -> list[tuple[int, float]]:
        """Channel and effect of removal of those in the list of the i-th channel."""
        rows = zip(self.channels[i], self.removals[i], strict=True)
        return [(int(c), float(lost)) for c, lost in rows if c >= 0]

    def baked(self) -> dict[str, Any]:
        """Return it as the browser gets it."""
        channels = np.where(self.channels < 0, NONE, self.channels)
        return {
            "layer": self.layer,
            "channels": pack(channels, "u2"),
            "removals": pack(self.removals, "f2"),
        }


@dataclass(frozen=True)
class LayerFacts:
    """n channels of one layer in one photograph.

    Attributes
    ----------
    channels
        Their indexes, ascending.
    maps
        int16 `[n, rows, columns]`: activations, averaged to at most `GRID` positions a side, in
        `LEVELS` levels of each channel's own largest magnitude.
    peaks
        f4 `[n]`, the largest activation of each map; 0 where none is positive.
    block
        Positions a side that one of a map's averages.
    shares, removals
        f4 `[n, k]`, in the logits of the k top classes; None where the store has none.
    before, after
        What feeds them, and what they feed; None for the first or last layer, and where the store
        has none.
    """

    layer: str
    channels: tuple[int, ...]
    maps: np.ndarray
    peaks: np.ndarray
    block: int
    shares: np.ndarray | None
    removals: np.ndarray | None
    before: Neighbours | None
    after: Neighbours | None

    def position(self, i: int) -> tuple[int, int]:
        """Row and column of the i-th channel's peak."""
        row, column = np.unravel_index(int(self.maps[i].argmax()), self.maps[i].shape)
        return int(row), int(column)

    def baked(self) -> dict[str, Any]:
        """Return it as the browser gets it."""
        maps = np.rint(self.maps * (SHOWN / LEVELS))
        return {
            "layer": self.layer,
            "channels": pack(np.array(self.channels, dtype=int), "u2"),
            "maps": pack(maps, "i1" if (maps < 0).any() else "u1"),
            "peaks": pack(self.peaks, "f4"),
            "block": self.block,
            "shares": None if self.shares is None else pack(self.shares, "f2"),
            "removals": None if self.removals is None else pack(self.removals, "f2"),
            "before": self.before.baked() if self.before else None,
            "after": self.after.baked() if self.after else None,
        }


def facts(
    atlas: Atlas, photograph: Photograph, channels: Mapping[str, Sequence[int]]
) -> tuple[tuple[Prediction, ...], dict[str, LayerFacts]]:
    """Read what is shown of some channels of one photograph.

    Parameters
    ----------
    channels
        Layer → channels, ascending. Layers without any are left out.

    Returns
    -------
    tuple
        The top classes, and layer → what is shown of its channels.
    """
    classes = top_classes(atlas, photograph)
    layers = atlas.network.layers
    neighbours: dict[str, list[Layer | None]] = {layer.name: [None, None] for layer in layers}
    for lower, upper in pairwise(layers):
        neighbours[upper.name][0], neighbours[lower.name][1] = lower, upper
    with atlas.open(photograph) as file:
        found = {
            layer.name: _of_layer(
                file, layer, channels[layer.name], neighbours[layer.name], classes
            )
            for layer in layers
            if channels.get(layer.name) and Activation(Substrate(layer.name, CHANNEL)).path in file
        }
    return classes, found


def _of_layer(
    file: File,
    layer: Layer,
    channels: Sequence[int],
    neighbours: Sequence[Layer | None],
    classes: Sequence[Prediction],
) -> LayerFacts:
    chosen = list(channels)
    a = file.values(Activation(Substrate(layer.name, CHANNEL)).path)[chosen].astype(np.float32)
    block = -(-max(a.shape[1:]) // GRID)
    maps = average(a, block)
    peaks = np.maximum(maps.max(axis=(1, 2)), 0)
    largest = np.abs(maps).max(axis=(1, 2))
    scale = LEVELS / np.where(largest > 0, largest, 1)
    before, after = neighbours
    return LayerFacts(
        layer=layer.name,
        channels=tuple(chosen),
        maps=np.rint(maps * scale[:, None, None]).astype(np.int16),
        peaks=peaks,
        block=block,
        shares=_to_classes(file, Attribution, layer, chosen, classes),
        removals=_to_classes(file, Removal, layer, chosen, classes),
        before=_neighbours(file, before, layer, chosen, before=True) if before else None,
        after=_neighbours(file, layer, after, chosen, before=False) if after else None,
    )


def _to_classes(
    file: File,
    kind: type[Between],
    layer: Layer,
    channels: list[int],
    classes: Sequence[Prediction],
) -> np.ndarray | None:
    content = kind(Substrate(layer.name, CHANNEL), CLASSES)
    return for_classes(file, content, classes)[channels] if content.path in file else None


def _neighbours(
    file: File, lower: Layer, upper: Layer, channels: list[int], *, before: bool
) -> Neighbours | None:
    """The lists between two layers, for channels of the upper one or (`before`) the lower one."""
    content = Removal(Substrate(lower.name, CHANNEL), Substrate(upper.name, CHANNEL))
    if content.path not in file:
        return None
    matrix = file.values(content.path)
    removals = (matrix[:, channels] if before else matrix[channels].T).astype(np.float32)
    listed = strongest(removals)
    return Neighbours((lower if before else upper).name, listed, taken(removals, listed))


@dataclass(frozen=True)
class Appearance:
    """A channel in one photograph.

    Attributes
    ----------
    photograph
        Its number among the atlas's.
    peak
        How active the channel is at most.
    position
        Row and column of that in `map`.
    map
        uint8 `[rows, columns]`, in levels of the peak.
    classes
        The photograph's k top classes.
    shares, removals
        f4 `[k]`, in their logits; None where the store has none.
    before, after
        Layer, and rows of channel and effect of removal; None where there is no such layer.
    """

    photograph: int
    peak: float
    position: tuple[int, int]
    map: np.ndarray
    classes: tuple[Prediction, ...]
    shares: np.ndarray | None
    removals: np.ndarray | None
    before: tuple[str, list[tuple[int, float]]] | None
    after: tuple[str, list[tuple[int, float]]] | None


def _appearance(
    layer: LayerFacts, i: int, photograph: int, classes: tuple[Prediction, ...]
) -> Appearance:
    neighbours = (
        (each.layer, each.of(i)) if each else None for each in (layer.before, layer.after)
    )
    before, after = neighbours
    return Appearance(
        photograph=photograph,
        peak=float(layer.peaks[i]),
        position=layer.position(i),
        map=_positive(layer.maps[i]),
        classes=classes,
        shares=None if layer.shares is None else layer.shares[i].copy(),
        removals=None if layer.removals is None else layer.removals[i].copy(),
        before=before,
        after=after,
    )


def _positive(levels: np.ndarray) -> np.ndarray:
    """What is positive of a map, in `LEVELS` levels of its largest: uint8 of the same shape."""
    kept = np.maximum(levels, 0)
    return np.rint(kept * (LEVELS / max(int(kept.max()), 1))).astype(np.uint8)


class Appearances:
    """Of each channel, the photographs in which it is most active.

    No more than these are kept, however many photographs there are.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], list[Appearance]] = {}

    def add(
        self, photograph: int, classes: tuple[Prediction, ...], layers: Mapping[str, LayerFacts]
    ) -> None:
        """Take note of what `facts` found in a photograph."""
        for name, layer in layers.items():
            for i, channel in enumerate(layer.channels):
                known = self._found.setdefault((name, channel), [])
                peak = float(layer.peaks[i])
                if peak <= 0 or (len(known) == PHOTOGRAPHS and peak <= known[-1].peak):
                    continue
                known.append(_appearance(layer, i, photograph, classes))
                known.sort(key=lambda each: -each.peak)
                del known[PHOTOGRAPHS:]

    def of(self, layer: str, channel: int) -> Sequence[Appearance]:
        """Return where a channel is most active, the most active photograph first."""
        return self._found.get((layer, channel), ())

    def baked(self) -> dict[str, Any]:
        """Return layer → channel → rows of photograph, peak, row and column, for the browser."""
        found: dict[str, Any] = {}
        for (layer, channel), appearances in self._found.items():
            found.setdefault(layer, {})[str(channel)] = [
                [each.photograph, float(f"{each.peak:.4g}"), *each.position] for each in appearances
            ]
        return found
