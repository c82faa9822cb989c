"""Arrays on their way to the browser, as text in JSON. `templates/static/lib/arrays.js` reads them.

A packed array is `{"type", "shape", "data"}` with the little-endian bytes in base64. Types: "f2"
(half precision, in which the store holds activations and attributions, so nothing is lost), "f4",
"u1", "u2", "i1", "i2", "i4". All but "f4" may be text instead (key "text"), which compresses better
than base64: a character for each number; or a character for each of its digits, of six bits each,
first the last digits of all numbers, then those before them. A number in half precision counts as
its 16 bits.

Levels have a `scale`: value = level · scale; or, with a `power` as well, which may be 1: value =
sign · scale · |level|^power. The browser turns those with a power into values when it unpacks them.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

FIRST = 35  # character of level 0: what follows needs no escape in JSON, but for one
LAST = 0xD7FF  # the last character before the surrogates
DIGIT = 6  # bits
BASE = 1 << DIGIT
STEPS = 127  # at least, from zero to the largest of decimals: as many as signed levels have
LARGEST = 1 << 24  # level of decimals: the browser keeps values in single precision

TYPES = {"f2": "<f2", "f4": "<f4", "u1": "u1", "u2": "<u2", "i1": "i1", "i2": "<i2", "i4": "<i4"}


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
    texts = [] if kind == "f4" else list(_texts(_codes(packed)))
    best = min([data, *texts], key=_sent)
    return {"type": kind, "shape": list(packed.shape), "data" if best is data else "text": best}


def _codes(values: np.ndarray) -> np.ndarray:
    """Whole numbers from 0: of decimals the bits; signed ones take turns, as 0, −1, 1, −2 do."""
    if values.dtype.kind == "f":
        return values.ravel().view("<u2").astype(np.int64)
    codes = values.ravel().astype(np.int64)
    if values.dtype.kind == "i":
        codes = np.where(codes < 0, -2 * codes - 1, 2 * codes)
    return codes


def _texts(codes: np.ndarray) -> Iterator[str]:
    """Whole numbers as characters: one each, if none is too large; and one for each digit."""
    most = int(codes.max(initial=0))
    if most + FIRST <= LAST:
        yield _characters(codes)
    if most >= BASE:
        count = -(-most.bit_length() // DIGIT)
        yield _characters(np.concatenate([codes >> (DIGIT * i) & BASE - 1 for i in range(count)]))


def _characters(codes: np.ndarray) -> str:
    return (codes + FIRST).astype("<u2").tobytes().decode("utf-16-le")


def _numbers(text: str, kind: str, count: int) -> np.ndarray:
    """What `_texts` was given, as it was packed."""
    digits = np.frombuffer(text.encode("utf-16-le"), "<u2").astype(np.int64) - FIRST
    places = digits.reshape(len(digits) // max(count, 1), count)
    codes = sum((place << (DIGIT * i) for i, place in enumerate(places)), np.zeros(count, int))
    if kind[0] == "f":
        return codes.astype("<u2").view(TYPES[kind])
    if kind[0] == "i":
        codes = np.where(codes % 2, -(codes + 1) // 2, codes // 2)
    return codes.astype(TYPES[kind])


def _sent(text: str) -> int:
    """Bytes of a text as it is sent: compressed."""
    return len(zlib.compress(text.encode()))


def unpack(packed: Mapping[str, Any]) -> np.ndarray:
    """Return a packed array: as it was packed; of levels, the values, f8."""
    kind = packed["type"]
    if "text" in packed:
        raw = _numbers(packed["text"], kind, int(np.prod(packed["shape"])))
    else:
        raw = np.frombuffer(base64.b64decode(packed["data"]), TYPES[kind])
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
    """Pack values that range over orders of magnitude, in finer levels near zero.

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
    packed = pack(found, "i1" if (values < 0).any() else "u1")
    return {**packed, "scale": largest / levels**power or 1.0, "power": power}


def pack_decimals(values: np.ndarray, decimals: int = 3) -> dict[str, Any]:
    """Pack values that are shown with some decimals, rounded to these.

    More are kept where the largest would have fewer than `STEPS` steps, for the colours of maps;
    fewer, where the levels would become larger than `LARGEST`.

    Parameters
    ----------
    values
        Any shape, any unit; finite.
    decimals
        How many the reader sees.
    """
    values = np.asarray(values, dtype=np.float64)
    largest = float(np.abs(values).max(initial=0.0))
    while 0 < largest * 10**decimals < STEPS:
        decimals += 1
    while largest * 10.0**decimals > LARGEST:
        decimals -= 1
    levels = np.rint(values * 10.0**decimals)
    packed = pack(levels, "i2" if np.abs(levels).max(initial=0.0) < 1 << 15 else "i4")
    return {**packed, "scale": 10.0**-decimals, "power": 1}
