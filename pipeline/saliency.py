"""Multi-directional saliency: the attributions of positions to many classes, seen as a few factors and as colours.

From `A_l[H, W, K]`, the signed attribution of a layer's positions to K classes, one sign is kept, scaled to mean 1, and
factorized as W_l H: H[n, K] says which classes go together, `W_l[H, W, n]` where. H is found on one layer, the one nearest
to the output, and kept for the others (Olah et al. 2018; the article's data show the recipe).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.errors import AtlasError, did_you_mean

MOST = 6


@dataclass(frozen=True)
class Factors:
    """Factors of one sign of the attributions.

    Attributes
    ----------
    spatial
        Layer → float32 `[n, H, W]`: where each factor is.
    classes
        float32 `[n, K]`: how much each class takes part in it.
    """

    spatial: dict[str, np.ndarray]
    classes: np.ndarray


def factor_saliency(attributions: Mapping[str, np.ndarray], fit_on: str, n: int = 2, sign: int = 1) -> Factors:
    """Factorize the attributions of positions to classes.

    Parameters
    ----------
    attributions
        Layer → signed `[H, W, K]`, the same K classes for all.
    fit_on
        The layer on which the classes' share in each factor is found.
    n
        The number of factors, 1 to 6 and at most the rank of the layer's attributions.
    sign
        1: evidence for the classes; -1: evidence against them. The two are never mixed.

    Raises
    ------
    AtlasError
        When `fit_on` is not among the layers, n is out of range, or attributions are not finite.
    """
    # Figures import this module for its palette alone; scikit-learn takes a second to import.
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    if fit_on not in attributions:
        raise AtlasError(
            f'no attributions of layer "{fit_on}" to fit on{did_you_mean(fit_on, attributions) or ";"} given are: {", ".join(attributions)}'
        )
    parts = {layer: _one_sign(values, sign, layer) for layer, values in attributions.items()}
    shapes = {layer: np.shape(values)[:2] for layer, values in attributions.items()}
    if not 1 <= n <= min(MOST, *parts[fit_on].shape):
        raise AtlasError(f'layer "{fit_on}": {n} factors asked for; ask for 1 to {min(MOST, *parts[fit_on].shape)}')
    if not parts[fit_on].any():
        return Factors(
            {layer: np.zeros((n, *shape), np.float32) for layer, shape in shapes.items()}, np.zeros((n, parts[fit_on].shape[1]), np.float32)
        )
    model = NMF(n, init="nndsvd", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = {fit_on: model.fit_transform(parts[fit_on])}
        found |= {layer: model.transform(part) for layer, part in parts.items() if layer != fit_on}
    spatial = {layer: found[layer].T.reshape(n, *shapes[layer]).astype(np.float32) for layer in attributions}
    return Factors(spatial, model.components_.astype(np.float32))


def _one_sign(values: np.ndarray, sign: int, layer: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 3 or not np.isfinite(values).all():
        raise AtlasError(f'layer "{layer}": expected finite attributions [H, W, K], got shape {list(values.shape)}')
    part = np.maximum(sign * values.reshape(-1, values.shape[-1]).astype(np.float32), 0)
    mean = part.mean()
    return part / mean if mean > 0 else part


def palette(n: int) -> np.ndarray:
    """Colours of n factors, float `[n, 3]` in 0…1, that add up to white: for two, the article's orange and azure."""
    if n == 2:
        return np.array([[1, 0.5, 0], [0, 0.5, 1]])
    hues = np.arange(n)[:, None] / n - np.arange(3)[None] / 3
    shares = np.maximum(0.5 + np.cos(2 * np.pi * hues), 0)
    return shares / shares.sum(0) if n > 1 else np.ones((1, 3))


def colours(spatial: np.ndarray) -> np.ndarray:
    """Colour a layer's factors `[n, H, W]`: uint8 `[H, W, 3]`; two factors as the article's maps, pixel by pixel."""
    mixed = np.einsum("nyx,nk->yxk", spatial.astype(np.float64), palette(len(spatial)))
    mixed -= mixed.mean()
    largest = np.abs(mixed).max()
    mixed = mixed / (largest / 1.5) + 0.3 if largest > 0 else mixed + 0.3
    return np.floor(mixed.clip(0, 1) * 255).astype(np.uint8)


def factor_colours(attributions: Mapping[str, np.ndarray], fit_on: str, n: int = 2) -> dict[str, np.ndarray]:
    """Colour maps of the evidence for the classes: layer → signed `[H, W, K]` to layer → uint8 `[H, W, 3]`.

    See `factor_saliency` for the parameters and errors.
    """
    return {layer: colours(maps) for layer, maps in factor_saliency(attributions, fit_on, n).spatial.items()}
