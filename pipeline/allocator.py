"""The C library's allocator, told to keep the memory that a tensor frees for the next one.

By default glibc hands every large block straight back to the system and asks for it anew, so that each of a network's
activations is paged in and cleared by the kernel before it is written: a fifth to a third of the time of a pass through
a small network. Elsewhere than on glibc nothing is changed.
"""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)
_NEVER = 2**31 - 1


def keep_memory() -> bool:
    """Keep freed memory in this process, from now on; returns whether the allocator took it.

    Whoever set one of glibc's own variables (`MALLOC_MMAP_MAX_`, `MALLOC_TRIM_THRESHOLD_`) has decided, and is obeyed.
    """
    if any(name in os.environ for name in ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _NEVER))
