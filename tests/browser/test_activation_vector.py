"""The activation vector: one cell's picture and channels, linked with the dictionary."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import percent

ID, OTHER = "activation-vector", "semantic-dictionary"


def cell_at(page: Page, identity: str, row: int, column: int, side: int) -> dict[str, float]:
    cells = page.locator(f"#{identity} .cells")
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    assert box
    return {"x": box["width"] * (column + 0.5) / side, "y": box["height"] * (row + 0.5) / side}


def hover(page: Page, identity: str, row: int, column: int, side: int = 14) -> None:
    page.locator(f"#{identity} .cells").hover(position=cell_at(page, identity, row, column, side))


def position(page: Page, identity: str) -> tuple[int, int]:
    cell = page.locator(f"#{identity} .cell")
    row, column = (
        cell.locator("..").get_attribute("aria-rowindex"),
        cell.get_attribute("aria-colindex"),
    )
    return int(row or 0) - 1, int(column or 0) - 1


def shown(page: Page, identity: str) -> list[tuple[str, str]]:
    entries = page.locator(f"#{identity} .entry:not(.empty)").all()
    return [
        (entry.locator(".channel-name").inner_text(), entry.locator(".value").inner_text())
        for entry in entries
    ]


def test_the_picture_is_the_cells_part_of_the_grid(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    hover(page, ID, 4, 9)
    picture = page.locator(f"#{ID} .whole .picture")
    style = picture.evaluate(
        "({ style }) => [style.backgroundImage, style.backgroundSize, style.backgroundPosition]"
    )
    assert "grids/coffee/2-" in style[0]
    assert style[1] == "1400% 1400%"
    left, top = (float(part.rstrip("%")) for part in style[2].split())
    assert abs(left - 100 * 9 / 13) < 0.01
    assert abs(top - 100 * 4 / 13) < 0.01
    with atlas.open(atlas.photographs[0]) as file:
        vector = file.values(f"activation/{atlas.network.layers[1].name}")[:, 4, 9].astype(float)
    best = np.argsort(-vector, kind="stable")[:4]
    assert [name for name, _ in shown(page, ID)] == [f"channel {c}" for c in best if vector[c] > 0]
    share = (np.sort(np.maximum(vector, 0))[-4:] ** 2).sum() / (vector**2).sum()
    expect(page.locator(f"#{ID} .vector-summary")).to_contain_text(percent(share))


def test_it_follows_the_dictionary_and_leads_it(open_page: Open) -> None:
    page = open_page()
    ready(page, OTHER)
    ready(page, ID)
    hover(page, OTHER, 2, 11)
    assert position(page, ID) == (2, 11)
    assert shown(page, ID) == shown(page, OTHER)
    hover(page, ID, 9, 3)
    assert position(page, OTHER) == (9, 3)
    assert shown(page, ID) == shown(page, OTHER)
    page.locator(f"#{ID} .layer-choice label").nth(2).click()
    assert page.locator(f"#{OTHER} .layer-choice input:checked").get_attribute("value") == "head"
    page.locator(f"#{ID} .cells").click(position=cell_at(page, ID, 1, 1, 7))
    assert page.locator(f"#{OTHER} .cell").get_attribute("aria-selected") == "true"
    hover(page, OTHER, 5, 5, 7)
    assert position(page, ID) == position(page, OTHER) == (1, 1)


def test_only_the_figure_in_use_announces(open_page: Open) -> None:
    page = open_page()
    ready(page, OTHER)
    ready(page, ID)
    page.wait_for_timeout(600)
    before = page.locator(f"#{OTHER} .figure-live").text_content()
    hover(page, ID, 9, 3)
    expect(page.locator(f"#{ID} .figure-live")).to_contain_text("row 10, column 4")
    assert page.locator(f"#{OTHER} .figure-live").text_content() == before


def test_the_keyboard_and_a_link_reach_every_cell(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .cell").focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert position(page, ID) == (1, 0)
    seen = shown(page, ID)
    other = open_page(page.evaluate("location.hash"))
    ready(other, ID)
    assert position(other, ID) == (1, 0)
    assert shown(other, ID) == seen
    page.locator(f"#{ID} .cell").focus()
    page.keyboard.press("Escape")
    assert page.locator(f"#{ID} .cell").get_attribute("aria-selected") == "false"


def test_a_finger_chooses(open_page: Open) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    page.locator(f"#{ID} .cells").tap(position=cell_at(page, ID, 12, 1, 14))
    assert position(page, ID) == (12, 1)


def test_a_block_of_cells_says_so(open_page: Open) -> None:
    page = open_page(f"#{OTHER}=layer:blocks.2,cell:4.5")
    ready(page, ID)
    expect(page.locator(f"#{ID} .whole figcaption")).to_contain_text("2 × 2 activation vectors")
    picture = page.locator(f"#{ID} .whole .picture")
    style = picture.evaluate("({ style }) => [style.backgroundSize, style.backgroundPosition]")
    assert style[0] == "1400% 1400%"
    left, top = (float(part.rstrip("%")) for part in style[1].split())
    assert abs(left - 100 * 5 / 13) < 0.01
    assert abs(top - 100 * 4 / 13) < 0.01


def test_a_failed_picture_and_a_missing_grid_are_mentioned(open_page: Open) -> None:
    page = open_page(f"#{OTHER}=cell:2.3")
    ready(page, ID)
    assert page.locator(f"#{ID} .whole .picture").get_attribute("data-picture") == "dead"
    expect(page.locator(f"#{ID} .whole figcaption")).to_contain_text("does not show what is active")
    page = open_page("#image=third")
    ready(page, ID)
    expect(page.locator(f"#{ID} .whole figcaption")).to_contain_text("no activation grid yet")


def test_the_table_holds_the_same_numbers(open_page: Open) -> None:
    page = open_page(f"#{OTHER}=cell:8.8")
    ready(page, ID)
    page.locator(f"#{ID} summary").click()
    rows = [row.split("\t") for row in page.locator(f"#{ID} tbody").inner_text().split("\n")]
    assert [(row[1], row[2]) for row in rows] == shown(page, ID)


def test_without_javascript_there_are_pictures(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(f"#{ID} .plain-icons li").count() >= 1
    assert not page.locator(f"#{ID} .equation").is_visible()
