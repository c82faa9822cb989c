"""Semi-non-negative factorization, for activations with negative values.

A matrix X of positions by channels is written as W H with W ≥ 0 and H of either sign: what is where
is still a matter of more or less, but a group's direction may lower channels as well as raise them
(Ding, Li & Jordan 2010, "Convex and semi-nonnegative matrix factorizations"). W starts from the
clusters of positions that k-means finds, and H follows by least squares; the updates below lower
‖X - W H‖ in every iteration.

Symbols: n groups, P positions, F columns.
"""

from __future__ import annotations

import numpy as np

ITERATIONS = 200
TOLERANCE = 1e-5  # of the relative error, over ten iterations
_SOFT = 0.2  # what every position has of every cluster to begin with, as in the article above
_TINY = np.finfo(np.float32).tiny


def semi_nmf(matrix: np.ndarray, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Factorize a matrix of either sign.

    Parameters
    ----------
    matrix
        `[P, F]`, of rank n at least.
    n
        The number of groups.
    seed
        Of k-means.

    Returns
    -------
    w, h
        f4 `[P, n]`, not negative, and f4 `[n, F]`.
    """
    x = matrix.astype(np.float64)
    w = _clusters(matrix, n, seed)
    whole, last = np.square(x).sum(), np.inf
    h = _directions(x, w)
    for iteration in range(ITERATIONS):
        w = _updated(x, w, h)
        h = _directions(x, w)
        if iteration % 10 == 9:
            error = float(np.square(x - w @ h).sum() / whole)
            if last - error < TOLERANCE:
                break
            last = error
    scale = np.maximum(np.linalg.norm(h, axis=1), _TINY)
    return (w * scale).astype(np.float32), (h / scale[:, None]).astype(np.float32)


def _clusters(matrix: np.ndarray, n: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    labels = KMeans(n, n_init=4, random_state=seed).fit_predict(matrix)
    return np.eye(n)[labels] + _SOFT


def _directions(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """H with which W explains X best."""
    return np.linalg.lstsq(w, x, rcond=None)[0]


def _updated(x: np.ndarray, w: np.ndarray, h: np.ndarray) -> np.ndarray:
    """W ∘ √(((XHᵀ)⁺ + W(HHᵀ)⁻) / ((XHᵀ)⁻ + W(HHᵀ)⁺)): equation 10 of the article."""
    across, within = x @ h.T, h @ h.T
    above = np.maximum(across, 0) + w @ np.maximum(-within, 0)
    below = np.maximum(-across, 0) + w @ np.maximum(within, 0)
    return w * np.sqrt(above / np.maximum(below, _TINY))
