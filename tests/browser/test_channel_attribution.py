"""Channel attribution: the lists, the trail, the maps and the effects, with the store's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.atlas import Atlas
from pipeline.figures import channel_attribution
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import signed

ID = "channel-attribution"
# All pixels of a canvas: red, green, blue, opacity.
PIXELS = """canvas => {
    const { width, height } = canvas;
    return [...canvas.getContext("2d").getImageData(0, 0, width, height).data];
}"""


def column(page: Page, index: int) -> Locator:
    return page.locator(f"#{ID} .layer-column").nth(index)


def shown(page: Page, index: int) -> list[tuple[str, str]]:
    tiles = column(page, index).locator(".tile").all()
    return [
        (tile.locator(".channel-name").inner_text(), tile.locator(".value").inner_text())
        for tile in tiles
    ]


def ranked(atlas: Atlas, photograph: int) -> np.ndarray:
    with atlas.open(atlas.photographs[photograph]) as file:
        return np.argsort(-file.values("logits"))


def to_class(atlas: Atlas, layer: int, rank: int, content: str = "attribution") -> np.ndarray:
    """Shares of a layer's channels in the class of a rank, the most probable being 0."""
    name = atlas.network.layers[layer].name
    with atlas.open(atlas.photographs[0]) as file:
        values = file.values(f"{content}/{name}.channel/output.neuron").astype(np.float32)
    return values[:, ranked(atlas, 0)[rank]]


def between(atlas: Atlas, lower: int, upper: int, content: str = "attribution") -> np.ndarray:
    names = [atlas.network.layers[index].name for index in (lower, upper)]
    with atlas.open(atlas.photographs[0]) as file:
        return file.values(f"{content}/{names[0]}.channel/{names[1]}.channel").astype(np.float32)


def expected(values: np.ndarray) -> list[int]:
    order = np.argsort(-values, kind="stable")
    best = [int(c) for c in order[:3] if values[c] > 0]
    return best + [int(c) for c in order[::-1][:2] if values[c] < 0]


