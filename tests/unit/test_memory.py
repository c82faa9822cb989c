"""Freed memory is kept for the next tensor, and its exhaustion is recognised."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest
import torch

from pipeline import memory


def test_memory_is_kept_unless_the_user_decided_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "100000")
    assert not memory.keep_memory()
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: (_ for _ in ()).throw(OSError(name)))
    assert not memory.keep_memory()  # a system without glibc


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is glibc's")
def test_kept_memory_is_used_again() -> None:
    script = """
import resource
import torch
from pipeline.memory import keep_memory
assert keep_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(min(faults() for _ in range(32)))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # The tensor has 16384 pages, which are paged in each time if they were returned in between.
    assert int(done.stdout) < 1024


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        torch.OutOfMemoryError(),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 byte"),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_every_kind_of_exhausted_memory_is_recognised(error: Exception) -> None:
    assert memory.is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError(), KeyError(1)])
def test_other_errors_are_not_taken_for_exhausted_memory(error: Exception) -> None:
    assert not memory.is_out_of_memory(error)


def test_recognising_exhausted_memory_does_not_load_torch() -> None:
    code = (
        "import sys, pipeline.memory as memory; memory.is_out_of_memory(MemoryError()); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
