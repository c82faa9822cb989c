"""Where networks come from: a table of sources, one file each.

A source is a module with

- `load(config) -> Network`;
- `fingerprint(config) -> parts | None`: what the weights are, found without torch, such as the
  bytes of a file or the name of a release; None where only the loaded network shows it;
- `LAYERS`, the display layers, chosen by looking at their feature visualizations, and `NAMES`,
  layer → name on the site. Both are empty where the network is not known in advance; then
  `pipeline.probe` chooses.

A new source is one file and one line in `SOURCES`. Nothing here imports torch; sources import it
when they load a network.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from pipeline.config import Config, is_file
from pipeline.errors import AtlasError, did_you_mean
from pipeline.fingerprints import fingerprint_of, fingerprint_of_file

if TYPE_CHECKING:
    from pipeline.network import Network

# What `[model] source` may be → the source's module. A word in capitals stands for any text.
SOURCES = {
    "efficientnet_lite0": "pipeline.models.efficientnet_lite0",
    "googlenet": "pipeline.models.googlenet",
    "torchvision:NAME": "pipeline.models.torchvision_zoo",
    "timm:NAME": "pipeline.models.timm_zoo",
    "FILE.py": "pipeline.models.python_file",
    "FILE.py:FUNCTION": "pipeline.models.python_file",
}


class Source(Protocol):
    """What a source's module offers."""

    LAYERS: tuple[str, ...]
    NAMES: dict[str, str]

    def fingerprint(self, config: Config) -> Any:
        """What the weights are; None where only the loaded network shows it."""

    def load(self, config: Config) -> Network:
        """Load the network, ready to run on the CPU."""


def find(config: Config) -> Source:
    """Return the source that `[model] source` names.

    Raises
    ------
    AtlasError
        When there is none, with the nearest one.
    """
    name = config.settings.model.source
    for form, module in SOURCES.items():
        if re.fullmatch(re.sub("[A-Z]+", ".+", re.escape(form)), name):
            return cast(Source, importlib.import_module(module))
    hint = did_you_mean(name, SOURCES) or ";"
    forms = ", ".join(f'"{form}"' for form in SOURCES)
    where = f'{config.path}: "model.source"'
    raise AtlasError(f'{where}: no source "{name}"{hint} write one of {forms}')


def load(config: Config) -> Network:
    """Load the configured network, ready to run on the CPU.

    Raises
    ------
    AtlasError
        When it is unknown, its weights are missing, or they belong to another network.
    """
    network, model = find(config).load(config), config.settings.model
    if model.output is None and not model.layouts and model.probabilities is None:
        return network
    # Only what is given replaces what a Python file's network has.
    return replace(
        network,
        output=network.output if model.output is None else model.output,
        layouts={**network.layouts, **model.layouts},
        probabilities=model.probabilities or network.probabilities,
    )


# ----------------------------------------------------------------------------------- fingerprints
def fingerprint(config: Config) -> str | None:
    """Fingerprint of the configured network, found without torch; None if it has to be loaded."""
    parts = find(config).fingerprint(config)
    if parts is None:
        return None
    return fingerprint_of(config.settings.model.source, parts, _overrides(config))


def fingerprint_loaded(config: Config, network: Network) -> str:
    """Fingerprint of a loaded network: of all its parameters and buffers if need be."""
    quick = fingerprint(config)
    if quick is not None:
        return quick
    tensors = {
        name: tensor.detach().cpu().float().numpy()
        for name, tensor in network.module.state_dict().items()
    }
    source, structure = config.settings.model.source, repr(network.module)
    return fingerprint_of(
        source, structure, repr(network.preprocessing), tensors, _overrides(config)
    )


def labels_fingerprint(config: Config) -> str:
    """Fingerprint of what the network and its outputs are called, which changes no number."""
    model = config.settings.model
    names = config.resolve(model.classes) if model.classes else None
    classes = fingerprint_of_file(names) if names and is_file(names) else model.classes
    # A profile keeps how the loaded network makes probabilities, and the configuration may say it.
    return fingerprint_of(model.title, classes, model.probabilities)


def _overrides(config: Config) -> list[Any]:
    model = config.settings.model
    others = {"output": model.output, "layouts": model.layouts, "channels": model.channels}
    given = {key: value for key, value in others.items() if value}
    return [model.size, model.mean, model.std, *([given] if given else [])]


# ------------------------------------------------------------------------------------------ layers
def display_layers(config: Config) -> tuple[str, ...]:
    """The layers that are configured, else the source's choice; empty if a probe has to choose."""
    return config.settings.model.layers or find(config).LAYERS


def display_name(config: Config, layer: str) -> str:
    """What the site calls a layer."""
    return config.settings.model.names.get(layer) or find(config).NAMES.get(layer, layer)
