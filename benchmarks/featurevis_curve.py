"""Score against seconds: what momentum, and views at several sides, do to pictures of 128 px.

Every row renders the same channels with settings between those of Lucid and of the recipe `fast`; the score is the mean activation of
the channel, at 128 px and enlarged to 224 px, seconds are those of a picture in a batch of `BENCHMARK_CHANNELS` (4).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks._networks import available, load
from benchmarks.featurevis_peers import LAYERS, SIDE, ours, row, scores
from pipeline.featurevis.recipes import RECIPES

CHANNELS = int(os.environ.get("BENCHMARK_CHANNELS", "4"))
STRIDE = 68  # between channels; GoogLeNet's 4d has 528
_OWN_SIDE = {"views": (1.0,), "jitter": 8.0, "scales": (0.9, 1.1), "degrees": 10.0, "opening": 0.0, "peak": 0.0, "learning_rate": 0.035}
_ENLARGED = {**_OWN_SIDE, "views": (1.75,)}

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "48 steps, own side, momentum 0.9": {**_OWN_SIDE, "steps": 48, "momentum": 0.9},
    "48 steps, own side, momentum 0.7": {**_OWN_SIDE, "steps": 48, "momentum": 0.7},
    "24 steps, 1.75, momentum 0.9": {**_ENLARGED, "steps": 24, "momentum": 0.9},
    "48 steps, 1.75, momentum 0.9": {**_ENLARGED, "steps": 48, "momentum": 0.9},
    "20 steps, 1.75, momentum 0.9, rate 0.07": {**_ENLARGED, "steps": 20, "momentum": 0.9, "learning_rate": 0.07},
    "20 steps, 1.75, momentum 0.5, rate 0.07": {**_ENLARGED, "steps": 20, "momentum": 0.5, "learning_rate": 0.07},
    "24 steps, 1 1.375 1.75, momentum 0.5, rate 0.07": {
        **_ENLARGED,
        "views": (1.0, 1.375, 1.75),
        "steps": 24,
        "momentum": 0.5,
        "learning_rate": 0.07,
    },
    "30 steps, own side for a quarter, then 1.375 1.75": {"views": (1.375, 1.75), "opening": 0.27, "steps": 30},
    "fast, 24 steps": {"steps": 24},
    "fast": {},
    "fast, 72 steps": {"steps": 72},
}


def rows() -> list[dict[str, Any]]:
    source, layer = LAYERS[0]
    if not available(source):
        return []
    network, channels = load(source), [STRIDE * index for index in range(CHANNELS)]
    found = []
    for name, settings in SETTINGS.items():
        pictures, seconds = ours(network, layer, channels, replace(RECIPES["fast"], size=SIDE, **settings))
        reached = scores(network, layer, channels, pictures)
        found.append(row(f"{name}: time", seconds, "s/picture"))
        found += [row(f"{name}: score at {side} px", float(reached[side].mean()), "activation") for side in reached]
    return found
