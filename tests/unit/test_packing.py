"""Packed arrays: what comes back, in how many characters, and how far it is off."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import numpy as np
import pytest

from pipeline.views.packing import pack, pack_curved, pack_decimals, pack_levels, unpack

RNG = np.random.default_rng(3)


def sent(packed: dict[str, Any]) -> dict[str, Any]:
    """What arrives in the browser."""
    found = json.loads(json.dumps(packed, ensure_ascii=False).encode())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        ("u1", 0, 255),
        ("u2", 0, 65535),
        ("i1", -128, 127),
        ("i2", -32768, 32767),
        ("i4", -(1 << 29), 1 << 29),
    ],
)
@pytest.mark.parametrize("spread", [1, 0.02])
def test_whole_numbers_come_back(kind: str, low: int, high: int, spread: float) -> None:
    values = np.rint(RNG.uniform(low, high, (7, 5, 90)) * spread).astype(int)
    values.flat[:2] = low, high
    packed = sent(pack(values, kind))
    assert np.array_equal(unpack(packed), values)
    assert packed["shape"] == [7, 5, 90]


def test_few_different_numbers_are_characters_and_smaller() -> None:
    few = np.rint(RNG.normal(0, 2, 20_000)).astype(int)
    many = RNG.integers(0, 256, 20_000)
    assert "text" in pack(few, "i1")

    def size(packed: dict[str, Any]) -> int:
        return len(gzip.compress(json.dumps(packed, ensure_ascii=False).encode()))

    as_bytes = base64.b64encode(few.astype("i1").tobytes()).decode()
    assert size(pack(few, "i1")) < 0.95 * size({"type": "i1", "shape": [20_000], "data": as_bytes})
    assert size(pack(many, "u1")) < 1.02 * 20_000


def test_decimals_in_half_precision_come_back_and_are_smaller_than_their_bytes() -> None:
    values = RNG.normal(0, 0.3, (40, 50)).astype(np.float16)
    values.flat[:5] = 0.0, -0.0, 65504, -6e-8, 1.0
    packed = sent(pack(values, "f2"))
    assert np.array_equal(unpack(packed).view(np.uint16), values.view(np.uint16))
    plain = base64.b64encode(values.tobytes())
    assert len(gzip.compress(packed["text"].encode())) < len(gzip.compress(plain))


def test_an_empty_array_comes_back() -> None:
    for kind in ("u1", "i2", "f2", "f4", "i4"):
        assert unpack(sent(pack(np.zeros((0, 3)), kind))).shape == (0, 3)


@pytest.mark.parametrize("size", [1e-6, 0.03, 1.0, 9.0, 40.0, 3e5])
def test_decimals_are_those_that_are_shown(size: float) -> None:
    values = RNG.normal(0, size / 3, 4000).clip(-size, size)
    values[0] = -size
    off = np.abs(unpack(sent(pack_decimals(values))) - values).max()
    assert off <= max(0.0005, size / 3_300_000) * 1.001  # no more digits than anybody reads
    assert off <= size / 253  # maps of small ones still have their colours


def test_decimals_of_nothing() -> None:
    assert unpack(pack_decimals(np.zeros(3))).tolist() == [0, 0, 0]


def test_curved_levels_are_signed_only_where_values_are() -> None:
    values = RNG.random(500) ** 4
    assert pack_curved(values)["type"] == "u1"
    assert pack_curved(values - 0.1)["type"] == "i1"
    assert np.abs(unpack(sent(pack_curved(values))) - values).max() <= 0.013 * values.max()


def test_levels_of_signed_maps_reach_as_far_on_both_sides() -> None:
    values = np.array([-2.0, 0.0, 0.5])
    assert unpack(pack_levels(values)) == pytest.approx(values, abs=2 / 250)
    assert pack_levels(values)["type"] == "i1"
