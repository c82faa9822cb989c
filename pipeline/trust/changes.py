"""Small changes of a photograph that leave what is to be seen in it as it is.

What a network is said to see should survive them. A map of positions is moved back before it is
compared with that of the photograph itself.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

PIXELS = 4  # of the shift, to the right and down
QUALITY = 70  # of the JPEG
NOISE = 8.0  # standard deviation, of 255

Pixels = np.ndarray  # uint8 [H, W, 3]


@dataclass(frozen=True)
class Change:
    """A change of a photograph.

    Attributes
    ----------
    apply
        Pixels uint8 `[H, W, 3]` → pixels of the same shape.
    undo
        A map `[…, h, w]` of the changed photograph, and the photograph's (H, W) → where the map
        would be in the photograph itself.
    """

    apply: Callable[[Pixels], Pixels]
    undo: Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def _as_it_is(maps: np.ndarray, _shape: tuple[int, int]) -> np.ndarray:
    return maps


def _shifted(pixels: Pixels) -> Pixels:
    """Move right and down; the edge is repeated."""
    padded = np.pad(pixels, ((PIXELS, 0), (PIXELS, 0), (0, 0)), mode="edge")
    return padded[: pixels.shape[0], : pixels.shape[1]]


def _moved_back(maps: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    cells = [-PIXELS * maps.shape[-2] / shape[0], -PIXELS * maps.shape[-1] / shape[1]]
    by = [0.0] * (maps.ndim - 2) + cells
    return np.asarray(ndimage.shift(maps.astype(np.float64), by, order=1, mode="nearest"))


def _flipped(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


def _flipped_back(maps: np.ndarray, _shape: tuple[int, int]) -> np.ndarray:
    return maps[..., ::-1]


def _compressed(pixels: Pixels) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY)
    return np.array(Image.open(stream).convert("RGB"))


def _noisy(pixels: Pixels) -> Pixels:
    noise = np.random.default_rng(0).normal(0, NOISE, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


CHANGES: Mapping[str, Change] = {
    "shift": Change(_shifted, _moved_back),
    "flip": Change(_flipped, _flipped_back),
    "jpeg": Change(_compressed, _as_it_is),
    "noise": Change(_noisy, _as_it_is),
}
START = "start"  # for groups, besides these: another start of the factorization
