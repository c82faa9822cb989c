"""Shapley values and interactions of a game whose every coalition has been played.

Player g takes part in coalition s, an integer from 0 to 2ⁿ - 1, where bit g of s is 1. `values` has
one row for each coalition, in this order, and any dimensions after that; results keep these.

Symbols: n players; N outcomes of each coalition.
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial

import numpy as np

MOST_PLAYERS = 10  # 1,024 coalitions


@lru_cache
def memberships(players: int) -> np.ndarray:
    """Bool `[2ⁿ, n]`: who takes part in each coalition."""
    coalitions = np.arange(2**players)[:, None]
    return (coalitions >> np.arange(players)) % 2 == 1


@lru_cache
def shapley_weights(players: int) -> np.ndarray:
    """f8 `[n, 2ⁿ]`: how much the value of each coalition counts in each player's Shapley value.

    A player's Shapley value is the mean, over all orders in which the players may arrive, of what
    the value grows by when the player does (Shapley 1953).
    """
    present = memberships(players)
    sizes = present.sum(1)
    n = players
    joined = np.array([factorial(max(k - 1, 0)) * factorial(n - k) for k in range(n + 1)])
    left = np.array([factorial(k) * factorial(max(n - k - 1, 0)) for k in range(n + 1)])
    return np.where(present.T, joined[sizes], -left[sizes]) / factorial(n)


def shapley_values(values: np.ndarray) -> np.ndarray:
    """Return f8 `[n, …]`: the players' Shapley values.

    They sum to the value of all players together less the value of none.

    Parameters
    ----------
    values
        `[2ⁿ, …]`.
    """
    return np.tensordot(shapley_weights(_players(values)), values.astype(np.float64), 1)


def interactions(values: np.ndarray) -> np.ndarray:
    """Return f8 `[n, n, …]`: the Shapley interaction index of each pair; zero on the diagonal.

    The mean over all orders, the pair arriving together, of what both bring less what each brings
    alone (Grabisch & Roubens 1999). Positive where two players need each other, negative where
    either will do.

    Parameters
    ----------
    values
        `[2ⁿ, …]`.
    """
    values = values.astype(np.float64)
    n = _players(values)
    present = memberships(n)
    found = np.zeros((n, n, *values.shape[1:]))
    for first in range(n):
        for second in range(first):
            neither = np.flatnonzero(~present[:, first] & ~present[:, second])
            sizes = present[neither].sum(1)
            weights = np.array([factorial(k) * factorial(n - k - 2) for k in sizes])
            one, other = neither | 1 << first, neither | 1 << second
            gains = values[one | other] - values[one] - values[other] + values[neither]
            mean = np.tensordot(weights / factorial(n - 1), gains, 1)
            found[first, second] = found[second, first] = mean
    return found


def _players(values: np.ndarray) -> int:
    players = len(values).bit_length() - 1
    if len(values) != 2**players:
        raise ValueError(f"{len(values)} values: coalitions of n players are 2ⁿ")
    return players
