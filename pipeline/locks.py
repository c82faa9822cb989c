"""Locks on folders: one process at a time writes into a folder. They die with their process."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a system of the family of Unix
    fcntl = None  # type: ignore[assignment]

TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


class Taken(Exception):
    """Another process has the lock."""


@contextmanager
def lock(folder: Path, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Hold the lock of a folder, which must exist. Nothing is written into it.

    Parameters
    ----------
    folder
        The folder itself is locked, as an open file, and so by the system: whoever dies, also by
        SIGKILL, leaves no lock behind.
    waiting
        Called before waiting for another process; without it, nobody is waited for.

    Yields
    ------
    bool
        Whether the lock is held; some network file systems have none.

    Raises
    ------
    Taken
        When another process has it and is not waited for.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        yield _take(descriptor, waiting)
    finally:
        os.close(descriptor)


def _take(descriptor: int, waiting: Callable[[], None] | None) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in TAKEN:
            return False
        if waiting is None:
            raise Taken from error
        waiting()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return True
