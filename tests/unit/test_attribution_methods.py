"""The methods of attribution: where they take gradients, and how a new one is added."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.attribution import METHODS, attribute, attribute_along_paths, compute
from pipeline.attribution.methods import Points, method_named, relaxes
from pipeline.config import AttributionTable
from pipeline.errors import AtlasError
from pipeline.grammar import CHANNEL, CLASSES, NEURON, SPATIAL, Attribution, Substrate
from tests.unit.networks import close, network, photograph

EARLY, POSITIONS = Substrate("early", CHANNEL), Substrate("early", SPATIAL)


def cube(channels: int = 7) -> torch.Tensor:
    return torch.rand(channels, 4, 3, generator=torch.Generator().manual_seed(2)).relu()


def every(points: Points) -> torch.Tensor:
    """All points `[R, S, C, H, W]`."""
    flat = points.at(range(points.paths * points.steps))
    return flat.unflatten(0, (points.paths, points.steps))


@pytest.mark.parametrize("name", METHODS)
def test_weights_sum_to_one_and_points_do_not_depend_on_batches(name: str) -> None:
    points = METHODS[name].points(cube(), AttributionTable(steps=8, paths=3))
    total = points.weights.sum(1)
    torch.testing.assert_close(total, torch.ones_like(total))
    count = points.paths * points.steps
    for size in (1, 3):
        chunks = [range(start, min(start + size, count)) for start in range(0, count, size)]
        assert torch.equal(torch.cat([points.at(rows) for rows in chunks]), points.at(range(count)))


@pytest.mark.parametrize("name", METHODS)
def test_methods_describe_themselves(name: str) -> None:
    method, settings = METHODS[name], AttributionTable(method=name, steps=17, paths=5)
    assert name == method.NAME
    text = method.describe(settings)
    assert "activation ×" in text
    assert ("17" in text) == (name in ("integrated", "smoothgrad"))
    assert ("5 random paths" in text) == (name == "random_paths")
    assert ("Shapley values" in text) == (name == "shares")


def test_linear_takes_the_gradient_at_the_activations() -> None:
    a = cube()
    assert torch.equal(every(METHODS["linear"].points(a, AttributionTable())), a[None, None])


def test_integrated_takes_midpoints_of_the_straight_path() -> None:
    a = cube()
    points = METHODS["integrated"].points(a, AttributionTable(steps=4))
    factors = torch.tensor([0.125, 0.375, 0.625, 0.875])
    torch.testing.assert_close(every(points), a * factors[None, :, None, None, None])
    torch.testing.assert_close(points.weights.flatten(), torch.full((4 * 7,), 0.25))


def test_random_paths_are_monotone_from_zero_to_one_and_follow_the_seed() -> None:
    def at(seed: int) -> Points:
        ones = torch.ones(7, 1, 1)
        return METHODS["random_paths"].points(ones, AttributionTable(paths=4, seed=seed))

    points = at(0)
    assert every(points).shape == points.weights.shape == (4, 8, 7, 1, 1)
    assert (points.weights > 0).all()
    torch.testing.assert_close(points.weights.sum(1), torch.ones(4, 7, 1, 1))
    assert (every(points).diff(dim=1) > 0).all()
    assert torch.equal(every(points), every(at(0)))
    assert not torch.equal(every(points), every(at(1)))


def test_smoothgrad_adds_noise_of_half_the_standard_deviation() -> None:
    a = torch.rand(20, 10, 10, generator=torch.Generator().manual_seed(3)).relu() * 7
    method = METHODS["smoothgrad"]
    noise = every(method.points(a, AttributionTable(steps=64)))[0] - a
    scale = 0.5 * float(a.std())
    assert float(noise.std()) == pytest.approx(scale, rel=0.01)
    assert float(noise.mean().abs()) < 0.02 * scale
    assert float((noise[0] * noise[1]).mean().abs()) < 0.1 * scale**2, "draws are independent"
    other = every(method.points(a, AttributionTable(steps=64, seed=1)))[0] - a
    assert float((noise * other).mean().abs()) < 0.02 * scale**2, "seeds share no draw"


class Square(nn.Module):
    """Its logits are sums of squares, so their gradients are linear in the activations."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.early(x).square().mean((2, 3)))


