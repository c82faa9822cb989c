"""The opening: by pointer, key, finger and link, with the store's numbers, on the first screen."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from pipeline.figures import opening
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import percent, signed

ID = "opening"
TILE = f"#{ID} .speaker"
STILL = {"reduced_motion": "reduce"}


def statement(read: opening.Opening, index: int | None) -> str:
    name, probability = read.classes[0].name, read.classes[0].probability
    if index is None:
        return f"It says {name}."
    speaker = read.speakers[index]
    after = speaker.without
    end = (
        f"still say so: {percent(after.probability)} instead of {percent(probability)}"
        if after.first == name
        else f"say {after.first}"
    )
    return f"It says {name}. Without channel {speaker.channel}, it would {end}."


def shown(page: Page) -> str:
    text = page.locator(f"#{ID} .statement").text_content() or ""
    return " ".join(text.split())


def odds(page: Page) -> list[str]:
    return page.locator(f"#{ID} .odds .value").all_inner_texts()


@pytest.mark.parametrize("photograph", [0, 1, 2])
def test_sentence_and_numbers_are_the_stores(
    open_page: Open, atlas: Atlas, photograph: int
) -> None:
    page = open_page(f"#image={atlas.photographs[photograph].name}", **STILL)
    ready(page, ID)
    read = opening.read(atlas, atlas.photographs[photograph])
    assert shown(page) == " ".join(statement(read, read.named).split())
    assert odds(page) == [percent(each.probability) for each in read.classes[:3]]
    values = [signed(each.share) for each in read.speakers]
    assert page.locator(f"{TILE} .value").all_inner_texts() == values
    sides = [page.locator(f"#{ID} .{kind} .speaker").count() for kind in ("for", "against")]
    positive = sum(each.share > 0 for each in read.speakers)
    assert sides == [positive, len(read.speakers) - positive]


def test_pointing_takes_a_channel_away(open_page: Open, atlas: Atlas) -> None:
    page = open_page(**STILL)
    ready(page, ID)
    read = opening.read(atlas, atlas.photographs[0])
    with atlas.open(atlas.photographs[0]) as file:
        cube = file.values(f"activation/{read.layer.name}").astype(float)
    for i, speaker in enumerate(read.speakers):
        page.locator(TILE).nth(i).hover()
        assert shown(page) == " ".join(statement(read, i).split())
        assert odds(page) == [percent(each) for each in speaker.without.shown]
        widths = page.eval_on_selector_all(
            f"#{ID} .odds .fill", "all => all.map(each => parseFloat(each.style.width) / 100)"
        )
        assert np.allclose(widths, speaker.without.shown, atol=1e-5)
        peak = max(cube[speaker.channel].max(), 0)
        caption = page.locator(f"#{ID} .view-caption").inner_text()
        number = float(caption.removesuffix(".").rpartition(" ")[2])
        assert abs(number - peak) < 0.02 * peak + 0.01
        # Bright where it is active: the map is its own, up to its own peak.
        alpha = page.locator(f"#{ID} canvas").evaluate("""canvas => {
            const { width, height } = canvas;
            const copy = new OffscreenCanvas(width, height).getContext("2d");
            copy.drawImage(canvas, 0, 0);
            const { data } = copy.getImageData(0, 0, width, height);
            return [...data].filter((_, i) => i % 4 === 3);
        }""")
        levels = np.array(alpha, dtype=float).reshape(14, 14)
        active = np.maximum(cube[speaker.channel], 0)
        assert np.corrcoef(levels.ravel(), active.ravel())[0, 1] < -0.9
    page.mouse.move(5, 5)
    assert shown(page) == " ".join(statement(read, read.named).split())
    assert not page.locator(f"#{ID} canvas.shown").count()


def test_a_click_holds_a_channel_and_escape_lets_go(open_page: Open, atlas: Atlas) -> None:
    page = open_page(**STILL)
    ready(page, ID)
    read = opening.read(atlas, atlas.photographs[0])
    tile = page.locator(TILE).nth(1)
    tile.click()
    page.mouse.move(5, 5)
    expect(tile).to_have_attribute("aria-pressed", "true")
    assert f"{ID}=channel:{read.speakers[1].channel}" in page.evaluate("location.hash")
    assert shown(page) == " ".join(statement(read, 1).split())
    page.keyboard.press("Escape")
    expect(tile).to_have_attribute("aria-pressed", "false")


def test_keys_look_and_choose(open_page: Open, atlas: Atlas) -> None:
    page = open_page(**STILL)
    ready(page, ID)
    read = opening.read(atlas, atlas.photographs[0])
    page.locator(TILE).first.focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == " ".join(statement(read, 1).split())
    page.keyboard.press("End")
    last = len(read.speakers) - 1
    assert shown(page) == " ".join(statement(read, last).split())
    page.keyboard.press("Enter")
    assert f"{ID}=channel:{read.speakers[last].channel}" in page.evaluate("location.hash")


def test_a_tap_and_a_link_show_the_same(open_page: Open, atlas: Atlas) -> None:
    read = opening.read(atlas, atlas.photographs[0])
    wanted = " ".join(statement(read, 2).split())
    phone = open_page(**PHONE)
    ready(phone, ID)
    phone.locator(TILE).nth(2).tap()
    expect(phone.locator(f"#{ID} canvas.shown")).to_have_count(1)
    assert shown(phone) == wanted
    page = open_page(f"#{ID}=channel:{read.speakers[2].channel}")
    ready(page, ID)
    assert shown(page) == wanted


def test_it_is_there_without_a_script(open_page: Open, atlas: Atlas) -> None:
    page = open_page(java_script_enabled=False)
    read = opening.read(atlas, atlas.photographs[0])
    assert shown(page) == " ".join(statement(read, read.named).split())
    expect(page.locator(f"#{ID} .photograph-view img")).to_be_visible()
    assert page.locator(f"{TILE} svg").count() == len(read.speakers)


LOWEST = """id => Math.max(...["img", ".statement", ".odds", ".speaker .icon"].flatMap((selector) =>
  [...document.querySelectorAll(`#${id} ${selector}`)]
    .map((each) => each.getBoundingClientRect().bottom)))"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_all_of_it_is_on_the_first_screen(open_page: Open, width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height}, **STILL)
    ready(page, ID)
    # The synthetic classes have names of up to 200 characters; these are such as people use.
    page.evaluate(
        """id => {
      const figure = document.getElementById(id);
      figure.classes.forEach((each, i) => (each.name = ["Egyptian cat", "tiger cat", "tabby"][i]));
      for (const { without } of figure.shown) without.first = "drilling platform";
      figure.show({ ...figure, speakers: figure.shown, named: 0 }, figure.image);
      figure.look();
    }""",
        ID,
    )
    page.evaluate("scrollTo(0, 0)")
    assert page.evaluate(LOWEST, ID) <= height
