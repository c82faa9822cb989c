"""What every figure's module offers, and what figures share: packed arrays, classes, cells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import figures, schema
from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import DatasetTable, FeaturesTable, Settings
from pipeline.errors import AtlasError
from pipeline.figures import semantic_dictionary
from pipeline.grammar import SPATIAL, Activation, Interface, Substrate
from pipeline.units import Unit
from pipeline.views import cells, classes, packing
from pipeline.views.packing import unpack
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("figures") / "store")


def settings(channels: str = "shown") -> Settings:
    features = FeaturesTable(channels=channels)
    return Settings(dataset=DatasetTable(images=("*.jpg",)), features=features)


# ----------------------------------------------------------------------------------- packed arrays
@pytest.mark.parametrize("kind", ["f2", "f4", "u1", "u2", "i1", "i2"])
def test_packing_keeps_what_the_type_can_hold(kind: str) -> None:
    values = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(unpack(packing.pack(values, kind)), values)


def test_packing_refuses_whole_numbers_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="do not fit into u1"):
        packing.pack(np.array([0, 256]), "u1")
    with pytest.raises(ValueError, match="do not fit into u2"):
        packing.pack(np.array([-1]), "u2")


@pytest.mark.parametrize(
    "values", [np.linspace(0, 7.3, 100), np.linspace(-5, 3, 100), np.zeros(4), np.array([])]
)
def test_levels_are_off_by_half_a_step_at_most(values: np.ndarray) -> None:
    packed = packing.pack_levels(values)
    assert np.abs(unpack(packed) - values).max(initial=0) <= packed["scale"] / 2 + 1e-12


def test_levels_share_a_scale_when_given_a_maximum() -> None:
    low = packing.pack_levels(np.array([1.0]), 10.0)
    high = packing.pack_levels(np.array([10.0]), 10.0)
    assert low["scale"] == high["scale"]
    assert unpack(high)[0] == pytest.approx(10.0)


# ------------------------------------------------------------------------------------- the modules
def test_every_figure_keeps_the_contract(atlas: Atlas) -> None:
    names = list(atlas.layer_names)
    for name in figures.FIGURES:
        module = figures.load(name)
        assert name == module.NAME
        assert module.TITLE
        interface = module.interface(names, atlas.settings)
        assert isinstance(interface, Interface)
        assert interface.name == name
        for photograph in atlas.photographs:
            shown = figures.visualizations(module, atlas, photograph)
            assert set(shown) <= set(names)
            json.dumps(module.bake(atlas, photograph), allow_nan=False)
            for layer, units in figures.shown_first(module, atlas, photograph).items():
                assert set(units) <= shown[layer]
        assert isinstance(module.page(atlas), dict)


def test_the_vectors_of_all_directions_are_known(atlas: Atlas) -> None:
    found = 0
    for name in figures.FIGURES:
        for photograph in atlas.photographs:
            vectors = figures.directions_of(figures.chosen(), atlas, photograph)
            shown = figures.visualizations(figures.load(name), atlas, photograph)
            for layer, units in shown.items():
                for unit in units:
                    if unit.channel_index is None:
                        assert Unit.direction(vectors[layer][unit.original]) == unit.original
                        found += 1
    assert found


def test_figures_do_not_load_torch() -> None:
    code = (
        "import sys; from pipeline import figures; from pipeline.website import generate; "
        "[figures.load(name) for name in figures.FIGURES]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_figure_is_named_with_the_nearest_known_one() -> None:
    expected = 'no figure "semantic_dictionry"; did you mean "semantic_dictionary"'
    with pytest.raises(AtlasError, match=expected):
        figures.load("semantic_dictionry")


def test_chosen_figures_come_in_page_order() -> None:
    names = [module.NAME for module in figures.chosen(["semantic_dictionary", "predictions"])]
    assert names == ["predictions", "semantic_dictionary"]


# --------------------------------------------------------------------------------- what they share
def test_top_classes_are_the_most_probable(atlas: Atlas) -> None:
    with atlas.open(atlas.photographs[0]) as file:
        logits = file.values("logits").astype(float)
    found = classes.top_classes(atlas, atlas.photographs[0])
    expected = sorted(range(len(logits)), key=lambda k: -logits[k])[:5]
    assert [prediction.index for prediction in found] == expected
    total = sum(np.exp(logit) for logit in logits)
    for prediction in found:
        probability = np.exp(logits[prediction.index]) / total
        assert prediction.probability == pytest.approx(probability, rel=1e-6)
        assert prediction.name == atlas.network.classes[prediction.index]


@pytest.mark.parametrize(("side", "block"), [(28, 2), (15, 2), (7, 1), (9, 4)])
def test_blocks_are_averaged_as_a_loop_would(side: int, block: int) -> None:
    a = np.random.default_rng(0).normal(size=(3, side, side + 1))
    found = cells.average(a, block)
    assert found.shape == (3, -(-side // block), -(-(side + 1) // block))
    for c in range(3):
        for y in range(found.shape[1]):
            for x in range(found.shape[2]):
                part = a[c, y * block : (y + 1) * block, x * block : (x + 1) * block]
                assert found[c, y, x] == pytest.approx(part.mean())


def test_the_dictionary_lists_the_strongest_channels_of_every_cell(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        wanted = semantic_dictionary.visualizations(atlas, photograph)
        for layer in semantic_dictionary.bake(atlas, photograph)["layers"]:
            if layer["block"] > 1:
                continue
            with atlas.open(photograph) as file:
                a = file.values(f"activation/{layer['layer']}").astype(float)
            check_strongest(a, layer, wanted[layer["layer"]])
            length = np.linalg.norm(a[:, 3, 2])
            assert unpack(layer["length"])[3, 2] == pytest.approx(length, rel=1e-6)
            assert unpack(layer["positive"])[3, 2] == (a[:, 3, 2] > 0).sum()
            assert np.array_equal(unpack(layer["vector"])[3, 2], a[:12, 3, 2])


def check_strongest(a: np.ndarray, layer: dict, wanted: set[Unit]) -> None:
    """Compare the channels of every position with those that sorting `a[C, H, W]` finds."""
    channels, values = unpack(layer["channels"]), unpack(layer["values"])
    for y in range(a.shape[1]):
        for x in range(a.shape[2]):
            order = sorted(range(len(a)), key=lambda c: -a[c, y, x])[:4]
            assert values[y, x].tolist() == [a[c, y, x] for c in order]
            both = zip(channels[y, x], values[y, x], strict=True)
            named = [channel for channel, value in both if value > 0]
            assert named == [c for c in order if a[c, y, x] > 0]
            assert {Unit.channel(channel) for channel in named} <= wanted


def test_negative_activations_are_no_strong_channels(tmp_path: Path) -> None:
    layer = Layer("linear", "linear", (6, 5, 5))
    photograph = Photograph("one", "one", "one")
    atlas = synthetic.make(tmp_path, photographs=[photograph], layers=(layer,))
    a = -np.ones((6, 5, 5), np.float16)
    a[4, 2, 3] = 2
    content = Activation(Substrate("linear", SPATIAL))
    datasets = {content.path: schema.activation(content, a)}
    synthetic.write_photograph(atlas, photograph, datasets, "negative")
    wanted = semantic_dictionary.visualizations(atlas, photograph)
    assert wanted == {"linear": {Unit.channel(4)}}
    (baked,) = semantic_dictionary.bake(atlas, photograph)["layers"]
    assert unpack(baked["values"]).sum() == 2
    assert unpack(baked["positive"]).sum() == 1


def test_a_layer_that_would_need_many_visualizations_is_shown_in_coarser_cells() -> None:
    rng = np.random.default_rng(0)
    layer = Layer("wide", "wide", (400, 14, 14))

    class File:
        def values(self, path: str) -> np.ndarray:
            return rng.gamma(1.0, 1.0, layer.shape)

    coarse = cells.read(File(), layer, settings())  # type: ignore[arg-type]
    assert coarse.block == 2
    assert coarse.channels.shape == (7, 7, 4)
    every = settings(channels="all")
    assert cells.read(File(), layer, every).block == 1  # type: ignore[arg-type]
