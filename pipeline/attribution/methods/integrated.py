"""Integrated gradients: the mean gradient on the straight path from zero.

Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.attribution.methods.method import Points
from pipeline.config import AttributionTable

if TYPE_CHECKING:
    from torch import Tensor

NAME = "integrated"
LOCAL = False
RELAXES = False
ONE_POINT = False


def describe(settings: AttributionTable) -> str:
    """The method in a few words, for the page."""
    steps = settings.steps
    return f"activation × mean gradient along the straight path from zero, {steps} steps"


def points(cube: Tensor, settings: AttributionTable) -> Points:
    """Take the gradient at the midpoints of S equal steps from zero to `a`."""
    import torch

    steps, channels = settings.steps, len(cube)
    times = (torch.arange(steps) + 0.5) / steps
    factors = times[None, :, None].expand(1, steps, channels)
    return Points.scaled(cube, factors, torch.full((1, steps, channels), 1 / steps))
