"""Whether a network's answers are plausible, on networks whose right preprocessing is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline import plausibility
from pipeline.errors import AtlasError
from pipeline.network import Network, Preprocessing

CLASSES = ["red", "green", "blue"]
SIDE = 16


class Colours(nn.Module):
    """Knows the colour of a photograph by channels of mean 0.5 and spread 0.5, in RGB."""

    def __init__(self, sure: float = 8.0) -> None:
        super().__init__()
        self.sure = sure

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3))
        # Outside the range of the training it is hardly sure of anything.
        inside = (means.abs() <= 1.001).all(1, keepdim=True) & (means.min(1, True)[0] < -0.5)
        return self.sure * torch.where(inside, means, means.tanh() / 50)


def colours(order: str = "rgb", mean: float = 0.5, std: float = 0.5) -> Network:
    preparing = Preprocessing(SIDE, (mean,) * 3, (std,) * 3, order)
    return Network(Colours(), preparing, CLASSES, "colours")


def photographs() -> list[np.ndarray]:
    """A red, a green and a blue one."""
    found = []
    for channel in range(3):
        pixels = np.full((SIDE, SIDE, 3), 20, np.uint8)
        pixels[..., channel] = 230
        found.append(pixels)
    return found


RIGHT = {0: 0, 1: 1, 2: 2}


def test_the_information_is_that_of_its_formula() -> None:
    found = plausibility.answers(colours(), photographs())
    q = (found.straight + found.mirrored) / 2
    expected = sum(q[i, k] * np.log(q[i, k] / q[:, k].mean()) for i in range(3) for k in range(3))
    assert found.information == pytest.approx(expected / 3, abs=1e-9)
    assert found.information > 0.9 * np.log(3)


def test_a_right_preprocessing_is_left_alone() -> None:
    assert list(plausibility.warnings(colours(), photographs(), {})) == []
    said = list(plausibility.warnings(colours(), photographs(), RIGHT))
    assert said == ["right about 100% of the 3 photographs with a true class"]


def test_another_range_is_noticed() -> None:
    (said,) = plausibility.warnings(colours(mean=0.0, std=1.0), photographs(), {})
    assert "another preprocessing tells the photographs apart far better" in said
    assert "try mean = 0.5, std = 0.5 in [model]" in said


def test_another_order_of_colours_is_noticed_by_labels() -> None:
    """Without labels it cannot be: the network is as sure, of other classes."""
    swapped = colours("bgr")
    assert list(plausibility.warnings(swapped, photographs(), {})) == []
    said = list(plausibility.warnings(swapped, photographs(), RIGHT))
    assert said[0].startswith("right about 33%")
    assert 'is right about 100%; try channels = ["red", "green", "blue"]' in said[1]


def test_few_photographs_say_nothing() -> None:
    assert list(plausibility.warnings(colours(mean=0.0), photographs()[:2], {})) == []


def test_a_network_that_says_the_same_of_everything() -> None:
    network = replace(colours(), module=Colours(sure=0.0))
    (said,) = plausibility.warnings(network, photographs(), {})
    assert "the network says the same of every photograph" in said


def test_probabilities_in_place_of_logits_are_noticed() -> None:
    class Answering(Colours):
        def forward(self, x: Tensor) -> Tensor:
            exponentials = super().forward(x).exp()
            return exponentials / exponentials.sum(1, keepdim=True)

    said = list(plausibility.warnings(replace(colours(), module=Answering()), photographs(), {}))
    assert "add up to 1: probabilities, it seems" in said[0]
    softmax = nn.Sequential(Colours(), nn.Softmax(1))  # this one is seen, and left out
    assert list(plausibility.warnings(replace(colours(), module=softmax), photographs(), {})) == []


def test_logits_that_are_no_numbers_are_refused() -> None:
    network = replace(colours(), module=Colours(sure=float("nan")))
    with pytest.raises(AtlasError, match="colours: logits are not finite numbers; look at its we"):
        plausibility.answers(network, photographs())


def test_networks_of_other_channels_have_no_alternatives() -> None:
    grey = Preprocessing(SIDE, (0.5,), (0.5,), "grey")
    assert list(plausibility.alternatives(grey)) == []
