"""A site loaded once in a real browser, without a window: what its console complains about.

Uses an installed Chromium or Chrome, which needs no package beside it: the browser itself prints
its console and the page it has made.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from pipeline.website.serve import Handler, served

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
VARIABLE = "BUILDING_BLOCKS_CHROMIUM"
SECONDS = 60  # after which the browser is given up

_PATH = "/atlas"
_ICON = "/favicon.ico"  # which browsers look for at the root of a host
_CONSOLE = re.compile(r'CONSOLE(?::\d+|\(\d+\))\] "(.*)", source: (\S*) \(\d+\)')
# For one page, in a container or not: no window, no graphics processor, nothing but the page.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_ARGUMENTS = (
    "--headless=new",
    *QUIET,
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",  # milliseconds of the page's own clock, not of waiting
    "--dump-dom",
)


def browser() -> str | None:
    """Return the path of an installed browser, the one in BUILDING_BLOCKS_CHROMIUM first."""
    named = os.environ.get(VARIABLE)
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


def complaints(folder: Path, program: str) -> list[str]:
    """Load a site's first page and return what its console reports.

    Parameters
    ----------
    folder
        The site; it is served on the loopback address from below another path, as on GitHub Pages.
    program
        The browser.

    Returns
    -------
    list of str
        Messages of the console, in their order; a page that is not drawn is one.
    """
    missed: list[str] = []

    class BelowPath(Handler):
        """Serves the folder below a path, where links from the host's root lead nowhere."""

        def translate_path(self, path: str) -> str:
            inside = path.startswith(f"{_PATH}/")
            return super().translate_path(path.removeprefix(_PATH) if inside else "/not-there")

        def send_error(self, code: int, *arguments: Any, **named: Any) -> None:
            if self.path != _ICON:
                missed.append(self.path)
            super().send_error(code, *arguments, **named)

    with tempfile.TemporaryDirectory() as profile, served(folder, BelowPath) as address:
        found = _load(program, f"{address}{_PATH}/", Path(profile))
    return [*found, *(f"{path} was asked for and is not there" for path in missed)]


def _load(program: str, address: str, profile: Path) -> list[str]:
    command = [program, *_ARGUMENTS, f"--user-data-dir={profile}", address]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [f"the browser did not finish within {SECONDS} s"]
    except OSError as error:
        return [f"{program} does not start: {error.strerror}"]
    printed = done.stderr.decode(errors="replace")
    found = [f"{message} ({source})" for message, source in _CONSOLE.findall(printed)]
    if b"<body" not in done.stdout:
        found.append("the page was not drawn")
    return found
