"""Units: what feature visualizations are made of, a channel of a layer or a direction in its space.

As text a unit reads "channel:12", or "direction:<digest>" for a vector f4 [C]. A direction is named
by its values, so the same group has the same feature visualization wherever it is shown. Further
variants of a unit's feature visualization are counted: "channel:12~1".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import total_ordering

import numpy as np

from pipeline.fingerprints import fingerprint_of

CHANNEL = "channel"
DIRECTION = "direction"

_TEXT = re.compile(rf"(?:{CHANNEL}:([0-9]+)|{DIRECTION}:(\w+))(?:~([0-9]+))?")


@total_ordering
@dataclass(frozen=True, slots=True)
class Unit:
    """A channel or a direction, and which variant of its feature visualization."""

    kind: str
    key: str
    variant: int = 0

    @classmethod
    def channel(cls, index: int) -> Unit:
        """Return the unit of a channel."""
        return cls(CHANNEL, str(int(index)))

    @classmethod
    def direction(cls, vector: np.ndarray) -> Unit:
        """Return the unit of a vector f4 `[C]`, such as a group's `channels[g]`."""
        values = np.ascontiguousarray(vector, dtype="<f4")
        return cls(DIRECTION, fingerprint_of(values)[:12])

    @classmethod
    def parse(cls, text: str) -> Unit:
        """Read what `str` writes.

        Raises
        ------
        ValueError
            When the text names no unit.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f'"{text}" names no unit; one looks like "channel:12"')
        channel, direction, variant = match.groups()
        unit = cls.channel(int(channel)) if channel else cls(DIRECTION, direction)
        return unit.with_variant(int(variant or 0))

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}" + (f"~{self.variant}" if self.variant else "")

    @property
    def channel_index(self) -> int | None:
        """The index of the channel; None for a direction."""
        return int(self.key) if self.kind == CHANNEL else None

    @property
    def original(self) -> Unit:
        """The unit itself, whichever variant this is."""
        return self.with_variant(0)

    def with_variant(self, variant: int) -> Unit:
        """Return another variant of the same unit."""
        return replace(self, variant=variant)

    def __lt__(self, other: Unit) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[str, int, str, int]:
        index = self.channel_index
        return self.kind, -1 if index is None else index, self.key, self.variant
