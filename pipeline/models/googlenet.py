"""GoogLeNet (Szegedy et al. 2014, Inception-v1) as the Berkeley Vision and Learning Center trained it.

`weights` names an `.npz` file with the arrays `conv1/7x7_s2.weight`, …, `inception_3a/1x1.weight`, …,
`loss3/classifier.bias` (convolutions out × in × h × w). Input 224 × 224, BGR, 0…255 minus (104, 117, 123). Every
max-pool outside the blocks has ceil mode; a ReLU follows every convolution; the display layers are the concatenated
outputs of the blocks, the ones that the article shows.
"""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.models import parts
from pipeline.network import Network, Preprocessing

LAYERS: tuple[str, ...] = ("inception_3a", "inception_4a", "inception_4d", "inception_5a")
TITLE = "GoogLeNet"

# Block → (1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool projection): Szegedy et al. 2014, table 1.
BLOCKS = OrderedDict(
    inception_3a=(64, 96, 128, 16, 32, 32),
    inception_3b=(128, 128, 192, 32, 96, 64),
    inception_4a=(192, 96, 208, 16, 48, 64),
    inception_4b=(160, 112, 224, 24, 64, 64),
    inception_4c=(128, 128, 256, 24, 64, 64),
    inception_4d=(112, 144, 288, 32, 64, 64),
    inception_4e=(256, 160, 320, 32, 128, 128),
    inception_5a=(256, 160, 320, 32, 128, 128),
    inception_5b=(384, 192, 384, 48, 128, 128),
)
NAMES = {block: block.replace("inception_", "mixed") for block in BLOCKS}


class Inception(nn.Module):
    """One block: 1×1, 3×3, 5×5 and pool-projection branches, concatenated. `[N, C, H, W]` → `[N, C', H, W]`."""

    def __init__(self, channels: int, widths: tuple[int, int, int, int, int, int]) -> None:
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
        return torch.cat(
            [
                self.conv_1x1(x).relu(),
                self.conv_3x3(self.conv_3x3_reduce(x).relu()).relu(),
                self.conv_5x5(self.conv_5x5_reduce(x).relu()).relu(),
                self.conv_pool_proj(self.pool(x)).relu(),
            ],
            1,
        )


class GoogLeNet(nn.Module):
    """`[N, 3, H, W]`, BGR, mean subtracted → logits `[N, 1000]`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3)
        self.conv2_reduce = nn.Conv2d(64, 64, 1)
        self.conv2 = nn.Conv2d(64, 192, 3, padding=1)
        self.norm1 = nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)
        self.norm2 = nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)
        self.pool1, self.pool2, self.pool3, self.pool4 = (nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(4))
        channels = 192
        for name, widths in BLOCKS.items():
            block = Inception(channels, widths)
            self.add_module(name, block)
            channels = block.out_channels
        self.classifier = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.pool1(self.conv1(x).relu()))
        x = self.pool2(self.norm2(self.conv2(self.conv2_reduce(x).relu()).relu()))
        for name in BLOCKS:
            x = getattr(self, name)(x)
            if name == "inception_3b":
                x = self.pool3(x)
            elif name == "inception_4e":
                x = self.pool4(x)
        return self.classifier(x.mean((2, 3)))


_STEM = {"conv1/7x7_s2": "conv1", "conv2/3x3_reduce": "conv2_reduce", "conv2/3x3": "conv2", "loss3/classifier": "classifier"}


def _module_name(key: str) -> str:
    """`inception_3a/3x3_reduce.weight` → `inception_3a.conv_3x3_reduce.weight`."""
    layer, _, kind = key.rpartition(".")
    block, _, convolution = layer.partition("/")
    return f"{_STEM.get(layer) or f'{block}.conv_{convolution}'}.{kind}"


def fingerprint(config: Config) -> Any:
    return parts.weights_fingerprint(config, required=True)


def load(config: Config) -> Network:
    path = parts.weights_path(config, required=True)
    assert path is not None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            state = {_module_name(key): torch.from_numpy(arrays[key].astype(np.float32)) for key in arrays.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise AtlasError(f"{path}: not a NumPy .npz file ({error}); source googlenet reads one array per weight and bias") from error
    module = GoogLeNet()
    parts.load_state(module, state, path, TITLE)
    mean = tuple(value / 255 for value in (104, 117, 123))
    preprocessing = parts.preprocessing(config, Preprocessing(224, mean, (1 / 255,) * 3, order="bgr"))
    return Network(module, preprocessing, parts.class_names(config, 1000), config.settings.model.title or TITLE)
