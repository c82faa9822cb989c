"""The natural spectrum: how strong each spatial frequency is in photographs.

`m[3, F, F//2 + 1]` holds the mean magnitude over photographs and directions, for the three
decorrelated colours (before the sigmoid, see `colour`) and each frequency of a real Fourier
transform of side F, without the mean colour. It is scaled so that a picture with this spectrum has
values of variance 1 before the sigmoid, neither dull nor clipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import torch
from torch import Tensor

from pipeline.featurevis import colour

SIDE = 256


def natural_magnitude(photographs: Iterable[np.ndarray], side: int = SIDE) -> np.ndarray:
    """Measure the spectrum of photographs (Fel et al., MACO, 2023, who use ImageNet's).

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
    # The window keeps the jump from one edge to the opposite one from counting as fine detail.
    window = torch.outer(torch.hann_window(side), torch.hann_window(side))
    total = torch.zeros(3, side, side // 2 + 1)
    for pixels in photographs:
        values = colour.decorrelate(torch.logit(_central_square(pixels, side), eps=0.02))
        centred = values - values.mean((2, 3), keepdim=True)
        windowed = centred * window / window.square().mean().sqrt()
        total += torch.fft.rfft2(windowed)[0].abs()
    magnitude = _isotropic(total.numpy())
    return magnitude / _deviation(magnitude)


def _central_square(pixels: np.ndarray, side: int) -> Tensor:
    """Return the largest square in the middle of uint8 `[H, W, 3]` as `x[1, 3, side, side]`."""
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = np.ascontiguousarray(pixels[top : top + edge, left : left + edge])
    x = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
    return torch.nn.functional.interpolate(x, (side, side), mode="bilinear", antialias=True)


def _isotropic(magnitude: np.ndarray) -> np.ndarray:
    """Average over all directions of a frequency."""
    # The favourite directions of a few photographs would show as a weave in every picture.
    side = magnitude.shape[1]
    distance = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) * side
    ring = np.round(distance).astype(int)
    counts = np.bincount(ring.ravel())
    means = np.stack(
        [np.bincount(ring.ravel(), weights=each.ravel()) / counts for each in magnitude]
    )
    means[:, 0] = 0
    return means[:, ring].astype(np.float32)


def _deviation(magnitude: np.ndarray) -> np.float32:
    """Return the standard deviation of a picture with this spectrum, over its three colours."""
    # Parseval's theorem; a real transform keeps most frequencies once for two.
    side = magnitude.shape[1]
    twice = np.full(magnitude.shape[2], 2.0)
    twice[0] = 1.0
    if side % 2 == 0:
        twice[-1] = 1.0
    power = (magnitude.astype(np.float64) ** 2 * twice).sum() / 3
    return np.float32(np.sqrt(power) / side**2)


@cache
def bundled() -> np.ndarray:
    """Return the spectrum of the photographs that come with scikit-image."""
    from skimage import data

    return natural_magnitude([data.chelsea(), data.coffee(), data.rocket(), data.astronaut()])


def resized(magnitude: np.ndarray, size: int) -> np.ndarray:
    """Resample a spectrum `[3, F, F//2 + 1]` for pictures of side S: f4 `[3, S, S//2 + 1]`.

    A photograph at another side has the same spectrum over cycles per picture, S²/F² as large.
    Frequencies that only a larger picture can show repeat the last row and column.
    """
    side = magnitude.shape[1]
    cycles = np.round(np.fft.fftfreq(size) * size)
    rows = np.clip(cycles, -(side // 2), (side - 1) // 2).astype(int) % side
    columns = np.minimum(np.arange(size // 2 + 1), magnitude.shape[2] - 1)
    scaled = magnitude[:, rows][:, :, columns] * np.float32((size / side) ** 2)
    return np.ascontiguousarray(scaled, dtype=np.float32)
