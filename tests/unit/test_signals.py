"""SIGINT and SIGTERM, as a process of its own meets them."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from pipeline.signals import Terminated, status

# How a process spends its time when the signal comes: in Python, in one long call during which
# Python runs no handler, or in tidying up after the exception.
BUSY = {
    "in Python": "while True: time.sleep(0.01)",
    "in a long call": "7 ** (7 ** 9)",
    "tidying up": "try: time.sleep(1000)\nfinally: time.sleep(1000)",
}
PROGRAM = """
import sys, time
from pipeline import signals
signals.PATIENCE = 0.2
try:
    with signals.interruptible():
        print("ready", flush=True)
        exec({busy!r})
except KeyboardInterrupt as error:
    print("Interrupted", file=sys.stderr)
    sys.exit(signals.status(error))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("busy", BUSY)
def test_an_end_with_a_status_and_a_word(number: signal.Signals, code: int, busy: str) -> None:
    program = PROGRAM.format(busy=BUSY[busy])
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors


def test_the_status_follows_the_signal() -> None:
    assert status(Terminated()) == 143
    assert status(KeyboardInterrupt()) == 130
    assert status(None) == 130
