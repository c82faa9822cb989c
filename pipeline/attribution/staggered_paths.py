"""Paths on which channels come one after another, overlapping, in random orders.

Where channels stand in for each other, it matters in which company one is when it comes: on the
straight path it is always with all others, grown as far as itself. Shapley values are means over
all orders of arrival, where it is with those that came before. On these paths a channel grows while
a part of the others has come and a part has not, so that a few of them are nearer to Shapley values
than the straight path is, and each gradient still serves many channels. Every path is followed by
its reverse, on which those come last that came first, because their errors are largely opposite.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.attribution.observation import Observation
from pipeline.attribution.paths import Paths
from pipeline.attribution.push_pull import Cuts
from pipeline.grammar import Substrate

PATHS = 8  # in pairs
PIECES = 8  # of each path, before some are halved
GROWING = 1 / 2  # of the path: how long a channel takes to grow


class StaggeredPaths(Paths):
    """R paths in random orders.

    Parameters
    ----------
    observation, cuts, sources, target, memory
        As for `Paths`.
    seed
        Of the orders.
    """

    def __init__(
        self,
        observation: Observation,
        cuts: Cuts,
        sources: Sequence[Substrate],
        target: Substrate,
        memory: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(observation, cuts, sources, target, memory)
        self.seed = seed

    def corners(self, most: int) -> np.ndarray:
        paths = min(PATHS, max(2, most // PIECES // 2 * 2))
        times = np.linspace(0, 1, min(PIECES, max(1, most // paths)) + 1)[:, None]
        channels, drawn = len(self.change), np.random.default_rng(self.seed)
        found = []
        for _ in range(paths // 2):
            starts = (drawn.permutation(channels) + 0.5) / channels * (1 - GROWING)
            both = starts, 1 - GROWING - starts
            found += [np.clip((times - each) / GROWING, 0, 1) for each in both]
        return np.stack(found)
