"""Activation grids: linked positions, zoom by every means, pictures sized by magnitude.

And what is shown instead of a missing grid.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import activation, percent

ID = "activation-grids"
SIDES = (28, 14, 7)


def at(page: Page, panel: int, x: float, y: float) -> dict[str, float]:
    """A point of a layer's window, by shares of its width and height."""
    window = page.locator(f"#{ID} .window").nth(panel)
    window.scroll_into_view_if_needed()
    box = window.bounding_box()
    assert box
    return {"x": box["width"] * x, "y": box["height"] * y}


def hover(page: Page, panel: int, row: int, column: int) -> None:
    side = SIDES[panel]
    page.locator(f"#{ID} .window").nth(panel).hover(
        position=at(page, panel, (column + 0.5) / side, (row + 0.5) / side)
    )


def positions(page: Page) -> list[tuple[int, int]]:
    cells = page.locator(f"#{ID} .cell").all()
    return [
        (
            int(cell.locator("..").get_attribute("aria-rowindex") or 0) - 1,
            int(cell.get_attribute("aria-colindex") or 0) - 1,
        )
        for cell in cells
    ]


def zoom(page: Page) -> float:
    return float(page.locator(f"#{ID} .zoom-level").inner_text().replace("%", "")) / 100


def lengths(atlas: Atlas, panel: int) -> np.ndarray:
    with atlas.open(atlas.photographs[0]) as file:
        a = file.values(f"activation/{atlas.layer_names[panel]}").astype(np.float32)
    return np.linalg.norm(a, axis=0)


