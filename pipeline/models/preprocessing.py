"""Preprocessing: what the source uses, unless keys of `[model]` replace it.

The keys are `size`, `mean`, `std` and `channels`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.config import Config, ModelTable
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
        Its `[model] size`, `mean`, `std` and `channels` replace the source's. How many input
        channels there are follows from `channels`, else from the length of `mean` or `std`.
    default
        What the source uses.

    Raises
    ------
    AtlasError
        When the keys do not fit each other or any network.
    """
    model = config.settings.model
    count = _count(model, default)
    mean = _spread(model.mean, default.mean, count)
    std = _spread(model.std, default.std, count)
    for key, values in (("mean", mean), ("std", std)):
        if len(values) != count:
            advice = f"write {count} as there are input channels, or one number for all of them"
            counted = f'"model.{key}" has {len(values)} numbers'
            raise AtlasError(f"{config.path}: {counted}; {advice}")
    if any(value <= 0 for value in std):
        problem = "inputs are divided by it, so it must be above zero"
        raise AtlasError(f'{config.path}: "model.std" holds {min(std):g}; {problem}')
    changed = replace(default, mean=mean, std=std, order=_order(model, default, count))
    if model.size is None:
        return changed
    if isinstance(model.size, int):
        return replace(changed, size=model.size, shape=None)
    return replace(changed, size=max(model.size), shape=model.size)


def _count(model: ModelTable, default: Preprocessing) -> int:
    """Return the number of input channels."""
    for values in (model.channels, model.mean, model.std):
        if isinstance(values, tuple):
            return len(values)
    return len(default.mean)


def _spread(
    given: float | tuple[float, ...] | None, default: tuple[float, ...], count: int
) -> tuple[float, ...]:
    """One number for each channel; for other channels than the default's, the default's mean."""
    if isinstance(given, tuple):
        return given
    if given is not None:
        return (given,) * count
    return default if len(default) == count else (sum(default) / len(default),) * count


def _order(model: ModelTable, default: Preprocessing, count: int) -> str | tuple[str, ...]:
    from pipeline.network import colours_for

    if model.channels is None:
        return default.order if count == len(default.mean) else colours_for(count)
    named = {("red", "green", "blue"): "rgb", ("blue", "green", "red"): "bgr", ("grey",): "grey"}
    return named.get(model.channels, model.channels)
