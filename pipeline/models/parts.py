"""What the sources share: class names, weights files, preprocessing overrides, and the messages when these are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.store import fingerprint_of_file

if TYPE_CHECKING:
    from torch import nn

    from pipeline.network import Preprocessing

# Mean and standard deviation of ImageNet's training images, RGB in 0…1, as torchvision's recipes publish them.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def weights_path(config: Config, required: bool = False) -> Path | None:
    """The file that `[model] weights` names; a missing one raises an AtlasError."""
    text = config.settings.model.weights
    if text is None:
        if required:
            source = config.settings.model.source
            raise AtlasError(
                f'{config.path}: "model.weights" is missing; source "{source}" reads its weights from a file: weights = "PATH"'
            )
        return None
    path = config.resolve(text)
    if not path.is_file():
        raise AtlasError(f'{config.path}: "model.weights": no file {path}; paths are relative to the configuration file')
    return path


def weights_fingerprint(config: Config, required: bool = False) -> str | None:
    """SHA-256 of the weights file, or None where the configuration names none."""
    path = weights_path(config, required)
    return fingerprint_of_file(path) if path else None


def read_state(path: Path) -> dict[str, Any]:
    """Read a state dict from a `.pth` or `.safetensors` file; anything else raises an AtlasError."""
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers raise many kinds, all of which mean the same to the user
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AtlasError(f"{path}: not a weights file that torch or safetensors can read ({reason[:160]})") from error
    for key in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping):
        raise AtlasError(f"{path}: holds a {type(state).__name__}, not a state dict; save it with torch.save(model.state_dict(), …)")
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def load_state(module: nn.Module, state: Mapping[str, Any], path: Path, title: str) -> None:
    """Copy a state dict into a module; weights of another network raise an AtlasError that shows where they differ."""
    own = module.state_dict()
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    foreign = [name for name in state if name not in own]
    shapes = [name for name in own if name in state and tuple(own[name].shape) != tuple(state[name].shape)]
    differences = [f'"{name}" is missing' for name in missing[:1]]
    differences += [f'"{name}" is not part of it' for name in foreign[:1]]
    differences += [f'"{name}" has shape {list(state[name].shape)} instead of {list(own[name].shape)}' for name in shapes[:1]]
    if differences:
        count = len(missing) + len(foreign) + len(shapes)
        raise AtlasError(
            f"{path}: weights of another network than {title}: {'; '.join(differences)} ({count} differences in all); "
            "name the file that belongs to this network"
        )
    module.load_state_dict(dict(state), strict=False)


def preprocessing(config: Config, default: Preprocessing) -> Preprocessing:
    """The source's preprocessing with `size`, `mean` and `std` of the configuration put in its place."""
    model = config.settings.model
    wanted = {"size": model.size, "mean": model.mean, "std": model.std}
    for key in ("mean", "std"):
        value = wanted[key]
        if value is not None and len(value) not in (1, 3):  # type: ignore[arg-type]
            raise AtlasError(f'{config.path}: "model.{key}" has {len(value)} numbers; write one per input channel, 3 or 1')  # type: ignore[arg-type]
    if model.std and 0 in model.std:
        raise AtlasError(f'{config.path}: "model.std" holds a zero; inputs are divided by it')
    changed = replace(default, **{key: value for key, value in wanted.items() if value is not None})  # type: ignore[arg-type]
    if len(changed.mean) != len(changed.std):
        raise AtlasError(f'{config.path}: "model.mean" and "model.std" differ in length; write one number per input channel in both')
    return replace(changed, order="grey") if len(changed.mean) == 1 else changed


def class_names(config: Config, count: int) -> list[str]:
    """K class names: from `[model] classes`, else ImageNet's for 1,000 outputs, else "class 0", "class 1" and so on."""
    text = config.settings.model.classes
    if text is not None:
        path = config.resolve(text)
        try:
            names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise AtlasError(f'{config.path}: "model.classes": {path} cannot be read; it holds one class name a line, in UTF-8') from error
        if len(names) != count:
            raise AtlasError(f'{config.path}: "model.classes": {path} has {len(names)} names, the network has {count} outputs')
        return names
    return imagenet_classes() if count == 1000 else [f"class {index}" for index in range(count)]


def imagenet_classes() -> list[str]:
    """The 1,000 class names of ImageNet-1k in the usual order, as torchvision carries them."""
    from pipeline.models.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.models import GoogLeNet_Weights

    return list(GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"])


def output_count(module: nn.Module, preprocessing: Preprocessing) -> int:
    """K, the number of outputs, from one run on a grey picture."""
    import torch

    from pipeline.network import Network

    size = preprocessing.size
    with torch.inference_mode():
        return int(Network(module, preprocessing, []).logits(torch.full((1, 3, size, size), 0.5)).shape[1])
