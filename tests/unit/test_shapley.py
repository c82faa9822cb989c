"""Shapley values and interactions against the package shapiq, and against all orders of arrival.

Those from sampled orders are compared with the exact ones.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from shapiq.game_theory.exact import ExactComputer

from pipeline.shapley import (
    correlation,
    gains,
    interactions,
    memberships,
    shapley_values,
    shapley_weights,
    split_half,
)


def game(players: int, outcomes: int = 3) -> np.ndarray:
    return np.random.default_rng(players).normal(size=(2**players, outcomes))


def exact(values: np.ndarray, players: int) -> ExactComputer:
    """The package's computer, for one outcome; a coalition is a row of booleans."""

    def worth(coalitions: np.ndarray) -> np.ndarray:
        return values[coalitions @ (1 << np.arange(players))]

    return ExactComputer(worth, n_players=players)


@pytest.mark.parametrize("players", [1, 2, 3, 5, 7])
def test_shapley_values_are_shapiqs(players: int) -> None:
    values = game(players)
    for outcome, found in zip(values.T, shapley_values(values).T, strict=True):
        expected = exact(outcome, players)("SV").get_n_order_values(1)
        np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("players", [2, 3, 5])
def test_interactions_are_shapiqs(players: int) -> None:
    values = game(players)
    for k, found in enumerate(np.moveaxis(interactions(values), -1, 0)):
        expected = exact(values[:, k], players)("SII", order=2).get_n_order_values(2)
        np.testing.assert_allclose(found, expected, atol=1e-10)


def test_shapley_values_are_means_over_all_orders() -> None:
    players, values = 4, game(4)
    expected = np.zeros((players, values.shape[1]))
    orders = list(permutations(range(players)))
    for order in orders:
        coalition = 0
        for player in order:
            joined = coalition | 1 << player
            expected[player] += (values[joined] - values[coalition]) / len(orders)
            coalition = joined
    np.testing.assert_allclose(shapley_values(values), expected, atol=1e-12)


def test_values_sum_to_what_all_players_add() -> None:
    values = game(6)
    np.testing.assert_allclose(shapley_values(values).sum(0), values[-1] - values[0], atol=1e-12)


def test_interactions_of_players_who_add_up_are_zero() -> None:
    worth = np.array([1.0, -2.0, 4.0])
    additive = memberships(3) @ worth
    np.testing.assert_allclose(shapley_values(additive), worth)
    np.testing.assert_allclose(interactions(additive), 0, atol=1e-12)
    both_or_nothing = (memberships(3)[:, 0] & memberships(3)[:, 2]).astype(float)
    assert interactions(both_or_nothing)[0, 2] == pytest.approx(1)
    either_will_do = (memberships(3)[:, 0] | memberships(3)[:, 2]).astype(float)
    assert interactions(either_will_do)[2, 0] == pytest.approx(-1)


def test_results_keep_other_dimensions_and_the_order_of_bits() -> None:
    values = game(3, 4).reshape(8, 2, 2)
    assert shapley_values(values).shape == (3, 2, 2)
    assert interactions(values).shape == (3, 3, 2, 2)
    assert memberships(3)[6].tolist() == [False, True, True]
    assert shapley_weights(3).shape == (3, 8)
    with pytest.raises(ValueError, match="6 values"):
        shapley_values(np.zeros(6))


# ----------------------------------------------------------------------------- from sampled orders
def played(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The values of some coalitions of the game: bool `[B, n]` → `[B, N]`."""
    return values[present @ (1 << np.arange(present.shape[1]))]


def test_sampled_gains_approach_the_exact_values() -> None:
    values = game(6)
    sampled = gains(lambda present: played(values, present), 6, 4000)
    error = sampled.std(0) / np.sqrt(len(sampled))
    assert sampled.shape == (4000, 6, 3)
    assert (np.abs(sampled.mean(0) - shapley_values(values)) < 4 * error).all()
    assert (split_half(sampled) > 0.98).all()


def test_gains_of_every_order_sum_to_what_all_players_add() -> None:
    values = game(5)
    sums = gains(lambda present: played(values, present), 5, 10).sum(1)
    np.testing.assert_allclose(sums, np.broadcast_to(values[-1] - values[0], sums.shape))


def test_an_order_and_its_reverse_are_exact_where_players_interact_in_pairs() -> None:
    rng = np.random.default_rng(0)
    alone, pairs = rng.normal(size=4), np.triu(rng.normal(size=(4, 4)), 1)
    present = memberships(4).astype(float)
    values = present @ alone + np.einsum("si,ij,sj->s", present, pairs, present)
    for seed in range(3):
        sampled = gains(lambda some: played(values, some), 4, 2, seed)
        np.testing.assert_allclose(sampled.mean(0), shapley_values(values))


@pytest.mark.parametrize("chosen", [[4], [3, 0], [0, 1, 2, 3, 4, 5]])
def test_chosen_players_gain_what_they_gain_among_all(chosen: list[int]) -> None:
    values, sizes = game(6), []

    def play(present: np.ndarray) -> np.ndarray:
        sizes.append(len(present))
        return played(values, present)

    every = gains(play, 6, 8, seed=2)
    sizes.clear()
    np.testing.assert_array_equal(gains(play, 6, 8, 2, chosen), every[:, chosen])
    assert max(sizes) <= min(2 * len(chosen), 7)


def test_the_halves_of_noise_do_not_agree_and_those_of_a_signal_do() -> None:
    rng = np.random.default_rng(1)
    noise, signal = rng.normal(size=(8, 500, 2)), rng.normal(size=(500, 2))
    assert (np.abs(split_half(noise)) < 0.2).all()
    assert (split_half(noise + 10 * signal) > 0.95).all()
    assert split_half(np.ones((4, 3, 1))) == 0
    expected = np.corrcoef(noise[0, :, 0], noise[1, :, 0])[0, 1]
    assert correlation(noise[0], noise[1])[0] == pytest.approx(expected)


def test_orders_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="3 orders"):
        gains(lambda present: present.sum(1), 4, 3)
    with pytest.raises(ValueError, match="2 orders cannot be split"):
        split_half(np.zeros((2, 5)))
