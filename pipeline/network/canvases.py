"""Canvases: at which size a network is shown a picture.

A network may refuse pictures of some sizes: a stem with many strides those that vanish in it, a
vision transformer all but its own. Then the picture is enlarged, bilinearly and differentiably, to
the next larger size that works. At its own size nothing is ever changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor
from torch.nn import functional

from pipeline.network.layouts import Size

_STEP = 32

# What networks raise for a picture of a size that they do not take.
REFUSALS = (RuntimeError, ValueError, AssertionError, IndexError)


def natural(picture: Size, native: Size) -> Size:
    """Return the canvas of a picture: its own size, squeezed for a network that is not square."""
    height, width = native
    side = max(native)
    if height == width:
        return picture
    return max(round(picture[0] * height / side), 1), max(round(picture[1] * width / side), 1)


def canvases(picture: Size, native: Size) -> Iterator[Size]:
    """Yield the sizes to try for a picture `[H, W]`: the natural one, larger ones, the native."""
    first = natural(picture, native)
    yield first
    if first == native:
        return
    side = max(picture)
    for larger in range((side // _STEP + 1) * _STEP, max(native), _STEP):
        factor = larger / side
        size = math.ceil(picture[0] * factor), math.ceil(picture[1] * factor)
        yield natural(size, native)
    yield native


def on_canvas(x: Tensor, size: Size) -> Tensor:
    """Resize pictures `x[N, C, H, W]` to a canvas; those that fit are returned as they are."""
    if tuple(x.shape[2:]) == size:
        return x
    return functional.interpolate(
        x, size=size, mode="bilinear", align_corners=False, antialias=x.shape[2] > size[0]
    )
