"""Make sure that a browser can be started: `python tests/browser/install.py`.

An installed one will do; else Playwright fetches its own; else Debian's package is installed, where
that is allowed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this is run as a script

from tests.browser.chromium import ADVICE, launch

FETCH = [sys.executable, "-m", "playwright", "install", "chromium"]
UPDATE = ["apt-get", "update", "-qq"]
INSTALL = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
WAYS = (
    (FETCH, "letting Playwright fetch Chromium"),
    (UPDATE, "updating Debian's list of packages"),
    (INSTALL, "installing Debian's Chromium"),
)


def starts() -> bool:
    """Whether a browser starts."""
    try:
        with sync_playwright() as playwright:
            launch(playwright).close()
    except RuntimeError:
        return False
    return True


def main() -> int:
    """Try one way after the other; 0 when a browser starts."""
    for command, what in WAYS:
        if starts():
            return 0
        if command[0] == "apt-get" and (not shutil.which("apt-get") or os.geteuid() != 0):
            continue
        print(f"No browser yet: {what} …", flush=True)
        subprocess.run(command, check=False, timeout=900)
    if starts():
        return 0
    print(ADVICE, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
