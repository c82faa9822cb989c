"""What is tried out, against slow computations: sampled shares, changes, groups, quantiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.attribution.groups import cut_all, layers_of
from pipeline.attribution.observation import Observation
from pipeline.config import AttributionTable, GroupsTable
from pipeline.factorization import factorize
from pipeline.grammar import CHANNEL, CLASSES, SPATIAL, Substrate
from pipeline.network import Network
from pipeline.shapley import memberships, shapley_values
from pipeline.trust import shares, stability
from pipeline.trust.changes import CHANGES
from pipeline.trust.claims import Claims, Effort, GroupsClaim
from pipeline.trust.photograph import Trial
from pipeline.trust.quantiles import quantiles
from pipeline.units import Unit
from tests.unit.networks import network, photograph

LATE = "late"


def layer_of(
    net: Network, target: int, name: str = LATE, x: torch.Tensor | None = None
) -> shares.Layer:
    substrates = [Substrate(name, CHANNEL), Substrate(name, SPATIAL), CLASSES]
    observation = Observation(net, photograph() if x is None else x, layers_of(substrates))
    return shares.Layer(observation, cut_all(observation, substrates), name, target)


def logits(net: Network, name: str, cube: torch.Tensor) -> torch.Tensor:
    """The logits with a layer's cube replaced, by a plain hook."""
    handle = net.layer(name).register_forward_hook(lambda *_: cube[None])
    try:
        with torch.no_grad():
            return net.logits(photograph())[0]
    finally:
        handle.remove()


# ------------------------------------------------------------------------------------------ shares
def test_sampled_values_approach_the_exact_ones() -> None:
    net = network()
    layer = layer_of(net, 2, "early")
    cube = layer.observation.cube("early")
    present = memberships(8)
    played = [
        logits(net, "early", cube * torch.from_numpy(row).float()[:, None, None])[2]
        for row in present
    ]
    exact = shapley_values(np.array(played))
    chosen = np.array([1, 4, 6])
    halves = shares.sampled(layer, chosen, Effort(8, 512))
    assert halves.shape == (2, 3)
    assert np.abs(halves.mean(0) - exact[chosen]).max() < 0.06 * np.abs(exact).max()


def test_removals_are_measured_again() -> None:
    net = network()
    layer = layer_of(net, 1)
    cube = layer.observation.cube(LATE)
    found = shares.removed(layer, np.array([0, 7]))
    for channel, effect in zip((0, 7), found, strict=True):
        without = cube.clone()
        without[channel] = 0
        expected = logits(net, LATE, cube)[1] - logits(net, LATE, without)[1]
        assert effect == pytest.approx(float(expected), abs=1e-5)


