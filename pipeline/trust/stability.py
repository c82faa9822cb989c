"""Stability: groups, top channels and maps of a photograph that was changed a little.

What is found in the changed photograph is compared with what the store holds for the photograph
itself, after its maps were moved back. Groups come in no fixed order: each is paired with the one
whose direction is most like its own, so that the pairs together are most alike.

Symbols: n groups of C channels at H × W positions.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.factorization import Factorization
from pipeline.shapley import correlation
from pipeline.trust.claims import GroupsClaim

TOP = 10  # channels


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two maps of one shape; 0 where one of them is constant."""
    return float(correlation(a.ravel(), b.ravel()))


def kept(before: np.ndarray, after: np.ndarray) -> float:
    """Return which share of the top channels by `before[C]` are also among those by `after[C]`.

    They are at most `TOP`, and at most half of all channels.
    """
    count = max(1, min(TOP, len(before) // 2))
    first, second = (
        set(np.argsort(-each, kind="stable")[:count].tolist()) for each in (before, after)
    )
    return len(first & second) / count


def found_again(
    claim: GroupsClaim, found: Factorization, spatial: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compare groups with those found in a changed photograph.

    Parameters
    ----------
    claim, found
        The groups of the store, and as many others.
    spatial
        The others' maps `[n, H, W]`, moved back.

    Returns
    -------
    maps, directions
        f8 `[n]` each: Pearson's r of each group's map with its partner's, and the cosine of their
        directions.
    """
    cosines = _unit(claim.channels) @ _unit(found.channels).T
    rows, partners = linear_sum_assignment(-cosines)
    maps = [likeness(claim.spatial[i], spatial[j]) for i, j in zip(rows, partners, strict=True)]
    return np.array(maps), cosines[rows, partners]


def explained(claim: GroupsClaim, cube: np.ndarray) -> float:
    """Return the share of the squared activations `[C, H, W]` that the stored groups explain."""
    parts = np.einsum("nyx,nc->cyx", claim.spatial.astype(np.float64), claim.channels)
    whole = np.square(cube, dtype=np.float64).sum()
    return float(1 - np.square(cube - parts).sum() / whole) if whole > 0 else 0.0


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros(vectors.shape), where=lengths > 0)
