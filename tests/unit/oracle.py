"""Attribution the slow way, in float64: finite differences, loops over windows and over points.

Shares no code with `pipeline.atoms` or `pipeline.attribution`. A layer's cube is `a[C, H, W]`, the
output's `[K]`; scores are `[N, M]` for cubes `[N, …]`, parts `[M, C, H, W]`.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.factorization import Factorization
from pipeline.network import Network


def scores(atom: str, a: Tensor, groups: Factorization | None = None) -> Tensor:
    """The scores of `pipeline.atoms`'s table, one formula a line; groups without their residual."""
    if a.ndim == 2:
        return a
    n, _, height, width = a.shape
    match atom:
        case "spatial":
            positions = itertools.product(range(height), range(width))
            return torch.stack([a[:, :, y, x].norm(dim=1) for y, x in positions], 1)
        case "channel":
            return torch.stack([a[:, c].sum((1, 2)) for c in range(a.shape[1])], 1)
        case "neuron":
            return a.reshape(n, -1)
        case "whole":
            return a.reshape(n, -1).norm(dim=1, keepdim=True)
        case "group":
            parts_of_groups = group_parts(groups)
            return torch.stack([(a * v / v.norm()).sum((1, 2, 3)) for v in parts_of_groups], 1)
    raise ValueError(atom)


def group_parts(groups: Factorization | None) -> list[Tensor]:
    """v_g = W_g ⊗ H_g for every group."""
    assert groups is not None
    return [
        torch.from_numpy(np.multiply.outer(h.astype(np.float64), w.astype(np.float64)))
        for w, h in zip(groups.spatial, groups.channels, strict=True)
    ]


def parts(atom: str, a: Tensor, groups: Factorization | None = None) -> Tensor:
    """The part of the cube that each atom holds."""
    channels, height, width = a.shape
    if atom == "group":
        return torch.stack(group_parts(groups))
    if atom == "whole":
        return a[None]
    keys: list[tuple] = {
        "spatial": [(slice(None), y, x) for y in range(height) for x in range(width)],
        "channel": [(c,) for c in range(channels)],
        "neuron": list(itertools.product(range(channels), range(height), range(width))),
    }[atom]
    found = torch.zeros(len(keys), *a.shape, dtype=a.dtype)
    for row, key in zip(found, keys, strict=True):
        row[key] = a[key]
    return found


class RelaxedPool(torch.autograd.Function):
    """Max-pooling whose backward pass loops over windows and their elements, then blurs."""

    @staticmethod
    def forward(ctx, x, kernel, stride, padding, dilation, ceil_mode):
        ctx.save_for_backward(x)
        ctx.geometry = kernel, stride, padding, dilation
        return F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        height, width = x.shape[-2:]
        relaxed = torch.zeros_like(x)
        for row, column in itertools.product(range(g.shape[2]), range(g.shape[3])):
            ys, xs = window(row, 0, *ctx.geometry), window(column, 1, *ctx.geometry)
            inside = [(y, z) for y in ys for z in xs if 0 <= y < height and 0 <= z < width]
            values = [x[:, :, y, z] for y, z in inside]
            n = len(inside)
            divisor = 1e-2 + sum(value.abs() for value in values) / n
            mean = (sum(value**2 for value in values) / n) / divisor
            for (y, z), value in zip(inside, values, strict=True):
                slope = (2 * value - mean * value.sign()) / (n * divisor)
                relaxed[:, :, y, z] += g[:, :, row, column] * slope
        return blurred(relaxed), None, None, None, None, None


def window(index: int, axis: int, kernel, stride, padding, dilation) -> list[int]:
    """The rows (axis 0) or columns (axis 1) of a pool's window, some perhaps beyond the map."""
    first = index * stride[axis] - padding[axis]
    return [first + i * dilation[axis] for i in range(kernel[axis])]


def blurred(g: Tensor) -> Tensor:
    """[1 2 1] ⊗ [1 2 1] / 16 with zeros beyond the border, one neighbour after another."""
    height, width = g.shape[-2:]
    found = torch.zeros_like(g)
    for y, x, dy, dx in itertools.product(range(height), range(width), (-1, 0, 1), (-1, 0, 1)):
        if 0 <= y + dy < height and 0 <= x + dx < width:
            found[:, :, y, x] += g[:, :, y + dy, x + dx] * (2 - abs(dy)) * (2 - abs(dx)) / 16
    return found


@contextmanager
def relaxed_functional():
    """Replace `torch.nn.functional.max_pool2d` by the slow pool, for modules and calls alike."""
    original = F.max_pool2d

    def slow(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **_others):
        geometry = (kernel_size, stride or kernel_size, padding, dilation)
        pair = [(each, each) if isinstance(each, int) else tuple(each) for each in geometry]
        F.max_pool2d = original
        try:
            return RelaxedPool.apply(input, *pair, ceil_mode)
        finally:
            F.max_pool2d = slow

    F.max_pool2d = slow
    try:
        yield
    finally:
        F.max_pool2d = original


