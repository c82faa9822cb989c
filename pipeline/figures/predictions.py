"""What the network says: the photograph as the network gets it, and its most probable classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.atlas import Atlas, Photograph
from pipeline.config import Settings
from pipeline.figures.classes import leading
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Interface, Substrate, show

NAME = "predictions"
TITLE = "What the network says"


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the input and the activations of the classes."""
    return Interface(NAME, (*show(Activation(Substrate(INPUT, Atom.WHOLE))), *show(Activation(CLASSES))))


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return no pictures: this figure shows none."""
    return {}


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the most probable classes and what probability is left for all others."""
    found = leading(atlas, photograph)
    return {
        "classes": [prediction.baked() for prediction in found],
        "others": {
            "count": len(atlas.network.classes) - len(found),
            "probability": round(max(0.0, 1.0 - sum(prediction.probability for prediction in found)), 6),
        },
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the predictions of the first photograph, for readers without JavaScript."""
    return {"predictions": leading(atlas, atlas.photographs[0])}
