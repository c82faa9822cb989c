"""Any classifier of torchvision: `source = "torchvision:resnet50"`.

`weights` is the name of a release ("IMAGENET1K_V2"), "default" (the default; the newest release),
"random" (seeded, for trying things out), or the file of a state dict. torchvision downloads a
release when it is first used. The preprocessing is the release's own.
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
WORDS = DEFAULT, RANDOM = "default", "random"  # in place of a file or a release


def fingerprint(config: Config) -> Any:
    weights = _weights(config)
    kept = weights_fingerprint(config, WORDS) if _is_file(weights) else weights
    drawn = [VERSION] if weights.lower() == RANDOM else []
    return [version("torchvision"), kept, _name(config), *drawn]


def load(config: Config) -> Network:
    from pipeline.models.torchvision_import import import_torchvision
    from pipeline.network import Network, Preprocessing

    import_torchvision()
    releases = _releases(config)
    release = _release(config, releases)
    module = _create(config, release)
    path = weights_path(config, WORDS) if _is_file(_weights(config)) else None
    if path is not None:
        load_state(module, read_state(path), path, _name(config))
    module.eval()
    recipe = (release or releases.DEFAULT).transforms()
    default = Preprocessing(int(recipe.crop_size[0]), tuple(recipe.mean), tuple(recipe.std))
    prepared = preprocessing(config, default)
    if path is None and _weights(config).lower() == RANDOM:
        prepare(module, prepared)
    classes = class_names(config, output_count(module, prepared))
    return Network(module, prepared, classes, config.settings.model.title or _name(config))


def _name(config: Config) -> str:
    return config.settings.model.source.partition(":")[2]


def _weights(config: Config) -> str:
    return config.settings.model.weights or DEFAULT


def _is_file(weights: str) -> bool:
    is_release = weights.lower() == DEFAULT or weights.upper().startswith("IMAGENET")
    return not is_release and weights.lower() != RANDOM


def _releases(config: Config) -> Any:
    """The releases of weights that torchvision has for the configured network, an enumeration."""
    from torchvision import models

    name, known = _name(config), models.list_models(module=models)
    if name in known:
        return models.get_model_weights(name)
    hint = did_you_mean(name, known) or ";"
    examples = f"it has {len(known)}, such as {', '.join(known[:4])}"
    where = f'{config.path}: "model.source"'
    raise AtlasError(f'{where}: torchvision has no classifier "{name}"{hint} {examples}')


def _release(config: Config, releases: Any) -> Any:
    """The release that is configured; None where the weights are random or come from a file."""
    weights = _weights(config)
    if _is_file(weights) or weights.lower() == RANDOM:
        return None
    if weights.lower() == DEFAULT:
        return releases.DEFAULT
    names = [each.name for each in releases]
    if weights.upper() not in names:
        where = f'{config.path}: "model.weights"'
        there = f"it has {', '.join(names)}"
        raise AtlasError(f'{where}: "{_name(config)}" has no release "{weights}"; {there}')
    return releases[weights.upper()]


def _create(config: Config, release: Any) -> Any:
    import torch
    from torchvision import models

    name = _name(config)
    # These two ask, with a warning, how random weights are to be made.
    asking = name in ("googlenet", "inception_v3") and release is None
    torch.manual_seed(0)
    try:
        return models.get_model(name, weights=release, **({"init_weights": True} if asking else {}))
    except (OSError, RuntimeError) as error:
        failed = f'the weights {release} of "{name}" could not be downloaded ({error})'
        advice = 'download the file elsewhere and name it in "model.weights"'
        raise AtlasError(f"{config.path}: {failed}; {advice}") from error
