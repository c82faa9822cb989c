"""Where networks come from: a table of sources, one file a source.

A source is a module with

- `fingerprint(config) -> parts | None`: what the weights are, found without torch (a file's bytes, a release's name),
  or None where only the loaded network can tell;
- `load(config) -> Network`;
- `LAYERS`, the display layers chosen by looking at their pictures, and `NAMES`, layer → name on the site; both empty
  where the network is not known in advance, in which case `pipeline.probe` chooses.

A new source is one file and one line in `SOURCES` (a fixed name) or `PREFIXES` ("torchvision:NAME").
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, Protocol, cast

from pipeline.config import Config
from pipeline.errors import AtlasError, did_you_mean
from pipeline.store import fingerprint_of, fingerprint_of_file

if TYPE_CHECKING:
    from pipeline.network import Network

SOURCES = {
    "efficientnet_lite0": "pipeline.models.efficientnet_lite0",
    "googlenet": "pipeline.models.googlenet",
}
PREFIXES = {
    "torchvision": "pipeline.models.torchvision_zoo",
    "timm": "pipeline.models.timm_zoo",
}
PYTHON_FILE = "pipeline.models.python_file"


class Source(Protocol):
    """What a source's module offers."""

    LAYERS: tuple[str, ...]
    NAMES: dict[str, str]

    def fingerprint(self, config: Config) -> Any: ...

    def load(self, config: Config) -> Network: ...


def find(config: Config) -> Source:
    """Return the source that `[model] source` names; unknown names raise an AtlasError with the nearest one."""
    name = config.settings.model.source
    if name in SOURCES:
        module = SOURCES[name]
    elif re.search(r"\.py(:|$)", name):
        module = PYTHON_FILE
    elif name.partition(":")[0] in PREFIXES and name.partition(":")[2]:
        module = PREFIXES[name.partition(":")[0]]
    else:
        hint = did_you_mean(name, SOURCES)
        raise AtlasError(
            f'{config.path}: "model.source": no network "{name}"{hint or ";"} write one of {", ".join(SOURCES)}, '
            '"torchvision:NAME", "timm:NAME", or a Python file and its function, "my_models.py:build"'
        )
    return cast(Source, importlib.import_module(module))


def fingerprint(config: Config) -> str | None:
    """What the configured network is, found without torch; None where it must be loaded first."""
    parts = find(config).fingerprint(config)
    return None if parts is None else fingerprint_of(config.settings.model.source, parts, _overrides(config))


def labels_fingerprint(config: Config) -> str:
    """What the configuration calls the network and its classes, which changes no number but what the site says."""
    model = config.settings.model
    names = config.resolve(model.classes) if model.classes else None
    return fingerprint_of(model.title, fingerprint_of_file(names) if names and names.is_file() else model.classes)


def fingerprint_loaded(config: Config, network: Network) -> str:
    """What a loaded network is: the source's own word where it gives one, else all of its parameters and buffers."""
    quick = fingerprint(config)
    if quick is not None:
        return quick
    tensors = {name: tensor.detach().cpu().float().numpy() for name, tensor in network.module.state_dict().items()}
    return fingerprint_of(config.settings.model.source, repr(network.module), repr(network.preprocessing), tensors, _overrides(config))


def _overrides(config: Config) -> list[Any]:
    model = config.settings.model
    return [model.size, model.mean, model.std]


def load(config: Config) -> Network:
    """Load the configured network, ready to run on the CPU.

    Raises
    ------
    AtlasError
        When it is unknown, its weights are missing, or they belong to another network.
    """
    return find(config).load(config)


def display_layers(config: Config) -> tuple[str, ...]:
    """The layers that the configuration names, else the source's own choice; empty where a probe has to choose."""
    return config.settings.model.layers or find(config).LAYERS


def display_name(config: Config, layer: str) -> str:
    """What the site calls a layer."""
    return config.settings.model.names.get(layer) or find(config).NAMES.get(layer, layer)
