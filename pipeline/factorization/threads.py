"""One thread for small matrices.

A factorization multiplies matrices of a few hundred rows thousands of times. Divided among threads,
each product takes longer than it would alone, and many times longer where torch's own threads, or
another process, have the other cores: the threads of BLAS wait for each other. One thread also adds
up in one order, so that groups are the same on machines with other numbers of cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS, which numpy and scikit-learn multiply with, use one thread (also a decorator)."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    # Finds the libraries that are loaded, which takes milliseconds: once, when all of them are.
    import sklearn.decomposition  # noqa: F401

    return ThreadpoolController()
