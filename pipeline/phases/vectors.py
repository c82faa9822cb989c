"""The vectors of the directions that figures show, a few photographs at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pipeline.atlas import Atlas, Photograph
from pipeline.figures import Figure, directions_of
from pipeline.units import Unit

_NOWHERE = -1


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
        self, shown: Sequence[Figure], atlas: Atlas, wanted: Iterable[tuple[str, Unit]]
    ) -> None:
        self._figures, self._atlas = shown, atlas
        # The names as they were given: there are many, and each is kept once in memory.
        self._shown_in = dict.fromkeys(wanted, _NOWHERE)
        for number, photograph in enumerate(atlas.photographs):
            for layer, found in self._of(photograph).items():
                known = ((layer, unit) for unit in found)
                self._shown_in.update((each, number) for each in known if each in self._shown_in)

    def in_order(self, layer: str, units: Iterable[Unit]) -> list[Unit]:
        """Return units such that those of one photograph follow each other."""
        return sorted(units, key=lambda unit: self._shown_in.get((layer, unit), _NOWHERE))

    def of(self, layer: str, units: Iterable[Unit]) -> dict[Unit, np.ndarray]:
        """Return the vectors f4 `[C]` of those units that are directions."""
        units = tuple(units)
        rows = {self._shown_in.get((layer, each), _NOWHERE) for each in units}
        found: dict[Unit, np.ndarray] = {}
        for row in sorted(rows - {_NOWHERE}):
            of_photograph = self._of(self._atlas.photographs[row])[layer]
            found |= {unit: of_photograph[unit] for unit in units if unit in of_photograph}
        return found

    def _of(self, photograph: Photograph) -> Mapping[str, Mapping[Unit, np.ndarray]]:
        with self._atlas.store.holding(photograph.name):
            return directions_of(self._figures, self._atlas, photograph)
