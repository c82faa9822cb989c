"""Attribution of a pair of substrates against slow oracles and Captum, and its properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captum.attr import InternalInfluence, LayerGradientXActivation, LayerIntegratedGradients
from torch import nn

from pipeline.attribution import attribute, attribute_along_paths
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    NEURON,
    SPATIAL,
    WHOLE,
    Group,
    Substrate,
)
from pipeline.network import Preprocessing
from tests.unit import correctness
from tests.unit.networks import Functional, Plain, close, hooks, network, photograph

EARLY, LATE = Substrate("early", CHANNEL), Substrate("late", CHANNEL)
POSITIONS, LATE_POSITIONS = Substrate("early", SPATIAL), Substrate("late", SPATIAL)


# -------------------------------------------------------------------------------- against oracles
@pytest.mark.parametrize("case", list(correctness.cases()), ids=str)
def test_every_pair_and_method_is_the_oracles(case: correctness.Case) -> None:
    assert correctness.deviation(case) < correctness.BOUND


def test_the_table_lists_every_case() -> None:
    text = correctness.DOCUMENT.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if " → " in line and "source → target" not in line]
    pairs = len(correctness.SOURCES) * len(correctness.TARGETS)
    assert len(rows) == len(correctness.NETWORKS) * pairs
    numbers = [float(cell) for line in rows for cell in line.split("|")[2:-1]]
    assert len(numbers) == len(list(correctness.cases()))
    assert max(numbers) < correctness.BOUND


def test_linear_is_captums_gradient_times_activation() -> None:
    net, x = network(), photograph()
    found = attribute(net, x, Substrate("early", NEURON), CLASSES)
    captum = LayerGradientXActivation(net.module, net.module.early)
    for k in range(5):
        expected = captum.attribute(net.preprocessing(x), target=k)[0].detach().numpy()
        assert close(found[..., k], expected)
        assert close(attribute(net, x, EARLY, CLASSES)[:, k], expected.sum((1, 2)))
        positions = attribute(net, x, POSITIONS, CLASSES, relax=False)
        assert close(positions[..., k], expected.sum(0))


class Homogeneous(nn.Module):
    """A layer that scales with the input, so paths through the two are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.second = nn.Conv2d(6, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.softplus(self.first(x)), 2)
        return self.head(torch.tanh(self.second(x)).mean((2, 3)))


def test_integrated_is_captums() -> None:
    net, x = network(Homogeneous()), photograph()
    net.preprocessing = Preprocessing(32, (0.0,) * 3, (1.0,) * 3)
    neurons, steps = Substrate("first", NEURON), 20
    found = attribute_along_paths(net, x, neurons, CLASSES, "integrated", steps=steps).values
    activations = net.run(x, ["first"])[0]["first"][0].detach().numpy()
    zero = torch.zeros_like(x)
    paths = LayerIntegratedGradients(net.module, net.module.first)
    influence = InternalInfluence(net.module, net.module.first)
    for k in range(5):
        rule = {"target": k, "n_steps": steps, "method": "riemann_middle"}
        expected = paths.attribute(x, zero, **rule)[0].detach().numpy()
        assert close(found[..., k], expected)
        gradients = influence.attribute(x, zero, **rule)[0].detach().numpy()
        assert close(found[..., k], activations * gradients)


# ------------------------------------------------------------------------------------- properties
def test_integrated_is_complete() -> None:
    net, x = network(Homogeneous()), photograph()
    source = Substrate("first", CHANNEL)
    found = attribute_along_paths(net, x, source, CLASSES, "integrated", steps=64)
    coarse = attribute_along_paths(net, x, source, CLASSES, "integrated", steps=2)
    assert np.abs(found.gap).max() < 1e-2 * np.abs(found.values).max()
    assert np.abs(found.gap).max() < np.abs(coarse.gap).max()
    assert not found.spread.any()


def test_chosen_targets_are_columns_of_all() -> None:
    net, x = network(), photograph()
    every = attribute_along_paths(net, x, EARLY, CLASSES, "random_paths")
    chosen = attribute_along_paths(net, x, EARLY, CLASSES, "random_paths", targets=[3, 1])
    assert close(chosen.values, every.values[:, [3, 1]], 1e-6)
    assert close(chosen.gap, every.gap[[3, 1]], 1e-5)


@pytest.mark.parametrize("method", ["linear", "integrated"])
def test_shapes_are_the_sources_then_the_targets(method: str) -> None:
    net, x = network(), photograph()

    def shape(source: Substrate, target: Substrate) -> tuple[int, ...]:
        return attribute(net, x, source, target, method, steps=2).shape

    groups, whole = Substrate("early", Group(3)), Substrate("early", WHOLE)
    assert shape(POSITIONS, LATE_POSITIONS) == (12, 12, 6, 6)
    assert shape(groups, Substrate("late", Group(2))) == (3, 2)
    assert shape(whole, CLASSES) == (5,)
    assert shape(whole, Substrate("late", WHOLE)) == ()
    assert shape(Substrate("input", SPATIAL), LATE) == (24, 24, 12)
    assert shape(groups, LATE) == (3, 12)
    assert attribute(net, x, EARLY, LATE, method, steps=2).dtype == np.float32


def test_compatible_groups_need_no_mention_of_their_upper_layer() -> None:
    net, x = network(), photograph()
    aligned = Substrate("early", Group(3, ("late", 2)))
    found = attribute_along_paths(net, x, aligned, CLASSES, "linear")
    assert found.residual is not None
    whole = attribute(net, x, Substrate("early", WHOLE), CLASSES)
    assert close(found.values.sum(0) + found.residual, whole)


def test_the_input_is_a_layer() -> None:
    net, x = network(), photograph()
    found = attribute(net, x, Substrate("input", NEURON), CLASSES)
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net.logits(leaf)[0, 2], leaf)
    assert close(found[..., 2], (x * gradient)[0].numpy())


@pytest.mark.parametrize("module", [Plain, Functional])
def test_the_network_is_as_it_was(module) -> None:
    net, x = network(module()), photograph()
    before = {name: value.clone() for name, value in net.module.state_dict().items()}
    source = Substrate("early" if module is Plain else "joined", SPATIAL)
    attribute(net, x, source, CLASSES)
    assert hooks(net) == 0
    after = net.module.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in after.items())
