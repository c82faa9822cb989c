"""One selection through the page, and the inspector that shows it from all sides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, all_ready, ready

PANEL = ".inspector"


def selected(page: Page) -> str:
    """What the address has as selected."""
    parts = str(page.evaluate("location.hash")).lstrip("#").split("&")
    return next((part for part in parts if part.startswith("selected=")), "")


def first_channel(page: Page) -> str:
    """Select the first channel of the class comparison; returns it as elements name it."""
    ready(page, "class-comparison")
    icon = page.locator("#class-comparison button.channel .icon").first
    thing = icon.get_attribute("data-thing")
    assert thing is not None
    icon.click()
    expect(page.locator(PANEL)).to_be_visible()
    return thing


def open_inspector(page: Page) -> None:
    page.locator(".inspector-open").click()
    expect(page.locator(".inspector-body")).to_be_visible()


def test_a_channel_is_marked_wherever_it_is_shown(open_page: Open) -> None:
    page = open_page()
    thing = first_channel(page)
    all_ready(page)
    shown = page.evaluate(
        "thing => [...document.querySelectorAll('main [data-thing]')]"
        ".map((each) => [each.dataset.thing === thing, each.classList.contains('selected')])",
        thing,
    )
    assert all(same == marked for same, marked in shown)
    figures = page.evaluate(
        "() => [...new Set([...document.querySelectorAll('main .icon.selected')]"
        ".map((each) => each.closest('.figure').id))]"
    )
    assert "class-comparison" in figures


def test_a_click_is_one_step_of_the_history(open_page: Open) -> None:
    page = open_page()
    ready(page, "class-comparison")
    before = page.evaluate("history.length")
    thing = first_channel(page)
    assert page.evaluate("history.length") == before + 1
    assert "class-comparison=channel:" in page.evaluate("location.hash")
    page.go_back()
    page.wait_for_function("() => !document.querySelector('.icon.selected')")
    expect(page.locator(PANEL)).to_be_hidden()
    page.go_forward()
    page.wait_for_function("() => document.querySelector('.icon.selected')")
    assert f"channel:{thing.split()[0].split(':')[1]}" in selected(page)


def test_a_position_is_framed_in_all_photographs(open_page: Open) -> None:
    page = open_page()
    ready(page, "semantic-dictionary")
    view = page.locator("#semantic-dictionary .cells")
    box = view.bounding_box()
    assert box is not None
    view.click(position={"x": box["width"] * 0.3, "y": box["height"] * 0.6})
    assert selected(page).startswith("selected=at:")
    frames = page.evaluate(
        "() => [...document.querySelectorAll('main .photograph-view')].map((view) => {"
        "  const frame = view.querySelector('.selected-part');"
        "  return frame && [frame.style.left, frame.style.top];"
        "})"
    )
    assert None not in frames
    assert len({tuple(frame) for frame in frames}) == 1


def test_a_class_is_marked_in_lists_and_buttons(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, "predictions")
    name = page.locator("#predictions .class-bars bdi").first
    thing = name.get_attribute("data-thing")
    name.click()
    all_ready(page)
    marked = page.evaluate(
        "() => [...new Set([...document.querySelectorAll('main .selected')]"
        ".map((each) => each.closest('.figure').id))]"
    )
    assert {"predictions", "spatial-attribution", "group-flow", "switchboard"} <= set(marked)
    open_inspector(page)
    assert thing is not None
    index = int(thing.split(":")[1])
    expect(page.locator(f"{PANEL} h2")).to_have_text(atlas.network.classes[index])
    assert page.locator(".side-pictures .icon").count() > 0


def test_the_inspector_shows_a_channel_from_all_sides(open_page: Open) -> None:
    page = open_page()
    thing = first_channel(page)
    open_inspector(page)
    channel = thing.split()[0].split(":")[1]
    expect(page.locator(f"{PANEL} h2")).to_contain_text(f"Channel {channel} of")
    titles = page.locator(f"{PANEL} .side h3").all_inner_texts()
    assert titles[:2] == ["Where it is", "What it does to the classes"]
    assert titles[-1] == "Where it is most active"
    assert any(title.startswith("What feeds it") for title in titles)
    assert page.evaluate("() => document.activeElement.closest('.inspector') !== null")
    # What feeds it is a step on, and the panel follows.
    feeding = page.locator(f"{PANEL} .side-pictures button:has([data-thing])").first
    step = feeding.locator("[data-thing]").get_attribute("data-thing")
    feeding.click()
    assert step is not None
    expect(page.locator(f"{PANEL} h2")).to_contain_text(step.split()[0].replace(":", " ").title())


def test_the_inspector_follows_to_another_photograph(open_page: Open) -> None:
    page = open_page()
    first_channel(page)
    open_inspector(page)
    heading = page.locator(f"{PANEL} h2").inner_text()
    page.locator(f"{PANEL} button[aria-pressed=false]:has(.crop)").first.click()
    page.wait_for_function("() => atlas.state.image !== 'coffee'")
    expect(page.locator(f"{PANEL} h2")).to_have_text(heading)
    assert "inspect:yes" in selected(page)


def test_a_picture_in_a_list_is_selected_by_keyboard(open_page: Open) -> None:
    page = open_page()
    ready(page, "semantic-dictionary")
    icon = page.locator("#semantic-dictionary .entry .icon").first
    icon.focus()
    page.keyboard.press("Enter")
    expect(page.locator(PANEL)).to_be_visible()
    expect(icon).to_have_class(re.compile("selected"))


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_a_link_opens_the_inspector_and_escape_closes_it(
    open_page: Open, context: dict[str, object]
) -> None:
    page = open_page("#selected=at:1.2.7.7,inspect:yes", **context)
    body = page.locator(".inspector-body")
    expect(body).to_be_visible()
    expect(page.locator(f"{PANEL} h2")).to_have_text("Position: row 2, column 3")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    page.locator(f"{PANEL} h2").focus()
    page.keyboard.press("Escape")
    expect(page.locator(PANEL)).to_be_hidden()
    assert selected(page) == ""


def test_a_group_is_shown_with_what_it_flows_into(open_page: Open) -> None:
    page = open_page()
    ready(page, "group-flow")
    thing = page.locator("#group-flow .node .icon").first.get_attribute("data-thing")
    assert thing is not None
    assert thing.startswith("direction:")
    page.locator("#group-flow .node .icon").first.click()
    open_inspector(page)
    expect(page.locator(f"{PANEL} h2")).to_contain_text("Group 1 of")
    titles = page.locator(f"{PANEL} .side h3").all_inner_texts()
    assert any(title.startswith("What it feeds") for title in titles)


@pytest.mark.parametrize(
    ("thing", "known"),
    [
        ("channel:99999,layer:blocks.2", True),
        ("direction:none,layer:head", True),
        ("class:99999", True),
        ("at:x", False),
        ("at:9.0.7.7", False),
        ("channel:1", False),
        ("channel:1,layer:none", False),
    ],
)
def test_a_senseless_selection_breaks_nothing(open_page: Open, thing: str, known: bool) -> None:
    page = open_page(f"#selected={thing},inspect:yes")
    all_ready(page)
    if not known:
        assert page.locator(PANEL).count() == 0
        return
    page.locator(".inspector-close").click()
    expect(page.locator(PANEL)).to_be_hidden()


def test_a_missing_script_is_named(open_page: Open, broken_site: Path) -> None:
    (broken_site / "later.js").unlink()
    page = open_page(folder=broken_site, complaints=True)
    ready(page, "activation-cube", "error")
    expect(page.locator("#activation-cube .figure-problem")).to_contain_text("later.js")
