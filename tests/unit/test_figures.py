"""The figures' numbers against slow loops; packing there and back."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import figures
from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import DatasetTable, FeaturesTable, Settings
from pipeline.errors import AtlasError
from pipeline.figures import class_comparison, classes, packing, semantic_dictionary
from pipeline.grammar import Interface
from pipeline.store import Array, write
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("figures") / "store")


def unpacked(packed: dict) -> np.ndarray:
    kind = packing.TYPES[packed["type"]]
    values = np.frombuffer(base64.b64decode(packed["data"]), dtype=kind).reshape(packed["shape"])
    return values * packed["scale"] if "scale" in packed else values


@pytest.mark.parametrize("kind", ["f2", "f4", "u1", "u2", "i1", "i2"])
def test_packing_keeps_what_the_type_can_hold(kind: str) -> None:
    values = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(unpacked(packing.pack(values, kind)), values)


def test_packing_refuses_whole_numbers_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="do not fit into u1"):
        packing.pack(np.array([0, 256]), "u1")
    with pytest.raises(ValueError, match="do not fit into u2"):
        packing.pack(np.array([-1]), "u2")


@pytest.mark.parametrize("values", [np.linspace(0, 7.3, 100), np.linspace(-5, 3, 100), np.zeros(4), np.array([])])
def test_levels_are_off_by_half_a_step_at_most(values: np.ndarray) -> None:
    packed = packing.pack_levels(values)
    assert np.abs(unpacked(packed) - values).max(initial=0) <= packed["scale"] / 2 + 1e-12


def test_levels_share_a_scale_when_told_to() -> None:
    low, high = packing.pack_levels(np.array([1.0]), 10.0), packing.pack_levels(np.array([10.0]), 10.0)
    assert low["scale"] == high["scale"]
    assert unpacked(high)[0] == pytest.approx(10.0)


def test_every_figure_keeps_the_contract(atlas: Atlas) -> None:
    names = [layer.name for layer in atlas.network.layers]
    for name in figures.FIGURES:
        module = figures.load(name)
        assert name == module.NAME
        assert module.TITLE
        interface = module.interface(names, atlas.settings)
        assert isinstance(interface, Interface)
        assert interface.name == name
        for photograph in atlas.photographs:
            assert set(module.units(atlas, photograph)) <= set(names)
            json.dumps(module.bake(atlas, photograph), allow_nan=False)
            for layer, units in figures.opening(module, atlas, photograph).items():
                assert set(units) <= module.units(atlas, photograph)[layer]
        assert isinstance(module.page(atlas), dict)


def test_figures_do_not_load_torch() -> None:
    import subprocess

    code = (
        "import sys; from pipeline import figures, generate; [figures.load(n) for n in figures.FIGURES]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_figure_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(AtlasError, match='no figure "semantic_dictionry"; did you mean "semantic_dictionary"'):
        figures.load("semantic_dictionry")


def test_chosen_figures_come_in_page_order() -> None:
    names = [module.NAME for module in figures.chosen(["semantic_dictionary", "predictions"])]
    assert names == ["predictions", "semantic_dictionary"]


def test_leading_classes_are_the_most_probable(atlas: Atlas) -> None:
    with atlas.image(atlas.photographs[0]) as file:
        logits = file.values("logits").astype(float)
    found = classes.leading(atlas, atlas.photographs[0])
    assert [prediction.index for prediction in found] == sorted(range(len(logits)), key=lambda k: -logits[k])[:5]
    total = sum(np.exp(logit) for logit in logits)
    for prediction in found:
        assert prediction.probability == pytest.approx(np.exp(logits[prediction.index]) / total, rel=1e-6)
        assert prediction.name == atlas.network.classes[prediction.index]


@pytest.mark.parametrize(("side", "block"), [(28, 2), (15, 2), (7, 1), (9, 4)])
def test_blocks_are_averaged_as_a_loop_would(side: int, block: int) -> None:
    a = np.random.default_rng(0).normal(size=(3, side, side + 1))
    found = semantic_dictionary.average(a, block)
    assert found.shape == (3, -(-side // block), -(-(side + 1) // block))
    for c in range(3):
        for y in range(found.shape[1]):
            for x in range(found.shape[2]):
                part = a[c, y * block : (y + 1) * block, x * block : (x + 1) * block]
                assert found[c, y, x] == pytest.approx(part.mean())


def test_the_dictionary_lists_the_strongest_channels_of_every_cell(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        baked = semantic_dictionary.bake(atlas, photograph)
        wanted = semantic_dictionary.units(atlas, photograph)
        for layer in baked["layers"]:
            with atlas.image(photograph) as file:
                a = file.values(f"activation/{layer['layer']}").astype(float)
            channels, values = unpacked(layer["channels"]), unpacked(layer["values"])
            if layer["block"] > 1:
                continue
            for y in range(a.shape[1]):
                for x in range(a.shape[2]):
                    order = sorted(range(len(a)), key=lambda c: -a[c, y, x])[:4]
                    assert values[y, x].tolist() == [a[c, y, x] for c in order]
                    named = [c for c, value in zip(channels[y, x], values[y, x], strict=True) if value > 0]
                    assert named == [c for c in order if a[c, y, x] > 0]
                    assert {f"channel:{c}" for c in named} <= wanted[layer["layer"]]
            assert unpacked(layer["length"])[3, 2] == pytest.approx(np.linalg.norm(a[:, 3, 2]), rel=1e-6)
            assert unpacked(layer["positive"])[3, 2] == (a[:, 3, 2] > 0).sum()
            assert np.array_equal(unpacked(layer["vector"])[3, 2], a[:12, 3, 2])


def test_negative_activations_are_no_strong_channels(tmp_path: Path) -> None:
    layer = Layer("linear", "linear", (6, 5, 5))
    atlas = synthetic.make(tmp_path, photographs=[Photograph("one", "one", "one")], layers=(layer,))
    a = -np.ones((6, 5, 5), np.float16)
    a[4, 2, 3] = 2
    path = atlas.store.image_path("one")
    with atlas.image(atlas.photographs[0]) as file:
        kept = {name: file.array(name) for name in file.names()}
    write(path, "image", "f", {**kept, "activation/linear": Array(a, ("channel", "height", "width"))})
    assert semantic_dictionary.units(atlas, atlas.photographs[0]) == {"linear": {"channel:4"}}
    (baked,) = semantic_dictionary.bake(atlas, atlas.photographs[0])["layers"]
    assert unpacked(baked["values"]).sum() == 2
    assert unpacked(baked["positive"]).sum() == 1


def test_a_pair_shows_only_channels_that_favour_its_sides() -> None:
    attribution = np.array([[3.0, 0.0], [1.0, 0.5], [-1.0, 1.0], [2.0, 2.0]])
    (pair,) = class_comparison.compare(attribution)
    assert pair.for_a == (0, 1)
    assert pair.for_b == (2,)


def test_pairs_are_what_a_loop_finds(atlas: Atlas) -> None:
    r = np.random.default_rng(1).normal(size=(20, 4))
    found = {(pair.a, pair.b): pair for pair in class_comparison.compare(r)}
    assert set(found) == {(a, b) for a in range(4) for b in range(a + 1, 4)}
    for (a, b), pair in found.items():
        evidence = [r[c, a] - r[c, b] for c in range(20)]
        order = sorted(range(20), key=lambda c: -evidence[c])
        assert list(pair.for_a) == order[:3]
        assert list(pair.for_b) == order[-3:]


def test_the_comparison_keeps_the_stores_numbers(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = class_comparison.bake(atlas, photograph)
    leading = [entry["index"] for entry in baked["classes"]]
    for layer in baked["layers"]:
        with atlas.image(photograph) as file:
            r = file.values(f"attribution/{layer['layer']}.channel/output.neuron")
            a = file.values(f"activation/{layer['layer']}").astype(float)
        assert np.array_equal(unpacked(layer["attribution"]), r[layer["channels"]][:, leading])
        assert np.allclose(unpacked(layer["total"]), r.astype(float)[:, leading].sum(0), atol=1e-4)
        assert np.abs(unpacked(layer["maps"]) - a[layer["channels"]]).max() <= layer["maps"]["scale"] / 2 + 1e-9
        places = {place for _, _, for_a, for_b in layer["pairs"] for place in [*for_a, *for_b]}
        assert places == set(range(len(layer["channels"])))


def test_an_atlas_with_one_class_has_nothing_to_compare() -> None:
    assert class_comparison.compare(np.ones((6, 1))) == []


def test_a_layer_that_would_need_many_pictures_is_shown_in_coarser_cells() -> None:
    rng = np.random.default_rng(0)
    layer = Layer("wide", "wide", (400, 14, 14))

    class File:
        def values(self, path: str) -> np.ndarray:
            return rng.gamma(1.0, 1.0, layer.shape)

    settings = Settings(dataset=DatasetTable(images=("*.jpg",)))
    cut = semantic_dictionary.cells(File(), layer, settings)  # type: ignore[arg-type]
    assert cut.block == 2
    assert cut.channels.shape == (7, 7, 4)
    every = Settings(dataset=DatasetTable(images=("*.jpg",)), features=FeaturesTable(channels="all"))
    assert semantic_dictionary.cells(File(), layer, every).block == 1  # type: ignore[arg-type]


def test_classes_are_compared_in_one_late_layer_unless_all_pictures_exist() -> None:
    few, every = (Settings(dataset=DatasetTable(images=("*.jpg",)), features=FeaturesTable(channels=kind)) for kind in ("shown", "all"))
    assert class_comparison.shown(("a", "b", "c"), few) == ("b",)
    assert class_comparison.shown(("a",), few) == ("a",)
    assert class_comparison.shown(("a", "b", "c"), every) == ("a", "b", "c")
