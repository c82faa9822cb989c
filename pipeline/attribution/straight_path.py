"""The straight path from a layer's baseline to its cube: all channels grow together.

The shares that it gives are the Aumann-Shapley values (Sundararajan, Taly and Yan 2017).
"""

from __future__ import annotations

import numpy as np

from pipeline.attribution.paths import Paths

PIECES = 8  # of equal length, before some are halved


class StraightPath(Paths):
    """One path, on which all weights are the same."""

    def corners(self, most: int) -> np.ndarray:
        return np.linspace(0, 1, min(PIECES, most) + 1)[None, :, None]
