"""Activation grids: where their pictures are in the site, and lengths against slow loops."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.atlas import Atlas
from pipeline.figures import activation_grids, activation_vector
from pipeline.grammar import SPATIAL, Activation, Presentation, Substrate
from pipeline.views import grids
from pipeline.views.packing import unpack
from pipeline.website import sprites
from pipeline.website.generate import generate
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("grids") / "store")


def test_the_interface_names_pictures_of_positions(atlas: Atlas) -> None:
    interface = activation_grids.interface(["a", "b"], atlas.settings)
    shown = {
        element.content
        for element in interface.elements
        if element.presentation is Presentation.FEATURE_VIS
    }
    assert shown == {Activation(Substrate(layer, SPATIAL)) for layer in ("a", "b")}


def test_lengths_are_those_of_the_stored_vectors(atlas: Atlas) -> None:
    for photograph in atlas.photographs[:2]:
        baked = activation_grids.bake(atlas, photograph)
        for layer, found in zip(atlas.network.layers, baked["layers"], strict=True):
            lengths = unpack(found["lengths"])
            with atlas.open(photograph) as file:
                a = file.values(f"activation/{layer.name}").astype(float)
            assert lengths.shape == a.shape[1:]
            for row, column in ((0, 0), (2, 5), (6, 6)):
                slow = math.sqrt(sum(float(value) ** 2 for value in a[:, row, column]))
                assert lengths[row, column] == pytest.approx(slow, rel=1e-4)
            assert lengths[tuple(found["strongest"])] == lengths.max()


def test_a_grid_is_in_the_site_cell_by_cell(atlas: Atlas, tmp_path: Path) -> None:
    first, second, _ = atlas.photographs
    found = dict(grids.files(atlas))
    assert set(found) == {grids.path(atlas, first, layer) for layer in atlas.layer_names}
    assert len(set(found)) == len(atlas.layer_names)
    generate(atlas, tmp_path / "site", [activation_grids.NAME])
    for layer in atlas.layer_names:
        cells, path = atlas.grid(first, layer), grids.path(atlas, first, layer)
        assert cells is not None
        assert path is not None
        assert grids.path(atlas, second, layer) is None
        published = (tmp_path / "site" / path).read_bytes()
        assert published == sprites.encode(found[path], grids.QUALITY)
        with Image.open(io.BytesIO(published)) as picture:
            assert_shows_cells(np.asarray(picture.convert("RGB")).astype(float), cells)


def test_the_page_says_what_cells_were_made_for(atlas: Atlas, tmp_path: Path) -> None:
    names = [activation_grids.NAME, activation_vector.NAME]

    def texts(recipe: str) -> str:
        features = atlas.settings.features.model_copy(update={"grids": recipe})
        settings = atlas.settings.model_copy(update={"features": features})
        generate(replace(atlas, settings=settings), tmp_path / recipe, names)
        return " ".join((tmp_path / recipe / "index.html").read_text().split())

    places, article = texts("places"), texts("article")
    for words in ("particular to its position", "power of their cosine", "all positions share"):
        assert words in places
        assert words not in article
    plain = "(mean dot product with it; part", "(optimized for the vector)", "grids: article"
    for words in plain:
        assert words in article
        assert words not in places


def assert_shows_cells(picture: np.ndarray, cells: np.ndarray) -> None:
    side = synthetic.GRID_CELL
    rows, columns = cells.shape[:2]
    assert picture.shape == (rows * side, columns * side, 3)
    for row, column in ((0, 0), (3, 6), (6, 2)):
        top, left = row * side, column * side
        tile = picture[top : top + side, left : left + side].mean(axis=(0, 1))
        assert np.abs(tile - cells[row, column].mean(axis=(0, 1))).max() < 25


def test_a_large_grid_is_made_smaller_by_whole_cells() -> None:
    cells = np.zeros((28, 28, 40, 40, 3), np.uint8)
    assert grids.joined(cells).size == (784, 784)
    cells = np.random.default_rng(0).integers(0, 255, (7, 5, 46, 46, 3), dtype=np.uint8)
    picture = np.asarray(grids.joined(cells))
    assert picture.shape == (322, 230, 3)
    assert np.array_equal(picture[46 * 2 : 46 * 3, 46 * 4 : 46 * 5], cells[2, 4])


def test_the_page_has_the_longest_and_the_shortest_vector(atlas: Atlas) -> None:
    page = activation_grids.page(atlas)
    assert not page["missing"]
    with atlas.open(atlas.photographs[0]) as file:
        for each in page["rows"]:
            a = file.values(f"activation/{each['layer'].name}").astype(float)
            longest = np.linalg.norm(a[:, each["row"], each["column"]])
            assert each["longest"] == pytest.approx(longest, rel=1e-4)
            assert each["shortest"] == pytest.approx(np.linalg.norm(a, axis=0).min(), rel=1e-4)
