"""Methods of attribution: at which points, and in which shares, the gradient of a score is taken.

A method is one entry of the table `METHODS`, a function that returns its `Paths`: R paths of S points from zero to a
layer's cube `a[C, H, W]`. The attribution of a part p of the cube is then ⟨p, Σ_s share_s ⊙ ∂score/∂a(point_s)⟩, averaged
over the paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import AtlasError, did_you_mean
from pipeline.grammar import Atom, Substrate


@dataclass(frozen=True)
class Paths:
    """Where a method takes the gradient: R paths of S points from zero to the cube `a`.

    Attributes
    ----------
    points
        `[R, S, C]`: each channel's factor at each point, 0 at the start of a path and 1 at its end.
    shares
        `[R, S, C]`: how much of each channel's way is gone at that point; sums to 1 over S.
    """

    points: Tensor
    shares: Tensor


def _linear(channels: int, steps: int, paths: int, seed: int) -> Paths:
    """Take the gradient at `a` itself: a ⊙ ∂s/∂a, the first-order approximation (Olah et al. 2018)."""
    return Paths(torch.ones(1, 1, channels), torch.ones(1, 1, channels))


def _integrated(channels: int, steps: int, paths: int, seed: int) -> Paths:
    """Take the gradient at the midpoints of S steps on the straight path from zero (Sundararajan et al. 2017)."""
    times = (torch.arange(steps) + 0.5) / steps
    return Paths(times[None, :, None].expand(1, -1, channels), torch.full((1, steps, channels), 1 / steps))


def _random_paths(channels: int, steps: int, paths: int, seed: int) -> Paths:
    """Take R monotone paths: channel c is at tᵞ, its exponent drawn so that log₂ γ is uniform in [-1, 1].

    Times are t = u², u in S/4 even steps: close together near zero, where scores of rectified networks bend most, and
    few, since the mean over paths evens out what a coarser path loses. Every path goes from zero to `a` and no channel
    ever turns back; what differs is which channels come first. How far attribution varies between paths is how far it
    depends on the path, the question that the article leaves open.
    """
    generator = torch.Generator().manual_seed(seed)
    exponents = 2 ** (torch.rand(paths, 1, channels, generator=generator) * 2 - 1)
    steps = max(1, steps // 4)
    ends = (torch.arange(steps + 1) / steps).square()[None, :, None] ** exponents
    return Paths((ends[:, 1:] + ends[:, :-1]) / 2, ends.diff(dim=1))


@dataclass(frozen=True)
class Method:
    """A way of attributing: its paths, and whether relaxed pooling suits it by default.

    `paths(C, S, R, seed)` may ignore what does not concern it.


    Path methods sum to the change of the score (completeness) only with the network's true gradient.
    """

    paths: Callable[[int, int, int, int], Paths]
    relaxes: bool = False


METHODS: dict[str, Method] = {
    "linear": Method(_linear, relaxes=True),
    "integrated": Method(_integrated),
    "random_paths": Method(_random_paths),
}


def method_named(name: str) -> Method:
    """Look a method up; unknown names raise an AtlasError with the nearest one."""
    if name not in METHODS:
        raise AtlasError(f'no attribution method "{name}"{did_you_mean(name, METHODS) or ";"} known are: {", ".join(METHODS)}')
    return METHODS[name]


def relaxes(method: str, source: Substrate, relax: bool | None = None) -> bool:
    """Whether max-pools are relaxed: as asked, or by default where spatial atoms are the source and the method suits it."""
    return method_named(method).relaxes and source.atom is Atom.SPATIAL if relax is None else relax
