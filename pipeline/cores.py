"""The cores of this machine, and how the jobs of a build use them.

On batches of this size, processes of one thread are quicker than one process of many. How many
threads add up a sum changes its last digits, and an optimization with them; where each process has
one, that does not depend on the number of cores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.memory import available_memory

A_PROCESS = 3 << 30  # bytes that a job may take, with its network
SMALL = 1_000_000  # parameters, below which other processes take longer to begin than to be of use


@dataclass(frozen=True)
class Crew:
    """How many processes compute, and with how many threads each; None: as many as torch takes."""

    processes: int
    threads: int | None = None


def count() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def threads_each(processes: int) -> int:
    """Return with how many threads each of so many processes computes."""
    return max(1, count() // processes)


def crew_for(parameters: int) -> Crew:
    """Choose how many processes compute with a network of so many parameters."""
    if parameters < SMALL:
        return Crew(1, 1)
    free = available_memory()
    fitting = 1 if free is None else free // A_PROCESS
    processes = max(1, min(count(), fitting))
    return Crew(processes, threads_each(processes) if processes > 1 else None)


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Let torch compute with so many threads in this process."""
    if threads is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
