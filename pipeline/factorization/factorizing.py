"""Factorizations: a layer's cube `a[C, H, W]` as a few groups.

Non-negative matrix factorization writes the activations, as a matrix of H·W positions by C
channels, as W H: group g has a map `spatial[g]` (where it is), a vector `channels[g]` (what it is),
and the cube v_g = W_g ⊗ H_g. Groups are ordered by where they are in the photograph, from left to
right. Whatever the groups do not explain is the residual a - Σ v_g.

After a ReLU, and where little is negative (SiLU, GELU), the positive part is factorized, and the
negative part is left to the residual. Where more than `SIGNED` of the activations is negative, as
in the residual streams of transformers, a factorization of the positive part would leave out half
of the layer; there W stays non-negative and H may have either sign (`semi_nonnegative`).

scikit-learn is loaded where it is used: it takes a second, and the store's schema needs
`Factorization` only.

Symbols: n groups, P = H·W positions, N groups of an upper layer, M quantities to preserve.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pipeline.errors import AtlasError
from pipeline.factorization.semi_nonnegative import semi_nmf
from pipeline.factorization.threads import one_thread

SIGNED = 0.1  # share of Σ|a| that is negative, above which directions get a sign
ITERATIONS = 200  # the article's; whether they sufficed shows in the share explained
TOLERANCE = 1e-4
_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class Factorization:
    """A layer's activations for one photograph as n groups.

    Attributes
    ----------
    spatial
        float32 `[n, H, W]`: how strongly each group is present at each position.
    channels
        float32 `[n, C]`: each group's direction in the space of channels; not negative, unless
        more than `SIGNED` of the activations is.
    magnitude
        float32 `[n]`: ‖W_g‖·‖H_g‖, the norm of v_g.
    explained
        Share of ‖a‖² that the groups reconstruct: 1 - ‖a - Σ v_g‖² / ‖a‖².
    residual
        float32 `[H, W]`: norm over channels of a - Σ v_g at each position.
    negative
        Share of Σ|a| that is negative and takes no part in the factorization.
    """

    spatial: np.ndarray
    channels: np.ndarray
    magnitude: np.ndarray
    explained: float
    residual: np.ndarray
    negative: float = 0.0


class Compatible(NamedTuple):
    """A lower layer's factorization that agrees with an upper layer's groups.

    Attributes
    ----------
    factorization
        Of the lower layer.
    flow
        float32 `[n, N]`: how much of each lower group was split to each upper one; rows sum to 1.
    """

    factorization: Factorization
    flow: np.ndarray


# ------------------------------------------------------------------------------- factorizations
@one_thread()
def factorize(
    activations: np.ndarray, n: int, layer: str = "activations", seed: int | None = None
) -> Factorization:
    """Factorize one layer's activations into n groups.

    scikit-learn's NMF as the article used it: `init="nndsvd"`, coordinate descent, tolerance 1e-4,
    200 iterations (Olah et al. 2018; Lee & Seung 1999 for the idea). Of activations with many
    negative values, a semi-non-negative factorization.

    Parameters
    ----------
    activations
        `[C, H, W]`; of those with few negative ones the positive part is factorized, see
        `negative`.
    n
        The number of groups.
    layer
        What messages call the activations.
    seed
        Of a random start in place of the usual one, to see what depends on the start.

    Raises
    ------
    AtlasError
        When activations are all zero, NaN or infinite, or of lower rank than n.
    """
    matrix = _matrix(activations, layer)
    w, h = _of_either_sign(matrix, n, layer, seed)
    return _factorization(np.asarray(activations), w, h)


@one_thread()
def factorize_preserving(
    activations: np.ndarray,
    n: int,
    preserve: Mapping[str, np.ndarray],
    weights: Mapping[str, float],
    layer: str = "activations",
) -> Factorization:
    """Factorize so that the groups also keep gradients or attributions apart.

    The matrix of activations is extended by blocks of columns: the positive and the negative part
    of each quantity to preserve. Each block is scaled to unit norm and by the square root of its
    weight, so that the squared error that is minimized is the weighted mean of the blocks' relative
    errors. W is common to all blocks; the channels are those with which W explains the activations
    best (non-negative least squares, or least squares where directions get a sign).

    Parameters
    ----------
    activations, n, layer
        As for `factorize`.
    preserve
        "gradients" and "attributions" → `[M, C, H, W]` or `[C, H, W]`.
    weights
        "activations", "gradients", "attributions" → weight; those missing count as 0.

    Raises
    ------
    AtlasError
        As for `factorize`, and when every weight is 0.
    """
    matrix = _matrix(activations, layer)
    signed = is_signed(matrix)
    positive = np.maximum(matrix, 0)
    kept = _both_signs(matrix) if signed else positive
    blocks = [_scaled(kept, weights.get("activations", 0.0))]
    for name, values in preserve.items():
        signs = _both_signs(_columns(values, len(matrix)))
        blocks.append(_scaled(signs, weights.get(name, 0.0)))
    blocks = [block for block in blocks if block.any()]
    if not blocks:
        advice = "give at least one a positive weight"
        raise AtlasError(f'{layer}: "groups.preserve" gives every quantity weight 0; {advice}')
    w, _ = _nmf(np.concatenate(blocks, 1), n, layer)
    best = np.linalg.lstsq(w, matrix, rcond=None)[0] if signed else _best_channels(positive, w)
    return _factorization(np.asarray(activations), w, best)


@one_thread()
def compatible(
    activations: np.ndarray, n: int, attribution: np.ndarray, layer: str = "activations"
) -> Compatible:
    """Factorize a lower layer so that its groups agree with those of an upper layer.

    Each activation is split over the N upper groups in proportion to the magnitude of its
    attribution to them. The split activations, [P, C·N], are factorized, and the splits of each
    channel summed again, as in the article's footnote 5:
    Ã[p, (c, g)] = a[p, c] |R_g[p, c]| / Σ_g' |R_g'[p, c]|, Ã ≈ W H̃, H[k, c] = Σ_g H̃[k, (c, g)].

    Parameters
    ----------
    activations
        `[C, H, W]` of the lower layer.
    n
        The number of groups wanted in it.
    attribution
        `[N, C, H, W]`: R_g, the attribution of every activation to each upper group. Where it is
        zero for all of them, the activation is split evenly.
    layer
        What messages call the activations.

    Raises
    ------
    AtlasError
        As for `factorize`.
    """
    matrix, upper = _matrix(activations, layer), len(attribution)
    if not is_signed(matrix):
        matrix = np.maximum(matrix, 0)
    sizes = np.abs(np.asarray(attribution, np.float32)).transpose(2, 3, 1, 0)
    sizes = sizes.reshape(*matrix.shape, upper)
    total = sizes.sum(-1, keepdims=True)
    shares = np.divide(sizes, total, out=np.full_like(sizes, 1 / upper), where=total > 0)
    split = (matrix[..., None] * shares).reshape(len(matrix), -1)
    w, h = _of_either_sign(split, n, layer)
    by_group = h.reshape(n, -1, upper)
    found = _factorization(np.asarray(activations), w, by_group.sum(-1))
    flow = np.abs(by_group).sum(1)[_left_to_right(w, np.shape(activations)[-1])]
    return Compatible(found, (flow / np.maximum(flow.sum(1, keepdims=True), _TINY)).astype("f4"))


def concentration(attribution: np.ndarray) -> np.ndarray:
    """The share of each lower group's attribution, in magnitude, that its best upper group gets.

    Parameters
    ----------
    attribution
        `[n, N]`.

    Returns
    -------
    ndarray
        `[n]`, from 1/N (spread evenly) to 1 (all to one group).
    """
    sizes = np.abs(attribution)
    return np.asarray(sizes.max(1) / np.maximum(sizes.sum(1), _TINY))


def is_signed(activations: np.ndarray) -> bool:
    """Whether so much of the activations, of any shape, is negative that directions get a sign."""
    return _negative(activations) > SIGNED


# ------------------------------------------------------------------------------------- the parts
def _negative(activations: np.ndarray) -> float:
    """The share of Σ|a| that is negative."""
    sizes = np.abs(activations).sum(dtype=np.float64)
    return float(-np.minimum(activations, 0).sum(dtype=np.float64) / max(sizes, _TINY))


def _both_signs(columns: np.ndarray) -> np.ndarray:
    """`[P, F]` of either sign → `[P, 2F]`, the positive and the negative part."""
    return np.concatenate([np.maximum(columns, 0), np.maximum(-columns, 0)], 1)


def _of_either_sign(
    matrix: np.ndarray, n: int, layer: str, seed: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`[P, F]` → W `[P, n]`, not negative, and H `[n, F]`, by the factorization that suits."""
    if not is_signed(matrix):
        return _nmf(np.maximum(matrix, 0), n, layer, seed)
    _check_rank(matrix, n, layer)
    return semi_nmf(matrix, n, seed or 0)


