"""Neuron groups: what is baked equals the store, groups and what they leave make up the whole, counts fit the layer."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.config import DatasetTable, GroupsTable, Settings
from pipeline.figures import groupings, neuron_groups, packing
from pipeline.figures.classes import leading
from tests import synthetic

MIDDLE = synthetic.LAYERS[1].name


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("groups") / "store")


def unpacked(packed: dict) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(packed["data"]), dtype=packing.TYPES[packed["type"]]).reshape(packed["shape"])
    return values * packed.get("scale", 1)


def settings(**counts: tuple[int, ...]) -> Settings:
    return Settings(dataset=DatasetTable(images=("*.jpg",)), groups=GroupsTable(counts=counts))


def test_presence_is_the_length_of_a_groups_part_of_the_activations(atlas: Atlas) -> None:
    with atlas.image(atlas.photographs[0]) as file:
        factors = groupings.read(file, groupings.substrate(MIDDLE, 6))
        w, h = (file.values(f"group/{MIDDLE}/6/{name}").astype(float) for name in ("spatial", "channels"))
    for g in range(6):
        for y, x in ((0, 0), (7, 3), (13, 13)):
            assert factors.presence[g, y, x] == pytest.approx(np.linalg.norm(w[g, y, x] * h[g]), rel=1e-5)


def test_what_is_baked_equals_the_store(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = neuron_groups.bake(atlas, photograph)
    named = [prediction.index for prediction in leading(atlas, photograph)]
    assert [entry["index"] for entry in baked["classes"]] == named
    assert [layer["layer"] for layer in baked["layers"]] == [synthetic.LAYERS[0].name, MIDDLE]
    assert baked["first"] == MIDDLE
    for layer in baked["layers"]:
        for factors in layer["factors"]:
            path = f"{layer['layer']}.group.{factors['count']}/output.neuron"
            with atlas.image(photograph) as file:
                assert np.array_equal(unpacked(factors["effect"]), file.values(f"attribution/{path}")[:, named])
                assert np.array_equal(unpacked(factors["rest"]), file.values(f"residual/{path}/of_source")[named])
                presence = groupings.read(file, groupings.substrate(layer["layer"], factors["count"])).presence
            assert np.abs(unpacked(factors["presence"]) - presence).max() <= factors["presence"]["scale"] / 2 + 1e-5
            assert len(set(factors["units"])) == len(factors["places"]) == factors["count"]


def test_every_group_has_a_picture_of_its_direction(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        vectors, wanted = neuron_groups.directions(atlas, photograph), neuron_groups.units(atlas, photograph)
        baked = neuron_groups.bake(atlas, photograph)
        for layer in baked["layers"]:
            shown = {unit for factors in layer["factors"] for unit in factors["units"]}
            assert shown == wanted[layer["layer"]] == set(vectors[layer["layer"]])
        assert neuron_groups.opening(atlas, photograph)[MIDDLE] == baked["layers"][1]["factors"][1]["units"]


def test_counts_that_are_configured_are_kept() -> None:
    chosen = settings(b=(8, 4, 4))
    assert groupings.resolve(chosen, {"a": (64, 14, 14), "b": (64, 14, 14)}) is chosen
    assert groupings.counts(chosen, "b") == (4, 8)
    assert groupings.layers(chosen, ["a", "b", "c"]) == ("b",)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"a": (64, 28, 28), "b": (64, 14, 14), "c": (64, 14, 14), "d": (64, 7, 7)}, {"b": (3, 6), "c": (3, 6, 9)}),
        ({"a": (8, 16, 16), "b": (12, 8, 8)}, {"a": (3,), "b": (3, 6)}),
        ({"a": (12, 16, 16), "b": (64, 8, 8), "c": (64, 8, 8)}, {"a": (3, 6), "b": (3, 6, 9)}),
        ({"a": (4, 1, 1)}, {"a": (1,)}),
    ],
)
def test_counts_left_to_us_fit_the_layer(shapes: dict[str, tuple[int, int, int]], expected: dict[str, tuple[int, ...]]) -> None:
    found = groupings.resolve(settings(), shapes)
    assert found.groups.counts == expected
    assert groupings.layers(found, list(shapes)) == groupings.layers(settings(), list(shapes))


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "at the top, left"), (4, 4, "in the middle"), (8, 4, "at the bottom"), (4, 8, "in the middle, right")],
)
def test_places_in_words(row: int, column: int, words: str) -> None:
    presence = np.zeros((9, 9))
    presence[row, column] = 2.0
    assert groupings.place(presence) == words


def test_a_group_that_is_nowhere_has_no_place() -> None:
    assert groupings.place(np.zeros((3, 4))) == "nowhere"


def test_an_atlas_with_one_layer_has_groups(tmp_path: Path) -> None:
    atlas = synthetic.make(tmp_path, photographs=synthetic.PHOTOGRAPHS[:1], layers=synthetic.LAYERS[:1])
    assert [layer["layer"] for layer in neuron_groups.bake(atlas, atlas.photographs[0])["layers"]] == [synthetic.LAYERS[0].name]
