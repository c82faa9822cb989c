"""Which layers are bottlenecks: the probe against detaching every layer's output, one at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline import models, probe
from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.models import googlenet
from pipeline.models.googlenet_module import GoogLeNet
from pipeline.network import Network, Preprocessing
from pipeline.probe import LayerProfile, NetworkProfile
from tests.unit.networks import Functional, Plain, network, photograph
from tests.unit.surveys import settings


class Residual(nn.Module):
    """A skip connection around a convolution, joined by an in-place sum and an in-place ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=4)
        self.act = nn.ReLU(inplace=True)
        self.inner = nn.Conv2d(6, 6, 3, padding=1)
        self.joined = nn.ReLU(inplace=True)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x))
        y = self.inner(x)
        y += x
        return self.head(self.joined(y).mean((2, 3)))


class Inception(nn.Module):
    """Two branches, concatenated by a function; another module joins them again."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=4)
        self.one = nn.Conv2d(6, 4, 1)
        self.three = nn.Sequential(nn.Conv2d(6, 4, 3, padding=1), nn.ReLU())
        self.unused = nn.Conv2d(6, 2, 1)
        self.joined = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        self.unused(x)
        y = torch.cat([self.one(x), self.three(x)], 1)
        return self.head(functional.relu(self.joined(y)).mean((2, 3)))


class Dense(nn.Module):
    """Every convolution gets what all before it returned; a transition ends the block."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=4)
        self.grow = nn.ModuleList(nn.Conv2d(4 + 3 * i, 3, 3, padding=1) for i in range(3))
        self.transition = nn.Sequential(nn.BatchNorm2d(13), nn.ReLU(inplace=True))
        self.head = nn.Linear(13, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for grow in self.grow:
            x = torch.cat([x, grow(x)], 1)
        return self.head(self.transition(x).mean((2, 3)))


class Gated(nn.Module):
    """A depthwise convolution scaled by a gate, and an in-place ReLU on a view of its half."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(3, 6, 3, stride=4, groups=3)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 6, 1), nn.Sigmoid())
        self.scaled = nn.Identity()
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(x)
        x[:, :3].relu_()
        return self.head(self.scaled(x * self.gate(x)).mean((2, 3)))


BOTTLENECKS = {
    Plain: "stem.0 stem.1 stem.2 stem.3 stem early.0 early.1 early pool late.0 late.1 late head",
    Functional: "first joined third ended head",
    Residual: "stem act joined head",
    Inception: "stem joined head",
    Dense: "stem transition.0 transition.1 transition head",
    Gated: "depthwise scaled head",
}


def depends_without(net: Network, layer: str) -> bool:
    """Whether the gradient of the logits is other than zero with the layer's output detached."""
    x = photograph(side=32).double().requires_grad_()
    weights = torch.randn(1, 5, generator=torch.Generator().manual_seed(0)).double()
    with net.capture([layer], substitute=lambda _, output: output.detach()), torch.enable_grad():
        score = (net.logits(x) * weights).sum()
    if not score.requires_grad:
        return False
    (gradient,) = torch.autograd.grad(score, x)
    return bool((gradient != 0).any())


@pytest.mark.parametrize("kind", BOTTLENECKS)
def test_bottlenecks_are_what_nothing_gets_around(kind: type[nn.Module]) -> None:
    net = network(kind())
    profile = probe.probe(net, "w")
    net.module.double()
    once = [layer for layer in profile.layers if layer.runs == 1]
    for layer in once:
        assert layer.bottleneck is not depends_without(net, layer.name), layer.name
    found = {layer.name for layer in once if layer.bottleneck}
    assert found == set(BOTTLENECKS[kind].split())


def test_a_network_that_keeps_no_gradients_is_refused() -> None:
    class Detached(Plain):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).detach()

    with pytest.raises(AtlasError, match="no gradient leads from its logits to the photograph"):
        probe.probe(network(Detached()), "w")


def test_the_layers_of_the_demo_are_bottlenecks() -> None:
    demo = Config(path=Path("a.toml"), settings=settings(model={"source": "efficientnet_lite0"}))
    profile = probe.probe(models.load(demo), "w")
    assert [profile.layer(name).bottleneck for name in models.display_layers(demo)] == [True] * 4
    assert not profile.layer("blocks.4.1.bn1").bottleneck


def test_the_layers_of_googlenet_are_bottlenecks() -> None:
    preprocessing = Preprocessing(224, (0.5,) * 3, (0.5,) * 3)
    names = [str(index) for index in range(1000)]
    profile = probe.probe(Network(GoogLeNet(), preprocessing, names), "w")
    assert all(profile.layer(name).bottleneck for name in googlenet.LAYERS)


# ------------------------------------------------------------------------------------ suggestions
def layer(name: str, side: int, signed: bool = False, bottleneck: bool = True) -> LayerProfile:
    return LayerProfile(name, "ReLU", (8, side, side), signed, 1, bottleneck)


def suggested(*layers: LayerProfile) -> tuple[str, ...]:
    return probe.suggest(NetworkProfile("w", "tiny", ("a", "b"), 64, 10, layers))


def test_only_bottlenecks_are_suggested() -> None:
    layers = (
        layer("a", 16),
        layer("b", 16, bottleneck=False),
        layer("c", 8),
        layer("d", 8, bottleneck=False),
        layer("e", 8),
        layer("f", 4),
        layer("g", 4, bottleneck=False),
    )
    assert suggested(*layers) == ("a", "c", "e", "f")
    bypassed = [replace(each, bottleneck=False) for each in layers]
    assert suggested(*bypassed) == ("b", "c", "e", "g")


def test_layers_without_negative_values_are_preferred_at_each_resolution() -> None:
    layers = (layer("a", 16), layer("b", 16, signed=True), layer("c", 8, signed=True))
    assert suggested(*layers, layer("d", 4), layer("e", 4, signed=True)) == ("a", "c", "d")


def test_the_end_of_a_container_is_suggested_once() -> None:
    layers = (layer("a", 8), layer("b.norm.act", 8), layer("b.norm", 8), layer("b", 8))
    assert suggested(*layers, layer("c", 4)) == ("a", "b", "c")


def test_the_table_marks_what_is_bypassed() -> None:
    profile = probe.probe(network(Residual()), "w")
    lines = list(probe.table(profile, ["joined"], everything=True))
    rows = {line[2:].split()[0]: line for line in lines[1:]}
    assert rows["joined"].startswith("*")
    assert "bottleneck" in rows["joined"]
    assert "bypassed" in rows["inner"]
    assert any(line.startswith("bottleneck: ") for line in lines)
    assert not any("bypassed" in line for line in list(probe.table(profile, ["joined"]))[:-4])
