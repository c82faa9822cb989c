"""Number formats: when bfloat16 is used, and denormal numbers flushed to zero."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def autocast_type(device: torch.device, dtype: str) -> torch.dtype | None:
    """Return the type to compute in alongside float32, or None.

    Parameters
    ----------
    device
        Where the network is.
    dtype
        "float32", "bfloat16", or "auto": bfloat16 where the device has instructions for it.
    """
    if dtype == "float32" or device.type == "mps":
        return None
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bfloat16()
    return torch.bfloat16 if native or dtype == "bfloat16" else None


def _cpu_has_bfloat16() -> bool:
    # Without these instructions oneDNN emulates bfloat16, which is slower than float32.
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Flush denormal numbers to zero inside the context.

    Vanishing gradients otherwise become denormal numbers, which processors compute a hundred times
    more slowly.
    """
    flushed_before = not torch.tensor([1e-39]).mul(1.0).bool().item()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed_before)
