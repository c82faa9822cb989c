"""The cost of a picture's steps beside that of the network alone, on any device."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from pipeline.featurevis.folding import folded
from pipeline.featurevis.precision import denormals_flushed
from pipeline.featurevis.recipes import RECIPES
from pipeline.featurevis.renderer import Renderer
from pipeline.featurevis.requests import requests_for_channels
from pipeline.featurevis.sides import suited_recipe
from pipeline.featurevis.trials import precision_for_pictures
from pipeline.network import Network, finish


@dataclass(frozen=True)
class Steps:
    """Seconds of all steps of a batch of `fast` pictures, at whichever side each shows them.

    Attributes
    ----------
    spent
        By the renderer.
    alone
        By forward and backward of the truncated, folded network alone: the same batch, sides and
        precision.
    precision
        That was found to be the fastest.
    """

    spent: float
    alone: float
    precision: str


def measure_steps(network: Network, layer: str, batch: int) -> Steps:
    """Time the steps of a batch of pictures of a layer's channels, and the network alone."""
    channels = [index % channels_of(network, layer) for index in range(batch)]
    faster, requests = folded(network, (layer,)), requests_for_channels(layer, channels)
    recipe = suited_recipe(faster, RECIPES["fast"], [each.objective for each in requests])
    renderer = Renderer(faster, recipe, seed=0)
    precision = precision_for_pictures(renderer, requests, "auto")
    renderer = replace(renderer, precision=precision)
    pictures = renderer.start(requests, [0] * batch)
    steps = {recipe.side(step): step for step in range(recipe.steps)}
    counts = Counter(recipe.side(step) for step in range(recipe.steps))
    spent = alone = 0.0
    with denormals_flushed():
        for side, step in steps.items():
            views = torch.rand(batch, 3, side, side, device=network.device)
            views = views.contiguous(memory_format=torch.channels_last)

            def floor(views: torch.Tensor = views) -> None:
                x = views.detach().requires_grad_(True)
                with precision.on(faster.device):
                    response = faster.run_to(x, [layer])[layer]
                response.float().mean().backward()
                finish(network.device)

            def whole(step: int = step) -> None:
                renderer.step(pictures, step, redirect=False)
                finish(network.device)

            # Alternating, so that a busy moment of the machine affects both.
            pairs = [(least(whole, 2), least(floor, 2)) for _ in range(4)]
            spent += counts[side] * min(pair[0] for pair in pairs)
            alone += counts[side] * min(pair[1] for pair in pairs)
    return Steps(spent, alone, precision.name)


def channels_of(network: Network, layer: str) -> int:
    """Return how many channels a layer has."""
    side = network.preprocessing.size
    with torch.no_grad():
        blank = torch.full((1, 3, side, side), 0.5, device=network.device)
        return int(network.run_to(blank, [layer])[layer].shape[1])


def least(work: Callable[[], None], repeats: int) -> float:
    """Seconds of the quickest of some runs: what else the machine does can only add."""
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
