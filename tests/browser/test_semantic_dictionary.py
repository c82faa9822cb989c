"""The semantic dictionary: by pointer, key, finger and link, with the store's numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.atlas import Atlas
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import activation

ID = "semantic-dictionary"


def cell_at(page: Page, row: int, column: int, rows: int, columns: int) -> dict[str, float]:
    box = page.locator(f"#{ID} .cells").bounding_box()
    assert box
    return {"x": box["width"] * (column + 0.5) / columns, "y": box["height"] * (row + 0.5) / rows}


def position(page: Page) -> tuple[int, int]:
    cell = page.locator(f"#{ID} .cell")
    row = cell.locator("..").get_attribute("aria-rowindex")
    return int(row or 0) - 1, int(cell.get_attribute("aria-colindex") or 0) - 1


def shown(page: Page) -> list[tuple[str, str]]:
    entries: list[Locator] = page.locator(f"#{ID} .entry:not(.empty)").all()
    return [
        (entry.locator(".channel-name").inner_text(), entry.locator(".value").inner_text())
        for entry in entries
    ]


def expected(
    atlas: Atlas, photograph: int, layer: str, row: int, column: int
) -> list[tuple[str, str]]:
    with atlas.open(atlas.photographs[photograph]) as file:
        vector = file.values(f"activation/{layer}")[:, row, column].astype(float)
    best = np.argsort(-vector, kind="stable")[:4]
    return [(f"channel {c}", activation(vector[c])) for c in best if vector[c] > 0]


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 9), (13, 13)])
def test_hovering_a_cell_shows_its_strongest_channels(
    open_page: Open, atlas: Atlas, row: int, column: int
) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .cells").hover(position=cell_at(page, row, column, 14, 14))
    assert position(page) == (row, column)
    assert shown(page) == expected(atlas, 0, atlas.layer("blocks.4/x:y,z=1&w").name, row, column)
    expect(page.locator(f"#{ID} .vector")).to_contain_text(f"a{row + 1}, {column + 1} = [")
    page.mouse.move(2, 2)
    assert position(page) == (row, column)


def test_a_layer_with_many_positions_is_averaged_and_says_so(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=layer:blocks.2,cell:4.5")
    ready(page, ID)
    expect(page.locator(f"#{ID} .vector-summary")).to_contain_text("mean over 2 × 2 positions")
    with atlas.open(atlas.photographs[0]) as file:
        vector = (
            file.values("activation/blocks.2")[:, 8:10, 10:12]
            .astype(np.float32)
            .mean(axis=(1, 2))
            .astype(np.float16)
            .astype(float)
        )
    best = np.argsort(-vector, kind="stable")[:4]
    assert [name for name, _ in shown(page)] == [f"channel {c}" for c in best if vector[c] > 0]
    assert [value for _, value in shown(page)] == [
        activation(vector[c]) for c in best if vector[c] > 0
    ]


def test_the_layer_can_be_chosen(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .layer-choice label").nth(2).click()
    page.locator(f"#{ID} .cells").hover(position=cell_at(page, 2, 3, 7, 7))
    assert shown(page) == expected(atlas, 0, "head", 2, 3)
    page.locator('#picker [data-image="third"]').click()
    page.wait_for_function(
        f"() => document.querySelector('#{ID} .photograph-view img').src.includes('third')"
    )
    assert page.locator(f"#{ID} .layer-choice input:checked").get_attribute("value") == "head"


def test_the_keyboard_walks_holds_and_lets_go(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=cell:5.5")
    ready(page, ID)
    page.locator(f"#{ID} .cell").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert position(page) == (6, 6)
    assert shown(page) == expected(atlas, 0, "blocks.4/x:y,z=1&w", 6, 6)
    page.keyboard.press("Enter")
    assert page.locator(f"#{ID} .cell").get_attribute("aria-selected") == "true"
    page.locator(f"#{ID} .cells").hover(position=cell_at(page, 1, 1, 14, 14))
    assert position(page) == (6, 6)
    page.locator(f"#{ID} .cell").focus()
    page.keyboard.press("Escape")
    assert page.locator(f"#{ID} .cell").get_attribute("aria-selected") == "false"
    page.keyboard.press("Home")
    assert position(page) == (6, 0)
    page.keyboard.press("PageDown")
    assert position(page) == (13, 0)
    page.keyboard.press("ArrowDown")
    assert position(page) == (13, 0)
    expect(page.locator(f"#{ID} .figure-live")).to_contain_text("row 14, column 1")


def test_a_finger_chooses(open_page: Open, atlas: Atlas) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    page.locator(f"#{ID} .cells").tap(position=cell_at(page, 4, 10, 14, 14))
    assert position(page) == (4, 10)
    assert shown(page) == expected(atlas, 0, "blocks.4/x:y,z=1&w", 4, 10)


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page("#image=third")
    ready(page, ID)
    page.locator(f"#{ID} .layer-choice label").nth(2).click()
    page.locator(f"#{ID} .cells").click(position=cell_at(page, 5, 1, 7, 7))
    seen, address = shown(page), page.evaluate("location.hash")
    assert "cell:5.1" in address
    other = open_page(address)
    ready(other, ID)
    assert position(other) == (5, 1)
    assert shown(other) == seen
    assert other.locator(f"#{ID} .cell").get_attribute("aria-selected") == "true"
    page.go_back()
    page.wait_for_function("() => !location.hash.includes('cell:5.1')")


def test_hovering_reaches_the_address_after_a_pause_without_filling_the_history(
    open_page: Open,
) -> None:
    page = open_page()
    ready(page, ID)
    before = page.evaluate("history.length")
    for column in range(8):
        page.locator(f"#{ID} .cells").hover(position=cell_at(page, 7, column, 14, 14))
    page.wait_for_function("() => location.hash.includes('cell:7.7')")
    assert page.evaluate("history.length") == before


def test_pictures_that_do_not_activate_their_channel_are_marked(open_page: Open) -> None:
    page = open_page(f"#{ID}=layer:head")
    ready(page, ID)
    marks = page.evaluate(
        """() => {
          const icon = document.querySelector("#semantic-dictionary .entry .picture");
          const units = Array.from({ length: 200 }, (_, i) => `channel:${i}`);
          const surpassed = (unit) => atlas.pictureOf("head", unit)?.[1];
          const alive = units.find((unit) => surpassed(unit) >= 0 && surpassed(unit) !== false);
          const dead = units.find((unit) => surpassed(unit) === false);
          return [alive, dead, "channel:99999"].map((unit) => {
            atlas.icon(icon, "head", unit);
            const text = getComputedStyle(icon, "::after").content;
            return [icon.dataset.picture, icon.getAttribute("aria-label"), text];
          });
        }"""
    )
    (
        (alive, alive_label, alive_text),
        (dead, dead_label, dead_text),
        (absent, absent_label, absent_text),
    ) = marks
    assert [alive, dead, absent] == ["alive", "dead", "absent"]
    assert "does not activate" not in alive_label
    assert re.search(r"activates it more than \d of 3 photographs", alive_label)
    assert alive_text == "none"
    assert "does not activate it" in dead_label
    assert "does not activate it" in dead_text
    assert "no picture" in absent_label
    assert "no picture" in absent_text


def test_the_table_holds_the_same_numbers(open_page: Open) -> None:
    page = open_page(f"#{ID}=cell:8.8")
    ready(page, ID)
    page.locator(f"#{ID} summary").click()
    rows = [row.split("\t") for row in page.locator(f"#{ID} tbody").inner_text().split("\n")]
    assert [(row[1], row[2]) for row in rows] == shown(page)
