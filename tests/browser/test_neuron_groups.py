"""Neuron groups: by pointer, key, finger and link, with the store's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from pipeline.figures import neuron_groups
from pipeline.views import groups
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import signed

ID = "neuron-groups"
MIDDLE = "blocks.4/x:y,z=1&w"


def presence(atlas: Atlas, photograph: int = 0, layer: str = MIDDLE, count: int = 6) -> np.ndarray:
    with atlas.open(atlas.photographs[photograph]) as file:
        return groups.read(file, groups.substrate(layer, count)).presence.astype(float)


def effects(
    atlas: Atlas, kind: str, photograph: int = 0, layer: str = MIDDLE, count: int = 6
) -> np.ndarray:
    """Shares or effects of removal `[count + 1, 5]`, the residual's last."""
    residual = {"attribution": "residual", "removal": "removal_residual"}[kind]
    path = f"{layer}.group.{count}/output.neuron"
    with atlas.open(atlas.photographs[photograph]) as file:
        named = np.argsort(-file.values("logits"), kind="stable")[:5]
        left = file.values(f"{residual}/{path}/of_source")
        return np.vstack([file.values(f"{kind}/{path}"), left])[:, named].astype(float)


def written(values: np.ndarray) -> list[list[str]]:
    return [[signed(float(value)) for value in row] for row in values]


def attributions(
    atlas: Atlas, photograph: int = 0, layer: str = MIDDLE, count: int = 6
) -> list[list[str]]:
    return written(effects(atlas, "attribution", photograph, layer, count)[:-1])


def shown(page: Page) -> list[list[str]]:
    return [
        group.locator(".evidence:not(.presence) .value").all_inner_texts()
        for group in page.locator(f"#{ID} .group").all()
    ]


def pixels(page: Page, view: int) -> np.ndarray:
    canvas = page.locator(f"#{ID} canvas").nth(view)
    width, height = (canvas.evaluate(f"canvas => canvas.{side}") for side in ("width", "height"))
    data = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
    values = canvas.evaluate(f"canvas => [...{data}]")
    return np.array(values, dtype=float).reshape(height, width, 4)


def cell_at(page: Page, view: int, row: int, column: int, side: int = 14) -> dict[str, float]:
    box = page.locator(f"#{ID} .cells").nth(view).bounding_box()
    assert box
    return {"x": box["width"] * (column + 0.5) / side, "y": box["height"] * (row + 0.5) / side}


def test_numbers_equal_those_of_the_store(open_page: Open, atlas: Atlas) -> None:
    page = open_page("#image=third")
    ready(page, ID)
    assert shown(page) == attributions(atlas, 2)
    page.locator(f"#{ID} summary").click()
    rows = [row.locator("td").all_inner_texts() for row in page.locator(f"#{ID} tbody tr").all()]
    assert [row[2::2] for row in rows] == written(effects(atlas, "attribution", 2))
    assert [row[3::2] for row in rows] == written(effects(atlas, "removal", 2))


def drawn(page: Page) -> tuple[np.ndarray, np.ndarray]:
    """Bars and ticks of all groups [6, 5], from -1 to 1."""
    found = page.eval_on_selector_all(
        f"#{ID} .group .evidence:not(.presence)",
        """all => all.map(each => {
            const fill = each.querySelector(".fill");
            const sign = fill.classList.contains("against") ? -1 : 1;
            const left = parseFloat(each.querySelector(".tick").style.left);
            return [sign * parseFloat(fill.style.width) / 50, left / 50 - 1];
        })""",
    )
    bars, ticks = np.array(found).reshape(6, 5, 2).transpose(2, 0, 1)
    return bars, ticks


