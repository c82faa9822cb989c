"""Where the randomness of a picture comes from: a generator of its own."""

from __future__ import annotations

import hashlib

import numpy as np

from pipeline.units import Unit


def generator_of(seed: int, layer: str, name: Unit | str, attempt: int = 0) -> np.random.Generator:
    """Return the generator of one picture.

    Parameters
    ----------
    seed
        Of the atlas.
    layer
        That the picture belongs to.
    name
        Of the picture within the layer: its unit, or "cell:12" of an activation grid.
    attempt
        How often the picture has been started before.
    """
    digest = hashlib.sha256(f"{seed}|{layer}|{name}|{attempt}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))
