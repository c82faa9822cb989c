"""Switchboard: parts of a layer are switched off, and the network answers without them.

A layer factorized into n groups has m = n + 1 parts, the residual last. The store has the logits
`[2^m, K]` of all subsets of the parts. The browser gets those of k classes and, since the decision
may go to any other class, the most probable class of each subset with its logit. The logarithm of
the summed exponentials of all K logits, the `normalizer` `[2^m]`, makes probabilities of them;
where classes do not exclude each other there is none, and each logit makes its own.

A subset is a number whose bit i is 1 where part i is on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Photograph, ShownNetwork
from pipeline.config import Settings
from pipeline.grammar import (
    CLASSES,
    INPUT,
    WHOLE,
    Activation,
    Coalitions,
    Group,
    Interface,
    Presentation,
    Substrate,
    show,
)
from pipeline.likelihood import sigmoid
from pipeline.shapley import MOST_PLAYERS
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views import groups
from pipeline.views.classes import Prediction, top_classes
from pipeline.views.packing import pack, pack_decimals, pack_levels

NAME = "switchboard"
TITLE = "Switch groups off, and see what the network says"

DECIMALS = 5  # of logits: two are shown, and probabilities are computed from them
FEWER = 6  # groups of a layer that is configured only with more than all subsets can be tried of


# -------------------------------------------------------------------------------------- substrates
def counts(settings: Settings, layer: str) -> tuple[int, ...]:
    """Return the counts of groups that a layer is shown with."""
    few = [count for count in groups.counts(settings, layer) if count < MOST_PLAYERS]
    return tuple(few) or (FEWER,)


def cuts(settings: Settings, layers: Sequence[str]) -> list[list[Substrate]]:
    """Return the groups that are shown: for each layer, those of every count."""
    return [
        [groups.substrate(layer, count) for count in counts(settings, layer)]
        for layer in groups.layers(settings, layers)
    ]


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the groups of each layer that has some, and the logits for every subset of them."""
    elements = [*show(Activation(Substrate(INPUT, WHOLE))), *show(Activation(CLASSES))]
    for cut in (cut for of_layer in cuts(settings, layers) for cut in of_layer):
        elements += show(Activation(cut), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
        elements += show(Coalitions(cut))
    return Interface(NAME, tuple(elements))


def first_groups(atlas: Atlas) -> Substrate:
    """Return the groups that are shown first: of the last layer, closest to the decision."""
    offered = cuts(atlas.settings, atlas.layer_names)[-1]
    return offered[min(1, len(offered) - 1)]


# ------------------------------------------------------------------------- feature visualizations
def directions(atlas: Atlas, photograph: Photograph) -> dict[str, dict[Unit, np.ndarray]]:
    """Return the directions of all groups, for all counts."""
    with atlas.open(photograph) as file:
        return groups.directions(file, chain(*cuts(atlas.settings, atlas.layer_names)))


def shown_first(atlas: Atlas, photograph: Photograph) -> dict[str, list[Unit]]:
    """Return the feature visualizations of the groups that are shown first."""
    cut = first_groups(atlas)
    with atlas.open(photograph) as file:
        return {cut.layer: list(groups.vectors(file, cut))}


# ----------------------------------------------------------------------------------------- subsets
@dataclass(frozen=True)
class Subsets:
    """The logits `[2^m, K]` of all subsets of m parts, and whether classes exclude each other."""

    logits: np.ndarray
    exclusive: bool = True

    @property
    def everything(self) -> int:
        """The subset of all parts."""
        return len(self.logits) - 1

    @property
    def first(self) -> np.ndarray:
        """Return the most probable class of each subset, `[2^m]`."""
        return self.logits.argmax(axis=1)

    @property
    def decision(self) -> int:
        """The class that the intact network finds most probable."""
        return int(self.first[-1])

    @property
    def normalizer(self) -> np.ndarray:
        """The logarithm of the sum of the exponentials of all logits, f8 `[2^m]`."""
        most = self.logits.max(axis=1).astype(np.float64)
        return most + np.log(np.exp(self.logits - most[:, None]).sum(axis=1))

    @property
    def probabilities(self) -> np.ndarray:
        """Those of all classes, f8 `[2^m, K]`."""
        if not self.exclusive:
            return sigmoid(self.logits)
        return np.exp(self.logits - self.normalizer[:, None])

    def smallest_that_keeps(self) -> int:
        """Return the smallest subset that, alone, leaves the decision as it is.

        Of several, the one for which the network is surest of it.
        """
        likely = self.probabilities[:, self.decision]
        keeping = np.flatnonzero(self.first == self.decision).tolist()
        return min(keeping, key=lambda on: (on.bit_count(), -likely[on]))

    def without_smallest_that_changes(self) -> int | None:
        """Return what is on when the fewest parts are off whose loss changes the decision.

        Of several, the one without which the decision's class is least probable; None where the
        decision stays whatever is off.
        """
        likely = self.probabilities[:, self.decision]
        changing = np.flatnonzero(self.first != self.decision).tolist()
        return min(changing, key=lambda on: (-on.bit_count(), likely[on]), default=None)


def read(file: File, cut: Substrate, exclusive: bool = True) -> Subsets:
    """Read the subsets of a layer's groups from a photograph's file."""
    return Subsets(file.values(Coalitions(cut).path), exclusive)


def in_words(subset: int, parts: int) -> str:
    """Name the parts of a subset: "group 1, group 3 and the residual"."""
    named = [f"group {i + 1}" for i in range(parts - 1) if subset >> i & 1]
    if subset >> (parts - 1) & 1:
        named.append("the residual")
    *others, last = named or ["nothing"]
    return f"{', '.join(others)} and {last}" if others else last


def shares(shown: groups.ShownGroups) -> np.ndarray:
    """Return the share of each part in the squared lengths of all parts at a position.

    Returns
    -------
    numpy.ndarray
        f4 `[m, H, W]`; where all are zero, the residual counts as there.
    """
    squares = np.concatenate([shown.presence, shown.residual[None]]).astype(np.float64) ** 2
    squares[-1][squares.sum(axis=0) == 0] = 1
    return (squares / squares.sum(axis=0)).astype(np.float32)


# ------------------------------------------------------------------------------------- data, page
def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes and, for each layer and count, the groups and what all subsets do."""
    classes = top_classes(atlas, photograph)
    offered = cuts(atlas.settings, atlas.layer_names)
    with atlas.open(photograph) as file:
        layers = [
            {
                "layer": of_layer[0].layer,
                "count": groups.first_count(counts(atlas.settings, of_layer[0].layer)),
                "factorizations": [_baked(file, cut, classes, atlas.network) for cut in of_layer],
            }
            for of_layer in offered
        ]
    return {
        "first": first_groups(atlas).layer,
        "classes": [prediction.baked() for prediction in classes],
        "layers": layers,
    }


def _baked(
    file: File, cut: Substrate, classes: Sequence[Prediction], network: ShownNetwork
) -> dict[str, Any]:
    shown, subsets = groups.read(file, cut), read(file, cut, network.exclusive)
    winners, first = np.unique(subsets.first, return_inverse=True)
    return {
        "count": len(shown.units),
        "units": [str(unit) for unit in shown.units],
        "names": [*(f"group {i + 1}" for i in range(len(shown.units))), "residual"],
        "labels": [
            *(f"Group {i + 1}, {position}" for i, position in enumerate(shown.positions)),
            "Residual, what the groups leave",
        ],
        "shares": pack_levels(shares(shown), 1.0),
        "logits": pack_decimals(subsets.logits[:, [each.index for each in classes]], DECIMALS),
        "normalizer": pack_decimals(subsets.normalizer, DECIMALS) if network.exclusive else None,
        "winners": [{"index": int(index), "name": network.classes[index]} for index in winners],
        "first": pack(first.reshape(-1), "u2"),
        "best": pack_decimals(subsets.logits.max(axis=1), DECIMALS),
        "keeps": subsets.smallest_that_keeps(),
        "changes": subsets.without_smallest_that_changes(),
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return what the first groups of the first photograph do when some are off."""
    photograph, cut = atlas.photographs[0], first_groups(atlas)
    assert isinstance(cut.atom, Group)
    with atlas.open(photograph) as file:
        subsets = read(file, cut, atlas.network.exclusive)
        units = groups.read(file, cut).units
    parts = cut.atom.count + 1
    intact = subsets.everything

    def answer(on: int) -> dict[str, Any]:
        index, likely = int(subsets.first[on]), subsets.probabilities[on]
        return {
            "size": on.bit_count(),
            "on": in_words(on, parts),
            "off": in_words(intact & ~on, parts),
            "first": atlas.network.classes[index],
            "probability": float(likely[index]),
            "decision": float(likely[subsets.decision]),
        }

    changes = subsets.without_smallest_that_changes()
    return {
        "layer": atlas.layer(cut.layer),
        "layers": groups.layers(atlas.settings, atlas.layer_names),
        "units": units,
        "parts": parts,
        "intact": answer(intact),
        "single": [answer(intact & ~(1 << i)) for i in range(parts)],
        "keeps": answer(subsets.smallest_that_keeps()),
        "changes": None if changes is None else answer(changes),
    }
