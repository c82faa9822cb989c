"""A moving picture of an atlas in use, for the README: python -m tests.browser.movie [SITE] [FILE]

Drives a real browser through a few things that a reader would do, and keeps what is seen as an
animated WebP.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from tests.browser.chromium import launch

WIDTH, HEIGHT = 1080, 720  # of the window, in pixels
SHOWN = 720  # width of the picture
QUALITY = 60
Frame = tuple[Image.Image, int]  # what is seen, and for how many milliseconds


def seen(page: Page, milliseconds: int) -> Frame:
    """Return what the window shows now."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return image.resize((SHOWN, SHOWN * HEIGHT // WIDTH), Image.Resampling.LANCZOS), milliseconds


def glide(page: Page, target: Locator, frames: int = 6) -> Iterator[Frame]:
    """Scroll until a figure stands below the bar, and show the way there."""
    start = page.evaluate("scrollY")
    target.scroll_into_view_if_needed()  # so that it loads
    page.wait_for_load_state("networkidle")
    to = target.evaluate("e => e.getBoundingClientRect().top + scrollY - 90")
    for i in range(1, frames + 1):
        eased = (i / frames) ** 2 * (3 - 2 * i / frames)
        page.evaluate(
            "y => scrollTo({ top: y, behavior: 'instant' })", start + (to - start) * eased
        )
        yield seen(page, 60)


def first_screen(page: Page) -> Iterator[Frame]:
    """Look at the channels that speak for the decision, then at another photograph."""
    yield seen(page, 1500)
    speakers = page.locator(".speaker")
    for i in range(min(3, speakers.count())):
        speakers.nth(i).hover()
        page.wait_for_timeout(150)
        yield seen(page, 900)
    page.mouse.move(WIDTH - 5, HEIGHT - 5)
    photographs = page.locator(".picker-list button")
    if photographs.count() > 1:
        photographs.nth(1).click()
        page.wait_for_load_state("networkidle")
        yield seen(page, 1500)
        photographs.nth(0).click()
        page.wait_for_load_state("networkidle")


def figure(page: Page, name: str, across: int = 5) -> Iterator[Frame]:
    """Bring a figure into view, and lead the pointer over its photograph."""
    section = page.locator(f"#{name}-section")
    if not section.count():
        return
    yield from glide(page, section)
    view = section.locator(".photograph-view, .grid").first
    if not view.count() or (box := view.bounding_box()) is None:
        yield seen(page, 1400)
        return
    for i in range(across):
        part = 0.25 + 0.5 * i / max(across - 1, 1)
        y = min(box["y"] + box["height"] * (0.35 + 0.2 * part), HEIGHT - 4)
        page.mouse.move(box["x"] + box["width"] * part, y)
        page.wait_for_timeout(200)
        yield seen(page, 450)


def record(site: Path, file: Path) -> None:
    """Write the moving picture of a site."""
    frames: list[Frame] = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto((site / "index.html").absolute().as_uri())
        page.wait_for_load_state("networkidle")
        frames += first_screen(page)
        for name in (
            "semantic-dictionary",
            "activation-grids",
            "spatial-attribution",
            "group-flow",
        ):
            frames += figure(page, name)
        browser.close()
    (first, _), *others = frames
    file.parent.mkdir(parents=True, exist_ok=True)
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=[image for image, _ in others],
        duration=[milliseconds for _, milliseconds in frames],
        loop=0,
        quality=QUALITY,
        method=4,
    )


def main() -> None:
    """Record what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, nargs="?", default=Path("site"))
    parser.add_argument("file", type=Path, nargs="?", default=Path("docs/atlas.webp"))
    given = parser.parse_args()
    record(given.site, given.file)
    print(f"{given.file}: {given.file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
