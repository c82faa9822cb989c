"""Redirected gradients: dead starts are revived, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from pipeline.featurevis.redirection import redirected
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import requests_for_channels
from pipeline.featurevis.seeds import generator_of
from pipeline.units import Unit
from tests.unit.featurevis import QUICK, SPELLINGS, Passes, silent


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_dead_start_is_revived_however_the_clipping_is_spelt(spelling: str) -> None:
    network = silent(spelling)
    x = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    plain = torch.autograd.grad(network.run_to(x, ["layer"])["layer"].mean(), x)[0]
    assert not plain.any()
    with redirected():
        lifted = torch.autograd.grad(-network.run_to(x, ["layer"])["layer"].mean(), x)[0]
    assert (lifted < 0).any()
    unit = Unit.channel(0)
    first, second = (generator_of(0, "layer", unit, attempt).random() for attempt in (0, 1))
    assert first != second
    requests = requests_for_channels("layer", [0])
    recipe = replace(QUICK, steps=40, learning_rate=0.1, attempts=1)
    [dead] = render(network, requests, replace(recipe, redirected=0))
    [alive] = render(network, requests, recipe)
    assert not dead.alive[0]
    assert alive.alive[0]
    assert alive.activation[0] > 0


def test_redirection_leaves_pictures_alone_that_have_gradients() -> None:
    y = torch.tensor([[-1.0, 2.0], [-1.0, -2.0]], requires_grad=True)
    with redirected():
        z = functional.relu(y)
    of_loss = torch.tensor([[-1.0, -1.0], [-1.0, 1.0]])
    gradient = torch.autograd.grad(z, y, of_loss)[0]
    # The first row passes something by itself; in the second only what lifts (a negative gradient
    # of a loss) is let through.
    assert gradient.tolist() == [[0.0, -1.0], [-1.0, 0.0]]


def test_redirection_ends_with_the_context_and_after_an_exception() -> None:
    y = torch.full((1, 1, 2, 2), -1.0, requires_grad=True)
    with pytest.raises(KeyError), redirected():
        raise KeyError
    assert not torch.autograd.grad(functional.relu(y).sum(), y)[0].any()


def test_a_unit_that_cannot_be_activated_is_recorded_as_such() -> None:
    network = silent(weight=1e-4)
    [batch] = render(network, requests_for_channels("layer", [0, 1]), QUICK)
    assert batch.alive.tolist() == [False, False]
    assert sorted(batch.units) == [Unit.channel(0), Unit.channel(1)]


def test_a_picture_without_any_gradient_is_given_up_early() -> None:
    network, requests = silent(), requests_for_channels("layer", [0])
    passes = Passes(network)
    recipe = replace(QUICK, steps=40, attempts=1, redirected=0)
    [batch] = render(network, requests, recipe)
    assert not batch.alive[0]
    assert len(passes.counts) == 3


def test_nothing_is_given_up_while_gradients_are_redirected() -> None:
    network, requests = silent(weight=1e-4), requests_for_channels("layer", [0])
    passes = Passes(network)
    list(render(network, requests, replace(QUICK, steps=40, attempts=1, redirected=4)))
    # While gradients are redirected, each silent step takes two passes.
    assert len(passes.counts) == 2 * 4 + 3
