"""Small random networks for tests, which between them do everything that real ones do.

They are quick on any machine. `photograph`, `hooks` and `close` serve most tests of networks.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.network import Network, Preprocessing

SIDE = 32
CLASSES = [f"class {index}" for index in range(5)]


class Plain(nn.Module):
    """Convolutions, batch norm, in-place ReLUs, max-pools.

    Layers "early" [8, 16, 16] and "late" [12, 8, 8].
    """

    def __init__(self, channels: int = 3, classes: int = 5) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.early = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.late = nn.Sequential(nn.Conv2d(8, 12, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(12, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.late(self.pool(self.early(self.stem(x)))).mean((2, 3)))


class Functional(nn.Module):
    """Functional ReLUs, residual sums, concatenation, a depthwise convolution.

    One activation module, "shared", runs twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.second = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.third = nn.Conv2d(12, 8, 1)
        self.shared = nn.ReLU6()
        self.joined = nn.Identity()
        self.ended = nn.Identity()
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.first(x))
        y = self.shared(x + self.second(x))
        joined = self.joined(torch.cat([x, y], 1))
        z = self.ended(self.shared(functional.max_pool2d(self.third(joined), 2)))
        return self.head(functional.adaptive_avg_pool2d(z, 1).flatten(1))


def network(
    module: nn.Module | None = None,
    seed: int = 0,
    order: str = "rgb",
    classes: list[str] | None = None,
) -> Network:
    """A seeded network around `module` (Plain by default) with 32 × 32 input.

    Batch norms get random statistics.
    """
    module = module if module is not None else Plain()
    torch.manual_seed(seed)
    for layer in module.modules():
        for parameter in layer.parameters(recurse=False):
            vector = parameter.ndim == 1
            nn.init.normal_(parameter, std=0.5 if vector else (2 / parameter[0].numel()) ** 0.5)
        if isinstance(layer, nn.BatchNorm2d):
            _randomize(layer)
    count = 1 if order == "grey" else 3
    preprocessing = Preprocessing(SIDE, (0.45,) * count, (0.25,) * count, order)
    return Network(module, preprocessing, classes or CLASSES, "tiny")


def _randomize(norm: nn.BatchNorm2d) -> None:
    if norm.running_mean is not None and norm.running_var is not None:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        nn.init.uniform_(norm.weight, 0.5, 1.5)


def photograph(seed: int = 1, side: int = 24) -> Tensor:
    """Noise `x[1, 3, side, side]` in 0…1."""
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def hooks(net: Network) -> int:
    """How many hooks the network's modules have."""
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks)
        for module in net.module.modules()
    )


def close(found: np.ndarray, expected: np.ndarray, bound: float = 1e-4) -> bool:
    """Whether arrays of the same shape differ by at most `bound`, relative to the largest value."""
    if found.shape != expected.shape:
        return False
    return float(np.abs(found - expected).max()) <= bound * float(np.abs(expected).max())
