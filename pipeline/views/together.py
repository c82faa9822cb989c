"""How two parts of a layer act together, by the logits of all subsets of its parts.

The interaction of parts i and j is what both add together, less what each adds alone, averaged over
the subsets of the others (Grabisch & Roubens 1999). Negative: they do part of the same work.
Positive: one needs the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.grammar import Coalitions
from pipeline.shapley import interactions
from pipeline.store import File
from pipeline.views.classes import Prediction


@dataclass(frozen=True)
class Together:
    """Two parts, counted from 0, the residual last; and their interaction in logits."""

    parts: tuple[int, int]
    value: float

    def baked(self) -> dict[str, object]:
        """Return it as the browser gets it."""
        return {"parts": list(self.parts), "value": round(self.value, 4)}


def strongest(
    file: File, content: Coalitions, classes: Sequence[Prediction]
) -> tuple[Together, ...]:
    """Return the two parts of the largest interaction, for each class."""
    logits = file.values(content.path)[:, [each.index for each in classes]].astype(np.float64)
    return tuple(_strongest(found) for found in np.moveaxis(interactions(logits), -1, 0))


def _strongest(values: np.ndarray) -> Together:
    """Of interactions `[M, M]`, of which only those of two different parts count."""
    above = np.triu(np.abs(values), 1)
    i, j = divmod(int(above.argmax()), len(values))
    return Together((i, j), float(values[i, j]))
