"""Shares of a score among the atoms of a layer: gradients along the straight path to its cube.

The path leads from the layer's baseline b to its cube a, x(t) = b + t (a - b). On it a score s
changes by ∫ ⟨∂s/∂x, a - b⟩ dt; the share of an atom is what its part of a - b has of this. The
integral is a sum over intervals, with the gradient taken in the middle of each. How far the sum is
from the change of the score shows in the scores alone, for all atoms of the target at once, so the
intervals are chosen before any gradient is taken, and are short where scores bend.

Symbols: S intervals, with S + 1 edges; N atoms of the target; B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.baselines import displaced
from pipeline.attribution.batches import (
    WITHOUT_GRAPH,
    batch_size,
    chunks,
    full_precision,
    to_numpy,
    with_batches,
)
from pipeline.attribution.observation import Observation
from pipeline.attribution.passes import depending
from pipeline.attribution.push_pull import Cuts
from pipeline.attribution.rest import RestOfNetwork
from pipeline.grammar import Substrate

FIRST_INTERVALS = 8
HALVED = 2  # one interval in so many is halved at a time, those with the largest errors
MARGIN = 0.5  # of the tolerance: slopes are differences of scores, not gradients
REACH = 1 / 16  # of an interval: the distance over which the slope in its middle is taken


class StraightPath:
    """The path from a layer's baseline to its cube, and the scores of a target on it.

    Parameters
    ----------
    observation, cuts
        The photograph's pass, and the cuts of all substrates.
    sources
        Substrates of one layer; none of them groups.
    target
        Of a later layer.
    memory
        Bound in bytes.

    Raises
    ------
    AtlasError
        When the target does not depend on the layer.
    """

    def __init__(
        self,
        observation: Observation,
        cuts: Cuts,
        sources: Sequence[Substrate],
        target: Substrate,
        memory: int | None = None,
    ) -> None:
        layer, cube = sources[0].layer, cuts[sources[0]].a
        self.start = observation.baseline(layer)
        self.change = cube - self.start
        self.cuts = displaced(observation, cuts, sources)
        self.target, self.target_cut = target, cuts[target]
        self.rest = RestOfNetwork(observation, layer, [target.layer])
        self.batch = batch_size(observation, memory)
        nodes = self.rest.run(cube[None].clone().requires_grad_())
        depending(nodes, layer, target.layer, observation)

    @full_precision()
    def shares(
        self, columns: Sequence[int], tolerance: float, most: int
    ) -> dict[Substrate, np.ndarray]:
        """Share the change of some scores among the atoms of each source.

        Parameters
        ----------
        columns
            The N atoms of the target, in reading order.
        tolerance
            How far a sum of shares may be from the change, relative to it.
        most
            The largest S: more are not tried.

        Returns
        -------
        dict
            Source → float32, source dims then N.
        """
        edges = self.edges(columns, tolerance, most)
        sums = with_batches(lambda batch: self._integrated(columns, edges, batch), self.batch)
        return {
            source: to_numpy(values).reshape(*self.cuts[source].shape, len(columns))
            for source, values in sums.items()
        }

    # ------------------------------------------------------------------------------ the intervals
    @full_precision()
    def edges(self, columns: Sequence[int], tolerance: float, most: int) -> np.ndarray:
        """Choose the edges of the intervals: f8 `[S + 1]`, from 0 to 1.

        Parameters
        ----------
        columns, tolerance, most
            As for `shares`.
        """
        edges = np.linspace(0, 1, min(FIRST_INTERVALS, most) + 1)
        scores = self._scores(edges, columns)
        scale = np.maximum(np.abs(scores[-1] - scores[0]), np.finfo(np.float32).tiny)
        middles, slopes = self._slopes(edges, columns)
        while True:
            errors = (np.diff(scores, axis=0) - slopes) / scale
            count = min(-(-len(errors) // HALVED), most - len(errors))
            if not count or np.abs(errors.sum(0)).max() <= MARGIN * tolerance:
                return edges
            worst = np.sort(np.argsort(-np.abs(errors).max(1), kind="stable")[:count])
            middle = (edges[worst] + edges[worst + 1]) / 2
            pairs = np.stack([edges[worst], middle, edges[worst + 1]], 1)
            scores = np.insert(scores, worst + 1, middles[worst], axis=0)
            edges = np.insert(edges, worst + 1, middle)
            found = [self._slopes(pairs[:, side : side + 2].T, columns) for side in (0, 1)]
            (middles[worst], slopes[worst]), upper = found
            middles = np.insert(middles, worst + 1, upper[0], axis=0)
            slopes = np.insert(slopes, worst + 1, upper[1], axis=0)

    def _slopes(self, edges: np.ndarray, columns: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Scores in the middle of intervals, and what they change by at their slope there.

        Parameters
        ----------
        edges
            `[S + 1]`, or the first and the last of S intervals `[2, S]`.
        columns
            As for `shares`.
        """
        first, last = (edges[:-1], edges[1:]) if edges.ndim == 1 else edges
        middle = (first + last) / 2
        times = np.concatenate([middle, middle + (last - first) * REACH])
        at, beyond = np.split(self._scores(times, columns), 2)
        return at, (beyond - at) / REACH

    @torch.no_grad()
    def _scores(self, times: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        """Scores at some points of the path: f8 `[B, N]`."""

        def run(batch: int) -> np.ndarray:
            found = []
            for rows in chunks(len(times), batch):
                nodes = self.rest.run(self._cubes(times[rows.start : rows.stop]))
                scores = self.target_cut.scores(nodes[self.target.layer])
                found.append(to_numpy(scores[:, list(columns)]))
            return np.concatenate(found).astype(np.float64)

        return with_batches(run, WITHOUT_GRAPH * self.batch)

    def _cubes(self, times: np.ndarray) -> Tensor:
        factors = torch.from_numpy(times).to(self.change)[:, None, None, None]
        return self.start + factors * self.change

    # ------------------------------------------------------------------------------ the gradients
    def _integrated(
        self, columns: Sequence[int], edges: np.ndarray, batch: int
    ) -> dict[Substrate, Tensor]:
        """Σ over intervals of length · ⟨part, ∂s/∂x in the middle⟩: source → `[M, N]`."""
        sums = {
            source: self.change.new_zeros(cut.count, len(columns))
            for source, cut in self.cuts.items()
        }
        lengths, middles = np.diff(edges), (edges[1:] + edges[:-1]) / 2
        for rows in chunks(len(lengths), batch):
            some = slice(rows.start, rows.stop)
            cubes = self._cubes(middles[some]).requires_grad_()
            weights = torch.from_numpy(lengths[some]).to(cubes)[:, None, None, None]
            scores = self.target_cut.scores(self.rest.run(cubes)[self.target.layer])
            for number, column in enumerate(columns):
                (gradients,) = torch.autograd.grad(
                    scores[:, column].sum(), cubes, retain_graph=number + 1 < len(columns)
                )
                mean = (gradients * weights).sum(0, keepdim=True)
                for source, cut in self.cuts.items():
                    sums[source][:, number] += cut.aggregate(mean)[0]
        return sums
