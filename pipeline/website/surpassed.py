"""How many photographs a feature visualization surpasses: it should activate its unit more.

A unit's activation is its mean over positions, f4. For a direction v it is `⟨mean a, v⟩`, because
the mean of `⟨a, v⟩` over positions is the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.atlas import Atlas, Layer
from pipeline.grammar import CHANNEL, Activation, Substrate
from pipeline.store import Visualization
from pipeline.units import Unit


def mean_activations(atlas: Atlas, layer: Layer) -> np.ndarray | None:
    """Return the mean over positions of each channel for each photograph, f4 `[photographs, C]`.

    None where no figure of this atlas needs activations, so that the store may hold none.
    """
    path = Activation(Substrate(layer.name, CHANNEL)).path
    means = []
    for photograph in atlas.photographs:
        with atlas.open(photograph) as file:
            if path not in file:
                return None
            means.append(file.values(path).mean(axis=(1, 2), dtype=np.float32))
    return np.stack(means)


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
    for unit, visualization in visualizations.items():
        channel, vector = unit.channel_index, vectors.get(unit.original)
        if channel is not None:
            counts[unit] = int((means[:, channel] < visualization.activation).sum())
        elif vector is not None:
            counts[unit] = int((means @ vector < visualization.activation).sum())
    return counts
