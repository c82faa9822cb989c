"""How much of a picture one position of a layer sees: its receptive field, in pixels.

Measured, not derived from kernels and strides, so that it holds for any module: the field is where the gradient of a position's response to
noise is not zero.
"""

from __future__ import annotations

import torch

from pipeline.network import Network

_TRIALS = 2  # a clipped unit has no gradient; hardly all channels of a position are clipped for all of so many pictures


def receptive_field(network: Network, layer: str, side: int) -> int:
    """Return the side in pixels of the square that the position in the middle of a layer sees, `side` at most.

    Parameters
    ----------
    network
        Any; whether it is folded makes no difference.
    layer
        With a response of any shape. One without positions `[C]` sees all.
    side
        Of the pictures that it is shown, in pixels.
    """
    # The same noise every time: pictures are made in many jobs, and all of a layer have one side.
    noise = torch.rand(_TRIALS, 3, side, side, generator=torch.Generator().manual_seed(0))
    x = noise.to(network.device).requires_grad_(True)
    response = network.run_to(x, [layer])[layer]
    if response.ndim != 4:
        return side
    height, width = response.shape[2:]
    middle = response[:, :, height // 2, width // 2]
    if not middle.requires_grad:
        return side
    seen = torch.autograd.grad(middle.square().sum(), x)[0].abs().amax((0, 1))
    extents = [int(places[-1] - places[0]) + 1 for axis in (0, 1) if len(places := seen.amax(axis).nonzero().flatten())]
    return max(extents, default=side)