def _matrix(activations: np.ndarray, layer: str) -> np.ndarray:
    """`[C, H, W]` → float32 `[P, C]`."""
    activations = np.asarray(activations)
    if activations.ndim != 3:
        shape = list(activations.shape)
        advice = "choose a convolutional layer"
        raise AtlasError(f"{layer}: expected activations [C, H, W], got shape {shape}; {advice}")
    if not np.isfinite(activations).all():
        advice = "check the weights and the preprocessing"
        raise AtlasError(f"{layer}: activations hold NaN or infinite numbers; {advice}")
    rows = activations.astype(np.float32, copy=False).transpose(1, 2, 0)
    return rows.reshape(-1, len(activations))


def _columns(values: np.ndarray, positions: int) -> np.ndarray:
    """`[M, C, H, W]` or `[C, H, W]` → float32 `[P, M·C]`."""
    cubes = np.asarray(values, np.float32).reshape(-1, *np.shape(values)[-3:])
    return cubes.transpose(2, 3, 0, 1).reshape(positions, -1)


def _scaled(block: np.ndarray, weight: float) -> np.ndarray:
    norm = float(np.linalg.norm(block))
    return block * np.float32(np.sqrt(weight) / norm) if norm > 0 else block


@contextmanager
def _unconverged() -> Iterator[None]:
    """Accept what the iterations reach."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _nmf(
    matrix: np.ndarray, n: int, layer: str, seed: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`[P, F]` → W `[P, n]` and H `[n, F]`, non-negative, with matrix ≈ W H."""
    from sklearn.decomposition import NMF

    if not matrix.any():
        reason = "no activation is positive for this photograph, so there is nothing to group"
        raise AtlasError(f"{layer}: {reason}; leave it out of [groups] counts")
    _check_rank(matrix, n, layer)
    start: dict[str, Any] = {"init": "nndsvd" if seed is None else "random"}
    model = NMF(n, **start, tol=TOLERANCE, max_iter=ITERATIONS, random_state=seed or 0)
    with _unconverged():
        w = model.fit_transform(matrix)
    return w, model.components_


