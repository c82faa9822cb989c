"""Requests for feature visualizations, and the batches in which they come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.featurevis.objectives import Objective, channel
from pipeline.units import Unit


@dataclass(frozen=True)
class Request:
    """One picture to make.

    Attributes
    ----------
    layer
        Layer that the picture belongs to; requests of one layer share batches.
    unit
        Its name within the layer.
    objective
        What the picture should do.
    family
        Pictures of one family are pushed apart by recipes with diversity; `variants_of` sets it.
    """

    layer: str
    unit: Unit
    objective: Objective
    family: str = ""


@dataclass(frozen=True)
class Batch:
    """Finished pictures of one layer.

    Attributes
    ----------
    layer, units
        What they are pictures of.
    pictures
        uint8 `[B, S, S, 3]`, or 4 with opacity.
    objective
        f4 `[B]`: the objective reached, the recipe's penalties subtracted, by the picture as
        stored, untransformed. Transparency is shown on mid-grey.
    activation
        f4 `[B]`: the same without any penalty: what the picture makes the unit do.
    alive
        bool `[B]`: whether the picture activates its unit at all, and more than the noise it
        started from.
    seconds
        That the batch took.
    precision
        That gradients were computed in: "float32", "bfloat16" or "mixed".
    """

    layer: str
    units: list[Unit]
    pictures: np.ndarray
    objective: np.ndarray
    activation: np.ndarray
    alive: np.ndarray
    seconds: float
    precision: str = "float32"

    def select(self, rows: Sequence[int]) -> Batch:
        """Return some of the pictures, in the order given."""
        return replace(
            self,
            units=[self.units[row] for row in rows],
            pictures=self.pictures[rows],
            objective=self.objective[rows],
            activation=self.activation[rows],
            alive=self.alive[rows],
        )


def requests_for_channels(layer: str, channels: Iterable[int]) -> list[Request]:
    """Return requests for channels of a layer."""
    return [Request(layer, Unit.channel(c), channel(layer, int(c))) for c in channels]


def variants_of(request: Request, count: int) -> list[Request]:
    """Return requests for several pictures of a unit, which are pushed apart.

    One alone is the request itself; of several, the first has the request's own unit.
    """
    if count == 1:
        return [request]
    return [
        replace(request, unit=request.unit.with_variant(variant), family=str(request.unit))
        for variant in range(count)
    ]
