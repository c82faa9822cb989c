"""Shares of all pairs: which are Shapley values, which are integrated, which are linear.

    source → target                     shares
    groups → classes, later layers      exact Shapley values (`coalitions`)
    other atoms → classes               gradients integrated from the baseline (`straight_path`)
    other atoms → later layers          activation × gradient, a linear approximation

The last row does not add up: there are as many targets as a layer has atoms, and integrating takes
a gradient of each at many points. What sums lack is kept beside every pair, so that readers see it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch

from pipeline.attribution.batches import full_precision, to_numpy
from pipeline.attribution.coalitions import play
from pipeline.attribution.observation import Observation
from pipeline.attribution.push_pull import Attributions, Cuts, Pair, attribute_together
from pipeline.attribution.rest import RestOfNetwork
from pipeline.attribution.straight_path import StraightPath
from pipeline.config import AttributionTable
from pipeline.grammar import CLASSES, OUTPUT, SPATIAL, Substrate
from pipeline.views.classes import TOP

# The sums of the classes that figures show are to be within the tolerance, which takes more steps
# where scores bend much, as in lower layers. The others serve saliency, which shows no sums.
MORE_STEPS = 8
FEWER_STEPS = 1 / 2

K = TypeVar("K", bound=Hashable)


@dataclass
class Found:
    """Attributions of pairs, and what comes with shares.

    Attributes
    ----------
    attributions
        Pair → float32, source dims then target dims; groups with their residual as one more.
    gaps
        Pair → float32, target dims: the change of the score from the baseline to the photograph,
        less the sum of the shares.
    coalitions
        Groups → float32 `[2ⁿ, K]`, the logits of all coalitions.
    """

    attributions: Attributions = field(default_factory=dict)
    gaps: dict[Pair, np.ndarray] = field(default_factory=dict)
    coalitions: dict[Substrate, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Shares:
    """What is shared, and how.

    Attributes
    ----------
    observation, cuts
        The photograph's pass, and the cuts of all substrates.
    settings
        The table `[attribution]`.
    classes
        The classes whose logits are integrated, the most probable first; the rest of these
        attributions is NaN.
    memory
        Bound in bytes.
    """

    observation: Observation
    cuts: Cuts
    settings: AttributionTable
    classes: Sequence[int]
    memory: int | None = None

    def of(self, pairs: Sequence[Pair]) -> Found:
        """Share every target's score among the atoms of its source.

        Raises
        ------
        AtlasError
            When a target does not depend on its source, there are too many groups, or memory runs
            out.
        """
        shared = Found()
        played = [pair for pair in pairs if pair[0].atom.leaves_residual]
        integrated = [pair for pair in pairs if pair not in played and pair[1].layer == OUTPUT]
        linear = [pair for pair in pairs if pair not in played and pair not in integrated]
        for groups, together in _by(lambda pair: pair[0], played).items():
            self._play(groups, [target for _, target in together], shared)
        for (_, target), together in _by(_layer_and_target, integrated).items():
            self._integrate([source for source, _ in together], target, shared)
        for relax, together in _by(self._relaxes, linear).items():
            shared.attributions |= attribute_together(
                self.observation, self.cuts, together, relax, self.memory
            )
        for layer, together in _by(lambda pair: pair[0].layer, pairs).items():
            self._note_gaps(layer, together, shared)
        return shared

    def _relaxes(self, pair: Pair) -> bool:
        """Whether max-pools are relaxed, as for the method "linear"."""
        possible = self.settings.relax_pooling and self.observation.relaxable > 0
        return possible and pair[0].atom == SPATIAL

    def _play(self, groups: Substrate, targets: Sequence[Substrate], shared: Found) -> None:
        found, shared.coalitions[groups] = play(
            self.observation, self.cuts, groups, targets, self.memory
        )
        shared.attributions |= {(groups, target): values for target, values in found.items()}

    def _integrate(self, sources: Sequence[Substrate], target: Substrate, shared: Found) -> None:
        cut, settings = self.cuts[target], self.settings
        columns = self.classes if target == CLASSES else range(cut.count)
        path = StraightPath(self.observation, self.cuts, sources, target, self.memory)
        filled = {
            source: np.full((*self.cuts[source].shape, cut.count), np.nan, np.float32)
            for source in sources
        }
        parts = ((columns[:TOP], MORE_STEPS), (columns[TOP:], FEWER_STEPS))
        for some, factor in parts:
            if some:
                most = max(1, int(factor * settings.steps))
                for source, values in path.shares(some, settings.tolerance, most).items():
                    filled[source][..., list(some)] = values
        for source, values in filled.items():
            shaped = values.reshape(*self.cuts[source].shape, *cut.shape)
            shared.attributions[source, target] = shaped

    @torch.no_grad()
    @full_precision()
    def _note_gaps(self, layer: str, pairs: Sequence[Pair], shared: Found) -> None:
        cube = self.observation.cube(layer)
        rest = RestOfNetwork(self.observation, layer, [target.layer for _, target in pairs])
        nodes = rest.run(torch.stack([cube, self.observation.baseline(layer)]))
        for source, target in pairs:
            cut, size = self.cuts[target], len(self.cuts[source].shape)
            scores = cut.scores(nodes[target.layer])
            change = to_numpy(scores[0] - scores[1]).reshape(cut.shape)
            total = shared.attributions[source, target].sum(tuple(range(size)), dtype=np.float64)
            shared.gaps[source, target] = (change - total).astype(np.float32)


def _layer_and_target(pair: Pair) -> tuple[str, Substrate]:
    return pair[0].layer, pair[1]


def _by(key: Callable[[Pair], K], pairs: Iterable[Pair]) -> dict[K, list[Pair]]:
    found: dict[K, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(key(pair), []).append(pair)
    return found
