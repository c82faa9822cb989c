"""Score against seconds: what momentum, stages at several sides and averaging do to pictures.

Every row renders the same channels at 128 px with settings between those of Lucid and of the recipe
`fast`. The score is the mean activation of the channel, at 128 px and enlarged to 224 px; seconds
are those of a picture in a batch of `BENCHMARK_CHANNELS` (4).

Then `fast` and the same with more enlarged steps make channels of a layer of each network, drawn at
random (`BENCHMARK_SEED` draws the same again), and other networks say how clear they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks._drawn import channels as drawn_channels
from benchmarks._drawn import layers as drawn_layers
from benchmarks._networks import available, count, load
from benchmarks._rows import row
from benchmarks.clarity import SOURCES, rows_of
from benchmarks.featurevis_peers import LAYERS, SIDE, ours, scores
from pipeline.featurevis.recipes import RECIPES, Stage

CHANNELS = count("BENCHMARK_CHANNELS", 4)
STRIDE = 68  # between channels; GoogLeNet's 4d has 528
_ADAM = {
    "jitter": 8.0,
    "scales": (0.9, 1.1),
    "degrees": 10.0,
    "peak": 0.0,
    "learning_rate": 0.035,
    "averaged": 0.0,
}
_OWN_SIDE = {**_ADAM, "stages": (Stage(),)}
_ENLARGED = {**_ADAM, "stages": (Stage(view=1.75),)}
_ENLARGED_LAST = (Stage(0.7), Stage(0.3, view=1.75))
_FAST = RECIPES["fast"]
_ENLARGED_LONGER = tuple(
    replace(stage, share=steps / 51, rate=1.85 if stage.view > 1 else stage.rate)
    for stage, steps in zip(_FAST.stages, (10, 8, 7, 17, 9), strict=True)
)

LONGER = "fast, enlarged for longer, 51 steps"
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "48 steps, own side, momentum 0.9": {**_OWN_SIDE, "steps": 48, "momentum": 0.9},
    "48 steps, own side, momentum 0.7": {**_OWN_SIDE, "steps": 48, "momentum": 0.7},
    "48 steps, 1.75, momentum 0.9": {**_ENLARGED, "steps": 48, "momentum": 0.9},
    "20 steps, 1.75, momentum 0.5, rate 0.07": {
        **_ENLARGED,
        "steps": 20,
        "momentum": 0.5,
        "learning_rate": 0.07,
    },
    "44 steps, own side for seven tenths, then 1.75": {
        "stages": _ENLARGED_LAST,
        "averaged": 0.0,
        "steps": 44,
    },
    "fast without averaging": {"averaged": 0.0},
    "fast with larger shifts": {"jitter": 6.0, "scales": (0.95, 1.05), "degrees": 5.0},
    "fast with momentum 0.3": {"momentum": 0.3},
    "fast, 21 steps": {"steps": 21},
    "fast": {},
    LONGER: {"stages": _ENLARGED_LONGER, "steps": 51},
    "fast, 62 steps": {"steps": 62},
}


def rows() -> list[dict[str, Any]]:
    found = curve() if available(LAYERS[0][0]) else []
    for source in SOURCES:
        if available(source):
            for layer in drawn_layers(load(source), 1):
                found += clearness(source, layer)
    return found


def clearness(source: str, layer: str) -> list[dict[str, Any]]:
    """Return what other networks make of pictures with more and with fewer enlarged steps."""
    network = load(source)
    channels, found = drawn_channels(network, layer, CHANNELS), []
    ours(network, layer, channels[:1], replace(_FAST, steps=8))  # what is made once
    for name in (LONGER, "fast"):
        recipe = replace(_FAST, size=SIDE, **SETTINGS[name])
        made, seconds = ours(network, layer, channels, recipe)
        pictures = list((made * 255).round().astype(np.uint8))
        where = f"{source} {layer}, {len(channels)} channels, {name}"
        reached = scores(network, layer, channels, made)
        found += [
            row(f"{where}: time", seconds, "s/picture"),
            *rows_of(where, source, pictures),
            *(
                row(f"{where}: score at {side} px", float(values.mean()), "activation")
                for side, values in reached.items()
            ),
        ]
    return found


def curve() -> list[dict[str, Any]]:
    """Return score and seconds for all settings, of some channels of GoogLeNet's 4d."""
    source, layer = LAYERS[0]
    network, channels = load(source), [STRIDE * index for index in range(CHANNELS)]
    found = []
    for name, settings in SETTINGS.items():
        recipe = replace(_FAST, size=SIDE, **settings)
        pictures, seconds = ours(network, layer, channels, recipe)
        reached = scores(network, layer, channels, pictures)
        found.append(row(f"{name}: time", seconds, "s/picture"))
        for side, values in reached.items():
            found.append(row(f"{name}: score at {side} px", float(values.mean()), "activation"))
    return found
