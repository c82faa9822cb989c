"""Spatial attribution: by pointer, key, finger and link, with the store's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.atlas import Atlas
from pipeline.views.classes import top_classes
from pipeline.views.saliency import colours
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready

ID = "spatial-attribution"


def point(
    page: Page, panel: int, row: int, column: int, side: int
) -> tuple[Locator, dict[str, float]]:
    cells = page.locator(f"#{ID} .layer-map .cells").nth(panel)
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    assert box
    return cells, {
        "x": box["width"] * (column + 0.5) / side,
        "y": box["height"] * (row + 0.5) / side,
    }


def hover(page: Page, panel: int, row: int, column: int, side: int) -> None:
    cells, position = point(page, panel, row, column, side)
    cells.hover(position=position)


def listed(page: Page, part: str = ".evidence-list") -> list[tuple[str, str]]:
    rows = page.locator(f"#{ID} {part} .evidence-row").all()
    return [
        (row.locator(".class-name").text_content() or "", row.locator(".value").inner_text())
        for row in rows
    ]


def signed(value: float, digits: int = 3) -> str:
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[1:] if float(f"{value:.{digits}f}") == 0 else text


def stored(atlas: Atlas, layer: int, content: str = "attribution") -> np.ndarray:
    path = f"{content}/{atlas.network.layers[layer].name}.spatial/output.neuron"
    with atlas.open(atlas.photographs[0]) as file:
        return file.values(path).astype(float)


def canvas(page: Page, panel: int, row: int, column: int, side: int) -> list[int]:
    """Colour of the middle of a cell of the map over a layer."""
    script = """([panel, row, column, side]) => {
        const maps = document.querySelectorAll('#spatial-attribution .layer-map canvas');
        const canvas = maps[panel];
        const size = canvas.width / side;
        const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
        copy.drawImage(canvas, -Math.floor((column + 0.5) * size), -Math.floor((row + 0.5) * size));
        return [...copy.getImageData(0, 0, 1, 1).data];
    }"""
    return list(page.evaluate(script, [panel, row, column, side]))


@pytest.mark.parametrize(
    ("panel", "row", "column", "side"), [(0, 3, 20, 28), (1, 13, 0, 14), (2, 6, 6, 7)]
)
def test_a_cell_shows_what_it_gives_the_classes(
    open_page: Open, atlas: Atlas, panel: int, row: int, column: int, side: int
) -> None:
    page = open_page()
    ready(page, ID)
    hover(page, panel, row, column, side)
    values = stored(atlas, panel)[row, column]
    probable = [each.index for each in top_classes(atlas, atlas.photographs[0])]
    order = np.argsort(-values, kind="stable")
    supported = [k for k in order[:3] if values[k] > 0]
    opposed = [k for k in order[:-4:-1] if values[k] < 0]
    parts = {".evidence-list": probable, ".cell-extremes": [*supported, *opposed]}
    for part, classes in parts.items():
        expected = [(atlas.network.classes[k], signed(values[k])) for k in classes]
        assert listed(page, part) == expected
    lost = stored(atlas, panel, "removal")[row, column]
    page.mouse.move(2, 2)
    page.evaluate("atlas.state.set('bars', {by: 'removal'})")
    hover(page, panel, row, column, side)
    for part, classes in parts.items():
        expected = [(atlas.network.classes[k], signed(lost[k])) for k in classes]
        assert listed(page, part) == expected
    page.mouse.move(2, 2)
    page.evaluate("atlas.state.set('bars', {by: null})")
    hover(page, panel, row, column, side)
    relations = [text.strip() for text in page.locator(f"#{ID} .relation").all_inner_texts()]
    before, after = ["What fed it in"] * panel, ["What it feeds in"] * (2 - panel)
    assert relations == [*before, "This cell of", *after]
    page.mouse.move(2, 2)
    expect(page.locator(f"#{ID} .classes h3")).to_have_text("The most probable classes")


def test_ticks_and_words_show_the_effect_of_removal(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    probable = [each.index for each in top_classes(atlas, atlas.photographs[0])]
    shares, lost = (stored(atlas, 2, content) for content in ("attribution", "removal"))
    # The scale is that of all maps of the layer.
    most = float(page.evaluate(f"document.getElementById('{ID}').layers[2].most"))
    assert most >= max(np.abs(each[..., probable]).max() for each in (shares, lost))
    said = set()
    for row, column in np.ndindex(7, 7):
        page.evaluate(f"atlas.state.set('{ID}', {{cell: '2.{row}.{column}'}})")
        words = page.locator(f"#{ID} .evidence-list .disagrees").all_inner_texts()
        pairs = list(zip(shares[row, column, probable], lost[row, column, probable], strict=True))
        assert words == [
            ""
            if share * removal >= 0 or min(abs(share), abs(removal)) < most / 20
            else "alone not missed"
            if share > 0
            else "helps only beside the others"
            for share, removal in pairs
        ]
        said |= set(words)
        left = page.eval_on_selector_all(
            f"#{ID} .evidence-list .tick", "ticks => ticks.map(tick => parseFloat(tick.style.left))"
        )
        off = 0.02 + 50 * 0.0005 / most  # the page has the effects to three decimals
        assert left == pytest.approx([50 + 50 * removal / most for _, removal in pairs], abs=off)
    assert len(said) == 3


@pytest.mark.parametrize("content", ["attribution", "removal"])
def test_maps_between_layers_have_the_stores_sign_and_strength(
    open_page: Open, atlas: Atlas, content: str
) -> None:
    bars = "&bars=by:removal" if content == "removal" else ""
    page = open_page(f"#{ID}=cell:1.4.9{bars}")
    ready(page, ID)
    relations = page.locator(f"#{ID} .relation").all_inner_texts()
    assert ("Effect on it of removing a cell of" in relations) == (content == "removal")
    below, here, above = (f"{layer.name}.spatial" for layer in atlas.network.layers)
    with atlas.open(atlas.photographs[0]) as file:
        fed = file.values(f"{content}/{below}/{here}")[:, :, 4, 9].astype(float)
        feeds = file.values(f"{content}/{here}/{above}")[4, 9].astype(float)
    for panel, values in ((0, fed), (2, feeds)):
        drawn = page.locator(f"#{ID} .layer-map").nth(panel)
        expect(drawn).to_have_attribute("data-map", "pair")
        side, largest = len(values), np.abs(values).max()
        ends = [np.unravel_index(k, values.shape) for k in (values.argmax(), values.argmin())]
        for row, column in [(0, 0), *ends]:
            red, green, _, opacity = canvas(page, panel, int(row), int(column), side)
            share = values[row, column] / largest
            assert opacity == pytest.approx(255 * abs(share), abs=16)
            if abs(share) > 0.1:
                assert (green > red) == (share > 0)
        maximum = page.locator(f"#{ID} .map-scale .maximum").nth(panel).inner_text()
        # Removals of this cell are small beside others', so that their levels are coarser.
        assert float(maximum) == pytest.approx(largest, rel=0.05 if content != "removal" else 0.12)


def test_a_class_shows_where_its_evidence_is(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    second = top_classes(atlas, atlas.photographs[0])[1]
    page.locator(f"#{ID} .evidence-list .evidence-row").nth(1).hover()
    now = page.locator(f"#{ID} .shown-now")
    expect(now).to_contain_text(second.name)
    for panel, layer in enumerate(atlas.network.layers):
        with atlas.open(atlas.photographs[0]) as file:
            whole = file.values("logits") - file.values(f"baseline/{layer.name}")
        total = stored(atlas, panel)[..., second.index].sum()
        expect(now).to_contain_text(f"{signed(total, 2)} of {signed(whole[second.index], 2)}")
    for content in ("attribution", "removal"):
        if content == "removal":
            page.mouse.move(2, 2)
            page.evaluate("atlas.state.set('bars', {by: 'removal'})")
            page.locator(f"#{ID} .evidence-list .evidence-row").nth(1).hover()
            expect(now).to_contain_text("do not add up")
        for panel, side in enumerate((28, 14, 7)):
            values = stored(atlas, panel, content)[..., second.index]
            row, column = np.unravel_index(np.abs(values).argmax(), values.shape)
            red, green, *_ = canvas(page, panel, int(row), int(column), side)
            assert (green > red) == (values[row, column] > 0)


def test_the_overview_has_the_colours_of_the_factors(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    for sign in ("for", "against"):
        if sign == "against":
            page.locator(f"#{ID} .signs label").nth(1).click()
            assert f"{ID}=sign:against" in page.evaluate("location.hash")
        page.mouse.move(2, 2)
        for panel, layer in enumerate(atlas.network.layers):
            with atlas.open(atlas.photographs[0]) as file:
                expected = colours(file.values(f"saliency/{sign}/{layer.name}/spatial"))
            for row, column in ((0, 0), (3, 5), (6, 6)):
                pixel = canvas(page, panel, row, column, len(expected))
                assert pixel[:3] == expected[row, column].tolist()
        values = [value for _, value in listed(page, ".factor-lists")]
        assert values
        mark = "+" if sign == "for" else "−"
        assert all(value.startswith(mark) or float(value) == 0 for value in values)


def test_a_direction_shows_where_it_is(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .factor").nth(1).click()
    assert page.locator(f"#{ID} .factor").nth(1).get_attribute("aria-pressed") == "true"
    with atlas.open(atlas.photographs[0]) as file:
        spatial = file.values(f"saliency/for/{atlas.network.layers[1].name}/spatial")[1]
    row, column = np.unravel_index(spatial.argmax(), spatial.shape)
    assert canvas(page, 1, int(row), int(column), 14)[3] == 255
    row, column = np.unravel_index(spatial.argmin(), spatial.shape)
    least = 255 * spatial.min() / spatial.max()
    assert canvas(page, 1, int(row), int(column), 14)[3] == pytest.approx(least, abs=3)


def test_the_keyboard_walks_holds_and_lets_go(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    first, second = page.locator(f"#{ID} .evidence-list button").all()[:2]
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    assert second.get_attribute("aria-pressed") == "true"
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
    probable = top_classes(atlas, atlas.photographs[0])[0]
    assert listed(page)[0] == (probable.name, signed(stored(atlas, 1)[0, 1, probable.index]))
    expect(page.locator(f"#{ID} .figure-live")).to_contain_text("row 1, column 2")
    page.keyboard.press("Escape")
    assert "cell:" not in page.evaluate("location.hash")


def test_a_finger_chooses(open_page: Open, atlas: Atlas) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    cells, position = point(page, 2, 1, 5, 7)
    cells.tap(position=position)
    assert "cell:2.1.5" in page.evaluate("location.hash")
    first = top_classes(atlas, atlas.photographs[0])[0]
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
    other.wait_for_function(
        "heading => document.querySelector(heading).textContent.startsWith('This cell')",
        arg=f"#{ID} .classes h3",
    )


@pytest.mark.parametrize(
    "state",
    [
        "cell:9.0.0",
        "cell:1.99.0",
        "cell:x",
        "class:77",
        "factor:9",
        "factor:-1,sign:up",
        "cell:1.1",
    ],
)
def test_a_damaged_link_opens_the_overview(open_page: Open, state: str) -> None:
    page = open_page(f"#{ID}={state}")
    ready(page, ID)
    expect(page.locator(f"#{ID} .shown-now")).to_contain_text("Overview: shares for")


TOP = "element => element.getBoundingClientRect().top + scrollY"


def test_nothing_below_moves_when_the_view_changes(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    tops = set()
    for act in (
        lambda: hover(page, 1, 3, 3, 14),
        lambda: page.mouse.move(2, 2),
        lambda: hover(page, 0, 9, 9, 28),
    ):
        act()
        tops.add(page.eval_on_selector(f"#{ID} .layer-maps", TOP))
    assert len(tops) == 1


def test_the_table_holds_the_same_numbers(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=cell:1.8.8")
    ready(page, ID)
    page.locator(f"#{ID} summary").click()
    rows = [row.split("\t") for row in page.locator(f"#{ID} tbody").inner_text().split("\n")]
    assert [row[-2] for row in rows[:5]] == [value for _, value in listed(page)]
    lost = stored(atlas, 1, "removal")[8, 8]
    probable = [each.index for each in top_classes(atlas, atlas.photographs[0])]
    assert [row[-1] for row in rows[:5]] == [signed(lost[k]) for k in probable]
    with atlas.open(atlas.photographs[0]) as file:
        below, here = (f"{layer.name}.spatial" for layer in atlas.network.layers[:2])
        fed = file.values(f"attribution/{below}/{here}")[:, :, 8, 8].astype(float)
    sums = [float(rows[5][i].replace("−", "-")) for i in (2, 3)]
    expected = [np.maximum(fed, 0).sum(), np.minimum(fed, 0).sum()]
    assert sums == pytest.approx(expected, abs=0.03 * np.abs(fed).sum())


def test_without_javascript_the_evidence_is_a_table(open_page: Open, atlas: Atlas) -> None:
    page = open_page(java_script_enabled=False)
    assert not page.locator(f"#{ID} .layer-maps").is_visible()
    rows = page.locator(f"#{ID} .plain-table tbody tr")
    assert rows.count() == len(atlas.network.layers)
