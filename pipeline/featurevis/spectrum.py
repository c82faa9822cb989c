"""The natural spectrum: how strong each spatial frequency is in photographs, for pictures that may only choose phases.

`m[3, F, F//2 + 1]` holds, for the three decorrelated colours (before the sigmoid, see `colour`) and each frequency of a real Fourier
transform of side F, the mean magnitude over photographs and directions, without the mean colour; scaled so that a picture with it
has values of variance 1 before the sigmoid, neither dull nor clipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import torch

from pipeline.featurevis import colour

SIDE = 256


def natural_magnitude(photographs: Iterable[np.ndarray], side: int = SIDE) -> np.ndarray:
    """Measure the spectrum of photographs (Fel et al., MACO, 2023, there of ImageNet's).

    Parameters
    ----------
    photographs
        uint8 `[H, W, 3]`, of any sizes; their central squares are used.
    side
        F.

    Returns
    -------
    ndarray
        f4 `[3, F, F//2 + 1]`.
    """
    total = torch.zeros(3, side, side // 2 + 1)
    for pixels in photographs:
        height, width = pixels.shape[:2]
        edge = min(height, width)
        top, left = (height - edge) // 2, (width - edge) // 2
        square = torch.from_numpy(np.ascontiguousarray(pixels[top : top + edge, left : left + edge])).permute(2, 0, 1)[None].float() / 255
        square = torch.nn.functional.interpolate(square, (side, side), mode="bilinear", antialias=True)
        values = colour.decorrelate(torch.logit(square, eps=0.02))
        # A window keeps the jump from one edge to the opposite one from being taken for fine detail.
        window = torch.outer(torch.hann_window(side), torch.hann_window(side))
        values = (values - values.mean((2, 3), keepdim=True)) * window / window.square().mean().sqrt()
        total += torch.fft.rfft2(values)[0].abs()
    magnitude = _isotropic(total.numpy())
    return magnitude / _deviation(magnitude)


def _isotropic(magnitude: np.ndarray) -> np.ndarray:
    # A few photographs have favourite directions, which would show as a weave in every picture; thousands would not.
    side = magnitude.shape[1]
    distance = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) * side
    ring = np.round(distance).astype(int)
    counts = np.bincount(ring.ravel())
    means = np.stack([np.bincount(ring.ravel(), weights=each.ravel()) / counts for each in magnitude])
    means[:, 0] = 0
    return means[:, ring].astype(np.float32)


def _deviation(magnitude: np.ndarray) -> np.float32:
    # Parseval, for the half of the spectrum that a real transform keeps; mean of the three colours' variances.
    side = magnitude.shape[1]
    twice = np.full(magnitude.shape[2], 2.0)
    twice[0] = 1.0
    if side % 2 == 0:
        twice[-1] = 1.0
    return np.float32(np.sqrt((magnitude.astype(np.float64) ** 2 * twice).sum() / 3) / side**2)


@cache
def bundled() -> np.ndarray:
    """Return the spectrum of the photographs that come with scikit-image."""
    from skimage import data

    return natural_magnitude([data.chelsea(), data.coffee(), data.rocket(), data.astronaut()])


def resized(magnitude: np.ndarray, size: int) -> np.ndarray:
    """Resample a spectrum `[3, F, F//2 + 1]` for pictures of side `size`: f4 `[3, size, size//2 + 1]`.

    The same photograph at another side has its spectrum over the same cycles per picture, S²/F² as large; what a larger
    picture could show beyond is continued as in its last row and column.
    """
    side = magnitude.shape[1]
    rows = np.clip(np.round(np.fft.fftfreq(size) * size), -(side // 2), (side - 1) // 2).astype(int) % side
    columns = np.minimum(np.arange(size // 2 + 1), magnitude.shape[2] - 1)
    return np.ascontiguousarray(magnitude[:, rows][:, :, columns] * np.float32((size / side) ** 2), dtype=np.float32)
