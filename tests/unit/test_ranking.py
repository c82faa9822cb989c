"""The largest of an array are those that sorting all of it would find first."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.views.cells import average
from pipeline.views.ranking import largest


@pytest.mark.parametrize("shape", [(9, 4, 5), (3, 7), (1, 2), (40,)])
@pytest.mark.parametrize("values", ["distinct", "ties", "zero"])
def test_the_largest_come_first_and_of_equal_ones_the_first(
    shape: tuple[int, ...], values: str
) -> None:
    random = np.random.default_rng(0)
    made = {
        "distinct": random.normal(size=shape),
        "ties": random.integers(-1, 2, shape).astype(np.float32),
        "zero": np.zeros(shape, np.float16),
    }[values]
    kept = made.copy()
    found = largest(made, 4)
    assert np.array_equal(found, np.argsort(-made, axis=0, kind="stable")[:4])
    assert np.array_equal(made, kept)


def test_of_nothing_there_is_no_largest() -> None:
    assert largest(np.zeros((5, 3)), 0).shape == (0, 3)


@pytest.mark.parametrize(("side", "block"), [(14, 2), (7, 2), (9, 4), (5, 1), (3, 5)])
def test_cells_average_their_positions_also_at_the_edges(side: int, block: int) -> None:
    a = np.random.default_rng(0).normal(size=(3, side, side + 1)).astype(np.float32)
    found = average(a, block)
    for row, column in np.ndindex(found.shape[1:]):
        part = a[:, row * block : (row + 1) * block, column * block : (column + 1) * block]
        assert found[:, row, column] == pytest.approx(part.mean(axis=(1, 2)), abs=1e-6)
