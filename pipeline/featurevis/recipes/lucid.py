"""`lucid`: the optimizer and the number of steps of Lucid and Lucent, to compare with."""

from __future__ import annotations

from pipeline.featurevis.recipes.recipe import Recipe

LUCID = Recipe("lucid", size=128, steps=512, learning_rate=0.05, sharing=0.0, memory=0.999)
