"""Memory: how freed memory is kept for the next tensor, and how its exhaustion is recognised."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Result = TypeVar("Result")

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # of mallopt(3)
_NEVER = 2**31 - 1
_OF_DASK = "65536"  # MALLOC_TRIM_THRESHOLD_ of every worker it starts: a default, nobody's choice
# What the processor's allocator writes in a plain RuntimeError, on Linux, macOS and Windows.
_OUT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory")


def keep_memory() -> bool:
    """Keep freed memory in this process from now on.

    By default glibc returns every large block to the system, which pages it in and clears it
    again for the next activation: a fifth to a third of the time of a pass through a small
    network. Where one of glibc's own variables (`MALLOC_MMAP_MAX_`, `MALLOC_TRIM_THRESHOLD_`) is
    set, it takes precedence and nothing changes, unless it is Dask that has set it.

    Returns
    -------
    bool
        Whether memory is kept; False on systems without glibc.
    """
    names = ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")
    if {os.environ.get(name) for name in names} - {None, _OF_DASK}:
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    settings = {_ARENA_MAX: 1, _MMAP_MAX: 0, _TRIM_THRESHOLD: _NEVER}
    return all(mallopt(name, value) for name, value in settings.items())


def with_kept_memory(function: Callable[..., Result], /, *arguments: object) -> Result:
    """Call a function where freed memory is kept, whichever thread asks for it.

    A thread that has allocated before `keep_memory` may have an arena of its own, from which glibc
    returns memory all the same: in such a thread, as those in which a Dask worker runs jobs, a pass
    through the demo's network pages in a gigabyte again. Threads that begin later share the arena
    that keeps everything.
    """
    if not keep_memory():
        return function(*arguments)
    return _late_threads().submit(function, *arguments).result()


@cache
def _late_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="kept-memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error reports that a processor or an accelerator ran out of memory."""
    # By name, because this module must not load torch to know torch.OutOfMemoryError.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"MemoryError", "OutOfMemoryError"}:
        return True
    text = str(error).lower()
    return any(words in text for words in _OUT_OF_MEMORY)
