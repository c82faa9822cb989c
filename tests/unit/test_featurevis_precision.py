"""Precision: what a device can compute in, and which of that is fastest and good enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.featurevis import grids, precision, trials
from pipeline.featurevis.folding import folded
from pipeline.featurevis.precision import BFLOAT16, FLOAT32, MIXED, Precision, fastest, precisions
from pipeline.featurevis.recipes import GRID
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import requests_for_channels
from pipeline.network import Network, Preprocessing
from tests.unit import networks
from tests.unit.featurevis import QUICK

CPU = torch.device("cpu")


def test_the_choices_follow_the_setting_and_the_device() -> None:
    assert precisions(CPU, "float32") == (FLOAT32,)
    assert precisions(CPU, "bfloat16") == (BFLOAT16,)
    assert precisions(torch.device("mps"), "bfloat16") == (FLOAT32,)
    assert precisions(CPU, "auto")[0] == FLOAT32


def test_mixed_computes_dense_convolutions_in_bfloat16_and_depthwise_ones_in_float32() -> None:
    convolutions = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 4, 1)
    )
    found: list[torch.dtype] = []
    for each in convolutions:
        each.register_forward_hook(lambda _module, _inputs, output: found.append(output.dtype))
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    for chosen in (FLOAT32, MIXED):
        found.clear()
        with chosen.on(CPU):
            convolutions(x).float().sum().backward()
        dense = torch.bfloat16 if chosen.half else torch.float32
        assert found == [dense, torch.float32, dense]


def choose(seconds: dict[Precision, float], scores: dict[Precision, float]) -> Precision:
    """Choose among precisions whose steps take and whose pictures reach this."""
    now = 0.0

    def step(chosen: Precision) -> None:
        nonlocal now
        now += seconds[chosen]

    return fastest(list(seconds), step, scores.__getitem__, clock=lambda: now)


@pytest.mark.parametrize(
    ("seconds", "scores", "expected"),
    [
        ((3.1, 9.0, 3.0), (1.0, 1.0, 1.0), FLOAT32),  # hardly quicker is not worth it
        ((15.9, 10.9, 12.0), (1.0, 0.99, 1.0), BFLOAT16),
        ((15.9, 10.9, 12.0), (1.0, 0.97, 1.0), MIXED),  # the quickest is not good enough
        ((15.9, 10.9, 12.0), (-1.0, -1.01, -1.0), BFLOAT16),
        ((15.9, 10.9, 12.0), (-1.0, -1.1, -1.1), FLOAT32),
    ],
)
def test_the_quickest_precision_that_is_good_enough_is_chosen(
    seconds: tuple[float, ...], scores: tuple[float, ...], expected: Precision
) -> None:
    choices = (FLOAT32, BFLOAT16, MIXED)
    taken = dict(zip(choices, seconds, strict=True))
    assert choose(taken, dict(zip(choices, scores, strict=True))) == expected


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A processor that has everything, and finds mixed the quickest; what has been tried on it."""
    names: list[str] = []

    def quickest(choices, step, score):  # type: ignore[no-untyped-def]
        for each in choices:
            step(each)
            assert np.isfinite(score(each))
            names.append(each.name)
        return MIXED

    def everything(_device: torch.device, _dtype: str) -> tuple[Precision, ...]:
        return FLOAT32, BFLOAT16, MIXED

    monkeypatch.setattr(trials, "fastest", quickest)
    for module in (trials, grids):
        monkeypatch.setattr(module, "precisions", everything)
    return names


def test_a_layer_is_tried_out_once_and_its_pictures_know_their_precision(tried: list[str]) -> None:
    network, requests = networks.network(), requests_for_channels("late", range(4))
    for some in (requests[:2], requests[2:]):
        for batch in render(network, some, replace(QUICK, steps=8)):
            assert batch.precision == "mixed"
    assert tried == ["float32", "bfloat16", "mixed"]


def test_a_grid_is_tried_out_on_some_of_its_cells(tried: list[str]) -> None:
    network = networks.network()
    a = np.random.default_rng(0).random((8, 10, 9), dtype=np.float32)
    recipe = replace(GRID, cell=8, steps=4, groups=2)
    assert grids.render_grid(network, "early", a, recipe).precision == "mixed"
    assert grids.render_grid(network, "early", a[:, ::-1].copy(), recipe).precision == "mixed"
    assert tried == ["float32", "bfloat16", "mixed"]


def test_one_choice_needs_no_trial() -> None:
    network = folded(networks.network(), ("early",))
    names: list[str] = []

    def step(chosen: Precision) -> None:
        names.append(chosen.name)

    for _ in range(2):
        found = trials.chosen(network, "pictures", "float32", step, lambda _chosen: 1.0)
        assert found == FLOAT32
    assert names == []


def test_pictures_are_finite_in_bfloat16() -> None:
    module: nn.Module = networks.network().module
    network = Network(module, Preprocessing(32, (0.5,) * 3, (0.25,) * 3), networks.CLASSES)
    requests, recipe = requests_for_channels("late", [3]), replace(QUICK, attempts=1)
    [batch] = render(network, requests, recipe, dtype="bfloat16")
    assert batch.precision == "bfloat16"
    assert np.isfinite(batch.objective).all()


def test_denormal_numbers_are_flushed_inside_the_context_only() -> None:
    torch.set_flush_denormal(False)  # whatever ran before in this process
    tiny = torch.tensor([1e-39])
    with precision.denormals_flushed():
        assert not tiny.mul(1.0).bool().item()
    assert tiny.mul(1.0).bool().item()
