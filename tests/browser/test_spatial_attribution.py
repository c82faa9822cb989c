"""Spatial attribution: by pointer, key, finger and link, with the store's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.atlas import Atlas
from pipeline.figures.classes import leading
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready

ID = "spatial-attribution"


def point(page: Page, panel: int, row: int, column: int, side: int) -> tuple[Locator, dict[str, float]]:
    cells = page.locator(f"#{ID} .layer-map .cells").nth(panel)
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    assert box
    return cells, {"x": box["width"] * (column + 0.5) / side, "y": box["height"] * (row + 0.5) / side}


def hover(page: Page, panel: int, row: int, column: int, side: int) -> None:
    cells, position = point(page, panel, row, column, side)
    cells.hover(position=position)


def listed(page: Page, part: str = ".evidence-list") -> list[tuple[str, str]]:
    rows = page.locator(f"#{ID} {part} .evidence-row").all()
    return [(row.locator(".class-name").text_content() or "", row.locator(".value").inner_text()) for row in rows]


def signed(value: float, digits: int = 3) -> str:
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[1:] if float(f"{value:.{digits}f}") == 0 else text


def stored(atlas: Atlas, layer: int, photograph: int = 0) -> np.ndarray:
    with atlas.image(atlas.photographs[photograph]) as file:
        return file.values(f"attribution/{atlas.network.layers[layer].name}.spatial/output.neuron").astype(float)


def canvas(page: Page, panel: int, row: int, column: int, side: int) -> list[int]:
    """Colour of the middle of a cell of the map over a layer."""
    script = """([panel, row, column, side]) => {
        const canvas = document.querySelectorAll('#spatial-attribution .layer-map canvas')[panel], size = canvas.width / side;
        const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
        copy.drawImage(canvas, -Math.floor((column + 0.5) * size), -Math.floor((row + 0.5) * size));
        return [...copy.getImageData(0, 0, 1, 1).data];
    }"""
    return list(page.evaluate(script, [panel, row, column, side]))


@pytest.mark.parametrize(("panel", "row", "column", "side"), [(0, 3, 20, 28), (1, 13, 0, 14), (2, 6, 6, 7)])
def test_a_cell_tells_what_it_gives_the_classes(open_page: Open, atlas: Atlas, panel: int, row: int, column: int, side: int) -> None:
    page = open_page()
    ready(page, ID)
    hover(page, panel, row, column, side)
    values = stored(atlas, panel)[row, column]
    assert listed(page) == [(each.name, signed(values[each.index])) for each in leading(atlas, atlas.photographs[0])]
    order = np.argsort(-values, kind="stable")
    assert listed(page, ".cell-extremes") == [(atlas.network.classes[k], signed(values[k])) for k in [*order[:3], *order[:-4:-1]]]
    relations = [text.strip() for text in page.locator(f"#{ID} .relation").all_inner_texts()]
    assert relations == [("What fed it in", "This cell of", "What it feeds in")[1 + (i > panel) - (i < panel)] for i in range(3)]
    page.mouse.move(2, 2)
    expect(page.locator(f"#{ID} .classes h3")).to_have_text("The most probable classes")


def test_maps_between_layers_have_the_stores_sign_and_strength(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=cell:1.4.9")
    ready(page, ID)
    below, here, above = (f"{layer.name}.spatial" for layer in atlas.network.layers)
    with atlas.image(atlas.photographs[0]) as file:
        fed = file.values(f"attribution/{below}/{here}")[:, :, 4, 9].astype(float)
        feeds = file.values(f"attribution/{here}/{above}")[4, 9].astype(float)
    for panel, values in ((0, fed), (2, feeds)):
        side, largest = len(values), np.abs(values).max()
        for row, column in ((0, 0), np.unravel_index(values.argmax(), values.shape), np.unravel_index(values.argmin(), values.shape)):
            red, green, _, opacity = canvas(page, panel, int(row), int(column), side)
            share = values[row, column] / largest
            assert opacity == pytest.approx(255 * abs(share), abs=16)
            if abs(share) > 0.1:
                assert (green > red) == (share > 0)
        assert float(page.locator(f"#{ID} .map-scale .maximum").nth(panel).inner_text()) == pytest.approx(largest, rel=0.05)


def test_a_class_shows_where_its_evidence_is(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    second = leading(atlas, atlas.photographs[0])[1]
    page.locator(f"#{ID} .evidence-list .evidence-row").nth(1).hover()
    for panel, side in enumerate((28, 14, 7)):
        values = stored(atlas, panel)[..., second.index]
        row, column = np.unravel_index(np.abs(values).argmax(), values.shape)
        red, green, *_ = canvas(page, panel, int(row), int(column), side)
        assert (green > red) == (values[row, column] > 0)
    expect(page.locator(f"#{ID} .shown-now")).to_contain_text(second.name)
    totals = [signed(stored(atlas, panel)[..., second.index].sum(), 2) for panel in range(3)]
    text = page.locator(f"#{ID} .shown-now").inner_text()
    assert all(total in text for total in totals)


def test_at_rest_the_directions_have_the_stored_colours(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    for sign in ("for", "against"):
        if sign == "against":
            page.locator(f"#{ID} .signs label").nth(1).click()
            assert f"{ID}=sign:against" in page.evaluate("location.hash")
        page.mouse.move(2, 2)
        for panel, layer in enumerate(atlas.network.layers):
            with atlas.image(atlas.photographs[0]) as file:
                colours = file.values(f"saliency/{sign}/{layer.name}/colours")
            for row, column in ((0, 0), (3, 5), (6, 6)):
                assert canvas(page, panel, row, column, len(colours))[:3] == colours[row, column].tolist()
        values = [value for _, value in listed(page, ".factor-lists")]
        assert values
        assert all(value.startswith("+" if sign == "for" else "−") or float(value) == 0 for value in values)


def test_a_direction_shows_where_it_is(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .factor").nth(1).click()
    assert page.locator(f"#{ID} .factor").nth(1).get_attribute("aria-pressed") == "true"
    with atlas.image(atlas.photographs[0]) as file:
        spatial = file.values(f"saliency/for/{atlas.network.layers[1].name}/spatial")[1]
    row, column = np.unravel_index(spatial.argmax(), spatial.shape)
    assert canvas(page, 1, int(row), int(column), 14)[3] == 255
    row, column = np.unravel_index(spatial.argmin(), spatial.shape)
    assert canvas(page, 1, int(row), int(column), 14)[3] == pytest.approx(255 * spatial.min() / spatial.max(), abs=3)


def test_the_keyboard_walks_holds_and_lets_go(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .evidence-list button").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"#{ID} .evidence-list button").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    assert page.locator(f"#{ID} .evidence-list button").nth(1).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.locator(f"#{ID} [aria-pressed=true]").count() == 0
    page.locator(f"#{ID} .factor").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#{ID} .factor").first).to_be_focused()
    page.keyboard.press("Escape")
    page.locator(f"#{ID} .layer-map .cell").nth(1).focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator(f"#{ID} .layer-map .cell").nth(1).get_attribute("aria-selected") == "true"
    assert "cell:1.0.1" in page.evaluate("location.hash")
    first = leading(atlas, atlas.photographs[0])[0]
    assert listed(page)[0] == (first.name, signed(stored(atlas, 1)[0, 1, first.index]))
    expect(page.locator(f"#{ID} .figure-live")).to_contain_text("row 1, column 2")
    page.keyboard.press("Escape")
    assert "cell:" not in page.evaluate("location.hash")


def test_a_finger_chooses(open_page: Open, atlas: Atlas) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    cells, position = point(page, 2, 1, 5, 7)
    cells.tap(position=position)
    assert "cell:2.1.5" in page.evaluate("location.hash")
    first = leading(atlas, atlas.photographs[0])[0]
    assert listed(page)[0] == (first.name, signed(stored(atlas, 2)[1, 5, first.index]))
    cells.tap(position=position)
    assert "cell:" not in page.evaluate("location.hash")


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page("#image=third")
    ready(page, ID)
    cells, position = point(page, 1, 10, 3, 14)
    cells.click(position=position)
    seen, address = listed(page), page.evaluate("location.hash")
    other = open_page(address)
    ready(other, ID)
    assert listed(other) == seen
    other.locator(f"#{ID} .factor-lists .evidence-row").first.click()
    other.mouse.move(2, 2)
    expect(other.locator(f"#{ID} .classes h3")).to_have_text("The most probable classes")
    other.go_back()
    other.wait_for_function(f"() => document.querySelector('#{ID} .classes h3').textContent.startsWith('What this cell')")


@pytest.mark.parametrize("state", ["cell:9.0.0", "cell:1.99.0", "cell:x", "class:77", "factor:9", "factor:-1,sign:up", "cell:1.1"])
def test_a_damaged_link_opens_at_rest(open_page: Open, state: str) -> None:
    page = open_page(f"#{ID}={state}")
    ready(page, ID)
    expect(page.locator(f"#{ID} .shown-now")).to_contain_text("At rest: evidence for")


def test_nothing_below_moves_when_the_view_changes(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    tops = set()
    for act in (lambda: hover(page, 1, 3, 3, 14), lambda: page.mouse.move(2, 2), lambda: hover(page, 0, 9, 9, 28)):
        act()
        tops.add(page.eval_on_selector(f"#{ID} .layer-maps", "element => element.getBoundingClientRect().top + scrollY"))
    assert len(tops) == 1


def test_the_table_holds_the_same_numbers(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=cell:1.8.8")
    ready(page, ID)
    page.locator(f"#{ID} summary").click()
    rows = [row.split("\t") for row in page.locator(f"#{ID} tbody").inner_text().split("\n")]
    assert [row[-1] for row in rows[:5]] == [value for _, value in listed(page)]
    with atlas.image(atlas.photographs[0]) as file:
        below, here = (f"{layer.name}.spatial" for layer in atlas.network.layers[:2])
        fed = file.values(f"attribution/{below}/{here}")[:, :, 8, 8].astype(float)
    sums = [float(rows[5][i].replace("−", "-")) for i in (2, 3)]
    assert sums == pytest.approx([np.maximum(fed, 0).sum(), np.minimum(fed, 0).sum()], abs=0.03 * np.abs(fed).sum())


def test_without_javascript_the_evidence_is_a_table(open_page: Open, atlas: Atlas) -> None:
    page = open_page(java_script_enabled=False)
    assert not page.locator(f"#{ID} .layer-maps").is_visible()
    rows = page.locator(f"#{ID} .plain-table tbody tr")
    assert rows.count() == len(atlas.network.layers)
