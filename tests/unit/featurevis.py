"""What tests of feature visualization share: a quick recipe, networks, and rendered pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.featurevis.fast_modules import clip_in_place
from pipeline.featurevis.recipes import Recipe
from pipeline.featurevis.requests import Batch
from pipeline.network import Network
from pipeline.units import Unit
from tests.unit import networks

QUICK = Recipe("quick", size=32, steps=12, jitter=2.0)
SPELLINGS = ["module", "functional", "in place", "method", "relu6", "fast", "clamp"]


def generators(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, index]) for index in range(count)]


def pictures_of(batches: Iterable[Batch]) -> dict[Unit, np.ndarray]:
    return {
        unit: picture
        for batch in batches
        for unit, picture in zip(batch.units, batch.pictures, strict=True)
    }


def largest_difference(one: np.ndarray, other: np.ndarray) -> int:
    """Between two pictures, in levels of 0…255."""
    return int(np.abs(one.astype(int) - other).max())


class Silent(nn.Module):
    """Channel 0 of "layer" is clipped to zero for all but extreme inputs, spelt in several ways."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        self.spelling = spelling
        self.convolution = nn.Conv2d(3, 2, 3, padding=1)
        self.module = nn.ReLU()
        self.layer = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolution(x) - 3.0
        match self.spelling:
            case "module":
                y = self.module(y)
            case "functional":
                y = functional.relu(y)
            case "in place":
                functional.relu(y, inplace=True)
            case "method":
                y = y.relu_()
            case "relu6":
                y = functional.relu6(y)
            case "fast":
                y = clip_in_place(y, 0.0, 6.0)
            case "clamp":
                y = torch.clamp(y, min=0)
        return self.layer(y).mean((2, 3))


def silent(spelling: str = "module", weight: float = 1.0) -> Network:
    """A network around `Silent`; with a small weight no picture activates its channels."""
    network = networks.network(Silent(spelling))
    with torch.no_grad():
        network.module.convolution.weight.abs_().mul_(weight)
        network.module.convolution.bias.zero_()
    return network


class Passes:
    """The passes with gradients through a network and its copies: how many pictures, which side.

    Parameters
    ----------
    network
        Watched from now on.
    error, limit
        Raised by passes of more pictures than that.
    """

    def __init__(self, network: Network, error: Exception | None = None, limit: int = 0) -> None:
        self.error, self.limit = error, limit
        self.counts: list[int] = []
        self.sides: list[int] = []
        network.module.register_forward_pre_hook(_hook_of(self))

    def add(self, x: Tensor) -> None:
        if not torch.is_grad_enabled() or not x.requires_grad:
            return
        self.counts.append(len(x))
        self.sides.append(x.shape[-1])
        if self.error is not None and len(x) > self.limit:
            raise self.error


def _hook_of(passes: Passes) -> Callable[[nn.Module, tuple[Tensor]], None]:
    # A function, because copies of a network share it; a bound method would be copied with them.
    def hook(_module: nn.Module, inputs: tuple[Tensor]) -> None:
        passes.add(inputs[0])

    return hook
