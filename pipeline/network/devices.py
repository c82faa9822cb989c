"""What suits a device: how much memory it has left, and batches of which sizes it likes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

# cuDNN plans a convolution anew for every size of its input. For depthwise ones with channels last
# that takes tenths of a second (EfficientNet-Lite0: 2.5 s for a pass forwards and backwards, whose
# computation takes 10 ms), so on GPUs batches have few sizes, and the rest of them is thrown away.
PLANNING = ("cuda",)
SIZES = (1, 8, 64, 512)


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that this process can still allocate on a GPU; None on other devices.

    Torch keeps what it has freed for the next tensor, so that counts as free.
    """
    if device.type != "cuda":
        return None
    free, _total = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(free + kept)


def finish(device: torch.device) -> None:
    """Wait until a device has computed what it was told to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def plans(device: torch.device) -> bool:
    """Whether passes with batches of a new size take much longer the first time."""
    return device.type in PLANNING


def filled(rows: Tensor) -> Tensor:
    """Fill up a batch `[B, ...]` to one of `SIZES`, or a multiple of the last, differentiably.

    Parameters
    ----------
    rows
        On a device that does not plan, they are returned as they are.

    Returns
    -------
    Tensor
        The same rows, and behind them the first one again, as often as needed.
    """
    missing = _size_for(len(rows)) - len(rows)
    if not missing or not plans(rows.device):
        return rows
    return torch.cat([rows, rows[:1].detach().expand(missing, *rows.shape[1:])])


def whole(count: int, device: torch.device) -> int:
    """Return the largest size of batches of at most so many rows that `filled` leaves alone."""
    if not plans(device) or count < SIZES[0]:
        return count
    return max(size for size in (*SIZES, count // SIZES[-1] * SIZES[-1]) if size <= count)


def first_rows(batches: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Return the first rows of each batch `[B, ...]`: those that were there before `filled`."""
    # A slice of all rows would copy the gradient.
    return {name: x if len(x) == count else x[:count] for name, x in batches.items()}


def _size_for(count: int) -> int:
    if not count:
        return 0
    largest = SIZES[-1]
    return next((size for size in SIZES if size >= count), -(-count // largest) * largest)
