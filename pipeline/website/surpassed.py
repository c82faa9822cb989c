"""How many photographs a feature visualization surpasses: it should activate its unit more.

A unit's activation is its mean over positions, f4. For a direction v it is `⟨mean a, v⟩`, because
the mean of `⟨a, v⟩` over positions is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from pipeline.grammar import CHANNEL, Activation, Substrate
from pipeline.store import File, Visualization
from pipeline.units import Unit


class Means:
    """The mean over positions of each channel, photograph by photograph.

    Parameters
    ----------
    layers
        Names of the layers.
    """

    def __init__(self, layers: Iterable[str]) -> None:
        self._found: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}

    def add(self, file: File) -> None:
        """Add a photograph, from its file of the store."""
        for layer, found in self._found.items():
            path = Activation(Substrate(layer, CHANNEL)).path
            if path in file:
                found.append(file.values(path).mean(axis=(1, 2), dtype=np.float32))

    def of(self, layer: str) -> np.ndarray | None:
        """Return those of a layer, f4 `[photographs, C]`.

        None where no figure of this atlas needs activations, so that the store holds none.
        """
        found = self._found[layer]
        return np.stack(found) if found else None


def surpassed(
    visualizations: Mapping[Unit, Visualization],
    means: np.ndarray,
    vectors: Mapping[Unit, np.ndarray],
) -> dict[Unit, int]:
    """Count for each feature visualization the photographs that activate its unit less.

    Parameters
    ----------
    visualizations
        By unit. A unit that is neither a channel nor among the vectors is left out.
    means
        f4 `[photographs, C]`, mean activations of the units' layer.
    vectors
        The directions, f4 `[C]` each.
    """
    counts = {}
    directions = []
    for unit, visualization in visualizations.items():
        channel = unit.channel_index
        if channel is not None:
            counts[unit] = int((means[:, channel] < visualization.activation).sum())
        elif unit.original in vectors:
            directions.append(unit)
    if directions:  # one product for all: the means are many where the photographs are
        columns = np.stack([vectors[unit.original] for unit in directions], axis=1)
        reached = np.array([visualizations[unit].activation for unit in directions])
        found = (means @ columns < reached).sum(axis=0)
        counts |= dict(zip(directions, found.tolist(), strict=True))
    return counts