def noting(caught: list[Tensor]) -> Callable:
    """A forward hook that keeps a copy of a layer's output."""

    def note(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        caught.append(output.clone())

    return note


def first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The logits, where a network returns more than these."""
    return output[0] if isinstance(output, tuple) else output


class Oracle:
    """A float64 copy of a network, run from a source layer's cube to a target layer's."""

    def __init__(self, network: Network, x: Tensor, source: str, target: str) -> None:
        self.module = copy.deepcopy(network.module).double()
        self.input = network.preprocessing(x.double())
        self.source, self.target = source, target
        self.a = self._caught(source)[0]
        self.b = self._caught(target)[0]

    def _caught(self, layer: str) -> Tensor:
        caught: list[Tensor] = []
        if layer == "output":
            return first(self.module(self.input))
        handle = self.module.get_submodule(layer).register_forward_hook(noting(caught))
        self.module(self.input)
        handle.remove()
        return caught[0]

    def run(self, a: Tensor) -> Tensor:
        """Cubes of the source `[N, C, H, W]` → cubes of the target `[N, …]`."""
        caught: list[Tensor] = []
        source = self.module.get_submodule(self.source)
        handles = [source.register_forward_hook(lambda *_: a.clone())]
        if self.target != "output":
            target = self.module.get_submodule(self.target)
            handles.append(target.register_forward_hook(noting(caught)))
        try:
            logits = first(self.module(self.input.expand(len(a), *self.input.shape[1:])))
        finally:
            for handle in handles:
                handle.remove()
        return caught[0] if caught else logits

    def finite_differences(
        self, source: str, target: str, source_groups=None, target_groups=None, step: float = 1e-6
    ) -> np.ndarray:
        """The change of every score when an atom's part grows: (s(a + hp) - s(a - hp)) / 2h.

        `[M source, M target]`.
        """

        def at(a: Tensor) -> Tensor:
            return scores(target, self.run(a), target_groups)

        with torch.no_grad():
            found = [
                (at(self.a + step * part) - at(self.a - step * part)) / (2 * step)
                for part in parts(source, self.a, source_groups).split(256)
            ]
        return torch.cat(found).numpy()

    def gradients(self, a: Tensor, target: str, target_groups=None) -> Tensor:
        """∂s_i/∂a at a cube, by plain back-propagation: `[M, C, H, W]`."""
        count = scores(target, self.b[None], target_groups).shape[1]
        rows = a.expand(count, *a.shape).clone().requires_grad_()
        each = scores(target, self.run(rows), target_groups).diagonal()
        (gradients,) = torch.autograd.grad(each.sum(), rows)
        return gradients

    def back_propagation(
        self, source: str, target: str, source_groups=None, target_groups=None
    ) -> np.ndarray:
        """⟨part, ∂score/∂a⟩ with one plain gradient a score.

        For where finite differences would straddle a kink.
        """
        return self._summed(self.gradients(self.a, target, target_groups), source, source_groups)

    def relaxed(
        self, source: str, target: str, source_groups=None, target_groups=None
    ) -> np.ndarray:
        """Attribution with the slow relaxed pools in the backward pass."""
        with relaxed_functional():
            return self._summed(
                self.gradients(self.a, target, target_groups), source, source_groups
            )

    def along(
        self, points: Tensor, weights: Tensor, source: str, target: str, *groups
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean and standard deviation over paths, one point after another; the completeness gap.

        `points` and `weights` are `[R, S, C, H, W]`, or broadcast to it.
        """
        source_groups, target_groups = groups
        by_path, whole = [], []
        for path, weight in zip(points, weights, strict=True):
            mean = sum(
                self.gradients(point, target, target_groups) * share
                for point, share in zip(path, weight.double(), strict=True)
            )
            by_path.append(self._summed(mean, source, source_groups))
            whole.append((mean * self.a).sum((1, 2, 3)).numpy())
        with torch.no_grad():
            ends = torch.stack([self.a, torch.zeros_like(self.a)])
            at_ends = scores(target, self.run(ends), target_groups)
        gap = (at_ends[0] - at_ends[1]).numpy() - np.mean(whole, 0)
        return np.mean(by_path, 0), np.std(by_path, 0), gap

    def _summed(self, gradients: Tensor, source: str, groups: Factorization | None) -> np.ndarray:
        return (parts(source, self.a, groups).flatten(1) @ gradients.flatten(1).T).numpy()


class Grey(nn.Module):
    """One input channel, three classes, an overlapping padded pool, smooth gates.

    Also a depthwise convolution, and squeezing of channels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 6, 5, stride=2, padding=2), nn.SiLU())
        self.near = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.SiLU())
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.far = nn.Conv2d(6, 7, 1)
        self.gate = nn.Conv2d(7, 7, 1)
        self.head = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.far(self.pool(self.near(self.stem(x))))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        return self.head(F.gelu(x).mean((2, 3)))
