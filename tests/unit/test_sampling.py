"""Sampled Shapley values of a layer's atoms: what is run, and that it is what exact ones are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.attribution import sampled_gains
from pipeline.attribution.baselines import combined
from pipeline.attribution.groups import cut_all
from pipeline.attribution.observation import Observation
from pipeline.grammar import CHANNEL, CLASSES, SPATIAL, Atom, Group, Substrate
from pipeline.shapley import memberships, shapley_values
from tests.unit.networks import close, network, photograph
from tests.unit.oracle import Oracle

MEANS = {"early": np.random.default_rng(4).random(8, np.float32) / 2}


@pytest.mark.parametrize("atom", [CHANNEL, SPATIAL, Group(3)], ids=str)
def test_a_combination_is_the_weighted_sum_of_the_parts(atom: Atom) -> None:
    observation, source = Observation(network(), photograph(), ["early"]), Substrate("early", atom)
    cut = cut_all(observation, [source])[source]
    weights = torch.rand(4, cut.count, generator=torch.Generator().manual_seed(0))
    expected = torch.einsum("bm,mcyx->bcyx", weights, cut.parts(range(cut.count)))
    assert close(combined(cut, weights).numpy(), expected.numpy(), 1e-5)


@pytest.mark.parametrize("baseline", ["zero", "mean"])
def test_gains_of_channels_approach_exact_values(baseline: str) -> None:
    net, x = network(), photograph()
    means = MEANS if baseline == "mean" else None
    source = Substrate("early", CHANNEL)
    gains = sampled_gains(net, x, source, CLASSES, [3, 1], orders=200, means=means)
    slow = Oracle(net, x, "early", "output")
    start = torch.zeros_like(slow.a)
    if means is not None:
        start += torch.from_numpy(MEANS["early"]).double()[:, None, None]
    present = torch.from_numpy(memberships(len(start)))[:, :, None, None]
    with torch.no_grad():
        logits = slow.run(torch.where(present, slow.a, start))[:, [3, 1]].numpy()
    exact = shapley_values(logits)
    error = gains.std(0) / np.sqrt(len(gains))
    assert (np.abs(gains.mean(0) - exact) < 4 * error + 1e-5).all()
    assert close(gains.sum(1), np.broadcast_to(logits[-1] - logits[0], (200, 2)), 1e-5)


def test_later_layers_are_targets_too_and_atoms_may_be_chosen() -> None:
    net, x = network(), photograph()
    source, target = Substrate("early", SPATIAL), Substrate("late", CHANNEL)
    every = sampled_gains(net, x, source, target, [0, 7, 2], orders=2)
    chosen = sampled_gains(net, x, source, target, [7], orders=2, chosen=[11, 3])
    assert every.shape == (2, 144, 3)
    assert close(chosen[..., 0], every[:, [11, 3], 1], 1e-5)
