"""Screenshots of a site: the page and each of its sections, desktop and phone, light and dark.

python -m tests.browser.screenshots [SITE] [FOLDER] [--photograph NAME] [--readme PICTURE]
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import launch

WIDTHS = {"desktop": (1440, 900, 1), "phone": (390, 844, 2)}
SCHEMES = ("light", "dark")
# Pixels of the device; whatever is further down on one screenshot, Chromium leaves blank.
TALLEST = 16_000


def visit_all(page: Page) -> None:
    """Bring every figure near the view, and wait until it shows something."""
    ids = page.eval_on_selector_all(".figure", "figures => figures.map(figure => figure.id)")
    for each in ids:
        page.locator(f"#{each}").scroll_into_view_if_needed()
        loaded = "id => document.getElementById(id).dataset.state !== 'loading'"
        page.wait_for_function(loaded, arg=each)
    page.wait_for_load_state("networkidle")
    # The picker stays in sight and would cover part of a screenshot that is taller than the window.
    page.evaluate("document.getElementById('picker').style.position = 'static'; scrollTo(0, 0)")


def whole(page: Page, scale: int) -> Image.Image:
    """Return the page from its top to its end, however long it is."""
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    joined = Image.new("RGB", (width * scale, height * scale))
    for top in range(0, height, TALLEST // scale):
        part_height = min(TALLEST // scale, height - top)
        clip = {"x": 0.0, "y": float(top), "width": float(width), "height": float(part_height)}
        part = page.screenshot(full_page=True, clip=clip)
        joined.paste(Image.open(io.BytesIO(part)), (0, top * scale))
    return joined


def take(site: Path, folder: Path, state: str = "") -> list[Path]:
    """Write `folder/<section>-<device>-<scheme>.png` and `folder/page-….png`."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for device, (width, height, scale) in WIDTHS.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    device_scale_factor=scale,
                    color_scheme=scheme,
                    has_touch=device == "phone",
                )
                page = context.new_page()
                page.goto(f"{(site / 'index.html').absolute().as_uri()}{state}")
                visit_all(page)
                written += sections(page, folder, f"{device}-{scheme}.png")
                written.append(folder / f"page-{device}-{scheme}.png")
                whole(page, scale).save(written[-1])
                context.close()
        browser.close()
    return written


def sections(page: Page, folder: Path, ending: str) -> list[Path]:
    """Write a screenshot of each section: `folder/<section>-<ending>`."""
    width, _ = page.evaluate("[innerWidth, innerHeight]")
    ids = page.eval_on_selector_all(".figure-section", "all => all.map(section => section.id)")
    written = []
    for each in ids:
        written.append(folder / f"{each.removesuffix('-section')}-{ending}")
        # The page's whole width: grids of layers reach beyond the column of text.
        box = page.locator(f"#{each}").bounding_box()
        assert box is not None
        page.screenshot(path=written[-1], full_page=True, clip={**box, "x": 0, "width": width})
    return written


def readme(site: Path, picture: Path, state: str = "") -> None:
    """Write one picture for the README: the class comparison above the semantic dictionary."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
        page.goto(f"{(site / 'index.html').absolute().as_uri()}{state}")
        visit_all(page)
        page.locator("#class-comparison .channel").first.hover()
        shown = ("class-comparison", "semantic-dictionary")
        shots = [page.locator(f"#{name}").screenshot() for name in shown]
        browser.close()
    images = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    width = max(image.width for image in images)
    height = sum(image.height + 40 for image in images) - 40
    joined = Image.new("RGB", (width, height), "white")
    top = 0
    for image in images:
        joined.paste(image, (0, top))
        top += image.height + 40
    picture.parent.mkdir(parents=True, exist_ok=True)
    joined.quantize(256).save(picture, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Screenshots of a site and its sections.")
    parser.add_argument("site", type=Path, nargs="?", default=Path("site"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/screenshots"))
    parser.add_argument("--photograph", help="name of a photograph; the first by default")
    parser.add_argument(
        "--readme",
        action="store_true",
        help="write one picture, for the README, instead of a folder",
    )
    arguments = parser.parse_args()
    state = f"#image={arguments.photograph}" if arguments.photograph else ""
    if arguments.readme:
        readme(arguments.site, arguments.folder, state)
        print(arguments.folder)
        return
    for path in take(arguments.site, arguments.folder, state):
        print(path)


if __name__ == "__main__":
    main()
