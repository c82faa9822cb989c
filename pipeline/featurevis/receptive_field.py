"""How much of a picture one position of a layer sees: its receptive field, in pixels."""

from __future__ import annotations

from pipeline.network import Network
from pipeline.probe import receptive_fields


def receptive_field(network: Network, layer: str, side: int) -> int:
    """Return the side in pixels of the square that the middle position of a layer sees.

    It is measured (`pipeline.probe.receptive_fields`), so it works for any module.

    Parameters
    ----------
    network
        Any; folding makes no difference.
    layer
        With a response of any shape. One without positions `[C]` sees everything.
    side
        Of the pictures that the network is shown, in pixels; no field is larger.
    """
    return receptive_fields(network, [layer], side)[layer]
