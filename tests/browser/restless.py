"""A restless reader: minutes of random input on a slowed page.

Points, presses keys, taps, scrolls, and changes photographs, history and addresses.

python -m tests.browser.restless [SITE] [--seed N] [--seconds S] [--phone]

Prints errors of the page with what was done last. It finds what depends on timing, such as input
that arrives while a figure loads, so it is no test; what it finds becomes one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

from pipeline.website.serve import served
from tests.browser.chromium import PHONE, launch

KEYS = [
    *["Tab"] * 3,
    "Shift+Tab",
    *["Enter", "Space", "Escape", "Home", "End", "PageUp", "PageDown", "+", "-", "0"],
]
KEYS += ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]
SLOW = {
    "offline": False,
    "latency": 250,
    "downloadThroughput": 400_000,
    "uploadThroughput": 400_000,
}
SLOWED = 3
SCROLLS = [-1500, -400, 400, 900, 2500]  # pixels
# Errors of Playwright when a page is left under its hands, or has not run its scripts yet.
UNDER_WAY = (
    "context was destroyed",
    "atlas is not defined",
    "Not attached",
    "Timeout",
    "interrupted by another navigation",
    "ERR_ABORTED",
)
# Uses a control in sight, chosen by a number of 0…1, as its user would.
USE = """(chance) => {
  const seen = ({top, bottom, width}) => width && top < innerHeight && bottom > 0;
  const all = "main :is(button, input, select, summary):enabled, main summary";
  const controls = [...document.querySelectorAll(all)]
    .filter((each) => seen(each.getBoundingClientRect()) && !each.closest("[inert]"));
  const control = controls[Math.floor(chance * controls.length)], any = Math.floor(chance * 7919);
  if (control?.matches("select")) control.selectedIndex = any % control.length;
  else if (control?.type === "range") control.value = any % (1 + Number(control.max));
  else return control?.click();
  control.dispatchEvent(new Event(control.matches("select") ? "change" : "input", {bubbles: true}));
}"""
# Figures that have come to another photograph than the one chosen.
ELSEWHERE = """() => [...document.querySelectorAll(".figure[data-state=ready]")]
  .filter((each) => each.wanted === atlas.state.image && each.image !== each.wanted)
  .map((each) => each.id)"""
# Another photograph, and an address of which parts were lost or mixed up.
SHOW = """(chance) => {
  const all = document.querySelectorAll("#picker [data-image]");
  if (all.length) atlas.state.show(all[Math.floor(chance * all.length)].dataset.image);
}"""
MIX = """(chance) => {
  const cut = (part) => part.slice(0, Math.ceil(part.length * chance));
  location.hash = location.hash.split("&").map(cut).reverse().join("&");
}"""


def actions(
    page: Page, chances: random.Random, phone: bool
) -> dict[str, tuple[float, Callable[[], object]]]:
    """What the reader can do: name → (how often, the act)."""
    size = page.viewport_size
    assert size is not None

    def somewhere() -> tuple[float, float]:
        return chances.uniform(0, size["width"]), chances.uniform(0, size["height"])

    touch = page.touchscreen.tap if phone else page.mouse.click
    return {
        "point": (25, lambda: (touch if phone else page.mouse.move)(*somewhere())),
        "click": (20, lambda: touch(*somewhere())),
        "key": (25, lambda: page.keyboard.press(chances.choice(KEYS))),
        "scroll": (10, lambda: page.evaluate("by => scrollBy(0, by)", chances.choice(SCROLLS))),
        "use": (6, lambda: page.evaluate(USE, chances.random())),
        "photograph": (4, lambda: page.evaluate(SHOW, chances.random())),
        "back": (2, lambda: page.evaluate("history.back()")),
        "forward": (2, lambda: page.evaluate("history.forward()")),
        "address": (1, lambda: page.evaluate(MIX, chances.random())),
        "scheme": (1, lambda: page.emulate_media(color_scheme=chances.choice(["light", "dark"]))),
        "reload": (1, lambda: page.reload(wait_until="commit")),
        "pause": (3, lambda: page.wait_for_timeout(chances.choice([50, 300, 1000]))),
    }


def read(page: Page, address: str, seed: int, seconds: float, phone: bool) -> list[str]:
    """Use a page restlessly, and return its errors."""
    chances, lately, heard = random.Random(seed), deque[str](maxlen=6), dict[str, str]()

    def hear(text: str) -> None:
        heard.setdefault(text, f"{text}\n  after {', '.join(lately)}")

    page.on("pageerror", lambda error: hear(error.stack or str(error)))
    page.on("console", lambda message: hear(message.text))
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    page.goto(address)
    known = actions(page, chances, phone)
    names, often = list(known), [often for often, _ in known.values()]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        (name,) = chances.choices(names, often)
        lately.append(name)
        try:
            known[name][1]()
        except Error as error:
            if not any(words in str(error) for words in UNDER_WAY):
                raise
            page.wait_for_timeout(200)
        if not page.url.startswith(address):
            page.goto(address)
    page.wait_for_timeout(5000)
    broken = page.eval_on_selector_all(
        ".figure",
        "all => all.filter((each) => each.dataset.state === 'error').map((each) => each.id)",
    )
    elsewhere = page.evaluate(ELSEWHERE)
    return [
        *heard.values(),
        *(f"{identity} cannot be shown" for identity in broken),
        *(f"{identity} shows another photograph than the picker" for identity in elsewhere),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="A restless reader of a site.")
    parser.add_argument("site", type=Path, nargs="?", default=Path("site"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--phone", action="store_true")
    arguments = parser.parse_args()
    with served(arguments.site) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_context(**(PHONE if arguments.phone else {})).new_page()
        complaints = read(page, f"{address}/", arguments.seed, arguments.seconds, arguments.phone)
        browser.close()
    print("\n".join(complaints) or "no complaint")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
