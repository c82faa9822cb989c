"""Activation grids: where their pictures are in the site, and lengths against slow loops."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.atlas import Atlas
from pipeline.figures import activation_grids, grids
from pipeline.generate import generate
from pipeline.grammar import Activation, Atom, Presentation, Substrate
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("grids") / "store")


def test_the_interface_asks_for_pictures_of_positions(atlas: Atlas) -> None:
    interface = activation_grids.interface(["a", "b"], atlas.settings)
    shown = {element.content for element in interface.elements if element.presentation is Presentation.FEATURE_VIS}
    assert shown == {Activation(Substrate(layer, Atom.SPATIAL)) for layer in ("a", "b")}


def test_lengths_are_those_of_the_stored_vectors(atlas: Atlas) -> None:
    for photograph in atlas.photographs[:2]:
        baked = activation_grids.bake(atlas, photograph)
        for layer, found in zip(atlas.network.layers, baked["layers"], strict=True):
            lengths = np.frombuffer(base64.b64decode(found["lengths"]["data"]), "<f4").reshape(found["lengths"]["shape"])
            with atlas.image(photograph) as file:
                a = file.values(f"activation/{layer.name}").astype(float)
            assert lengths.shape == a.shape[1:]
            for row, column in ((0, 0), (2, 5), (6, 6)):
                slow = math.sqrt(sum(float(value) ** 2 for value in a[:, row, column]))
                assert lengths[row, column] == pytest.approx(slow, rel=1e-4)
            assert lengths[tuple(found["strongest"])] == lengths.max()


def test_a_grid_lies_in_the_site_cell_by_cell(atlas: Atlas, tmp_path: Path) -> None:
    first, second, _ = atlas.photographs
    found = dict(grids.files(atlas))
    assert set(found) == {grids.path(atlas, first, layer.name) for layer in atlas.network.layers}
    assert len(set(found)) == len(atlas.network.layers)
    for layer in atlas.network.layers:
        cells, path = atlas.grid(first, layer.name), grids.path(atlas, first, layer.name)
        assert cells is not None
        assert path is not None
        assert grids.path(atlas, second, layer.name) is None
        side = synthetic.GRID_CELL
        picture = np.asarray(Image.open(io.BytesIO(found[path])).convert("RGB")).astype(float)
        assert picture.shape == (cells.shape[0] * side, cells.shape[1] * side, 3)
        for row, column in ((0, 0), (3, 6), (6, 2)):
            tile = picture[row * side : (row + 1) * side, column * side : (column + 1) * side]
            assert np.abs(tile.mean(axis=(0, 1)) - cells[row, column].mean(axis=(0, 1))).max() < 25
    generate(atlas, tmp_path / "site")
    for path, content in found.items():
        assert (tmp_path / "site" / path).read_bytes() == content


def test_a_large_grid_is_made_smaller_by_whole_cells() -> None:
    cells = np.zeros((28, 28, 40, 40, 3), np.uint8)
    assert grids.joined(cells).size == (784, 784)
    cells = np.random.default_rng(0).integers(0, 255, (7, 5, 46, 46, 3), dtype=np.uint8)
    picture = np.asarray(grids.joined(cells))
    assert picture.shape == (322, 230, 3)
    assert np.array_equal(picture[46 * 2 : 46 * 3, 46 * 4 : 46 * 5], cells[2, 4])


def test_the_page_tells_the_longest_and_the_shortest_vector(atlas: Atlas) -> None:
    page = activation_grids.page(atlas)
    assert not page["missing"]
    with atlas.image(atlas.photographs[0]) as file:
        for layer, _, row, column, most, least in page["rows"]:
            a = file.values(f"activation/{layer.name}").astype(float)
            assert most == pytest.approx(np.linalg.norm(a[:, row, column]), rel=1e-4)
            assert least == pytest.approx(np.linalg.norm(a, axis=0).min(), rel=1e-4)
