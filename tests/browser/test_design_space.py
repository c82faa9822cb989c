"""The design space: a diagram for every figure, as its interface says; the arrays behind them."""

from __future__ import annotations

from playwright.sync_api import expect

from pipeline.atlas import Atlas
from pipeline.figures import FIGURES, design_space
from tests.browser.conftest import Open, ready

ID = "design-space"


def test_every_figure_has_its_diagram(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    diagrams = design_space.page(atlas)["diagrams"]
    for name in FIGURES:
        card = page.locator(f'#{ID} .diagram[data-figure="{name}"]')
        if name not in diagrams:
            assert card.count() == 0
            continue
        assert card.locator("circle").count() == len(diagrams[name].marks)
        assert card.locator("path").count() == len(diagrams[name].arrows)
        assert card.locator(".sentences li").all_text_contents() == list(diagrams[name].sentences)
        label = card.locator("svg").get_attribute("aria-label") or ""
        assert all(sentence in label for sentence in diagrams[name].sentences)


def test_a_diagrams_title_leads_to_its_figure_and_keeps_the_state(open_page: Open) -> None:
    page = open_page("#image=cat-2.b")
    ready(page, ID)
    link = page.locator(f'#{ID} .diagram[data-figure="class_comparison"] a')
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#class-comparison")).to_be_in_viewport()
    page.wait_for_function("() => location.hash.includes('image=cat-2.b')")


def test_the_table_lists_the_arrays_of_the_file(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} .figure-table > summary").click()
    rows = [row.split("\t") for row in page.locator(f"#{ID} tbody").inner_text().split("\n")]
    baked = design_space.bake(atlas, atlas.photographs[0])["figures"]
    expected = [
        [path, " × ".join(map(str, shape)) or "1", letters]
        for found in baked.values()
        for path, shape, _, letters in found
    ]
    assert [[row[1], row[2], row[4]] for row in rows] == expected


def test_without_scripts_all_diagrams_are_there(open_page: Open, atlas: Atlas) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(f"#{ID} .diagrams svg").count() == len(design_space.page(atlas)["diagrams"])
    expect(page.locator(f"#{ID} .grammar")).to_be_visible()