def test_bars_are_shares_and_ticks_effects_of_removal_or_the_reverse(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page()
    ready(page, ID)
    shares, removals = (effects(atlas, kind)[:-1] for kind in ("attribution", "removal"))
    full = np.abs([shares, removals]).max()
    bars, ticks = drawn(page)
    assert np.allclose(bars, shares / full, atol=1e-3)
    assert np.allclose(ticks, removals / full, atol=1e-3)
    page.locator(f"#{ID} .bars-choice label").nth(1).click()
    assert "bars=by:removal" in page.evaluate("location.hash")
    bars, ticks = drawn(page)
    assert np.allclose(bars, removals / full, atol=1e-3)
    assert np.allclose(ticks, shares / full, atol=1e-3)
    assert shown(page) == written(removals)


def test_shares_add_up_to_the_logit_less_what_is_left_without_the_layer(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page()
    ready(page, ID)
    with atlas.open(atlas.photographs[0]) as file:
        logits = file.values("logits")
        top = int(logits.argmax())
        logit, around = float(logits[top]), float(file.values(f"baseline/{MIDDLE}")[top])
    shares = effects(atlas, "attribution")[:, 0]
    sums = page.locator(f"#{ID} .sums").inner_text()
    assert f"groups {signed(shares[:-1].sum())}, residual {signed(shares[-1])}" in sums
    change = f"the logit {signed(logit)} less {signed(around)} with the layer at zero"
    assert f"together {signed(shares.sum())}: {change}." in sums


def test_parts_that_disagree_in_sign_are_named(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    shares, removals = effects(atlas, "attribution"), effects(atlas, "removal")
    full = np.abs([shares[:-1], removals[:-1]]).max()
    both = np.minimum(np.abs(shares), np.abs(removals)) >= 0.05 * full
    missed = both & (shares > 0) & (removals < 0)
    words = "alone not missed: others do the same"
    assert missed[:-1].any()
    for g, group in enumerate(page.locator(f"#{ID} .group").all()):
        label = group.get_attribute("aria-label") or ""
        assert label.count(words) == missed[g].sum()
        group.hover()
        caption = page.locator(f"#{ID} .view-caption").inner_text()
        assert (words in caption) == missed[g].any()
    sums = page.locator(f"#{ID} .sums").inner_text()
    names = [*(f"group {g + 1}" for g in range(6)), "residual"]
    named = [name for name, is_missed in zip(names, missed[:, 0], strict=True) if is_missed]
    assert (f"{', '.join(named)} – {words}" in sums) == bool(named)
    assert (words in sums) == bool(named)


def test_the_strongest_pair_is_named(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    layers = neuron_groups.bake(atlas, atlas.photographs[0])["layers"]
    pair = layers[1]["factorizations"][1]["together"][0]
    names = " and ".join("residual" if i == 6 else f"group {i + 1}" for i in pair["parts"])
    size = f"{abs(pair['value']):.2f} logits {'less' if pair['value'] < 0 else 'more'}"
    sums = page.locator(f"#{ID} .sums").inner_text()
    assert f"Of all pairs, {names} " in sums
    assert f"together they add {size} than one by one." in sums


def test_the_map_of_all_groups_mixes_their_colours(open_page: Open, atlas: Atlas) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, ID)
    strengths, found = presence(atlas), pixels(page, 1)
    colours = np.array(page.evaluate("[...Array(6).keys()].map(atlas.colours.group)"), dtype=float)
    squares = strengths**2
    expected = np.einsum("nyx,nc->yxc", squares, colours) / squares.sum(0)[..., None]
    opacity = np.minimum(1, np.sqrt(squares.sum(0)) / strengths.max())
    bright = opacity > 0.4
    assert bright.sum() > 40
    assert np.abs(found[..., 3] / 255 - opacity).max() < 0.02
    assert np.abs(found[..., :3] - expected)[bright].max() < 6


def test_pointing_at_a_group_shows_it_alone(open_page: Open, atlas: Atlas) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, ID)
    page.locator(f"#{ID} .group").nth(3).hover()
    share = presence(atlas)[3] / presence(atlas).max()
    assert np.abs(pixels(page, 0)[..., 3] / 255 - 0.82 * (1 - share)).max() < 0.01
    assert np.abs(pixels(page, 1)[..., 3] / 255 - share).max() < 0.01
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("Group 4 alone")
    page.mouse.move(2, 2)
    expect(page.locator(f"#{ID} canvas").first).not_to_have_class("map shown")
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("Point at a group")


@pytest.mark.parametrize("view", [0, 1])
def test_pointing_at_a_position_shows_what_is_there(
    open_page: Open, atlas: Atlas, view: int
) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .cells").nth(view).hover(position=cell_at(page, view, 9, 4))
    here = presence(atlas)[:, 9, 4]
    for g, group in enumerate(page.locator(f"#{ID} .group").all()):
        share = group.locator(".presence .fill").evaluate(
            "fill => parseFloat(fill.style.width) / 100"
        )
        assert abs(share - here[g] / presence(atlas).max()) < 0.005
    for cell in page.locator(f"#{ID} .cell").all():
        assert cell.get_attribute("aria-colindex") == "5"
        expect(cell).to_have_css("opacity", "1")
    page.mouse.move(2, 2)
    expect(page.locator(f"#{ID} .cell").first).to_have_css("opacity", "0")


def test_the_slider_changes_the_groups_and_the_same_groups_keep_their_icons(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page()
    ready(page, ID)
    icons = "icons => icons.map(icon => icon.dataset.sprite)"
    before = page.eval_on_selector_all(f"#{ID} .picture", icons)
    slider = page.locator(f"#{ID} input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(f"#{ID} .group")).to_have_count(9)
    assert shown(page) == attributions(atlas, count=9)
    assert slider.get_attribute("aria-valuetext") == "9 groups"
    assert "count:9" in page.evaluate("location.hash")
    page.keyboard.press("Home")
    expect(page.locator(f"#{ID} .group")).to_have_count(3)
    page.keyboard.press("ArrowRight")
    assert page.eval_on_selector_all(f"#{ID} .picture", icons) == before
    page.locator(f"#{ID} .layer-choice label").first.click()
    assert shown(page) == attributions(atlas, layer="blocks.2")


def test_the_keyboard_walks_keeps_and_lets_go(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    cards = page.locator(f"#{ID} .group")
    cards.first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("Group 2 alone")
    page.keyboard.press("Enter")
    assert cards.nth(1).get_attribute("aria-pressed") == "true"
    assert "group:2" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    assert cards.nth(1).get_attribute("aria-pressed") == "false"
    cell = page.locator(f"#{ID} .cell").nth(1)
    cell.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("Row 2, column 2")
    page.keyboard.press("Enter")
    assert "cell:1.1" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    assert "cell:" not in page.evaluate("location.hash")


def test_a_finger_keeps_a_group_and_a_position(open_page: Open) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    page.locator(f"#{ID} .group").nth(2).tap()
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("Group 3 alone")
    page.locator(f"#{ID} .cells").nth(1).tap(position=cell_at(page, 1, 5, 6))
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("Row 6, column 7")


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page("#image=cat-2.b")
    ready(page, ID)
    page.locator(f"#{ID} input[type=range]").fill("0")
    page.locator(f"#{ID} .group").nth(1).click()
    page.mouse.move(2, 2)
    other = open_page(page.evaluate("location.hash"))
    ready(other, ID)
    assert shown(other) == shown(page)
    assert len(shown(other)) == 3
    assert other.locator(f"#{ID} .group").nth(1).get_attribute("aria-pressed") == "true"
    expect(other.locator(f"#{ID} .view-caption")).to_contain_text("Group 2 alone")
    page.go_back()
    page.go_back()
    expect(page.locator(f"#{ID} .group")).to_have_count(6)


@pytest.mark.parametrize(
    "state",
    [
        "count:7,group:99,cell:99.99",
        "layer:nowhere,count:x,group:-1,cell:a.b",
        "group:1.5,cell:-1.-1",
    ],
)
def test_a_senseless_address_shows_what_is_shown_first(open_page: Open, state: str) -> None:
    page = open_page(f"#{ID}={state}")
    ready(page, ID)
    expect(page.locator(f"#{ID} .group")).to_have_count(6)
    assert page.locator(f"#{ID} .group[aria-pressed=true]").count() == 0


def test_without_javascript_the_groups_are_icons_with_captions(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(f"#{ID} .static-icon").count() == 6
    expect(page.locator(f"#{ID} .plain-icons li").nth(5)).to_contain_text("group 6")
