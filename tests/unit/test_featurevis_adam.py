"""The optimizer against torch's Adam, and what its two changes do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pipeline.featurevis.adam import SharedAdam


def test_without_sharing_the_optimizer_is_torchs_adam() -> None:
    start, gradients = torch.randn(2, 5), torch.randn(6, 2, 5)
    ours = SharedAdam({"x": start.clone()})
    theirs = start.clone().requires_grad_(True)
    adam = torch.optim.Adam([theirs], lr=0.05, eps=1e-16)
    for gradient in gradients:
        ours.parameters["x"].grad = gradient.clone()
        ours.step(0.05)
        theirs.grad = gradient.clone()
        adam.step()
    torch.testing.assert_close(ours.parameters["x"].detach(), theirs.detach())


def test_steps_shrink_with_gradients_that_fade_only_where_the_peak_is_kept() -> None:
    def last_step(peak: float) -> float:
        optimizer = SharedAdam({"x": torch.zeros(1, 1)}, momentum=0.0, memory=0.5, peak=peak)
        for size in (1.0, 1.0, 1e-3, 1e-3, 1e-3):
            before = optimizer.parameters["x"].item()
            optimizer.parameters["x"].grad = torch.full((1, 1), size)
            optimizer.step(0.1)
        return abs(optimizer.parameters["x"].item() - before)

    assert last_step(1.0) == pytest.approx(0.1 * 1e-3, rel=1e-2)
    assert last_step(1.0) < last_step(0.85) < last_step(0.0)


def test_a_finished_picture_is_the_mean_of_the_last_steps() -> None:
    optimizer = SharedAdam({"x": torch.zeros(2, 1)})
    for value in (5.0, 1.0, 3.0):
        optimizer.parameters["x"].data.copy_(torch.tensor([[value], [2 * value]]))
        if value < 5:
            optimizer.average()
    assert optimizer.result()["x"].flatten().tolist() == [2.0, 4.0]
    assert optimizer.select(torch.tensor([1])).result()["x"].flatten().tolist() == [4.0]
    assert SharedAdam({"x": torch.full((1, 1), 7.0)}).result()["x"].item() == 7


def wander(optimizer: SharedAdam, steps: Tensor) -> None:
    for gradient in steps:
        optimizer.parameters["x"].grad = gradient.clone()
        optimizer.step(0.1)
        optimizer.average()


@pytest.mark.parametrize(
    "settings", [{}, {"sharing": 0.9, "momentum": 0.0, "memory": 0.9, "peak": 0.85}]
)
def test_optimizers_part_and_join_with_all_that_they_remember(settings: dict[str, float]) -> None:
    start, early, late = torch.randn(3, 4), torch.randn(4, 3, 4), torch.randn(5, 3, 4)
    optimizer = SharedAdam({"x": start.clone()}, **settings)
    wander(optimizer, early)
    waiting = optimizer.select(torch.tensor([1]))
    going = optimizer.select(torch.tensor([0, 2]))
    wander(going, late[:, [0, 2]])
    together = going.join([waiting])
    wander(together, late[:, [0, 2, 1]])

    both_times, once = torch.cat([early, late, late]), torch.cat([early, late])
    for row, (picture, gradients) in enumerate(((0, both_times), (2, both_times), (1, once))):
        alone = SharedAdam({"x": start[picture : picture + 1].clone()}, **settings)
        wander(alone, gradients[:, picture : picture + 1])
        torch.testing.assert_close(together.parameters["x"][row], alone.parameters["x"][0])
        torch.testing.assert_close(together.result()["x"][row], alone.result()["x"][0])


def test_shared_second_moments_do_not_mix_pictures() -> None:
    start, gradient = torch.randn(2, 5), torch.randn(2, 5)
    both = SharedAdam({"x": start.clone()}, sharing=0.9)
    one = SharedAdam({"x": start[1:].clone()}, sharing=0.9)
    both.parameters["x"].grad = gradient * torch.tensor([[100.0], [1.0]])
    one.parameters["x"].grad = gradient[1:].clone()
    both.step(0.1)
    one.step(0.1)
    torch.testing.assert_close(both.parameters["x"][1:], one.parameters["x"])
