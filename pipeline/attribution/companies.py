"""Shares between layers: what an atom gives to later layers in the company of other atoms.

The effect of an atom j in the company of others is what a score gains when j joins them, measured
with one pass of the rest of the network, for all atoms of later layers at once. A Shapley value is
the mean over all companies, small and large. Four stand for it, weighted by Simpson's rule: nobody,
a random half of the others and the other half, and all others (the effect of removal). That is
exact where atoms interact in pairs. What the sum lacks to what the layer does to the score is
spread over the atoms in proportion to the sizes of their shares, so that they add up.

Symbols: M atoms of a source, N of a target; B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.baselines import combined, displaced
from pipeline.attribution.batches import (
    batch_size,
    chunks,
    to_numpy,
    with_batches,
)
from pipeline.attribution.observation import Observation
from pipeline.attribution.passes import depending
from pipeline.attribution.push_pull import Cuts
from pipeline.attribution.rest import RestOfNetwork
from pipeline.grammar import Substrate
from pipeline.network import full_precision

Effects = dict[Substrate, np.ndarray]


class Companies:
    """A layer's atoms, joining companies of each other.

    Parameters
    ----------
    observation, cuts
        The photograph's pass, and the cuts of all substrates.
    source, targets
        Substrates; the targets' layers run later.
    memory
        Bound in bytes.

    Raises
    ------
    AtlasError
        When a target does not depend on the source.
    """

    def __init__(
        self,
        observation: Observation,
        cuts: Cuts,
        source: Substrate,
        targets: Sequence[Substrate],
        memory: int | None = None,
    ) -> None:
        self.targets = {each: cuts[each] for each in targets}
        self.cut = displaced(observation, cuts, [source])[source]
        self.start = observation.baseline(source.layer)
        self.rest = RestOfNetwork(observation, source.layer, [each.layer for each in targets])
        self.rows = batch_size(observation, memory, graph=False)
        nodes = self.rest.run(cuts[source].a[None].clone().requires_grad_())
        for target in targets:
            depending(nodes, source.layer, target.layer, observation)

    @full_precision()
    def shares(self, seed: int, removed: Effects | None = None) -> tuple[Effects, Effects]:
        """Share the scores of all targets among the atoms.

        Parameters
        ----------
        seed
            Of the random half.
        removed
            Target → the effects of removal `[M, N]`, where they are known.

        Returns
        -------
        shares : dict
            Target → float32 `[M, N]`.
        missing : dict
            Target → float32 `[N]`: what the means lacked and was spread.
        """
        players = self.cut.count
        known, targets, half = removed or {}, list(self.targets), half_of(players, seed)
        new = [each for each in targets if each not in known]
        everybody = known | (self.effects(np.ones(players, bool), new) if new else {})
        nobody = self.effects(np.zeros(players, bool), targets)
        halves = [self.effects(company, targets) for company in (half, ~half)]
        means = {
            each: (nobody[each] + everybody[each]) / 6 + (halves[0][each] + halves[1][each]) / 3
            for each in targets
        }
        changes = self._changes()
        missing = {each: changes[each] - mean.sum(0) for each, mean in means.items()}
        shares = {each: _spread(mean, missing[each]) for each, mean in means.items()}
        return shares, missing

    @torch.no_grad()
    @full_precision()
    def effects(self, present: np.ndarray, targets: Sequence[Substrate]) -> Effects:
        """What scores gain by each atom in the company of those of the others that are present.

        Parameters
        ----------
        present
            Bool `[M]`; an atom's own entry makes no difference to its effect.
        targets
            Some of the targets.

        Returns
        -------
        dict
            Target → float32 `[M, N]`.
        """
        signs = torch.from_numpy(np.where(present, -1.0, 1.0)).to(self.start)
        base = self.start + combined(self.cut, (signs < 0).to(self.start)[None])
        before = self._scores(base, targets)

        def run(batch: int) -> Effects:
            found: dict[Substrate, list[np.ndarray]] = {each: [] for each in targets}
            for rows in chunks(self.cut.count, batch):
                sign = signs[rows.start : rows.stop]
                joined = torch.addcmul(base, sign[:, None, None, None], self.cut.parts(rows))
                for target, scores in self._scores(joined, targets).items():
                    found[target].append(to_numpy(sign[:, None] * (scores - before[target])))
            return {target: np.concatenate(each) for target, each in found.items()}

        return with_batches(run, self.rows)

    @torch.no_grad()
    def _changes(self) -> Effects:
        """What the scores change by from the layer at its baseline to its cube: `[N]`."""
        ends = torch.stack([self.start + self.cut.a, self.start])
        scores = self._scores(ends, list(self.targets))
        return {target: to_numpy(each[0] - each[1]) for target, each in scores.items()}

    def _scores(self, cubes: Tensor, targets: Sequence[Substrate]) -> dict[Substrate, Tensor]:
        nodes = self.rest.run(cubes)
        return {each: self.targets[each].scores(nodes[each.layer]) for each in targets}


def half_of(players: int, seed: int) -> np.ndarray:
    """Draw half of the players: bool `[M]`."""
    drawn: np.ndarray = np.random.default_rng(seed).permutation(players) < players / 2
    return drawn


def _spread(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Add what is missing `[N]` to the columns of `[M, N]`, in proportion to their sizes."""
    sizes = np.abs(values)
    whole = sizes.sum(0)
    factors = np.divide(missing, whole, out=np.zeros_like(whole), where=whole > 0)
    return values + factors * sizes
