"""Redirected gradients of clipped activations, so that a picture can start where its unit is silent.

A ReLU or ReLU6 passes no gradient where it clips; if a unit is clipped everywhere, its picture has nowhere to go. Inside
`redirected()`, a clipping function passes a picture's gradient `g[C, H, W]` where that would push a clipped input back towards the
open range, but only for pictures whose whole ordinary gradient there is zero (Lucid, redirected_relu_grad.py). Functions
are caught as they are called, so modules, functional and in-place calls are all covered, and no module is touched.
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

from pipeline.featurevis.lean import clip_in_place

_INFINITY = float("inf")


class _RedirectedClip(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        # The masks are kept rather than x, which an in-place call is about to overwrite.
        ctx.save_for_backward(x <= low, x >= high)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (under, over), gradient = ctx.saved_tensors, gradients[0]
        ordinary = gradient.masked_fill(under | over, 0)
        # Gradients here descend a loss: a positive one lowers the input further below, a negative one lifts it further above.
        redirected = gradient.masked_fill((under & (gradient > 0)) | (over & (gradient < 0)), 0)
        silent = (ordinary == 0).flatten(1).all(1).reshape(-1, *[1] * (gradient.ndim - 1))
        return torch.where(silent, redirected, ordinary), None, None


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


def _hardtanh(_x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> _Clip:
    return _Clip(min_val, max_val, inplace)


def _hardtanh_in_place(_x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> _Clip:
    return _Clip(min_val, max_val, True)


def _clip_in_place(_x: Tensor, low: float, high: float, _both_ways: bool) -> _Clip:
    return _Clip(low, high, True)


def _clamp(_x: Tensor, min: Any = None, max: Any = None) -> _Clip | None:
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return None
    return _Clip(-_INFINITY if min is None else float(min), _INFINITY if max is None else float(max), False)


def _clamp_in_place(_x: Tensor, min: Any = None, max: Any = None) -> _Clip | None:
    clip = _clamp(_x, min, max)
    return clip and replace(clip, inplace=True)


# Each clipping function and what its arguments make of it; None for a clip that is not between two numbers.
_CLIPPING: dict[Any, Callable[..., _Clip | None]] = {
    functional.relu: _relu,
    torch.relu: _relu,
    Tensor.relu: _relu,
    torch.relu_: _relu_in_place,
    Tensor.relu_: _relu_in_place,
    functional.relu6: _relu6,
    functional.hardtanh: _hardtanh,
    functional.hardtanh_: _hardtanh_in_place,
    clip_in_place: _clip_in_place,
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
    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        describe = _CLIPPING.get(function)
        if describe is None or not args or not isinstance(args[0], Tensor) or not args[0].requires_grad or args[0].ndim < 2:
            return function(*args, **kwargs)
        clip = describe(*args, **kwargs)
        if clip is None:
            return function(*args, **kwargs)
        result = _RedirectedClip.apply(args[0], clip.low, clip.high)
        # Whoever else holds the tensor counts on seeing the clipped values after an in-place call.
        return args[0].copy_(result) if clip.inplace else result


@contextmanager
def redirected() -> Iterator[None]:
    """Redirect the gradients of ReLU, ReLU6, hardtanh and clamp while the context lasts."""
    with _Redirecting():
        yield
