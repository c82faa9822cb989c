"""Values read lately, so that several readers of one dataset read it from the disk once.

What a photograph's file holds fits in: 22 MB of half precision on the demo's network.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np

Key = tuple[Path, bytes, str]  # path, seal of the file, dataset


class Recent:
    """At most `limit` bytes of values; the oldest go first."""

    def __init__(self, limit: int = 48 << 20) -> None:
        self.limit = limit
        self._values: OrderedDict[Key, np.ndarray] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> np.ndarray | None:
        """Return the values of a dataset and count them as the latest."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: Key, values: np.ndarray) -> None:
        """Keep values, from now on read-only because several readers share them."""
        values.setflags(write=False)
        self._values[key] = values
        self._bytes += values.nbytes
        while self._bytes > self.limit:
            _, oldest = self._values.popitem(last=False)
            self._bytes -= oldest.nbytes

    def forget(self, path: Path) -> None:
        """Keep nothing of a file."""
        for key in [key for key in self._values if key[0] == path]:
            self._bytes -= self._values.pop(key).nbytes
