"""Float32 throughout: on GPUs, convolutions are otherwise rounded to TF32."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


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

    cuDNN rounds to TF32 by default, whose errors of 1e-3 show in attributions and wherever two
    results are compared.
    """
    _full_precision.enter()
    try:
        yield
    finally:
        _full_precision.leave()