def test_smoothgrad_is_activation_times_mean_gradient() -> None:
    net, x, steps = network(Square()), photograph(), 6
    neurons = Substrate("early", NEURON)
    found = attribute(net, x, neurons, CLASSES, "smoothgrad", steps=steps, seed=4)
    a = net.run(x, ["early"])[0]["early"][0]
    mean = METHODS["smoothgrad"].points(a, AttributionTable(steps=steps, seed=4)).at(range(steps))
    size = a[0].numel()
    for k in range(5):
        gradient = 2 * mean.mean(0) * net.module.head.weight[k][:, None, None] / size
        assert close(found[..., k], (a * gradient).numpy())
    assert not close(found, attribute(net, x, neurons, CLASSES), 1e-2)


def test_smoothgrad_evens_out_what_noise_changes() -> None:
    net, x = network(), photograph()

    def found(steps: int, seed: int) -> np.ndarray:
        return attribute(net, x, EARLY, CLASSES, "smoothgrad", steps=steps, seed=seed)

    few, many = (np.abs(found(steps, 0) - found(steps, 1)).mean() for steps in (2, 64))
    assert many < few / 2


def test_points_of_a_linear_network_do_not_matter() -> None:
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3), *pooled)
    net, x, source = network(module), photograph(), Substrate("0", CHANNEL)
    expected = attribute(net, x, source, CLASSES)
    for method in METHODS:
        found = attribute_along_paths(net, x, source, CLASSES, method, steps=16)
        assert close(found.values, expected)
        assert np.abs(found.spread).max() < 1e-5
        assert np.abs(found.gap).max() < 1e-4


def test_relaxation_is_for_spatial_sources_by_default_only() -> None:
    linear = METHODS["linear"]
    assert relaxes(linear, POSITIONS)
    assert not relaxes(linear, EARLY)
    assert relaxes(linear, EARLY, True)
    others = [method for name, method in METHODS.items() if name != "linear"]
    assert not any(relaxes(method, POSITIONS) for method in others)
    net, x = network(), photograph()

    def found(source: Substrate, relax: bool | None = None) -> np.ndarray:
        return attribute(net, x, source, CLASSES, relax=relax)

    assert close(found(POSITIONS), found(POSITIONS, True), 1e-6)
    assert not close(found(POSITIONS), found(POSITIONS, False), 1e-2)
    assert close(found(EARLY), found(EARLY, False), 1e-6)


def test_unknown_method_is_named() -> None:
    with pytest.raises(AtlasError, match='no attribution method "linaer"; did you mean "linear"'):
        method_named("linaer")
    with pytest.raises(AtlasError, match="known are: linear, integrated, random_paths"):
        attribute(network(), photograph(), EARLY, CLASSES, "xyz")


def test_a_new_method_is_one_module_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    halfway = SimpleNamespace(
        NAME="halfway",
        LOCAL=True,
        RELAXES=False,
        ONE_POINT=False,
        describe=lambda settings: "activation × gradient halfway to zero",
        points=lambda a, settings: Points(torch.ones(1, 1, 1, 1, 1), lambda rows: a[None] / 2),
    )
    monkeypatch.setitem(METHODS, "halfway", halfway)
    net, x = network(Square()), photograph()
    expected = attribute(net, x, EARLY, CLASSES) / 2
    assert close(attribute(net, x, EARLY, CLASSES, "halfway"), expected)
    content = Attribution(EARLY, CLASSES)
    stored = compute(net, x, [content], AttributionTable(method="halfway"))[content.path]
    assert close(stored[content.path].values.astype(np.float32), expected, 1e-3)
