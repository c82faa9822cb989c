"""SmoothGrad over activations: the mean gradient at the activations plus noise.

Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise", add noise to the pixels, as a
share of their range. Here it is added to a layer's activations, as a share of their standard
deviation, because a few large activations set the range of sparse ones. For the pixels of a
photograph, half of the standard deviation is about the 10 to 20 % of the range that they use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.attribution.methods.method import Points
from pipeline.config import AttributionTable

if TYPE_CHECKING:
    from torch import Tensor

NAME = "smoothgrad"
LOCAL = True
RELAXES = False
ONE_POINT = False

SHARE = 0.5  # of the standard deviation of the layer's activations


def describe(settings: AttributionTable) -> str:
    """The method in a few words, for the page."""
    return f"SmoothGrad: activation × mean gradient over {settings.steps} draws of noise"


def points(cube: Tensor, settings: AttributionTable) -> Points:
    """Take the gradient at S points `a + ε`, ε ~ N(0, (SHARE · std a)²) for every activation."""
    import numpy as np
    import torch

    scale = SHARE * cube.std(correction=0)

    def noise(index: int) -> Tensor:
        # Each point has its own seed, so that points do not depend on how they are batched.
        generator = np.random.default_rng((settings.seed, index))
        drawn = generator.standard_normal(tuple(cube.shape), dtype=np.float32)
        return torch.from_numpy(drawn).to(cube)

    def at(rows: range) -> Tensor:
        return cube + scale * torch.stack([noise(index) for index in rows])

    return Points(cube.new_full((1, settings.steps, 1, 1, 1), 1 / settings.steps), at)
