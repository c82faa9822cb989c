"""Channel attribution's lists, shares and reach against slow loops."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.figures import channel_attribution as figure
from pipeline.figures.packing import TYPES
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("channels") / "store")


def unpacked(packed: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), dtype=TYPES[packed["type"]]).reshape(packed["shape"])


def slow_list(values: list[float]) -> list[int]:
    order = sorted(range(len(values)), key=lambda c: -values[c])
    best = [c for c in order[:3] if values[c] > 0]
    worst = [c for c in reversed(order[-2:]) if values[c] < 0]
    return best + [-1] * (3 - len(best)) + worst + [-1] * (2 - len(worst))


@pytest.mark.parametrize("channels", [1, 2, 4, 30])
def test_lists_are_what_a_loop_finds(channels: int) -> None:
    values = np.random.default_rng(channels).normal(size=(channels, 50))
    found = figure.strongest(values)
    assert found.tolist() == [slow_list(values[:, n].tolist()) for n in range(50)]


def test_no_channel_stands_on_a_side_that_it_does_not_favour() -> None:
    values = np.array([[1.0, -1.0, 0.0], [2.0, -2.0, 0.0], [-3.0, -4.0, 0.0]])
    assert figure.strongest(values).tolist() == [[1, 0, -1, 2, -1], [-1, -1, -1, 2, 1], [-1] * 5]


def test_shares_are_of_all_support_and_all_opposition() -> None:
    values = np.random.default_rng(0).normal(size=(40, 6))
    found = figure.shares(values, figure.strongest(values))
    for n in range(6):
        plus = sorted((v for v in values[:, n] if v > 0), reverse=True)
        minus = sorted(v for v in values[:, n] if v < 0)
        assert found[n] == pytest.approx([sum(plus[:3]) / sum(plus), sum(minus[:2]) / sum(minus)])
    assert figure.shares(np.zeros((5, 1)), figure.strongest(np.zeros((5, 1)))).tolist() == [[0, 0]]


def test_all_that_a_list_names_is_on_the_page_with_the_stores_numbers(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = figure.bake(atlas, photograph)
    layers = {layer["layer"]: layer for layer in baked["layers"]}
    names = list(layers)
    classes = [entry["index"] for entry in baked["classes"]]
    with atlas.image(photograph) as file:
        to_classes = {name: file.values(f"attribution/{name}.channel/output.neuron") for name in names}
        between = {
            (a, b): file.values(f"attribution/{a}.channel/{b}.channel").astype(float) for i, a in enumerate(names) for b in names[i + 1 :]
        }
        cubes = {name: file.values(f"activation/{name}").astype(float) for name in names}
    for name, layer in layers.items():
        channels = unpacked(layer["channels"])
        assert len(set(channels.tolist())) == len(channels)
        assert np.array_equal(unpacked(layer["toClasses"]), to_classes[name][channels][:, classes])
        assert unpacked(layer["summed"]) == pytest.approx(cubes[name][channels].sum((1, 2)), rel=1e-5)
        for k, index in enumerate(classes):
            places = unpacked(layer["classes"]["places"])[k]
            expected = slow_list(to_classes[name][:, index].astype(float).tolist())
            assert [-1 if p == figure.NONE else int(channels[p]) for p in places] == expected
        for other, lists in layer["lists"].items():
            theirs = unpacked(layers[other]["channels"])
            assert len(unpacked(lists["places"])) == layer["listed"]
            for row, channel in enumerate(channels[: layer["listed"]]):
                values = between[name, other][channel] if (name, other) in between else between[other, name][:, channel]
                expected = slow_list(values.tolist())
                places = unpacked(lists["places"])[row]
                assert [-1 if p == figure.NONE else int(theirs[p]) for p in places] == expected
                assert unpacked(lists["values"])[row].tolist() == [values[c] if c >= 0 else 0 for c in expected]


def test_pictures_are_few_unless_all_channels_have_one(atlas: Atlas) -> None:
    photograph = atlas.photographs[0]
    everything = figure.units(atlas, photograph)
    few = atlas.settings.model_copy(update={"features": atlas.settings.features.model_copy(update={"channels": "shown"})})
    thrifty = dataclasses.replace(atlas, settings=few)
    shown = figure.units(thrifty, photograph)
    for name, first in figure.opening(thrifty, photograph).items():
        assert set(first) <= shown[name] <= everything[name]
    assert sum(map(len, shown.values())) < sum(map(len, everything.values()))


def test_an_atlas_of_one_layer_has_lists_for_classes_only(tmp_path: Path) -> None:
    layer = Layer("only", "only", (3, 6, 6))
    alone = synthetic.make(tmp_path, photographs=[Photograph("one", "one", "one")], layers=(layer,))
    (baked,) = figure.bake(alone, alone.photographs[0])["layers"]
    assert baked["lists"] == {}
    assert unpacked(baked["classes"]["places"]).shape == (5, figure.SUPPORT + figure.OPPOSE)
    assert figure.page(alone)["example"] is None
