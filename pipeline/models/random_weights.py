"""Random weights that can be tried: what starts at zero for training is drawn, and norms are set.

Several architectures begin their training with a classifier of zeros, or with residual branches
that end in a scale of zero. Untrained, such a network says the same of every photograph, and layers
inside its branches are zero everywhere. Batch norms that have seen nothing leave everything as it
is, so that responses die away from layer to layer: to 1e-9 and less in some. With
`weights = "random"` there is nothing to be seen but what the architecture does, so zeros are
replaced by what other layers start with, and batch norms get the statistics of noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from pipeline.network import Preprocessing

VERSION = 2  # of what is drawn; 1 left batch norms as they were

_SCALES = ("weight", "gamma", "gain", "scale", "alpha")  # how parameters that multiply are called
_PICTURES = 8  # of noise


def prepare(module: nn.Module, shown: Preprocessing) -> None:
    """Draw what is zero in a module that has just been made, and set its batch norms.

    Parameters
    ----------
    module, shown
        As for `set_norms`.
    """
    draw_zeros(module)
    set_norms(module, shown)


def draw_zeros(module: nn.Module) -> None:
    """Draw what is zero in a module: weights of linear layers and convolutions, and scales.

    Parameters
    ----------
    module
        A network that has just been made. Weights of its linear layers and convolutions get normal
        values with variance 1 / inputs; scales, of a normalization or at the end of a branch, get
        ones. Everything else may well be zero, such as a bias or a position's embedding.
    """
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    for each in module.modules():
        for name, parameter in each.named_parameters(recurse=False):
            if not name.endswith(_SCALES) or bool(parameter.detach().any()):
                continue
            with torch.no_grad():
                if isinstance(each, nn.Linear | nn.Conv2d) and name == "weight":
                    values = torch.randn(parameter.shape, generator=generator)
                    parameter.copy_(values / parameter[0].numel() ** 0.5)
                else:
                    parameter.fill_(1.0)


def set_norms(module: nn.Module, shown: Preprocessing) -> None:
    """Give batch norms the mean and variance of what they are passed for noise.

    Parameters
    ----------
    module
        In evaluation mode, as it is again afterwards.
    shown
        How pictures are prepared for it: their size, and their channels.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    norms = [each for each in module.modules() if isinstance(each, _BatchNorm)]
    momenta = [each.momentum for each in norms]
    if not norms:
        return
    generator = torch.Generator().manual_seed(0)
    sides = shown.shape or (shown.size, shown.size)
    noise = torch.randn((_PICTURES, len(shown.mean), *sides), generator=generator)
    for each in norms:
        each.reset_running_stats()
        each.momentum = None  # the mean over everything since
        each.train()
    try:
        with torch.no_grad():
            module(noise)
    finally:
        for each, momentum in zip(norms, momenta, strict=True):
            each.momentum = momentum
            each.eval()
