"""What was tried out of the synthetic atlas: the second layer is weak, all others hold.

Every layer has a group that is not found again in its first photograph and a picture that does not
reach what photographs do, so that all kinds of marks are on the page.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pipeline import schema
from pipeline.atlas import Atlas, Key, Layer
from pipeline.figures.trust import CHANGES, METHODS
from pipeline.fingerprints import fingerprint_of
from pipeline.store import VISUALIZATIONS, write
from pipeline.views.trust import KIND, PHOTOGRAPH, PICTURES, path_of

CHANNELS, CLASSES, GROUPS = 12, 3, 4
ROWS = len(CHANGES)


def fingerprints(photographs: Iterable[str], layers: Iterable[str]) -> dict[Key, str]:
    """Of the files that `fill` writes."""
    keys = [*((PHOTOGRAPH, name) for name in photographs), *((PICTURES, name) for name in layers)]
    return {key: fingerprint_of(key) for key in keys}


def of_layer(rng: np.random.Generator, weak: bool, lost: bool) -> dict[str, np.ndarray]:
    """What is found of one layer for one photograph, as `pipeline.trust` returns it."""
    truth = rng.normal(0, 1, CHANNELS)
    change = np.array([4.0, 1.0, -2.0])
    shares = np.stack([truth + rng.normal(0, 0.1, CHANNELS) for _ in METHODS])
    if weak:
        shares[0] = -shares[0]
    maps = rng.uniform(0.85, 1, (ROWS, GROUPS))
    maps[:, 1] = 0.2 if lost else maps[:, 1]
    return {
        "methods": np.array(list(METHODS)),
        "changes": np.array(list(CHANGES)),
        "sources": np.array(["channel", "spatial"]),
        "channels": np.arange(CHANNELS),
        "reference": truth + rng.normal(0, 0.05, (2, CHANNELS)),
        "shares": shares,
        "removals": np.stack([shares[-1], shares[-1]]),
        "sums": np.stack([change, 1.004 * change]),
        "change": change,
        "spread": np.array(0.7 if weak else 0.2),
        "top": rng.uniform(0.7, 1, ROWS - 1),
        "maps": rng.uniform(0.8, 1, ROWS - 1),
        f"group.{GROUPS}/maps": maps,
        f"group.{GROUPS}/directions": maps,
        f"group.{GROUPS}/explained": np.array([0.8, 0.8]),
    }


def fill(atlas: Atlas, seed: int) -> None:
    """Write what was tried out, and add nothing else to the store."""
    rng = np.random.default_rng((seed, 2))
    for i, photograph in enumerate(atlas.photographs):
        datasets: schema.Datasets = {}
        for j, layer in enumerate(atlas.network.layers):
            datasets |= schema.trust(layer.name, of_layer(rng, j == 1, i == 0))
        _write(atlas, (PHOTOGRAPH, photograph.name), datasets)
    for layer in atlas.network.layers:
        _write(atlas, (PICTURES, layer.name), _pictures(rng, atlas, layer))


def _pictures(rng: np.random.Generator, atlas: Atlas, layer: Layer) -> schema.Datasets:
    fingerprint = atlas.fingerprints[VISUALIZATIONS][layer.name,]
    units = sorted(atlas.store.visualization_index(layer.name, fingerprint))
    reached = rng.uniform(1, 9, len(units)).astype(np.float32)
    below = np.ones(len(units), np.float32)
    below[:1] = 0.3
    return schema.trusted_pictures(np.array(units), reached, reached, below, reached / 2)


def _write(atlas: Atlas, key: Key, datasets: schema.Datasets) -> None:
    write(path_of(atlas.store, key), KIND, atlas.fingerprints[KIND][key], datasets)
