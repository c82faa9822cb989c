"""Weights from a file: the one that `[model] weights` names, read and copied into a module.

What comes from a user is checked here, so that a file of another network is reported by the tensors
in which it differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of_file

if TYPE_CHECKING:
    from torch import nn

_WRAPPERS = ("state_dict", "model")  # keys under which training scripts save the state dict
_PARALLEL = "module."  # what torch.nn.DataParallel puts before every name


def weights_path(config: Config) -> Path | None:
    """Return the file that `[model] weights` names; None if it names none.

    Raises
    ------
    AtlasError
        When there is no such file.
    """
    text = config.settings.model.weights
    if text is None:
        return None
    path = config.resolve(text)
    if not path.is_file():
        advice = "paths are relative to the configuration file"
        raise AtlasError(f'{config.path}: "model.weights": no file {path}; {advice}')
    return path


def required_weights_path(config: Config) -> Path:
    """Return the file that `[model] weights` names, for sources that have no weights of their own.

    Raises
    ------
    AtlasError
        When it names none, or there is no such file.
    """
    path = weights_path(config)
    if path is None:
        source = config.settings.model.source
        advice = f'source "{source}" reads its weights from a file: weights = "PATH"'
        raise AtlasError(f'{config.path}: "model.weights" is missing; {advice}')
    return path


def weights_fingerprint(config: Config) -> str | None:
    """SHA-256 of the weights file; None where the configuration names none."""
    path = weights_path(config)
    return fingerprint_of_file(path) if path else None


def read_state(path: Path) -> dict[str, Any]:
    """Read a state dict from a `.pth` or `.safetensors` file.

    Returns
    -------
    dict
        Name → tensor. A state dict inside a checkpoint is taken out of it, and names that
        `torch.nn.DataParallel` has prefixed are given back their own.

    Raises
    ------
    AtlasError
        When the file holds no state dict.
    """
    try:
        state = _read(path)
    except Exception as error:  # the readers raise many kinds; all mean the same to the user
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        readers = "not a weights file that torch or safetensors can read"
        raise AtlasError(f"{path}: {readers} ({reason}); name another file") from error
    for key in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping):
        advice = "save it with torch.save(model.state_dict(), …)"
        raise AtlasError(f"{path}: holds a {type(state).__name__}, not a state dict; {advice}")
    return {str(name).removeprefix(_PARALLEL): tensor for name, tensor in state.items()}


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def load_state(module: nn.Module, state: Mapping[str, Any], path: Path, title: str) -> None:
    """Copy a state dict into a module.

    Parameters
    ----------
    module
        Gets the weights.
    state
        Name → tensor.
    path, title
        Where the weights come from, and the network's name, for messages.

    Raises
    ------
    AtlasError
        When the weights are those of another network, with the first differences.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in state and not _may_be_missing(name)]
    foreign = [name for name in state if name not in own]
    common = [name for name in own if name in state]
    shapes = [name for name in common if tuple(own[name].shape) != tuple(state[name].shape)]
    differences = [
        *(f'"{name}" is missing' for name in missing[:1]),
        *(f'"{name}" is not part of it' for name in foreign[:1]),
        *(
            f'"{name}" has shape {list(state[name].shape)} instead of {list(own[name].shape)}'
            for name in shapes[:1]
        ),
    ]
    if differences:
        count = len(missing) + len(foreign) + len(shapes)
        shown = f"{'; '.join(differences)} ({count} differences in all)"
        advice = "name the file that belongs to this network"
        raise AtlasError(f"{path}: weights of another network than {title}: {shown}; {advice}")
    module.load_state_dict(dict(state), strict=False)


def _may_be_missing(name: str) -> bool:
    # A batch norm's counter; files converted from other frameworks have none, and it is not used.
    return name.endswith("num_batches_tracked")
