"""GoogLeNet's architecture: Szegedy et al. 2014, "Going deeper with convolutions", table 1.

Input `[N, 3, 224, 224]`, logits `[N, K]`. A ReLU follows every convolution, two layers before the
blocks normalize local responses, and the max-pools outside the blocks have ceil mode.

Two trainings of it were published, with small differences that a `Variant` holds: the Berkeley
Vision and Learning Center's, and Google's own for TensorFlow ("inception5h"), which the article
shows. TensorFlow pads an even input at the bottom and on the right by one pixel more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

Widths = tuple[int, int, int, int, int, int]

# Block → (1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool projection): channels, from table 1.
BLOCKS: dict[str, Widths] = {
    "inception_3a": (64, 96, 128, 16, 32, 32),
    "inception_3b": (128, 128, 192, 32, 96, 64),
    "inception_4a": (192, 96, 208, 16, 48, 64),
    "inception_4b": (160, 112, 224, 24, 64, 64),
    "inception_4c": (128, 128, 256, 24, 64, 64),
    "inception_4d": (112, 144, 288, 32, 64, 64),
    "inception_4e": (256, 160, 320, 32, 128, 128),
    "inception_5a": (256, 160, 320, 32, 128, 128),
    "inception_5b": (384, 192, 384, 48, 128, 128),
}


@dataclass(frozen=True)
class Norm:
    """Local response normalization: `a / (k + alpha · mean over size channels of a²) ** beta`."""

    size: int
    alpha: float
    beta: float
    k: float


@dataclass(frozen=True)
class Variant:
    """What tells one training of GoogLeNet from another.

    Attributes
    ----------
    classes
        K, the number of outputs.
    padding
        Zeros before and after the input's rows and columns, for the first convolution.
    widths
        Block → channels of its convolutions, where they differ from `BLOCKS`.
    """

    classes: int
    padding: tuple[int, int]
    norm: Norm
    widths: dict[str, Widths] = field(default_factory=dict)


BVLC = Variant(1000, (3, 3), Norm(5, 1e-4, 0.75, 1.0))
INCEPTION5H = Variant(
    1008,
    (2, 3),
    Norm(9, 9.99999974738e-05, 0.5, 1.0),
    {
        "inception_4a": (192, 96, 204, 16, 48, 64),
        "inception_5a": (256, 160, 320, 48, 128, 128),
    },
)


class Inception(nn.Module):
    """One block: four branches side by side, concatenated. `[N, C, H, W]` → `[N, C', H, W]`.

    Parameters
    ----------
    channels
        C.
    widths
        Channels of its convolutions, as in `BLOCKS`.
    """

    def __init__(self, channels: int, widths: Widths) -> None:
        super().__init__()
        one, three_reduce, three, five_reduce, five, projection = widths
        self.conv_1x1 = nn.Conv2d(channels, one, 1)
        self.conv_3x3_reduce = nn.Conv2d(channels, three_reduce, 1)
        self.conv_3x3 = nn.Conv2d(three_reduce, three, 3, padding=1)
        self.conv_5x5_reduce = nn.Conv2d(channels, five_reduce, 1)
        self.conv_5x5 = nn.Conv2d(five_reduce, five, 5, padding=2)
        self.pool = nn.MaxPool2d(3, 1, padding=1)
        self.conv_pool_proj = nn.Conv2d(channels, projection, 1)
        self.out_channels = one + three + five + projection

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.conv_1x1(x).relu(),
            self.conv_3x3(self.conv_3x3_reduce(x).relu()).relu(),
            self.conv_5x5(self.conv_5x5_reduce(x).relu()).relu(),
            self.conv_pool_proj(self.pool(x)).relu(),
        ]
        return torch.cat(branches, 1)


class GoogLeNet(nn.Module):
    """`[N, 3, H, W]`, mean subtracted → logits `[N, K]`. BVLC's variant takes BGR, Google's RGB."""

    def __init__(self, variant: Variant = BVLC) -> None:
        super().__init__()
        before, after = variant.padding
        even = before == after
        self.pad = nn.Identity() if even else nn.ZeroPad2d((before, after) * 2)
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=before if even else 0)
        self.conv2_reduce = nn.Conv2d(64, 64, 1)
        self.conv2 = nn.Conv2d(64, 192, 3, padding=1)
        self.norm1 = _norm(variant.norm)
        self.norm2 = _norm(variant.norm)
        self.pool1 = _pool()
        self.pool2 = _pool()
        self.pool3 = _pool()
        self.pool4 = _pool()
        channels = 192
        for name, widths in (BLOCKS | variant.widths).items():
            block = Inception(channels, widths)
            self.add_module(name, block)
            channels = block.out_channels
        self.classifier = nn.Linear(channels, variant.classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.pool1(self.conv1(self.pad(x)).relu()))
        x = self.pool2(self.norm2(self.conv2(self.conv2_reduce(x).relu()).relu()))
        for name in BLOCKS:
            x = getattr(self, name)(x)
            if name == "inception_3b":
                x = self.pool3(x)
            elif name == "inception_4e":
                x = self.pool4(x)
        return self.classifier(x.mean((2, 3)))


def _norm(norm: Norm) -> nn.LocalResponseNorm:
    return nn.LocalResponseNorm(norm.size, norm.alpha, norm.beta, norm.k)


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2, ceil_mode=True)
