"""The most probable classes of a photograph, from its logits `[K]`, and attribution to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.atlas import Atlas, Photograph
from pipeline.grammar import CLASSES, Activation, AtBaseline, Between
from pipeline.store import File

TOP = 5  # classes that a figure offers for a photograph


@dataclass(frozen=True)
class Prediction:
    """One class of one photograph. `probability` is the softmax over all K logits."""

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


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits `[K]`, in double precision."""
    shifted = np.exp(logits.astype(np.float64) - float(logits.max()))
    return shifted / shifted.sum()


def top_classes(atlas: Atlas, photograph: Photograph, count: int = TOP) -> tuple[Prediction, ...]:
    """Return the most probable classes of a photograph, the most probable first."""
    with atlas.open(photograph) as file:
        logits = file.values(Activation(CLASSES).path)
    probabilities = softmax(logits)
    order = np.argsort(-logits, kind="stable")[:count]
    names = atlas.network.classes
    return tuple(
        Prediction(int(k), names[k], float(logits[k]), float(probabilities[k])) for k in order
    )


def for_classes(file: File, content: Between, classes: Sequence[Prediction]) -> np.ndarray:
    """Shares or effects of removal f4 `[…, k]`: of each atom of a layer for k logits."""
    indexes = [prediction.index for prediction in classes]
    return file.values(content.path)[..., indexes].astype(np.float32)


def at_baseline(file: File, layer: str, classes: Sequence[Prediction]) -> np.ndarray:
    """The logits f4 `[k]` of k classes with the whole layer at its baseline."""
    return file.values(AtBaseline(layer).path)[[prediction.index for prediction in classes]]
