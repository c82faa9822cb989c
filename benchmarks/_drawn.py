"""Layers and channels that are drawn at random for each run, so that nothing is tuned to a few.

`BENCHMARK_SEED` draws the same again; every run says which seed it had.
"""

from __future__ import annotations

import sys
import time
from functools import cache

import numpy as np

from benchmarks._networks import count
from pipeline.network import Network
from pipeline.probe import probe

_LEAST, _MOST = 6, 60  # positions a side, of 224 pixels: neither pixels nor the whole


@cache
def generator() -> np.random.Generator:
    """Return the generator of this run."""
    seed = count("BENCHMARK_SEED", int(time.time()))
    print(f"drawn with BENCHMARK_SEED={seed}", file=sys.stderr, flush=True)
    return np.random.default_rng(seed)


def layers(network: Network, number: int) -> list[str]:
    """Draw layers whose channels mean one thing each: positive ones, all of a network's blocks."""
    suited = [
        layer.name
        for layer in probe(network, "").layers
        if len(layer.shape) == 3
        and _LEAST <= min(layer.shape[1:]) <= _MOST
        and layer.shape[0] >= 16
        and not layer.signed
        and layer.runs == 1
        and not layer.same_as
    ]
    chosen = generator().choice(len(suited), min(number, len(suited)), replace=False)
    return [suited[index] for index in sorted(chosen)]


def channels(network: Network, layer: str, number: int) -> list[int]:
    """Draw channels of a layer."""
    [shape] = [each.shape for each in probe(network, "").layers if each.name == layer]
    drawn = generator().choice(shape[0], min(number, shape[0]), replace=False)
    return sorted(int(channel) for channel in drawn)
