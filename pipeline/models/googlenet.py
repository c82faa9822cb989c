"""GoogLeNet (Szegedy et al. 2014, Inception-v1) as the Berkeley Vision and Learning Center trained it.

`weights` names an `.npz` file with the arrays `conv1/7x7_s2.weight`, …, `inception_3a/1x1.weight`, …,
`loss3/classifier.bias` (convolutions out × in × h × w). Input 224 × 224, BGR, 0…255 minus (104, 117, 123). Every
max-pool outside the blocks has ceil mode; a ReLU follows every convolution; the display layers are the concatenated
outputs of the blocks, the ones that the article shows.
"""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.models import parts

if TYPE_CHECKING:
    from pipeline.network import Network

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


_STEM = {"conv1/7x7_s2": "conv1", "conv2/3x3_reduce": "conv2_reduce", "conv2/3x3": "conv2", "loss3/classifier": "classifier"}


def _module_name(key: str) -> str:
    """`inception_3a/3x3_reduce.weight` → `inception_3a.conv_3x3_reduce.weight`."""
    layer, _, kind = key.rpartition(".")
    block, _, convolution = layer.partition("/")
    return f"{_STEM.get(layer) or f'{block}.conv_{convolution}'}.{kind}"


def fingerprint(config: Config) -> Any:
    return parts.weights_fingerprint(config, required=True)


def load(config: Config) -> Network:
    import torch

    from pipeline.models.googlenet_module import GoogLeNet
    from pipeline.network import Network, Preprocessing

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
