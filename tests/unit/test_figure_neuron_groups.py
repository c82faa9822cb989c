"""Neuron groups: what is baked equals the store; groups and residual make up the whole layer."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.config import DatasetTable, GroupsTable, Settings
from pipeline.figures import neuron_groups, visualizations
from pipeline.units import Unit
from pipeline.views import groups
from pipeline.views.classes import top_classes
from pipeline.views.packing import unpack
from tests import synthetic

EARLY, MIDDLE = (layer.name for layer in synthetic.LAYERS[:2])


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("groups") / "store")


def settings(**counts: tuple[int, ...]) -> Settings:
    return Settings(dataset=DatasetTable(images=("*.jpg",)), groups=GroupsTable(counts=counts))


def test_presence_is_the_length_of_a_groups_part_of_the_activations(atlas: Atlas) -> None:
    with atlas.open(atlas.photographs[0]) as file:
        shown = groups.read(file, groups.substrate(MIDDLE, 6))
        w = file.values(f"group/{MIDDLE}/6/spatial").astype(float)
        h = file.values(f"group/{MIDDLE}/6/channels").astype(float)
    for g in range(6):
        for y, x in ((0, 0), (7, 3), (13, 13)):
            length = np.linalg.norm(w[g, y, x] * h[g])
            assert shown.presence[g, y, x] == pytest.approx(length, rel=1e-5)


def test_what_is_baked_equals_the_store(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = neuron_groups.bake(atlas, photograph)
    named = [prediction.index for prediction in top_classes(atlas, photograph)]
    assert [entry["index"] for entry in baked["classes"]] == named
    assert [layer["layer"] for layer in baked["layers"]] == [EARLY, MIDDLE]
    assert baked["first"] == MIDDLE
    for layer in baked["layers"]:
        with atlas.open(photograph) as file:
            around = file.values(f"baseline/{layer['layer']}")[named]
        assert layer["baseline"] == pytest.approx(around, abs=5e-5)
        for found in layer["factorizations"]:
            count, scale = found["count"], found["presence"]["scale"]
            path = f"{layer['layer']}.group.{count}/output.neuron"
            with atlas.open(photograph) as file:
                for name, folder, residual in (
                    ("share", "attribution", "residual"),
                    ("removal", "removal", "removal_residual"),
                ):
                    values = unpack(found[name])
                    assert np.array_equal(values[:-1], file.values(f"{folder}/{path}")[:, named])
                    left = file.values(f"{residual}/{path}/of_source")[named]
                    assert np.array_equal(values[-1], left)
                shown = groups.read(file, groups.substrate(layer["layer"], count))
            assert np.abs(unpack(found["presence"]) - shown.presence).max() <= scale / 2 + 1e-5
            assert len(set(found["units"])) == len(found["positions"]) == count


def test_shares_add_up_to_what_the_layer_changes(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        baked = neuron_groups.bake(atlas, photograph)
        logits = np.array([entry["logit"] for entry in baked["classes"]])
        for layer in baked["layers"]:
            for found in layer["factorizations"]:
                whole = unpack(found["share"]).sum(axis=0)
                assert np.allclose(whole, logits - layer["baseline"], atol=1e-3)


def pair_gain(values: np.ndarray, i: int, j: int) -> float:
    """Mean over all orders in which i and j arrive together: both, less each alone."""
    parts = len(values).bit_length() - 1
    others = [part for part in range(parts) if part not in (i, j)]
    gains = []
    for order in itertools.permutations([*others, -1]):  # -1: where the two arrive
        before = sum(1 << part for part in order[: order.index(-1)])
        both, first, second = (before | bits for bits in (1 << i | 1 << j, 1 << i, 1 << j))
        gains.append(values[both] - values[first] - values[second] + values[before])
    return float(np.mean(gains))


def test_the_strongest_interaction_is_that_of_all_orders(atlas: Atlas) -> None:
    photograph = atlas.photographs[0]
    found = neuron_groups.bake(atlas, photograph)["layers"][0]["factorizations"][0]
    with atlas.open(photograph) as file:
        values = file.values(f"coalition/{EARLY}.group.3").astype(float)
    pairs = list(itertools.combinations(range(4), 2))
    for each, prediction in zip(found["together"], top_classes(atlas, photograph), strict=True):
        gains = [pair_gain(values[:, prediction.index], i, j) for i, j in pairs]
        strongest = int(np.abs(gains).argmax())
        assert sorted(each["parts"]) == list(pairs[strongest])
        assert each["value"] == pytest.approx(gains[strongest], abs=1e-3)


def test_too_many_groups_have_no_coalitions() -> None:
    contents = neuron_groups.interface(["b"], settings(b=(3, 12))).contents
    named = [content.path for content in contents if content.path.startswith("coalition/")]
    assert named == ["coalition/b.group.3"]


def test_every_group_has_a_feature_visualization_of_its_direction(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        vectors = neuron_groups.directions(atlas, photograph)
        wanted = visualizations(neuron_groups, atlas, photograph)
        layers = neuron_groups.bake(atlas, photograph)["layers"]
        for layer in layers:
            name = layer["layer"]
            units = {unit for found in layer["factorizations"] for unit in found["units"]}
            assert {Unit.parse(unit) for unit in units} == wanted[name] == set(vectors[name])
        first = neuron_groups.shown_first(atlas, photograph)[MIDDLE]
        assert [str(unit) for unit in first] == layers[1]["factorizations"][1]["units"]


def test_the_page_names_the_group_that_moves_the_class_most(atlas: Atlas) -> None:
    page = neuron_groups.page(atlas)
    first = neuron_groups.bake(atlas, atlas.photographs[0])["layers"][1]["factorizations"][1]
    values = unpack(first["share"])[:-1, 0]
    strongest = int(np.abs(values).argmax())
    assert page["strongest"]["number"] == strongest + 1
    assert page["strongest"]["attribution"] == values[strongest]
    removal = unpack(first["removal"])
    assert [group["removal"] for group in page["groups"]] == list(removal[:-1, 0])
    assert page["residual"]["removal"] == removal[-1, 0]
    assert [group["position"] for group in page["groups"]] == first["positions"]


def test_counts_that_are_configured_are_kept() -> None:
    chosen = settings(b=(8, 4, 4))
    assert groups.resolve(chosen, {"a": (64, 14, 14), "b": (64, 14, 14)}) is chosen
    assert groups.counts(chosen, "b") == (4, 8)
    assert groups.layers(chosen, ["a", "b", "c"]) == ("b",)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (
            {"a": (64, 28, 28), "b": (64, 14, 14), "c": (64, 14, 14), "d": (64, 7, 7)},
            {"b": (3, 6), "c": (3, 6, 9)},
        ),
        ({"a": (8, 16, 16), "b": (12, 8, 8)}, {"a": (3,), "b": (3, 6)}),
        (
            {"a": (12, 16, 16), "b": (64, 8, 8), "c": (64, 8, 8)},
            {"a": (3, 6), "b": (3, 6, 9)},
        ),
        ({"a": (4, 1, 1)}, {"a": (1,)}),
    ],
)
def test_counts_left_to_us_fit_the_layer(
    shapes: dict[str, tuple[int, int, int]], expected: dict[str, tuple[int, ...]]
) -> None:
    found = groups.resolve(settings(), shapes)
    assert found.groups.counts == expected
    assert groups.layers(found, list(shapes)) == groups.layers(settings(), list(shapes))


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (0, 0, "at the top, left"),
        (4, 4, "in the middle"),
        (8, 4, "at the bottom"),
        (4, 8, "in the middle, right"),
    ],
)
def test_positions_in_words(row: int, column: int, words: str) -> None:
    presence = np.zeros((9, 9))
    presence[row, column] = 2.0
    assert groups.describe_position(presence) == words


def test_a_group_that_is_nowhere_has_no_position() -> None:
    assert groups.describe_position(np.zeros((3, 4))) == "nowhere"


def test_an_atlas_with_one_layer_has_groups(tmp_path: Path) -> None:
    photographs, layers = synthetic.PHOTOGRAPHS[:1], synthetic.LAYERS[:1]
    atlas = synthetic.make(tmp_path, photographs=photographs, layers=layers)
    baked = neuron_groups.bake(atlas, atlas.photographs[0])
    assert [layer["layer"] for layer in baked["layers"]] == [EARLY]
