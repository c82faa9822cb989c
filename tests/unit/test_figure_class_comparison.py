"""Class comparison's pairs, layers and baked numbers, against slow loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.config import DatasetTable, FeaturesTable, Settings
from pipeline.figures import class_comparison
from pipeline.views.packing import unpack
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("comparison") / "store")


def test_a_pair_shows_only_channels_that_favour_its_sides() -> None:
    attribution = np.array([[3.0, 0.0], [1.0, 0.5], [-1.0, 1.0], [2.0, 2.0]])
    (pair,) = class_comparison.compare(attribution)
    assert pair.for_a == (0, 1)
    assert pair.for_b == (2,)


def test_pairs_are_what_a_loop_finds() -> None:
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
    top = [entry["index"] for entry in baked["classes"]]
    for layer in baked["layers"]:
        with atlas.open(photograph) as file:
            r, lost = (
                file.values(f"{content}/{layer['layer']}.channel/output.neuron")
                for content in ("attribution", "removal")
            )
            at_baseline = file.values(f"baseline/{layer['layer']}")
            a = file.values(f"activation/{layer['layer']}").astype(float)
        channels = layer["channels"]
        assert np.array_equal(unpack(layer["share"]), r[channels][:, top])
        assert np.array_equal(unpack(layer["removal"]), lost[channels][:, top])
        assert np.array_equal(unpack(layer["baseline"]), at_baseline[top])
        total = r.astype(float)[:, top].sum(0)
        assert np.allclose(unpack(layer["total"]), total, atol=1e-4)
        off = np.abs(unpack(layer["maps"]) - a[channels])
        assert off.max() <= layer["maps"]["scale"] / 2 + 1e-9
        rows = {row for _, _, for_a, for_b in layer["pairs"] for row in [*for_a, *for_b]}
        assert rows == set(range(len(channels)))


def test_an_atlas_with_one_class_has_nothing_to_compare() -> None:
    assert class_comparison.compare(np.ones((6, 1))) == []


def test_classes_are_compared_in_one_late_layer_unless_all_visualizations_exist() -> None:
    few, every = (
        Settings(
            dataset=DatasetTable(images=("*.jpg",)),
            features=FeaturesTable(channels=channels),
        )
        for channels in ("shown", "all")
    )
    assert class_comparison.compared(("a", "b", "c"), few) == ("b",)
    assert class_comparison.compared(("a",), few) == ("a",)
    assert class_comparison.compared(("a", "b", "c"), every) == ("a", "b", "c")


def test_the_page_shows_the_first_pair_of_the_first_photograph(tmp_path: Path) -> None:
    atlas = synthetic.make(tmp_path, photographs=synthetic.PHOTOGRAPHS[:1])
    page = class_comparison.page(atlas)
    with atlas.open(atlas.photographs[0]) as file:
        r, removal = (
            file.values(f"{content}/{page['layer'].name}.channel/output.neuron").astype(float)
            for content in ("attribution", "removal")
        )
    a, b = (prediction.index for prediction in page["classes"][:2])
    assert len(page["columns"]) == 6
    for channel, net, for_a, for_b, lost in page["columns"]:
        assert [for_a, for_b] == r[channel, [a, b]].tolist()
        assert net == pytest.approx(for_a - for_b, abs=1e-6)
        assert lost == pytest.approx(removal[channel, a] - removal[channel, b], abs=1e-6)