def test_one_position_is_marked_and_enlarged_in_every_layer(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    hover(page, 1, 5, 9)
    expected = [(int(5.5 * side / 14), int(9.5 * side / 14)) for side in SIDES]
    assert positions(page) == expected
    for panel, (row, column) in enumerate(expected):
        length = lengths(atlas, panel)
        here = float(length[row, column])
        text = page.locator(f"#{ID} .lens-text").nth(panel).inner_text()
        assert f"row {row + 1}, column {column + 1}: length {activation(here)}," in text
        assert percent(here / length.max()) in text
        lens = page.locator(f"#{ID} .lens").nth(panel)
        seen = lens.evaluate(
            "lens => [getComputedStyle(lens).backgroundPosition, lens.style.backgroundImage]"
        )
        left, top = (float(part.rstrip("%")) for part in seen[0].split())
        last = SIDES[panel] - 1
        assert (left, top) == pytest.approx((100 * column / last, 100 * row / last), abs=0.01)
        assert "grids/coffee/" in seen[1]
    page.mouse.move(2, 2)
    assert positions(page) == expected


def test_the_last_row_and_column_are_cells_like_others(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    right = at(page, 0, 1, 0.1)
    page.locator(f"#{ID} .window").nth(0).hover(position={**right, "x": right["x"] - 0.5})
    assert [column for _, column in positions(page)] == [side - 1 for side in SIDES]
    bottom = at(page, 0, 0.9, 1)
    page.locator(f"#{ID} .window").nth(0).hover(position={**bottom, "y": bottom["y"] - 0.5})
    assert [row for row, _ in positions(page)] == [side - 1 for side in SIDES]


def test_buttons_zoom_all_layers_and_back(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    assert page.locator(f"#{ID} [value=out]").is_disabled()
    page.locator(f"#{ID} [value=in]").click()
    page.locator(f"#{ID} [value=in]").click()
    assert zoom(page) == pytest.approx(2.25)
    for panel in range(3):
        ratio = page.eval_on_selector_all(
            f"#{ID} .window",
            """(all, i) => {
              const view = all[i].querySelector(".photograph-view");
              return view.offsetWidth / all[i].offsetWidth;
            }""",
            panel,
        )
        assert ratio == pytest.approx(2.25, rel=0.01)
    hover(page, 1, 0, 0)
    assert positions(page)[1] == (4, 4)  # the window begins at 0.5 - 0.5 / 2.25 of the grid
    page.locator(f"#{ID} [value=whole]").click()
    assert zoom(page) == 1
    for _ in range(9):
        page.locator(f"#{ID} [value=in]").click(force=True)
    assert zoom(page) == 12
    assert page.locator(f"#{ID} [value=in]").is_disabled()


def test_the_wheel_zooms_with_a_modifier_only_and_keeps_the_position(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    hover(page, 2, 1, 5)
    page.mouse.wheel(0, 1)
    assert zoom(page) == 1
    hover(page, 2, 1, 5)
    before = positions(page)[2]
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_function(
        "() => document.querySelector('#activation-grids .zoom-level').textContent !== '100 %'"
    )
    box = page.locator(f"#{ID} .window").nth(2).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 5.5 / 7 + 1, box["y"] + box["height"] * 1.5 / 7 + 1)
    assert positions(page)[2] == before == (1, 5)


def test_dragging_moves_a_zoomed_grid_and_chooses_nothing(open_page: Open) -> None:
    page = open_page(f"#{ID}=view:400.500.500")
    ready(page, ID)
    start = at(page, 1, 0.5, 0.5)
    box = page.locator(f"#{ID} .window").nth(1).bounding_box()
    assert box
    page.mouse.move(box["x"] + start["x"], box["y"] + start["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + start["x"] + 0.4 * box["width"], box["y"] + start["y"], steps=4)
    page.mouse.up()
    page.wait_for_function("() => /view:400\\.400\\.500/.test(location.hash)")
    assert "held" not in page.evaluate("location.hash")
    assert zoom(page) == 4


def test_two_fingers_zoom(open_page: Open) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    page.locator(f"#{ID} .window").nth(1).scroll_into_view_if_needed()
    script = """() => {
        const target = document.querySelectorAll('#activation-grids .window')[1];
        const box = target.getBoundingClientRect();
        const send = (name, pointerId, x) => {
            const clientX = box.left + x * box.width;
            const clientY = box.top + box.height / 2;
            const finger = { pointerId, pointerType: 'touch', bubbles: true, clientX, clientY };
            target.dispatchEvent(new PointerEvent(name, finger));
        };
        for (const [name, left, right] of [
            ['pointerdown', 0.4, 0.6], ['pointermove', 0.2, 0.8], ['pointerup', 0.2, 0.8],
        ]) {
            send(name, 1, left);
            send(name, 2, right);
        }
    }"""
    page.evaluate(script)
    assert zoom(page) == pytest.approx(3)
    page.locator(f"#{ID} .window").nth(1).tap(position=at(page, 1, 0.5, 0.5))
    assert "held:yes" in page.evaluate("location.hash")


def test_the_keyboard_walks_zooms_and_is_followed(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=cell:1.7.7")
    ready(page, ID)
    page.locator(f"#{ID} .cell").nth(1).focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert zoom(page) == pytest.approx(3.38, abs=0.01)
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    assert positions(page)[1] == (7, 13)
    cell, window = (
        page.locator(f"#{ID} {part}").nth(1).bounding_box() for part in (".cell", ".window")
    )
    assert cell
    assert window
    assert cell["x"] >= window["x"] - 1
    assert cell["x"] + cell["width"] <= window["x"] + window["width"] + 1
    page.keyboard.press("0")
    assert zoom(page) == 1
    page.keyboard.press("Enter")
    hover(page, 1, 2, 2)
    assert positions(page)[1] == (7, 13)
    page.locator(f"#{ID} .cell").nth(1).focus()
    page.keyboard.press("Escape")
    hover(page, 1, 2, 2)
    assert positions(page)[1] == (2, 2)
    expect(page.locator(f"#{ID} .figure-live")).to_contain_text("row 3, column 3")


def test_area_is_proportional_to_magnitude(open_page: Open, atlas: Atlas) -> None:
    """Counted on the screen: pixels of a tile that are not the ground."""
    page = open_page(f"#{ID}=size:magnitude,cell:2.0.0", viewport={"width": 2400, "height": 1400})
    ready(page, ID)
    page.wait_for_function(
        "() => document.querySelectorAll('#activation-grids .window canvas')[2].width === 84"
    )
    page.locator(f"#{ID} .cells").nth(2).evaluate("element => element.style.display = 'none'")
    window = page.locator(f"#{ID} .window").nth(2)
    picture = np.asarray(Image.open(io.BytesIO(window.screenshot())).convert("RGB")).astype(int)
    ground = np.array([0xF6, 0xF7, 0xF8])
    covered = np.abs(picture - ground).max(axis=2) > 12
    length = lengths(atlas, 2) / lengths(atlas, 2).max()
    size = len(picture) / 7
    for row, column in ((1, 1), (3, 4), (5, 2), (2, 5)):
        tile = covered[
            round(row * size) : round((row + 1) * size),
            round(column * size) : round((column + 1) * size),
        ]
        assert tile.mean() == pytest.approx(length[row, column], abs=0.1)


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .sizes label").nth(1).click()
    page.locator(f"#{ID} [value=in]").click()
    page.locator(f"#{ID} .window").nth(1).click(position=at(page, 1, 0.3, 0.6))
    seen, address = positions(page), page.evaluate("location.hash")
    other = open_page(address)
    ready(other, ID)
    assert positions(other) == seen
    assert zoom(other) == 1.5
    assert other.locator(f"#{ID} [value=magnitude]").is_checked()
    page.go_back()
    page.wait_for_function("() => !location.hash.includes('held')")


@pytest.mark.parametrize(
    "state",
    ["cell:9.0.0", "cell:1.99.0", "view:x.y", "view:-5.0.0", "view:999999.1.1", "size:huge"],
)
def test_a_damaged_link_opens_all_the_same(open_page: Open, state: str) -> None:
    page = open_page(f"#{ID}={state}")
    ready(page, ID)
    assert 1 <= zoom(page) <= 12


def test_without_a_grid_the_photograph_stands_in_and_says_so(open_page: Open) -> None:
    page = open_page("#image=third")
    ready(page, ID)
    for text in page.locator(f"#{ID} .lens-text").all_inner_texts():
        assert "No grid yet" in text
    assert "photographs/third" in (
        page.locator(f"#{ID} .window img").first.get_attribute("src") or ""
    )


def test_a_picture_that_failed_is_marked(open_page: Open) -> None:
    page = open_page(f"#{ID}=cell:1.2.3")
    ready(page, ID)
    lens, text = (page.locator(f"#{ID} {part}").nth(1) for part in (".lens", ".lens-text"))
    assert lens.get_attribute("data-picture") == "dead"
    expect(text).to_contain_text("does not show what is active here")
    hover(page, 1, 3, 3)
    assert lens.get_attribute("data-picture") == "alive"
    expect(text).not_to_contain_text("does not show")


def test_the_table_holds_the_same_numbers(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=cell:2.3.3")
    ready(page, ID)
    page.locator(f"#{ID} summary").click()
    rows = [row.split("\t") for row in page.locator(f"#{ID} tbody").inner_text().split("\n")]
    length = lengths(atlas, 2)
    assert rows[2][1:] == [
        "row 4, column 4",
        activation(float(length[3, 3])),
        percent(length[3, 3] / length.max()),
    ]


def test_without_javascript_the_grids_are_pictures(open_page: Open, atlas: Atlas) -> None:
    page = open_page(java_script_enabled=False)
    pictures = page.locator(f"#{ID} .plain-grids img")
    assert pictures.count() == len(atlas.network.layers)
    pictures.first.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    assert pictures.first.evaluate("image => image.naturalWidth") == 28 * 12
