"""How much is computed at a time, and how precisely: batches that fit into memory, and float32."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.observation import Observation
from pipeline.errors import AtlasError
from pipeline.memory import is_out_of_memory

T = TypeVar("T")

MEMORY = 2 << 30
ROWS = {"cpu": 16, "cuda": 128, "mps": 32}

# Without a graph, so many times the rows fit; on processors, more of them are no quicker.
WITHOUT_GRAPH = 4

# A push keeps the graph of the pass, the graph of its gradient, and the values in flight.
COPIES = 3


def batch_size(observation: Observation, memory: int | None = None) -> int:
    """How many rows fit into `memory` bytes (default: 2 GiB, or half of what the GPU has left)."""
    device = observation.x.device
    if memory is None:
        cuda = device.type == "cuda"
        memory = torch.cuda.mem_get_info(device)[0] // 2 if cuda else MEMORY
    rows = memory // (COPIES * observation.graph_bytes)
    return max(1, min(rows, ROWS.get(device.type, 16)))


def with_batches(run: Callable[[int], T], batch: int) -> T:
    """Call `run(batch)`, with half the batch each time that memory runs out.

    Raises
    ------
    AtlasError
        When even a single row does not fit.
    """
    while True:
        try:
            return run(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if batch == 1:
                advice = "choose later layers, or a machine with more memory"
                message = f"memory ran out with a single photograph; {advice}"
                raise AtlasError(message) from error
        batch //= 2


def chunks(count: int, size: int) -> Iterator[range]:
    """Split `range(count)` into ranges of at most `size`."""
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def to_numpy(tensor: Tensor) -> np.ndarray:
    """Copy a tensor to a float32 array."""
    return tensor.detach().float().cpu().numpy()


# ------------------------------------------------------------------------------------- precision
class _FullPrecision:
    """cuDNN's TF32 is one switch for all threads: off while at least one of them needs it off."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.before = False

    def enter(self) -> None:
        with self.lock:
            if self.users == 0:
                self.before = torch.backends.cudnn.allow_tf32
                torch.backends.cudnn.allow_tf32 = False
            self.users += 1

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                torch.backends.cudnn.allow_tf32 = self.before


_full_precision = _FullPrecision()


@contextmanager
def full_precision() -> Iterator[None]:
    """Convolve in float32 throughout.

    cuDNN rounds to TF32 by default, whose errors of 1e-3 show in attributions.
    """
    _full_precision.enter()
    try:
        yield
    finally:
        _full_precision.leave()
