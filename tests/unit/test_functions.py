"""ReLUs that a network calls as functions: the same layers as with modules in their position."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline import probe
from pipeline.attribution import METHODS, attribute
from pipeline.featurevis.objectives import channel
from pipeline.featurevis.recipes import named
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import Request
from pipeline.grammar import CHANNEL, CLASSES, SPATIAL, Group, Substrate
from pipeline.network import Network, Preprocessing
from pipeline.units import Unit

RGB = Preprocessing(32, (0.4,) * 3, (0.3,) * 3)
X = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
SAME = {"bn1": "relu1", "conv2": "relu2"}  # a layer with a function behind it → the module


class Modular(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, 2, bias=False), nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, 3, 2)
        self.conv3, self.side = nn.Conv2d(12, 12, 3, padding=1), nn.Conv2d(12, 12, 1)
        self.relu1, self.relu2, self.last = nn.ReLU(), nn.ReLU(), nn.ReLU()
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.head(self.last(self.conv3(x) + self.side(x)).mean((2, 3)))


class Functional(Modular):
    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = torch.relu(self.conv2(x))
        return self.head(functional.relu(self.conv3(x) + self.side(x)).mean((2, 3)))


def made(kind: type[nn.Module]) -> Network:
    torch.manual_seed(0)
    return Network(kind(), RGB, list("abcd"), "tiny")


@pytest.fixture(scope="module")
def both() -> tuple[Network, Network]:
    return made(Functional), made(Modular)


def test_a_layer_is_seen_behind_its_relu(both: tuple[Network, Network]) -> None:
    found, modular = both
    cubes, logits = found.run(X, list(SAME))
    expected, same = modular.run(X, list(SAME.values()))
    torch.testing.assert_close(logits, same, rtol=0, atol=0)
    for name, module in SAME.items():
        torch.testing.assert_close(cubes[name], expected[module], rtol=0, atol=0)
        assert (cubes[name] == 0).any()


def test_the_table_says_so(both: tuple[Network, Network]) -> None:
    profile = probe.probe(both[0], "w")
    kinds = {layer.name: (layer.kind, layer.signed) for layer in profile.layers}
    assert kinds["bn1"] == ("BatchNorm2d, then ReLU", False)
    assert kinds["conv2"] == ("Conv2d, then ReLU", False)
    assert kinds["conv3"] == ("Conv2d", True)
    assert probe.suggest(profile)[-1] == "conv2"
    lines = "\n".join(probe.table(profile, ()))
    assert "then ReLU: the network calls a ReLU as a function there" in lines
    assert "activations that its code calls as functions: 1; they are no layers" in lines
    modules = probe.probe(both[1], "w")
    assert modules.loose_activations == 0
    assert not any("then" in layer.kind for layer in modules.layers)
    rectified = [{each.name for each in one.layers if each.rectified} for one in (profile, modules)]
    assert rectified == [set(SAME), set()]
    assert [profile.form(name) for name in ("conv2", "conv3")] == [("rectified",), ()]


@pytest.mark.parametrize("method", METHODS)
def test_attributions_are_those_of_the_modules(both: tuple[Network, Network], method: str) -> None:
    found, modular = both
    for name, module in SAME.items():
        for atom in (CHANNEL, SPATIAL, Group(2)):
            one = attribute(found, X, Substrate(name, atom), CLASSES, method)
            other = attribute(modular, X, Substrate(module, atom), CLASSES, method)
            assert abs(one - other).max() < 1e-4 * max(abs(other).max(), 1)


def test_attributions_between_layers_are_those_of_the_modules(
    both: tuple[Network, Network],
) -> None:
    (one, other), method = both, "integrated"
    ends = [Substrate("bn1", CHANNEL), Substrate("conv2", CHANNEL)]
    same = [Substrate("relu1", CHANNEL), Substrate("relu2", CHANNEL)]
    found = attribute(one, X, *ends, method)
    assert abs(found - attribute(other, X, *same, method)).max() < 1e-4


def test_what_is_put_in_its_position_passes_the_relu_with_its_gradient(
    both: tuple[Network, Network],
) -> None:
    found, modular = both
    gradients = []
    for network, name in ((found, "conv2"), (modular, "relu2")):
        cube = torch.zeros(1, 12, 7, 7, requires_grad=True)
        cube.data[0, :3] = 0.7
        with network.capture([name], substitute=lambda _, __, cube=cube: cube):
            logits = network.logits(X)
        gradients.append(torch.autograd.grad(logits[0, 1], cube)[0])
    assert gradients[0].any()
    torch.testing.assert_close(*gradients)


def test_pictures_are_made_of_the_layer_behind_the_relu(both: tuple[Network, Network]) -> None:
    # Under the same name, from which what a picture starts from follows.
    module = Modular()
    module.load_state_dict(both[0].module.state_dict())
    module.conv2 = nn.Sequential(module.conv2, nn.ReLU())  # type: ignore[assignment]
    recipe, pictures = named("fast", size=32, steps=3), []
    for network in (both[0], Network(module, RGB, list("abcd"), "tiny")):
        request = Request("conv2", Unit.channel(2), channel("conv2", 2))
        (batch,) = render(network, [request], recipe, seed=0)
        pictures.append(batch.pictures)
    assert abs(pictures[0].astype(int) - pictures[1].astype(int)).max() <= 1


class Raising(Modular):
    """A network that fails while `error` is set."""

    error: Exception | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.error is not None:
            raise self.error
        return super().forward(x)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), KeyError("x"), RuntimeError("shapes"), ValueError()], ids=repr
)
def test_nothing_is_recognised_of_a_network_that_raises(error: Exception) -> None:
    network = made(Raising)
    network.module.error = error
    assert network.recognised() == {}
    assert network.loose_activations == 0


def test_a_lack_of_memory_is_not_taken_for_a_network_that_raises() -> None:
    network = made(Raising)
    network.module.error = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        network.recognised()
    network.module.error = None
    assert network.recognised()


class Odd(Modular):
    """ReLUs in code that belong to no module, because what goes in has another reader."""

    def forward(self, x: Tensor) -> Tensor:
        one = self.bn1(self.conv1(x))
        two = self.conv2(functional.relu(one))
        x = functional.relu(two) + two
        return self.head(functional.gelu(x + one.mean()).mean((2, 3)))


def test_outputs_with_other_readers_stay_as_they_are() -> None:
    network = made(Odd)
    found = network.recognised()
    assert not any(each.rectified for each in found.values())
    assert network.loose_activations == 3
    caught = network.run_to(X, ["conv2"])["conv2"]
    assert (caught < 0).any()


class ReadByScript(nn.Module):
    """What goes into the ReLU goes into a scripted module, too, which nobody can watch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)
        self.scripted = torch.jit.script(nn.Sequential(nn.Conv2d(6, 6, 1), nn.Tanh()))

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        return self.head((functional.relu(h) + self.scripted(h)).mean((2, 3)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_beside_a_scripted_module_nothing_is_seen_behind_its_relu() -> None:
    network = made(ReadByScript)
    logits = network.module(RGB(X))
    caught, seen = network.run(X, ["stem"])
    torch.testing.assert_close(seen, logits)
    assert (caught["stem"] < 0).any()
    assert network.loose_activations == 1
    profile = probe.probe(network, "w")
    assert (profile.layer("stem").kind, profile.layer("stem").rectified) == ("Conv2d", False)


def block(*layers: nn.Module, inplace: bool) -> Any:
    class Block(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return functional.relu(super().forward(x), inplace=inplace)

    return Block(*layers)


@pytest.mark.parametrize("inplace", [True, False])
def test_a_relu_whose_result_a_module_returns_is_that_modules(inplace: bool) -> None:
    """As in torchvision's GoogLeNet: the block is the layer; the norm in it is none behind ReLU."""
    one = block(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), inplace=inplace)
    module = nn.Sequential(one, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    network = Network(module, RGB, list("abcd"), "blocks")
    assert not any(each.rectified for each in network.recognised().values())
    assert network.loose_activations == 0
    assert float(network.run_to(X, ["0"])["0"].min()) == 0
