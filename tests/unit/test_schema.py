"""One schema for what a network computes and for what tests make up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pipeline import attribution, figures, schema
from pipeline.atlas import Layer
from pipeline.config import AttributionTable, GroupsTable, Settings
from pipeline.factorization import factorize
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    AtBaseline,
    Attribution,
    Coalitions,
    Concentration,
    Content,
    Group,
    Removal,
    Saliency,
    Sign,
    Substrate,
    with_requirements,
)
from tests import synthetic
from tests.unit.networks import network

LAYERS = (Layer("early", "early", (8, 16, 16)), Layer("late", "late", (12, 8, 8)))
CLASS_COUNT = 5
EARLY, LATE = Substrate("early", Group(4, ("late", 3))), Substrate("late", Group(3))


def wanted() -> tuple[Content, ...]:
    """Everything that the figures show of a small network, and its logits."""
    settings = Settings.model_validate(
        {
            "dataset": {"images": ()},
            "groups": {"counts": {"early": (3, 4), "late": (3,)}},
        }
    )
    shown = figures.interfaces([layer.name for layer in LAYERS], settings)
    named = (content for interface in shown.values() for content in interface.contents)
    return with_requirements((Activation(CLASSES), *named))


def described(found: dict[str, schema.Datasets]) -> dict[str, tuple[Any, ...]]:
    """Dataset → its shape, type, dimensions and units."""
    return {
        name: (array.values.shape, array.values.dtype, array.dims, array.units)
        for datasets in found.values()
        for name, array in datasets.items()
    }


def test_made_up_datasets_are_described_as_computed_ones() -> None:
    contents = tuple(each for each in wanted() if each.path != INPUT)
    kinds = {Activation, Attribution, Removal, AtBaseline, Coalitions, Saliency, Concentration}
    assert {type(each) for each in contents} == kinds
    net = network()
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    table = AttributionTable(method="shares", factors=synthetic.FACTORS)
    computed = attribution.compute(net, x, contents, table, GroupsTable())
    rng = np.random.default_rng(0)
    made = synthetic.datasets(rng, contents, LAYERS, CLASS_COUNT)
    paths = {each.path for each in contents}
    real = described({path: computed[path] for path in paths})
    assert described({path: made[path] for path in paths}) == real


# -------------------------------------------------------------------------------- kind by kind
def test_the_photograph() -> None:
    content = Activation(Substrate(INPUT, WHOLE))
    values = np.zeros((4, 5, 3), np.uint8)
    assert described({"": schema.pixels(content, values)}) == {
        "input": ((4, 5, 3), np.uint8, ("y", "x", "rgb"), "0…255")
    }


def test_activations_are_kept_in_half_precision_and_logits_are_not() -> None:
    cube = Activation(Substrate("early", CHANNEL))
    found = schema.activation(cube, np.full((8, 2, 2), 1e9, np.float32))
    assert described({"": found}) == {
        "activation/early": ((8, 2, 2), np.float16, ("channel", "y", "x"), "activation")
    }
    assert np.isfinite(found["activation/early"].values).all()
    assert described({"": schema.activation(Activation(CLASSES), np.zeros(5, np.float32))}) == {
        "logits": ((5,), np.float32, ("class",), "logits")
    }


def test_groups() -> None:
    cube = np.random.default_rng(0).gamma(1.0, 1.0, (8, 4, 5)).astype(np.float32)
    found = schema.groups(Activation(LATE), factorize(cube, 3))
    assert {name: array.dims for name, array in found.items()} == {
        "group/late/3/spatial": ("group", "y", "x"),
        "group/late/3/channels": ("group", "channel"),
        "group/late/3/magnitude": ("group",),
        "group/late/3/residual": ("y", "x"),
        "group/late/3/explained": (),
        "group/late/3/negative": (),
    }
    assert {array.values.dtype for array in found.values()} == {np.dtype(np.float32)}


def test_attribution_without_groups_is_one_dataset() -> None:
    content = Attribution(Substrate("early", SPATIAL), CLASSES)
    found = schema.between(content, np.zeros((2, 3, 5), np.float32))
    assert described({"": found}) == {
        content.path: ((2, 3, 5), np.float16, ("y", "x", "class"), "logits")
    }


def test_residuals_are_kept_apart_and_sum_to_the_whole() -> None:
    content = Attribution(EARLY, LATE)
    values = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    found = schema.between(content, values)
    assert {name: array.dims for name, array in found.items()} == {
        content.path: ("source_group", "target_group"),
        content.residual_of_source: ("target_group",),
        content.residual_of_target: ("source_group",),
        content.residual_of_both: (),
    }
    np.testing.assert_array_equal(found[content.path].values, values[:4, :3])
    np.testing.assert_array_equal(found[content.residual_of_source].values, values[4, :3])
    np.testing.assert_array_equal(found[content.residual_of_target].values, values[:4, 3])
    assert found[content.residual_of_both].values == values[4, 3]
    total = sum(float(array.values.sum()) for array in found.values())
    assert total == pytest.approx(float(values.sum()), rel=1e-5)


@pytest.mark.parametrize(
    ("source", "target", "shape", "residual"),
    [
        (LATE, CLASSES, (4, 5), "of_source"),
        (Substrate("early", SPATIAL), LATE, (2, 3, 4), "of_target"),
    ],
)
def test_groups_at_one_end_leave_one_residual(
    source: Substrate, target: Substrate, shape: tuple[int, ...], residual: str
) -> None:
    content = Attribution(source, target)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = schema.between(content, values)
    names = {"of_source": content.residual_of_source, "of_target": content.residual_of_target}
    assert set(found) == {content.path, names[residual]}
    expected = values[-1] if residual == "of_source" else values[..., -1]
    np.testing.assert_array_equal(found[names[residual]].values, expected)


def test_concentration_and_saliency() -> None:
    concentration = Concentration(EARLY)
    found = schema.concentration(concentration, np.zeros(4, np.float32), np.ones(4, np.float32))
    assert set(found) == {concentration.path, concentration.independent}
    assert {(array.dims, array.units) for array in found.values()} == {
        (("group",), "share of attribution")
    }
    saliency = Saliency(("early", "late"))
    shares = {sign: np.zeros((2, 5), np.float32) for sign in Sign}
    maps = {
        sign: {layer.name: np.zeros((2, *layer.shape[1:]), np.float32) for layer in LAYERS}
        for sign in Sign
    }
    found = schema.saliency(saliency, np.arange(5), shares, maps)
    assert found[saliency.classes].values.dtype == np.int32
    for sign in Sign:
        assert found[saliency.shares(sign)].dims == ("factor", "class")
        assert found[saliency.spatial(sign, "early")].dims == ("factor", "y", "x")
        assert found[saliency.spatial(sign, "early")].values.shape == (2, 16, 16)


@pytest.mark.parametrize("colours", [3, 4])
def test_feature_visualizations_and_grids(colours: int) -> None:
    pictures, values = np.zeros((2, 8, 8, colours), np.uint8), np.zeros(2, np.float32)
    found = schema.visualizations(pictures, values, values, values > 0)
    assert found["pictures"].dims == ("picture", "y", "x", "rgb" if colours == 3 else "rgba")
    assert set(found) == {"pictures", "objective", "activation", "alive"}
    grid = schema.grid(
        np.zeros((4, 5, 8, 8, 3), np.uint8), np.zeros((4, 5), np.float32), np.ones((4, 5), bool)
    )
    assert grid["cells"].dims == ("y", "x", "cell_y", "cell_x", "rgb")
    assert grid["likeness"].dims == grid["alive"].dims == ("y", "x")
