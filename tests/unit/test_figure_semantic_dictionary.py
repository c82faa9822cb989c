"""The semantic dictionary's numbers against the store, in slow loops."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import semantic_dictionary as figure
from pipeline.units import Unit
from pipeline.views.packing import unpack
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("dictionary") / "store")


def test_cells_hold_the_stores_numbers(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = figure.bake(atlas, photograph)
    for layer, found in zip(atlas.network.layers, baked["layers"], strict=True):
        with atlas.open(photograph) as file:
            a = file.values(f"activation/{layer.name}").astype(np.float64)
        block = found["block"]
        for row, column in ((0, 0), (2, 5), (6, 6)):
            rows = slice(row * block, (row + 1) * block)
            columns = slice(column * block, (column + 1) * block)
            vector = a[:, rows, columns].mean(axis=(1, 2))
            strongest = sorted(range(len(vector)), key=lambda c, v=vector: -v[c])[:4]
            values = [max(vector[c], 0) for c in strongest]
            assert unpack(found["values"])[row, column] == pytest.approx(values, rel=1e-3)
            assert unpack(found["channels"])[row, column].tolist() == strongest
            start = unpack(found["vector"])[row, column]
            assert start == pytest.approx(vector[: figure.FIRST], rel=1e-3)
            length = unpack(found["length"])[row, column]
            assert length == pytest.approx(np.linalg.norm(vector), rel=1e-3)
            assert unpack(found["positive"])[row, column] == sum(value > 0 for value in vector)


def test_the_page_shows_the_first_cell_of_the_first_photograph(atlas: Atlas) -> None:
    photograph, page = atlas.photographs[0], figure.page(atlas)
    baked = figure.bake(atlas, photograph)
    (first,) = (layer for layer in baked["layers"] if layer["layer"] == baked["first"])
    assert page["layer"].name == baked["first"]
    assert [page["row"], page["column"]] == first["cell"]
    channels = unpack(first["channels"])[page["row"], page["column"]]
    assert [channel for channel, _ in page["strongest"]] == channels.tolist()


def test_what_is_shown_first_is_among_what_is_shown(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        shown = figure.visualizations(atlas, photograph)
        ((layer, first),) = figure.shown_first(atlas, photograph).items()
        assert first
        assert set(first) <= shown[layer]
        assert all(isinstance(unit, Unit) for unit in first)
