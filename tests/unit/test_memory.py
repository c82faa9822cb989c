"""Freed memory is kept for the next tensor, and its exhaustion is recognised."""

from __future__ import annotations

import ctypes
import os
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


FAULTS = """
import resource
import threading
import torch
from pipeline.memory import keep_memory, with_kept_memory

def faults(size):
    def of_one():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(size)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return min(of_one() for _ in range(32))

def in_thread(function, *arguments):
    found = []
    thread = threading.Thread(target=lambda: found.append(function(*arguments)))
    thread.start()
    thread.join()
    return found[0]
"""


def run(script: str, **variables: str) -> int:
    command = [sys.executable, "-c", FAULTS + script]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is glibc's")
def test_kept_memory_is_used_again() -> None:
    # The tensor has 16384 pages, which are paged in each time if they were returned in between.
    assert run("assert keep_memory(); print(faults(1 << 24))") < 1024


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is glibc's")
def test_memory_is_kept_for_jobs_in_threads() -> None:
    # As in a Dask worker: passes through the demo's network, in a thread that has allocated before,
    # which pages in 280,000 pages in each pass where its memory is not kept.
    passes = """
import pipeline as bb
net = bb.load("configs/demo.toml").module

def passes():
    def of_one():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        net(torch.rand(16, 3, 224, 224).requires_grad_()).sum().backward()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return sorted(of_one() for _ in range(5))[2]

def job():
    net(torch.rand(1, 3, 224, 224))
    return with_kept_memory(passes)

print(in_thread(job))
"""
    assert run(passes, MALLOC_TRIM_THRESHOLD_="65536") < 30_000  # as Dask sets it


def test_a_job_in_another_thread_raises_what_it_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        memory.with_kept_memory(divmod, 1, 0)
    assert memory.with_kept_memory(divmod, 7, 4) == (1, 3)


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
