"""Pushing and pulling, batches and memory, precision, and networks shared by threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from captum.attr import LayerGradientXActivation
from torch import nn

from pipeline.attribution import attribute, push_pull
from pipeline.attribution.batches import batch_size, with_batches
from pipeline.attribution.groups import cut_all
from pipeline.attribution.linearization import Linearization
from pipeline.attribution.observation import Observation
from pipeline.attribution.push_pull import Schedule, push_and_pull
from pipeline.errors import AtlasError
from pipeline.grammar import CHANNEL, CLASSES, NEURON, SPATIAL, Substrate
from pipeline.network import Network, full_precision
from tests.unit.networks import close, hooks, network, photograph

EARLY, LATE = Substrate("early", CHANNEL), Substrate("late", CHANNEL)
POSITIONS, LATE_POSITIONS = Substrate("early", SPATIAL), Substrate("late", SPATIAL)
PAIRS = [(EARLY, LATE), (POSITIONS, LATE_POSITIONS), (EARLY, CLASSES), (POSITIONS, CLASSES)]


# -------------------------------------------------------------------------------- pushing, pulling
def both_directions(
    net: Network, x: torch.Tensor, source: Substrate, target: Substrate, relax: bool
) -> list[np.ndarray]:
    layers = [source.layer, target.layer]
    observation = Observation(net, x, layers)
    cuts = cut_all(observation, [source, target])
    linearized = Linearization(observation, layers, 7, relax)
    schedules = [Schedule.pulling([(source, target)], pulled) for pulled in ([], [target])]
    return [push_and_pull(linearized, cuts, each)[source, target] for each in schedules]


@pytest.mark.parametrize("relax", [False, True])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_pushing_is_pulling(source: Substrate, target: Substrate, relax: bool) -> None:
    pushed, pulled = both_directions(network(), photograph(), source, target, relax)
    assert close(pushed, pulled, 1e-5)


class OnceDifferentiable(torch.autograd.Function):
    """x² whose gradient cannot be differentiated again."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]


class Squaring(nn.Module):
    def __init__(self, square) -> None:
        super().__init__()
        self.early, self.head, self.square = nn.Conv2d(3, 4, 3), nn.Linear(4, 20), square

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.square(self.early(x)).mean((2, 3)))


def half_hidden(x: torch.Tensor) -> torch.Tensor:
    """x², half of it by the function whose second derivative is hidden."""
    return 0.5 * OnceDifferentiable.apply(x) + 0.5 * x * x


@pytest.mark.parametrize("square", [OnceDifferentiable.apply, half_hidden])
def test_gradients_that_cannot_be_differentiated_are_pulled(square) -> None:
    x = photograph()
    networks = [network(Squaring(each)) for each in (square, torch.square)]
    found, expected = (attribute(each, x, EARLY, CLASSES) for each in networks)
    assert close(found, expected, 1e-5)


class Bypass(nn.Module):
    """A path around the layer that insists on equal batch sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.around = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joined = torch.cat([self.early(x).relu() ** 2, self.around(x)], 1)
        return self.head(joined.mean((2, 3)))


def test_paths_around_a_layer_do_not_disturb() -> None:
    net, x = network(Bypass()), photograph()
    captum = LayerGradientXActivation(net.module, net.module.early)
    found = attribute(net, x, Substrate("early", NEURON), CLASSES)
    expected = captum.attribute(net.preprocessing(x), target=1)[0].detach().numpy()
    assert close(found[..., 1], expected)


# ----------------------------------------------------------------------------------------- memory
def test_results_do_not_depend_on_memory() -> None:
    net, x = network(), photograph()
    observation = Observation(net, x, ["early", "late"])
    assert batch_size(observation, 1) == 1
    assert batch_size(observation) > 1
    for source, target in ((POSITIONS, CLASSES), (EARLY, LATE)):
        bound = attribute(net, x, source, target, memory=1)
        assert close(bound, attribute(net, x, source, target), 1e-5)
    for method in ("integrated", "random_paths", "smoothgrad"):
        bound = attribute(net, x, EARLY, CLASSES, method, memory=1)
        assert close(bound, attribute(net, x, EARLY, CLASSES, method), 1e-5)


def test_running_out_of_memory_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = network(), photograph()
    expected = attribute(net, x, EARLY, CLASSES)
    tried: list[int] = []

    class Small(Linearization):
        def __init__(self, observation, layers, batch, relax=False) -> None:
            tried.append(batch)
            if batch > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            super().__init__(observation, layers, batch, relax)

    monkeypatch.setattr(push_pull, "Linearization", Small)
    assert close(attribute(net, x, EARLY, CLASSES), expected, 1e-5)
    assert tried == [16, 8, 4]


def test_a_single_row_that_does_not_fit_is_an_error_in_words() -> None:
    def run(batch: int) -> None:
        allocator = "[enforce fail] DefaultCPUAllocator: can't allocate memory"
        raise RuntimeError(f"{allocator}: you tried to allocate 1 byte")

    with pytest.raises(AtlasError, match="memory ran out"):
        with_batches(run, 8)
    with pytest.raises(ZeroDivisionError):
        with_batches(lambda batch: 1 // 0, 8)


# ----------------------------------------------------------------------------- precision, threads
def test_precision_is_full_inside_and_as_before_outside() -> None:
    before = torch.backends.cudnn.allow_tf32
    with full_precision():
        assert not torch.backends.cudnn.allow_tf32
        with full_precision():
            assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cudnn.allow_tf32
    with pytest.raises(ZeroDivisionError), full_precision():
        _ = 1 // 0
    assert torch.backends.cudnn.allow_tf32 == before


def test_precision_is_as_before_once_the_last_thread_has_left() -> None:
    before = torch.backends.cudnn.allow_tf32
    first, second = full_precision(), full_precision()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not torch.backends.cudnn.allow_tf32
    second.__exit__(None, None, None)
    assert torch.backends.cudnn.allow_tf32 == before


def test_threads_share_one_network() -> None:
    net, photographs = network(), [photograph(seed) for seed in range(20)]

    def call(x: torch.Tensor) -> list[np.ndarray]:
        linear = attribute(net, x, POSITIONS, CLASSES)
        return [linear, attribute(net, x, EARLY, LATE, "integrated", steps=4)]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(call, photographs))
    for found, x in zip(together, photographs, strict=True):
        assert all(close(*pair, 1e-6) for pair in zip(found, call(x), strict=True))
    assert hooks(net) == 0
