"""Weights from a file: the one that `[model] weights` names, read and copied into a module.

A file is what `torch.save` or safetensors wrote: a state dict, alone or somewhere in a checkpoint.
Code in a pickle is never run. What comes from a user is checked here, so that a file of another
network is reported by the tensors in which it differs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config, is_file
from pipeline.errors import AtlasError, did_you_mean
from pipeline.fingerprints import fingerprint_of_file

if TYPE_CHECKING:
    from torch import Tensor, nn

# Keys under which training scripts save state dicts. Averages over the training come first: they
# are what such a script evaluates.
_WRAPPERS = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema"),
    *("state_dict", "model_state_dict", "model_state", "model", "network", "net", "module"),
    *("params_ema", "params", "weights", "teacher", "generator"),
)
_DEEPEST = 3  # dictionaries inside one another
# What wrappers of a module put before its names: torch.nn.DataParallel, torch.compile, Lightning.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "encoder.", "ema_model.")


def weights_path(config: Config, words: Iterable[str] = ()) -> Path | None:
    """Return the file that `[model] weights` names; None if it names none.

    Parameters
    ----------
    words
        What may stand there instead, for those who have misspelt it.

    Raises
    ------
    AtlasError
        When there is no such file.
    """
    text = config.settings.model.weights
    if text is None:
        return None
    path = config.resolve(text)
    if not is_file(path):
        problem = "is a folder" if _is_folder(path) else "no file"
        hint = did_you_mean(text, words) or ";"
        advice = "paths are relative to the configuration file"
        raise AtlasError(f'{config.path}: "model.weights": {problem} {path}{hint} {advice}')
    return path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def weights_fingerprint(config: Config, words: Iterable[str] = ()) -> str | None:
    """SHA-256 of the weights file; None where the configuration names none. See `weights_path`."""
    path = weights_path(config, words)
    return fingerprint_of_file(path) if path else None


# ----------------------------------------------------------------------------------------- reading
def read_state(path: Path) -> dict[str, Any]:
    """Read a state dict from a `.pt`, `.pth`, `.ckpt`, `.bin` or `.safetensors` file.

    Returns
    -------
    dict
        Name → tensor. A state dict inside a checkpoint is taken out of it; an average over the
        training ("ema") comes before the last state.

    Raises
    ------
    AtlasError
        When the file holds no state dict.
    """
    try:
        found = _read(path)
    except AtlasError:
        raise
    except Exception as error:  # the readers raise many kinds; all mean the same to the user
        raise AtlasError(f"{path}: {_why_not(error)}") from error
    state = _state_in(found, _DEEPEST)
    if state is None:
        there = _described(found)
        advice = "save it with torch.save(model.state_dict(), …)"
        raise AtlasError(f"{path}: holds {there}, not a state dict; {advice}")
    return state


def _read(path: Path) -> Any:
    with open(path, "rb") as stream:
        head = stream.read(64)
    if head.startswith(b"version https://git-lfs"):
        advice = "fetch the file itself with: git lfs pull"
        raise AtlasError(f"{path}: only a pointer of Git LFS to the weights; {advice}")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    # Checkpoints often carry the options of the training, which are plain values.
    from argparse import Namespace
    from pathlib import PosixPath

    import torch

    safe = torch.serialization.safe_globals([Namespace, PosixPath])
    with safe, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is reported below
        return torch.load(path, map_location="cpu", weights_only=True)


def _why_not(error: Exception) -> str:
    text = str(error)
    if "TorchScript" in text:
        advice = "load it in a Python file: def build(): return torch.jit.load(…)"
        return f"holds a TorchScript program, not a state dict; {advice}"
    if "Unsupported global" in text or "Unsupported class" in text:
        first = text.partition("Unsupported global: GLOBAL ")[2].split()
        what = f" ({first[0]})" if first else ""
        problem = f"holds Python objects beside tensors{what}, whose code is not run"
        return f"{problem}; save the tensors alone: torch.save(model.state_dict(), …)"
    reason = (text or type(error).__name__).splitlines()[0][:160]
    readers = "not a weights file that torch or safetensors can read"
    return f"{readers} ({reason}); name another file"


def _state_in(found: Any, depth: int) -> dict[str, Tensor] | None:
    """Return the state dict in what a file holds; None if there is none."""
    from torch import Tensor

    if not isinstance(found, Mapping):
        return None
    for key in _WRAPPERS if depth else ():
        inner = _state_in(found.get(key), depth - 1)
        if inner is not None:
            return inner
    tensors = {str(name): each for name, each in found.items() if isinstance(each, Tensor)}
    return tensors or None


def _described(found: Any) -> str:
    if not isinstance(found, Mapping):
        return f"a {type(found).__name__}"
    keys = ", ".join(f'"{key}"' for key in list(found)[:4])
    return f"a dictionary with {keys}" if keys else "an empty dictionary"


# ----------------------------------------------------------------------------------------- copying
def load_state(module: nn.Module, state: Mapping[str, Any], path: Path, title: str) -> None:
    """Copy a state dict into a module.

    Parameters
    ----------
    module
        Gets the weights.
    state
        Name → tensor. A prefix that wrappers put before all of the module's names is taken off.
    path, title
        Where the weights come from, and the network's name, for messages.

    Raises
    ------
    AtlasError
        When the weights are those of another network, with the first differences; or when some are
        no finite numbers.
    """
    own = module.state_dict()
    state = _without_prefix(state, own)
    missing = [name for name in own if name not in state and not _may_be_missing(name)]
    foreign = [name for name in state if name not in own and name != "n_averaged"]
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
    _check_finite(state, path)
    module.load_state_dict(dict(state), strict=False)


def _without_prefix(state: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give names back their own where a wrapper has prefixed them, as far as that helps.

    What has another prefix, such as the weights of a loss, is no part of the network.
    """
    candidates = (_taken_off(state, prefix) for prefix in _prefixes(state))
    fitting = [each for each in candidates if not _lacking(own, each) and each]
    if fitting and _lacking(own, state):
        return fitting[0]
    return state


def _prefixes(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield each chain of two known prefixes, and what comes before the first dot of a name."""
    yield from _PREFIXES
    yield from (first + second for first in _PREFIXES for second in _PREFIXES)
    yield from dict.fromkeys(f"{name.partition('.')[0]}." for name in state)


def _taken_off(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


def _lacking(own: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    return any(name not in state and not _may_be_missing(name) for name in own)


def _may_be_missing(name: str) -> bool:
    # A batch norm's counter; files converted from other frameworks have none, and it is not used.
    return name.endswith("num_batches_tracked")


def _check_finite(state: Mapping[str, Any], path: Path) -> None:
    import torch

    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            advice = "name a checkpoint from before the training failed"
            problem = f'"{name}" holds values that are not numbers, or infinite'
            raise AtlasError(f"{path}: {problem}; {advice}")
