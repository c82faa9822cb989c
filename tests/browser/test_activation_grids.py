"""Activation grids: linked places, zoom by every means, pictures sized by magnitude, and what stands in for a missing grid."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready

ID = "activation-grids"
SIDES = (28, 14, 7)


def at(page: Page, panel: int, x: float, y: float) -> dict[str, float]:
    """A place of a layer's window, by shares of its width and height."""
    window = page.locator(f"#{ID} .window").nth(panel)
    window.scroll_into_view_if_needed()
    box = window.bounding_box()
    assert box
    return {"x": box["width"] * x, "y": box["height"] * y}


def hover(page: Page, panel: int, row: int, column: int) -> None:
    side = SIDES[panel]
    page.locator(f"#{ID} .window").nth(panel).hover(position=at(page, panel, (column + 0.5) / side, (row + 0.5) / side))


def places(page: Page) -> list[tuple[int, int]]:
    cells = page.locator(f"#{ID} .cell").all()
    return [
        (int(cell.locator("..").get_attribute("aria-rowindex") or 0) - 1, int(cell.get_attribute("aria-colindex") or 0) - 1)
        for cell in cells
    ]


def zoom(page: Page) -> float:
    return float(page.locator(f"#{ID} .zoom-level").inner_text().replace("%", "")) / 100


def text_of(value: float) -> str:
    return "0" if value == 0 else f"{float(f'{value:.2g}'):g}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def lengths(atlas: Atlas, panel: int) -> np.ndarray:
    with atlas.image(atlas.photographs[0]) as file:
        return np.linalg.norm(file.values(f"activation/{atlas.network.layers[panel].name}").astype(np.float32), axis=0)


