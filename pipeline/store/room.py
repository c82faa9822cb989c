"""Whether what is still to be written has room on the disk, by what has been written."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from pipeline.errors import AtlasError

# What a disk, a quota or a limit says that has no room left.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_written = 0  # bytes; one process writes a store, and one thread of it


def note_written(size: int) -> None:
    """Count the bytes of a file that was written."""
    global _written
    _written += size


def written_bytes() -> int:
    """Return how many bytes this process has written into stores."""
    return _written


def free_bytes(folder: Path) -> int | None:
    """Return how many bytes can be written on the disk of a folder; None where it is not known."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def free_text(folder: Path) -> str:
    """Return `, … are free on its disk`, or nothing where that is not known."""
    free = free_bytes(folder)
    return "" if free is None else f", {free} are free on its disk"


class Room:
    """Watches that the rest of a phase has room, from its first thing on.

    Parameters
    ----------
    folder
        Of the store.
    name
        Of the phase.
    total
        How many things it has to compute.
    """

    def __init__(self, folder: Path, name: str, total: int) -> None:
        self.folder, self.name, self.total = folder, name, total
        self._done, self._before = 0, written_bytes()

    def check(self, count: int) -> None:
        """Count things that were written.

        Raises
        ------
        AtlasError
            When those that are left, if they are as large, do not fit on the disk.
        """
        self._done += count
        left = max(self.total - self._done, 0)
        needed = (written_bytes() - self._before) * left // max(self._done, 1)
        free = free_bytes(self.folder)
        if free is not None and needed > free:
            amounts = f"{left} {self.name} are left, about {needed} bytes; {free} are free"
            advice = "free some space or choose another folder with --store; what is done is kept"
            raise AtlasError(f"{self.folder}: {amounts}; {advice}")
