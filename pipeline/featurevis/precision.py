"""Number formats: which precision is fastest here, and denormal numbers flushed to zero.

A step is computed in float32, in bfloat16 (torch's autocast), or in both: dense convolutions in
bfloat16, depthwise ones in float32, since these move memory more than they multiply. Which is
fastest depends on the processor, the network and the layer, so it is tried out (`fastest`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_GAIN = 0.95  # of float32's time that another precision takes at most, to be worth it
_LOSS = 0.02  # of float32's score that it may lose
_REPEATS = 3


@dataclass(frozen=True)
class Precision:
    """How a network is computed.

    Attributes
    ----------
    name
        "float32", "bfloat16" or "mixed".
    half
        Whether autocast computes in bfloat16 what it holds to be safe.
    dense_only
        Whether convolutions of each channel by itself stay in float32.
    """

    name: str
    half: bool = False
    dense_only: bool = False

    @contextmanager
    def on(self, device: torch.device) -> Iterator[None]:
        """Compute in this precision inside the context."""
        with ExitStack() as stack:
            if self.half:
                stack.enter_context(torch.autocast(device.type, torch.bfloat16))
            if self.dense_only:
                stack.enter_context(_DepthwiseInFloat32(device.type))
            yield


class _DepthwiseInFloat32(TorchFunctionMode):
    """Grouped convolutions are left out of autocast."""

    def __init__(self, device_type: str) -> None:
        super().__init__()
        self.device_type = device_type

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        if func is not functional.conv2d or _groups(args, named) == 1:
            return func(*args, **named)
        with torch.autocast(self.device_type, enabled=False):
            whole: list[Any] = [_float(each) for each in args]
            return func(*whole, **{name: _float(each) for name, each in named.items()})


def _groups(args: Sequence[Any], named: dict[str, Any]) -> int:
    return int(args[6] if len(args) > 6 else named.get("groups", 1))


def _float(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) else value


FLOAT32 = Precision("float32")
BFLOAT16 = Precision("bfloat16", half=True)
MIXED = Precision("mixed", half=True, dense_only=True)


def precisions(device: torch.device, dtype: str) -> tuple[Precision, ...]:
    """Return what a device may compute in, float32 first where there is a choice.

    Parameters
    ----------
    device
        Where the network is.
    dtype
        "float32", "bfloat16", or "auto": whatever the device has instructions for.
    """
    if dtype == "float32" or device.type == "mps":
        return (FLOAT32,)
    if dtype == "bfloat16":
        return (BFLOAT16,)
    if device.type == "cuda":
        # Depthwise convolutions are as fast in bfloat16 there, so mixed precision gains nothing.
        return (FLOAT32, BFLOAT16) if torch.cuda.is_bf16_supported() else (FLOAT32,)
    return (FLOAT32, BFLOAT16, MIXED) if _cpu_has_bfloat16() else (FLOAT32,)


def _cpu_has_bfloat16() -> bool:
    # Without these instructions oneDNN emulates bfloat16, which is slower than float32.
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def fastest(
    choices: Sequence[Precision],
    step: Callable[[Precision], object],
    score: Callable[[Precision], float],
    clock: Callable[[], float] = time.perf_counter,
) -> Precision:
    """Return the precision with the quickest step whose pictures are as good as the first's.

    Parameters
    ----------
    choices
        At least one. The first is kept unless another takes less than 95% of its time.
    step
        Computes a step, and has finished it when it returns.
    score
        What short pictures reach; within 2% of the first's they are as good.
    clock
        Seconds.
    """
    first, *others = choices
    if not others:
        return first
    for each in choices:
        step(each)  # the first time sets things up
    seconds = dict.fromkeys(choices, float("inf"))
    # In turn, so that a busy moment of the machine affects all.
    for each in [*choices] * _REPEATS:
        began = clock()
        step(each)
        seconds[each] = min(seconds[each], clock() - began)
    quick = [each for each in others if seconds[each] < _GAIN * seconds[first]]
    if not quick:
        return first
    reached = score(first)
    least = reached - _LOSS * abs(reached)
    for each in sorted(quick, key=seconds.__getitem__):
        if score(each) >= least:
            return each
    return first


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
