"""The recipes for activation grids: a picture per position, coherent with its neighbours.

`places` shows what is particular to a position; `article`, as the article does, all that is active
there: clearer pictures, more of which look like their neighbours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.featurevis.recipes.recipe import VERSION


@dataclass(frozen=True)
class GridRecipe:
    """How an activation grid is made.

    Attributes
    ----------
    name
        In the table, and in a configuration.
    cell
        Side of a stored cell in pixels; 0 for the one that suits the grid (`side_of_cell`).
    width
        Of a whole grid in pixels, which its cells share, with none larger than `most` pixels or a
        third of the network's input, and none smaller than `least`.
    margin
        Pixels drawn around a cell and cut off, because a picture is poorest at its edge.
    groups
        Number of shared pictures, one per factor of the layer's activations.
    shared, unique
        Weights of the shared pictures and of the cell's own.
    common
        Part of the mean of all positions' activations that is taken from every cell's goal. What
        all positions have in common would otherwise fill all cells alike.
    evened
        How far channels count alike, however strong: a goal's channels are divided by this power of
        their root mean square over all positions. 0: strong channels count most; 1: all alike.
    cosine_power
        Exponent p of the direction objective.
    lengthened
        Part of a round's steps, the last ones, in which p is 0: once cells point where they should,
        they do so strongly.
    thinned, fewest, enough
        Only one cell in so many is made from noise, unless that leaves fewer than `fewest`; the
        others start from the finished cell whose goal is most like theirs. Where more than `enough`
        would be made from noise, they are thinned, too, and there is one more round.
    steps
        Number of gradient steps of the first cells.
    further
        Number of steps of the cells that start from finished ones, as a part of `steps`.
    slower
        Learning rate of these steps, as a multiple of the first ones'.
    learning_rate, sharing, momentum, memory, jitter, scales, degrees
        As in `Recipe`.
    """

    name: str = "places"
    cell: int = 0
    width: int = 644
    least: int = 26
    most: int = 64
    margin: int = 2
    groups: int = 6
    shared: float = 0.5
    unique: float = 0.7
    common: float = 0.5
    evened: float = 0.75
    cosine_power: float = 0.5
    lengthened: float = 0.5
    thinned: int = 4
    fewest: int = 25
    enough: int = 64
    steps: int = 36
    further: float = 0.5
    slower: float = 0.7
    learning_rate: float = 0.13
    sharing: float = 0.9
    momentum: float = 0.5
    memory: float = 0.9
    jitter: float = 3.0
    scales: tuple[float, float] = (0.9, 1.1)
    degrees: float = 8.0

    def side_of_cell(self, rows: int, columns: int, size: int) -> int:
        """Return the side in pixels of the cells of a grid.

        Parameters
        ----------
        rows, columns
            Of the grid.
        size
            Side in pixels of the network's input.
        """
        shared = min(self.width // max(rows, columns), self.most, size // 3)
        return self.cell or max(shared, self.least)

    def counts(self, cells: int) -> list[int]:
        """Return how many cells of a grid are finished after each round, all of them at last."""
        counts = [cells]
        while counts[0] > self.enough or len(counts) == 1:
            if counts[0] // self.thinned < self.fewest:
                break
            counts.insert(0, counts[0] // self.thinned)
        return counts

    def steps_of(self, round_: int) -> int:
        """Return how many steps the cells of a round take, counted from 0."""
        return max(round(self.steps * self.further), 1) if round_ else self.steps

    def rate_of(self, round_: int) -> float:
        """Return the learning rate of a round."""
        return self.learning_rate * (self.slower if round_ else 1)

    def fingerprint_parts(self) -> dict[str, Any]:
        """Return what a grid depends on besides network, activations and seed, ready for JSON."""
        return {"featurevis": VERSION, **asdict(self)}


GRID = GridRecipe()
ARTICLE_GRID = GridRecipe("article", common=0.0, evened=0.0, cosine_power=0.0)
