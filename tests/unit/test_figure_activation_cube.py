"""The activation cube's numbers against the store; the geometry of its drawings."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import activation_cube as figure
from pipeline.figures.packing import TYPES
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("cube") / "store")


def unpacked(packed: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), dtype=TYPES[packed["type"]]).reshape(packed["shape"])


def test_numbers_are_the_stores(atlas: Atlas) -> None:
    photograph = atlas.photographs[2]
    baked = figure.bake(atlas, photograph)
    assert [layer["layer"] for layer in baked["layers"]] == [layer.name for layer in atlas.network.layers]
    for layer in baked["layers"]:
        with atlas.image(photograph) as file:
            a = file.values(f"activation/{layer['layer']}").astype(float)
        sums = [float(each.sum()) for each in a]
        assert layer["channels"] == sorted(range(len(a)), key=lambda c: -sums[c])[: figure.CHANNELS]
        assert np.array_equal(unpacked(layer["maps"]), a[layer["channels"]])
        assert unpacked(layer["summed"]) == pytest.approx([sums[c] for c in layer["channels"]], rel=1e-5)
        length = [[sum(v * v for v in a[:, y, x]) ** 0.5 for x in range(a.shape[2])] for y in range(a.shape[1])]
        assert unpacked(layer["length"]) == pytest.approx(np.array(length), rel=1e-5)
        y, x = layer["cell"]
        assert length[y][x] == pytest.approx(max(max(row[1:-1]) for row in length[1:-1]), rel=1e-5)


def test_a_layer_of_few_places_has_no_border() -> None:
    assert figure.liveliest(np.array([[0.0, 3.0], [1.0, 2.0]])) == [0, 1]


def test_the_opening_layer_can_be_cut_in_all_ways(atlas: Atlas) -> None:
    baked = figure.bake(atlas, atlas.photographs[0])
    (first,) = (layer for layer in baked["layers"] if layer["layer"] == baked["first"])
    assert first["groups"]["presence"]["shape"] == [first["groups"]["count"], *first["length"]["shape"]]


def test_figures_are_named_for_the_atoms_they_show(atlas: Atlas) -> None:
    uses = figure.page(atlas)["uses"]
    assert "semantic_dictionary" in uses["spatial"]
    assert "channel_attribution" in uses["channel"]
    assert "channel_attribution" not in uses["spatial"]
    assert all("predictions" not in names for names in uses.values())


def test_faces_of_a_box_meet_at_its_near_upper_corner() -> None:
    top, left, right = ({tuple(map(float, point.split(","))) for point in face.split()} for face in figure.faces((0, 1), (0, 1), (0, 1)))
    (corner,) = top & left & right
    assert corner[1] > min(y for _, y in top)
    for x, y in top | left | right:
        assert 0 <= x <= figure.SIZE[0]
        assert 0 <= y <= figure.SIZE[1]
