"""GoogLeNet (Inception-v1), as it was trained twice: by BVLC in Caffe, and by Google.

`weights` is "bvlc", the Berkeley Vision and Learning Center's; "inception5h", Google's, which the
article shows (both are downloaded once); "random" (seeded); or a file: `pipeline.models.
googlenet_files` lists the forms. Which of the two trainings a file belongs to shows in its shapes.
The input is 224 × 224: BGR, 0…255 minus (104, 117, 123) for BVLC's; RGB, 0…255 minus 117 for
Google's.

The display layers are the concatenated outputs of the blocks, which the article shows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of_file
from pipeline.models.class_names import class_names
from pipeline.models.downloads import Download, download
from pipeline.models.preprocessing import preprocessing
from pipeline.models.weights_files import load_state, weights_path

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.models.googlenet_files import Weights
    from pipeline.models.googlenet_module import Variant
    from pipeline.network import Network, Preprocessing

LAYERS: tuple[str, ...] = ("inception_3a", "inception_4a", "inception_4d", "inception_5a")
NAMES = {
    f"inception_{block}": f"mixed{block}"
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
}
TITLE = "GoogLeNet"
RANDOM = "random"
MEAN = (104, 117, 123)  # BVLC's, BGR, in 0…255
GREY = 117  # Google's

# The hashes are those of BVLC's readme in Caffe and of TensorFlow's own build files.
PUBLISHED = {
    "bvlc": Download(
        "bvlc_googlenet.caffemodel",
        "http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
        "sha1",
        "405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        "BVLC released these weights for unrestricted use (Sergio Guadarrama, 2014).",
    ),
    "inception5h": Download(
        "inception5h.zip",
        "https://storage.googleapis.com/download.tensorflow.org/models/inception5h.zip",
        "sha256",
        "d13569f6a98159de37e92e9c8ec4dae8f674fbf475f69fe6199b514f756d4364",
        "The TensorFlow Authors published these weights under the Apache License 2.0 (2015).",
    ),
}


def fingerprint(config: Config) -> Any:
    weights = config.settings.model.weights
    if weights in PUBLISHED:
        return PUBLISHED[weights].digest
    return RANDOM if weights == RANDOM else fingerprint_of_file(_file(config))


def load(config: Config) -> Network:
    import torch

    from pipeline.models import googlenet_module
    from pipeline.models.googlenet_module import BVLC, GoogLeNet, Norm

    model = config.settings.model
    if model.weights == RANDOM:
        torch.manual_seed(0)
        return _network(config, BVLC, GoogLeNet(BVLC), ())
    published = model.weights in PUBLISHED
    path = download(PUBLISHED[str(model.weights)]) if published else _file(config)
    found = _read(path)
    google = _is_googles(found)
    variant = googlenet_module.INCEPTION5H if google else BVLC
    if found.norm is not None:
        variant = replace(variant, norm=Norm(*found.norm))
    module = GoogLeNet(variant)
    load_state(module, found.state, path, TITLE)
    return _network(config, variant, module, found.classes)


def _network(config: Config, variant: Variant, module: Any, classes: tuple[str, ...]) -> Network:
    from pipeline.models.googlenet_module import BVLC
    from pipeline.network import Network

    model = config.settings.model
    named = list(classes) if classes and model.classes is None else None
    names = named or class_names(config, variant.classes)
    default = _bvlcs_preprocessing() if variant == BVLC else _googles_preprocessing()
    return Network(module, preprocessing(config, default), names, model.title or TITLE)


def _bvlcs_preprocessing() -> Preprocessing:
    from pipeline.network import Preprocessing

    mean = tuple(value / 255 for value in MEAN)
    return Preprocessing(224, mean, (1 / 255,) * 3, order="bgr")


def _googles_preprocessing() -> Preprocessing:
    from pipeline.network import Preprocessing

    return Preprocessing(224, (GREY / 255,) * 3, (1 / 255,) * 3)


def _file(config: Config) -> Path:
    path = weights_path(config, (*PUBLISHED, RANDOM))
    if path is None:
        known = " or ".join(f'weights = "{name}"' for name in PUBLISHED)
        advice = f'{known} are downloaded; weights = "PATH" reads a file'
        raise AtlasError(f'{config.path}: "model.weights" is missing; {advice}')
    return path


def _read(path: Path) -> Weights:
    from pipeline.models.googlenet_files import read

    return read(path)


def _is_googles(found: Weights) -> bool:
    """Whether the weights are those of Google's variant: it has 204 channels where BVLC's has 208.

    A file that lacks them is compared with BVLC's, and its differences are reported.
    """
    from pipeline.models.googlenet_module import INCEPTION5H

    bias = found.state.get("inception_4a.conv_3x3.bias")
    return bias is not None and len(bias) == INCEPTION5H.widths["inception_4a"][2]
