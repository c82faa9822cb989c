"""Networks as the public functions take them, and what they answer at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline import models
from pipeline.api.photographs import photograph
from pipeline.config import read
from pipeline.errors import AtlasError, did_you_mean
from pipeline.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from pipeline.network import Network, Preprocessing

if TYPE_CHECKING:
    from torch import nn


def load(config: str | Path) -> Network:
    """Load the network of a configuration file.

    Raises
    ------
    AtlasError
        When the configuration or the network has a mistake.
    """
    return models.load(read(Path(config)))


def wrap(
    module: nn.Module,
    classes: Sequence[str] | None = None,
    *,
    size: int = 224,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    probabilities: Literal["softmax", "sigmoid"] | None = None,
    title: str | None = None,
) -> Network:
    """Make a network of any module that returns logits.

    Parameters
    ----------
    module
        Takes the preprocessed input. It stays as it is.
    classes
        The class names; by default numbered.
    size, mean, std, probabilities
        As in `[model]` of a configuration: side of the input in pixels; preprocessing in 0…1; how
        logits become probabilities, by default as at the module's end.
    title
        By default the module's class.
    """
    import torch

    prepared = Preprocessing(size, tuple(mean), tuple(std))
    named = title or type(module).__name__
    network = Network(module, prepared, list(classes or ()), named, probabilities=probabilities)
    with torch.no_grad():
        count = network.logits(torch.zeros(1, 3, size, size, device=network.device)).shape[1]
    names = list(classes) if classes is not None else [f"class {i}" for i in range(count)]
    if len(names) != count:
        raise AtlasError(f"{network.title}: {len(names)} class names for {count} logits")
    network.classes[:] = names
    return network


def activations(network: Network, image: Any, layer: str) -> np.ndarray:
    """Return what a layer makes of a photograph.

    Parameters
    ----------
    network
        See `load` and `wrap`.
    image
        See `photograph`.
    layer
        Name of a submodule.

    Returns
    -------
    ndarray
        f4 `[C, H, W]`.

    Raises
    ------
    AtlasError
        When there is no such layer or photograph.
    """
    import torch

    x = network.input(photograph(image, network))
    with torch.no_grad():
        return network.run_to(x, [layer])[layer][0].cpu().numpy().astype(np.float32)


def predict(network: Network, image: Any, count: int = 5) -> list[tuple[str, float]]:
    """Return the most probable classes of a photograph with their probabilities.

    They are a softmax of the logits, or, where classes do not exclude each other, a sigmoid.
    """
    import torch

    x = network.input(photograph(image, network))
    with torch.no_grad():
        probabilities = network.probabilities_of(network.logits(x))[0]
    values, indices = probabilities.topk(min(count, len(probabilities)))
    return [
        (network.classes[i], float(value))
        for value, i in zip(values, indices.tolist(), strict=True)
    ]


def class_index(network: Network, target: str | int) -> int:
    """Return the index of a class that is given by its name or its index.

    Raises
    ------
    AtlasError
        When the network has no such class, or several of this name.
    """
    if isinstance(target, str):
        found = [i for i, name in enumerate(network.classes) if name == target]
        if len(found) == 1:
            return found[0]
        if found:
            indices = ", ".join(map(str, found))
            raise AtlasError(f'{network.title}: classes {indices} are called "{target}"')
        hint = did_you_mean(target, network.classes) or ""
        raise AtlasError(f'{network.title}: no class "{target}"{hint}')
    if not 0 <= int(target) < len(network.classes):
        last = len(network.classes) - 1
        raise AtlasError(f"{network.title}: no class {target}; they are 0 to {last}")
    return int(target)
