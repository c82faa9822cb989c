"""Finding a browser.

The one named in BUILDING_BLOCKS_CHROMIUM, else an installed one, else Playwright's own.
"""

from __future__ import annotations

from playwright.sync_api import Browser, Error, Playwright

from pipeline.publish.headless import QUIET, browser

ARGUMENTS = [*QUIET, "--force-color-profile=srgb"]
# What tests take for a phone: options of a browser's context.
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
ADVICE = (
    "no browser was found: install Chromium or Chrome (on Debian: apt-get install chromium), "
    "let Playwright fetch one (python -m playwright install chromium), "
    "or name one in BUILDING_BLOCKS_CHROMIUM"
)


def launch(playwright: Playwright) -> Browser:
    """Start a browser.

    Raises
    ------
    RuntimeError
        When there is none; the message tells how to get one.
    """
    try:
        return playwright.chromium.launch(executable_path=browser(), args=ARGUMENTS)
    except Error as error:
        raise RuntimeError(f"{ADVICE}\n{error}") from error
