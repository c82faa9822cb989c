"""How much is computed at a time: batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from torch import Tensor

from pipeline.attribution.observation import Observation
from pipeline.errors import AtlasError
from pipeline.memory import is_out_of_memory
from pipeline.network import SIZES, free_memory, whole

T = TypeVar("T")

MEMORY = 2 << 30

# Rows with a graph and without. On processors, more are no quicker; on GPUs, batches have few sizes
# (`pipeline.network.filled`).
ROWS = {"cpu": (16, 64), "cuda": SIZES[-2:], "mps": (32, 128)}

# A push keeps the graph of the pass, the graph of its gradient, and the values in flight.
COPIES = 3


def batch_size(observation: Observation, memory: int | None = None, *, graph: bool = True) -> int:
    """How many rows fit into `memory` bytes.

    Parameters
    ----------
    observation
        Of the photograph.
    memory
        2 GiB by default, or half of what a GPU has left.
    graph
        Whether passes keep what gradients need; without, more rows fit.
    """
    device = observation.x.device
    if memory is None:
        free = free_memory(device)
        memory = MEMORY if free is None else free // 2
    with_graph, without = ROWS.get(device.type, ROWS["cpu"])
    rows = max(1, min(memory // (COPIES * observation.graph_bytes), with_graph))
    return whole(rows if graph else rows * without // with_graph, device)


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
