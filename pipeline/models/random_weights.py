"""Random weights that can be tried: parts that start at zero for training are drawn.

Several architectures begin their training with a classifier of zeros, or with residual branches
that end in a scale of zero. Untrained, such a network says the same of every photograph, and layers
inside its branches are zero everywhere. With `weights = "random"` there is nothing to be seen but
what the architecture does, so zeros are replaced by what other layers start with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_SCALES = ("weight", "gamma", "gain", "scale", "alpha")  # how parameters that multiply are called


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
