"""Your own network: `source = "my_models.py:build"`, a function in a file beside the configuration.

The function takes no arguments and returns a `torch.nn.Module` in which preprocessed input becomes
logits `[N, K]`, or a whole `pipeline.network.Network`. For a module, `size`, `mean` and `std` set
how photographs are prepared (as for ImageNet by default), and `classes` names a file with the class
names. `weights` names a state dict, which is loaded into what the function returned.

The file lives in its own world (`pipeline.models.own_world`): it imports its neighbours, and opens
files by names relative to its folder.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pipeline.config import Config, is_file
from pipeline.errors import AtlasError, did_you_mean
from pipeline.models.class_names import class_names, output_count
from pipeline.models.own_world import World, called
from pipeline.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, preprocessing
from pipeline.models.weights_files import load_state, read_state, weights_path

if TYPE_CHECKING:
    from torch import nn

    from pipeline.network import Network

LAYERS: tuple[str, ...] = ()
NAMES: dict[str, str] = {}
FUNCTION = "build"  # called where the configuration names no other


def fingerprint(config: Config) -> Any:
    # The function may read anything, so only the network that it returns shows what it is.
    return None


def load(config: Config) -> Network:
    from torch import nn

    from pipeline.network import Network

    stem, _, function = config.settings.model.source.rpartition(".py")
    file, name = config.resolve(f"{stem}.py"), function.removeprefix(":") or FUNCTION
    built = _call(config, file, name)
    module = built.module if isinstance(built, Network) else built
    if not isinstance(module, nn.Module):
        expected = "expected a torch.nn.Module or a pipeline.network.Network"
        raise AtlasError(f"{file}: {name}() returned {type(built).__name__}; {expected}")
    module.eval()
    weights = weights_path(config)
    if weights is not None:
        load_state(module, read_state(weights), weights, config.settings.model.source)
    if any(each.is_floating_point() and each.element_size() == 8 for each in module.parameters()):
        module.float()  # what is computed needs single precision
    if isinstance(built, Network):
        return replace(built, title=config.settings.model.title or built.title)
    return _prepared(config, module, file, name)


def _prepared(config: Config, module: nn.Module, file: Path, name: str) -> Network:
    """A module with what the configuration adds to it: preprocessing, class names, a title."""
    from pipeline.network import Network, Preprocessing

    prepared = preprocessing(config, Preprocessing(224, IMAGENET_MEAN, IMAGENET_STD))
    try:
        count = output_count(module, prepared, config.settings.model.output)
    except (RuntimeError, ValueError, TypeError) as error:
        shape = [1, len(prepared.mean), prepared.size, prepared.size]
        failed = f"the network of {name}() does not run on {shape} ({error})"
        advice = 'set "model.size", "model.mean" and "model.std" to what it was trained with'
        raise AtlasError(f"{file}: {failed}; {advice}") from error
    title = config.settings.model.title or name
    return Network(module, prepared, class_names(config, count), title)


def _call(config: Config, file: Path, name: str) -> Any:
    import torch

    if not is_file(file):
        advice = "paths are relative to the configuration file"
        raise AtlasError(f'{config.path}: "model.source": no file {file}; {advice}')
    torch.manual_seed(0)
    world = World(file.parent)
    function = _find(world.load(file), file, name)
    needed = _without_default(function)
    if needed:
        wants = f"{name}() needs {', '.join(needed)}"
        advice = "write a function without arguments that calls it"
        raise AtlasError(f"{file}: {wants}; {advice}")
    return called(world, file, name, function)


def _without_default(function: Any) -> list[str]:
    """Names of the arguments that a function cannot be called without."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # functions of compiled modules may have none to show
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        each.name
        for each in parameters
        if each.default is inspect.Parameter.empty and each.kind not in optional
    ]


def _find(module: ModuleType, file: Path, name: str) -> Any:
    function = getattr(module, name, None)
    if callable(function):
        return function
    there = [key for key, each in vars(module).items() if callable(each) and key[0] != "_"]
    hint = did_you_mean(name, there) or ";"
    advice = f'write source = "{file.name}:FUNCTION"'
    raise AtlasError(f'{file}: has no function "{name}"{hint} {advice}')
