"""Activation grids, on small random networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.errors import AtlasError
from pipeline.featurevis import colour, grid_cells, grids
from pipeline.featurevis.grid_cells import Cells, representative
from pipeline.featurevis.parameterizations import fourier_values
from pipeline.featurevis.recipes import GRID, grid_named
from tests.unit import networks

QUICK = replace(GRID, cell=16, steps=20, groups=3)


def activations(seed: int = 0, layer: str = "early") -> np.ndarray:
    network = networks.network()
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return np.asarray(network.run_to(x, [layer])[layer][0, :, :5, :4])


def test_every_position_gets_a_cell_that_is_more_like_it_than_noise() -> None:
    a = activations()
    grid = grids.render_grid(networks.network(), "early", a, QUICK)
    assert grid.cells.shape == (5, 4, 16, 16, 3)
    assert grid.cells.dtype == np.uint8
    assert grid.alive.mean() > 0.8
    assert grid.cells.reshape(20, -1).std(axis=1).min() > 5


@pytest.mark.parametrize(
    ("rows", "columns", "size", "side"),
    [(28, 28, 224, 26), (14, 14, 224, 46), (7, 7, 224, 64), (14, 9, 224, 46), (2, 2, 32, 26)],
)
def test_cells_share_the_width_of_a_grid(rows: int, columns: int, size: int, side: int) -> None:
    assert GRID.side_of_cell(rows, columns, size) == side
    assert replace(GRID, cell=16).side_of_cell(rows, columns, size) == 16


def test_the_articles_cells_are_made_for_all_that_is_active() -> None:
    a, device = activations(), torch.device("cpu")
    vectors = a.reshape(len(a), -1).T
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    article = Cells("early", a, grid_named("article"), 0, device)
    np.testing.assert_allclose(article.goals, vectors / lengths, atol=1e-6)
    places = Cells("early", a, grid_named("places"), 0, device)
    # What all positions share is in all of the article's goals, and in few of the others.
    assert (article.goals @ article.goals.T).mean() > (places.goals @ places.goals.T).mean() + 0.1


def test_a_recipe_of_grids_that_there_is_not() -> None:
    with pytest.raises(AtlasError, match=r'grids = "artcle".*did you mean "article"'):
        grid_named("artcle")


def test_a_few_cells_come_first_and_all_last() -> None:
    recipe = replace(GRID, thinned=4, fewest=12, enough=64, steps=48, slower=0.8)
    found = [recipe.counts(cells) for cells in (1, 47, 49, 196, 784)]
    assert found == [[1], [47], [12, 49], [49, 196], [49, 196, 784]]
    assert [recipe.steps_of(number) for number in range(3)] == [48, 24, 24]
    assert recipe.rate_of(1) == recipe.rate_of(2) == 0.8 * recipe.rate_of(0)
    assert replace(recipe, steps=1).steps_of(1) == 1


def test_the_first_cells_are_representative_and_every_other_is_like_one_of_them() -> None:
    rng = np.random.default_rng(0)
    kinds = np.eye(8)[:5]
    goals = kinds[rng.integers(0, 5, 60)] + 0.05 * rng.random((60, 8))
    goals /= np.linalg.norm(goals, axis=1, keepdims=True)
    chosen = representative(goals, 5)
    assert len(set(chosen.tolist())) == 5
    assert (goals @ goals[chosen].T).max(axis=1).min() > 0.9
    assert (goals[chosen] @ goals[chosen].T - 2 * np.eye(5)).max() < 0.5
    assert sorted(representative(np.ones((3, 4)) / 2, 3).tolist()) == [0, 1, 2]


def plainly(goals: np.ndarray, count: int) -> list[int]:
    """The same choice, with every gain looked at every time."""
    likeness = goals @ goals.T
    reached = np.full(len(goals), -1.0, dtype=likeness.dtype)
    chosen: list[int] = []
    while len(chosen) < count:
        gains = np.maximum(likeness - reached, 0).sum(axis=1)
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        reached = np.maximum(reached, likeness[chosen[-1]])
    return chosen


def unit_vectors(count: int, channels: int, seed: int) -> np.ndarray:
    goals = np.random.default_rng(seed).standard_normal((count, channels)).astype(np.float32)
    goals[count // 2 : count // 2 + count // 8] = goals[: count // 8]  # some twice
    return goals / np.linalg.norm(goals, axis=1, keepdims=True)


@pytest.mark.parametrize(("cells", "count"), [(1, 1), (49, 12), (196, 49), (784, 196), (300, 300)])
@pytest.mark.parametrize("channels", [3, 64])
def test_few_gains_are_looked_at_for_the_same_choice(cells: int, count: int, channels: int) -> None:
    for seed in range(2):
        goals = unit_vectors(cells, channels, seed)
        assert representative(goals, count).tolist() == plainly(goals, count)


@pytest.mark.parametrize("count", [5, grid_cells.MOST + 10])
def test_of_very_many_cells_some_stand_for_all(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid_cells, "MOST", 50)
    found = representative(unit_vectors(5000, 4, 0), count)
    assert len(set(found.tolist())) == count
    steps = np.diff(np.sort(found[:50])) if count > 50 else np.array([])
    assert steps.size == 0 or (steps.min() > 90 and steps.max() < 115)


def test_cells_continue_from_the_finished_cell_that_is_most_like_them() -> None:
    a = activations()
    a[:, 4, 3] = 2 * a[:, 0, 0]
    cells = Cells("early", a, QUICK, 0, torch.device("cpu"))
    before = np.array([5, 0, 9])
    finished = cells.start(before)
    started = cells.continued(finished, before, np.array([19, 9]))
    torch.testing.assert_close(started["unique"], finished["unique"][[1, 2]])
    torch.testing.assert_close(started["shared"], finished["shared"])
    assert started["unique"].data_ptr() != finished["unique"].data_ptr()


def test_later_rounds_make_cells_more_like_their_positions() -> None:
    recipe = replace(QUICK, thinned=4, fewest=4)
    assert recipe.counts(20) == [5, 20]
    network, a = networks.network(), activations()
    copied = grids.render_grid(network, "early", a, replace(recipe, slower=0.0))
    assert grids.render_grid(network, "early", a, recipe).likeness.mean() > copied.likeness.mean()


def test_the_last_steps_make_cells_point_where_they_should_more_strongly() -> None:
    network, a = networks.network(), activations()
    goals = torch.from_numpy(Cells("early", a, QUICK, 0, torch.device("cpu")).goals)

    def strength(recipe: grids.GridRecipe) -> float:
        grid = grids.render_grid(network, "early", a, recipe)
        cells = torch.from_numpy(grid.cells).flatten(0, 1).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            response = network.run_to(cells, ["early"])["early"].mean((2, 3))
        return float((response * goals).sum(1).mean())

    by_angle = replace(QUICK, cosine_power=4.0, lengthened=0.0)
    assert strength(replace(by_angle, lengthened=0.5)) > 1.02 * strength(by_angle)


def test_goals_leave_out_what_all_positions_share() -> None:
    a = activations()
    a += 5 * a.mean()
    recipe = replace(QUICK, common=0.5, evened=0.0)
    cells = Cells("early", a, recipe, 0, torch.device("cpu"))
    alike = Cells("early", a, replace(recipe, common=0.0), 0, torch.device("cpu"))
    expected = a[:, 2, 3] - 0.5 * a.mean((1, 2))
    np.testing.assert_allclose(
        cells.goals[2 * 4 + 3], expected / np.linalg.norm(expected), rtol=1e-4, atol=1e-6
    )
    assert (cells.goals @ cells.goals.T).mean() < (alike.goals @ alike.goals.T).mean()


def test_goals_make_channels_count_alike() -> None:
    a = activations()
    strong, weak = np.argsort(-a.sum((1, 2)))[:2]
    a[strong] *= 100
    a[weak] *= 1e-4
    kept, half, alike = (
        Cells("early", a, replace(QUICK, common=0.0, evened=each), 0, torch.device("cpu")).goals
        for each in (0.0, 0.5, 1.0)
    )
    strength = np.sqrt(np.square(a).mean((1, 2)))
    strength = np.maximum(strength / strength.max(), 0.05)  # of a channel that hardly fires
    for goals, evened in ((kept, 0.0), (half, 0.5), (alike, 1.0)):
        expected = a.reshape(len(a), -1).T / strength**evened
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(goals, expected, rtol=1e-4, atol=1e-6)
    parts = [np.square(goals[:, strong]).mean() for goals in (kept, half, alike)]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] > 0.99


def test_positions_that_are_all_the_same_or_silent_keep_their_goals() -> None:
    same = np.ones((8, 3, 3), dtype=np.float32)
    goals = Cells("early", same, replace(QUICK, common=1.0), 0, torch.device("cpu")).goals
    np.testing.assert_allclose(goals, 8**-0.5, rtol=1e-5)
    same[:, 0, 0] = 0
    goals = Cells("early", same, QUICK, 0, torch.device("cpu")).goals
    assert not goals[0].any()


def test_likeness_is_that_of_the_stored_cells() -> None:
    network, a = networks.network(), activations()
    grid = grids.render_grid(network, "early", a, QUICK)
    cell = torch.from_numpy(grid.cells[3, 1]).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        mean = network.run_to(cell, ["early"])["early"][0].mean((1, 2)).numpy()
    vector = a[:, 3, 1]
    expected = mean @ vector / np.linalg.norm(mean) / np.linalg.norm(vector)
    assert grid.likeness[3, 1] == pytest.approx(expected, abs=1e-3)


def test_a_cell_is_the_weighted_sum_of_its_own_and_the_shared_pictures() -> None:
    cells = Cells("early", activations(), QUICK, 0, torch.device("cpu"))
    parameters = cells.start()
    shown = cells.pictures(parameters)
    unique, shared = (fourier_values(parameters[name], cells.side) for name in ("unique", "shared"))
    for cell in (0, 7, 19):
        values = QUICK.unique * unique[cell]
        for group in range(cells.mixture.shape[1]):
            values = values + QUICK.shared * cells.mixture[cell, group] * shared[group]
        expected = colour.to_rgb(values[None])[0]
        torch.testing.assert_close(shown[cell], expected, atol=1e-5, rtol=1e-4)


def test_what_is_shared_makes_like_positions_look_alike() -> None:
    a = activations()
    a[:, 1, 1] = a[:, 1, 2]

    def difference(recipe: grids.GridRecipe) -> float:
        cells = grids.render_grid(networks.network(), "early", a, recipe).cells.astype(float)
        return float(np.abs(cells[1, 1] - cells[1, 2]).mean())

    mostly_shared = difference(replace(QUICK, shared=1.0, unique=0.2))
    assert mostly_shared < difference(replace(QUICK, shared=0.0, unique=0.7))


def test_the_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, a = replace(QUICK, steps=8), activations()
    whole = grids.render_grid(networks.network(), "early", a, recipe).cells
    monkeypatch.setattr(grids, "CHUNK", 7)
    parts = grids.render_grid(networks.network(), "early", a, recipe).cells
    # Sums in another order: where a parameter has hardly any gradient, the last bit matters.
    assert (np.abs(whole.astype(int) - parts) > 2).mean() < 0.01


def test_activations_of_low_rank_and_with_negative_parts_work() -> None:
    flat, recipe = np.ones((8, 3, 3), dtype=np.float32), replace(QUICK, steps=2)
    negative = -flat
    negative[0, 0, 0] = 1
    for a in (flat, negative):
        grid = grids.render_grid(networks.network(), "early", a, recipe)
        assert grid.cells.shape[:2] == (3, 3)


@pytest.mark.parametrize(
    "broken", [np.zeros((8, 2, 2)), np.full((8, 2, 2), np.nan), np.ones((8, 2))]
)
def test_activations_that_make_no_grid_are_reported(broken: np.ndarray) -> None:
    with pytest.raises(AtlasError, match="early"):
        grids.render_grid(networks.network(), "early", broken, QUICK)


def test_activations_of_another_layer_are_reported() -> None:
    with pytest.raises(AtlasError, match="belongs to another layer"):
        grids.render_grid(networks.network(), "early", np.ones((5, 2, 2)), QUICK)
