"""Attribution with gradients averaged over the points of a method, for one target.

One forward pass through B points serves every atom of the target, and one gradient serves every
source of the layer. Gradients are summed up by atom as soon as they are there, so that no more than
a batch of cubes is held.

Symbols: R paths of S points, B points of a batch; M atoms of a source, N of the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.batches import (
    batch_size,
    chunks,
    to_numpy,
    with_batches,
)
from pipeline.attribution.methods import Points
from pipeline.attribution.observation import Observation
from pipeline.attribution.passes import Nodes, depending, replicated
from pipeline.attribution.push_pull import Cuts
from pipeline.grammar import Substrate
from pipeline.network import full_precision


@dataclass(frozen=True)
class Average:
    """Attribution averaged over paths.

    Attributes
    ----------
    values, spread
        Mean and standard deviation over the paths: source dims then target dims.
    gap
        Completeness gap: target dims.
    """

    values: np.ndarray
    spread: np.ndarray
    gap: np.ndarray


@dataclass(frozen=True)
class Averaging:
    """Substrates of one layer, to which one target is attributed.

    Attributes
    ----------
    observation, cuts
        The photograph's pass, and the cuts of all substrates.
    sources
        Substrates of one layer.
    target
        Of a later layer.
    targets
        Which of the target's atoms, in reading order; None: all, in the target's own shape.
    """

    observation: Observation
    cuts: Cuts
    sources: Sequence[Substrate]
    target: Substrate
    targets: Sequence[int] | None = None

    @property
    def layer(self) -> str:
        """The sources' layer."""
        return self.sources[0].layer

    @property
    def cube(self) -> Tensor:
        """The sources' cube."""
        return self.cuts[self.sources[0]].a

    @property
    def columns(self) -> Sequence[int]:
        """The N atoms of the target."""
        return range(self.cuts[self.target].count) if self.targets is None else self.targets

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result's target dimensions."""
        return self.cuts[self.target].shape if self.targets is None else (len(self.columns),)

    @full_precision()
    def over(
        self, points: Points, relax: bool, memory: int | None = None
    ) -> dict[Substrate, Average]:
        """Average over points.

        Parameters
        ----------
        points
            Where gradients are taken.
        relax
            Whether max-pools are relaxed.
        memory
            Bound in bytes.

        Raises
        ------
        AtlasError
            When the target does not depend on the layer, or memory runs out.
        """
        sums = with_batches(
            lambda batch: self._sums(points, relax, batch), batch_size(self.observation, memory)
        )
        change = to_numpy(self._score_change()[list(self.columns)])
        gap = (change - to_numpy(sums.whole).mean(0)).reshape(self.shape)
        return {source: self._average(source, sums, gap) for source in self.sources}

    def _average(self, source: Substrate, sums: _Sums, gap: np.ndarray) -> Average:
        by_path = to_numpy(sums.by_source[source].transpose(1, 2).contiguous())
        shape = (*self.cuts[source].shape, *self.shape)
        return Average(by_path.mean(0).reshape(shape), by_path.std(0).reshape(shape), gap)

    def _sums(self, points: Points, relax: bool, batch: int) -> _Sums:
        sums = _Sums.zero(self, points.paths)
        for rows in chunks(points.paths * points.steps, batch):
            nodes = self._nodes(points.at(rows), relax)
            scores = self.cuts[self.target].scores(nodes[self.target.layer])
            for number, column in enumerate(self.columns):
                (gradient,) = torch.autograd.grad(
                    scores[:, column].sum(),
                    nodes[self.layer],
                    retain_graph=number + 1 < len(self.columns),
                )
                sums.add(number, rows, gradient, points)
        return sums

    def _nodes(self, cubes: Tensor, relax: bool) -> Nodes:
        """Run the network with the layer's cube replaced by `[B, *cube]`."""

        def replaced(layer: str, cube: Tensor) -> Tensor:
            return cubes if layer == self.layer else cube.expand(len(cubes), *cube.shape[1:])

        layers = [self.layer, self.target.layer]
        nodes = replicated(self.observation, layers, replaced, len(cubes), relax)
        depending(nodes, self.layer, self.target.layer, self.observation)
        return nodes

    def _score_change(self) -> Tensor:
        """Scores at the cube less scores with the layer at zero: `[N]`."""
        nodes = self._nodes(torch.stack([self.cube, torch.zeros_like(self.cube)]), False)
        scores = self.cuts[self.target].scores(nodes[self.target.layer].detach())
        return scores[0] - scores[1]


@dataclass(frozen=True)
class _Sums:
    """Weighted gradients, summed over the points of each path and aggregated by atom.

    Attributes
    ----------
    by_source
        Source → `[R, N, M]`.
    whole
        `[R, N]`: over the whole cube.
    """

    averaging: Averaging
    by_source: dict[Substrate, Tensor]
    whole: Tensor

    @classmethod
    def zero(cls, averaging: Averaging, paths: int) -> _Sums:
        cube, columns = averaging.cube, len(averaging.columns)
        by_source = {
            source: cube.new_zeros(paths, columns, averaging.cuts[source].count)
            for source in averaging.sources
        }
        return cls(averaging, by_source, cube.new_zeros(paths, columns))

    def add(self, column: int, rows: range, gradients: Tensor, points: Points) -> None:
        """Add the gradients `[B, *cube]` of one score at some points."""
        weights = points.weights.flatten(0, 1)[rows.start : rows.stop].to(gradients)
        first, last = rows[0] // points.steps, rows[-1] // points.steps
        path_of = torch.tensor([row // points.steps - first for row in rows])
        summed = gradients.new_zeros(last - first + 1, *gradients.shape[1:])
        summed.index_add_(0, path_of.to(gradients.device), gradients * weights)
        paths = slice(first, last + 1)
        for source, sums in self.by_source.items():
            sums[paths, column] += self.averaging.cuts[source].aggregate(summed)
        self.whole[paths, column] += (summed * self.averaging.cube).flatten(1).sum(1)
