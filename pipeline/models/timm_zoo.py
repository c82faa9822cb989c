"""Any convolutional classifier of timm: `source = "timm:resnet50"`, or "timm:resnet50.a1_in1k".

`weights` is "pretrained" (the default; timm downloads them when they are first used), "random"
(seeded, for trying things out), or the file of a state dict. The preprocessing comes from the
model's own configuration.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError, did_you_mean
from pipeline.models.class_names import class_names, output_count
from pipeline.models.preprocessing import preprocessing
from pipeline.models.random_weights import VERSION, prepare
from pipeline.models.weights_files import load_state, read_state, weights_fingerprint, weights_path

if TYPE_CHECKING:
    from pipeline.network import Network

LAYERS: tuple[str, ...] = ()
NAMES: dict[str, str] = {}
WORDS = PRETRAINED, RANDOM = "pretrained", "random"  # in place of a file


def fingerprint(config: Config) -> Any:
    weights = _weights(config)
    kept = weights_fingerprint(config, WORDS) if _is_file(weights) else weights
    drawn = [VERSION] if weights.lower() == RANDOM else []
    return [version("timm"), kept, _name(config), *drawn]


def load(config: Config) -> Network:
    from pipeline.models.torchvision_import import import_torchvision
    from pipeline.network import Network, Preprocessing

    import_torchvision()
    from timm.data.config import resolve_model_data_config

    path = weights_path(config, WORDS) if _is_file(_weights(config)) else None
    module = _create(config)
    if path is not None:
        load_state(module, read_state(path), path, _name(config))
    recipe = resolve_model_data_config(module)
    module.eval()
    default = Preprocessing(recipe["input_size"][-1], tuple(recipe["mean"]), tuple(recipe["std"]))
    prepared = preprocessing(config, default)
    if path is None and _weights(config).lower() == RANDOM:
        prepare(module, prepared)
    classes = class_names(config, output_count(module, prepared))
    return Network(module, prepared, classes, config.settings.model.title or _name(config))


def _name(config: Config) -> str:
    return config.settings.model.source.partition(":")[2]


def _weights(config: Config) -> str:
    return config.settings.model.weights or PRETRAINED


def _is_file(weights: str) -> bool:
    return weights not in WORDS


def _create(config: Config) -> Any:
    import timm
    import torch

    name = _name(config)
    if not timm.is_model(name):
        hint = did_you_mean(name.partition(".")[0], timm.list_models()) or ";"
        where = f'{config.path}: "model.source"'
        raise AtlasError(f'{where}: timm has no model "{name}"{hint} timm.list_models() lists them')
    torch.manual_seed(0)
    try:
        return timm.create_model(name, pretrained=_weights(config) == PRETRAINED)
    except Exception as error:  # the downloads fail with exceptions of several libraries
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        failed = f'the weights of "{name}" could not be downloaded ({reason})'
        advice = 'download the file elsewhere and name it in "model.weights"'
        raise AtlasError(f"{config.path}: {failed}; {advice}") from error
