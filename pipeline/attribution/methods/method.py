"""What every method of attribution offers, and the points at which it takes gradients.

A method averages the gradient of a score over points in the space of a layer's cube `a[C, H, W]`.
The attribution of a part p of the cube is ⟨p, Σ_s w_s ⊙ ∂score/∂a(point_s)⟩, with weights w_s that
sum to 1. A method may take several paths of points; the result is then the mean over the paths.

Symbols: R paths of S points each; B points of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.config import AttributionTable

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Points:
    """Where a method takes gradients: R paths of S points.

    Attributes
    ----------
    weights
        How much the gradient at each point counts: `[R, S, …]`, where `…` broadcasts against
        `[C, H, W]`; sums to 1 over S.
    at
        Makes some of the R·S points, counted path by path: range → `[B, C, H, W]`. A function, so
        that no more points than a batch of them exist at a time.
    """

    weights: Tensor
    at: Callable[[range], Tensor]

    @property
    def paths(self) -> int:
        """R."""
        return int(self.weights.shape[0])

    @property
    def steps(self) -> int:
        """S."""
        return int(self.weights.shape[1])

    @classmethod
    def scaled(cls, cube: Tensor, factors: Tensor, weights: Tensor) -> Points:
        """Points at which each channel of the cube is scaled.

        Parameters
        ----------
        cube
            `[C, H, W]`.
        factors, weights
            `[R, S, C]`.
        """
        flat = factors.flatten(0, 1)

        def at(rows: range) -> Tensor:
            return cube * flat[rows.start : rows.stop].to(cube)[:, :, None, None]

        return cls(weights[..., None, None], at)


class Method(Protocol):
    """A way of attributing: what a module of this package offers.

    Attributes
    ----------
    NAME
        As a configuration writes it.
    LOCAL
        True: exact for small changes only. False: contributions sum to the change of the score
        along the path (completeness), given the network's true gradient.
    RELAXES
        Whether relaxed max-pools suit it by default, where positions are the source.
    ONE_POINT
        Whether the cube itself is its only point. Many pairs are then computed together.
    """

    NAME: str
    LOCAL: bool
    RELAXES: bool
    ONE_POINT: bool

    def describe(self, settings: AttributionTable) -> str:
        """The method in a few words, for the page."""

    def points(self, cube: Tensor, settings: AttributionTable) -> Points:
        """Where gradients are taken.

        Parameters
        ----------
        cube
            The source layer's activations `[C, H, W]`.
        settings
            Of `[attribution]`: `steps`, `paths` and `seed`, for methods that use them.
        """