def test_one_place_is_marked_and_enlarged_in_every_layer(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    hover(page, 1, 5, 9)
    expected = [(int(5.5 * side / 14), int(9.5 * side / 14)) for side in SIDES]
    assert places(page) == expected
    for panel, (row, column) in enumerate(expected):
        length = lengths(atlas, panel)
        text = page.locator(f"#{ID} .lens-text").nth(panel).inner_text()
        assert f"row {row + 1}, column {column + 1}: length {text_of(float(length[row, column]))}," in text
        assert f"{100 * length[row, column] / length.max():.1f} %" in text
        seen = page.locator(f"#{ID} .lens").nth(panel).evaluate("e => [getComputedStyle(e).backgroundPosition, e.style.backgroundImage]")
        left, top = (float(part.rstrip("%")) for part in seen[0].split())
        assert (left, top) == pytest.approx((100 * column / (SIDES[panel] - 1), 100 * row / (SIDES[panel] - 1)), abs=0.01)
        assert "grids/coffee/" in seen[1]
    page.mouse.move(2, 2)
    assert places(page) == expected


def test_the_last_row_and_column_are_cells_like_others(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    right = at(page, 0, 1, 0.1)
    page.locator(f"#{ID} .window").nth(0).hover(position={**right, "x": right["x"] - 0.5})
    assert [column for _, column in places(page)] == [side - 1 for side in SIDES]
    bottom = at(page, 0, 0.9, 1)
    page.locator(f"#{ID} .window").nth(0).hover(position={**bottom, "y": bottom["y"] - 0.5})
    assert [row for row, _ in places(page)] == [side - 1 for side in SIDES]


def test_buttons_zoom_all_layers_and_back(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    assert page.locator(f"#{ID} [value=out]").is_disabled()
    page.locator(f"#{ID} [value=in]").click()
    page.locator(f"#{ID} [value=in]").click()
    assert zoom(page) == pytest.approx(2.25)
    for panel in range(3):
        ratio = page.eval_on_selector_all(
            f"#{ID} .window", f"all => all[{panel}].querySelector('.stage').offsetWidth / all[{panel}].offsetWidth"
        )
        assert ratio == pytest.approx(2.25, rel=0.01)
    hover(page, 1, 0, 0)
    assert places(page)[1] == (4, 4)  # the window begins at 0.5 - 0.5 / 2.25 of the grid
    page.locator(f"#{ID} [value=whole]").click()
    assert zoom(page) == 1
    for _ in range(9):
        page.locator(f"#{ID} [value=in]").click(force=True)
    assert zoom(page) == 12
    assert page.locator(f"#{ID} [value=in]").is_disabled()


def test_the_wheel_zooms_with_a_modifier_only_and_keeps_the_place(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    hover(page, 2, 1, 5)
    page.mouse.wheel(0, 1)
    assert zoom(page) == 1
    hover(page, 2, 1, 5)
    before = places(page)[2]
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_function("() => document.querySelector('#activation-grids .zoom-level').textContent !== '100 %'")
    box = page.locator(f"#{ID} .window").nth(2).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 5.5 / 7 + 1, box["y"] + box["height"] * 1.5 / 7 + 1)
    assert places(page)[2] == before == (1, 5)


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
        const target = document.querySelectorAll('#activation-grids .window')[1], box = target.getBoundingClientRect();
        const send = (name, pointerId, x) => target.dispatchEvent(new PointerEvent(name, { pointerId, pointerType: 'touch', bubbles: true,
            clientX: box.left + x * box.width, clientY: box.top + box.height / 2 }));
        send('pointerdown', 1, 0.4); send('pointerdown', 2, 0.6);
        send('pointermove', 1, 0.2); send('pointermove', 2, 0.8);
        send('pointerup', 1, 0.2); send('pointerup', 2, 0.8);
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
    assert places(page)[1] == (7, 13)
    cell, window = (page.locator(f"#{ID} {part}").nth(1).bounding_box() for part in (".cell", ".window"))
    assert cell
    assert window
    assert cell["x"] >= window["x"] - 1
    assert cell["x"] + cell["width"] <= window["x"] + window["width"] + 1
    page.keyboard.press("0")
    assert zoom(page) == 1
    page.keyboard.press("Enter")
    hover(page, 1, 2, 2)
    assert places(page)[1] == (7, 13)
    page.locator(f"#{ID} .cell").nth(1).focus()
    page.keyboard.press("Escape")
    hover(page, 1, 2, 2)
    assert places(page)[1] == (2, 2)
    expect(page.locator(f"#{ID} .figure-live")).to_contain_text("row 3, column 3")


def test_area_is_proportional_to_magnitude(open_page: Open, atlas: Atlas) -> None:
    """Counted on the screen: pixels of a tile that are not the ground."""
    page = open_page(f"#{ID}=size:magnitude,cell:2.0.0", viewport={"width": 2400, "height": 1400})
    ready(page, ID)
    page.wait_for_function("() => document.querySelectorAll('#activation-grids .window canvas')[2].width === 84")
    page.locator(f"#{ID} .cells").nth(2).evaluate("element => element.style.display = 'none'")
    window = page.locator(f"#{ID} .window").nth(2)
    from io import BytesIO

    from PIL import Image

    picture = np.asarray(Image.open(BytesIO(window.screenshot())).convert("RGB")).astype(int)
    ground = np.array([0xF6, 0xF7, 0xF8])
    covered = np.abs(picture - ground).max(axis=2) > 12
    length = lengths(atlas, 2) / lengths(atlas, 2).max()
    size = len(picture) / 7
    for row, column in ((1, 1), (3, 4), (5, 2), (2, 5)):
        tile = covered[round(row * size) : round((row + 1) * size), round(column * size) : round((column + 1) * size)]
        assert tile.mean() == pytest.approx(length[row, column], abs=0.1)


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .sizes label").nth(1).click()
    page.locator(f"#{ID} [value=in]").click()
    page.locator(f"#{ID} .window").nth(1).click(position=at(page, 1, 0.3, 0.6))
    seen, address = places(page), page.evaluate("location.hash")
    other = open_page(address)
    ready(other, ID)
    assert places(other) == seen
    assert zoom(other) == 1.5
    assert other.locator(f"#{ID} [value=magnitude]").is_checked()
    page.go_back()
    page.wait_for_function("() => !location.hash.includes('held')")


@pytest.mark.parametrize("state", ["cell:9.0.0", "cell:1.99.0", "view:x.y", "view:-5.0.0", "view:999999.1.1", "size:huge"])
def test_a_damaged_link_opens_all_the_same(open_page: Open, state: str) -> None:
    page = open_page(f"#{ID}={state}")
    ready(page, ID)
    assert 1 <= zoom(page) <= 12


def test_without_a_grid_the_photograph_stands_in_and_says_so(open_page: Open) -> None:
    page = open_page("#image=third")
    ready(page, ID)
    for text in page.locator(f"#{ID} .lens-text").all_inner_texts():
        assert "No grid has been rendered" in text
    assert "photographs/third" in (page.locator(f"#{ID} .window img").first.get_attribute("src") or "")


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
    assert rows[2][1:] == ["row 4, column 4", text_of(float(length[3, 3])), f"{100 * length[3, 3] / length.max():.1f} %"]


def test_without_javascript_the_grids_are_pictures(open_page: Open, atlas: Atlas) -> None:
    page = open_page(java_script_enabled=False)
    pictures = page.locator(f"#{ID} .plain-grids img")
    assert pictures.count() == len(atlas.network.layers)
    pictures.first.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    assert pictures.first.evaluate("image => image.naturalWidth") == 28 * 12
