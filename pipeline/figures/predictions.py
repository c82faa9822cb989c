"""The most probable classes, beside the photograph as the network gets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.atlas import Atlas, Photograph
from pipeline.config import Settings
from pipeline.grammar import CLASSES, INPUT, WHOLE, Activation, Interface, Substrate, show
from pipeline.views.classes import is_mistake, top_classes, true_class

NAME = "predictions"
TITLE = "What the network says"


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the input and the activations of the classes."""
    photograph = Activation(Substrate(INPUT, WHOLE))
    return Interface(NAME, (*show(photograph), *show(Activation(CLASSES))))


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the most probable classes, the probability of all others, and the true class.

    Where classes do not exclude each other, all others together have no probability.
    """
    found, true = top_classes(atlas, photograph), true_class(atlas, photograph)
    remaining = 1.0 - sum(prediction.probability for prediction in found)
    return {
        "classes": [prediction.baked() for prediction in found],
        "others": {
            "count": len(atlas.network.classes) - len(found),
            "probability": round(max(0.0, remaining), 6) if atlas.network.exclusive else None,
        },
        "truth": None
        if true is None
        else {**true[0].baked(), "rank": true[1], "mistake": is_mistake(atlas, photograph)},
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return nothing: what the template shows is in the atlas."""
    return {}
