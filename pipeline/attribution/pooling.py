"""Max-pooling whose gradient is relaxed and blurred, as a context manager around forward passes.

The gradient of max-pooling reaches one position of each window and none of its neighbours, so maps
of attribution show the accident of which one won, and strided pools leave a checkerboard. Inside
`relaxed_pooling()` every max-pool over `x[N, C, H, W]` keeps its value `y[N, C, H', W']` and passes
back another gradient: that of `mean(x²) / (ε + mean|x|)` over the same windows, then blurred by the
binomial [1 2 1] ⊗ [1 2 1] / 16, the expectation over jitter by one pixel (Olah et al. 2018, "The
Building Blocks of Interpretability", notebook on spatial attribution). Both steps are linear in the
gradient and written in differentiable operations, so gradients of gradients pass as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

EPSILON = 1e-2

Pair = tuple[int, int]


@dataclass(frozen=True)
class Windows:
    """The windows of a pool over maps of H × W: their sums, and the transpose of that map."""

    size: Pair
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    ceil_mode: bool

    def max(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]` → `[N, C, H', W']`: the largest element of each window."""
        geometry = (self.kernel, self.stride, self.padding, self.dilation, self.ceil_mode)
        return F.max_pool2d(x, *geometry)

    def sum(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]` → `[N, C, H', W']`: the sum over each window's elements in the map."""
        if self.dilation == (1, 1):
            geometry = (self.kernel, self.stride, self.padding, self.ceil_mode)
            return F.avg_pool2d(x, *geometry, divisor_override=1)
        rows, columns = self._overhang(x)
        padded = F.pad(x, (self.padding[1], columns, self.padding[0], rows))
        maps = padded.reshape(-1, 1, *padded.shape[-2:])
        ones = x.new_ones(1, 1, *self.kernel)
        summed = F.conv2d(maps, ones, stride=self.stride, dilation=self.dilation)
        return summed.reshape(*x.shape[:2], *summed.shape[-2:])

    def spread(self, g: Tensor, x: Tensor) -> Tensor:
        """Transpose of `sum`: `[N, C, H', W']` → `[N, C, H, W]`, the shape of `x`."""
        if self.dilation == (1, 1):
            geometry = (list(self.kernel), list(self.stride), list(self.padding), self.ceil_mode)
            return torch.ops.aten.avg_pool2d_backward(g, x, *geometry, True, 1)
        maps = g.reshape(-1, 1, *g.shape[-2:])
        ones = g.new_ones(1, 1, *self.kernel)
        spread = F.conv_transpose2d(maps, ones, stride=self.stride, dilation=self.dilation)
        rows, columns = self._overhang(x)
        cropped = F.pad(spread, (-self.padding[1], -columns, -self.padding[0], -rows))
        return cropped.reshape(x.shape)

    def _overhang(self, x: Tensor) -> Pair:
        """How far the last window reaches beyond the map, below and at the right; may be < 0."""
        pooled = self.max(x[:1, :1]).shape[-2:]

        def beyond(i: int) -> int:
            last = (pooled[i] - 1) * self.stride[i] - self.padding[i]
            return last + self.dilation[i] * (self.kernel[i] - 1) + 1 - self.size[i]

        return beyond(0), beyond(1)


def blur(g: Tensor) -> Tensor:
    """Blur `[N, C, H, W]` by [1 2 1] ⊗ [1 2 1] / 16: two averages over 2 × 2, zeros outside."""
    return F.avg_pool2d(F.avg_pool2d(g, 2, 1, 1), 2, 1)


class RelaxedMaxPool(torch.autograd.Function):
    """Forward: max-pooling. Backward: the relaxed, blurred gradient.

    With n the number of elements of a window that are in the map, y the relaxed mean and
    D = n (ε + mean|x|), ∂y/∂xᵢ = (2 xᵢ - y sgn xᵢ) / D.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, windows: Windows) -> Tensor:
        valid = windows.sum(x.new_ones(1, 1, *x.shape[-2:]))
        inverse = 1 / (EPSILON * valid + windows.sum(x.abs()))
        ctx.save_for_backward(x, inverse, windows.sum(x * x) * inverse**2)
        ctx.windows = windows
        return windows.max(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (g,) = gradients
        x, inverse, share = ctx.saved_tensors
        through_squares = x * ctx.windows.spread(g * inverse, x)
        through_magnitudes = ctx.windows.spread(g * share, x)
        half = torch.addcmul(through_squares, x.sign(), through_magnitudes, value=-0.5)
        return blur(half).mul(2), None


@dataclass
class Pools:
    """How many max-pools were relaxed; none: relaxation changes nothing for this network."""

    count: int = 0


class _Relaxation(TorchFunctionMode):
    """Replaces max-pooling, called by modules and functions alike, with the relaxed one."""

    def __init__(self, pools: Pools) -> None:
        super().__init__()
        self.pools = pools

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _MAX_POOLS:
            return func(*args, **kwargs)
        self.pools.count += 1
        return _relaxed(func in _WITH_INDICES, *args, **kwargs)


def _relaxed(
    with_indices: bool,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    size, kernel = (int(input.shape[-2]), int(input.shape[-1])), _pair(kernel_size)
    stride = _pair(stride) if stride else kernel
    windows = Windows(size, kernel, stride, _pair(padding), _pair(dilation), ceil_mode)
    x = input if input.ndim == 4 else input[None]
    pooled = RelaxedMaxPool.apply(x, windows)
    pooled = pooled if input.ndim == 4 else pooled[0]
    if not (return_indices or with_indices):
        return pooled
    indices = torch.ops.aten.max_pool2d_with_indices(
        input.detach(), kernel, stride, windows.padding, windows.dilation, ceil_mode
    )[1]
    return pooled, indices


_WITH_INDICES = {F.max_pool2d_with_indices, torch._C._nn.max_pool2d_with_indices}
_MAX_POOLS = {F.max_pool2d, torch.max_pool2d, *_WITH_INDICES}
_MAX_POOLS.add(F._max_pool2d)  # type: ignore[attr-defined]


def _pair(value: Any) -> Pair:
    values = [int(each) for each in value] if isinstance(value, list | tuple) else [int(value)]
    return values[0], values[-1]


@contextmanager
def relaxed_pooling(enabled: bool = True) -> Iterator[Pools]:
    """Relax every two-dimensional max-pool that is called inside the context.

    Values stay as they are; graphs that are recorded inside keep the relaxed gradient for later
    backward passes. Adaptive max-pools, whose windows differ in size, keep their own gradient.

    Parameters
    ----------
    enabled
        Whether to do anything.

    Yields
    ------
    Pools
        Counts the pools that were relaxed.
    """
    pools = Pools()
    if not enabled:
        yield pools
        return
    with _Relaxation(pools):
        yield pools
