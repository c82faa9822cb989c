"""GoogLeNet (Inception-v1) as the Berkeley Vision and Learning Center trained it.

`weights` names an `.npz` file with one float array for each weight and bias: `conv1/7x7_s2.weight`,
…, `inception_3a/1x1.weight`, …, `loss3/classifier.bias`. Weights of convolutions are output × input
× height × width. The input is 224 × 224, BGR, 0…255 minus (104, 117, 123).

The display layers are the concatenated outputs of the blocks, which the article shows.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of_file
from pipeline.models.class_names import class_names
from pipeline.models.preprocessing import preprocessing
from pipeline.models.weights_files import load_state, required_weights_path

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.network import Network

LAYERS: tuple[str, ...] = ("inception_3a", "inception_4a", "inception_4d", "inception_5a")
NAMES = {
    f"inception_{block}": f"mixed{block}"
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
}
TITLE = "GoogLeNet"
MEAN = (104, 117, 123)  # BGR, in 0…255

_OUTSIDE_BLOCKS = {
    "conv1/7x7_s2": "conv1",
    "conv2/3x3_reduce": "conv2_reduce",
    "conv2/3x3": "conv2",
    "loss3/classifier": "classifier",
}


def fingerprint(config: Config) -> Any:
    return fingerprint_of_file(required_weights_path(config))


def load(config: Config) -> Network:
    from pipeline.models.googlenet_module import CLASSES, GoogLeNet
    from pipeline.network import Network, Preprocessing

    path = required_weights_path(config)
    module = GoogLeNet()
    load_state(module, _read_arrays(path), path, TITLE)
    mean = tuple(value / 255 for value in MEAN)
    default = Preprocessing(224, mean, (1 / 255,) * 3, order="bgr")
    title = config.settings.model.title or TITLE
    return Network(module, preprocessing(config, default), class_names(config, CLASSES), title)


def _read_arrays(path: Path) -> dict[str, Tensor]:
    import torch

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {
                _name_in_module(key): torch.from_numpy(arrays[key].astype(np.float32))
                for key in arrays.files
            }
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        advice = "source googlenet reads one array for each weight and bias"
        raise AtlasError(f"{path}: not a NumPy .npz file ({error}); {advice}") from error


def _name_in_module(key: str) -> str:
    """`inception_3a/3x3_reduce.weight` → `inception_3a.conv_3x3_reduce.weight`."""
    layer, _, kind = key.rpartition(".")
    block, _, convolution = layer.partition("/")
    return f"{_OUTSIDE_BLOCKS.get(layer) or f'{block}.conv_{convolution}'}.{kind}"
