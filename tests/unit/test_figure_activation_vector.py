"""The activation vector: the same cells as the dictionary's, and the share of the vector that is shown."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import activation_vector, grids, semantic_dictionary
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("vector") / "store")


def numbers(packed: dict) -> np.ndarray:
    kind = {"f2": "<f2", "f4": "<f4", "u2": "<u2"}[packed["type"]]
    return np.frombuffer(base64.b64decode(packed["data"]), kind).reshape(packed["shape"])


def test_the_share_is_that_of_the_squared_length(atlas: Atlas) -> None:
    photograph = atlas.photographs[0]
    baked = activation_vector.bake(atlas, photograph)
    for layer, found in zip(atlas.network.layers, baked["layers"], strict=True):
        with atlas.image(photograph) as file:
            a = file.values(f"activation/{layer.name}").astype(np.float64)
        block = found["block"]
        for row, column in ((0, 0), (3, 4), (6, 6)):
            vector = a[:, row * block : (row + 1) * block, column * block : (column + 1) * block].mean(axis=(1, 2))
            strongest = sorted(vector, reverse=True)[:4]
            assert numbers(found["length"])[row, column] == pytest.approx(np.sqrt(sum(value**2 for value in vector)), rel=1e-3)
            slow = sum(max(value, 0) ** 2 for value in strongest) / sum(value**2 for value in vector)
            assert numbers(found["share"])[row, column] == pytest.approx(slow, rel=1e-3)


def test_a_silent_cell_has_no_share() -> None:
    cut = semantic_dictionary.Cells(1, np.zeros((5, 2, 2), np.float32), np.zeros((2, 2, 4), int), np.zeros((2, 2, 4), np.float32))
    assert activation_vector.share(cut).tolist() == [[0, 0], [0, 0]]


def test_it_costs_no_picture_that_the_dictionary_does_not_show(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        assert activation_vector.units(atlas, photograph) == semantic_dictionary.units(atlas, photograph)


def test_it_knows_which_layers_have_a_grid(atlas: Atlas) -> None:
    first, second, _ = atlas.photographs
    for layer, found, other in zip(
        atlas.network.layers, activation_vector.bake(atlas, first)["layers"], activation_vector.bake(atlas, second)["layers"], strict=True
    ):
        assert found["grid"] == grids.path(atlas, first, layer.name)
        assert found["dead"] == [[2, 3]]
        assert other["grid"] is None
        assert other["dead"] == []
