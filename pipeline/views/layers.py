"""Which of the display layers a figure shows, where it shows one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def late(layers: Sequence[T]) -> T:
    """Return the last display layer but one, or the only one.

    There channels stand for things, and positions still tell them apart.
    """
    return layers[max(0, len(layers) - 2)]
