"""Shares: contributions that add up to what the layer does to the score.

Groups and their residual share a score by exact Shapley values over all their coalitions. Channels
share a class's logit by gradients along paths on which they come in random orders; positions and
neurons by the mean gradient on the straight path from the layer's baseline (the Aumann-Shapley
value; Sundararajan, Taly and Yan 2017). Shares in later layers are measured in the company of some
of the others. `pipeline.attribution.sharing` decides which is computed how; the points below are
those of the straight path from zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.attribution.methods import integrated
from pipeline.attribution.methods.method import Points
from pipeline.config import AttributionTable
from pipeline.errors import AtlasError
from pipeline.shapley import MOST_PLAYERS

if TYPE_CHECKING:
    from torch import Tensor

NAME = "shares"
LOCAL = False
RELAXES = False
ONE_POINT = False


def describe(settings: AttributionTable) -> str:
    """The method in a few words, for the page."""
    start = "zero" if settings.baseline == "zero" else "the mean activations"
    return (
        "shares: exact Shapley values for groups, activation × mean gradient on paths from "
        f"{start} for other atoms, and in later layers, for these, what was measured when they "
        "joined some of the others"
    )


def points(cube: Tensor, settings: AttributionTable) -> Points:
    """Take the gradient at the midpoints of S equal steps."""
    return integrated.points(cube, settings)


def too_many(where: str, count: int) -> AtlasError:
    """Make the error for groups whose coalitions are too many to run."""
    return AtlasError(
        f"{where}: the shares of {count} groups and their residual take 2^{count + 1} runs of the "
        f"network; choose at most {MOST_PLAYERS - 1} groups, or another "
        '"attribution.method"'
    )
