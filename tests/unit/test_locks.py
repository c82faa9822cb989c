"""Locks on folders: one process at a time, and none after its death."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from pipeline.locks import Taken, lock


def hold(folder: Path, held: Event) -> None:
    with lock(folder):
        held.set()
        signal.pause()


def test_one_has_it_and_nothing_is_written(tmp_path: Path) -> None:
    with lock(tmp_path) as held:
        assert held
        with pytest.raises(Taken), lock(tmp_path):
            pass
        assert not list(tmp_path.iterdir())
    with lock(tmp_path) as held:
        assert held


def test_it_is_free_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock(tmp_path):
        raise ZeroDivisionError
    with lock(tmp_path) as held:
        assert held


def test_it_dies_with_its_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=hold, args=(tmp_path, held))
    process.start()
    try:
        assert held.wait(120)
        with pytest.raises(Taken), lock(tmp_path):
            pass
    finally:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    with lock(tmp_path) as free:
        assert free


def test_who_waits_gets_it_next(tmp_path: Path) -> None:
    waiting, order = threading.Event(), []

    def wait() -> None:
        with lock(tmp_path, waiting.set):
            order.append("second")

    with lock(tmp_path):
        thread = threading.Thread(target=wait)
        thread.start()
        assert waiting.wait(30)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_folder_that_cannot_be_locked_is_not(tmp_path: Path) -> None:
    with lock(tmp_path / "absent") as held:
        assert not held
