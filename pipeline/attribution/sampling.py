"""Sampled Shapley values: the reference that shares of many atoms are compared with.

All subsets of hundreds of channels are too many to run. Here atoms arrive in random orders, and
what the scores gain with each is measured, as `pipeline.shapley.gains` says. A coalition s has the
cube b + Σ p_j over its atoms, with the parts p_j of what the cube has beyond its baseline b.

Symbols: M atoms of the source, m of them chosen; N atoms of the target; R orders; B rows of a
batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline import shapley
from pipeline.attribution.baselines import combined, displaced
from pipeline.attribution.batches import (
    batch_size,
    chunks,
    to_numpy,
    with_batches,
)
from pipeline.attribution.groups import cut_all, layers_of
from pipeline.attribution.observation import Observation
from pipeline.attribution.passes import depending
from pipeline.attribution.push_pull import Cuts
from pipeline.attribution.rest import RestOfNetwork
from pipeline.grammar import Substrate
from pipeline.network import Network, full_precision


def sampled_gains(
    network: Network,
    x: Tensor,
    source: Substrate,
    target: Substrate,
    targets: Sequence[int],
    *,
    orders: int = 16,
    seed: int = 0,
    chosen: Sequence[int] | None = None,
    means: Mapping[str, np.ndarray] | None = None,
    memory: int | None = None,
) -> np.ndarray:
    """Measure what scores gain by each atom of a layer, arriving in random orders.

    Parameters
    ----------
    network, x
        The network and the photograph `x[1, 3, H, W]` in 0…1.
    source, target
        Two substrates; the source's layer runs first.
    targets
        The N atoms of the target, in reading order.
    orders
        R, an even number: each order is followed by its reverse.
    seed
        Of the orders.
    chosen
        The m atoms of the source that are of interest; None: all.
    means
        Layer → the mean of each of its channels `[C]`; None: baselines are zero.
    memory
        Bound in bytes.

    Returns
    -------
    ndarray
        f8 `[R, m, N]`. The mean over orders estimates the Shapley values; `shapley.split_half` says
        how reliably.

    Raises
    ------
    AtlasError
        When the target does not depend on the source, a layer does not suit, or memory runs out.
    """
    observation = Observation(network, x, layers_of([source, target]), means)
    cuts = cut_all(observation, [source, target], None, memory)
    game = Game(observation, cuts, source, target, targets, memory)
    return shapley.gains(game.play, cuts[source].count, orders, seed, chosen)


class Game:
    """A layer's atoms as players: coalitions of them are run, and a target's scores read.

    Parameters
    ----------
    observation, cuts
        The photograph's pass, and the cuts of both substrates.
    source, target, targets, memory
        As for `sampled_gains`.
    """

    def __init__(
        self,
        observation: Observation,
        cuts: Cuts,
        source: Substrate,
        target: Substrate,
        targets: Sequence[int],
        memory: int | None = None,
    ) -> None:
        self.target, self.target_cut, self.targets = target, cuts[target], list(targets)
        self.cut = displaced(observation, cuts, [source])[source]
        self.start = observation.baseline(source.layer)
        self.rest = RestOfNetwork(observation, source.layer, [target.layer])
        self.batch = batch_size(observation, memory, graph=False)
        nodes = self.rest.run(cuts[source].a[None].clone().requires_grad_())
        depending(nodes, source.layer, target.layer, observation)

    @full_precision()
    def play(self, present: np.ndarray) -> np.ndarray:
        """Run coalitions: bool `[B, M]`, who takes part → f4 `[B, N]`, the scores."""

        def run(batch: int) -> np.ndarray:
            found = []
            for rows in chunks(len(present), batch):
                weights = torch.from_numpy(present[rows.start : rows.stop]).to(self.start)
                with torch.no_grad():
                    nodes = self.rest.run(self.start + combined(self.cut, weights))
                    scores = self.target_cut.scores(nodes[self.target.layer])
                found.append(to_numpy(scores[:, self.targets]))
            return np.concatenate(found)

        return with_batches(run, self.batch)
