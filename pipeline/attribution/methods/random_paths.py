"""Random monotone paths: how far attribution depends on the path from zero to the photograph.

Every path goes from zero to `a` and no channel ever turns back; what differs is which channels come
first. The spread over the paths is an answer to a question that the article leaves open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.attribution.methods.method import Points
from pipeline.config import AttributionTable

if TYPE_CHECKING:
    from torch import Tensor

NAME = "random_paths"
LOCAL = False
RELAXES = False
ONE_POINT = False


def describe(settings: AttributionTable) -> str:
    """The method in a few words, for the page."""
    return f"activation × mean gradient along {settings.paths} random paths from zero"


def points(cube: Tensor, settings: AttributionTable) -> Points:
    """Take R paths on which channel c is at tᵞ, with log₂ γ drawn evenly from [-1, 1].

    Times are t = u², u in S/4 even steps: close together near zero, where scores of rectified
    networks bend most, and few, because the mean over paths evens out what a coarser path loses.
    """
    import torch

    generator = torch.Generator().manual_seed(settings.seed)
    drawn = torch.rand(settings.paths, 1, len(cube), generator=generator)
    exponents = 2 ** (drawn * 2 - 1)
    steps = max(1, settings.steps // 4)
    ends = (torch.arange(steps + 1) / steps).square()[None, :, None] ** exponents
    return Points.scaled(cube, (ends[:, 1:] + ends[:, :-1]) / 2, ends.diff(dim=1))
