"""Fast modules compute what torch's and timm's do, with the same gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pipeline.featurevis.fast_modules import (
    FastClip,
    FastResponseNorm,
    FastSamePadding,
    use_fast_modules,
)
from pipeline.models.torchvision_import import import_torchvision


def gradient(output: Tensor, x: Tensor, weights: Tensor) -> Tensor:
    return torch.autograd.grad(output, x, weights)[0]


@pytest.mark.parametrize(("size", "beta", "k"), [(5, 0.75, 1.0), (4, 0.5, 2.0), (3, 1.0, 1.0)])
def test_fast_response_normalization_is_torchs_with_its_gradient(
    size: int, beta: float, k: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(2, 9, 4, 5, generator=generator) * 20).requires_grad_(True)
    theirs = nn.LocalResponseNorm(size, 1e-2, beta, k)
    ours = FastResponseNorm(size, 1e-2, beta, k)
    torch.testing.assert_close(ours(x), theirs(x))
    weights = torch.randn(2, 9, 4, 5)
    expected = gradient(theirs(x), x, weights)
    torch.testing.assert_close(gradient(ours(x), x, weights), expected)
    # Of other shapes torch's own.
    torch.testing.assert_close(ours(x[:, :, 0]), theirs(x[:, :, 0]))


@pytest.mark.parametrize("theirs", [nn.ReLU6(inplace=True), nn.Hardtanh(-0.5, 2.0, inplace=True)])
def test_a_fast_clip_is_torchs_with_its_gradient(theirs: nn.Hardtanh) -> None:
    ours = nn.Sequential(theirs)
    use_fast_modules(ours)
    assert isinstance(ours[0], FastClip)
    x = (torch.randn(2, 4, 5, 6) * 5).requires_grad_(True)
    expected, weights = theirs(x * 1), torch.randn(2, 4, 5, 6)
    given = x * 1
    actual = ours(given)
    assert torch.equal(actual, given)  # in place, which other holders of the tensor count on
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(gradient(actual, x, weights), gradient(expected, x, weights))
    other = nn.Sequential(nn.ReLU6())
    use_fast_modules(other)
    assert type(other[0]) is nn.ReLU6  # what is not overwritten may be read again


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(8, 8), (9, 8), (7, 12), (1, 5)])
def test_fast_same_padding_is_timms(kernel: int, stride: int, shape: tuple[int, int]) -> None:
    import_torchvision()  # which timm needs
    from timm.layers import Conv2dSame

    theirs = Conv2dSame(4, 8, kernel, stride=stride, groups=4)
    ours = nn.Sequential(theirs)
    use_fast_modules(ours)
    assert isinstance(ours[0], FastSamePadding)
    x = torch.randn(2, 4, *shape, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    expected = torch.autograd.grad(theirs(x).square().sum(), x)
    torch.testing.assert_close(torch.autograd.grad(ours(x).square().sum(), x), expected)
