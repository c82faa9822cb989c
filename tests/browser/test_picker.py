"""The picker: its choice counts for the whole page, with three photographs and with hundreds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from pipeline.website.generate import generate
from pipeline.website.serve import served
from tests import large
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, all_ready, ready

MANY = 200  # more than the picker's list has in one part
MISTAKES = (3, 150)


@pytest.fixture(scope="module")
def large_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    generate(large.make(folder / "store", MANY, MISTAKES), folder / "site", large.FIGURES)
    return folder / "site"


@pytest.fixture
def address(large_site: Path) -> Iterator[str]:
    """Of the large site on a server, whose requests a test can hold back or refuse."""
    with served(large_site) as root:
        yield f"{root}/"


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


def test_who_walks_on_is_not_called_back_by_what_was_chosen(open_page: Open) -> None:
    page = open_page()
    page.wait_for_selector("#picker[data-state=ready]")
    page.locator('#picker [data-image="third"]').focus()
    page.evaluate("document.getElementById('picker').follow()")
    page.evaluate("document.getElementById('picker').render()")
    assert page.evaluate("document.activeElement.dataset.image") == "third"
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "false"
    stops = page.eval_on_selector_all(
        '#picker .thumbnail[tabindex="0"]', "all => all.map((each) => each.dataset.image)"
    )
    assert stops == ["third"]


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


FIRST_LOAD = """() => {
    const [page] = performance.getEntriesByType("navigation");
    return [page, ...performance.getEntriesByType("resource")]
      .filter(({ startTime }) => startTime <= page.loadEventStart)
      .map(({ name, decodedBodySize }) => [name.split("/").at(-1).split("?")[0], decodedBodySize]);
}"""


def test_with_three_photographs_as_much_is_loaded_first_as_with_hundreds(
    open_page: Open, address: str, tmp_path: Path
) -> None:
    generate(large.make(tmp_path / "store", 3), tmp_path / "site", large.FIGURES)
    loads = []
    with served(tmp_path / "site") as few:
        for each in (f"{few}/", address):
            page = open_page(url=each)
            all_ready(page)
            expect(page.locator("#picker .thumbnail").nth(2)).to_be_visible()
            loads.append(dict(page.evaluate(FIRST_LOAD)))
    first, second = loads
    assert first.keys() == second.keys() >= {"site.js", "predictions.js"}
    assert not any("photographs-" in name for name in first)
    grown = {name for name in first if second[name] > first[name] + 16}  # digits of the count
    assert grown <= {"index.html"}  # it lists photographs, up to 24, for readers without JavaScript


def images(page: Page) -> list[str]:
    """The names of the photographs that the picker shows."""
    found = page.eval_on_selector_all(
        "#picker .thumbnail", "all => all.map(each => each.dataset.image)"
    )
    return list(found)


def test_only_what_is_shown_of_the_list_is_loaded(open_page: Open, large_site: Path) -> None:
    asked: list[str] = []
    page = open_page(folder=large_site)
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    ready(page, "predictions")
    page.wait_for_function("() => document.getElementById('picker').dataset.state === 'ready'")
    lists = [url for url in asked if "data/photographs-" in url]
    assert len(lists) == 1
    assert "photographs-0.js" in lists[0]


def test_a_link_opens_a_photograph_whose_list_is_not_loaded(
    open_page: Open, large_site: Path
) -> None:
    page = open_page("#image=p0187", folder=large_site)
    ready(page, "predictions")
    expect(page.locator('#picker [data-image="p0187"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#picker .picker-status")).to_contain_text("Photograph number 187")


def test_a_link_to_no_photograph_opens_the_first(open_page: Open, large_site: Path) -> None:
    for address, complaints in (("p9999", True), ("../../elsewhere", False)):
        page = open_page(f"#image={address}", folder=large_site, complaints=complaints)
        ready(page, "predictions")
        ready(page, "picker")
        assert page.evaluate("atlas.state.image") == "p0000"
        chosen = page.locator('#picker [data-image="p0000"]')
        expect(chosen).to_have_attribute("aria-pressed", "true")


def test_a_photograph_whose_file_was_missing_is_chosen_later(open_page: Open, address: str) -> None:
    page = open_page(url=address, complaints=True)
    ready(page, "predictions")
    page.route("**/p0003/photograph.js*", lambda route: route.abort())
    page.locator('#picker [data-image="p0003"]').click()
    ready(page, "predictions", "error")
    page.unroute("**/p0003/photograph.js*")
    page.get_by_role("button", name="Try again").click()
    ready(page, "predictions")
    expect(page.locator("#picker .picker-status")).to_contain_text("Photograph number 3")


def test_a_search_that_fails_says_why(open_page: Open, address: str) -> None:
    page = open_page(url=address, complaints=True)
    ready(page, "picker")
    page.route("**/photographs-1.js*", lambda route: route.abort())
    page.get_by_label("Mistakes first").check()
    expect(page.locator("#picker .picker-status")).to_contain_text("photographs-1.js is missing")
    page.unroute("**/photographs-1.js*")
    page.locator(".picker-search").fill("number 15")
    expect(page.locator('#picker [data-image="p0150"]')).to_be_visible()


def test_the_photograph_that_is_wanted_last_is_shown(open_page: Open, address: str) -> None:
    page = open_page(url=address)
    ready(page, "predictions")
    held: list[Route] = []
    page.route("**/p0003/*.js*", lambda route: held.append(route))
    page.locator('#picker [data-image="p0003"]').click()
    page.locator('#picker [data-image="p0000"]').click()
    page.wait_for_function("() => document.querySelector('#predictions').wanted === 'p0000'")
    for route in held:
        route.continue_()
    page.evaluate("() => atlas.load('p0003', 'predictions')")
    assert page.evaluate("document.querySelector('#predictions').image") == "p0000"
    assert page.locator("#predictions").get_attribute("aria-busy") is None


def test_mistakes_are_marked_and_listed_first(open_page: Open, large_site: Path) -> None:
    page = open_page(folder=large_site)
    ready(page, "predictions")
    mistake = page.locator('#picker [data-image="p0003"]')
    expect(mistake).to_contain_class("mistake")
    assert "a mistake: taken for" in (mistake.get_attribute("aria-label") or "")
    page.get_by_label("Mistakes first").check()
    expect(page.locator('#picker [data-image="p0150"]')).to_be_visible()
    assert images(page)[:4] == ["p0003", "p0150", "p0000", "p0001"]
    page.locator(".picker-search").fill("number 15")
    expect(page.locator('#picker [data-image="p0015"]')).to_be_visible()
    assert images(page)[:3] == ["p0150", "p0015", "p0115"]
    page.get_by_label("Mistakes first").uncheck()
    expect(page.locator("#picker .thumbnail").first).to_have_attribute("data-image", "p0015")


def test_nothing_is_offered_where_no_mistake_is_known(
    open_page: Open, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("faultless")
    generate(large.make(folder / "store", 3), folder / "site", large.FIGURES)
    page = open_page(folder=folder / "site")
    ready(page, "picker")
    expect(page.locator(".picker-mistakes")).to_be_hidden()


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
        "data-image", f"p{shown:04d}"
    )
    search = page.locator(".picker-search")
    search.fill("number 187")
    expect(page.locator("#picker .thumbnail")).to_have_count(1)
    page.locator("#picker .thumbnail").click()
    ready(page, "predictions")
    assert page.evaluate("atlas.state.image") == "p0187"
    search.fill("nothing like it")
    expect(page.locator("#picker .picker-status")).to_contain_text("no photograph matches")
    search.press("Escape")
    expect(page.locator('#picker [data-image="p0187"]')).to_be_visible()
    assert len({url for url in asked if "/data/p" in url and "predictions" in url}) <= 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
