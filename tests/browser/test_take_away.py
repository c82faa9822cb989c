"""Taking figures away: pictures, drawings, tables and links."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from pipeline.figures import FIGURES
from pipeline.website.page import identity
from tests.browser.conftest import PATH, Open, ready

IDS = [identity(name) for name in FIGURES]
MARGIN, SCALE = 24, 2  # of templates/static/later/painting.js and take_away.js
SVG = "{http://www.w3.org/2000/svg}"
LINK = "() => document.querySelector('.take-menu input')?.value"


@pytest.fixture
def served_page(open_page: Open, server: str) -> Page:
    """The page from a server, where pictures may be copied."""
    return open_page(url=f"{server}/{PATH}")


def take(page: Page, figure: str, way: str, folder: Path) -> bytes:
    """Open the menu of a figure if need be, and download what a button gives."""
    ready(page, figure)
    page.wait_for_load_state("networkidle")
    if not page.locator(f"#{figure} .take-menu").count():
        page.locator(f"#{figure} .take-away").click()
    button = page.locator(f"#{figure} .take-menu button", has_text=way)
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename.startswith(f"{figure}-coffee.")
    download.value.save_as(folder / "taken")
    return (folder / "taken").read_bytes()


def words(page: Page, figure: str) -> Iterator[str]:
    """Words that can be seen in a figure: headings, names and values."""
    shown = page.locator(f"#{figure} :is(.value, .layer-name, .channel-name, h3, th):visible")
    for text in shown.all_inner_texts():
        yield from text.split()


@pytest.mark.parametrize("figure", IDS)
def test_a_figure_is_a_picture_and_a_drawing(
    served_page: Page, tmp_path: Path, figure: str
) -> None:
    page = served_page
    taken = take(page, figure, "Picture", tmp_path)
    box = page.locator(f"#{figure}").bounding_box()
    assert box is not None
    picture = Image.open(io.BytesIO(taken))
    assert picture.format == "PNG"
    assert abs(picture.width - SCALE * (box["width"] + 2 * MARGIN)) <= SCALE
    pixels = np.asarray(picture.convert("L"))
    # Not the ground alone: in the upper half already, somewhere it is dark, somewhere light.
    assert np.ptp(np.array_split(pixels, 2)[0]) > 100
    root = ElementTree.fromstring(take(page, figure, "Drawing", tmp_path))
    assert root.tag == f"{SVG}svg"
    for image in root.iter(f"{SVG}image"):
        assert image.attrib["href"].startswith("data:image/")
    written = " ".join(each.text or "" for each in root.iter(f"{SVG}text")).split()
    assert not set(words(page, figure)) - set(written)


@pytest.mark.parametrize("figure", IDS)
def test_the_numbers_are_those_of_the_table(served_page: Page, tmp_path: Path, figure: str) -> None:
    page = served_page
    ready(page, figure)
    if not page.evaluate("id => 'numbers' in document.getElementById(id)", figure):
        page.locator(f"#{figure} .take-away").click()
        expect(page.locator(f"#{figure} .take-menu button").first).to_be_visible()
        assert not page.locator(f"#{figure} .take-menu button", has_text="Numbers").count()
        return
    text = take(page, figure, "Numbers", tmp_path).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1
    assert "−" not in text
    details = page.locator(f"#{figure} .figure-table")
    if not details.count():
        return
    details.evaluate("each => { each.open = true; }")
    cells = page.locator(f"#{figure} .figure-table tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"
    )
    written = [[cell.replace("−", "-").replace("\u202f", "") for cell in row] for row in cells]
    assert rows == written


def test_a_link_leads_to_the_figure_as_it_is(open_page: Open) -> None:
    page = open_page("#image=third&neuron-groups=count:6")
    ready(page, "neuron-groups")
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator("#neuron-groups .take-away").click()
    page.locator("#neuron-groups .take-menu button", has_text="Link").click()
    page.wait_for_function(LINK)
    link = str(page.evaluate(LINK))
    assert "image=third" in link
    other = open_page(f"#{link.split('#')[1]}")
    other.wait_for_function(
        "() => document.querySelector('#neuron-groups').dataset.state === 'ready'"
    )
    other.wait_for_timeout(500)
    assert other.evaluate("atlas.state.of('neuron-groups').count") == "6"
    top = other.locator("#neuron-groups-section").evaluate(
        "each => each.getBoundingClientRect().top"
    )
    assert -5 < top < 150


def test_from_a_disk_it_is_said_why_there_is_no_picture(open_page: Open, site: Path) -> None:
    page = open_page(url=f"{site.as_uri()}/", complaints=True)
    ready(page, "predictions")
    page.locator("#predictions .take-away").click()
    page.locator("#predictions .take-menu button", has_text="Picture").click()
    expect(page.locator("#predictions .take-menu [role=status]")).to_contain_text("from a disk")


def test_the_menu_closes_with_escape_and_gives_the_focus_back(open_page: Open) -> None:
    page = open_page()
    ready(page, "predictions")
    button = page.locator("#predictions .take-away")
    button.click()
    expect(page.locator("#predictions .take-menu button").first).to_be_focused()
    page.keyboard.press("Escape")
    assert page.locator(".take-menu").count() == 0
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
