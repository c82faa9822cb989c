"""What the store holds of a photograph's layer, as far as it is tried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GroupsClaim:
    """A factorization.

    Attributes
    ----------
    spatial, channels
        f4 `[n, H, W]` and `[n, C]`.
    explained
        The share of the squared activations that it is said to explain.
    stability
        Whether it is found again in changed photographs, which takes a second for each change.
    """

    spatial: np.ndarray
    channels: np.ndarray
    explained: float
    stability: bool


@dataclass(frozen=True)
class Claims:
    """One layer, for one photograph.

    Attributes
    ----------
    layer
        Its name.
    classes
        k indices, the most probable class first.
    shares
        "channel", "spatial", "group.6", … → shares f4 `[…, k]` of all atoms, the residual too.
    removals
        f4 `[C]`: the effect of removing each channel on the first class; None: not held.
    groups
        The number of groups → the factorization.
    """

    layer: str
    classes: tuple[int, ...]
    shares: Mapping[str, np.ndarray]
    removals: np.ndarray | None
    groups: Mapping[int, GroupsClaim]


@dataclass(frozen=True)
class Effort:
    """How much is tried out: m channels of a layer, and R sets of channels for each of them."""

    channels: int
    draws: int
    seed: int = 0
