import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import _get_current_function_mode_stack

from pipeline.attribution.pooling import blur, relaxed_pooling
from tests.unit.oracle import RelaxedPool, blurred

# kernel, stride, padding, dilation, ceil mode
GEOMETRIES = [
    (2, 2, 0, 1, False),
    (3, 2, 0, 1, True),
    (3, 1, 1, 1, False),
    (3, 2, 1, 1, True),
    ((3, 2), (2, 1), (1, 0), 1, False),
    (2, 3, 1, 1, True),
    (3, 2, 1, 2, False),
    (2, 2, 1, 3, True),
    (3, 1, 0, (1, 2), True),
]


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def maps(seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    # Half of the values are exactly zero, as behind a ReLU, and some are negative.
    x = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return (x * (x > -0.2)).requires_grad_()


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "ceil_mode"), GEOMETRIES)
@pytest.mark.parametrize("module", [True, False])
def test_gradient_is_the_slow_loop(
    kernel, stride, padding, dilation, ceil_mode: bool, module: bool
) -> None:
    x = maps()
    with relaxed_pooling() as pools:
        if module:
            y = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)(x)
        else:
            y = F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)
    assert pools.count == 1
    torch.testing.assert_close(y, F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode))
    g = torch.randn_like(y)
    pairs = [pair(each) for each in (kernel, stride, padding, dilation)]
    slow = RelaxedPool.apply(x, *pairs, ceil_mode)
    (expected,) = torch.autograd.grad(slow, x, g)
    torch.testing.assert_close(torch.autograd.grad(y, x, g)[0], expected)


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "ceil_mode"), GEOMETRIES)
def test_gradient_can_be_differentiated_by_its_cotangent(
    kernel, stride, padding, dilation, ceil_mode: bool
) -> None:
    x = maps()
    with relaxed_pooling():
        y = F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)
    g = torch.randn_like(y).requires_grad_()
    (pulled,) = torch.autograd.grad(y, x, g, create_graph=True)
    t = torch.randn_like(x)
    (pushed,) = torch.autograd.grad(pulled, g, t, retain_graph=True)
    torch.testing.assert_close((pushed * g).sum(), (pulled * t).sum())


def test_every_way_of_calling_is_relaxed() -> None:
    x = maps()
    calls = [
        lambda: F.max_pool2d(x, 3, 2),
        lambda: torch.max_pool2d(x, 3, 2),
        lambda: torch.max_pool2d(x, kernel_size=3, stride=(2, 2)),
        lambda: F.max_pool2d(x, 3, 2, return_indices=True)[0],
        lambda: F.max_pool2d_with_indices(x, 3, 2)[0],
        lambda: nn.MaxPool2d(3, 2)(x),
        lambda: nn.MaxPool2d(3, 2, return_indices=True)(x)[0],
    ]
    with relaxed_pooling():
        gradients = [torch.autograd.grad(call().sum(), x)[0] for call in calls]
    for gradient in gradients:
        torch.testing.assert_close(gradient, gradients[0])
    plain = torch.autograd.grad(calls[0]().sum(), x)[0]
    assert not torch.allclose(gradients[0], plain), "outside, the gradient is max-pooling's"


def test_indices_are_those_of_the_maximum() -> None:
    x = maps()
    with relaxed_pooling():
        found = F.max_pool2d(x, 3, 2, return_indices=True)[1]
    assert torch.equal(found, F.max_pool2d(x, 3, 2, return_indices=True)[1])


def test_pool_of_a_map_without_batch() -> None:
    x = maps()[0]
    with relaxed_pooling():
        assert torch.equal(F.max_pool2d(x, 2), F.max_pool2d(x[None], 2)[0])


def test_attribution_through_a_pool_is_the_contraharmonic_mean() -> None:
    # Σ xᵢ ∂y/∂xᵢ = Σx² / Σx before the blur (ε aside), which changes nothing in a constant map.
    x = torch.full((1, 1, 12, 12), 3.0, dtype=torch.float64, requires_grad=True)
    with relaxed_pooling():
        y = F.max_pool2d(x, 2)
    g = torch.zeros_like(y)
    g[0, 0, 3, 3] = 1
    (gradient,) = torch.autograd.grad(y, x, g)
    window = 4 * (2 * 3 - 9 / 3.01) / (4 * 3.01)
    assert float(gradient.sum()) == pytest.approx(window)


def test_blur_is_the_binomial() -> None:
    g = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(blur(g), blurred(g))


def test_disabled_does_nothing() -> None:
    x = maps()
    with relaxed_pooling(False) as pools:
        y = F.max_pool2d(x, 2)
    assert pools.count == 0
    found, plain = (torch.autograd.grad(each.sum(), x)[0] for each in (y, F.max_pool2d(x, 2)))
    torch.testing.assert_close(found, plain)


def test_mode_is_gone_after_an_exception() -> None:
    with relaxed_pooling():
        assert len(_get_current_function_mode_stack()) == 1
    with pytest.raises(ZeroDivisionError), relaxed_pooling():
        F.max_pool2d(maps(), 1 // 0)
    assert not _get_current_function_mode_stack()
