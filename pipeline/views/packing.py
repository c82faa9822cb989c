"""Arrays on their way to the browser, as text in JSON. `templates/static/lib/arrays.js` reads them.

A packed array is `{"type", "shape", "data"}` with the little-endian bytes in base64. Types: "f2"
(half precision, in which the store holds activations and attributions, so nothing is lost), "f4",
"u1", "u2", "i1", "i2". Levels, for heat maps, are "u1" or "i1" with a `scale`: value = level ·
scale; or, with a `power` as well: value = sign · scale · |level|^power.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

TYPES = {"f2": "<f2", "f4": "<f4", "u1": "u1", "u2": "<u2", "i1": "i1", "i2": "<i2"}


def pack(values: np.ndarray, kind: str) -> dict[str, Any]:
    """Pack an array as it is.

    Raises
    ------
    ValueError
        When whole numbers do not fit into the type.
    """
    packed = np.ascontiguousarray(values).astype(TYPES[kind])
    if kind[0] in "ui" and not np.array_equal(packed, values):
        raise ValueError(f"values from {np.min(values)} to {np.max(values)} do not fit into {kind}")
    data = base64.b64encode(packed.tobytes()).decode("ascii")
    return {"type": kind, "shape": list(packed.shape), "data": data}


def unpack(packed: Mapping[str, Any]) -> np.ndarray:
    """Return a packed array: as it was packed; of levels, the values, f8."""
    raw = np.frombuffer(base64.b64decode(packed["data"]), TYPES[packed["type"]])
    levels = raw.reshape(packed["shape"])
    if "scale" not in packed:
        return levels
    sizes = np.abs(levels.astype(np.float64)) ** packed.get("power", 1.0)
    return np.asarray(np.sign(levels) * packed["scale"] * sizes)


def pack_levels(values: np.ndarray, maximum: float | None = None) -> dict[str, Any]:
    """Pack a heat map in 256 levels from 0 to `maximum`.

    Where values are negative, in 255 levels from −maximum to maximum.

    Parameters
    ----------
    values
        Any shape, any unit.
    maximum
        The value of the highest level, so that several maps share one scale; the largest magnitude
        by default.
    """
    values = np.asarray(values, dtype=np.float64)
    largest = float(np.abs(values).max(initial=0.0)) if maximum is None else float(maximum)
    signed = bool((values < 0).any())
    steps = 127 if signed else 255
    scale = largest / steps or 1.0
    levels = np.clip(np.rint(values / scale), -steps if signed else 0, steps)
    return {**pack(levels, "i1" if signed else "u1"), "scale": scale}


def pack_curved(values: np.ndarray, levels: int = 63, power: float = 1 / 0.7) -> dict[str, Any]:
    """Pack signed values that range over orders of magnitude, in finer levels near zero.

    Parameters
    ----------
    values
        Any shape, any unit.
    levels
        Levels on each side of zero, at most 127; fewer compress better.
    power
        Value = sign · scale · |level|^power, so that a value v is off by about
        `power · |v| / (2 · |level|)` at most.
    """
    values = np.asarray(values, dtype=np.float64)
    largest = float(np.abs(values).max(initial=0.0))
    found = np.sign(values) * np.rint(levels * (np.abs(values) / (largest or 1.0)) ** (1 / power))
    return {**pack(found, "i1"), "scale": largest / levels**power or 1.0, "power": power}