def test_numbers_equal_those_of_the_store_for_any_class(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    for rank in (0, 3):
        page.locator(f"#{ID} select").select_option(index=rank)
        for layer in range(3):
            values = to_class(atlas, layer, rank)
            assert shown(page, layer) == [
                (f"channel {c}", signed(float(values[c]))) for c in expected(values)
            ]
            note = column(page, layer).locator(".column-note").inner_text()
            share = np.sort(values)[::-1][:3].sum() / values[values > 0].sum()
            percent, count = round(100 * float(share)), (values > 0).sum()
            assert f"{percent} % of all support, which comes from {count} channels" in note
            total = signed(float(values.astype(float).sum()))
            assert f"together: {total} of the {signed(made_up(atlas, layer, rank))} logits" in note


def made_up(atlas: Atlas, layer: int, rank: int) -> float:
    """How much of a logit a layer makes up."""
    name = atlas.network.layers[layer].name
    with atlas.open(atlas.photographs[0]) as file:
        whole = file.values("logits") - file.values(f"baseline/{name}")
    return float(whole[ranked(atlas, 0)[rank]])


def ends(page: Page, index: int) -> list[list[float]]:
    """Of each tile of a column, where bar and tick end: from −1 to 1 on the axis."""
    return list(
        column(page, index).evaluate(
            """column => [...column.querySelectorAll(".axis")].map(axis => {
                const { left, width } = axis.getBoundingClientRect();
                const bar = axis.querySelector(".fill");
                const box = bar.getBoundingClientRect();
                const mark = axis.querySelector(".tick").getBoundingClientRect();
                const end = bar.classList.contains("adds") ? box.right : box.left;
                return [end, (mark.left + mark.right) / 2].map(x => 2 * (x - left) / width - 1);
            })"""
        )
    )


@pytest.mark.parametrize("bars", ["share", "removal"])
def test_one_of_share_and_removal_is_the_bar_and_the_other_the_tick(
    open_page: Open, atlas: Atlas, bars: str
) -> None:
    page = open_page("#bars=by:removal" if bars == "removal" else "")
    ready(page, ID)
    both = [
        [
            to_class(atlas, layer, 0, content)[expected(to_class(atlas, layer, 0))]
            for layer in range(3)
        ]
        for content in ("attribution", "removal")
    ]
    most = max(np.abs(values).max() for each in both for values in each)
    shown_as_bar, ticks = both if bars == "share" else both[::-1]
    for layer in range(3):
        found = np.array(ends(page, layer))
        assert found[:, 0] == pytest.approx(shown_as_bar[layer] / most, abs=0.03)
        assert found[:, 1] == pytest.approx(ticks[layer] / most, abs=0.03)
        texts = [signed(float(value)) for value in shown_as_bar[layer]]
        assert [value for _, value in shown(page, layer)] == texts


def test_words_say_where_share_and_removal_disagree(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    said = set()
    for rank in range(5):
        page.locator(f"#{ID} select").select_option(index=rank)
        lists = [expected(to_class(atlas, layer, rank)) for layer in range(3)]
        both = [
            np.concatenate([to_class(atlas, i, rank, content)[c] for i, c in enumerate(lists)])
            for content in ("attribution", "removal")
        ]
        most = max(np.abs(each).max() for each in both)
        words = [
            ""
            if share * removal >= 0 or min(abs(share), abs(removal)) < most / 20
            else "alone not missed: others do the same"
            if share > 0
            else "helps only beside the others"
            for share, removal in zip(*both, strict=True)
        ]
        tiles = page.locator(f"#{ID} .tile").all()
        texts = ["".join(tile.locator(".disagrees").all_inner_texts()) for tile in tiles]
        assert texts == words
        said |= set(words)
    assert len(said) == 3


def test_following_a_channel_shows_what_feeds_it_and_what_it_feeds(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page()
    ready(page, ID)
    channel = expected(to_class(atlas, 1, 0))[0]
    column(page, 1).locator(".tile").first.click()
    fed_by, feeds = between(atlas, 0, 1)[:, channel], between(atlas, 1, 2)[channel]
    for index, values in ((0, fed_by), (2, feeds)):
        found = shown(page, index)
        assert [name for name, _ in found] == [f"channel {c}" for c in expected(values)]
        for (_, text), c in zip(found, expected(values), strict=True):
            value = float(text.replace("−", "-"))
            assert value == float(f"{values[c]:.3g}") or abs(value - values[c]) <= 0.05
    expect(column(page, 0).locator(".layer-name")).to_contain_text("feeds it")
    expect(column(page, 2).locator(".layer-name")).to_contain_text("is fed by it")
    chosen = column(page, 1).locator('[aria-pressed="true"]')
    expect(chosen).to_have_attribute("data-channel", str(channel))
    expect(page.locator(f"#{ID} .trail")).to_contain_text(f"channel {channel}")


def test_the_trail_leads_back(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    first = [shown(page, index) for index in range(3)]
    column(page, 2).locator(".tile").nth(1).click()
    second = shown(page, 0)
    column(page, 0).locator(".tile").first.click()
    expect(page.locator(f"#{ID} .trail li")).to_have_count(3)
    page.locator(f"#{ID} .trail button").nth(1).click()
    assert shown(page, 0) == second
    column(page, 2).locator('[aria-pressed="true"]').click()
    assert [shown(page, index) for index in range(3)] == first
    page.go_back()
    page.wait_for_function(f"() => document.querySelectorAll('#{ID} .trail li').length === 2")
    assert shown(page, 0) == second


def test_the_keyboard_follows_and_escape_goes_back(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    column(page, 0).locator(".tile").first.focus()
    page.keyboard.press("ArrowDown")
    channel = page.evaluate("document.activeElement.dataset.channel")
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text(f"channel {channel}:")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.channel") == channel
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    assert f"trail:0.{channel}" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    expect(page.locator(f"#{ID} .trail li")).to_have_count(1)
    assert page.evaluate("document.activeElement.dataset.channel") == channel
    assert page.eval_on_selector_all(f'#{ID} .tile[tabindex="0"]', "all => all.length") == 1


def test_pointing_shows_where_a_channel_is_active_and_what_it_does(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, ID)
    page.mouse.move(2, 2)
    tile = column(page, 2).locator(".tile").nth(2)
    channel = int(tile.get_attribute("data-channel") or -1)
    tile.hover()
    with atlas.open(atlas.photographs[0]) as file:
        a = file.values("activation/head").astype(float)
    pixels = page.locator(f"#{ID} .photograph-view .map").evaluate(PIXELS)
    opacity = np.array(pixels).reshape(*a.shape[1:], 4)[..., 3]
    kept = page.evaluate(f"[...document.getElementById('{ID}').layers[2].channels.values]")
    assert np.abs(opacity / 255 - 0.82 * (1 - a[channel] / a[kept].max())).max() < 0.01
    effects = page.locator(f"#{ID} .effects .value")
    of = {
        content: [signed(float(to_class(atlas, 2, rank, content)[channel])) for rank in range(5)]
        for content in ("attribution", "removal")
    }
    assert effects.all_inner_texts() == of["attribution"]
    page.mouse.move(2, 2)
    page.evaluate("atlas.state.set('bars', {by: 'removal'})")
    tile.hover()
    assert effects.all_inner_texts() == of["removal"]
    page.mouse.move(2, 2)
    expect(page.locator(f"#{ID} .map-scale")).to_be_hidden()
    assert page.locator(f"#{ID} .effects .value").first.inner_text().endswith("%")


def test_a_finger_follows_a_channel(open_page: Open) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    tile = column(page, 0).locator(".tile").nth(1)
    channel = tile.get_attribute("data-channel")
    tile.tap()
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text(f"channel {channel}:")
    expect(page.locator(f"#{ID} .trail li")).to_have_count(2)


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page("#image=cat-2.b")
    ready(page, ID)
    page.locator(f"#{ID} select").select_option(index=1)
    column(page, 1).locator(".tile").first.click()
    column(page, 0).locator(".tile").last.click()
    seen = [shown(page, index) for index in (1, 2)]
    other = open_page(page.evaluate("location.hash"))
    ready(other, ID)
    assert [shown(other, index) for index in (1, 2)] == seen
    expect(other.locator(f"#{ID} .trail li")).to_have_count(3)


def test_a_link_to_nowhere_opens_the_nearest_view(open_page: Open) -> None:
    page = open_page(f"#{ID}=class:banana,trail:1.99999-x")
    ready(page, ID)
    expect(page.locator(f"#{ID} .trail li")).to_have_count(1)


def test_a_channel_without_lists_says_so(open_page: Open, atlas: Atlas) -> None:
    baked = channel_attribution.bake(atlas, atlas.photographs[0])["layers"]
    beyond = [layer["listed"] < layer["channels"]["shape"][0] for layer in baked]
    index = beyond.index(True)
    page = open_page()
    ready(page, ID)
    channels = f"document.getElementById('{ID}').layers[{index}].channels"
    channel = page.evaluate(f"{channels}.at({baked[index]['listed']})")
    page.evaluate(f"atlas.state.set('{ID}', {{trail: '{index}.{channel}'}})")
    expect(column(page, (index + 1) % 3).locator(".column-note")).to_contain_text("holds no lists")


def test_a_channel_without_a_visualization_shows_where_it_is_active(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page()
    ready(page, ID)
    found = False
    for layer in range(3):
        page.evaluate(f"atlas.state.set('{ID}', {{trail: '{layer}.9'}})")
        for tile in page.locator(f'#{ID} [data-picture="absent"]').all():
            found = True
            assert tile.locator("canvas").count() == 1
    assert found


def test_the_table_holds_the_same_numbers(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} summary").click()
    rows = [row.split("\t") for row in page.locator(f"#{ID} tbody").inner_text().split("\n")]
    listed = [entry for index in range(3) for entry in shown(page, index)]
    assert [(row[1], row[2]) for row in rows] == listed
