"""Convolutions, concatenations and batch norms written as the linear maps that they are.

With frozen weights, and in evaluation mode, all three are linear or affine, so the gradient of
their gradient is the operation itself. torch's own second derivatives would also compute gradients
of weights and of statistics, and sums of zero-padded slices. Inside `linear_functions()` these
operations are replaced wherever the replacement computes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

aten = torch.ops.aten


def linear_functions() -> TorchFunctionMode:
    """Return a context in which linear operations have linear gradients."""
    return _LinearFunctions()


class _LinearFunctions(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        replacement = _REPLACEMENTS.get(func)
        result = replacement(*args, **kwargs) if replacement else None
        return func(*args, **kwargs) if result is None else result


# ----------------------------------------------------------------------- functions with gradients
class _Convolution(torch.autograd.Function):
    """A convolution: its gradient is its transpose, whose gradient is the convolution again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *geometry: Any) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        stride, padding, dilation, groups = geometry
        shape = (stride, padding, dilation, False, [0, 0], groups)
        return aten.convolution(x, weight, bias, *shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        return _TransposedConvolution.apply(gradients[0], x, weight, *ctx.geometry), *[None] * 6


class _TransposedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, weight: Tensor, *geometry: Any) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.geometry = geometry
        stride, padding, dilation, groups = geometry
        shape = (stride, padding, dilation, False, [0, 0], groups)
        return aten.convolution_backward(g, x, weight, None, *shape, [True, False, False])[0]

    @staticmethod
    def backward(ctx: Any, *tangents: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.geometry
        shape = (stride, padding, dilation, False, [0, 0], groups)
        return aten.convolution(tangents[0], weight, None, *shape), *[None] * 6


class _Concatenation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dim: int, *tensors: Tensor) -> Tensor:
        ctx.dim, ctx.sizes = dim, [tensor.shape[dim] for tensor in tensors]
        return torch.cat(tensors, dim)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return None, *_Split.apply(gradients[0], ctx.dim, ctx.sizes)


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, dim: int, sizes: list[int]) -> tuple[Tensor, ...]:
        ctx.dim = dim
        return tuple(piece.contiguous() for piece in torch.split(g, sizes, dim))

    @staticmethod
    def backward(ctx: Any, *tangents: Tensor) -> tuple[Tensor | None, ...]:
        return torch.cat(tangents, ctx.dim), None, None


# ------------------------------------------------ replacements, or None where they are not the same
def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    frozen = not weight.requires_grad and (bias is None or not bias.requires_grad)
    if not frozen or isinstance(padding, str) or input.ndim != 4 or not input.requires_grad:
        return None
    pairs = [
        [value, value] if isinstance(value, int) else list(value)
        for value in (stride, padding, dilation)
    ]
    return _Convolution.apply(input, weight, bias, *pairs, groups)


def _concatenation(tensors: Sequence[Tensor], dim: int = 0, **others: Any) -> Tensor | None:
    first = tensors[0]
    same = all(each.ndim == first.ndim and each.dtype == first.dtype for each in tensors)
    return None if others or not same else _Concatenation.apply(dim, *tensors)


def _normalization(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    if training or running_mean is None or running_var is None or input.dtype != running_var.dtype:
        return None
    scale = (running_var + eps).rsqrt() * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - running_mean * scale
    shape = (1, -1, *[1] * (input.ndim - 2))
    return torch.addcmul(shift.reshape(shape), input, scale.reshape(shape))


_REPLACEMENTS: dict[Callable, Callable[..., Tensor | None]] = {
    torch.conv2d: _convolution,
    torch.cat: _concatenation,
    F.batch_norm: _normalization,
}
