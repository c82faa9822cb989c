"""The names of a network's K classes, one for each of its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.errors import AtlasError

if TYPE_CHECKING:
    from torch import nn

    from pipeline.network import Preprocessing

IMAGENET = 1000  # a network with as many outputs is taken for one of ImageNet-1k


def class_names(config: Config, count: int) -> list[str]:
    """Return the names of `count` classes.

    They come from the file that `[model] classes` names; without it they are ImageNet's for 1,000
    outputs, else "class 0", "class 1" and so on.

    Raises
    ------
    AtlasError
        When the file cannot be read or has another number of names.
    """
    text = config.settings.model.classes
    if text is None:
        numbered = [f"class {index}" for index in range(count)]
        return imagenet_classes() if count == IMAGENET else numbered
    path = config.resolve(text)
    where = f'{config.path}: "model.classes": {path}'
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        advice = "name a text file in UTF-8 with one class name a line"
        raise AtlasError(f"{where} cannot be read; {advice}") from error
    names = [line.strip() for line in lines if line.strip()]
    if len(names) != count:
        raise AtlasError(f"{where} has {len(names)} names, the network has {count} outputs")
    return names


def imagenet_classes() -> list[str]:
    """Return the 1,000 class names of ImageNet-1k in the usual order, as torchvision has them."""
    from pipeline.models.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.models import GoogLeNet_Weights

    return list(GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"])


def output_count(module: nn.Module, preprocessing: Preprocessing, output: str | None = None) -> int:
    """Return K, the number of outputs, from one run on a grey input.

    Parameters
    ----------
    module, preprocessing
        The network.
    output
        Which part of what it returns are the logits.
    """
    import torch

    from pipeline.network import Network

    grey = torch.full((1, 3, preprocessing.size, preprocessing.size), 0.5)
    with torch.inference_mode():
        return int(Network(module, preprocessing, [], output=output).logits(grey).shape[1])
