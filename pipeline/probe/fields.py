"""What one position of a layer sees, and how many of its channels are dead: measured.

Receptive fields are not derived from kernels and strides, so they are right for any module: a field
is where the gradient of a position's response to noise is not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.network import Network

# A clipped unit has no gradient; hardly all channels of a position are clipped for both pictures.
_TRIALS = 2


def receptive_fields(network: Network, layers: Sequence[str], side: int) -> dict[str, int]:
    """Return the sides in pixels of the squares that the middle positions of layers see.

    Parameters
    ----------
    network
        Any; folding makes no difference.
    layers
        With responses of any shape. One without positions `[C]` sees everything.
    side
        Of the pictures that the network is shown, in pixels; no field is larger.
    """
    import torch

    if not layers:
        return {}
    # The same noise every time: all pictures of a layer get one side, in whichever job they are.
    noise = torch.rand(_TRIALS, 3, side, side, generator=torch.Generator().manual_seed(0))
    x = noise.to(network.device).requires_grad_(True)
    with torch.enable_grad():
        responses = network.run_to(x, layers)
        return {layer: _field(response, x) for layer, response in responses.items()}


def _field(response: Tensor, x: Tensor) -> int:
    import torch

    side = max(x.shape[2:])
    if response.ndim != 4:
        return side
    height, width = response.shape[2:]
    middle = response[:, :, height // 2, width // 2]
    if not middle.requires_grad:
        return side
    (gradient,) = torch.autograd.grad(middle.square().sum(), x, retain_graph=True)
    seen = gradient.abs().amax((0, 1))
    extents = []
    for axis in (0, 1):
        inside = seen.amax(axis).nonzero().flatten()
        if len(inside):
            extents.append(int(inside[-1] - inside[0]) + 1)
    return max(extents, default=side)


def dead_shares(
    network: Network, photographs: Iterable[Tensor], layers: Sequence[str]
) -> dict[str, float]:
    """Return, for each layer, the share of channels that are zero everywhere on all photographs.

    Parameters
    ----------
    network
        Any.
    photographs
        `x[1, 3, H, W]` in 0…1 each.
    layers
        With cubes.
    """
    import torch

    alive: dict[str, Tensor] = {}
    with torch.no_grad():
        for x in photographs:
            for layer, cube in network.run_to(x, layers).items():
                found = (cube != 0).any(3).any(2).any(0)
                alive[layer] = found | alive.get(layer, found)
    return {layer: 1 - float(found.float().mean()) for layer, found in alive.items()}
