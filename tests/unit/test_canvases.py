"""Pictures of sizes that a network refuses: they are enlarged for it, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.featurevis import objectives, sides
from pipeline.featurevis.recipes import named
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import requests_for_channels
from pipeline.network import Network, Preprocessing
from pipeline.network.canvases import canvases
from tests.unit.layouts import SIDE, Stem, Tokens
from tests.unit.networks import CLASSES, Plain, network, photograph


def test_sizes_that_are_tried() -> None:
    assert list(canvases((48, 48), (224, 224))) == [
        (48, 48),
        (64, 64),
        (96, 96),
        (128, 128),
        (160, 160),
        (192, 192),
        (224, 224),
    ]
    assert list(canvases((224, 224), (224, 224))) == [(224, 224)]
    assert list(canvases((240, 240), (224, 224))) == [(240, 240), (224, 224)]
    assert list(canvases((64, 64), (32, 64))) == [(32, 64)], "a square is squeezed"


def test_a_network_of_one_size_is_shown_that_size() -> None:
    net = network(Tokens(1))
    small = photograph(side=20)
    enlarged = functional.interpolate(small, size=(SIDE, SIDE), mode="bilinear")
    caught, logits = net.run(small, ["blocks.0"])
    torch.testing.assert_close(logits, net.module(net.preprocessing(enlarged)))
    assert caught["blocks.0"].shape[2:] == (8, 8)
    assert not net.takes(20)
    assert net.takes(SIDE)


def test_what_was_caught_before_a_refusal_is_forgotten() -> None:
    net = network(Stem())
    small = photograph(side=20)  # the first convolution runs, the pool behind it does not
    caught = net.run_to(small, ["layers.1", "layers.4"])
    assert caught["layers.1"].shape[2:] == (13, 13)
    with pytest.raises(RuntimeError):
        net.module(net.preprocessing(small))
    again = net.run_to(small, ["layers.1", "layers.4"])
    assert torch.equal(caught["layers.4"], again["layers.4"])


def test_early_layers_are_shown_what_they_take() -> None:
    net = network(Stem())
    early = net.run_to(photograph(side=20), ["layers.1"])["layers.1"]
    assert early.shape[2:] == (7, 7), "nothing behind the layer runs, so nothing refuses"
    assert net.takes(20, ["layers.1"])
    assert not net.takes(20, ["layers.4"])


def test_gradients_reach_the_picture_as_it_was() -> None:
    net = network(Tokens(0))
    x = photograph(side=16).requires_grad_()
    (gradient,) = torch.autograd.grad(net.logits(x).sum(), x)
    assert gradient.shape == (1, 3, 16, 16)
    assert gradient.abs().amax(1).count_nonzero() == 256


def test_the_errors_of_a_network_stay_what_they_are() -> None:
    class Broken(Plain):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("out of ideas")

    with pytest.raises(ValueError, match="out of ideas"):
        network(Broken()).logits(photograph(side=16))


def test_pictures_of_a_network_of_one_size() -> None:
    net = network(Tokens(0))
    recipe = named("fast", size=48, steps=4)
    suited = sides.suited_recipe(net, recipe, [objectives.channel("blocks.0", 0)])
    shown = {suited.side_of(stage) for stage in suited.stages}
    assert shown == {SIDE, 48}, "at the size it takes and at the picture's own, at no other"
    batches = list(render(net, requests_for_channels("blocks.0", [0, 1]), recipe))
    assert sum(len(batch.pictures) for batch in batches) == 2
    assert all(batch.pictures.shape[1:] == (48, 48, 3) for batch in batches)
    assert all(np.isfinite(batch.activation).all() for batch in batches)


def test_an_input_that_is_not_square_gets_the_whole_square() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 4, 4, 4)
            self.head = nn.Linear(4 * 4 * 8, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.layer(x).flatten(1))

    prepared = Preprocessing(32, (0.5,) * 3, (0.5,) * 3, shape=(16, 32))
    net = Network(Wide(), prepared, CLASSES)
    x = photograph(side=32)
    squeezed = functional.interpolate(x, size=(16, 32), mode="bilinear", antialias=True)
    caught, logits = net.run(x, ["layer"])
    assert caught["layer"].shape == (1, 4, 4, 8)
    torch.testing.assert_close(logits, net.module(prepared(squeezed)))
