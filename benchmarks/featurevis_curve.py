"""Score against seconds: what momentum, stages at several sides and averaging do to pictures.

Every row renders the same channels at 128 px with settings between those of Lucid and of the recipe
`fast`. The score is the mean activation of the channel, at 128 px and enlarged to 224 px; seconds
are those of a picture in a batch of `BENCHMARK_CHANNELS` (4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks._networks import available, count, load
from benchmarks._rows import row
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
_ENLARGED_LONGER = (
    Stage(10 / 51, view=0.57),
    Stage(8 / 51, view=0.72),
    Stage(7 / 51),
    Stage(17 / 51, view=1.6, rate=1.85, patience=0.07),
    Stage(9 / 51),
)

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
    "fast, enlarged for longer, 51 steps": {"stages": _ENLARGED_LONGER, "steps": 51},
    "fast, 62 steps": {"steps": 62},
}


def rows() -> list[dict[str, Any]]:
    source, layer = LAYERS[0]
    if not available(source):
        return []
    network, channels = load(source), [STRIDE * index for index in range(CHANNELS)]
    found = []
    for name, settings in SETTINGS.items():
        recipe = replace(RECIPES["fast"], size=SIDE, **settings)
        pictures, seconds = ours(network, layer, channels, recipe)
        reached = scores(network, layer, channels, pictures)
        found.append(row(f"{name}: time", seconds, "s/picture"))
        for side, values in reached.items():
            found.append(row(f"{name}: score at {side} px", float(values.mean()), "activation"))
    return found
