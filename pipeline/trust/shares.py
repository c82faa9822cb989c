"""Shares of a layer's channels in a logit: against sampled Shapley values, and by other methods.

The Shapley value of channel j is the mean of v(S ∪ j) - v(S) over times t, even in 0…1, and sets S
that take each other channel with probability t (Owen 1972), with the logit v(S) when the channels
outside S are at their baseline. Each draw of S serves all chosen channels: m + 1 passes of the rest
of the network. Draws come in pairs, S and its complement, at times that are spread evenly.

Symbols: M channels, m of them chosen; R draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.averaging import Averaging
from pipeline.attribution.batches import batch_size, to_numpy, with_batches
from pipeline.attribution.methods import linear, random_paths
from pipeline.attribution.observation import Observation
from pipeline.attribution.push_pull import Cuts
from pipeline.attribution.rest import RestOfNetwork
from pipeline.attribution.sampling import Game
from pipeline.config import AttributionTable
from pipeline.grammar import CHANNEL, CLASSES, OUTPUT, Substrate
from pipeline.network import full_precision
from pipeline.trust.claims import Effort

POINTS = 8  # of the straight path; coarse, as only correlations are looked at
PATHS = 4


@dataclass(frozen=True)
class Layer:
    """A layer of an observed photograph, and the class whose logit is looked at."""

    observation: Observation
    cuts: Cuts
    name: str
    target: int

    @property
    def channels(self) -> Substrate:
        """The layer cut into channels."""
        return Substrate(self.name, CHANNEL)


# ------------------------------------------------------------------------------------- reference
def choose(shares: np.ndarray, effort: Effort) -> np.ndarray:
    """Choose channels: half of them those with the largest shares `[M]`, half from the others.

    Returns
    -------
    ndarray
        int `[m]`, ascending.
    """
    m = min(effort.channels, len(shares))
    order = np.argsort(-np.abs(shares), kind="stable")
    first, others = order[: m // 2], order[m // 2 :]
    drawn = np.random.default_rng(effort.seed).choice(others, m - len(first), replace=False)
    return np.sort(np.concatenate([first, drawn]))


def sampled(layer: Layer, chosen: np.ndarray, effort: Effort) -> np.ndarray:
    """Sample the Shapley values of some channels.

    Returns
    -------
    ndarray
        f8 `[2, m]`: the means over two halves of the draws. Their mean is the estimate; how far
        they agree is its reliability.
    """
    game = _game(layer)
    players, drawn = layer.cuts[layer.channels].count, np.random.default_rng(effort.seed + 1)
    pairs, rows = effort.draws // 2, np.arange(len(chosen))
    halves = np.zeros((2, len(chosen)))
    for i in range(pairs):
        # Every other pair goes to the same half, so that both halves have early and late times.
        time, at = (i + drawn.random()) / pairs, drawn.random(players)
        for present in (at < time, at >= time):
            sets = np.repeat(present[None], len(chosen) + 1, 0)
            sets[rows, chosen] ^= True
            values = game.play(sets)[:, 0].astype(np.float64)
            gains = np.where(present[chosen], 1, -1) * (values[-1] - values[:-1])
            halves[i % 2] += gains / pairs
    return halves


def removed(layer: Layer, chosen: np.ndarray) -> np.ndarray:
    """Measure once more what the logit loses without each of some channels: f8 `[m]`."""
    sets = np.ones((len(chosen) + 1, layer.cuts[layer.channels].count), bool)
    sets[np.arange(len(chosen)), chosen] = False
    values = _game(layer).play(sets)[:, 0].astype(np.float64)
    return np.asarray(values[-1] - values[:-1])


def _game(layer: Layer) -> Game:
    observation, cuts = layer.observation, layer.cuts
    return Game(observation, cuts, layer.channels, CLASSES, [layer.target])


# --------------------------------------------------------------------------------- other methods
@full_precision()
def integrated(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Integrate along the straight path from the baseline: shares f4 `[M]` and `[H, W]`."""
    observation, cube = layer.observation, layer.observation.cube(layer.name)
    start, rest = observation.baseline(layer.name), RestOfNetwork(observation, layer.name)
    times = (torch.arange(POINTS).to(cube) + 0.5) / POINTS

    def gradient(batch: int) -> Tensor:
        total = torch.zeros_like(cube)
        for some in times.split(batch):
            cubes = (start + some[:, None, None, None] * (cube - start)).requires_grad_()
            logits = rest.run(cubes)[OUTPUT][:, layer.target]
            total += torch.autograd.grad(logits.sum(), cubes)[0].sum(0)
        return total / POINTS

    shares = with_batches(gradient, batch_size(observation)) * (cube - start)
    return to_numpy(shares.sum((1, 2))), to_numpy(shares.sum(0))


@dataclass(frozen=True)
class OtherMethods:
    """Shares of all channels by other methods, `[M]`, and their spread over random paths, `[M]`."""

    linear: np.ndarray
    random_paths: np.ndarray
    spread: np.ndarray


def other_methods(layer: Layer, settings: AttributionTable) -> OtherMethods:
    """Attribute the channels by methods that the atlas may not have been built with."""
    few = settings.model_copy(update={"paths": PATHS})
    averaging = Averaging(layer.observation, layer.cuts, [layer.channels], CLASSES, [layer.target])
    cube = layer.cuts[layer.channels].a
    at_end = averaging.over(linear.points(cube, few), False)[layer.channels]
    along = averaging.over(random_paths.points(cube, few), False)[layer.channels]
    return OtherMethods(at_end.values[:, 0], along.values[:, 0], along.spread[:, 0])
