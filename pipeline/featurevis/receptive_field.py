"""How much of a picture one position of a layer sees: its receptive field, in pixels.

It is measured, not derived from kernels and strides, so it works for any module: the field is where
the gradient of a position's response to noise is not zero.
"""

from __future__ import annotations

import torch

from pipeline.network import Network

# A clipped unit has no gradient; hardly all channels of a position are clipped for both pictures.
_TRIALS = 2


def receptive_field(network: Network, layer: str, side: int) -> int:
    """Return the side in pixels of the square that the middle position of a layer sees.

    Parameters
    ----------
    network
        Any; folding makes no difference.
    layer
        With a response of any shape. One without positions `[C]` sees everything.
    side
        Of the pictures that the network is shown, in pixels; no field is larger.
    """
    # The same noise every time: all pictures of a layer get one side, in whichever job they are.
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
    extents = []
    for axis in (0, 1):
        inside = seen.amax(axis).nonzero().flatten()
        if len(inside):
            extents.append(int(inside[-1] - inside[0]) + 1)
    return max(extents, default=side)
