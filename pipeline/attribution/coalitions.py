"""Coalitions: the network run with every subset of a layer's groups and residual.

Shapley values of the groups are means over these runs, for all targets at once: classes and the
atoms of later layers.

Symbols: n players, the groups and their residual, with parts p_g of what the cube has beyond its
baseline b; coalition s has the cube b + Σ p_g over its players; N atoms of a target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.baselines import displaced
from pipeline.attribution.batches import (
    batch_size,
    chunks,
    to_numpy,
    with_batches,
)
from pipeline.attribution.methods import shares
from pipeline.attribution.observation import Observation
from pipeline.attribution.passes import Nodes, depending
from pipeline.attribution.push_pull import Cuts
from pipeline.attribution.rest import RestOfNetwork
from pipeline.grammar import OUTPUT, Substrate
from pipeline.network import full_precision
from pipeline.shapley import MOST_PLAYERS, memberships, shapley_weights


@full_precision()
def play(
    observation: Observation,
    cuts: Cuts,
    groups: Substrate,
    targets: Sequence[Substrate],
    memory: int | None = None,
) -> tuple[dict[Substrate, np.ndarray], np.ndarray]:
    """Run all coalitions of a layer's groups and their residual.

    Parameters
    ----------
    observation, cuts
        The photograph's pass, and the cuts of all substrates.
    groups
        A layer cut into groups.
    targets
        Substrates of later layers.
    memory
        Bound in bytes.

    Returns
    -------
    shares : dict
        Target → the players' Shapley values, float32, `[n]` then target dims.
    logits : ndarray
        float32 `[2ⁿ, K]`, in the order of `pipeline.shapley`.

    Raises
    ------
    AtlasError
        When there are too many groups, a target does not depend on the layer, or memory runs out.
    """
    players = cuts[groups].count
    if players > MOST_PLAYERS:
        raise shares.too_many(str(groups), players - 1)
    rest = RestOfNetwork(observation, groups.layer, [OUTPUT, *(each.layer for each in targets)])
    nodes = rest.run(cuts[groups].a[None].clone().requires_grad_())
    for target in targets:
        depending(nodes, groups.layer, target.layer, observation)

    def run(batch: int) -> tuple[dict[Substrate, Tensor], Tensor]:
        weights = torch.from_numpy(shapley_weights(players)).to(observation.x.device)
        found = {
            each: weights.new_zeros(players, cuts[each].count) for each in dict.fromkeys(targets)
        }
        logits = []
        for rows, nodes in _runs(observation, cuts, groups, rest, batch):
            logits.append(nodes[OUTPUT])
            for target, summed in found.items():
                scores = cuts[target].scores(nodes[target.layer]).double()
                summed += weights[:, rows.start : rows.stop] @ scores
        return found, torch.cat(logits)

    with torch.no_grad():
        found, logits = with_batches(run, batch_size(observation, memory, graph=False))
    shaped = {
        target: to_numpy(values).reshape(players, *cuts[target].shape)
        for target, values in found.items()
    }
    return shaped, to_numpy(logits)


def _runs(
    observation: Observation, cuts: Cuts, groups: Substrate, rest: RestOfNetwork, batch: int
) -> Iterator[tuple[range, Nodes]]:
    cut = displaced(observation, cuts, [groups])[groups]
    start, parts = observation.baseline(groups.layer), cut.parts(range(cut.count))
    present = torch.from_numpy(memberships(cut.count)).to(parts)
    for rows in chunks(len(present), batch):
        chosen = present[rows.start : rows.stop] @ parts.flatten(1)
        yield rows, rest.run(start + chosen.unflatten(1, parts.shape[1:]))


@torch.no_grad()
@full_precision()
def at_baseline(observation: Observation, layer: str) -> np.ndarray:
    """Return the logits with a whole layer at its baseline, float32 `[K]`."""
    start = observation.baseline(layer)[None]
    return to_numpy(RestOfNetwork(observation, layer).run(start)[OUTPUT][0])
