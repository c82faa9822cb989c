"""What feature visualizations do to their units, against what photographs do.

A picture is shown to the network as it is stored. What it reaches, the mean over positions of its
unit's activation, is compared with the unit's activations at every position of every photograph
(`pipeline.trust.quantiles`).

Symbols: U units of side S.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from pipeline.featurevis import objectives
from pipeline.featurevis.measuring import measure
from pipeline.featurevis.recipes import Recipe
from pipeline.network import Network
from pipeline.units import Unit

BATCH = 16


def reached(
    network: Network,
    recipe: Recipe,
    layer: str,
    units: Sequence[Unit],
    directions: Mapping[Unit, np.ndarray],
    pictures: np.ndarray,
) -> np.ndarray:
    """Show pictures to the network.

    Parameters
    ----------
    network, recipe
        The network, and how the pictures were made.
    layer, units, directions
        The layer, the U units, and the vectors f4 `[C]` of those that are directions.
    pictures
        uint8 `[U, S, S, 3 or 4]`.

    Returns
    -------
    ndarray
        f4 `[U]`: what each picture reaches of its own unit.
    """
    wanted = [_objective(layer, unit, directions) for unit in units]
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(units), BATCH):
        some = torch.as_tensor(pictures[start : start + BATCH], device=network.device)
        scores = measure(
            network, recipe, wanted[start : start + BATCH], some.permute(0, 3, 1, 2).contiguous()
        )
        found.append(scores.activation.float().cpu().numpy())
    return np.concatenate(found)


def _objective(
    layer: str, unit: Unit, directions: Mapping[Unit, np.ndarray]
) -> objectives.Objective:
    channel = unit.channel_index
    if channel is None:
        return objectives.direction(layer, directions[unit.original])
    return objectives.channel(layer, channel)
