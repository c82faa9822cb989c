"""Shares of all pairs, and how each kind of pair gets them.

    source → target                       shares
    groups → classes, later layers        exact Shapley values (`coalitions`)
    channels → the most probable classes  gradients along `staggered_paths`
    other atoms → classes, channels → the other classes   gradients along the `straight_path`
    positions, channels → later layers    effects in a few `companies`
    neurons → later layers                activation × gradient, a linear approximation

The last row, which no figure shows, does not add up: a layer has too many neurons to run the
network for each. What sums lack is kept beside every pair, so that readers see it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch

from pipeline.attribution.batches import to_numpy
from pipeline.attribution.coalitions import play
from pipeline.attribution.companies import Companies
from pipeline.attribution.observation import Observation
from pipeline.attribution.paths import Paths
from pipeline.attribution.push_pull import Attributions, Cuts, Pair, attribute_together
from pipeline.attribution.rest import RestOfNetwork
from pipeline.attribution.staggered_paths import StaggeredPaths
from pipeline.attribution.straight_path import StraightPath
from pipeline.config import AttributionTable
from pipeline.grammar import CHANNEL, CLASSES, NEURON, OUTPUT, Substrate
from pipeline.network import full_precision
from pipeline.views.classes import TOP

# Times `steps`. More pieces of a straight path hardly change what it gives. The classes beyond the
# first serve saliency, which shows no sums. The paths of channels are many, with few pieces each,
# so that the errors of these even out.
STAGGERED_STEPS = 2
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
        less the sum of the shares; between layers, what that sum lacked before it was spread.
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
    removals
        Effects of removal that are known, by pair: they need not be measured again.
    """

    observation: Observation
    cuts: Cuts
    settings: AttributionTable
    classes: Sequence[int]
    memory: int | None = None
    removals: Attributions = field(default_factory=dict)

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
        others = [pair for pair in pairs if pair not in played]
        integrated = [pair for pair in others if pair[1].layer == OUTPUT]
        between = [pair for pair in others if pair not in integrated]
        linear = [pair for pair in between if pair[0].atom == NEURON]
        for groups, together in _by(lambda pair: pair[0], played).items():
            self._play(groups, [target for _, target in together], shared)
        for (_, target), together in _by(_layer_and_target, integrated).items():
            self._integrate([source for source, _ in together], target, shared)
        shared.attributions |= attribute_together(
            self.observation, self.cuts, linear, False, self.memory
        )
        for layer, together in _by(lambda pair: pair[0].layer, pairs).items():
            apart = [pair for pair in together if pair in between and pair not in linear]
            self._note_gaps(layer, [pair for pair in together if pair not in apart], shared)
            for source, some in _by(lambda pair: pair[0], apart).items():
                self._accompany(source, [target for _, target in some], shared)
        return shared

    def _accompany(self, source: Substrate, targets: Sequence[Substrate], shared: Found) -> None:
        players = self.cuts[source].count
        removed = {
            target: self.removals[source, target].reshape(players, -1)
            for target in targets
            if (source, target) in self.removals
        }
        companies = Companies(self.observation, self.cuts, source, targets, self.memory)
        shares, missing = companies.shares(self.settings.seed, removed)
        for target in targets:
            shape = self.cuts[target].shape
            shaped = shares[target].reshape(*self.cuts[source].shape, *shape)
            shared.attributions[source, target] = shaped
            shared.gaps[source, target] = missing[target].reshape(shape)

    def _play(self, groups: Substrate, targets: Sequence[Substrate], shared: Found) -> None:
        found, shared.coalitions[groups] = play(
            self.observation, self.cuts, groups, targets, self.memory
        )
        shared.attributions |= {(groups, target): values for target, values in found.items()}

    def _integrate(self, sources: Sequence[Substrate], target: Substrate, shared: Found) -> None:
        cut, settings = self.cuts[target], self.settings
        columns = self.classes if target == CLASSES else range(cut.count)
        channels = [source for source in sources if source.atom == CHANNEL]
        others = [source for source in sources if source.atom != CHANNEL]
        filled = {
            source: np.full((*self.cuts[source].shape, cut.count), np.nan, np.float32)
            for source in sources
        }
        fewer, staggered_steps = (
            max(1, int(each * settings.steps)) for each in (FEWER_STEPS, STAGGERED_STEPS)
        )
        parts: list[tuple[Sequence[int], Paths, int]] = []
        if channels:
            staggered = StaggeredPaths(
                self.observation, self.cuts, channels, target, self.memory, settings.seed
            )
            parts.append((columns[:TOP], staggered, staggered_steps))
        if others:
            parts.append((columns[:TOP], self._straight(others, target), settings.steps))
        if columns[TOP:]:
            parts.append((columns[TOP:], self._straight(sources, target), fewer))
        for some, paths, limit in parts:
            for source, values in paths.shares(some, settings.tolerance, limit).items():
                filled[source][..., list(some)] = values
        for source, values in filled.items():
            shaped = values.reshape(*self.cuts[source].shape, *cut.shape)
            shared.attributions[source, target] = shaped

    def _straight(self, sources: Sequence[Substrate], target: Substrate) -> StraightPath:
        return StraightPath(self.observation, self.cuts, sources, target, self.memory)

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
