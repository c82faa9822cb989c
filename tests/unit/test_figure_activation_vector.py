"""The activation vector: the cells of the dictionary, and the share of the vector shown."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import activation_vector, semantic_dictionary
from pipeline.views import grids
from pipeline.views.cells import Cells
from pipeline.views.packing import unpack
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("vector") / "store")


def test_the_share_is_that_of_the_squared_length(atlas: Atlas) -> None:
    photograph = atlas.photographs[0]
    baked = activation_vector.bake(atlas, photograph)
    for layer, found in zip(atlas.network.layers, baked["layers"], strict=True):
        with atlas.open(photograph) as file:
            a = file.values(f"activation/{layer.name}").astype(np.float64)
        block = found["block"]
        for row, column in ((0, 0), (3, 4), (6, 6)):
            rows = slice(row * block, (row + 1) * block)
            columns = slice(column * block, (column + 1) * block)
            vector = a[:, rows, columns].mean(axis=(1, 2))
            squared = sum(value**2 for value in vector)
            strongest = sorted(vector, reverse=True)[:4]
            share = sum(max(value, 0) ** 2 for value in strongest) / squared
            length = unpack(found["length"])[row, column]
            assert length == pytest.approx(np.sqrt(squared), rel=1e-3)
            assert unpack(found["share"])[row, column] == pytest.approx(share, rel=1e-3)


def test_a_silent_cell_has_no_share() -> None:
    silent = Cells(
        block=1,
        vectors=np.zeros((5, 2, 2), np.float32),
        channels=np.zeros((2, 2, 4), int),
        values=np.zeros((2, 2, 4), np.float32),
    )
    assert activation_vector.share(silent).tolist() == [[0, 0], [0, 0]]


def test_it_needs_no_feature_visualization_that_the_dictionary_does_not(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        needed = activation_vector.visualizations(atlas, photograph)
        assert needed == semantic_dictionary.visualizations(atlas, photograph)
        assert all(needed.values())


def test_it_knows_which_layers_have_a_grid(atlas: Atlas) -> None:
    first, second, _ = atlas.photographs
    with_grids = activation_vector.bake(atlas, first)["layers"]
    without = activation_vector.bake(atlas, second)["layers"]
    for layer, found, other in zip(atlas.network.layers, with_grids, without, strict=True):
        assert found["grid"] == grids.path(atlas, first, layer.name)
        assert found["dead"] == [[2, 3]]
        assert other["grid"] is None
        assert other["dead"] == []
