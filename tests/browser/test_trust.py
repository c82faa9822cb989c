"""How far to believe this atlas: the store's numbers on the page, the weakest first."""

from __future__ import annotations

from pipeline.atlas import Atlas
from pipeline.figures.trust import MEASURES, written
from pipeline.views import trust
from tests.browser.conftest import Open, ready

# What a bar shows of its width, in percent.
WIDTHS = """table => [...table.querySelectorAll(".trust-bar svg rect:nth-child(2)")].map(
    bar => Number(bar.getAttribute("width")))"""


def test_numbers_equal_those_of_the_store(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, "trust")
    for name, answers in trust.answers(atlas, trust.read(atlas)).items():
        part = page.locator(f"#trust-{name}")
        assert part.locator("h3").inner_text() == MEASURES[name].question
        table = part.locator("table").first
        shown = {
            row.locator("th").inner_text(): row.locator(".value").inner_text()
            for row in table.locator("tr").all()
        }
        unit = MEASURES[name].unit
        titles = {atlas.layer(each.layer).title: each for each in answers}
        assert shown == {title: written(each.value, unit) for title, each in titles.items()}
        widths = dict(zip(shown, table.evaluate(WIDTHS), strict=True))
        for title, each in titles.items():
            assert abs(widths[title] - 100 * min(max(each.value, 0), 1)) < 0.1


def test_the_weakest_come_first(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, "trust")
    answers = trust.answers(atlas, trust.read(atlas))
    weak = {name for name, some in answers.items() if any(each.weak for each in some)}
    assert weak == {"shapley", "removal", "paths"}
    parts = page.locator(".trust-measure").all()
    first = {part.get_attribute("id") for part in parts[: len(weak)]}
    assert first == {f"trust-{name}" for name in weak}
    for part in parts[: len(weak)]:
        verdicts = part.locator(".trust-verdict").all_inner_texts()
        assert verdicts == ["weak", "holds", "holds"]
    told = page.locator(".trust-weakest li")
    assert told.locator(".trust-verdict").all_inner_texts()[:3] == ["weak"] * 3
    assert atlas.network.layers[1].title in told.first.inner_text()


def test_what_fails_is_named_and_shown(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, "trust")
    pictures = page.locator("#trust-pictures .trust-failing li")
    assert pictures.count() == len(atlas.network.layers)
    assert pictures.locator("svg").count() == len(atlas.network.layers)
    assert "above 30 % of positions" in pictures.first.inner_text()
    lost = page.locator("#trust-groups .trust-failing li").all_inner_texts()
    assert lost
    assert all(atlas.photographs[0].title in each for each in lost)


def test_an_answer_leads_to_its_question(open_page: Open) -> None:
    page = open_page()
    ready(page, "trust")
    link = page.locator(".trust-weakest a").first
    target = page.locator(str(link.get_attribute("href")))
    link.click()
    page.wait_for_function(
        "element => element.getBoundingClientRect().top < innerHeight / 2",
        arg=target.element_handle(),
    )
    folded = target.locator("details").first
    folded.locator("summary").click()
    assert folded.locator("tbody tr").count() == 3


def test_it_is_all_there_without_scripts(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator("#trust .trust-measure").count() == len(MEASURES)
    assert page.locator("#trust .trust-weakest li").first.is_visible()


def test_nothing_is_wider_than_a_phone(open_page: Open) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    ready(page, "trust")
    wide = page.locator("#trust-section").evaluate("each => each.scrollWidth > each.clientWidth")
    assert not wide
