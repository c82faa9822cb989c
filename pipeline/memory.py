"""Memory: how much there is, how freed memory is kept, and how its exhaustion is recognised."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # of mallopt(3)
_NEVER = 2**31 - 1
_OF_DASK = "65536"  # MALLOC_TRIM_THRESHOLD_ of every worker it starts: a default, nobody's choice
# The limit of a container and what is used of it, by the second and the first version of cgroups.
_CONTAINER = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
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


def available_memory() -> int | None:
    """Return how many bytes more this machine, or this container, has; None where nobody says."""
    free = []
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        (line,) = (each for each in lines if each.startswith("MemAvailable:"))
        free.append(int(line.split()[1]) * 1024)
    for limit, used in _CONTAINER:
        with suppress(OSError, ValueError):  # "max": no limit
            free.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
    return max(min(free), 0) if free else None


def peak_memory() -> int:
    """Return the most bytes that this process has had in memory at once; 0 where nobody says."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