def test_all_methods_agree_where_the_network_is_linear() -> None:
    layer = layer_of(network(), 3)  # above "late" there are a mean and a linear function
    straight, positions = shares.integrated(layer)
    others = shares.other_methods(layer, AttributionTable())
    np.testing.assert_allclose(straight, others.linear, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(others.random_paths, others.linear, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(others.spread, 0, atol=1e-5)
    sampled = shares.sampled(layer, np.arange(12), Effort(12, 4))
    np.testing.assert_allclose(sampled, np.stack([straight, straight]), rtol=1e-3, atol=1e-4)
    assert positions.sum() == pytest.approx(straight.sum(), rel=1e-4)


def test_half_of_the_channels_are_the_largest() -> None:
    found = np.random.default_rng(0).normal(size=40)
    chosen = shares.choose(found, Effort(10, 4))
    assert len(set(chosen.tolist())) == 10
    assert set(np.argsort(-np.abs(found))[:5]) <= set(chosen.tolist())
    assert shares.choose(found[:6], Effort(10, 4)).tolist() == list(range(6))


# ----------------------------------------------------------------------------------------- changes
@pytest.mark.parametrize("name", CHANGES)
def test_maps_are_moved_back_to_where_they_were(name: str) -> None:
    y, x = np.mgrid[0:32, 0:32]
    spot = np.exp(-((y - 12) ** 2 + (x - 9) ** 2) / 40)
    pixels = np.repeat((255 * spot).astype(np.uint8)[..., None], 3, 2)
    changed = CHANGES[name].apply(pixels)
    assert changed.shape == pixels.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, pixels)
    back = CHANGES[name].undo(changed[None, ..., 0].astype(float), (32, 32))[0]
    assert stability.likeness(back, pixels[..., 0]) > 0.95


# ---------------------------------------------------------------------------------------- groups
def claim(cube: np.ndarray, n: int) -> GroupsClaim:
    found = factorize(cube, n)
    return GroupsClaim(found.spatial, found.channels, found.explained, True)


def test_groups_are_found_again_in_any_order() -> None:
    cube = np.random.default_rng(0).gamma(1, 1, (10, 6, 6)).astype(np.float32)
    found = factorize(cube, 3)
    order = [2, 0, 1]
    mixed = GroupsClaim(found.spatial[order], found.channels[order], found.explained, True)
    maps, directions = stability.found_again(mixed, found, found.spatial)
    np.testing.assert_allclose(maps, 1)
    np.testing.assert_allclose(directions, 1, rtol=1e-5)
    assert stability.explained(mixed, cube) == pytest.approx(found.explained, abs=1e-5)
    mixed.spatial[0] = mixed.spatial[0][::-1, ::-1]
    assert stability.explained(mixed, cube) < found.explained - 0.02
    maps, _ = stability.found_again(mixed, found, found.spatial)
    assert maps[0] < 0.7 < maps[1:].min()


def test_top_channels_that_stay_are_counted() -> None:
    before, after = np.arange(40.0), np.arange(40.0)
    after[39] = -1
    assert stability.kept(before, before) == 1
    assert stability.kept(before, after) == pytest.approx(0.9)
    assert stability.kept(np.arange(3.0), -np.arange(3.0)) == 0


# ---------------------------------------------------------------------------------------- pictures
def test_quantiles_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    cubes = [rng.normal(size=(4, 3, 5)).astype(np.float32) for _ in range(3)]
    vector = rng.normal(size=4).astype(np.float32)
    units = [Unit.channel(2), Unit.direction(vector)]
    reached = np.array([0.3, -0.2], np.float32)
    found = quantiles(cubes, units, {units[1]: vector}, reached)
    channel = [cube[2, y, x] for cube in cubes for y in range(3) for x in range(5)]
    along = [cube[:, y, x] @ vector for cube in cubes for y in range(3) for x in range(5)]
    assert found.positions == len(channel) == 45
    assert found.below[0] == pytest.approx(np.mean([each < 0.3 for each in channel]))
    assert found.below[1] == pytest.approx(np.mean([each < -0.2 for each in along]))
    np.testing.assert_allclose(found.largest, [max(channel), max(along)], rtol=1e-6)


# --------------------------------------------------------------------------------- all of it
def test_a_photograph_is_tried_out_as_a_whole() -> None:
    net = network()
    pixels = (255 * photograph(side=32)[0].permute(1, 2, 0).numpy()).astype(np.uint8)
    layer = layer_of(net, 0, LATE, net.input(pixels))
    cube = layer.observation.cube(LATE).numpy()
    straight, positions = shares.integrated(layer)
    stored = {"channel": straight[:, None], "spatial": positions[..., None]}
    claims = [Claims(LATE, (0,), stored, straight, {3: claim(cube, 3)})]
    trial = Trial(net, pixels, AttributionTable(), GroupsTable(), Effort(6, 4))
    found = trial.of(claims)[LATE]
    np.testing.assert_allclose(found["sums"], found["change"] * np.ones((2, 1)), rtol=1e-4)
    np.testing.assert_allclose(*found["group.3/explained"], atol=1e-5)
    assert found["shares"].shape == (len(found["methods"]), 6)
    assert found["sums"].shape == (2, 1)
    assert found["top"].shape == found["maps"].shape == (len(CHANGES),)
    assert found["group.3/maps"].shape == (len(found["changes"]), 3)


def test_methods_that_begin_at_zero_are_left_out_with_other_baselines() -> None:
    net = network()
    means = {LATE: np.full(12, 0.1, np.float32)}
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    claims = [Claims(LATE, (0,), {"channel": np.ones((12, 1), np.float32)}, None, {})]
    trial = Trial(
        net, pixels, AttributionTable(baseline="mean"), GroupsTable(), Effort(4, 4), means
    )
    found = trial.of(claims)[LATE]
    finite = dict(zip(found["methods"], np.isfinite(found["shares"]).all(1), strict=True))
    assert finite == {
        "stored": True,
        "linear": False,
        "integrated": True,
        "random_paths": False,
        "removal": True,
    }
    assert "removals" not in found


def test_a_layer_that_is_silent_in_a_changed_photograph_is_not_found_again() -> None:
    net = network()
    dark = np.zeros((32, 32, 3), np.uint8)
    changed = net.input(dark)
    silent = Observation(net, changed, [LATE])
    silent.cubes[LATE] = torch.zeros_like(silent.cubes[LATE])
    flat = Observation(net, changed, [LATE])
    flat.cubes[LATE] = torch.ones_like(flat.cubes[LATE])  # of rank 1: too little for 3 groups
    ones = np.ones((3, 8, 8), np.float32)
    groups = {3: GroupsClaim(ones, np.ones((3, 12), np.float32), 1.0, True)}
    claims = Claims(LATE, (0,), {}, None, groups)
    trial = Trial(net, dark, AttributionTable(), GroupsTable(), Effort(4, 4))
    before = (np.arange(12.0), np.ones((8, 8)))
    found = trial.again(silent, claims, before, CHANGES["flip"])
    assert (found["top"], found["maps"]) == (0, 0)
    assert not found["group.3/maps"].any()
    assert not trial.again(flat, claims, None, CHANGES["flip"])["group.3/maps"].any()
