"""Your own network: `source = "my_models.py:build"`, a function that returns a module (or a whole `Network`).

The file is found relative to the configuration. A returned `nn.Module` takes preprocessed input and returns logits;
`size`, `mean` and `std` say how photographs are prepared (ImageNet's by default), `classes` names a file with the class
names, `weights` a state dict that is loaded into what the function returned.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError, did_you_mean
from pipeline.models import parts

if TYPE_CHECKING:
    from pipeline.network import Network

LAYERS: tuple[str, ...] = ()
NAMES: dict[str, str] = {}


def fingerprint(config: Config) -> Any:
    # The function may read anything, so only the network that it returns tells what it is.
    return None


def load(config: Config) -> Network:
    import torch
    from torch import nn

    from pipeline.network import Network, Preprocessing

    path, _, function = config.settings.model.source.rpartition(".py")
    file, name = config.resolve(path + ".py"), function.removeprefix(":") or "build"
    torch.manual_seed(0)
    built = _function(config, file, name)
    try:
        network = built()
    except Exception as error:
        raise AtlasError(f"{file}: {name}() failed: {type(error).__name__}: {error}{_place(error, file)}") from error
    weights = parts.weights_path(config)
    module = network.module if isinstance(network, Network) else network
    if not isinstance(module, nn.Module):
        raise AtlasError(f"{file}: {name}() returned {type(network).__name__}; expected a torch.nn.Module or a pipeline.network.Network")
    module.eval()
    if weights is not None:
        parts.load_state(module, parts.read_state(weights), weights, config.settings.model.source)
    if isinstance(network, Network):
        return replace(network, title=config.settings.model.title or network.title)
    default = Preprocessing(224, parts.IMAGENET_MEAN, parts.IMAGENET_STD)
    preprocessing = parts.preprocessing(config, default)
    try:
        count = parts.output_count(module, preprocessing)
    except (RuntimeError, ValueError, TypeError) as error:
        raise AtlasError(
            f"{file}: the network of {name}() does not run on [1, {len(preprocessing.mean)}, {preprocessing.size}, {preprocessing.size}] "
            f'({error}); set "model.size", "model.mean" and "model.std" to what it was trained with'
        ) from error
    return Network(module, preprocessing, parts.class_names(config, count), config.settings.model.title or name)


def _function(config: Config, file: Path, name: str) -> Any:
    if not file.is_file():
        raise AtlasError(f'{config.path}: "model.source": no file {file}; paths are relative to the configuration file')
    spec = importlib.util.spec_from_file_location(f"atlas_model_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(file.parent))  # so that the file can import its neighbours
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise AtlasError(f"{file}: cannot be imported: {type(error).__name__}: {error}{_place(error, file)}") from error
    finally:
        sys.path.remove(str(file.parent))
    if not callable(getattr(module, name, None)):
        functions = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise AtlasError(f'{file}: has no function "{name}"{did_you_mean(name, functions) or ";"} write source = "{file.name}:FUNCTION"')
    return getattr(module, name)


def _place(error: BaseException, file: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f" (line {lines[-1]})" if lines else ""
