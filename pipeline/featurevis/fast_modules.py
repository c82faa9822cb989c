"""Modules that compute the same as torch's and timm's in fewer passes over memory.

The cost of a picture is the network's forward and backward pass, thousands of times, and some
modules take more of it than their arithmetic explains: local response normalization pools over an
extra dimension and takes two powers (two fifths of a pass through GoogLeNet); in EfficientNet-Lite0
convolutions padded as in TensorFlow copy their input first (a tenth of a pass), and in-place ReLU6
first saves a copy of what it overwrites (another tenth). `use_fast_modules` replaces them.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function_unary


class _ResponseNorm(torch.autograd.Function):
    """`y = x s^-β` with `s = k + B x²`, B the band matrix of a window over channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, band: Tensor, k: Tensor, beta: float) -> Tensor:
        # As a 1 × 1 convolution the band matrix keeps the channels-last order.
        s = functional.conv2d(x * x, band, k)
        d = s.log().mul_(-beta).exp_()
        ctx.save_for_backward(x, s, d, band)
        ctx.beta = beta
        return x * d

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        # ∂/∂x: g s^-β - 2β x Bᵀ(g x s^(-β-1))
        x, s, d, band = ctx.saved_tensors
        direct = gradients[0] * d
        through = functional.conv2d((direct * x).div_(s), band.transpose(0, 1)).mul_(x)
        return direct.sub_(through, alpha=2 * ctx.beta), None, None, None


class FastResponseNorm(nn.LocalResponseNorm):
    """Local response normalization of `x[N, C, H, W]` as a convolution; first derivatives only.

    Krizhevsky et al. 2012, section 3.3.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4:
            return super().forward(x)
        channel = torch.arange(x.shape[1], device=x.device)
        offset = channel[None] - channel[:, None]
        inside = (offset >= -(self.size // 2)) & (offset <= (self.size - 1) // 2)
        band = (inside * (self.alpha / self.size)).float()[:, :, None, None]
        k = band.new_full((x.shape[1],), self.k)
        with torch.autocast(x.device.type, enabled=False):  # squares exceed half precision
            result: Tensor = _ResponseNorm.apply(x.float(), band, k, self.beta)
        return result


class _ClipInPlace(torch.autograd.Function):
    """`x ← min(max(x, low), high)`; the result shows what was clipped, so nothing else is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float, reuse_gradient: bool) -> Tensor:
        x.clamp_(low, high)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        ctx.limits, ctx.reuse_gradient = (low, high), reuse_gradient
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (y,), gradient = ctx.saved_tensors, gradients[0]
        in_place = ctx.reuse_gradient and gradient.stride() == y.stride()
        result = gradient if in_place else torch.empty_like(y)
        torch.ops.aten.hardtanh_backward.grad_input(gradient, y, *ctx.limits, grad_input=result)
        return result, None, None, None


def clip_in_place(x: Tensor, low: float, high: float, reuse_gradient: bool = False) -> Tensor:
    """Clip a tensor of any shape in place; first derivatives only.

    Torch function modes see a call of this function as they see one of torch's own.

    Parameters
    ----------
    x
        To be clipped.
    low, high
        The limits.
    reuse_gradient
        Whether the backward pass overwrites the gradient that comes in, which nothing else may
        then read.
    """
    if has_torch_function_unary(x):
        return handle_torch_function(clip_in_place, (x,), x, low, high, reuse_gradient)
    return _ClipInPlace.apply(x, low, high, reuse_gradient)


class FastClip(nn.Hardtanh):
    """ReLU6, or another clip between two numbers, in place.

    `reuse_gradient` may be set where a convolution, and nothing else, reads the result.
    """

    reuse_gradient = False

    def forward(self, x: Tensor) -> Tensor:
        return clip_in_place(x, self.min_val, self.max_val, self.reuse_gradient)


class FastSamePadding(nn.Module):
    """A depthwise convolution of `x[N, C, H, W]` with TensorFlow's padding "SAME".

    That padding may add one pixel more at the end than at the beginning. Equal padding at both
    ends, and a kernel that starts with a row and a column of zeros, compute the same without a
    padded copy.

    Parameters
    ----------
    convolution
        timm's `Conv2dSame`, without dilation.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        own = self.convolution
        rows, columns = (
            max((-(-side // stride) - 1) * stride + kernel - side, 0)
            for side, stride, kernel in zip(x.shape[2:], own.stride, own.kernel_size, strict=True)
        )
        weight = functional.pad(own.weight, (columns % 2, 0, rows % 2, 0))
        weight = weight.contiguous(memory_format=torch.channels_last)
        padding = ((rows + 1) // 2, (columns + 1) // 2)
        return functional.conv2d(x, weight, own.bias, own.stride, padding, 1, own.groups)


def _pads_each_channel(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    # In a convolution over all channels the larger kernel would cost more than the copy. By name,
    # because timm need not be installed.
    return (
        isinstance(module, nn.Conv2d)
        and type(module).__name__ == "Conv2dSame"
        and module.groups == module.in_channels > 1
        and tuple(module.dilation) == (1, 1)
    )


def _faster(module: nn.Module) -> nn.Module | None:
    """Return a faster module that computes the same, or None."""
    if type(module) is nn.LocalResponseNorm:
        return FastResponseNorm(module.size, module.alpha, module.beta, module.k)
    if type(module) in (nn.Hardtanh, nn.ReLU6):
        assert isinstance(module, nn.Hardtanh)
        return FastClip(module.min_val, module.max_val, inplace=True) if module.inplace else None
    if _pads_each_channel(module):
        return FastSamePadding(module)
    return None


def use_fast_modules(module: nn.Module) -> None:
    """Replace, in place, every submodule for which there is a faster one."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            faster = _faster(child)
            if faster is not None:
                setattr(parent, name, faster)
