"""Sections below the first screen are laid out after it, and a link into the page still arrives."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Open

WAITING = ".figure-section ~ .figure-section"
ALL_LAID_OUT = """() => [...document.querySelectorAll(".figure-section")]
  .every(({ classList }) => classList.contains("laid-out"))"""
VISIBILITY = "section => getComputedStyle(section).contentVisibility"


def test_all_are_laid_out_without_being_visited(open_page: Open) -> None:
    page = open_page()
    page.wait_for_function(ALL_LAID_OUT)
    last = page.locator(WAITING).last
    assert last.evaluate(VISIBILITY) == "visible"
    # Until then, those below the first screen have a height that the style sheet guesses.
    last.evaluate("section => section.classList.remove('laid-out')")
    assert last.evaluate(VISIBILITY) == "auto"
    assert page.locator(".figure-section").first.evaluate(VISIBILITY) == "visible"


def test_a_link_into_the_page_arrives(open_page: Open) -> None:
    page = open_page("#trust-section")
    assert page.evaluate(ALL_LAID_OUT)
    expect(page.locator("#trust-section h2")).to_be_in_viewport()


def test_without_scripts_and_on_paper_nothing_waits(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(WAITING).last.evaluate(VISIBILITY) == "visible"
    page = open_page()
    page.wait_for_function(ALL_LAID_OUT)
    last = page.locator(WAITING).last
    last.evaluate("section => section.classList.remove('laid-out')")
    page.emulate_media(media="print")
    assert last.evaluate(VISIBILITY) == "visible"
