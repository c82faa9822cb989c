"""Switchboard: by pointer, key, finger and link, with the store's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from pipeline.figures import switchboard
from pipeline.grammar import Coalitions
from pipeline.likelihood import softmax
from pipeline.views import groups
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import percent, signed

ID = "switchboard"
MIDDLE = "blocks.4/x:y,z=1&w"


def logits(atlas: Atlas, photograph: int = 0, layer: str = MIDDLE, count: int = 6) -> np.ndarray:
    with atlas.open(atlas.photographs[photograph]) as file:
        return file.values(Coalitions(groups.substrate(layer, count)).path).astype(float)


def expected(atlas: Atlas, on: int, photograph: int = 0) -> list[list[str]]:
    """Name, probability and change of the logit of each class that is shown."""
    rows = logits(atlas, photograph)
    with atlas.open(atlas.photographs[photograph]) as file:
        named = np.argsort(-file.values("logits"), kind="stable")[:5].tolist()
    names, likely = atlas.network.classes, softmax(rows[on])
    lines = [
        [names[k], percent(likely[k]), f"{signed(rows[on, k] - rows[-1, k])} logits"] for k in named
    ]
    first = int(rows[on].argmax())
    return (
        lines if first in named else [*lines, [names[first], percent(likely[first]), "now first"]]
    )


def shown(page: Page) -> list[list[str]]:
    return [
        [line.locator(".class-name").inner_text(), *line.locator(".value").all_inner_texts()]
        for line in page.locator(f"#{ID} .class-bars li").all()
    ]


def on(page: Page) -> int:
    """The subset that the switches show."""
    states = page.eval_on_selector_all(
        f"#{ID} .switch", "all => all.map(each => each.getAttribute('aria-checked') === 'true')"
    )
    return sum(2**i for i, state in enumerate(states) if state)


def opacity(page: Page) -> np.ndarray:
    """What lies over the photograph, [H, W] in 0…1."""
    values = page.locator(f"#{ID} canvas").evaluate("""canvas => {
        const { width, height } = canvas;
        const copy = new OffscreenCanvas(width, height).getContext("2d");
        copy.drawImage(canvas, 0, 0);
        return [...copy.getImageData(0, 0, width, height).data];
    }""")
    return np.array(values, dtype=float).reshape(14, 14, 4)[..., 3] / 255


def shares(atlas: Atlas) -> np.ndarray:
    with atlas.open(atlas.photographs[0]) as file:
        return switchboard.shares(groups.read(file, groups.substrate(MIDDLE, 6)))


def winner(atlas: Atlas, subset: int) -> str:
    row = logits(atlas)[subset]
    return f"{atlas.network.classes[int(row.argmax())]}, {percent(softmax(row).max())}"


@pytest.mark.parametrize("subset", [127, 0, 1, 64, 45, 90, 126])
def test_numbers_equal_those_of_the_store(open_page: Open, atlas: Atlas, subset: int) -> None:
    page = open_page(f"#image=third&{ID}=on:{subset}")
    ready(page, ID)
    assert on(page) == subset
    assert shown(page) == expected(atlas, subset, 2)
    bars = page.locator(f"#{ID} .class-bars li")
    likely = softmax(logits(atlas, 2)[subset])
    for line, (name, *_) in zip(bars.all(), shown(page), strict=True):
        width = line.locator(".fill").evaluate("fill => parseFloat(fill.style.width) / 100")
        assert abs(width - likely[atlas.network.classes.index(name)]) < 1e-5


def test_every_subset_has_its_answer(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    found = page.evaluate(
        "id => [...Array(128).keys()].map(s => document.getElementById(id).winner(s))", ID
    )
    for subset, answer in enumerate(found):
        row = logits(atlas)[subset]
        assert answer["index"] == int(row.argmax())
        assert abs(answer["probability"] - softmax(row).max()) < 1e-5


def test_a_click_switches_a_part(open_page: Open, atlas: Atlas) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, ID)
    assert on(page) == 127
    assert opacity(page).max() < 0.015
    expect(page.locator(f"#{ID} .verdict")).to_contain_text("With everything on")
    page.locator(f"#{ID} .switch").nth(2).click()
    assert on(page) == 123
    assert shown(page) == expected(atlas, 123)
    assert f"{ID}=on:123" in page.evaluate("location.hash")
    verdict = page.locator(f"#{ID} .verdict")
    expect(verdict).to_have_text(f"Without group 3, the network says {winner(atlas, 123)}.")
    # What is off is dark, although the pointer is still there.
    assert np.abs(opacity(page) - 0.82 * shares(atlas)[2]).max() < 0.01
    page.locator(f"#{ID} .switch").nth(6).click()
    assert np.abs(opacity(page) - 0.82 * shares(atlas)[[2, 6]].sum(axis=0)).max() < 0.015
    page.locator(f"#{ID} .switch").nth(6).click()
    page.locator(f"#{ID} .switch").nth(2).click()
    assert on(page) == 127
    assert f"{ID}=" not in page.evaluate("location.hash")


def test_pointing_at_a_switch_shows_its_part_and_what_it_would_do(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, ID)
    page.locator(f"#{ID} .switch").nth(4).hover()
    there = shares(atlas)[4] / shares(atlas)[4].max()
    assert np.abs(opacity(page) - 0.82 * (1 - there)).max() < 0.02
    caption = page.locator(f"#{ID} .view-caption")
    expect(caption).to_contain_text("Group 5, ")
    expect(caption).to_contain_text(winner(atlas, 127 - 16))
    assert on(page) == 127
    page.mouse.move(2, 2)
    expect(caption).to_contain_text("The photograph is dark where")
    assert opacity(page).max() < 0.015


def test_keys_walk_and_switch(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .switch").first.focus()
    page.keyboard.press("Space")
    assert on(page) == 126
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert on(page) == 126 - 4
    page.keyboard.press("End")
    page.keyboard.press("Space")
    assert on(page) == 126 - 4 - 64
    page.keyboard.press("Escape")
    assert on(page) == 127


def test_combinations(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    baked = switchboard.bake(atlas, atlas.photographs[0])["layers"][1]["factorizations"][1]
    page.locator(f"#{ID} .switch").nth(3).click()
    wanted = {
        "Only group 4": 8,
        "All but group 4": 119,
        "All off": 0,
        "All on": 127,
        "Smallest set that keeps the decision": baked["keeps"],
        "Smallest loss that changes it": baked["changes"],
    }
    for name, subset in wanted.items():
        button = page.locator(f"#{ID}").get_by_role("button", name=name, exact=True)
        button.click()
        assert on(page) == subset
        expect(button).to_have_attribute("aria-pressed", "true")
        assert shown(page) == expected(atlas, subset)
    page.locator(f"#{ID} .switch").last.focus()
    expect(page.locator(f"#{ID} [data-set=only]")).to_have_text("Only residual")


def test_a_finger_switches_a_part(open_page: Open, atlas: Atlas) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    page.locator(f"#{ID} .switch").nth(1).tap()
    assert on(page) == 125
    assert shown(page) == expected(atlas, 125)
    assert np.abs(opacity(page) - 0.82 * shares(atlas)[1]).max() < 0.01
    page.locator(f"#{ID} [data-set=only]").tap()
    assert on(page) == 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .layer-choice label").first.click()
    expect(page.locator(f"#{ID} .switch")).to_have_count(7)
    page.locator(f"#{ID} input[type=range]").fill("0")
    expect(page.locator(f"#{ID} .switch")).to_have_count(4)
    page.locator(f"#{ID} .switch").nth(1).click()
    page.locator(f"#{ID} .switch").nth(3).click()
    other = open_page(page.evaluate("location.hash"))
    ready(other, ID)
    assert on(other) == on(page) == 5
    assert shown(other) == shown(page)
    page.go_back()
    expect(page.locator(f"#{ID} .switch").nth(3)).to_have_attribute("aria-checked", "true")
    page.locator(f"#{ID} input[type=range]").fill("1")
    assert on(page) == 127


@pytest.mark.parametrize("state", ["on:128", "on:-1", "on:x,layer:nowhere,count:7", "on:1.5"])
def test_a_senseless_address_shows_what_is_shown_first(open_page: Open, state: str) -> None:
    page = open_page(f"#{ID}={state}")
    ready(page, ID)
    expect(page.locator(f"#{ID} .switch")).to_have_count(7)
    assert on(page) == 127


def test_the_table_has_every_part_alone_and_every_single_loss(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} summary").click()
    rows = [row.locator("td").all_inner_texts() for row in page.locator(f"#{ID} tbody tr").all()]
    subsets = [127, *(127 - 2**i for i in range(7)), *(2**i for i in range(7))]
    assert [row[0] for row in rows] == [winner(atlas, subset) for subset in subsets]


def test_without_javascript_there_is_a_table(open_page: Open, atlas: Atlas) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(f"#{ID} .static-icon").count() == 6
    rows = page.locator(f"#{ID} noscript tbody tr, #{ID} tbody tr")
    texts = [row.locator("td").all_inner_texts() for row in rows.all() if row.is_visible()]
    baked = switchboard.bake(atlas, atlas.photographs[0])["layers"][1]["factorizations"][1]
    subsets = [127, *(127 - 2**i for i in range(7)), baked["keeps"], baked["changes"]]
    found = [" ".join(first.split()) for first, _ in texts]
    assert found == [winner(atlas, s).replace("< 0.1", "0.0") for s in subsets]
