"""Colours for the factors of multi-directional saliency (`pipeline.grammar.Saliency`).

n factors have n colours that add up to white. A layer's map mixes the colours by how much of each
factor `[n, H, W]` a position holds: bright where there is much evidence, white where all factors
are. With two factors the maps are those of the article, pixel by pixel.
"""

from __future__ import annotations

import numpy as np

CONTRAST = 1.5  # these two are the article's
BRIGHTNESS = 0.3


def palette(n: int) -> np.ndarray:
    """Return the colours of n factors, which add up to white.

    Returns
    -------
    ndarray
        float `[n, 3]` in 0…1; for two factors the article's orange and azure.
    """
    if n == 1:
        return np.ones((1, 3))
    if n == 2:
        return np.array([[1, 0.5, 0], [0, 0.5, 1]])
    hues = np.arange(n)[:, None] / n - np.arange(3)[None] / 3
    shares = np.maximum(0.5 + np.cos(2 * np.pi * hues), 0)
    return shares / shares.sum(0)


def colours(spatial: np.ndarray) -> np.ndarray:
    """Colour a layer's factors.

    Parameters
    ----------
    spatial
        `[n, H, W]`, where each factor is, in any unit.

    Returns
    -------
    ndarray
        uint8 `[H, W, 3]`.
    """
    mixed = np.einsum("nyx,nk->yxk", spatial.astype(np.float64), palette(len(spatial)))
    mixed -= mixed.mean()
    largest = np.abs(mixed).max()
    if largest > 0:
        mixed = mixed / (largest / CONTRAST)
    return np.floor((mixed + BRIGHTNESS).clip(0, 1) * 255).astype(np.uint8)
