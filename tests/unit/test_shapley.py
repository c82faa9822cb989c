"""Shapley values and interactions against the package shapiq, and against all orders of arrival."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from shapiq.game_theory.exact import ExactComputer

from pipeline.shapley import interactions, memberships, shapley_values, shapley_weights


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
