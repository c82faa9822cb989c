"""Firefox and WebKit, driven without a driver of their own making.

Firefox listens to Marionette, its own protocol for tests; WebKitGTK's MiniBrowser is driven by
WebKitWebDriver over HTTP, on a display of its own. Both take the commands of WebDriver. On Debian:
apt-get install firefox-esr; apt-get install webkit2gtk-driver xvfb.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.request import Request, urlopen

FIREFOX = ("firefox-esr", "firefox")
MINI_BROWSERS = "lib/*/webkit2gtk-4.*/MiniBrowser"
STARTING = 60  # seconds that a browser may take to start
ANSWERING = 120  # seconds that an answer may take


class Driven(Protocol):
    """A browser with one page."""

    def open(self, address: str) -> None:
        """Open a page, and wait until it is loaded."""

    def run(self, script: str, *values: object) -> Any:
        """Run the body of a function in the page; it may return a promise."""


def firefox_path() -> str | None:
    """Return the path of an installed Firefox."""
    return next((path for path in map(shutil.which, FIREFOX) if path), None)


def mini_browser_path() -> str | None:
    """Return the path of WebKitGTK's MiniBrowser, if it and what drives it are installed."""
    if not all(map(shutil.which, ("WebKitWebDriver", "Xvfb"))):
        return None
    return next((str(path) for path in sorted(Path("/usr").glob(MINI_BROWSERS))), None)


def wait_for(what: str, ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until a process is ready.

    Raises
    ------
    RuntimeError
        When it ends before, or is not in time.
    """
    end = time.monotonic() + STARTING
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{what} did not start")
        time.sleep(0.1)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---------------------------------------------------------------------------------------- Firefox
class Marionette:
    """A connection to Firefox. A message is its length, a colon, and JSON."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWERING)
        self._stream = self._socket.makefile("rb")
        self._count = 0
        self._read()  # what it is
        self.call("WebDriver:NewSession", {"capabilities": {}})

    def _read(self) -> Any:
        length = b""
        while (sign := self._stream.read(1)) != b":":
            length += sign
        return json.loads(self._stream.read(int(length)))

    def call(self, command: str, parameters: dict[str, Any]) -> Any:
        """Send a command of WebDriver and return its result."""
        self._count += 1
        message = json.dumps([0, self._count, command, parameters]).encode()
        self._socket.sendall(f"{len(message)}:".encode() + message)
        _, _, error, result = self._read()
        if error:
            raise RuntimeError(f"{command}: {error['message']}")
        return result

    def open(self, address: str) -> None:
        """Open a page."""
        self.call("WebDriver:Navigate", {"url": address})

    def run(self, script: str, *values: object) -> Any:
        """Run a script in the page."""
        found = self.call("WebDriver:ExecuteScript", {"script": script, "args": list(values)})
        return found["value"]

    def close(self) -> None:
        self._socket.close()


@contextmanager
def firefox(folder: Path) -> Iterator[Driven]:
    """Start Firefox with a new profile in `folder`."""
    program = firefox_path()
    assert program is not None
    (folder / "user.js").write_text('user_pref("marionette.port", 0);\n')  # any free one
    command = [program, "--headless", "--marionette", "--no-remote", "--profile", str(folder)]
    quiet, environment = subprocess.DEVNULL, {**os.environ, "HOME": str(folder)}
    process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    port = folder / "MarionetteActivePort"
    try:
        wait_for(program, lambda: port.exists() and bool(port.read_text()), process)
        marionette = Marionette(int(port.read_text()))
        yield marionette
        marionette.close()
    finally:
        stop(process)


# ----------------------------------------------------------------------------------------- WebKit
class WebDriver:
    """A session of a driver that listens to HTTP."""

    def __init__(self, port: int, capabilities: dict[str, Any]) -> None:
        self._root = f"http://127.0.0.1:{port}/session"
        always = {"capabilities": {"alwaysMatch": capabilities}}
        self._root += f"/{self._post('', always)['sessionId']}"

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        data = json.dumps(body).encode()
        request = Request(self._root + path, data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=ANSWERING) as response:
            return json.loads(response.read())["value"]

    def open(self, address: str) -> None:
        """Open a page."""
        self._post("/url", {"url": address})

    def run(self, script: str, *values: object) -> Any:
        """Run a script in the page."""
        return self._post("/execute/sync", {"script": script, "args": list(values)})

    def close(self) -> None:
        with urlopen(Request(self._root, method="DELETE"), timeout=ANSWERING):
            pass


@contextmanager
def display() -> Iterator[str]:
    """Start a display without a screen, and give its name."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24"]
    command += ["-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        number = os.read(reading, 16).decode().strip()
        yield f":{number}"
    finally:
        os.close(reading)
        stop(process)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def webkit(folder: Path) -> Iterator[Driven]:
    """Start WebKitGTK's MiniBrowser, with its caches in `folder`."""
    program = mini_browser_path()
    assert program is not None
    port = free_port()
    with display() as name:
        environment = {**os.environ, "DISPLAY": name, "HOME": str(folder)}
        # Programs run by root, as in a container, have no sandbox to be put into.
        environment |= {
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
        }
        process = subprocess.Popen(["WebKitWebDriver", f"--port={port}"], env=environment)

        def listens() -> bool:
            with socket.socket() as trying:
                return trying.connect_ex(("127.0.0.1", port)) == 0

        try:
            wait_for("WebKitWebDriver", listens, process)
            options = {"binary": program, "args": ["--automation"]}
            driver = WebDriver(port, {"webkitgtk:browserOptions": options})
            yield driver
            driver.close()
        finally:
            stop(process)
