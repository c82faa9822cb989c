"""The activation cube: atoms by pointer, key, finger and link, with the store's numbers.

Figures that use the chosen kind of atom are marked.
"""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from tests.browser.chromium import PHONE
from tests.browser.conftest import PATH, Open, ready

ID = "activation-cube"
MIDDLE = "blocks.4/x:y,z=1&w"


def activations(atlas: Atlas, layer: str = MIDDLE, photograph: int = 0) -> np.ndarray:
    with atlas.open(atlas.photographs[photograph]) as file:
        return file.values(f"activation/{layer}").astype(np.float32)


def text(page: Page, atom: str) -> str:
    return page.locator(f'#{ID} .cube[value="{atom}"] .cube-text').inner_text()


def number(page: Page, atom: str) -> float:
    """The last number in a drawing's text."""
    return float(text(page, atom).split()[-1])


def close(shown: float, value: float) -> bool:
    return abs(shown - value) <= max(0.05, 0.006 * abs(value))


def test_the_drawings_show_the_stores_numbers(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=cell:3.5,group:1")
    ready(page, ID)
    a = activations(atlas)
    channel = int(a.sum((1, 2)).argmax())
    assert "7\u202f840 in this layer" in text(page, "neuron")
    assert f"channel {channel}, row 4, column 6" in text(page, "neuron")
    assert close(number(page, "neuron"), float(a[channel, 3, 5]))
    assert "196 in this layer" in text(page, "spatial")
    assert close(number(page, "spatial"), float(np.linalg.norm(a[:, 3, 5])))
    assert close(number(page, "channel"), float(a[channel].sum()))
    with atlas.open(atlas.photographs[0]) as file:
        w, h = (file.values(f"group/{MIDDLE}/6/{name}") for name in ("spatial", "channels"))
    presence = w * np.linalg.norm(h, axis=1)[:, None, None]
    assert "6 in this layer" in text(page, "group")
    assert abs(number(page, "group") - presence[0, 3, 5]) < 0.02 * presence.max()


def test_pointing_at_the_photograph_moves_the_position(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    cells = page.locator(f"#{ID} .cells")
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    assert box
    cells.hover(position={"x": 9.5 / 14 * box["width"], "y": 2.5 / 14 * box["height"]})
    assert "row 3, column 10" in text(page, "spatial")
    assert close(number(page, "spatial"), float(np.linalg.norm(activations(atlas)[:, 2, 9])))
    page.wait_for_function("() => location.hash.includes('cell:2.9')")


def test_the_overlay_moves_with_the_position(open_page: Open, server: str) -> None:
    page = open_page(f"#{ID}=cell:3.5", url=f"{server}/{PATH}")
    ready(page, ID)
    page.wait_for_function(f"() => document.querySelector('#{ID} img').complete")
    picture = f"document.querySelector('#{ID} .cube[value=spatial] canvas').toDataURL()"
    before = page.evaluate(picture)
    page.locator(f"#{ID} .cell").press("ArrowDown")
    assert "row 5, column 6" in text(page, "spatial")
    assert page.evaluate(picture) != before


def test_choosing_a_cut_marks_the_figures_that_use_it(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    positions = page.locator(f'#{ID} .cube[value="spatial"]')
    positions.click()
    expect(positions).to_have_attribute("aria-pressed", "true")
    section = page.locator("#semantic-dictionary-section")
    expect(section).to_have_attribute("data-uses", "positions")
    expect(page.locator(f'#{ID} .uses a[href="#semantic-dictionary-section"]')).to_be_visible()
    assert page.locator("#predictions-section").get_attribute("data-uses") is None
    page.keyboard.press("Escape")
    expect(positions).to_have_attribute("aria-pressed", "false")
    assert section.get_attribute("data-uses") is None


def test_a_link_leads_to_the_same_position_in_another_figure(open_page: Open) -> None:
    page = open_page(f"#{ID}=cell:3.5,atom:spatial")
    ready(page, ID)
    block = page.evaluate(f"document.getElementById('{ID}').layer.block")
    page.locator(f'#{ID} .uses a[href="#semantic-dictionary-section"]').click()
    ready(page, "semantic-dictionary")
    expect(page.locator("#semantic-dictionary .cell")).to_have_attribute(
        "aria-colindex", str(5 // block + 1)
    )
    assert page.locator("#semantic-dictionary input:checked").get_attribute("value") == MIDDLE


def test_channel_and_group_are_shown_on_the_photograph(open_page: Open, atlas: Atlas) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, ID)
    page.locator(f'#{ID} .cube[value="channel"]').click()
    page.locator(f"#{ID} select").first.select_option(index=2)
    a = activations(atlas)
    order = np.argsort(-a.sum((1, 2)))[:6]
    channel = int(order[2])
    assert f"channel {channel}\n" in text(page, "channel")
    pixels = page.locator(f"#{ID} .photograph-view .map").evaluate(
        """canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return [...data];
        }"""
    )
    opacity = np.array(pixels).reshape(*a.shape[1:], 4)[..., 3]
    assert np.abs(opacity / 255 - 0.82 * (1 - a[channel] / a[order].max())).max() < 0.01
    page.locator(f'#{ID} .cube[value="group"]').click()
    page.locator(f"#{ID} select").nth(1).select_option("3")
    assert "group 3" in text(page, "group")


def test_a_finger_chooses_and_a_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page("#image=cat-2.b", **PHONE)
    ready(page, ID)
    page.locator(f"#{ID} .cells").tap()
    page.locator(f'#{ID} .cube[value="neuron"]').tap()
    seen = [text(page, atom) for atom in ("neuron", "spatial", "channel", "group")]
    other = open_page(page.evaluate("location.hash"))
    ready(other, ID)
    assert [text(other, atom) for atom in ("neuron", "spatial", "channel", "group")] == seen
    expect(other.locator(f'#{ID} .cube[value="neuron"]')).to_have_attribute("aria-pressed", "true")


def test_a_layer_without_groups_says_so(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=layer:head,atom:group")
    ready(page, ID)
    expect(page.locator(f'#{ID} .cube[value="group"]')).to_be_disabled()
    assert "not factorized" in text(page, "group")


def test_without_scripts_the_cubes_are_drawn(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(f"#{ID} svg").count() == 3
    assert page.locator(f"#{ID} svg .atom polygon").count() == 9
