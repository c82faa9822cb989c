"""The picker: its choice counts for the whole page, with three photographs and with hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from pipeline.atlas import Layer, Photograph
from pipeline.website.generate import generate
from tests import synthetic
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, all_ready, ready

MANY = 200


@pytest.fixture(scope="module")
def large_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    photographs = [
        Photograph(f"p{i:03d}", f"Photograph number {i}", f"p{i:03d}.jpg") for i in range(MANY)
    ]
    atlas = synthetic.make(
        folder / "store", photographs=photographs, layers=(Layer("only", "only", (8, 7, 7)),)
    )
    generate(atlas, folder / "site")
    return folder / "site"


def test_a_click_changes_the_photograph_everywhere(open_page: Open) -> None:
    page = open_page()
    all_ready(page)
    page.locator('#picker [data-image="third"]').click()
    ready(page, "predictions")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.figure .photograph-view img')]"
        ".every(image => image.src.includes('photographs/third.webp'))"
    )
    assert page.locator('#picker [aria-pressed="true"]').get_attribute("data-image") == "third"
    assert page.evaluate("location.hash") == "#image=third"


def test_back_and_forward(open_page: Open) -> None:
    page = open_page()
    ready(page, "predictions")
    page.locator('#picker [data-image="third"]').click()
    page.locator('#picker [data-image="cat-2.b"]').click()
    page.go_back()
    page.wait_for_function("() => atlas.state.image === 'third'")
    expect(page.locator("#predictions .photograph-view img")).to_have_attribute(
        "alt", "Photograph: <script>alert('title')</script>"
    )
    page.go_back()
    page.wait_for_function("() => atlas.state.image === 'coffee'")
    page.go_forward()
    page.wait_for_function("() => atlas.state.image === 'third'")


def test_a_link_opens_a_photograph(open_page: Open) -> None:
    page = open_page("#image=cat-2.b")
    ready(page, "predictions")
    assert "photographs/cat-2.b.webp" in (
        page.locator("#predictions .photograph-view img").get_attribute("src") or ""
    )


def test_the_keyboard_walks_and_chooses(open_page: Open) -> None:
    page = open_page()
    ready(page, "predictions")
    first = page.locator('#picker [data-image="coffee"]')
    first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.image") == "cat-2.b"
    assert page.evaluate("atlas.state.image") == "coffee"
    page.keyboard.press("Enter")
    assert page.evaluate("atlas.state.image") == "cat-2.b"
    assert page.evaluate("document.activeElement.dataset.image") == "cat-2.b"
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.dataset.image") == "third"
    assert page.eval_on_selector_all('#picker .thumbnail[tabindex="0"]', "all => all.length") == 1


def test_a_finger_chooses(open_page: Open) -> None:
    page = open_page(**PHONE)
    ready(page, "predictions")
    page.locator('#picker [data-image="third"]').tap()
    page.wait_for_function("() => atlas.state.image === 'third'")


def test_it_stays_in_sight(open_page: Open) -> None:
    page = open_page()
    all_ready(page)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(
        "() => document.getElementById('picker').getBoundingClientRect().top === 0"
    )


@pytest.mark.parametrize("width", [360, 1440])
def test_hundreds_are_paged_and_searched(open_page: Open, large_site: Path, width: int) -> None:
    page = open_page(folder=large_site, viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    ready(page, "predictions")
    shown = page.locator("#picker .thumbnail").count()
    assert 3 <= shown < MANY
    page.locator(".picker-next").click()
    expect(page.locator("#picker .thumbnail").first).to_have_attribute(
        "data-image", f"p{shown:03d}"
    )
    search = page.locator(".picker-search")
    search.fill("number 187")
    expect(page.locator("#picker .thumbnail")).to_have_count(1)
    page.locator("#picker .thumbnail").click()
    ready(page, "predictions")
    assert page.evaluate("atlas.state.image") == "p187"
    search.fill("nothing like it")
    expect(page.locator("#picker .picker-status")).to_contain_text("no photograph matches")
    search.press("Escape")
    expect(page.locator('#picker [data-image="p187"]')).to_be_visible()
    assert len({url for url in asked if "/data/p" in url and "predictions" in url}) <= 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
