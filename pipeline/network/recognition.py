"""Recognition: which layout each module's output has, and what it holds.

The shape admits a few layouts. Which of them it is shows when a part of the photograph changes:
with the change at the top left and then at the bottom right, the changes of a cube move along x and
along y. The network runs once, on three pictures: a blurred pattern, and the same with another
pattern in either corner.

Symbols: Δ[H, W] is the mean over channels of a cube's absolute change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.network.functions import Call, Functions
from pipeline.network.layouts import CHANNELS_FIRST, Layout, Size, candidates
from pipeline.network.modules import is_scripted, watchable

# How far the centre of Δ moves, as a share of the cube's side, for a layout to be confirmed. The
# changed parts lie 0.7 of the side apart, of which mixing in the network leaves something.
CONFIRMED = 0.03
SURELY = 0.2  # for cubes that are not of the input's proportions
# Side of the part that is changed, as a share of the picture's.
_PATCH = 0.3

_PICTURES = 3


@dataclass(frozen=True)
class Recognised:
    """What one call of a module returned.

    Attributes
    ----------
    layout
        None where the output is no cube.
    confirmed
        Whether changes of the picture move as they should in this layout.
    signed
        Whether some value is negative.
    dead
        The share of channels that are zero everywhere, in all pictures.
    rectified
        Whether the output goes into a ReLU in the network's code, and nowhere else; then the cube
        is what that makes of it (`functions`).
    """

    layout: Layout | None
    confirmed: bool = False
    signed: bool = True
    dead: float = 0.0
    rectified: bool = False


NOTHING = Recognised(None)


def pictures(side: int) -> Tensor:
    """Return `x[3, 3, S, S]` in 0…1: a pattern, and it changed at the top left, bottom right."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 12, 12, generator=generator)
    fine = torch.rand(2, 3, side, side, generator=generator)
    size = (side, side)
    patterns = functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    patterns = 0.8 * patterns + 0.2 * fine
    x = patterns[:1].repeat(_PICTURES, 1, 1, 1)
    part = max(round(_PATCH * side), 1)
    for row, corner in ((1, slice(0, part)), (2, slice(side - part, side))):
        x[row, :, corner, corner] = patterns[1, :, corner, corner]
    return x


def recognise(
    module: nn.Module, run: Callable[[], Any], canvas: Size, given: Mapping[str, Layout]
) -> tuple[dict[Call, Recognised], int]:
    """Run a network once on `pictures` and note what each call of each module returned.

    Parameters
    ----------
    module
        The network's module, with no hooks of others.
    run
        Shows it the pictures.
    canvas
        Height and width of its input.
    given
        Name → the layout that somebody has set; it is not questioned.

    Returns
    -------
    dict of Call to Recognised
        Of every call.
    int
        The number of activations in the network's code that belong to no module.

    Raises
    ------
    Exception
        Whatever the network raises.
    """
    found: dict[Call, Recognised] = {}
    off: dict[Call, float] = {}
    calls: Counter[str] = Counter()
    functions = Functions(complete=not any(map(is_scripted, module.modules())))

    def hook_of(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            calls[name] += 1
            call = name, calls[name]
            known = given.get(f"{name}#{calls[name]}") or given.get(name)
            with functions.away():
                found[call] = _recognised(output, canvas, known)
                off[call] = _never_positive(output, canvas, found[call].layout)
            functions.returned(call, output)

        return hook

    handles = [each.register_forward_hook(hook_of(name)) for name, each in watchable(module)]
    try:
        with torch.no_grad(), functions:
            run()
    finally:
        for handle in handles:
            handle.remove()
    for call in functions.rectified():
        if found[call].layout is not None:
            found[call] = replace(found[call], rectified=True, signed=False, dead=off[call])
    return found, functions.loose()


def _recognised(output: Any, canvas: Size, given: Layout | None) -> Recognised:
    if not isinstance(output, Tensor) or len(output) != _PICTURES or not output.is_floating_point():
        return NOTHING
    layout, confirmed = given, True
    if given is None:
        layout, confirmed = layout_of(output, canvas)
    elif not given.suits(output, canvas):
        layout = None
    if layout is None:
        return Recognised(None, signed=bool((output < 0).any()))
    cube = layout.cube(output, canvas)
    low, high = cube.amin((0, 2, 3)), cube.amax((0, 2, 3))
    dead = float(((low == 0) & (high == 0)).float().mean())
    return Recognised(layout, confirmed, bool((low < 0).any()), dead)


def _never_positive(output: Any, canvas: Size, layout: Layout | None) -> float:
    """The share of channels that are nowhere above zero."""
    if layout is None:
        return 0.0
    return float((layout.cube(output, canvas).amax((0, 2, 3)) <= 0).float().mean())


def layout_of(output: Tensor, canvas: Size) -> tuple[Layout | None, bool]:
    """Return the layout of an output for `pictures`, and whether it is confirmed.

    Tokens and channels that are last have to be confirmed, as anything can have such a shape, and
    so have cubes that are not of the input's proportions.

    Parameters
    ----------
    output
        `[3, …]`.
    canvas
        Height and width of the network's input.
    """
    possible = list(candidates(output.shape[1:], canvas))
    expected = bool(possible)
    if not possible and output.ndim == 4:
        possible = [Layout()]
    if not possible:
        return None, False
    scores = [_shift(layout.cube(output, canvas)) for layout in possible]
    best = max(range(len(possible)), key=scores.__getitem__)
    if scores[best] > (CONFIRMED if expected else SURELY):
        return possible[best], True
    first = possible[0]
    return (first if expected and first.kind == CHANNELS_FIRST else None), False


def _shift(cube: Tensor) -> float:
    """The smaller of Δ's shifts, along x and along y, as a share of the cube's sides."""
    if min(cube.shape[2:]) < 2:
        return 0.0  # nothing to see, as after a global pool
    changed = (cube[1:] - cube[:1]).abs_().mean(1, dtype=torch.float32)
    return min(_moved(changed.sum(1)), _moved(changed.sum(2)))


def _moved(profiles: Tensor) -> float:
    """How far the centre of `[2, S]` moves from the first row to the second, in units of S."""
    totals = profiles.sum(1)
    if not bool((totals > 0).all()) or not bool(torch.isfinite(totals).all()):
        return 0.0
    positions = torch.arange(profiles.shape[1], device=profiles.device, dtype=profiles.dtype)
    first, second = ((profiles * positions).sum(1) / totals).tolist()
    return (second - first) / profiles.shape[1]
