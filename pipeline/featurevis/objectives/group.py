"""The direction of a group of a layer's matrix factorization."""

from __future__ import annotations

import numpy as np

from pipeline.featurevis.objectives.direction import direction
from pipeline.featurevis.objectives.objective import Objective


def group(layer: str, channels: np.ndarray, *, cosine_power: float = 0.0) -> Objective:
    """The direction `H_g[C]` of a group, scaled to length 1: `mean_{y,x} ⟨a, H_g / ‖H_g‖⟩`."""
    values = np.asarray(channels, dtype=np.float32)
    unit = values / max(float(np.linalg.norm(values)), 1e-12)
    return direction(layer, unit, cosine_power=cosine_power)
