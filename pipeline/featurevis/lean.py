"""Modules that compute the same function in fewer passes over memory, for networks that are run thousands of times.

What a picture costs is the network's forward and backward pass, and a few of torch's modules take a share of it that their
arithmetic does not explain: local response normalization pools over an extra dimension and takes two powers (two fifths
of a pass through GoogLeNet); of a pass through EfficientNet-Lite0, convolutions padded as TensorFlow pads, which copy their input
first, take a tenth, and so does ReLU6 in place, which first saves a copy of what it overwrites. `make_lean` puts others in
their place.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function_unary


class _ResponseNorm(torch.autograd.Function):
    """`y = x s^-β` with `s = k + B x²`, B the band matrix of a window over channels; its gradient written out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, band: Tensor, k: Tensor, beta: float) -> Tensor:
        # A band matrix as a 1 × 1 convolution: a window over channels without leaving the channels-last order.
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


class LeanResponseNorm(nn.LocalResponseNorm):
    """Local response normalization (Krizhevsky et al. 2012, section 3.3) as a convolution, `x[N, C, H, W]`, first derivatives only."""

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4:
            return super().forward(x)
        channel = torch.arange(x.shape[1], device=x.device)
        offset = channel[None] - channel[:, None]
        inside = (offset >= -(self.size // 2)) & (offset <= (self.size - 1) // 2)
        band = (inside * (self.alpha / self.size)).float()[:, :, None, None]
        with torch.autocast(x.device.type, enabled=False):  # squares of activations exceed half precision
            result: Tensor = _ResponseNorm.apply(x.float(), band, band.new_full((x.shape[1],), self.k), self.beta)
        return result


class _ClipInPlace(torch.autograd.Function):
    """`x ← min(max(x, low), high)`; what was clipped can be told from the result, so nothing but that is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float, both_ways: bool) -> Tensor:
        x.clamp_(low, high)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        ctx.limits, ctx.both_ways = (low, high), both_ways
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (y,), gradient = ctx.saved_tensors, gradients[0]
        result = gradient if ctx.both_ways and gradient.stride() == y.stride() else torch.empty_like(y)
        torch.ops.aten.hardtanh_backward.grad_input(gradient, y, *ctx.limits, grad_input=result)
        return result, None, None, None


def clip_in_place(x: Tensor, low: float, high: float, both_ways: bool = False) -> Tensor:
    """Clip a tensor of any shape in place, first derivatives only; a torch function, which modes see as they see torch's own.

    `both_ways` clears what is clipped in the very gradient that comes back, too, which must be nobody else's.
    """
    if has_torch_function_unary(x):
        return handle_torch_function(clip_in_place, (x,), x, low, high, both_ways)
    return _ClipInPlace.apply(x, low, high, both_ways)


class LeanClip(nn.Hardtanh):
    """ReLU6, or another clip between two numbers, in place; `both_ways` where a convolution, and nothing else, reads the result."""

    both_ways = False

    def forward(self, x: Tensor) -> Tensor:
        return clip_in_place(x, self.min_val, self.max_val, self.both_ways)


class LeanSamePadding(nn.Module):
    """A convolution per channel with TensorFlow's padding "SAME", which may add one pixel more behind than before, `x[N, C, H, W]`.

    Equal padding on both sides and a kernel with a row and a column of zeros in front compute the same without a padded copy.

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
        weight = functional.pad(own.weight, (columns % 2, 0, rows % 2, 0)).contiguous(memory_format=torch.channels_last)
        return functional.conv2d(x, weight, own.bias, own.stride, ((rows + 1) // 2, (columns + 1) // 2), 1, own.groups)


def _pads_each_channel(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    # Of a convolution over all channels the larger kernel costs more than the copy. By name: timm need not be installed.
    return (
        isinstance(module, nn.Conv2d)
        and type(module).__name__ == "Conv2dSame"
        and module.groups == module.in_channels > 1
        and tuple(module.dilation) == (1, 1)
    )


def make_lean(module: nn.Module) -> None:
    """Replace, in place, what can be had for less."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.LocalResponseNorm:
                setattr(parent, name, LeanResponseNorm(child.size, child.alpha, child.beta, child.k))
            elif isinstance(child, nn.Hardtanh) and type(child) in (nn.Hardtanh, nn.ReLU6) and child.inplace:
                setattr(parent, name, LeanClip(child.min_val, child.max_val, inplace=True))
            elif _pads_each_channel(child):
                setattr(parent, name, LeanSamePadding(child))
