"""Shares of a score among the atoms of a layer: gradients along paths to its cube.

A path leads from the layer's baseline b to its cube a, x = b + w ⊙ (a - b), where each channel's
weight w goes from 0 to 1. On it a score s changes by ∫ ⟨∂s/∂x, dx⟩; the share of an atom is what
its part of a - b has of this, averaged over the paths (`straight_path`, `staggered_paths`). A path
is a chain of straight pieces, with the gradient taken in the middle of each. How far the sum is
from the change of the score shows in the scores alone, for all atoms of the target at once, so the
pieces are chosen before any gradient is taken, and are short where scores bend.

What is still missing, no more than the tolerance where the pieces are enough, is put in by taking,
in place of the gradient g in the middle of a piece, g + (Δs - ⟨g, Δx⟩) Δx / ‖Δx‖². This discrete
gradient (Gonzalez 1996, "Time integration and discrete Hamiltonian systems") accounts for the
change Δs of the score along the piece, so that shares add up but for rounding.

Symbols: R paths of S pieces in all; C channels, or 1 where all have the same weight; N atoms of the
target; B rows of a batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

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
from pipeline.attribution.observation import Observation
from pipeline.attribution.passes import depending
from pipeline.attribution.push_pull import Cuts
from pipeline.attribution.rest import RestOfNetwork
from pipeline.grammar import Substrate
from pipeline.network import full_precision

HALVED = 2  # one piece in so many is halved at a time, those with the largest errors
MARGIN = 0.5  # of the tolerance: slopes are differences of scores, not gradients
REACH = 1 / 16  # of a piece: the distance over which the slope in its middle is taken
TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Pieces:
    """Straight pieces of R paths.

    Attributes
    ----------
    first, last
        The weights of channels at both ends, f8 `[S, C]`.
    begun, ended
        The scores at both ends, f8 `[S, N]`.
    paths
        R: what is summed over all pieces is R times the mean over paths.
    """

    first: np.ndarray
    last: np.ndarray
    begun: np.ndarray
    ended: np.ndarray
    paths: int

    def __len__(self) -> int:
        return len(self.first)

    @property
    def middle(self) -> np.ndarray:
        """Weights in the middle of each piece: f8 `[S, C]`."""
        return (self.first + self.last) / 2

    @property
    def change(self) -> np.ndarray:
        """What the weights change by along each piece: f8 `[S, C]`."""
        return self.last - self.first

    @property
    def rise(self) -> np.ndarray:
        """What the scores change by along each piece: f8 `[S, N]`."""
        return self.ended - self.begun

    def halved(self, which: np.ndarray, scores: np.ndarray) -> tuple[Pieces, Pieces]:
        """Halve some pieces.

        Parameters
        ----------
        which
            Their indices.
        scores
            The scores in the middle of those.

        Returns
        -------
        tuple
            All pieces, of those halved the first half; and the second halves.
        """
        middle, last, ended = self.middle[which], self.last.copy(), self.ended.copy()
        second = Pieces(middle, last[which], scores, ended[which], self.paths)
        last[which], ended[which] = middle, scores
        return Pieces(self.first, last, self.begun, ended, self.paths), second

    def of(self, which: np.ndarray) -> Pieces:
        """Some of the pieces."""
        ends = self.first, self.last, self.begun, self.ended
        first, last, begun, ended = (each[which] for each in ends)
        return Pieces(first, last, begun, ended, self.paths)

    def and_those(self, others: Pieces) -> Pieces:
        """These pieces and others."""
        return Pieces(
            np.concatenate([self.first, others.first]),
            np.concatenate([self.last, others.last]),
            np.concatenate([self.begun, others.begun]),
            np.concatenate([self.ended, others.ended]),
            self.paths,
        )


class Paths(ABC):
    """Paths from a layer's baseline to its cube, and the scores of a target on them.

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
        self.points = batch_size(observation, memory, graph=False)
        nodes = self.rest.run(cube[None].clone().requires_grad_())
        depending(nodes, layer, target.layer, observation)

    @abstractmethod
    def corners(self, most: int) -> np.ndarray:
        """The weights at the ends of the first pieces: f8 `[R, S / R + 1, C]`, S at most `most`."""

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
        pieces = self.pieces(columns, tolerance, most)
        sums = with_batches(lambda batch: self._integrated(columns, pieces, batch), self.batch)
        return {
            source: to_numpy(values).reshape(*self.cuts[source].shape, len(columns))
            for source, values in sums.items()
        }

    # ------------------------------------------------------------------------------- the pieces
    @full_precision()
    def pieces(self, columns: Sequence[int], tolerance: float, most: int) -> Pieces:
        """Choose the pieces.

        Parameters
        ----------
        columns, tolerance, most
            As for `shares`.
        """
        pieces = self._first_pieces(self.corners(most), columns)
        if len(pieces) >= most:
            return pieces
        change = np.abs(pieces.rise.sum(0)) / pieces.paths
        middles, slopes = self._measured(pieces, columns)
        while True:
            errors = (pieces.rise - slopes) / np.maximum(change, TINY) / pieces.paths
            count = min(-(-len(errors) // HALVED), most - len(errors))
            if count <= 0 or np.abs(errors.sum(0)).max() <= MARGIN * tolerance:
                return pieces
            worst = np.sort(np.argsort(-np.abs(errors).max(1), kind="stable")[:count])
            pieces, second = pieces.halved(worst, middles[worst])
            middles[worst], slopes[worst] = self._measured(pieces.of(worst), columns)
            pairs = zip((middles, slopes), self._measured(second, columns), strict=True)
            middles, slopes = (np.concatenate(pair) for pair in pairs)
            pieces = pieces.and_those(second)

    def _first_pieces(self, corners: np.ndarray, columns: Sequence[int]) -> Pieces:
        scores = self._scores(corners.reshape(-1, corners.shape[-1]), columns)
        scores = scores.reshape(*corners.shape[:2], -1)
        begins, ends = slice(None, -1), slice(1, None)
        first, last, begun, ended = (
            each[:, some].reshape(-1, each.shape[-1])
            for each in (corners, scores)
            for some in (begins, ends)
        )
        return Pieces(first, last, begun, ended, len(corners))

    def _measured(self, pieces: Pieces, columns: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Scores in the middle of pieces, and what they change by at their slope there."""
        weights = np.concatenate([pieces.middle, pieces.middle + pieces.change * REACH])
        at, beyond = np.split(self._scores(weights, columns), 2)
        return at, (beyond - at) / REACH

    @torch.no_grad()
    def _scores(self, weights: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        """Scores at some points: weights `[B, C]` → f8 `[B, N]`."""

        def run(batch: int) -> np.ndarray:
            found = []
            for rows in chunks(len(weights), batch):
                nodes = self.rest.run(self._cubes(weights[rows.start : rows.stop]))
                scores = self.target_cut.scores(nodes[self.target.layer])
                found.append(to_numpy(scores[:, list(columns)]))
            return np.concatenate(found).astype(np.float64)

        return with_batches(run, self.points)

    def _cubes(self, weights: np.ndarray) -> Tensor:
        return self.start + self._by_channel(weights) * self.change

    def _by_channel(self, weights: np.ndarray) -> Tensor:
        return torch.from_numpy(weights).to(self.change)[:, :, None, None]

    # ------------------------------------------------------------------------------ the gradients
    def _integrated(
        self, columns: Sequence[int], pieces: Pieces, batch: int
    ) -> dict[Substrate, Tensor]:
        """Mean over paths of Σ ⟨part, change of weights ⊙ gradient⟩: source → `[M, N]`."""
        sums = {
            source: self.change.new_zeros(cut.count, len(columns))
            for source, cut in self.cuts.items()
        }
        for rows in chunks(len(pieces), batch):
            some = pieces.of(np.asarray(rows))
            cubes = self._cubes(some.middle).requires_grad_()
            rises = torch.from_numpy(some.rise).to(cubes)
            scores = self.target_cut.scores(self.rest.run(cubes)[self.target.layer])
            for number, column in enumerate(columns):
                (gradients,) = torch.autograd.grad(
                    scores[:, column].sum(), cubes, retain_graph=number + 1 < len(columns)
                )
                given = self._given(gradients, some.change, rises[:, number]) / pieces.paths
                for source, cut in self.cuts.items():
                    sums[source][:, number] += cut.aggregate(given[None])[0]
        return sums

    def _given(self, gradients: Tensor, change: np.ndarray, rises: Tensor) -> Tensor:
        """Σ over pieces of discrete gradient ⊙ change of weights: `[B, *cube]` → `[*cube]`.

        With the change w ⊙ d of the cube along a piece, Σ w ⊙ g + Σ f w² ⊙ d, where f = (Δs -
        ⟨w ⊙ g, d⟩) / ‖w ⊙ d‖²: gradients are large, so they are read as seldom as can be.
        """
        weights = torch.from_numpy(change).to(self.change)
        weighted = gradients * weights[:, :, None, None]
        found = (weighted * self.change).flatten(1).sum(1)
        squares = weights.square()
        length = (squares * self.change.square().sum((1, 2))).sum(1)
        factors = torch.where(length > 0, (rises - found) / length, 0)
        missing = (factors[:, None] * squares).sum(0)[:, None, None] * self.change
        return weighted.sum(0) + missing
