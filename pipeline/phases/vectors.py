"""The vectors of the directions that figures show, a few photographs at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np

from pipeline.atlas import Atlas, Photograph
from pipeline.figures import Figure, directions_of
from pipeline.units import Unit


class Vectors:
    """The vectors of directions, read when they are asked for: all at once may not fit in memory.

    Parameters
    ----------
    shown
        The figures.
    atlas
        What they show.
    wanted
        The layers and units whose vectors may be asked for.
    """

    def __init__(
        self, shown: Sequence[Figure], atlas: Atlas, wanted: Set[tuple[str, Unit]]
    ) -> None:
        self._figures, self._atlas = shown, atlas
        self._shown_in: dict[tuple[str, Unit], int] = {}
        for number, photograph in enumerate(atlas.photographs):
            for layer, found in self._of(photograph).items():
                known = ((layer, unit) for unit in found)
                self._shown_in |= {each: number for each in known if each in wanted}

    def in_order(self, layer: str, units: Iterable[Unit]) -> list[Unit]:
        """Return units such that those of one photograph follow each other."""
        return sorted(units, key=lambda unit: self._shown_in.get((layer, unit), -1))

    def of(self, layer: str, units: Iterable[Unit]) -> dict[Unit, np.ndarray]:
        """Return the vectors f4 `[C]` of those units that are directions."""
        units = tuple(units)
        rows = {self._shown_in[layer, each] for each in units if (layer, each) in self._shown_in}
        found: dict[Unit, np.ndarray] = {}
        for row in sorted(rows):
            of_photograph = self._of(self._atlas.photographs[row])[layer]
            found |= {unit: of_photograph[unit] for unit in units if unit in of_photograph}
        return found

    def _of(self, photograph: Photograph) -> Mapping[str, Mapping[Unit, np.ndarray]]:
        with self._atlas.store.holding(photograph.name):
            return directions_of(self._figures, self._atlas, photograph)