def _best_channels(matrix: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Non-negative H `[n, C]` with which W explains `matrix [P, C]` best."""
    from sklearn.decomposition import non_negative_factorization

    with _unconverged():
        transposed, _, _ = non_negative_factorization(
            matrix.T,
            H=np.ascontiguousarray(w.T),
            n_components=w.shape[1],
            init="custom",
            update_H=False,
            W=None,
            tol=TOLERANCE,
            max_iter=ITERATIONS,
        )
    return transposed.T


def _check_rank(matrix: np.ndarray, n: int, layer: str) -> None:
    rank = int(min((matrix != 0).any(1).sum(), (matrix != 0).any(0).sum()))
    if n <= rank:
        wide = matrix.shape[0] <= matrix.shape[1]
        small = matrix @ matrix.T if wide else matrix.T @ matrix
        values = np.linalg.eigvalsh(small.astype(np.float64))
        smallest = values[-1] * len(small) * np.finfo(np.float32).eps ** 2
        rank = int((values > smallest).sum())
    if n < 1 or n > rank:
        reason = f"the activations of this photograph have rank {rank}"
        raise AtlasError(f"{layer}: {n} groups asked for, but {reason}; ask for 1 to {rank}")


def _left_to_right(w: np.ndarray, width: int) -> np.ndarray:
    """The order of groups by Σ x·W² / Σ W²; groups that are nowhere come last."""
    squares = (w.reshape(-1, width, w.shape[1]).astype(np.float64) ** 2).sum(0)
    total = squares.sum(0)
    moment = (np.arange(width)[:, None] * squares).sum(0)
    centre = np.divide(moment, total, out=np.full(len(total), np.inf), where=total > 0)
    return np.argsort(centre, kind="stable")


def _factorization(activations: np.ndarray, w: np.ndarray, h: np.ndarray) -> Factorization:
    _, height, width = activations.shape
    order = _left_to_right(w, width)
    w, h = w[:, order].astype(np.float32), h[order].astype(np.float32)
    spatial = np.ascontiguousarray(w.T).reshape(-1, height, width)
    residual = activations - np.einsum("nyx,nc->cyx", spatial, h)
    magnitude = np.linalg.norm(w, axis=0) * np.linalg.norm(h, axis=1)
    unexplained = np.square(residual, dtype=np.float64).sum()
    whole = np.square(activations, dtype=np.float64).sum()
    left_out = 0.0 if is_signed(activations) else _negative(activations)
    return Factorization(
        spatial,
        h,
        magnitude.astype(np.float32),
        float(1 - unexplained / whole),
        np.linalg.norm(residual, axis=0).astype(np.float32),
        left_out,
    )
