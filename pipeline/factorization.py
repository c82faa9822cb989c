"""Groups: a layer's cube `a[C, H, W]` seen as a few non-negative factors, and factorizations that agree across layers.

Non-negative matrix factorization writes the activations, as a matrix of H·W positions by C channels, as W H: group g has a
map `spatial[g]` (where it is), a vector `channels[g]` (what it is), and the cube v_g = W_g ⊗ H_g. Groups stand in order of
their place in the photograph, from left to right. Only the positive part of activations can be factorized; whatever the
groups do not explain, negative activations included, is the residual a - Σ v_g.

Symbols: n groups, P = H·W positions, N groups of an upper layer.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from pipeline.errors import AtlasError


@dataclass(frozen=True)
class Groups:
    """A factorization of one layer for one photograph.

    Attributes
    ----------
    spatial
        float32 `[n, H, W]`: how strongly each group is present at each position.
    channels
        float32 `[n, C]`: each group's direction in the space of channels.
    magnitude
        float32 `[n]`: ‖W_g‖·‖H_g‖, the norm of the group's share of the cube.
    explained
        Share of ‖a‖² that the groups reconstruct: 1 - ‖a - Σ v_g‖² / ‖a‖².
    residual
        float32 `[H, W]`: norm over channels of what they leave, at each position.
    negative
        Share of Σ|a| that is negative and was left out of the factorization.
    """

    spatial: np.ndarray
    channels: np.ndarray
    magnitude: np.ndarray
    explained: float
    residual: np.ndarray
    negative: float = 0.0

    def reconstruction(self) -> np.ndarray:
        """Σ v_g: float32 `[C, H, W]`."""
        return np.einsum("nyx,nc->cyx", self.spatial, self.channels)


def factorize(activations: np.ndarray, n: int, layer: str = "activations") -> Groups:
    """Factorize one layer's activations into n groups.

    scikit-learn's NMF as the article used it: `init="nndsvd"`, coordinate descent, tolerance 1e-4, 200 iterations
    (Olah et al. 2018; Lee & Seung 1999 for the idea).

    Parameters
    ----------
    activations
        `[C, H, W]`; of negative ones the positive part is factorized, see `Groups.negative`.
    n
        The number of groups.
    layer
        What to call the activations in messages.

    Raises
    ------
    AtlasError
        When activations are all zero, NaN or infinite, or of lower rank than n.
    """
    matrix = _matrix(activations, layer)
    w, h = _nmf(np.maximum(matrix, 0), n, layer)
    return _groups(np.asarray(activations), w, h)


def factorize_preserving(
    activations: np.ndarray, n: int, preserve: Mapping[str, np.ndarray], weights: Mapping[str, float], layer: str = "activations"
) -> Groups:
    """Factorize with a choice of what the groups keep apart: activations, gradients, attributions, or a balance.

    The matrix of activations is extended by further blocks of columns: the positive and the negative part of each
    quantity to be preserved, each block scaled to unit norm and by the square root of its weight, so that the squared
    error which the factorization minimizes is the weighted mean of the blocks' relative errors. The map W is common to
    all blocks; the channels are then those with which W explains the activations best (non-negative least squares by the
    same multiplicative rule as NMF's).

    Parameters
    ----------
    activations, n, layer
        As for `factorize`.
    preserve
        "gradients" and "attributions" → `[M, C, H, W]` or `[C, H, W]`; activations need not be given.
    weights
        "activations", "gradients", "attributions" → weight; those missing count as 0.
    """
    matrix = _matrix(activations, layer)
    positive = np.maximum(matrix, 0)
    blocks = [_scaled(positive, weights.get("activations", 0.0))]
    for name, values in preserve.items():
        columns = np.asarray(values, np.float32).reshape(-1, *np.shape(values)[-3:]).transpose(2, 3, 0, 1).reshape(len(matrix), -1)
        blocks.append(_scaled(np.concatenate([np.maximum(columns, 0), np.maximum(-columns, 0)], 1), weights.get(name, 0.0)))
    blocks = [block for block in blocks if block.any()]
    if not blocks:
        raise AtlasError(f'{layer}: "groups.preserve" gives every quantity weight 0; give at least one a positive weight')
    w, _ = _nmf(np.concatenate(blocks, 1), n, layer)
    return _groups(np.asarray(activations), w, _channels(positive, w))


def compatible(activations: np.ndarray, n: int, attribution: np.ndarray, layer: str = "activations") -> tuple[Groups, np.ndarray]:
    """Factorize a lower layer so that its groups agree with those of an upper layer.

    Each activation is split over the N upper groups in proportion to the magnitude of its attribution to them; the split
    activations, [P, C·N], are factorized, and the splits of each channel summed again: spec in the article's footnote 5,
    Ã[p, (c, g)] = a[p, c] |R_g[p, c]| / Σ_g' |R_g'[p, c]|, Ã ≈ W H̃, H[k, c] = Σ_g H̃[k, (c, g)].

    Parameters
    ----------
    activations
        `[C, H, W]` of the lower layer.
    n
        The number of groups wanted in it.
    attribution
        `[N, C, H, W]`: R_g, attribution of every activation to each upper group. Where it is zero for all of them, the
        activation is split evenly.
    layer
        What to call the activations in messages.

    Returns
    -------
    Groups
        Of the lower layer.
    ndarray
        float32 `[n, N]`: how much of each lower group was split to each upper one, rows summing to 1.
    """
    matrix = np.maximum(_matrix(activations, layer), 0)
    upper = len(attribution)
    sizes = np.abs(np.asarray(attribution, np.float32)).transpose(2, 3, 1, 0).reshape(*matrix.shape, upper)
    total = sizes.sum(-1, keepdims=True)
    shares = np.divide(sizes, total, out=np.full_like(sizes, 1 / upper), where=total > 0)
    split = (matrix[..., None] * shares).reshape(len(matrix), -1)
    w, h = _nmf(split, n, layer)
    by_group = h.reshape(n, -1, upper)
    groups, order = _groups(np.asarray(activations), w, by_group.sum(-1)), _left_to_right(w, np.shape(activations)[-1])
    flow = by_group.sum(1)[order]
    return groups, (flow / np.maximum(flow.sum(1, keepdims=True), np.finfo(np.float32).tiny)).astype(np.float32)


def concentration(attribution: np.ndarray) -> np.ndarray:
    """How far each lower group's attribution goes to one upper group: `[n, N]` → `[n]`, from 1/N (even) to 1 (one only).

    The share of the magnitude of its attribution that falls to the best upper group.
    """
    sizes = np.abs(attribution)
    return sizes.max(1) / np.maximum(sizes.sum(1), np.finfo(np.float32).tiny)


# ------------------------------------------------------------------------------------------------------------ the parts
def _matrix(activations: np.ndarray, layer: str) -> np.ndarray:
    activations = np.asarray(activations)
    if activations.ndim != 3:
        raise AtlasError(f"{layer}: expected activations [C, H, W], got shape {list(activations.shape)}; choose a convolutional layer")
    if not np.isfinite(activations).all():
        raise AtlasError(f"{layer}: activations hold NaN or infinite numbers; check the weights and the preprocessing")
    return activations.astype(np.float32, copy=False).transpose(1, 2, 0).reshape(-1, len(activations))


def _nmf(matrix: np.ndarray, n: int, layer: str) -> tuple[np.ndarray, np.ndarray]:
    if not matrix.any():
        raise AtlasError(
            f"{layer}: no activation is positive for this photograph, so there is nothing to group; leave it out of [groups] counts"
        )
    _check_rank(matrix, n, layer)
    model = NMF(n, init="nndsvd", tol=1e-4, max_iter=200, random_state=0)
    with warnings.catch_warnings():
        # 200 iterations are the article's; whether they sufficed shows in the share explained.
        warnings.simplefilter("ignore", ConvergenceWarning)
        w = model.fit_transform(matrix)
    return w, model.components_


def _check_rank(matrix: np.ndarray, n: int, layer: str) -> None:
    most = min((matrix != 0).any(1).sum(), (matrix != 0).any(0).sum())
    rank = int(most)
    if n <= most:
        small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        values = np.linalg.eigvalsh(small.astype(np.float64))
        rank = int((values > values[-1] * len(small) * np.finfo(np.float32).eps ** 2).sum())
    if n < 1 or n > rank:
        raise AtlasError(f"{layer}: {n} groups asked for, but the activations of this photograph have rank {rank}; ask for 1 to {rank}")


def _left_to_right(w: np.ndarray, width: int) -> np.ndarray:
    # Ascending Σ x·W² / Σ W²; groups that are nowhere come last.
    squares = (w.reshape(-1, width, w.shape[1]).astype(np.float64) ** 2).sum(0)
    total = squares.sum(0)
    centre = np.divide((np.arange(width)[:, None] * squares).sum(0), total, out=np.full(len(total), np.inf), where=total > 0)
    return np.argsort(centre, kind="stable")


def _groups(activations: np.ndarray, w: np.ndarray, h: np.ndarray) -> Groups:
    _, height, width = activations.shape
    order = _left_to_right(w, width)
    w, h = w[:, order].astype(np.float32), h[order].astype(np.float32)
    spatial = np.ascontiguousarray(w.T).reshape(-1, height, width)
    left = activations - np.einsum("nyx,nc->cyx", spatial, h)
    magnitude = np.linalg.norm(w, axis=0) * np.linalg.norm(h, axis=1)
    sizes = np.abs(activations).sum(dtype=np.float64)
    return Groups(
        spatial,
        h,
        magnitude.astype(np.float32),
        float(1 - np.square(left, dtype=np.float64).sum() / np.square(activations, dtype=np.float64).sum()),
        np.linalg.norm(left, axis=0).astype(np.float32),
        float(-np.minimum(activations, 0).sum(dtype=np.float64) / sizes),
    )


def _scaled(block: np.ndarray, weight: float) -> np.ndarray:
    norm = float(np.linalg.norm(block))
    return block * np.float32(np.sqrt(weight) / norm) if norm > 0 else block


def _channels(matrix: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Non-negative H that best explains `matrix ≈ W H`."""
    from sklearn.decomposition import non_negative_factorization

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        transposed, _, _ = non_negative_factorization(
            matrix.T, H=np.ascontiguousarray(w.T), n_components=w.shape[1], init="custom", update_H=False, W=None, tol=1e-4, max_iter=200
        )
    return transposed.T


def explain(groups: Groups) -> str:
    """One line for people about what the groups hold."""
    text = f"{len(groups.magnitude)} groups explain {groups.explained:.0%} of the activations"
    return text + (f"; {groups.negative:.0%} of them are negative and left out" if groups.negative > 0 else "")
