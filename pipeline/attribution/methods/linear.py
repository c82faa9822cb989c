"""Linear approximation: activation × gradient at the photograph (Olah et al. 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.attribution.methods.method import Points
from pipeline.config import AttributionTable

if TYPE_CHECKING:
    from torch import Tensor

NAME = "linear"
LOCAL = True
RELAXES = True
ONE_POINT = True


def describe(settings: AttributionTable) -> str:
    """The method in a few words, for the page."""
    return "linear approximation: activation × gradient"


def points(cube: Tensor, settings: AttributionTable) -> Points:
    """Take the gradient at `a` itself: a ⊙ ∂s/∂a is the first term of the score's Taylor series."""
    return Points(cube.new_ones(1, 1, 1, 1, 1), lambda rows: cube.expand(len(rows), *cube.shape))
