"""Shapley values and interactions of a game: exact, of every coalition; or from sampled orders.

Player g takes part in coalition s, an integer from 0 to 2ⁿ - 1, where bit g of s is 1. `values` has
one row for each coalition, in this order, and any dimensions after that; results keep these.

Where 2ⁿ coalitions are too many, `gains` plays those that some random orders of arrival go through,
and `split_half` says how far the result would be the same with other orders.

Symbols: n players, m of them chosen; R orders; N outcomes of each coalition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations
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
    n = _players(values)
    pairs, weights = interaction_weights(n)
    found = np.zeros((n, n, *values.shape[1:]))
    first, second = pairs.T
    found[first, second] = np.tensordot(weights, values.astype(np.float64), 1)
    found[second, first] = found[first, second]
    return found


@lru_cache
def interaction_weights(players: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs, int `[P, 2]`, and f8 `[P, 2ⁿ]`: how much each coalition counts in theirs."""
    n, everyone = players, np.arange(2**players)
    pairs = np.array(list(combinations(range(n), 2)), int).reshape(-1, 2)
    orders = [factorial(k) * factorial(n - k - 2) / factorial(n - 1) for k in range(n - 1)]
    weights = np.zeros((len(pairs), len(everyone)))
    for row, (first, second) in zip(weights, pairs, strict=True):
        one, other = 1 << first, 1 << second
        neither = everyone[everyone & (one | other) == 0]
        of_size = np.array(orders)[memberships(n)[neither].sum(1)]
        row[neither], row[neither | one | other] = of_size, of_size
        row[neither | one], row[neither | other] = -of_size, -of_size
    return pairs, weights


def gains(
    play: Callable[[np.ndarray], np.ndarray],
    players: int,
    orders: int,
    seed: int = 0,
    chosen: Sequence[int] | None = None,
) -> np.ndarray:
    """Return f8 `[R, m, …]`: what the value grew by when each player arrived, in random orders.

    The mean over orders is an unbiased estimate of the Shapley values (Castro, Gómez & Tejada
    2009). Each order is followed by its reverse, whose errors are largely the opposite ones
    (Mitchell, Cooper, Frank & Holmes 2022). With all players chosen an order takes n + 1
    coalitions, and its gains sum to the value of all players less the value of none; otherwise it
    takes at most 2 m.

    Parameters
    ----------
    play
        Bool `[B, n]`, who takes part → `[B, …]`, the value of each coalition.
    players
        n.
    orders
        R, an even number.
    seed
        Of the orders.
    chosen
        The m players of interest; None: all. Which of them are chosen does not change the orders.
    """
    if orders < 2 or orders % 2:
        raise ValueError(f"{orders} orders: an even number, as each has its reverse")
    wanted = np.arange(players) if chosen is None else np.asarray(chosen, int)
    drawn = np.random.default_rng(seed)
    found = []
    for _ in range(orders // 2):
        order = drawn.permutation(players)
        found += [_gains_in(play, each, wanted) for each in (order, order[::-1])]
    return np.stack(found)


def _gains_in(
    play: Callable[[np.ndarray], np.ndarray], order: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    rank = np.argsort(order)  # how many have arrived before each player
    sizes = np.unique(np.concatenate([rank[wanted], rank[wanted] + 1]))
    values = play(rank < sizes[:, None]).astype(np.float64)
    before = np.searchsorted(sizes, rank[wanted])
    found: np.ndarray = values[before + 1] - values[before]
    return found


def split_half(gains: np.ndarray) -> np.ndarray:
    """Return f8 `[…]`: Pearson's r over players, between the means over two halves of the orders.

    How far the mean over half of the orders would be found again with others: the reliability of a
    sampled reference. 0 where either half is constant.

    Parameters
    ----------
    gains
        `[R, m, …]`, as `gains` returns them, of at least four orders.
    """
    half = len(gains) // 4 * 2  # an order and its reverse stay together
    if not half:
        raise ValueError(f"{len(gains)} orders cannot be split: at least 4 are needed")
    return correlation(gains[:half].mean(0), gains[half:].mean(0))


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return f8 `[…]`: Pearson's r of two arrays `[m, …]` over the first dimension; 0 if undefined.

    Parameters
    ----------
    a, b
        Of one shape.
    """
    a, b = (each.astype(np.float64) - each.mean(0, dtype=np.float64) for each in (a, b))
    norm = np.sqrt((a * a).sum(0) * (b * b).sum(0))
    together = (a * b).sum(0)
    return np.divide(together, norm, out=np.zeros_like(together), where=norm > 0)


def _players(values: np.ndarray) -> int:
    players = len(values).bit_length() - 1
    if len(values) != 2**players:
        raise ValueError(f"{len(values)} values: coalitions of n players are 2ⁿ")
    return players
