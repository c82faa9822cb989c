"""Preprocessing: what the source uses, unless `[model] size`, `mean` or `std` replace it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError

if TYPE_CHECKING:
    from pipeline.network import Preprocessing

# Of ImageNet's training images, RGB in 0…1, as torchvision's recipes publish them.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def preprocessing(config: Config, default: Preprocessing) -> Preprocessing:
    """Return the preprocessing of a network.

    Parameters
    ----------
    config
        Its `[model] size`, `mean` and `std` replace the source's. One number in `mean` and `std`
        means a network with one input channel: it sees photographs in grey.
    default
        What the source uses.

    Raises
    ------
    AtlasError
        When `mean` and `std` do not fit each other or any network.
    """
    model = config.settings.model
    for key, values in (("mean", model.mean), ("std", model.std)):
        if values is not None and len(values) not in (1, 3):
            advice = "write one per input channel, 3 or 1"
            counted = f'"model.{key}" has {len(values)} numbers'
            raise AtlasError(f"{config.path}: {counted}; {advice}")
    if model.std and 0 in model.std:
        raise AtlasError(f'{config.path}: "model.std" holds a zero; inputs are divided by it')
    wanted = {"size": model.size, "mean": model.mean, "std": model.std}
    given: dict[str, Any] = {key: value for key, value in wanted.items() if value is not None}
    changed = replace(default, **given)
    if len(changed.mean) != len(changed.std):
        lengths = '"model.mean" and "model.std" differ in length'
        advice = "write one number per input channel in both"
        raise AtlasError(f"{config.path}: {lengths}; {advice}")
    return replace(changed, order="grey") if len(changed.mean) == 1 else changed
