"""Multi-directional saliency: the attributions of positions to many classes as a few factors.

From `A_l[H, W, K]`, the signed attribution of a layer's positions to K classes, one sign is kept,
scaled to mean 1, and factorized as W_l H: `H[n, K]` says which classes go together, `W_l[H, W, n]`
where. H is found on one layer, the one nearest to the output, and kept for the others (Olah et al.
2018; the article's data show the recipe). `pipeline.views.saliency` gives the factors colours.

Symbols: n factors.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from pipeline.errors import AtlasError, did_you_mean
from pipeline.factorization import one_thread
from pipeline.grammar import Sign

MOST = 6
SIGNS = {Sign.FOR: 1, Sign.AGAINST: -1}


@dataclass(frozen=True)
class SaliencyFactors:
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


@one_thread()
def factor_saliency(
    attributions: Mapping[str, np.ndarray], fit_on: str, n: int = 2, sign: Sign = Sign.FOR
) -> SaliencyFactors:
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
        Evidence for the classes or against them. The two are never mixed.

    Raises
    ------
    AtlasError
        When `fit_on` is not among the layers, n is out of range, or attributions are not finite.
    """
    if fit_on not in attributions:
        hint = did_you_mean(fit_on, attributions) or ";"
        given = ", ".join(attributions)
        raise AtlasError(f'no attributions of layer "{fit_on}" to fit on{hint} given are: {given}')
    parts = {layer: _one_sign(values, sign, layer) for layer, values in attributions.items()}
    most = min(MOST, *parts[fit_on].shape)
    if not 1 <= n <= most:
        raise AtlasError(f'layer "{fit_on}": {n} factors asked for; ask for 1 to {most}')
    maps, classes = _factorize(parts, fit_on, n)
    spatial = {
        layer: maps[layer].T.reshape(n, *np.shape(values)[:2]).astype(np.float32)
        for layer, values in attributions.items()
    }
    return SaliencyFactors(spatial, classes.astype(np.float32))


def _one_sign(values: np.ndarray, sign: Sign, layer: str) -> np.ndarray:
    """`[H, W, K]` → the evidence of one sign, `[H·W, K]`, with mean 1."""
    values = np.asarray(values)
    if values.ndim != 3 or not np.isfinite(values).all():
        expected = "expected finite attributions [H, W, K]"
        raise AtlasError(f'layer "{layer}": {expected}, got shape {list(values.shape)}')
    rows = values.reshape(-1, values.shape[-1]).astype(np.float32)
    part = np.maximum(SIGNS[sign] * rows, 0)
    mean = part.mean()
    return part / mean if mean > 0 else part


def _factorize(
    parts: Mapping[str, np.ndarray], fit_on: str, n: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Layer → `[H·W, n]`, and `[n, K]`; zeros where there is no evidence to fit on."""
    if not parts[fit_on].any():
        nowhere = {layer: np.zeros((len(part), n)) for layer, part in parts.items()}
        return nowhere, np.zeros((n, parts[fit_on].shape[1]))
    model = NMF(n, init="nndsvd", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = {fit_on: model.fit_transform(parts[fit_on])}
        found |= {layer: model.transform(part) for layer, part in parts.items() if layer != fit_on}
    return found, model.components_
