"""Feature visualization alone: the cost of a step, of a picture, of a grid; failed pictures.

The cost of a step is compared with forward + backward of the truncated, folded network alone, same
batch, same precision, same run, for one layer of each network, drawn at random (`_drawn`). Of the
demo's layers `BENCHMARK_CHANNELS` (24) channels each are rendered; 2000 are all of them, and take a
quarter of an hour on two cores.
"""

from __future__ import annotations

import operator
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from skimage import data
from torch import nn

from benchmarks._drawn import layers as drawn_layers
from benchmarks._networks import available, count, load
from benchmarks._rows import row, table
from pipeline import photographs
from pipeline.contact_sheet import spread
from pipeline.featurevis.folding import folded
from pipeline.featurevis.grids import render_grid
from pipeline.featurevis.precision import denormals_flushed
from pipeline.featurevis.recipes import RECIPES
from pipeline.featurevis.render import render
from pipeline.featurevis.renderer import Renderer
from pipeline.featurevis.requests import Batch, requests_for_channels
from pipeline.featurevis.sides import suited_recipe
from pipeline.featurevis.trials import precision_for_pictures
from pipeline.models import efficientnet_lite0
from pipeline.network import Network

BATCH = 16
PER_LAYER = count("BENCHMARK_CHANNELS", 24)
SOURCES = ("efficientnet_lite0", "googlenet")
GRID_LAYERS = ("inception_3a", "inception_4a", "inception_4d", "inception_5a")


def rows() -> list[dict[str, Any]]:
    found = [
        _step_over_floor(source, layer)
        for source in SOURCES
        if available(source)
        for layer in drawn_layers(load(source), 1)
    ]
    found += _demo()
    if available("googlenet"):
        found += _grids()
    return found


def _least(work: Callable[[], None], repeats: int) -> float:
    """Seconds of the quickest of some runs: what else the machine does can only add."""
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _step_over_floor(source: str, layer: str) -> dict[str, Any]:
    """All steps of a picture together, at whichever side each shows it."""
    faster, requests = folded(load(source), (layer,)), requests_for_channels(layer, range(BATCH))
    recipe = suited_recipe(faster, RECIPES["fast"], [each.objective for each in requests])
    renderer = Renderer(faster, recipe, seed=0)
    precision = precision_for_pictures(renderer, requests, "auto")
    renderer = replace(renderer, precision=precision)
    pictures = renderer.start(requests, [0] * BATCH)
    steps = {recipe.side(step): step for step in range(recipe.steps)}
    counts = Counter(recipe.side(step) for step in range(recipe.steps))
    spent = alone = 0.0
    with denormals_flushed():
        for side, step in steps.items():
            views = torch.rand(BATCH, 3, side, side).contiguous(memory_format=torch.channels_last)

            def floor(views: torch.Tensor = views) -> None:
                x = views.detach().requires_grad_(True)
                with precision.on(faster.device):
                    response = faster.run_to(x, [layer])[layer]
                response.float().mean().backward()

            def whole(step: int = step) -> None:
                renderer.step(pictures, step, redirect=False)

            # Alternating, so that a busy moment of the machine affects both.
            pairs = [(_least(whole, 2), _least(floor, 2)) for _ in range(4)]
            spent += counts[side] * min(pair[0] for pair in pairs)
            alone += counts[side] * min(pair[1] for pair in pairs)
    name = f"step over floor, {source} {layer}, {precision.name}"
    return row(name, spent / alone, "times", 1.35)


def _demo() -> list[dict[str, Any]]:
    network, recipe = load("efficientnet_lite0"), RECIPES["fast"]
    seconds, dead, constant, poor, total, every = 0.0, 0, 0, 0, 0, 0
    for layer in efficientnet_lite0.LAYERS:
        channels = _channels(network, layer)
        every += channels
        requests = requests_for_channels(layer, spread(channels, PER_LAYER))
        began = time.perf_counter()
        batches = list(render(network, requests, recipe))
        seconds += time.perf_counter() - began
        without_weights = _without_weights(network, layer)
        for batch in batches:
            missing = _dead_channels(batch)
            dead += len(missing)
            constant += len(without_weights.intersection(missing))
            poor += sum(_is_grey_or_clipped(each) for each in batch.pictures[batch.alive])
            total += len(batch.units)
    # The bound holds for whole layers, not for a few of their channels.
    bound = 0.01 if total == every else None
    return [
        row("demo layers, fast: time", seconds / total, "s/picture"),
        row(f"demo layers, fast: dead of {total}", dead / total, "part", bound, operator.lt),
        row("demo layers, fast: dead, without weights", constant / total, "part"),
        row("demo layers, fast: grey or clipped", poor / total, "part", 0.01),
    ]


def _channels(network: Network, layer: str) -> int:
    with torch.no_grad():
        return network.run_to(torch.full((1, 3, 224, 224), 0.5), [layer])[layer].shape[1]


def _dead_channels(batch: Batch) -> list[int | None]:
    units = zip(batch.units, batch.alive, strict=True)
    return [unit.channel_index for unit, alive in units if not alive]


def _without_weights(network: Network, layer: str) -> set[int]:
    """Return the channels whose weights are all but zero beside the others'.

    They are the same whatever the network is shown.
    """
    convolution: nn.Module = network.module.get_submodule(layer.replace("bn1", "conv_pw"))
    norm: nn.Module = network.module.get_submodule(layer)
    scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    sizes = convolution.weight.detach().flatten(1).norm(dim=1) * scale.abs()
    least = 1e-3 * float(np.median(sizes))
    return {channel for channel, size in enumerate(sizes.tolist()) if size < least}


def _is_grey_or_clipped(picture: np.ndarray) -> bool:
    extreme = ((picture <= 2) | (picture >= 253)).mean()
    return bool(picture.std() < 12 or extreme > 0.4)


def _grids() -> list[dict[str, Any]]:
    network = load("googlenet")
    photograph = photographs.fit(data.chelsea(), network.preprocessing.size, "crop")
    with torch.no_grad():
        caught = network.run_to(network.input(photograph), list(GRID_LAYERS))
    seconds = {
        layer: render_grid(network, layer, caught[layer][0].numpy()).seconds
        for layer in GRID_LAYERS
    }
    return [
        row("activation grid, GoogLeNet 3a, 784 cells", seconds[GRID_LAYERS[0]], "s", 180),
        row("four activation grids, GoogLeNet", sum(seconds.values()), "s", 360),
    ]


if __name__ == "__main__":
    print(table(rows()))
