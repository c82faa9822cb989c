"""Screenshots of a site, for looking at: the whole page and every figure, desktop and phone, light and dark.

    python tests/browser/screenshots.py SITE FOLDER [--photograph NAME]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent))
from chromium import launch

WIDTHS = {"desktop": (1440, 900, 1), "phone": (390, 844, 2)}
SCHEMES = ("light", "dark")


def visit_all(page: Page) -> list[str]:
    """Bring every figure near the view, wait until it shows something, and return the ids."""
    ids = page.eval_on_selector_all(".figure", "figures => figures.map(figure => figure.id)")
    for each in ids:
        page.locator(f"#{each}").scroll_into_view_if_needed()
        page.wait_for_function("id => document.getElementById(id).dataset.state !== 'loading'", arg=each)
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 0)")
    return list(ids)


def take(site: Path, folder: Path, state: str = "") -> list[Path]:
    """Write `folder/<figure>-<device>-<scheme>.png` and `folder/page-….png`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for device, (width, height, scale) in WIDTHS.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height}, device_scale_factor=scale, color_scheme=scheme, has_touch=device == "phone"
                )
                page = context.new_page()
                page.goto(f"{(site / 'index.html').absolute().as_uri()}{state}")
                for each in visit_all(page):
                    written.append(folder / f"{each}-{device}-{scheme}.png")
                    page.locator(f"#{each}-section").screenshot(path=written[-1])
                written.append(folder / f"page-{device}-{scheme}.png")
                page.screenshot(path=written[-1], full_page=True)
                context.close()
        browser.close()
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Screenshots of every figure of a site.")
    parser.add_argument("site", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photograph", help="name of a photograph; the first by default")
    arguments = parser.parse_args()
    for path in take(arguments.site, arguments.folder, f"#image={arguments.photograph}" if arguments.photograph else ""):
        print(path)


if __name__ == "__main__":
    main()
