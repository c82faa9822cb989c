"""Feature visualization by itself: the cost of a step over the floor, of a picture, of a grid, and how many pictures fail.

The floor is forward + backward of the truncated, folded network alone, same batch, same precision, same run. Of the demo's layers
`BENCHMARK_CHANNELS` (24) channels each are drawn; 2000 are all of them, and take a quarter of an hour on two cores.
"""

from __future__ import annotations

import operator
import time
from collections import Counter
from typing import Any

import numpy as np
import torch
from skimage import data

from benchmarks._networks import available, count, load
from benchmarks._rows import row
from pipeline import images
from pipeline.featurevis import optimizer as engine
from pipeline.featurevis.contact_sheet import spread
from pipeline.featurevis.folding import folded
from pipeline.featurevis.grids import render_grid
from pipeline.featurevis.recipes import RECIPES
from pipeline.models import efficientnet_lite0

BATCH = 16
PER_LAYER = count("BENCHMARK_CHANNELS", 24)
GRID_LAYERS = ("inception_3a", "inception_4a", "inception_4d", "inception_5a")


def rows() -> list[dict[str, Any]]:
    found = []
    for source, layer in (("efficientnet_lite0", "blocks.5.0.bn1"), ("googlenet", "inception_4d")):
        if available(source):
            found.append(_step_over_floor(source, layer))
    found += _demo()
    if available("googlenet"):
        found += _grids()
    return found


def _least(work: Any, repeats: int = 5) -> float:
    """Seconds of the quickest of some runs: what else the machine does can only add."""
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _step_over_floor(source: str, layer: str) -> dict[str, Any]:
    """Of all steps of a picture together, at whatever side each shows it."""
    network, recipe = load(source), RECIPES["fast"]
    studio = engine._Studio(folded(network, (layer,)), recipe, 0, None)
    canvases = studio.stretch(engine.requests_for_channels(layer, range(BATCH)), [0] * BATCH)
    steps = {recipe.side(step): step for step in range(recipe.steps)}
    counts = Counter(recipe.side(step) for step in range(recipe.steps))
    spent = alone = 0.0
    with engine.denormals_flushed():
        for side, step in steps.items():
            views = torch.rand(BATCH, 3, side, side).contiguous(memory_format=torch.channels_last)

            def floor(views: torch.Tensor = views) -> None:
                x = views.detach().requires_grad_(True)
                studio.network.run_to(x, [layer])[layer].mean().backward()

            def whole(step: int = step) -> None:
                studio.step(canvases, step, redirect=False)

            # Alternating, so that a busy moment of the machine hits both.
            pairs = [(_least(whole, 2), _least(floor, 2)) for _ in range(4)]
            spent += counts[side] * min(pair[0] for pair in pairs)
            alone += counts[side] * min(pair[1] for pair in pairs)
    return row(f"step over floor, {source} {layer}", spent / alone, "times", 1.35)


def _demo() -> list[dict[str, Any]]:
    network = load("efficientnet_lite0")
    seconds, dead, constant, poor, total, all_there = 0.0, 0, 0, 0, 0, 0
    for layer in efficientnet_lite0.LAYERS:
        with torch.no_grad():
            there = network.run_to(torch.full((1, 3, 224, 224), 0.5), [layer])[layer].shape[1]
        all_there += there
        without_weights = _without_weights(
            network.module.get_submodule(layer.replace("bn1", "conv_pw")), network.module.get_submodule(layer)
        )
        began = time.perf_counter()
        batches = list(engine.render(network, engine.requests_for_channels(layer, spread(there, PER_LAYER)), RECIPES["fast"]))
        seconds += time.perf_counter() - began
        for batch in batches:
            missing = [int(unit.partition(":")[2]) for unit, alive in zip(batch.units, batch.alive, strict=True) if not alive]
            dead += len(missing)
            constant += len(without_weights.intersection(missing))
            poor += sum(_is_grey_or_clipped(picture) for picture, alive in zip(batch.pictures, batch.alive, strict=True) if alive)
            total += len(batch.units)
    return [
        row("demo layers, fast: time", seconds / total, "s/picture"),
        # What holds for a layer need not hold for a few of its channels.
        row(f"demo layers, fast: dead of {total}", dead / total, "part", 0.01 if total == all_there else None, operator.lt),
        row("demo layers, fast: dead, without weights", constant / total, "part"),
        row("demo layers, fast: grey or clipped", poor / total, "part", 0.01),
    ]


def _without_weights(convolution: torch.nn.Module, normalization: torch.nn.Module) -> set[int]:
    """Return the channels whose weights are all but zero beside the others': they are the same whatever the network is shown."""
    scale = normalization.weight.detach() / (normalization.running_var + normalization.eps).sqrt()
    sizes = (convolution.weight.detach().flatten(1).norm(dim=1) * scale.abs()).tolist()
    return {channel for channel, size in enumerate(sizes) if size < 1e-3 * float(np.median(sizes))}


def _is_grey_or_clipped(picture: np.ndarray) -> bool:
    extreme = ((picture <= 2) | (picture >= 253)).mean()
    return bool(picture.std() < 12 or extreme > 0.4)


def _grids() -> list[dict[str, Any]]:
    network = load("googlenet")
    photograph = images.fit(data.chelsea(), network.preprocessing.size, "crop")
    with torch.no_grad():
        caught = network.run_to(network.input(photograph), list(GRID_LAYERS))
    seconds = {layer: render_grid(network, layer, caught[layer][0].numpy()).seconds for layer in GRID_LAYERS}
    first, everything = seconds[GRID_LAYERS[0]], sum(seconds.values())
    return [
        row("activation grid, GoogLeNet 3a, 784 cells", first, "s", 180),
        row("four activation grids, GoogLeNet", everything, "s", 360),
    ]


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(rows()))
