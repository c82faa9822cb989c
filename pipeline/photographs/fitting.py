"""Fitting: a photograph of any shape becomes the input of a network."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

GREY = (127, 127, 127)  # around a padded photograph


def fit(pixels: np.ndarray, size: int | tuple[int, int], how: str) -> np.ndarray:
    """Fit uint8 `[H, W, 3]` to the network's input.

    Parameters
    ----------
    pixels
        The photograph.
    size
        Side of the result in pixels, or its height and width.
    how
        "crop": the middle part in the input's proportions; "squeeze": the whole, width and height
        scaled independently; "pad": the whole, on grey.
    """
    height, width = (size, size) if isinstance(size, int) else size
    image = Image.fromarray(pixels)
    if how == "crop":
        fitted = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    elif how == "squeeze":
        fitted = image.resize((width, height), Image.Resampling.BICUBIC)
    else:
        fitted = ImageOps.pad(image, (width, height), Image.Resampling.BICUBIC, color=GREY)
    return np.array(fitted)
