"""Fitting: a photograph of any shape becomes the input of a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.config import DatasetTable
from pipeline.photographs.decoding import decode

GREY = (127, 127, 127)  # around a padded photograph


def fit(pixels: np.ndarray, size: int, how: str) -> np.ndarray:
    """Fit uint8 `[H, W, 3]` to the network's input.

    Parameters
    ----------
    pixels
        The photograph.
    size
        Side of the result in pixels.
    how
        "crop": the middle part, a square; "squeeze": the whole, width and height
        scaled independently; "pad": the whole, on grey.
    """
    image = Image.fromarray(pixels)
    if how == "crop":
        found = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    elif how == "squeeze":
        found = image.resize((size, size), Image.Resampling.BICUBIC)
    else:
        found = ImageOps.pad(image, (size, size), Image.Resampling.BICUBIC, color=GREY)
    return np.array(found)


def fitted(path: Path, size: int, dataset: DatasetTable) -> np.ndarray:
    """Decode a photograph and fit it, as `[dataset]` says: uint8 `[size, size, 3]`.

    Raises
    ------
    AtlasError
        As `decode` does.
    """
    return fit(decode(path, dataset.max_megapixels), size, dataset.fit)
