"""Which layers are chosen where nobody chooses, and what the table of layers shows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline import probe
from pipeline.errors import AtlasError
from pipeline.probe import LayerProfile, NetworkProfile
from tests.unit.networks import network, photograph


def layer(name: str, side: int, kind: str = "ReLU", **others: Any) -> LayerProfile:
    return LayerProfile(name, kind, (8, side, side), signed=False, runs=1, **others)


def profile(*layers: LayerProfile) -> NetworkProfile:
    return NetworkProfile("w", "tiny", ("a", "b"), 64, 10, layers)


@pytest.mark.parametrize(
    "kind",
    [
        "Dropout",
        "Dropout2d",
        "DropPath",
        "StochasticDepth",
        "Identity",
        "MaxPool2d",
        "AdaptiveAvgPool2d",
        "SelectAdaptivePool2d",
        "BatchNorm2d",
        "LayerNorm",
        "GroupNorm1",
        "Permute",
        "Conv2d",
    ],
)
def test_what_computes_nothing_of_its_own_is_not_chosen(kind: str) -> None:
    assert probe.suggest(profile(layer("a", 8), layer("b", 8, kind))) == ("a",)
    container = layer("c", 8, "Sequential", made_by=kind)
    assert probe.suggest(profile(layer("a", 8), container)) == ("a",)
    assert probe.suggest(profile(layer("b", 8, kind))) == ("b",), "unless there is nothing else"


@pytest.mark.parametrize("kind", ["BatchNormAct2d", "ConvNormAct", "PoolFormerBlock", "Block"])
def test_blocks_are_chosen_whatever_they_are_called(kind: str) -> None:
    assert probe.suggest(profile(layer("a", 8), layer("b", 8, kind)))[-1] == "b"


def test_dead_layers_and_those_without_effect_are_left_out() -> None:
    dead, unused = layer("b", 8, dead=1.0), layer("c", 8, counts=False)
    assert probe.suggest(profile(layer("a", 8), dead, unused)) == ("a",)
    lines = "\n".join(probe.table(profile(layer("a", 8), dead, unused), []))
    assert "100% of its channels are zero everywhere" in lines
    assert "the logits do not depend on its positions" in lines


def test_one_resolution_is_divided_evenly() -> None:
    blocks = [layer(f"b.{index}", 8, "Block") for index in range(12)]
    found = probe.choose(profile(*blocks))
    assert list(found) == ["b.2", "b.5", "b.8", "b.11"]
    assert list(found.values()) == [
        "at 1/4 of 8 × 8",
        "middle of 8 × 8",
        "at 3/4 of 8 × 8",
        "last of 8 × 8",
    ]


def test_no_layer_suits() -> None:
    with pytest.raises(AtlasError, match=r'no layer with output \[C, H, W\].*"model.layers"'):
        probe.suggest(profile(LayerProfile("a", "Linear", (8,), False, 1)))


class Deep(nn.Module):
    """Two stages with a dropout at the end, and an activation that is always off."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(3, 6, 3, 4, 1), nn.ReLU(inplace=True), nn.Dropout2d())
        self.two = nn.Sequential(nn.Conv2d(6, 6, 3, 2, 1), nn.ReLU(), nn.Identity())
        self.off = nn.Threshold(1e6, 0.0)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.one(x))
        return self.head((x + self.off(x)).mean((2, 3)))


def test_containers_are_traced_to_what_made_their_output() -> None:
    by_name = {each.name: each for each in probe.probe(network(Deep()), "w").layers}
    assert (by_name["two.2"].same_as, by_name["two.2"].made_by) == ("two.1", "ReLU")
    assert by_name["two"].made_by == "ReLU"
    assert by_name["one.1"].same_as == "", "an activation in place makes another tensor of it"
    assert by_name["off"].dead == 1.0
    assert not by_name["off"].is_cut
    assert probe.suggest(probe.probe(network(Deep()), "w")) == ("one", "two")


def test_the_table_shows_fields_and_dead_channels() -> None:
    net = network(Deep())
    found = probe.probe(net, "w")
    layers = ["one.1", "two", "off"]
    fields = probe.receptive_fields(net, layers, 32)
    assert fields == {"one.1": 3, "two": 11, "off": 32}, "a dead layer shows no field"
    dead = probe.dead_shares(net, [photograph(side=32), photograph(2, 32)], layers)
    with torch.no_grad():
        both = torch.cat([net.run_to(photograph(seed, 32), ["two"])["two"] for seed in (1, 2)])
    expected = float((both == 0).all(3).all(2).all(0).float().mean())
    assert dead == {"one.1": 0.0, "two": pytest.approx(expected), "off": 1.0}
    lines = list(probe.table(found, ["two"], True, fields, dead))
    rows = {line[2:].split()[0]: line for line in lines}
    assert rows["two"].startswith("*")
    assert rows["two"].split()[8:12] == ["NCHW", "11", "8", "bottleneck"]
    assert "would be chosen: last of 4 × 4" in rows["two"]
    assert "100%" in rows["off"]
