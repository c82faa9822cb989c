"""Class comparison: by pointer, key, finger and link, with the store's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from pipeline.website.generate import generate
from tests import synthetic
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import signed

ID = "class-comparison"
MIDDLE = "blocks.4/x:y,z=1&w"
# All pixels of a canvas: red, green, blue, opacity.
PIXELS = """canvas => {
    const { width, height } = canvas;
    return [...canvas.getContext("2d").getImageData(0, 0, width, height).data];
}"""


def stored(atlas: Atlas, layer: str, ranks: tuple[int, int], content: str) -> np.ndarray:
    """Shares ("attribution") or effects of "removal" `[C, 2]` for two classes, by their ranks."""
    with atlas.open(atlas.photographs[0]) as file:
        r = file.values(f"{content}/{layer}.channel/output.neuron").astype(np.float32)
        return r[:, np.argsort(-file.values("logits"))[list(ranks)]]


def expected(
    atlas: Atlas, layer: str, first: int, second: int, content: str = "attribution"
) -> list[list[str]]:
    """Channel, net, for A, for B of the three channels with the best and the three with the worst
    shares. Classes are given by their rank."""
    shares = stored(atlas, layer, (first, second), "attribution")
    order = np.argsort(-(shares[:, 0] - shares[:, 1]))
    a, b = stored(atlas, layer, (first, second), content).T
    rows = []
    for c in [*order[:3], *order[-3:]]:
        net = float(a[c] - b[c])
        text = f"← {net:.2f}" if net > 0 else f"{-net:.2f} →"
        rows.append([f"channel {c}", text, signed(float(a[c])), signed(float(b[c]))])
    return rows


def shown(page: Page) -> list[list[str]]:
    columns = page.locator(f"#{ID} .channel").all()
    return [
        [column.locator(".channel-name").inner_text(), *column.locator(".value").all_inner_texts()]
        for column in columns
    ]


def test_numbers_equal_those_of_the_store(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    assert shown(page) == expected(atlas, MIDDLE, 0, 1)


def ends(page: Page, button: int) -> list[tuple[float, float]]:
    """Where bar and tick of each row end, from −1 at the left to 1 at the right of the axis."""
    return (
        page.locator(f"#{ID} .channel")
        .nth(button)
        .evaluate(
            """button => [...button.querySelectorAll(".axis")].map(axis => {
            const { left, width } = axis.getBoundingClientRect();
            const bar = axis.querySelector(".fill"), tick = axis.querySelector(".tick");
            const [box, mark] = [bar, tick].map(each => each.getBoundingClientRect());
            const end = bar.classList.contains("left") ? box.left : box.right;
            const scaled = x => 2 * (x - left) / width - 1;
            return [scaled(end), scaled((mark.left + mark.right) / 2)];
        })"""
        )
    )


@pytest.mark.parametrize("bars", ["share", "removal"])
def test_one_of_share_and_removal_is_the_bar_and_the_other_the_tick(
    open_page: Open, atlas: Atlas, bars: str
) -> None:
    page = open_page(viewport={"width": 1400, "height": 900})
    ready(page, ID)
    page.locator(f"#{ID} .bars-choice label").nth(int(bars == "removal")).click()
    assert ("bars=by:removal" in page.evaluate("location.hash")) == (bars == "removal")
    contents = ["attribution", "removal"]
    shares, removals = (stored(atlas, MIDDLE, (0, 1), each) for each in contents)
    order = np.argsort(-(shares[:, 0] - shares[:, 1]))
    six = [*order[:3], *order[-3:]]
    assert shown(page) == expected(atlas, MIDDLE, 0, 1, contents[bars == "removal"])
    towards = [
        np.stack([r[:, 0] - r[:, 1], r[:, 0], -r[:, 1]], axis=1)[six] for r in (shares, removals)
    ]
    most = max(np.abs(each).max() for each in towards)
    found = np.array([ends(page, button) for button in range(6)])
    bar, tick = towards if bars == "share" else towards[::-1]
    assert found[..., 0] == pytest.approx(-bar / most, abs=0.02)
    assert found[..., 1] == pytest.approx(-tick / most, abs=0.02)


def test_words_say_which_channels_are_not_missed(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    said = 0
    for second in range(1, 5):
        page.locator(f"#{ID} .side-b select").select_option(index=second)
        shares, removals = (
            stored(atlas, MIDDLE, (0, second), each) for each in ("attribution", "removal")
        )
        net, lost = (r[:, 0] - r[:, 1] for r in (shares, removals))
        order = np.argsort(-net)
        six = [*order[:3], *order[-3:]]
        most = max(np.abs(r[six]).max() for r in (shares, removals, net[:, None], lost[:, None]))
        differs = [
            bool(net[c] * lost[c] < 0 and min(abs(net[c]), abs(lost[c])) >= most / 20) for c in six
        ]
        texts = page.locator(f"#{ID} .channel .disagrees").all_inner_texts()
        assert [text == "alone not missed: others do the same" for text in texts] == differs
        assert all(text == "" for text, each in zip(texts, differs, strict=True) if not each)
        said += sum(differs)
    assert said


def test_the_choice_of_bars_counts_for_the_whole_page_and_lasts(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .bars-choice label").nth(1).click()
    page.locator("#picker .thumbnail").nth(2).click()
    for each in (ID, "channel-attribution", "spatial-attribution"):
        ready(page, each)
        expect(page.locator(f"#{each} .bars-choice input").nth(1)).to_be_checked()
    page.locator("#channel-attribution .bars-choice label").first.click()
    expect(page.locator(f"#{ID} .bars-choice input").first).to_be_checked()
    assert "bars" not in page.evaluate("location.hash")


def test_any_two_classes_in_any_layer(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    right = page.locator(f"#{ID} .side-b select")
    right.select_option(index=3)
    assert shown(page) == expected(atlas, MIDDLE, 0, 3)
    left = page.locator(f"#{ID} .side-a select")
    assert left.locator("option").nth(3).is_disabled()
    left.select_option(index=4)
    assert shown(page) == expected(atlas, MIDDLE, 4, 3)
    page.locator(f"#{ID} .swap").click()
    assert shown(page) == expected(atlas, MIDDLE, 3, 4)
    expect(page.locator(f"#{ID} .layer-choice")).to_be_visible()
    page.locator(f"#{ID} .layer-choice label").nth(0).click()
    assert shown(page) == expected(atlas, "blocks.2", 3, 4)


def test_a_lone_layer_is_named_and_not_offered(open_page: Open, tmp_path: Path) -> None:
    atlas = synthetic.make(
        tmp_path / "store", photographs=synthetic.PHOTOGRAPHS[:1], layers=synthetic.LAYERS[1:2]
    )
    generate(atlas, tmp_path / "site")
    page = open_page(folder=tmp_path / "site")
    ready(page, ID)
    expect(page.locator(f"#{ID} .layer-choice")).to_be_hidden()
    sums = "with all of middle <i>layer</i> at zero"
    expect(page.locator(f"#{ID} .sums")).to_contain_text(sums)
    page.locator(f"#{ID} .channel").first.hover()
    caption = "bright where it is active in middle <i>layer</i>, at most"
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text(caption)


def test_hovering_a_channel_shows_where_it_is_active(open_page: Open, atlas: Atlas) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, ID)
    button = page.locator(f"#{ID} .channel").nth(4)
    channel = int(button.get_attribute("data-channel") or -1)
    button.hover()
    with atlas.open(atlas.photographs[0]) as file:
        a = file.values(f"activation/{MIDDLE}").astype(float)
    pixels = page.locator(f"#{ID} .map").evaluate(PIXELS)
    opacity = np.array(pixels).reshape(*a.shape[1:], 4)[..., 3]
    named = [int(each) for each in page.evaluate(f"document.getElementById('{ID}').layer.channels")]
    largest = a[named].max()
    assert np.abs(opacity / 255 - 0.82 * (1 - a[channel] / largest)).max() < 0.01
    expect(page.locator(f"#{ID} .map-scale")).to_be_visible()
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text(f"Channel {channel}:")
    page.mouse.move(2, 2)
    expect(page.locator(f"#{ID} .map-scale")).to_be_hidden()


def test_the_keyboard_walks_pins_and_lets_go(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    buttons = page.locator(f"#{ID} .channel")
    buttons.first.focus()
    page.keyboard.press("ArrowRight")
    second = buttons.nth(1).get_attribute("data-channel")
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text(f"Channel {second}:")
    page.keyboard.press("Enter")
    assert f"channel:{second}" in page.evaluate("location.hash")
    assert buttons.nth(1).get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.activeElement.dataset.channel") == second
    page.keyboard.press("Escape")
    assert buttons.nth(1).get_attribute("aria-pressed") == "false"
    assert page.eval_on_selector_all(f'#{ID} .channel[tabindex="0"]', "all => all.length") == 1


def test_a_finger_pins_a_channel(open_page: Open) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    button = page.locator(f"#{ID} .channel").nth(2)
    button.tap()
    channel = button.get_attribute("data-channel")
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text(f"Channel {channel}:")


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page("#image=cat-2.b")
    ready(page, ID)
    page.locator(f"#{ID} .side-b select").select_option(index=2)
    page.locator(f"#{ID} .channel").nth(5).click()
    seen, address = shown(page), page.evaluate("location.hash")
    other = open_page(address)
    ready(other, ID)
    assert shown(other) == seen
    assert other.locator(f"#{ID} .channel").nth(5).get_attribute("aria-pressed") == "true"
    page.go_back()
    page.go_back()
    right = f"document.querySelector('#{ID} .side-b select')"
    page.wait_for_function(f"() => {right}.selectedIndex === 1")


def test_the_sums_are_those_of_the_store(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    with atlas.open(atlas.photographs[0]) as file:
        logits, at_zero = file.values("logits"), file.values(f"baseline/{MIDDLE}")
        r = file.values(f"attribution/{MIDDLE}.channel/output.neuron").astype(float)
    a, b = np.argsort(-logits)[:2]
    evidence = np.sort(r[:, a] - r[:, b])
    text = page.locator(f"#{ID} .sums").inner_text()
    whole, without = (float(each[a] - each[b]) for each in (logits, at_zero))
    assert f": {signed(whole)}; with all of" in text
    assert f"at zero: {signed(without)}. Of the {signed(whole - without)} between" in text
    everything, six = evidence.sum(), evidence[:3].sum() + evidence[-3:].sum()
    assert f"give {signed(everything)}: {signed(six)} the 6 shown" in text
    assert f", {signed(everything - six)} the 34 others." in text
    assert everything == pytest.approx(whole - without, rel=0.02)
