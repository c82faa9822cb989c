"""Shares: contributions that add up to what the layer does to the score.

Positions, channels and neurons share a class's logit by the mean gradient on the straight path from
the layer's baseline (the Aumann-Shapley value; Sundararajan, Taly and Yan 2017), with as many
points as the sum needs to be right. Groups and their residual share a score by exact Shapley values
over all their coalitions. `pipeline.attribution.sharing` decides which is computed how; the points
below are those of the straight path from zero.
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
        "shares: exact Shapley values for groups, activation × mean gradient on the straight path "
        f"from {start} for other atoms, and between layers, for these, a linear approximation"
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
