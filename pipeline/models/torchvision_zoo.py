"""Any classifier of torchvision: `source = "torchvision:resnet50"`.

`weights` is the name of a release ("IMAGENET1K_V2"), "default" (what an absent key means), "random" (seeded, for
trying), or a state dict's file. Releases are downloaded by torchvision when they are first used.
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


def _name(config: Config) -> str:
    return config.settings.model.source.partition(":")[2]


def fingerprint(config: Config) -> Any:
    weights = config.settings.model.weights or "default"
    kept = weights if _is_release(weights) else parts.weights_fingerprint(config)
    return [version("torchvision"), kept, _name(config)]


def _is_release(weights: str) -> bool:
    return weights.lower() in ("default", "random") or weights.upper().startswith("IMAGENET")


def load(config: Config) -> Network:
    from pipeline.models.torchvision_import import import_torchvision
    from pipeline.network import Network, Preprocessing

    import_torchvision()
    import torch
    from torchvision import models

    name, weights = _name(config), config.settings.model.weights or "default"
    known = models.list_models(module=models)
    if name not in known:
        hint = did_you_mean(name, known) or ";"
        examples = ", ".join(known[:4])
        raise AtlasError(
            f'{config.path}: "model.source": torchvision has no classifier "{name}"{hint} it has {len(known)}, such as {examples}'
        )
    releases = models.get_model_weights(name)
    release = _release(config, weights, releases)
    torch.manual_seed(0)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") and release is None else {}
    try:
        module = models.get_model(name, weights=release, **options)
    except (OSError, RuntimeError) as error:
        way = 'fetch the file elsewhere and name it in "model.weights"'
        raise AtlasError(f'{config.path}: the weights {release} of "{name}" could not be downloaded ({error}); {way}') from error
    path = None if _is_release(weights) else parts.weights_path(config)
    if path is not None:
        parts.load_state(module, parts.read_state(path), path, name)
    recipe = (release or releases.DEFAULT).transforms()
    preprocessing = parts.preprocessing(config, Preprocessing(int(recipe.crop_size[0]), tuple(recipe.mean), tuple(recipe.std)))
    module.eval()
    classes = parts.class_names(config, parts.output_count(module, preprocessing))
    return Network(module, preprocessing, classes, config.settings.model.title or name)


def _release(config: Config, weights: str, releases: Any) -> Any:
    if not _is_release(weights) or weights.lower() == "random":
        return None
    if weights.lower() == "default":
        return releases.DEFAULT
    names = [each.name for each in releases]
    if weights.upper() not in names:
        raise AtlasError(f'{config.path}: "model.weights": "{_name(config)}" has no release "{weights}"; it has {", ".join(names)}')
    return releases[weights.upper()]
