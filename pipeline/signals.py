"""SIGINT and SIGTERM: an exception where the program is, and an end to it within a few seconds."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 4.0  # seconds after which a process ends that computes on or tidies up too slowly
KEPT = "What was finished is kept; the same command continues from there."


class Terminated(KeyboardInterrupt):
    """SIGTERM, which schedulers and containers send; whatever ends by Ctrl-C ends by it, too."""


def status(error: BaseException | None) -> int:
    """Return the exit status after an interruption: 143 for SIGTERM, 130 for SIGINT."""
    number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
    return 128 + int(number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGTERM into `Terminated`, and end soon after it or SIGINT whatever happens.

    Python runs no handler while a long computation keeps the main thread. A second thread hears of
    the signal at once, and ends the process if the exception has not done so in `PATIENCE` seconds.
    Nothing is lost by that: a file is written under another name until it is whole.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous = signal.signal(signal.SIGTERM, _terminate)
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, previous)
        os.close(writer)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _watch(reader: int) -> None:
    with open(reader, "rb", buffering=0) as heard:
        while number := heard.read(1):
            if number[0] in (signal.SIGINT, signal.SIGTERM):
                break
        else:
            return  # the writing end is closed: no signal came
    time.sleep(PATIENCE)
    cursor = "\x1b[?25h" if os.isatty(2) else ""  # which a progress bar has hidden
    os.write(2, f"{cursor}\nInterrupted. {KEPT}\n".encode())
    os._exit(128 + number[0])
