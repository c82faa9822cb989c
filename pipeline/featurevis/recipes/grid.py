"""The recipe for activation grids: a picture per position, coherent with its neighbours."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.featurevis.recipes.recipe import VERSION


@dataclass(frozen=True)
class GridRecipe:
    """How an activation grid is made.

    Attributes
    ----------
    cell
        Side of a stored cell in pixels.
    margin
        Pixels drawn around a cell and cut off, because a picture is poorest at its edge.
    groups
        Number of shared pictures, one per factor of the layer's activations.
    shared, unique
        Weights of the shared pictures and of the cell's own.
    cosine_power
        Exponent p of the direction objective.
    steps, learning_rate, sharing, momentum, memory, jitter, scales, degrees
        As in `Recipe`.
    """

    name: str = "grid"
    cell: int = 32
    margin: int = 2
    groups: int = 6
    shared: float = 0.5
    unique: float = 0.7
    cosine_power: float = 1.0
    steps: int = 24
    learning_rate: float = 0.12
    sharing: float = 0.9
    momentum: float = 0.5
    memory: float = 0.9
    jitter: float = 3.0
    scales: tuple[float, float] = (0.9, 1.1)
    degrees: float = 8.0

    def fingerprint_parts(self) -> dict[str, Any]:
        """Return what a grid depends on besides network, activations and seed, ready for JSON."""
        return {"featurevis": VERSION, **asdict(self)}


GRID = GridRecipe()
