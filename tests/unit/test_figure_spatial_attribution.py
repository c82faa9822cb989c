"""Spatial attribution: blocks, extremes, factors and what is baked, against slow loops."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from pipeline.atlas import Atlas, Photograph
from pipeline.config import DatasetTable, Settings
from pipeline.figures import later, spatial_attribution
from pipeline.grammar import (
    CLASSES,
    SPATIAL,
    Activation,
    Attribution,
    Presentation,
    Removal,
    Saliency,
    Sign,
    Substrate,
)
from pipeline.views import packing
from pipeline.views.classes import top_classes
from pipeline.views.packing import unpack
from pipeline.views.saliency import colours
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("spatial") / "store")


def test_the_interface_names_positions_their_classes_and_every_pair_of_layers() -> None:
    layers = ("a", "b", "c")
    settings = Settings(dataset=DatasetTable(images=("x",)))
    interface = spatial_attribution.interface(layers, settings)
    for i, layer in enumerate(layers):
        positions = Substrate(layer, SPATIAL)
        assert Attribution(positions, CLASSES) in interface.contents
        assert Removal(positions, CLASSES) in interface.contents
        for upper in layers[i + 1 :]:
            above = Substrate(upper, SPATIAL)
            assert Attribution(positions, above) in interface.contents
            assert Removal(positions, above) in interface.contents
            assert Attribution(above, positions) not in interface.contents
    shown = {
        element.content
        for element in interface.elements
        if element.presentation is Presentation.FEATURE_VIS
    }
    assert shown == {Activation(Substrate(layer, SPATIAL)) for layer in layers}
    assert Saliency(layers) in interface.contents


@pytest.mark.parametrize(
    "shapes",
    [
        [(28, 28), (14, 14), (14, 14), (7, 7)],
        [(112, 112), (56, 56), (28, 28)],
        [(1, 1)],
        [(200, 3), (5, 5)],
    ],
)
def test_cells_are_as_fine_as_the_weight_of_the_maps_allows(shapes: list[tuple[int, int]]) -> None:
    found = spatial_attribution.blocks(shapes)
    both = list(zip(shapes, found, strict=True))
    cells = [-(-height // block) * -(-width // block) for (height, width), block in both]
    numbers = sum(cells[i] * cells[j] for i in range(len(cells)) for j in range(i))
    assert numbers <= spatial_attribution.PAIRS
    assert all(-(-max(shape) // block) <= spatial_attribution.SIDE for shape, block in both)
    if max(map(max, shapes)) <= 28:
        assert set(found) == {1}


@pytest.mark.parametrize("block", [1, 2, 3, 5])
def test_a_block_holds_the_sum_of_its_positions(block: int) -> None:
    values = np.random.default_rng(0).normal(size=(2, 7, 5, 3))
    found = spatial_attribution.summed(values, block, axis=1)
    assert found.shape == (2, -(-7 // block), -(-5 // block), 3)
    for y in range(found.shape[1]):
        for x in range(found.shape[2]):
            part = values[:, y * block : (y + 1) * block, x * block : (x + 1) * block]
            assert np.allclose(found[:, y, x], part.sum(axis=(1, 2)))


def test_extremes_are_the_ends_of_the_sorted_classes() -> None:
    values = np.random.default_rng(1).normal(size=(3, 4, 11))
    found = spatial_attribution.extremes(values)
    for y in range(3):
        for x in range(4):
            order = sorted(range(11), key=lambda k: -values[y, x, k])
            assert found[y, x].tolist() == [*order[:3], *order[:-4:-1]]
    assert spatial_attribution.extremes(values[..., :1]).shape == (3, 4, 0)
    assert spatial_attribution.extremes(values[..., :3]).shape == (3, 4, 2)


def test_classes_without_shares_are_no_extremes() -> None:
    values = np.random.default_rng(1).normal(size=(3, 4, 11))
    known = [0, 2, 3, 7, 8, 9, 10]
    some = np.full_like(values, np.nan)
    some[..., known] = values[..., known]
    expected = np.array(known)[spatial_attribution.extremes(values[..., known])]
    assert np.array_equal(spatial_attribution.extremes(some), expected)
    assert spatial_attribution.with_shares(some).tolist() == known


def test_curved_levels_keep_small_values_apart() -> None:
    values = np.random.default_rng(2).normal(size=5000) ** 5
    packed = packing.pack_curved(values)
    found = unpack(packed)
    largest = np.abs(values).max()
    assert np.abs(found).max() == pytest.approx(largest)
    assert (np.sign(found) == np.sign(values))[found != 0].all()
    level = 63 * (np.abs(values) / largest) ** 0.7
    some = level > 2
    assert 100 < some.sum() < len(values)
    off = np.abs(found - values)[some]
    assert (off <= 1.15 / 0.7 * np.abs(values[some]) / (2 * level[some])).all()
    assert (np.abs(found)[level < 0.49] == 0).all()
    assert unpack(packing.pack_curved(np.zeros(4))).tolist() == [0, 0, 0, 0]


@pytest.fixture(scope="module")
def photograph(atlas: Atlas) -> Photograph:
    return atlas.photographs[1]


@pytest.fixture(scope="module")
def baked(atlas: Atlas, photograph: Photograph) -> dict:
    return spatial_attribution.bake(atlas, photograph)


def test_the_layers_maps_are_what_the_store_holds(
    atlas: Atlas, photograph: Photograph, baked: dict
) -> None:
    with atlas.open(photograph) as file:
        for layer, found in zip(atlas.network.layers, baked["layers"], strict=True):
            stored, lost = (
                file.values(f"{content}/{layer.name}.spatial/output.neuron").astype(np.float64)
                for content in ("attribution", "removal")
            )
            whole = file.values("logits") - file.values(f"baseline/{layer.name}")
            mapped = baked["mapped"]
            for name, values in (("share", stored), ("removal", lost)):
                off = unpack(found[name]) - values[..., mapped].transpose(2, 0, 1)
                assert np.abs(off).max() <= 0.0005 + 1e-9  # half of the last decimal
            total = stored[..., mapped].sum(axis=(0, 1))
            assert np.allclose(unpack(found["total"]), total, atol=1e-3)
            assert np.allclose(unpack(found["whole"]), whole[mapped], atol=1e-5)
            assert np.allclose(total, whole[mapped], rtol=0.02, atol=0.02)
            most = np.array(found["ends"])[unpack(found["extremes"]).astype(int)]
            assert np.array_equal(most, spatial_attribution.extremes(stored))
            for name, values in (("share", stored), ("removal", lost)):
                extreme = unpack(found["extreme"][name])
                off = extreme - np.take_along_axis(values, most, axis=-1)
                assert np.abs(off).max() <= 0.0005 + 1e-9
            assert found["attributed"] is None
            for sign in Sign:
                spatial = file.values(f"saliency/{sign}/{layer.name}/spatial")
                assert np.array_equal(unpack(found["colours"][sign]), colours(spatial))
            assert found["grid"] is None


def test_the_maps_between_layers_are_what_the_store_holds(
    atlas: Atlas, photograph: Photograph
) -> None:
    baked = later(spatial_attribution, atlas, photograph)
    with atlas.open(photograph) as file:
        for name, content in (("share", "attribution"), ("removal", "removal")):
            assert list(baked[name]) == ["0-1", "0-2", "1-2"]
            for key, packed in baked[name].items():
                layers = [atlas.network.layers[int(index)].name for index in key.split("-")]
                path = f"{content}/{layers[0]}.spatial/{layers[1]}.spatial"
                stored = file.values(path).astype(np.float64)
                largest = np.abs(stored).max()
                off = np.abs(unpack(packed) - stored)
                assert off.max() <= 0.015 * largest


def test_the_classes_with_maps_begin_with_the_most_probable(
    atlas: Atlas, photograph: Photograph, baked: dict
) -> None:
    classes = [each.index for each in top_classes(atlas, photograph)]
    assert baked["mapped"][: len(classes)] == classes
    assert all(name == atlas.network.classes[index] for index, name in baked["names"].items())
    assert set(baked["mapped"]) <= set(baked["names"])


def test_a_block_has_the_mean_colour_of_its_positions() -> None:
    spatial = np.random.default_rng(3).random((2, 5, 4)).astype(np.float32)
    found = spatial_attribution.cell_colours(spatial, 2)
    pixels = colours(spatial).astype(float)
    for y in range(3):
        for x in range(2):
            part = pixels[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
            assert np.array_equal(found[y, x], np.rint(part.mean(axis=(0, 1))))


@pytest.mark.parametrize("sign", Sign)
def test_the_directions_logits_are_a_fair_share_of_the_evidence(atlas: Atlas, sign: Sign) -> None:
    layers = atlas.network.layers
    last = layers[-1].name
    with atlas.open(atlas.photographs[0]) as file:
        found = spatial_attribution.factors(file, layers, sign)
        stored = file.values(f"attribution/{last}.spatial/output.neuron").astype(np.float64)
        shares = file.values(f"saliency/{sign}/classes")
        spatial = file.values(f"saliency/{sign}/{last}/spatial")
        listed = file.values("saliency/classes").tolist()
    evidence = np.maximum(stored if sign == "for" else -stored, 0)[..., listed]
    mean = evidence.mean()
    for factor in range(len(shares)):
        order = sorted(range(len(listed)), key=lambda k: -shares[factor, k])
        assert list(found.classes[factor]) == [listed[k] for k in order][:4]
        for index, amount in zip(found.classes[factor], found.amounts[factor], strict=True):
            share = float(shares[factor, listed.index(index)])
            slow = sum(
                mean * float(spatial[factor, y, x]) * share for y in range(7) for x in range(7)
            )
            assert amount == pytest.approx(slow, rel=1e-4)
    # All factors together come close to the evidence that they were found in.
    whole = mean * np.einsum("nyx,nk->k", spatial, shares)
    sums = evidence.sum(axis=(0, 1))
    assert np.abs(whole - sums).max() < 0.35 * sums.max()


def test_the_page_has_the_first_photographs_evidence(atlas: Atlas) -> None:
    page = spatial_attribution.page(atlas)
    assert [row[0] for row in page["rows"]] == list(atlas.network.layers)
    index = page["first"].index
    with atlas.open(atlas.photographs[0]) as file:
        for layer, supports, opposes, row, column, most, lost in page["rows"]:
            path = f"attribution/{layer.name}.spatial/output.neuron"
            values = file.values(path)[..., index].astype(np.float64)
            assert supports + opposes == pytest.approx(values.sum(), abs=1e-3)
            assert most == pytest.approx(values[row, column]) == values.max()
            removals = file.values(f"removal/{layer.name}.spatial/output.neuron")[..., index]
            assert lost == pytest.approx(float(removals[row, column]))


def test_the_figure_stays_light(atlas: Atlas) -> None:
    def size(data: dict) -> int:
        return len(gzip.compress(json.dumps(data, ensure_ascii=False).encode()))

    photograph = atlas.photographs[0]
    assert size(spatial_attribution.bake(atlas, photograph)) < 90_000
    assert all(
        size(part) < 150_000 for part in later(spatial_attribution, atlas, photograph).values()
    )
