"""Protocol buffers, read without their definitions: the fields of a message, one after the other.

GoogLeNet's weights were published as messages, by Caffe and by TensorFlow. A field is a number and
a value: a whole number, or bytes (a text, packed numbers, or another message).
https://protobuf.dev/programming-guides/encoding/ describes the format.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_WIDTHS = {FIXED64: 8, FIXED32: 4}

Value = int | memoryview


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the number and the value of each field, in order.

    Raises
    ------
    ValueError
        When the bytes are no message.
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if kind == BYTES:
            length, position = _varint(message, position)
        elif kind in _WIDTHS:
            length = _WIDTHS[kind]
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if position + length > len(message):
            raise ValueError("a field is longer than its message")
        yield number, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Read a whole number in base 128, and return it with the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("the message ends in a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number has more than 64 bits")


def submessages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """Yield the bytes of every field of one number."""
    for number, value in fields(message):
        if number == wanted and isinstance(value, memoryview):
            yield value


def text(message: memoryview, wanted: int) -> str:
    """Return the text in a field; nothing where there is none."""
    return next((bytes(each).decode() for each in submessages(message, wanted)), "")


def numbers(message: memoryview, wanted: int) -> list[int]:
    """Return the whole numbers in a field, packed or not."""
    found: list[int] = []
    for number, value in fields(message):
        if number == wanted and isinstance(value, int):
            found.append(value)
        elif number == wanted and isinstance(value, memoryview):
            position = 0
            while position < len(value):
                each, position = _varint(value, position)
                found.append(each)
    return found


def floats(message: memoryview, wanted: int) -> np.ndarray:
    """Return the numbers of single precision in a field, packed or not, f4 `[n]`."""
    parts = [np.frombuffer(each, "<f4") for each in submessages(message, wanted)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
