"""The activation cube's numbers against the store; the geometry of its drawings."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import activation_cube as figure
from pipeline.views import cells
from pipeline.views.packing import unpack
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("cube") / "store")


def test_numbers_are_the_stores(atlas: Atlas) -> None:
    photograph = atlas.photographs[2]
    baked = figure.bake(atlas, photograph)
    assert [layer["layer"] for layer in baked["layers"]] == list(atlas.layer_names)
    for layer in baked["layers"]:
        with atlas.open(photograph) as file:
            a = file.values(f"activation/{layer['layer']}").astype(float)
        sums = [float(each.sum()) for each in a]
        largest = sorted(range(len(a)), key=lambda c, sums=sums: -sums[c])
        assert layer["channels"] == largest[: figure.CHANNELS]
        assert np.array_equal(unpack(layer["maps"]), a[layer["channels"]])
        expected = [sums[c] for c in layer["channels"]]
        assert unpack(layer["summed"]) == pytest.approx(expected, rel=1e-5)
        length = slow_lengths(a)
        assert unpack(layer["length"]) == pytest.approx(np.array(length), rel=1e-5)
        y, x = layer["cell"]
        longest_inside = max(max(row[1:-1]) for row in length[1:-1])
        assert length[y][x] == pytest.approx(longest_inside, rel=1e-5)


def slow_lengths(a: np.ndarray) -> list[list[float]]:
    _, height, width = a.shape
    return [
        [sum(value * value for value in a[:, y, x]) ** 0.5 for x in range(width)]
        for y in range(height)
    ]


def test_a_layer_of_few_positions_has_no_border() -> None:
    assert cells.longest(np.array([[0.0, 3.0], [1.0, 2.0]])) == (0, 1)


def test_the_first_layer_can_be_cut_in_all_ways(atlas: Atlas) -> None:
    baked = figure.bake(atlas, atlas.photographs[0])
    (first,) = (layer for layer in baked["layers"] if layer["layer"] == baked["first"])
    shape = [first["groups"]["count"], *first["length"]["shape"]]
    assert first["groups"]["presence"]["shape"] == shape


def test_figures_are_named_for_the_atoms_they_show(atlas: Atlas) -> None:
    uses = figure.page(atlas)["uses"]
    assert "semantic_dictionary" in uses["spatial"]
    assert "channel_attribution" in uses["channel"]
    assert "channel_attribution" not in uses["spatial"]
    assert "neuron_groups" in uses["group"]
    assert all("predictions" not in names for names in uses.values())
    assert all(figure.NAME not in names for names in uses.values())


def test_faces_of_a_box_meet_at_its_near_upper_corner() -> None:
    top, left, right = (
        {tuple(map(float, point.split(","))) for point in face.split()}
        for face in figure.faces((0, 1), (0, 1), (0, 1))
    )
    (corner,) = top & left & right
    assert corner[1] > min(y for _, y in top)
    for x, y in top | left | right:
        assert 0 <= x <= figure.SIZE[0]
        assert 0 <= y <= figure.SIZE[1]


@pytest.mark.parametrize(
    ("corner", "pixel"),
    [
        ((0, 0, 0), (120, 130.8)),
        ((1, 0, 0), (285, 178.8)),
        ((0, 1, 0), (15, 192.8)),
        ((1, 1, 1), (180, 122)),
        ((0.5, 0.25, 0.5), (176.25, 110.9)),
    ],
)
def test_points_are_projected_as_in_the_browser(
    corner: tuple[float, float, float], pixel: tuple[float, float]
) -> None:
    """The same corners as in tests/javascript/cube_geometry_test.js."""
    x, y = map(float, figure.point(*corner).split(","))
    assert (x, y) == pytest.approx(pixel, abs=0.051)
