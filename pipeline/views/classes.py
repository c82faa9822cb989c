"""The most probable classes of a photograph, from its logits `[K]`, and attribution to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.atlas import Atlas, Photograph, ShownNetwork
from pipeline.grammar import CLASSES, Activation, AtBaseline, Between
from pipeline.likelihood import sigmoid, softmax
from pipeline.store import File

TOP = 5  # classes that a figure offers for a photograph


@dataclass(frozen=True)
class Prediction:
    """One class of one photograph."""

    index: int
    name: str
    logit: float
    probability: float

    def baked(self) -> dict[str, object]:
        """Return it as the browser gets it."""
        return {
            "index": self.index,
            "name": self.name,
            "logit": round(self.logit, 4),
            "probability": round(self.probability, 6),
        }


def probabilities(logits: np.ndarray, network: ShownNetwork) -> np.ndarray:
    """Probabilities of a network's logits `[K]`, f8."""
    return softmax(logits) if network.exclusive else sigmoid(logits)


def top_classes(atlas: Atlas, photograph: Photograph, count: int = TOP) -> tuple[Prediction, ...]:
    """Return the most probable classes of a photograph, the most probable first."""
    return _ranked(atlas, photograph, count)


def _ranked(
    atlas: Atlas, photograph: Photograph, count: int | None = None
) -> tuple[Prediction, ...]:
    """Return the classes of a photograph, the most probable first; all of them without a count."""
    with atlas.open(photograph) as file:
        logits = file.values(Activation(CLASSES).path)
    likely = probabilities(logits, atlas.network)
    names = atlas.network.classes
    return tuple(
        Prediction(int(k), names[k], float(logits[k]), float(likely[k]))
        for k in np.argsort(-logits, kind="stable")[:count]
    )


def true_class(atlas: Atlas, photograph: Photograph) -> tuple[Prediction, int] | None:
    """Return the true class and its rank, 1 for the most probable; None where it is not known."""
    if photograph.label is None:
        return None
    ranked = _ranked(atlas, photograph)
    rank = next(i for i, each in enumerate(ranked) if each.index == photograph.label)
    return ranked[rank], rank + 1


def is_mistake(atlas: Atlas, photograph: Photograph) -> bool:
    """Whether the true class is known, and the network gets it wrong.

    That is, another is more probable; where classes do not exclude each other, its probability is
    below a half.
    """
    found = true_class(atlas, photograph)
    if found is None:
        return False
    return found[1] > 1 if atlas.network.exclusive else found[0].probability < 0.5


def for_classes(file: File, content: Between, classes: Sequence[Prediction]) -> np.ndarray:
    """Shares or effects of removal f4 `[…, k]`: of each atom of a layer for k logits."""
    indexes = [prediction.index for prediction in classes]
    return file.values(content.path)[..., indexes].astype(np.float32)


def at_baseline(file: File, layer: str, classes: Sequence[Prediction]) -> np.ndarray:
    """The logits f4 `[k]` of k classes with the whole layer at its baseline."""
    return file.values(AtBaseline(layer).path)[[prediction.index for prediction in classes]]
