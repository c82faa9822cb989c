"""Pairs that have no attribution, layers that do not suit, and what an exception leaves behind."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack

from pipeline.attribution import METHODS, attribute, compute
from pipeline.errors import AtlasError
from pipeline.grammar import CHANNEL, CLASSES, SPATIAL, WHOLE, Activation, Substrate
from tests.unit.networks import Functional, hooks, network, photograph


class Odd(nn.Module):
    """Layers that return a tuple, a vector, nothing but zeros and NaN, and one that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.flat, self.zeros, self.broken = Pair(), Flat(), Zeros(), Broken()
        self.unused, self.conv, self.head = nn.Identity(), nn.Conv2d(3, 4, 3), nn.Linear(4, 5)
        self.fail = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        added = self.flat(x).mean() * 0 + self.broken(x).nan_to_num() * 0
        x = self.pair(x)[0] + self.zeros(x) + added
        if self.fail:
            raise ZeroDivisionError
        return self.head(x.mean((2, 3)))


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Flat(nn.Module):
    def forward(self, x):
        return x.flatten(1)


class Zeros(nn.Module):
    def forward(self, x):
        return x * 0


class Broken(nn.Module):
    def forward(self, x):
        return x / 0


BEFORE = r'from layer "late" to "early".*comes before it.*running order: input, early, late, output'


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("late.channel", "early.channel", BEFORE),
        ("early.channel", "early.spatial", "is the same layer"),
        ("erly.channel", "output.neuron", 'no layer "erly".*did you mean "early"'),
        ("output.neuron", "early.channel", "comes before it"),
    ],
)
@pytest.mark.parametrize("method", ["linear", "integrated"])
def test_pairs_that_do_not_exist(source: str, target: str, message: str, method: str) -> None:
    pair = Substrate.parse(source), Substrate.parse(target)
    with pytest.raises(AtlasError, match=message):
        attribute(network(), photograph(), *pair, method)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("pair", '"pair".*returns tuple'),
        ("flat", r'"flat".*returns shape \[1, 1936\].*needs \[N, C, H, W\]'),
        ("zeros", '"zeros".*zero everywhere'),
        ("broken", '"broken".*NaN or infinite'),
        ("unused", '"unused".*no part'),
    ],
)
def test_layers_that_do_not_suit(layer: str, message: str) -> None:
    net = network(Odd())
    with pytest.raises(AtlasError, match=message):
        attribute(net, photograph(), Substrate(layer, CHANNEL), CLASSES)
    assert hooks(net) == 0


def test_a_layer_that_runs_twice_is_named() -> None:
    with pytest.raises(AtlasError, match=r'"shared".*runs more than once'):
        attribute(network(Functional()), photograph(), Substrate("shared", CHANNEL), CLASSES)


class Parallel(nn.Module):
    """Two branches, neither of which depends on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.left(x) * self.right(x)).mean((2, 3)))


@pytest.mark.parametrize("method", ["linear", "integrated"])
def test_branches_do_not_depend_on_each_other(method: str) -> None:
    left, right = Substrate("left", CHANNEL), Substrate("right", CHANNEL)
    with pytest.raises(AtlasError, match=r'from layer "left" to "right".*does not depend on it'):
        attribute(network(Parallel()), photograph(), left, right, method)


def test_hooks_and_modes_are_gone_after_exceptions() -> None:
    net = network(Odd())
    net.module.fail = True
    for method in METHODS:
        with pytest.raises(ZeroDivisionError):
            attribute(net, photograph(), Substrate("conv", SPATIAL), CLASSES, method)
        assert hooks(net) == 0
        assert not _get_current_function_mode_stack()


def test_activations_alone_need_no_gradients() -> None:
    contents = [Activation(CLASSES), Activation(Substrate("zeros", WHOLE))]
    found = compute(network(Odd()), photograph(), contents)
    assert {path: list(datasets) for path, datasets in found.items()} == {
        "logits": ["logits"],
        "activation/zeros": ["activation/zeros"],
    }
