"""Photographs as the public functions take them: a path, a PIL image, or an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import AtlasError
from pipeline.network import Network
from pipeline.photographs import decode, fit


def photograph(image: Any, network: Network, how: str = "crop") -> np.ndarray:
    """Return a photograph as the network sees it.

    Parameters
    ----------
    image
        A path, a PIL image, or an array `[H, W, 3]` or `[H, W]`, uint8 or with values in 0…1.
    network
        Its input's size is what the photograph is fitted to.
    how
        "crop" (the centre), "squeeze" or "pad".

    Returns
    -------
    ndarray
        uint8 `[S, S, 3]`, RGB.

    Raises
    ------
    AtlasError
        When the file cannot be read, or the value is no picture.
    """
    pixels = decode(Path(image)) if isinstance(image, str | Path) else _pixels(image)
    return fit(pixels, network.preprocessing.size, how)


def _pixels(image: Any) -> np.ndarray:
    convert = getattr(image, "convert", None)
    array = np.asarray(convert("RGB") if convert is not None else image)
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, 2)
    if array.ndim != 3 or array.shape[2] != 3 or not array.size:
        wanted = "a path, a PIL image, or an array [H, W, 3]"
        raise AtlasError(f"a photograph is {wanted}, not {type(image).__name__} {array.shape}")
    if array.dtype != np.uint8:
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            advice = "as uint8, or as numbers in 0…1"
            raise AtlasError(f"a photograph's values go from 0 to 255 {advice}")
        array = np.round(array * 255).astype(np.uint8)
    return array
