"""Spatial attribution: blocks, extremes, factors and what is baked, against slow loops over the store's numbers."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import packing, spatial_attribution
from pipeline.figures.classes import leading
from pipeline.grammar import CLASSES, Activation, Atom, Attribution, Presentation, Substrate
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("spatial") / "store")


def unpacked(packed: dict) -> np.ndarray:
    levels = (
        np.frombuffer(base64.b64decode(packed["data"]), dtype=packing.TYPES[packed["type"]]).reshape(packed["shape"]).astype(np.float64)
    )
    return np.sign(levels) * np.abs(levels) ** packed.get("power", 1) * packed.get("scale", 1)


def test_the_interface_names_places_their_classes_and_every_pair_of_layers() -> None:
    layers = ("a", "b", "c")
    interface = spatial_attribution.interface(layers, synthetic.Settings(dataset=synthetic.DatasetTable(images=("x",))))
    for i, layer in enumerate(layers):
        places = Substrate(layer, Atom.SPATIAL)
        assert Attribution(places, CLASSES) in interface.contents
        for later in layers[i + 1 :]:
            assert Attribution(places, Substrate(later, Atom.SPATIAL)) in interface.contents
            assert Attribution(Substrate(later, Atom.SPATIAL), places) not in interface.contents
    shown = {element.content for element in interface.elements if element.presentation is Presentation.FEATURE_VIS}
    assert shown == {Activation(Substrate(layer, Atom.SPATIAL)) for layer in layers}


@pytest.mark.parametrize("shapes", [[(28, 28), (14, 14), (14, 14), (7, 7)], [(112, 112), (56, 56), (28, 28)], [(1, 1)], [(200, 3), (5, 5)]])
def test_cells_are_as_fine_as_the_weight_of_the_maps_allows(shapes: list[tuple[int, int]]) -> None:
    found = spatial_attribution.blocks(shapes)
    cells = [-(-height // block) * -(-width // block) for (height, width), block in zip(shapes, found, strict=True)]
    assert sum(cells[i] * cells[j] for i in range(len(cells)) for j in range(i)) <= spatial_attribution.PAIRS
    assert all(-(-max(shape) // block) <= spatial_attribution.SIDE for shape, block in zip(shapes, found, strict=True))
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


def test_curved_levels_keep_small_values_apart() -> None:
    values = np.random.default_rng(2).normal(size=5000) ** 5
    packed = packing.pack_curved(values)
    found = unpacked(packed)
    largest = np.abs(values).max()
    assert np.abs(found).max() == pytest.approx(largest)
    assert (np.sign(found) == np.sign(values))[found != 0].all()
    level = 63 * (np.abs(values) / largest) ** 0.7
    some = level > 2
    assert 100 < some.sum() < len(values)
    assert (np.abs(found - values)[some] <= 1.15 * np.abs(values[some]) / (1.4 * level[some])).all()
    assert (np.abs(found)[level < 0.49] == 0).all()
    assert unpacked(packing.pack_curved(np.zeros(4))).tolist() == [0, 0, 0, 0]


def test_what_is_baked_is_what_the_store_holds(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = spatial_attribution.bake(atlas, photograph)
    classes = leading(atlas, photograph)
    assert baked["mapped"][: len(classes)] == [each.index for each in classes]
    with atlas.image(photograph) as file:
        for layer, found in zip(atlas.network.layers, baked["layers"], strict=True):
            stored = file.values(f"attribution/{layer.name}.spatial/output.neuron").astype(np.float64)
            assert np.array_equal(unpacked(found["maps"]), stored[..., baked["mapped"]].transpose(2, 0, 1))
            assert np.allclose(unpacked(found["total"]), stored[..., baked["mapped"]].sum(axis=(0, 1)), atol=1e-3)
            for sign in spatial_attribution.SIGNS:
                assert np.array_equal(unpacked(found["colours"][sign]), file.values(f"saliency/{sign}/{layer.name}/colours"))
            assert found["grid"] is None
        for (i, j), packed in ((tuple(map(int, key.split("-"))), packed) for key, packed in baked["pairs"].items()):
            names = [f"{atlas.network.layers[place].name}.spatial" for place in (i, j)]
            stored = file.values(f"attribution/{names[0]}/{names[1]}").astype(np.float64)
            assert np.abs(unpacked(packed) - stored).max() <= 0.02 * np.abs(stored).max()
    assert all(baked["names"][index] == atlas.network.classes[index] for index in baked["names"])
    assert set(baked["mapped"]) <= set(baked["names"])


@pytest.mark.parametrize("sign", spatial_attribution.SIGNS)
def test_the_directions_logits_are_a_fair_share_of_the_evidence(atlas: Atlas, sign: str) -> None:
    layers, photograph = atlas.network.layers, atlas.photographs[0]
    with atlas.image(photograph) as file:
        found = spatial_attribution.saliency(file, layers, sign)
        stored = file.values(f"attribution/{layers[-1].name}.spatial/output.neuron").astype(np.float64)
        shares, spatial = file.values(f"saliency/{sign}/classes"), file.values(f"saliency/{sign}/{layers[-1].name}/spatial")
        listed = file.values("saliency/classes").tolist()
    evidence = np.maximum(stored if sign == "for" else -stored, 0)
    mean = evidence[..., listed].mean()
    for factor in range(len(shares)):
        assert list(found.classes[factor]) == [listed[k] for k in sorted(range(len(listed)), key=lambda k: -shares[factor, k])][:4]
        for index, amount in zip(found.classes[factor], found.amounts[factor], strict=True):
            slow = sum(mean * float(spatial[factor, y, x]) * float(shares[factor, listed.index(index)]) for y in range(7) for x in range(7))
            assert amount == pytest.approx(slow, rel=1e-4)
    # All factors together come close to the evidence that they were found in.
    whole = mean * np.einsum("nyx,nk->k", spatial, shares)
    assert np.abs(whole - evidence[..., listed].sum(axis=(0, 1))).max() < 0.35 * evidence[..., listed].sum(axis=(0, 1)).max()


def test_the_page_tells_the_first_photographs_evidence(atlas: Atlas) -> None:
    page = spatial_attribution.page(atlas)
    assert [row[0] for row in page["rows"]] == list(atlas.network.layers)
    with atlas.image(atlas.photographs[0]) as file:
        for layer, supports, opposes, row, column, most in page["rows"]:
            values = file.values(f"attribution/{layer.name}.spatial/output.neuron")[..., page["first"].index].astype(np.float64)
            assert supports + opposes == pytest.approx(values.sum(), abs=1e-3)
            assert most == pytest.approx(values[row, column]) == values.max()


def test_the_figure_stays_light(atlas: Atlas) -> None:
    import gzip
    import json

    text = json.dumps(spatial_attribution.bake(atlas, atlas.photographs[0]))
    assert len(gzip.compress(text.encode())) < 300_000
