"""Small random networks whose layers are not [N, C, H, W], or that are awkward in other ways."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 32


class Block(nn.Module):
    """A transformer block: attention and a perceptron, with skip connections around them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (each[:, None] for each in self.qkv(self.norm(x)).chunk(3, -1))
        x = x + functional.scaled_dot_product_attention(q, k, v)[:, 0]
        return x + self.mlp(x)


class Tokens(nn.Module):
    """A vision transformer of one size, [N, T, C], with a class token and registers, or without.

    With a class token, the logits are read from it, else from the mean of all positions.
    """

    def __init__(self, apart: int = 1, dim: int = 12, depth: int = 3) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 4, 4)
        self.register_parameter("apart", nn.Parameter(torch.zeros(apart, dim)) if apart else None)
        self.position = nn.Parameter(torch.zeros(1, apart + (SIDE // 4) ** 2, dim))
        self.blocks = nn.Sequential(*[Block(dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 5)

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[-1] == SIDE, f"Input height ({x.shape[-1]}) doesn't match model ({SIDE})"
        x = self.patch(x).flatten(2).transpose(1, 2)
        if self.apart is not None:
            x = torch.cat([self.apart.expand(len(x), -1, -1), x], 1)
        x = self.norm(self.blocks(x + self.position))
        return self.head(x.mean(1) if self.apart is None else x[:, 0])


class ChannelsLast(nn.Module):
    """Blocks that keep the channels last, [N, H, W, C]. "square" is [8, 8, 8] in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.square = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU())
        self.down = nn.Conv2d(8, 12, 2, 2)
        self.late = nn.Sequential(nn.Linear(12, 10), nn.ReLU())
        self.head = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.square(self.stem(x).permute(0, 2, 3, 1))
        x = self.late(self.down(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return self.head(x.mean((1, 2)))


class Windows(nn.Module):
    """A block that sees windows of the photograph, [N · windows, T, C], which is no cube."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 4, 4)
        self.inside = nn.Linear(6, 6)
        self.joined = nn.ReLU()
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        n, c, h, w = x.shape
        x = x.reshape(n, c, 2, h // 2, 2, w // 2).permute(0, 2, 4, 3, 5, 1).reshape(n * 4, -1, c)
        x = self.inside(x).reshape(n, 2, 2, h // 2, w // 2, c)
        x = self.joined(x.permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w))
        return self.head(x.mean((2, 3)))


@dataclass
class Answer:
    """What some libraries return."""

    hidden: Tensor
    scores: Tensor


class Reused(nn.Module):
    """One activation for all convolutions, and a dataclass as output."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 6, 3, 2, 1)
        self.second = nn.Conv2d(6, 8, 3, 2, 1)
        self.relu = nn.ReLU()
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Answer:
        x = self.relu(self.second(self.relu(self.first(x))))
        return Answer(x, self.head(x.mean((2, 3))))


class Stem(nn.Module):
    """A stem with large kernels, which refuses small pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 6, 7, 2), nn.ReLU(), nn.MaxPool2d(5, 2), nn.Conv2d(6, 8, 5), nn.ReLU()
        )
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x).mean((2, 3)))


class Unfolded(nn.Module):
    """Patches and the pixels in each, [N, C, pixels, patches], as MobileViT-2 has them inside."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 4, 4)
        self.inside = nn.Conv2d(6, 6, 1)
        self.joined = nn.ReLU()
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = (x := self.stem(x)).shape
        x = self.inside(functional.unfold(x, 2, stride=2).reshape(n, c, 4, -1))
        x = functional.fold(x.reshape(n, c * 4, -1), (h, w), 2, stride=2)
        return self.head(self.joined(x).mean((2, 3)))
