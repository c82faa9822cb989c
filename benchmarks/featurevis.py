"""Feature visualization alone: the cost of a step, of a picture, of a grid; failed pictures.

The cost of a step is compared with forward + backward of the truncated, folded network alone, same
batch, same precision, same run, for one layer of each network, drawn at random (`_drawn`). Of the
demo's layers `BENCHMARK_CHANNELS` (24) channels each are rendered; 2000 are all of them, and take a
quarter of an hour on two cores.
"""

from __future__ import annotations

import operator
import time
from typing import Any

import numpy as np
import torch
from skimage import data
from torch import nn

from benchmarks._drawn import layers as drawn_layers
from benchmarks._networks import available, count, load
from benchmarks._rows import row, table
from benchmarks._steps import channels_of, measure_steps
from pipeline import photographs
from pipeline.contact_sheet import spread
from pipeline.featurevis.grids import render_grid
from pipeline.featurevis.recipes import RECIPES
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import Batch, requests_for_channels
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


def _step_over_floor(source: str, layer: str) -> dict[str, Any]:
    steps = measure_steps(load(source), layer, BATCH)
    name = f"step over floor, {source} {layer}, {steps.precision}"
    return row(name, steps.spent / steps.alone, "times", 1.35)


def _demo() -> list[dict[str, Any]]:
    network, recipe = load("efficientnet_lite0"), RECIPES["fast"]
    seconds, dead, constant, poor, total, every = 0.0, 0, 0, 0, 0, 0
    for layer in efficientnet_lite0.LAYERS:
        channels = channels_of(network, layer)
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
