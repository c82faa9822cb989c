"""Make sure that a browser can be started: `python tests/browser/install.py`.

An installed one will do; else Playwright fetches its own; else Debian's package is installed, where
that is allowed. With `--others`, Debian's Firefox and WebKit are installed, too: their tests are
skipped where they are missing.
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
from tests.browser.other_browsers import firefox_path, mini_browser_path

FETCH = [sys.executable, "-m", "playwright", "install", "chromium"]
UPDATE = ["apt-get", "update", "-qq"]
INSTALL = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
WAYS = (
    (FETCH, "letting Playwright fetch Chromium"),
    (UPDATE, "updating Debian's list of packages"),
    ([*INSTALL, "chromium"], "installing Debian's Chromium"),
)
# Name → where it is found, and its packages.
OTHERS = {
    "Firefox": (firefox_path, ["firefox-esr"]),
    "WebKit": (mini_browser_path, ["webkit2gtk-driver", "xvfb"]),
}
SECONDS = 900  # that an installation may take


def starts() -> bool:
    """Whether a browser starts."""
    try:
        with sync_playwright() as playwright:
            launch(playwright).close()
    except RuntimeError:
        return False
    return True


def installs_packages() -> bool:
    """Whether Debian's packages can be installed here."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def main() -> int:
    """Try one way after the other; 0 when a browser starts."""
    for command, what in WAYS:
        if starts():
            return 0
        if command[0] == "apt-get" and not installs_packages():
            continue
        print(f"No browser yet: {what} …", flush=True)
        subprocess.run(command, check=False, timeout=SECONDS)
    if starts():
        return 0
    print(ADVICE, file=sys.stderr)
    return 1


def others() -> int:
    """Install the other browsers, as far as that is possible; 0 in any case."""
    missing = [packages for find, packages in OTHERS.values() if find() is None]
    if missing and installs_packages():
        print("Installing Debian's Firefox and WebKit …", flush=True)
        for command in (UPDATE, *([*INSTALL, *packages] for packages in missing)):
            subprocess.run(command, check=False, timeout=SECONDS, stdout=subprocess.DEVNULL)
    for name, (find, packages) in OTHERS.items():
        if find() is None:
            print(f"{name} is not installed; its tests are skipped (Debian: {' '.join(packages)})")
    return 0


if __name__ == "__main__":
    sys.exit(others() if "--others" in sys.argv[1:] else main())
