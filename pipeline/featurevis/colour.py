"""Decorrelated colour: three channels that vary independently in photographs after whitening.

`c[B, 3, H, W]` are decorrelated values, `x[B, 3, H, W]` RGB in 0…1: `x = sigmoid(M c)`. M is the
square root of the covariance of ImageNet's colours, scaled so that its longest column has length 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Rows are red, green, blue. Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017
# (Lucid, color.py).
_CORRELATION_SQRT = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
MATRIX = _CORRELATION_SQRT / _CORRELATION_SQRT.norm(dim=0).max()


def correlate(values: Tensor) -> Tensor:
    """Turn decorrelated colour `[B, 3, H, W]` into correlated RGB of any range: `M c`."""
    return _at_every_pixel(MATRIX, values)


def decorrelate(values: Tensor) -> Tensor:
    """Undo `correlate`."""
    return _at_every_pixel(torch.linalg.inv(MATRIX), values)


def _at_every_pixel(matrix: Tensor, values: Tensor) -> Tensor:
    # A 1 × 1 convolution of three channels takes twenty times as long on a CPU.
    return (matrix.to(values) @ values.flatten(2)).reshape(values.shape)


def to_rgb(values: Tensor) -> Tensor:
    """Turn decorrelated colour `[B, 3, H, W]` into RGB in 0…1."""
    return torch.sigmoid(correlate(values))
