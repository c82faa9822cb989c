"""What a probe finds out about a network, keeps, and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline import probe
from pipeline.errors import AtlasError
from pipeline.store import Store
from tests.unit.networks import Functional, Plain, network


def test_a_probe_finds_shapes_signs_and_runs() -> None:
    profile = probe.probe(network(), "w")
    found = {layer.name: layer for layer in profile.layers}
    assert found["early"].shape == (8, 16, 16)
    assert found["late"].shape == (12, 8, 8)
    assert (found["early"].signed, found["stem.0"].signed) == (False, True)
    order = [layer.name for layer in profile.layers]
    assert order.index("early") < order.index("late")
    assert profile.size == 32
    assert profile.parameters == sum(p.numel() for p in Plain().parameters())


def test_a_module_that_runs_twice_is_two_layers() -> None:
    profile = probe.probe(network(Functional()), "w")
    layers = {layer.name: layer for layer in profile.layers}
    assert (layers["shared#1"].runs, layers["shared#2"].runs) == (2, 2)
    assert layers["shared#1"].shape == (6, 16, 16)
    assert layers["shared#2"].shape == (8, 8, 8)
    assert profile.layer("shared#2") is layers["shared#2"]
    with pytest.raises(AtlasError, match=r'runs 2 times in one pass; name one of .*"shared#1"'):
        profile.layer("shared")


def test_suggested_layers_end_the_resolutions() -> None:
    profile = probe.probe(network(), "w")
    suggested = probe.suggest(profile)
    assert suggested[-1] == "late"
    assert all(not profile.layer(name).signed for name in suggested)


def test_a_profile_survives_the_store(tmp_path: Path) -> None:
    profile = probe.probe(network(), "w")
    probe.save(Store(tmp_path), profile)
    assert probe.load(Store(tmp_path), "w") == profile
    assert probe.load(Store(tmp_path), None) == profile
    assert probe.load(Store(tmp_path), "other") is None
    (tmp_path / "network.h5").write_text("rubbish")
    assert probe.load(Store(tmp_path), "w") is None
    assert probe.load(Store(tmp_path / "empty"), None) is None


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("lat", 'did you mean "late"'),
        ("head", r"output \[5\] is not \[C, H, W\]"),
        ("shared", 'no layer "shared"'),
    ],
)
def test_unsuitable_layers(layer: str, message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        probe.probe(network(), "w").layer(layer)


def test_checks_of_a_choice() -> None:
    profile = probe.probe(network(), "w")
    assert probe.check_layers(profile, ["early", "late"], "a.toml", {"early": "x"}) == []
    errors = probe.check_layers(profile, ["early", "early", "nope"], "a.toml", {"late": "x"})
    assert len(errors) == 3
    assert all(str(error).startswith("a.toml: ") for error in errors)


def test_class_names_must_fit_the_outputs() -> None:
    with pytest.raises(AtlasError, match="5 outputs but 2 class names"):
        probe.probe(network(classes=["a", "b"]), "w")


def test_a_network_that_does_not_run() -> None:
    module = nn.Sequential(nn.Conv2d(4, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(AtlasError, match="does not run on 32 × 32 pixels"):
        probe.probe(network(module), "w")


class Exhausting(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(_ctx: Any, *_gradients: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 TB")


class Forward(Plain):
    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:  # the probe's own pass, which keeps the graph
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(x)


class Backward(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return Exhausting.apply(super().forward(x))


@pytest.mark.parametrize("module", [Forward, Backward])
def test_memory_that_runs_out_is_called_that(module: type[nn.Module]) -> None:
    with pytest.raises(AtlasError, match="tiny: memory ran out when it was examined on cpu; use"):
        probe.probe(network(module()), "w")


def test_hooks_are_gone() -> None:
    net = network()
    probe.probe(net, "w")
    assert not any(module._forward_hooks for module in net.module.modules())
