"""`fast`: the default, clear icons in few steps, most of them at a small side."""

from __future__ import annotations

from pipeline.featurevis.recipes.recipe import Recipe, Stage

FAST = Recipe(
    "fast",
    size=112,
    steps=44,
    learning_rate=0.12,
    momentum=0.0,
    peak=0.85,
    jitter=3.0,
    scales=(0.97, 1.03),
    degrees=2.0,
    stages=(
        Stage(10 / 44, view=0.57),
        Stage(8 / 44, view=0.72),
        Stage(7 / 44),
        Stage(9 / 44, view=1.6, rate=2.3, patience=0.07),
        Stage(10 / 44),
    ),
    averaged=0.32,
)
