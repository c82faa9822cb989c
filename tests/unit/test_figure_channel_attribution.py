"""Channel attribution's lists, shares and reach against slow loops."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.figures import channel_attribution as figure
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views.packing import unpack
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("channels") / "store")


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
        expected = [sum(plus[:3]) / sum(plus), sum(minus[:2]) / sum(minus)]
        assert found[n] == pytest.approx(expected)
    nothing = np.zeros((5, 1))
    assert figure.shares(nothing, figure.strongest(nothing)).tolist() == [[0, 0]]


@pytest.fixture(scope="module")
def photograph(atlas: Atlas) -> Photograph:
    return atlas.photographs[1]


@pytest.fixture(scope="module")
def baked(atlas: Atlas, photograph: Photograph) -> dict:
    return figure.bake(atlas, photograph)


def named(indexes: np.ndarray, channels: np.ndarray) -> list[int]:
    return [-1 if index == figure.NONE else int(channels[index]) for index in indexes]


def test_each_channel_has_the_stores_numbers(
    atlas: Atlas, photograph: Photograph, baked: dict
) -> None:
    classes = [entry["index"] for entry in baked["classes"]]
    for layer in baked["layers"]:
        name, channels = layer["layer"], unpack(layer["channels"])
        with atlas.open(photograph) as file:
            to_classes = file.values(f"attribution/{name}.channel/output.neuron")
            removals = file.values(f"removal/{name}.channel/output.neuron")
            whole = (file.values("logits") - file.values(f"baseline/{name}"))[classes]
            cube = file.values(f"activation/{name}").astype(float)
        assert len(set(channels.tolist())) == len(channels)
        assert np.array_equal(unpack(layer["toClasses"]), to_classes[channels][:, classes])
        assert np.array_equal(unpack(layer["removals"]), removals[channels][:, classes])
        maps = unpack(layer["maps"])
        side = maps.shape[1]
        parts = cube[channels].reshape(len(channels), side, layer["block"], side, layer["block"])
        off = np.abs(maps - np.maximum(parts.mean((2, 4)), 0))
        assert off.max() <= 0.013 * maps.max()
        assert unpack(layer["classes"]["whole"]) == pytest.approx(whole, abs=1e-5)
        assert unpack(layer["classes"]["total"]) == pytest.approx(whole, rel=0.02, abs=0.05)
        summed = cube[channels].sum((1, 2))
        assert unpack(layer["summed"]) == pytest.approx(summed, rel=1e-5)
        for k, index in enumerate(classes):
            expected = slow_list(to_classes[:, index].astype(float).tolist())
            assert named(unpack(layer["classes"]["indexes"])[k], channels) == expected


def between(file: File, name: str, other: str, content: str = "attribution") -> np.ndarray:
    """What is between all channels of two layers, those of `name` in rows."""
    path = f"{content}/{name}.channel/{other}.channel"
    if path in file:
        return file.values(path).astype(float)
    return file.values(f"{content}/{other}.channel/{name}.channel").astype(float).T


def test_all_that_a_list_names_is_on_the_page_with_the_stores_numbers(
    atlas: Atlas, photograph: Photograph, baked: dict
) -> None:
    channels = {layer["layer"]: unpack(layer["channels"]) for layer in baked["layers"]}
    for layer in baked["layers"]:
        name = layer["layer"]
        assert set(layer["lists"]) == set(channels) - {name}
        for other, lists in layer["lists"].items():
            indexes, values, lost = (
                unpack(lists[key]) for key in ("indexes", "values", "removals")
            )
            assert len(indexes) == layer["listed"]
            rows = channels[name][: layer["listed"]]
            with atlas.open(photograph) as file:
                stored = between(file, name, other)[rows]
                removals = between(file, name, other, "removal")[rows]
            for row, of_channel in enumerate(stored):
                expected = slow_list(of_channel.tolist())
                assert named(indexes[row], channels[other]) == expected
                shown = [of_channel[c] if c >= 0 else 0 for c in expected]
                assert values[row].tolist() == shown
                shown = [removals[row, c] if c >= 0 else 0 for c in expected]
                assert lost[row].tolist() == shown


def test_visualizations_are_few_unless_all_channels_have_one(atlas: Atlas) -> None:
    photograph = atlas.photographs[0]
    everything = figure.visualizations(atlas, photograph)
    features = atlas.settings.features.model_copy(update={"channels": "shown"})
    settings = atlas.settings.model_copy(update={"features": features})
    thrifty = dataclasses.replace(atlas, settings=settings)
    shown = figure.visualizations(thrifty, photograph)
    for name, first in figure.shown_first(thrifty, photograph).items():
        assert set(first) <= shown[name] <= everything[name]
    assert sum(map(len, shown.values())) < sum(map(len, everything.values()))


def test_what_is_followed_from_the_first_class_has_visualizations(atlas: Atlas) -> None:
    photograph = atlas.photographs[0]
    features = atlas.settings.features.model_copy(update={"channels": "shown"})
    settings = atlas.settings.model_copy(update={"features": features})
    shown = figure.visualizations(dataclasses.replace(atlas, settings=settings), photograph)
    lower, middle, _ = (layer.name for layer in atlas.network.layers)
    first = figure.shown_first(atlas, photograph)[middle][0]
    with atlas.open(photograph) as file:
        fed = between(file, middle, lower)[first.channel_index or 0]
    assert Unit.channel(int(fed.argmax())) in shown[lower]


def test_an_atlas_of_one_layer_has_lists_for_classes_only(tmp_path: Path) -> None:
    layer = Layer("only", "only", (3, 6, 6))
    alone = synthetic.make(tmp_path, photographs=[Photograph("one", "one", "one")], layers=(layer,))
    (baked,) = figure.bake(alone, alone.photographs[0])["layers"]
    assert baked["lists"] == {}
    assert unpack(baked["classes"]["indexes"]).shape == (5, figure.SUPPORT + figure.OPPOSE)
    assert figure.page(alone)["example"] is None
