"""Attribution the slow way, in float64: finite differences, loops over windows and points, and scores as the formulas say.

Shares no code with `pipeline.atoms`, `pipeline.pooling`, `pipeline.linearization` or `pipeline.sweeps`. A layer's cube is
`a[C, H, W]`, the output's `[K]`; scores are `[N, M]` for cubes `[N, …]`, parts `[M, C, H, W]`.
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

from pipeline.factorization import Groups
from pipeline.network import Network


def scores(atom: str, a: Tensor, groups: Groups | None = None) -> Tensor:
    """The scores of DESIGN's table, one formula a line; groups are followed by their residual."""
    if a.ndim == 2:
        return a
    n, _, height, width = a.shape
    match atom:
        case "spatial":
            return torch.stack([a[:, :, y, x].norm(dim=1) for y in range(height) for x in range(width)], 1)
        case "channel":
            return torch.stack([a[:, c].sum((1, 2)) for c in range(a.shape[1])], 1)
        case "neuron":
            return a.reshape(n, -1)
        case "whole":
            return a.reshape(n, -1).norm(dim=1, keepdim=True)
        case "group":
            return torch.stack([(a * v / v.norm()).sum((1, 2, 3)) for v in group_parts(a, groups)], 1)
    raise ValueError(atom)


def group_parts(a: Tensor, groups: Groups | None) -> list[Tensor]:
    """v_g = W_g ⊗ H_g for every group."""
    assert groups is not None
    return [
        torch.from_numpy(np.multiply.outer(h.astype(np.float64), w.astype(np.float64)))
        for w, h in zip(groups.spatial, groups.channels, strict=True)
    ]


def parts(atom: str, a: Tensor, groups: Groups | None = None) -> Tensor:
    """The part of the cube that each atom holds."""
    channels, height, width = a.shape
    if atom == "group":
        return torch.stack(group_parts(a[None], groups))
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
    """Max-pooling whose backward pass loops over windows and their elements (specification C2), then blurs (C3)."""

    @staticmethod
    def forward(ctx, x, kernel, stride, padding, dilation, ceil_mode):
        ctx.save_for_backward(x)
        ctx.geometry = kernel, stride, padding, dilation
        return F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        kernel, stride, padding, dilation = ctx.geometry
        height, width = x.shape[-2:]
        relaxed = torch.zeros_like(x)
        for row, column in itertools.product(range(g.shape[2]), range(g.shape[3])):
            ys = [row * stride[0] - padding[0] + i * dilation[0] for i in range(kernel[0])]
            xs = [column * stride[1] - padding[1] + i * dilation[1] for i in range(kernel[1])]
            inside = [(y, z) for y in ys for z in xs if 0 <= y < height and 0 <= z < width]
            values = [x[:, :, y, z] for y, z in inside]
            n = len(inside)
            divisor = 1e-2 + sum(value.abs() for value in values) / n
            mean = (sum(value**2 for value in values) / n) / divisor
            for (y, z), value in zip(inside, values, strict=True):
                relaxed[:, :, y, z] += g[:, :, row, column] * (2 * value - mean * value.sign()) / (n * divisor)
        return blurred(relaxed), None, None, None, None, None


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
    """Put the slow pool in the place of `torch.nn.functional.max_pool2d`, for modules and calls through it."""
    original = F.max_pool2d

    def slow(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        pair = [
            (value, value) if isinstance(value, int) else tuple(value) for value in (kernel_size, stride or kernel_size, padding, dilation)
        ]
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
            return self.module(self.input)
        handle = self.module.get_submodule(layer).register_forward_hook(lambda _m, _i, output: caught.append(output.clone()))
        self.module(self.input)
        handle.remove()
        return caught[0]

    def run(self, a: Tensor) -> Tensor:
        """Cubes of the source `[N, C, H, W]` → cubes of the target `[N, …]`."""
        caught: list[Tensor] = []
        handles = [self.module.get_submodule(self.source).register_forward_hook(lambda *_: a.clone())]
        if self.target != "output":
            note: Callable = lambda _m, _i, output: caught.append(output.clone())  # noqa: E731
            handles.append(self.module.get_submodule(self.target).register_forward_hook(note))
        try:
            logits = self.module(self.input.expand(len(a), *self.input.shape[1:]))
        finally:
            for handle in handles:
                handle.remove()
        return caught[0] if caught else logits

    def finite_differences(self, source: str, target: str, source_groups=None, target_groups=None, step: float = 1e-6) -> np.ndarray:
        """The change of every score when an atom's part grows: (s(a + hp) - s(a - hp)) / 2h, `[M source, M target]`."""
        with torch.no_grad():
            found = []
            for part in parts(source, self.a, source_groups).split(256):
                up, down = (scores(target, self.run(self.a + sign * step * part), target_groups) for sign in (1, -1))
                found.append((up - down) / (2 * step))
        return torch.cat(found).numpy()

    def gradients(self, a: Tensor, target: str, target_groups=None) -> Tensor:
        """∂s_i/∂a at a cube, by plain back-propagation: `[M, C, H, W]`."""
        count = scores(target, self.b[None], target_groups).shape[1]
        rows = a.expand(count, *a.shape).clone().requires_grad_()
        (gradients,) = torch.autograd.grad(scores(target, self.run(rows), target_groups).diagonal().sum(), rows)
        return gradients

    def back_propagation(self, source: str, target: str, source_groups=None, target_groups=None) -> np.ndarray:
        """⟨part, ∂score/∂a⟩ with one plain gradient a score: where finite differences would straddle a kink."""
        return self._summed(self.gradients(self.a, target, target_groups), source, source_groups)

    def relaxed(self, source: str, target: str, source_groups=None, target_groups=None) -> np.ndarray:
        """Attribution with the slow relaxed pools in the backward pass."""
        with relaxed_functional():
            return self._summed(self.gradients(self.a, target, target_groups), source, source_groups)

    def along(self, points: np.ndarray, shares: np.ndarray, source: str, target: str, source_groups=None, target_groups=None):
        """Mean and standard deviation over paths, one point after another; and the completeness gap."""
        by_path = []
        whole = []
        for path, share in zip(points, shares, strict=True):
            mean = sum(
                self.gradients(self.a * torch.as_tensor(factor).double()[:, None, None], target, target_groups)
                * torch.as_tensor(part).double()[:, None, None]
                for factor, part in zip(path, share, strict=True)
            )
            by_path.append(self._summed(mean, source, source_groups))
            whole.append((mean * self.a).sum((1, 2, 3)).numpy())
        with torch.no_grad():
            ends = scores(target, self.run(torch.stack([self.a, torch.zeros_like(self.a)])), target_groups)
        return np.mean(by_path, 0), np.std(by_path, 0), (ends[0] - ends[1]).numpy() - np.mean(whole, 0)

    def _summed(self, gradients: Tensor, source: str, groups: Groups | None) -> np.ndarray:
        return (parts(source, self.a, groups).flatten(1) @ gradients.flatten(1).T).numpy()


class Grey(nn.Module):
    """One input channel, three classes, overlapping pools with padding, a depthwise convolution, squeezing and smooth gates."""

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
