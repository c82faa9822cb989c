"""Six small networks, one of each kind that real ones are built of, to run from the middle.

In each, `lower` is a layer inside a block and `upper` a later one. They do what makes it hard to
run only the rest of a network: they change tensors in place, call a module twice, and lead paths
around the lower layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.unit.networks import Functional, Plain


class _PreActivated(nn.Module):
    """A residual block whose in-place activation changes the block's own input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.activation = nn.ReLU(inplace=True)
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(self.activation(x))
        y = self.second(self.activation(self.norm(y)))
        y += x
        return y


class Residual(nn.Module):
    """Residual blocks: additions and activations in place, one activation called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*[_PreActivated(6) for _ in range(3)])
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(functional.max_pool2d(self.stem(x), 2))
        # A second reader, so that this layer is what it returns, not what the ReLU makes of it.
        assert torch.isfinite(x).all()
        return self.head(x.relu_().mean((2, 3)))


class _Branches(nn.Module):
    """Three branches side by side, concatenated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Sequential(nn.Conv2d(channels, 3, 1), nn.ReLU(inplace=True))
        self.wide = nn.Sequential(
            nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.ReLU()
        )
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, 3, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.narrow(x), self.wide(x), self.pooled(x)], 1)


class Inception(nn.Module):
    """Branches that are concatenated: two of them lead around a layer in the other."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(2))
        self.mixed = nn.ModuleList([_Branches(6), _Branches(9)])
        self.head = nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for each in self.mixed:
            x = each(x)
        return self.head(x.flatten(2).mean(2))


class _Separable(nn.Module):
    """A depthwise convolution, a gate over channels, a pointwise convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.gate = nn.Conv2d(channels, channels, 1)
        self.pointwise = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.hardswish(self.norm(self.depthwise(x)))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        return self.pointwise(x)


class Depthwise(nn.Module):
    """Depthwise separable convolutions with gates, smooth activations, and several outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 4, stride=4)
        self.blocks = nn.Sequential(_Separable(6, 8), nn.SiLU(), _Separable(8, 7))
        self.head = nn.Linear(7, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.blocks(functional.gelu(self.stem(x)))
        return self.head(x.mean((2, 3))), x


class Dense(nn.Module):
    """Every layer gets all earlier ones, concatenated: paths lead around each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 4, stride=4)
        self.layers = nn.ModuleList([nn.Conv2d(4 + 5 * i, 5, 3, padding=1) for i in range(4)])
        self.activation = nn.ReLU(inplace=True)
        self.joined = nn.Identity()
        self.head = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        found = [self.stem(x)]
        for layer in self.layers:
            found.append(layer(self.activation(torch.cat(found, 1))))
        return self.head(self.joined(torch.cat(found, 1)).mean((2, 3)))


@dataclass(frozen=True)
class Architecture:
    """A network, and the two layers that removals are measured between."""

    module: type[nn.Module]
    lower: str
    upper: str


ARCHITECTURES = {
    "plain": Architecture(Plain, "early", "late"),
    "residual": Architecture(Residual, "blocks.1.norm", "blocks.2"),
    "inception": Architecture(Inception, "mixed.0.wide.1", "mixed.1.wide"),
    "depthwise": Architecture(Depthwise, "blocks.0.norm", "blocks.2"),
    "functional": Architecture(Functional, "joined", "ended"),
    "dense": Architecture(Dense, "layers.1", "joined"),
}
