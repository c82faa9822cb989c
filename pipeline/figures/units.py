"""Names of the things that feature visualizations are made of: "channel:12", or "direction:<digest>" for a vector f4 [C].

A direction is named by what it is, so the same group has the same picture wherever it is shown.
"""

from __future__ import annotations

import numpy as np

from pipeline.store import fingerprint_of


def channel_unit(channel: int) -> str:
    """Name of a channel's picture."""
    return f"channel:{int(channel)}"


def channel_of(unit: str) -> int | None:
    """Return the channel that a picture is of, its further variants ("channel:12~1") too; None for a direction."""
    kind, _, number = unit.partition(":")
    return int(number.partition("~")[0]) if kind == "channel" else None


def direction_unit(vector: np.ndarray) -> str:
    """Name of the picture of a direction f4 `[C]` in a layer's activations, such as a group's `channels[g]`."""
    return f"direction:{fingerprint_of(np.ascontiguousarray(vector, dtype='<f4'))[:12]}"
