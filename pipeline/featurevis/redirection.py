"""Redirected gradients of clipped activations, so that a picture can start where its unit is off.

A ReLU or ReLU6 passes no gradient where it clips; where a unit is clipped everywhere, its picture
cannot move. Inside `redirected()`, a clipping function passes a picture's gradient `g[C, H, W]`
where that pushes a clipped input back into the open range, but only for pictures whose whole
ordinary gradient there is zero (Lucid, redirected_relu_grad.py). Functions are intercepted as they
are called, so modules, functions and in-place calls are all covered and no module is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from pipeline.featurevis.fast_modules import clip_in_place

_INFINITY = float("inf")


class _RedirectedClip(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        # The masks, because an in-place call is about to overwrite x.
        ctx.save_for_backward(x <= low, x >= high)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (under, over), gradient = ctx.saved_tensors, gradients[0]
        ordinary = gradient.masked_fill(under | over, 0)
        # These gradients descend a loss: a positive one lowers the input, a negative one lifts it.
        harmful = (under & (gradient > 0)) | (over & (gradient < 0))
        lifting = gradient.masked_fill(harmful, 0)
        silent = (ordinary == 0).flatten(1).all(1).reshape(-1, *[1] * (gradient.ndim - 1))
        return torch.where(silent, lifting, ordinary), None, None


@dataclass(frozen=True)
class _Clip:
    low: float
    high: float
    inplace: bool


def _relu(_x: Tensor, inplace: bool = False) -> _Clip:
    return _Clip(0.0, _INFINITY, inplace)


def _relu_in_place(_x: Tensor) -> _Clip:
    return _Clip(0.0, _INFINITY, True)


def _relu6(_x: Tensor, inplace: bool = False) -> _Clip:
    return _Clip(0.0, 6.0, inplace)


def _hardtanh(
    _x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> _Clip:
    return _Clip(min_val, max_val, inplace)


def _hardtanh_in_place(_x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> _Clip:
    return _Clip(min_val, max_val, True)


def _fast_clip(_x: Tensor, low: float, high: float, _reuse_gradient: bool) -> _Clip:
    return _Clip(low, high, True)


def _clamp(_x: Tensor, min: Any = None, max: Any = None) -> _Clip | None:
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return None
    low = -_INFINITY if min is None else float(min)
    return _Clip(low, _INFINITY if max is None else float(max), False)


def _clamp_in_place(_x: Tensor, min: Any = None, max: Any = None) -> _Clip | None:
    clip = _clamp(_x, min, max)
    return clip and replace(clip, inplace=True)


# Clipping function → what its arguments mean; None for a clip that is not between two numbers.
_CLIPPING: dict[Any, Callable[..., _Clip | None]] = {
    functional.relu: _relu,
    torch.relu: _relu,
    Tensor.relu: _relu,
    torch.relu_: _relu_in_place,
    Tensor.relu_: _relu_in_place,
    functional.relu6: _relu6,
    functional.hardtanh: _hardtanh,
    functional.hardtanh_: _hardtanh_in_place,
    clip_in_place: _fast_clip,
    torch.clamp: _clamp,
    Tensor.clamp: _clamp,
    Tensor.clip: _clamp,
    torch.clip: _clamp,
    torch.clamp_: _clamp_in_place,
    Tensor.clamp_: _clamp_in_place,
    torch.clamp_min: _clamp,
    Tensor.clamp_min: _clamp,
    Tensor.clamp_min_: _clamp_in_place,
}


class _Redirecting(TorchFunctionMode):
    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        clip = _clip_of(function, args, kwargs)
        if clip is None:
            return function(*args, **kwargs)
        result = _RedirectedClip.apply(args[0], clip.low, clip.high)
        # Other holders of the tensor expect to see the clipped values after an in-place call.
        return args[0].copy_(result) if clip.inplace else result


def _clip_of(function: Any, args: Any, kwargs: Any) -> _Clip | None:
    """Return what a call clips, or None where no gradient needs to be redirected."""
    describe = _CLIPPING.get(function)
    if describe is None or not args or not isinstance(args[0], Tensor):
        return None
    if not args[0].requires_grad or args[0].ndim < 2:
        return None
    return describe(*args, **kwargs)


@contextmanager
def redirected() -> Iterator[None]:
    """Redirect the gradients of ReLU, ReLU6, hardtanh and clamp inside the context."""
    with _Redirecting():
        yield
