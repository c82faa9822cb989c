"""Where what a picture reaches lies among the activations of real photographs. No torch.

Symbols: U units; C channels, H × W positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.units import Unit


@dataclass(frozen=True)
class Quantiles:
    """What photographs do to units.

    Attributes
    ----------
    below
        f4 `[U]`: the share of all positions of all photographs at which the unit's activation is
        below what its picture reaches.
    largest
        f4 `[U]`: the unit's largest activation.
    positions
        How many positions were looked at.
    """

    below: np.ndarray
    largest: np.ndarray
    positions: int


def quantiles(
    cubes: Iterable[np.ndarray],
    units: Sequence[Unit],
    directions: Mapping[Unit, np.ndarray],
    reached: np.ndarray,
) -> Quantiles:
    """Look at the activations of all photographs.

    Parameters
    ----------
    cubes
        Of one layer, `[C, H, W]` for each photograph.
    units, directions
        The U units, and the vectors f4 `[C]` of those that are directions.
    reached
        f4 `[U]`.
    """
    below, largest = np.zeros(len(units)), np.full(len(units), -np.inf)
    positions = 0
    for cube in cubes:
        flat = cube.reshape(len(cube), -1).astype(np.float32)
        positions += flat.shape[1]
        for i, unit in enumerate(units):
            channel = unit.channel_index
            real = flat[channel] if channel is not None else directions[unit.original] @ flat
            below[i] += (real < reached[i]).sum()
            largest[i] = max(largest[i], float(real.max()))
    share = below / max(positions, 1)
    return Quantiles(share.astype(np.float32), largest.astype(np.float32), positions)
