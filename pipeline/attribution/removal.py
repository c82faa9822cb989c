"""Removal: what every score loses when one atom of a layer is set to its baseline, measured.

The effect of removing atom j on score s is s(a) - s(a - p_j), with the part p_j that the atom has
of what the layer's cube `a` is beyond its baseline (`pipeline.attribution.baselines`). It is
positive where the score falls without the atom. One pass of the rest of the network with one atom
removed gives its effect on all classes and on every later layer, so the atoms of all sources of a
layer pass through it together, in batches, and every target reads its scores from the same passes.

Symbols: B rows of a batch; M atoms of a source, N of a target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.baselines import displaced
from pipeline.attribution.batches import (
    batch_size,
    to_numpy,
    with_batches,
)
from pipeline.attribution.observation import Observation
from pipeline.attribution.passes import depending, independent
from pipeline.attribution.push_pull import Attributions, Cuts, Pair
from pipeline.attribution.rest import RestOfNetwork
from pipeline.grammar import Substrate
from pipeline.network import full_precision


@full_precision()
def remove_all(
    observation: Observation,
    cuts: Cuts,
    pairs: Sequence[Pair],
    memory: int | None = None,
) -> Attributions:
    """Measure the effect of removing each atom, all pairs with the same source layer together.

    Parameters
    ----------
    observation
        The photograph's pass, with all layers of the pairs.
    cuts
        Substrate → cut, for all substrates of the pairs.
    pairs
        (source, target).
    memory
        Bound in bytes.

    Returns
    -------
    dict
        Pair → float32, source dims then target dims; groups with their residual as one more.

    Raises
    ------
    AtlasError
        When a target does not depend on its source, or memory runs out.
    """
    by_layer: dict[str, list[Pair]] = {}
    for pair in dict.fromkeys(pairs):
        by_layer.setdefault(pair[0].layer, []).append(pair)
    found: Attributions = {}
    for together in by_layer.values():
        removals = _Removals(observation, cuts, together)
        rows = batch_size(observation, memory, graph=False)
        found |= with_batches(removals.measure, rows)
    return found


class _Removals:
    """The pairs of one source layer."""

    def __init__(self, observation: Observation, cuts: Cuts, pairs: Sequence[Pair]) -> None:
        self.cuts, self.pairs, self.layer = cuts, pairs, pairs[0][0].layer
        self.targets = list(dict.fromkeys(target for _, target in pairs))
        self.sources = displaced(observation, cuts, dict.fromkeys(source for source, _ in pairs))
        self.cube = observation.cubes[self.layer]
        self.rest = RestOfNetwork(observation, self.layer, [each.layer for each in self.targets])
        self.intact = self._intact(observation)

    def _intact(self, observation: Observation) -> dict[Substrate, Tensor]:
        """The scores `[1, N]` of every target with nothing removed."""
        for target in self.targets:
            if observation.order(target.layer) < observation.order(self.layer):
                raise independent(self.layer, target.layer, observation)
        nodes = self.rest.run(self.cube[None].clone().requires_grad_())
        for target in self.targets:
            depending(nodes, self.layer, target.layer, observation)
        return self._scores({name: node.detach() for name, node in nodes.items()})

    def _scores(self, nodes: dict[str, Tensor]) -> dict[Substrate, Tensor]:
        return {target: self.cuts[target].scores(nodes[target.layer]) for target in self.targets}

    @torch.no_grad()
    def measure(self, batch: int) -> Attributions:
        """Remove every atom of every source, so many at a time."""
        found = {
            (source, target): np.empty((self.cuts[source].count, self.cuts[target].count), "f4")
            for source, target in self.pairs
        }
        for pieces in self._batches(batch):
            parts = [self.sources[source].parts(rows) for source, rows in pieces]
            scores = self._scores(self.rest.run(torch.cat(parts).neg_().add_(self.cube)))
            effects = {name: to_numpy(self.intact[name] - each) for name, each in scores.items()}
            start = 0
            for source, rows in pieces:
                for target in self.targets:
                    if (source, target) in found:
                        values = effects[target][start : start + len(rows)]
                        found[source, target][rows.start : rows.stop] = values
                start += len(rows)
        return {
            (source, target): values.reshape((*self.cuts[source].shape, *self.cuts[target].shape))
            for (source, target), values in found.items()
        }

    def _batches(self, batch: int) -> Iterator[list[tuple[Substrate, range]]]:
        """All atoms of all sources, split into batches of at most so many rows."""
        pieces: list[tuple[Substrate, range]] = []
        room = batch
        for source in self.sources:
            start, count = 0, self.cuts[source].count
            while start < count:
                rows = range(start, min(start + room, count))
                pieces.append((source, rows))
                start, room = rows.stop, room - len(rows)
                if not room:
                    yield pieces
                    pieces, room = [], batch
        if pieces:
            yield pieces
