"""What holds for the page as a whole and for every figure alike."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Route, expect

from pipeline.atlas import Atlas
from pipeline.figures import FIGURES
from pipeline.views.classes import is_mistake
from pipeline.website.page import identity
from tests.browser.chromium import PHONE
from tests.browser.conftest import PATH, Open, all_ready, ready

IDS = [identity(name) for name in FIGURES]


def test_every_figure_shows_itself_from_a_disk(open_page: Open) -> None:
    page = open_page()
    assert all_ready(page) == IDS
    assert page.locator("#picker").get_attribute("data-state") == "ready"


def test_every_figure_shows_itself_below_a_path_of_a_server(open_page: Open, server: str) -> None:
    page = open_page(url=f"{server}/{PATH}")
    assert all_ready(page) == IDS


def test_the_page_allows_no_code_but_its_own(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'" in text
    assert "unsafe" not in text
    assert " style=" not in text
    assert "<script>" not in text.replace("&lt;script&gt;", "")
    assert "//" not in "".join(part.split('"')[0] for part in text.split('src="')[1:])


def test_names_are_shown_as_they_are_and_run_nothing(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for photograph in atlas.photographs:
        page.locator(f'#picker [data-image="{photograph.name}"]').click()
        all_ready(page)
        shown = page.locator("#predictions .photograph-title").inner_text().strip()
        labelled = ". A mistake: labelled " if is_mistake(atlas, photograph) else ""
        assert shown.startswith(photograph.title.strip() + labelled)
    assert page.title() == atlas.settings.title
    assert page.locator("h1").inner_text() == atlas.settings.title
    assert not dialogs
    assert page.locator("main img[onerror]").count() == 0


BEYOND_THE_WINDOW = """() => [...document.querySelectorAll("main *")]
  .filter((each) => each.offsetParent && !each.closest(".table-scroll"))
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => each.className || each.tagName)"""


@pytest.mark.parametrize("width", [360, 768, 1440, 2560])
def test_the_page_never_scrolls_sideways(open_page: Open, atlas: Atlas, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    for photograph in atlas.photographs:
        page.evaluate("name => { atlas.state.show(name); }", photograph.name)
        all_ready(page)
        for details in page.locator("details").all():
            details.evaluate("element => element.open = true")
        width_of_all = page.evaluate("document.documentElement.scrollWidth")
        assert width_of_all <= width, page.evaluate(BEYOND_THE_WINDOW)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_assistive_technology_finds_no_fault(open_page: Open, scheme: str, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    all_ready(page)
    for details in page.locator("details").all():
        details.evaluate("element => element.open = true")
    results = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
    found = [
        (each["id"], [node["html"][:160] for node in each["nodes"]][:3])
        for each in results.response["violations"]
    ]
    assert found == []


def of_another_build(data: str) -> str:
    return data.replace('atlas.register("', 'atlas.register("0')


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "is damaged"),
        (lambda path: path.write_text(of_another_build(path.read_text())), "another build"),
    ],
    ids=["missing", "cut", "foreign"],
)
def test_a_broken_data_file_is_named_where_it_is_missed(
    open_page: Open, broken_site: Path, name: str, damage: object, message: str
) -> None:
    damage(broken_site / "data" / "coffee" / f"{name}.js")  # type: ignore[operator]
    page = open_page(folder=broken_site, complaints=True)
    ready(page, identity(name), "error")
    problem = page.locator(f"#{identity(name)} .figure-problem")
    expect(problem).to_contain_text(message)
    expect(problem).to_contain_text(f"data/coffee/{name}.js")
    for other in IDS:
        if other != identity(name):
            ready(page, other)
    page.locator('#picker [data-image="third"]').click()
    ready(page, identity(name))
    expect(problem).to_be_hidden()


def test_trying_again_shows_a_figure_whose_file_has_come_back(
    open_page: Open, broken_site: Path
) -> None:
    path = broken_site / "data" / "coffee" / "predictions.js"
    content = path.read_bytes()
    path.unlink()
    page = open_page(folder=broken_site, complaints=True)
    ready(page, "predictions", "error")
    path.write_bytes(content)
    page.locator("#predictions .figure-problem button").click()
    ready(page, "predictions")
    expect(page.locator("#predictions .figure-problem")).to_be_hidden()


def test_without_the_facts_every_figure_names_the_file(open_page: Open, broken_site: Path) -> None:
    (broken_site / "data" / "site.js").unlink()
    page = open_page(folder=broken_site, complaints=True)
    for each in IDS:
        expect(page.locator(f"#{each} .figure-problem")).to_contain_text("data/site.js")


def test_a_missing_sprite_is_named(open_page: Open, broken_site: Path) -> None:
    for path in (broken_site / "sprites").glob("2-*.webp"):
        path.unlink()
    page = open_page(folder=broken_site, complaints=True)
    all_ready(page)
    expect(page.locator("#semantic-dictionary .figure-problem")).to_contain_text("sprites/2-blocks")
    expect(page.locator("#semantic-dictionary .entry .value").first).not_to_be_empty()


def test_without_javascript_there_are_pictures_and_captions(open_page: Open, atlas: Atlas) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(".plain-photographs > li").count() == len(atlas.photographs)
    for photograph in atlas.photographs:
        expect(page.locator(".plain-photographs")).to_contain_text(photograph.title.split()[0])
    shown = page.locator("svg.static-icon")
    assert shown.count() >= 8
    assert not page.locator("#picker").is_visible()
    assert not page.locator("#class-comparison .channels").is_visible()


def test_nothing_of_an_unseen_photograph_is_loaded(open_page: Open) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    all_ready(page)
    assert not [url for url in asked if "data/third/" in url or "photographs/third" in url]


def test_nothing_can_be_used_before_it_is_built(site: Path) -> None:
    text = (site / "index.html").read_text()
    # If a script made controls inert, it would be too late: they would get an event of a pointer
    # that leaves. Some figures have no controls.
    inert = re.findall(r'needs-script[ a-z]*"? inert', text)
    assert text.count("needs-script") == len(inert) > len(IDS) / 2


MIDDLES_IN_SIGHT = """(figure) => [...figure.querySelectorAll("*")]
  .map((part) => part.getBoundingClientRect())
  .filter((box) => box.width && box.bottom > 0 && box.top < innerHeight)
  .map((box) => [box.x + box.width / 2, box.y + box.height / 2])"""


@pytest.mark.parametrize("identity", IDS)
def test_a_figure_without_its_data_is_not_moved_by_a_reader(open_page: Open, identity: str) -> None:
    page = open_page()
    held: list[Route] = []
    page.route(f"**/data/**/{identity.replace('-', '_')}.js*", lambda route: held.append(route))
    page.goto(page.url, wait_until="commit")
    figure = page.locator(f"#{identity}[aria-busy]")
    if identity != IDS[0]:
        page.locator(f"#{identity}").scroll_into_view_if_needed()
    expect(figure).to_be_visible()
    # Over all that can be seen of it, and through all stops of the Tab key, with the keys that
    # figures listen to.
    for middle in figure.evaluate(MIDDLES_IN_SIGHT):
        page.mouse.move(*middle)
    inside = "id => document.getElementById(id).contains(document.activeElement)"
    figure.evaluate("each => { each.tabIndex = -1; each.focus(); }")
    while page.evaluate(inside, identity):
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
    for route in held:
        route.continue_()
    ready(page, identity)


# Shifts of the layout that no click or key explains, as they are counted for CLS.
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) shifts.push([entry.value, entry.sources.map(({ node }) =>
      node && (node.className || node.nodeName))]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_moves_by_itself(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page.add_init_script(SHIFTS)
    page.reload()
    ready(page, IDS[0])
    page.evaluate("scrollTo(0, 0)")
    while page.evaluate("scrollY + innerHeight < document.documentElement.scrollHeight - 1"):
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(80)
    found = page.evaluate("shifts")
    assert sum(value for value, _ in found) < 0.02, found


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_is_about_as_long_before_its_figures_are_there(
    open_page: Open, width: int
) -> None:
    length = "document.documentElement.scrollHeight"
    page = open_page(viewport={"width": width, "height": 900}, complaints=True)
    page.route("**/data/*/*.js*", lambda route: route.abort())
    page.reload()
    ready(page, IDS[0], "error")
    before = page.evaluate(length)
    page = open_page(viewport={"width": width, "height": 900})
    all_ready(page)
    assert abs(page.evaluate(length) / before - 1) < 0.1


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_links_of_the_contents_arrive_below_the_bar(
    open_page: Open, context: dict[str, object]
) -> None:
    page = open_page(**context, reduced_motion="reduce")
    for link in page.locator("#contents a[href^='#']").all():
        href = link.get_attribute("href")
        assert href
        link.evaluate("link => link.click()")
        heading = page.locator(f"{href} h2")
        # Figures above may still be growing; the browser keeps what is in view.
        expect(heading).to_be_in_viewport()
        bar = page.locator("#picker").bounding_box()
        box = heading.bounding_box()
        assert bar
        assert box
        assert bar["y"] + bar["height"] <= box["y"]


def test_every_figure_has_a_picture_in_the_contents(open_page: Open) -> None:
    page = open_page()
    links = page.locator("#contents a[href$='-section']")
    assert [link.get_attribute("href") for link in links.all()] == [
        f"#{i}-section" for i in IDS[1:]
    ]
    for link in links.all():
        assert link.locator("svg > *").count() > 0
    hrefs = page.eval_on_selector_all(
        "#contents image", "all => all.map(each => each.getAttribute('href'))"
    )
    loads = """href => new Promise((settle) => {
      const image = new Image();
      image.onload = () => settle(image.naturalWidth);
      image.onerror = () => settle(0);
      image.src = href;
    })"""
    assert all(page.evaluate(loads, href) > 0 for href in set(hrefs))


def test_a_sentence_stands_above_each_figure_and_the_rest_below(open_page: Open) -> None:
    page = open_page()
    for each in IDS[1:]:
        above = page.locator(f"#{each}-section > h2 ~ *").evaluate_all("""(all) => {
          const end = all.findIndex((each) => each.matches(".figure"));
          return all.slice(0, end).map((each) => each.textContent.trim());
        }""")
        (sentence,) = above
        assert len(sentence.split()) <= 35
        assert len(re.findall(r"[.?!](?:\s|$)", sentence)) == 1


def test_a_link_to_a_section_keeps_what_is_chosen(open_page: Open) -> None:
    page = open_page("#image=third")
    ready(page, "predictions")
    page.locator("#contents a").nth(2).click()
    ready(page, "semantic-dictionary")
    page.wait_for_function("() => location.hash.includes('image=third')")
    assert page.evaluate("atlas.state.image") == "third"


@pytest.mark.parametrize(
    "state",
    [
        "#",
        "#image=%E0%A4%A",
        "#image=nobody&class-comparison=a:x,b,layer:none,channel:-1",
        "#&&==,,::&semantic-dictionary=cell:99.99",
    ],
)
def test_a_senseless_address_opens_the_page_as_it_opens_first(open_page: Open, state: str) -> None:
    page = open_page(state)
    all_ready(page)
    assert page.evaluate("atlas.state.image") == "coffee"


def test_data_kept_in_memory_are_bounded_but_never_lost(open_page: Open) -> None:
    page = open_page()
    all_ready(page)
    for _ in range(3):
        for name in ("third", "cat-2.b", "coffee"):
            page.evaluate("name => { atlas.state.show(name); }", name)
            all_ready(page)


def test_little_code(site: Path) -> None:
    code = {
        path.name: len(gzip.compress(path.read_bytes()))
        for path in site.rglob("*")
        if path.suffix in (".js", ".css") and "data" not in path.relative_to(site).parts
    }
    assert code.pop("later.js") <= 17_000
    assert code.pop("later.css") <= 1_500
    assert sum(code.values()) <= 45_000


def test_the_page_can_be_printed_and_stands_still_on_request(open_page: Open) -> None:
    page = open_page(reduced_motion="reduce")
    all_ready(page)
    style = "(element, property) => getComputedStyle(element)[property]"
    assert page.locator("#predictions .map").evaluate(style, "transitionDuration") == "0s"
    page.emulate_media(media="print")
    assert page.locator("#picker").evaluate(style, "display") == "none"
