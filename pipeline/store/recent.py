"""Arrays read lately, so that several readers of one array read it from the disk once.

What a photograph's file holds fits in: 22 MB of half precision on the demo's network.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from pipeline.arrays import Array

Key = tuple[Path, str, str]  # path, fingerprint of the contents, dataset


class Recent:
    """At most `limit` bytes of arrays; the oldest go first."""

    def __init__(self, limit: int = 48 << 20) -> None:
        self.limit = limit
        self._arrays: OrderedDict[Key, Array] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> Array | None:
        """Return an array and count it as the latest."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
        return self._arrays.get(key)

    def put(self, key: Key, array: Array) -> None:
        """Keep an array, from now on read-only because several readers share it."""
        array.values.setflags(write=False)
        self._arrays[key] = array
        self._bytes += array.values.nbytes
        while self._bytes > self.limit:
            _, oldest = self._arrays.popitem(last=False)
            self._bytes -= oldest.values.nbytes
