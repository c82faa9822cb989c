"""Any convolutional classifier of timm: `source = "timm:resnet50"`, also with a tag, "timm:resnet50.a1_in1k".

`weights` is "pretrained" (what an absent key means; downloaded by timm when first used), "random" (seeded, for trying),
or a state dict's file. Preprocessing comes from the model's own configuration.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError, did_you_mean
from pipeline.models import parts

if TYPE_CHECKING:
    from pipeline.network import Network

LAYERS: tuple[str, ...] = ()
NAMES: dict[str, str] = {}
_WORDS = ("pretrained", "random")


def _name(config: Config) -> str:
    return config.settings.model.source.partition(":")[2]


def fingerprint(config: Config) -> Any:
    weights = config.settings.model.weights or "pretrained"
    kept = weights if weights in _WORDS else parts.weights_fingerprint(config)
    return [version("timm"), kept, _name(config)]


def load(config: Config) -> Network:
    from pipeline.models.torchvision_import import import_torchvision
    from pipeline.network import Network, Preprocessing

    import_torchvision()
    import timm
    import torch
    from timm.data.config import resolve_model_data_config

    name, weights = _name(config), config.settings.model.weights or "pretrained"
    if not timm.is_model(name):
        hint = did_you_mean(name.partition(".")[0], timm.list_models())
        raise AtlasError(f'{config.path}: "model.source": timm has no model "{name}"{hint or ";"} timm.list_models() lists them')
    path = None if weights in _WORDS else parts.weights_path(config)
    torch.manual_seed(0)
    try:
        module: Any = timm.create_model(name, pretrained=weights == "pretrained")
    except Exception as error:  # the hub's client raises kinds of its own for every way to be out of reach
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise AtlasError(
            f'{config.path}: the weights of "{name}" could not be had ({reason}); fetch the file elsewhere and name it in "model.weights"'
        ) from error
    if path is not None:
        parts.load_state(module, parts.read_state(path), path, name)
    recipe = resolve_model_data_config(module)
    default = Preprocessing(int(recipe["input_size"][-1]), tuple(recipe["mean"]), tuple(recipe["std"]))
    return Network(
        module,
        parts.preprocessing(config, default),
        parts.class_names(config, module.num_classes),
        config.settings.model.title or name,
    )
