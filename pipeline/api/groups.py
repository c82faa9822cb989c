"""A few groups of neurons that together make up a layer's activations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline import factorization
from pipeline.api import display
from pipeline.api.networks import activations
from pipeline.api.photographs import photograph
from pipeline.network import Network


@dataclass(frozen=True)
class Groups:
    """A layer's activations as n groups.

    Attributes
    ----------
    layer
        Of the network.
    maps
        f4 `[n, H, W]`: how strongly each group is present at each position.
    channels
        f4 `[n, C]`: each group's direction in the space of channels; `render` draws them.
    explained
        Share of the activations' squared norm that the groups reconstruct.
    pixels
        The photograph.
    """

    layer: str
    maps: np.ndarray
    channels: np.ndarray
    explained: float
    pixels: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.maps)

    def _repr_html_(self) -> str:
        shown = [
            display.image(display.over(self.pixels, each), f"group {i}")
            for i, each in enumerate(self.maps)
        ]
        title = f"{self.layer}: {len(self)} groups, {100 * self.explained:.0f} % explained"
        return display.titled(title, "".join(shown))


def factorize(network: Network, image: Any, layer: str, n: int = 6) -> Groups:
    """Factorize a layer's activations for a photograph into n groups.

    Parameters
    ----------
    network
        See `load` and `wrap`.
    image
        See `photograph`.
    layer
        Name of a submodule.
    n
        The number of groups.

    Raises
    ------
    AtlasError
        When the activations are all zero, or of lower rank than n.
    """
    pixels = photograph(image, network)
    found = factorization.factorize(activations(network, pixels, layer), n, layer)
    return Groups(layer, found.spatial, found.channels, found.explained, pixels)
