"""`diverse`: four pictures of each unit, pushed apart."""

from __future__ import annotations

from dataclasses import replace

from pipeline.featurevis.recipes.fast import FAST

DIVERSE = replace(FAST, name="diverse", steps=57, learning_rate=0.07, variants=4, diversity=0.3)
