"""Rendering: batches, seeds, scores of the stored pixels, and what happens when memory runs out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.errors import AtlasError
from pipeline.featurevis import objectives
from pipeline.featurevis.folding import folded
from pipeline.featurevis.recipes import RECIPES, named
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import Request, requests_for_channels
from pipeline.network import Network
from pipeline.units import Unit
from tests.unit import networks
from tests.unit.featurevis import QUICK, Passes, largest_difference, pictures_of


def test_batches_are_even() -> None:
    recipe = replace(RECIPES["fast"], size=32, steps=2, attempts=1)
    requests = requests_for_channels("early", range(5))
    batches = render(networks.network(), requests, recipe, batch_size=4)
    assert [len(batch.units) for batch in batches] == [3, 2]


@pytest.mark.parametrize("recipe", ["fast", "article", "maco", "diverse"])
def test_a_picture_depends_neither_on_its_batch_nor_on_its_position_there(recipe: str) -> None:
    network = networks.network()
    chosen = named(recipe, size=32, steps=10)
    requests = requests_for_channels("early", range(5))
    forwards = pictures_of(render(network, requests, chosen, batch_size=8))
    backwards = pictures_of(render(network, requests[::-1], chosen, batch_size=4))
    assert forwards.keys() == backwards.keys()
    for unit, picture in forwards.items():
        assert largest_difference(picture, backwards[unit]) <= 2, unit


def test_pictures_get_better_and_their_scores_are_those_of_the_stored_pixels() -> None:
    network, requests = networks.network(), requests_for_channels("late", range(12))
    [batch] = render(network, requests, replace(QUICK, steps=40))
    with torch.no_grad():
        x = torch.from_numpy(batch.pictures).permute(0, 3, 1, 2).float() / 255
        means = network.run_to(x, ["late"])["late"].mean((2, 3))
        grey = network.run_to(torch.full_like(x[:1], 0.5), ["late"])["late"].mean((2, 3))
    channels = [unit.channel_index for unit in batch.units]
    reached = means[range(12), channels].numpy()
    np.testing.assert_allclose(batch.activation, reached, rtol=1e-3, atol=1e-4)
    of_grey = grey[0, channels].numpy()
    assert (batch.activation[batch.alive] > of_grey[batch.alive]).all()
    assert batch.alive.mean() > 0.5


def test_batches_do_not_mix_layers_and_every_request_comes_back_once() -> None:
    early = requests_for_channels("early", range(3))
    requests = [*early, *requests_for_channels("late", range(4))]
    mixed = requests[::2] + requests[1::2]
    batches = render(networks.network(), mixed, QUICK, batch_size=2)
    found = sorted((batch.layer, unit) for batch in batches for unit in batch.units)
    assert found == sorted((request.layer, request.unit) for request in requests)


def test_a_seed_gives_the_same_pictures_again_and_another_seed_others() -> None:
    network, requests = networks.network(), requests_for_channels("early", [1])
    once, again, other = (
        next(render(network, requests, QUICK, seed=seed)).pictures for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(once, again)
    assert largest_difference(once, other) > 10


def test_functional_networks_with_shared_modules_and_logits_work() -> None:
    network = networks.network(networks.Functional())
    requests = [
        Request("joined", Unit("class", "3"), objectives.logit(3)),
        Request("joined", Unit.channel(2), objectives.channel("joined", 2)),
    ]
    batches = list(render(network, requests, QUICK))
    assert sum(len(batch.units) for batch in batches) == 2


def hooks(network: Network) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        for module in network.module.modules()
    )


def test_hooks_and_modes_are_gone_after_rendering_and_after_an_exception() -> None:
    network = networks.network()
    torch.set_flush_denormal(False)  # another test may have switched it on for the process
    requests = requests_for_channels("early", range(4))
    rendering = render(network, requests, QUICK, batch_size=2)
    next(rendering)
    rendering.close()
    with pytest.raises(AtlasError):
        list(render(network, requests_for_channels("early", [99]), QUICK))
    assert hooks(network) == 0
    assert hooks(folded(network, ("early",))) == 0
    assert torch.tensor([1e-39]).mul(1.0).bool().item(), "denormal numbers are still flushed"


def test_a_channel_that_is_not_there_is_named_whatever_the_batch() -> None:
    for size in (None, 4):
        with pytest.raises(AtlasError, match='layer "early" has 8 channels'):
            list(
                render(
                    networks.network(),
                    requests_for_channels("early", [9]),
                    batch_size=size,
                    recipe=QUICK,
                )
            )


def test_out_of_memory_halves_the_batch_and_loses_nothing() -> None:
    network, requests = networks.network(), requests_for_channels("early", range(8))
    passes = Passes(network, torch.OutOfMemoryError("CUDA out of memory"), limit=2)
    found = pictures_of(render(network, requests, QUICK, batch_size=8))
    assert len(found) == 8
    assert passes.counts[:3] == [8, 4, 2]


def test_one_picture_too_large_for_memory_is_reported() -> None:
    network, requests = networks.network(), requests_for_channels("early", range(2))
    Passes(network, RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    with pytest.raises(AtlasError, match="smaller \\[features\\] size"):
        list(render(network, requests, QUICK))


def test_other_errors_are_not_taken_for_lack_of_memory() -> None:
    network, requests = networks.network(), requests_for_channels("early", range(2))
    Passes(network, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        list(render(network, requests, QUICK))


def test_penalties_of_a_recipe_have_their_effect() -> None:
    network, requests = networks.network(), requests_for_channels("early", [0, 1, 2, 3])
    roughness = []
    for weight in (0.0, 5.0):
        found = pictures_of(render(network, requests, replace(QUICK, total_variation=weight)))
        pictures = np.stack(list(found.values())).astype(float)
        roughness.append(np.abs(np.diff(pictures, axis=1)).mean())
    assert roughness[1] < roughness[0]


def test_the_articles_recipe_has_opacity_that_fades_no_further_than_its_limit() -> None:
    chosen = replace(named("article", size=32, steps=16), attempts=1)
    [batch] = render(networks.network(), requests_for_channels("early", range(3)), chosen)
    assert batch.pictures.shape == (3, 32, 32, 4)
    assert batch.pictures[..., 3].min() >= 255 * (1 - chosen.fading) - 1
    assert batch.pictures[..., 3].std() > 0


def test_grey_input_networks_work() -> None:
    network = networks.network(networks.Plain(channels=1), order="grey")
    [batch] = render(network, requests_for_channels("early", [0]), replace(QUICK, attempts=1))
    assert batch.pictures.shape == (1, 32, 32, 3)
