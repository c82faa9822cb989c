"""Every figure in Firefox and in WebKit: it shows itself and answers to a reader.

A browser that is not installed is skipped by its name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.figures import FIGURES
from pipeline.website.page import identity
from tests.browser import other_browsers
from tests.browser.conftest import PATH
from tests.browser.other_browsers import Driven

IDS = [identity(name) for name in FIGURES]
PATIENCE = 60  # seconds

# Listens from before the figures are built; returns what the page has complained about.
HEAR = """
  window.heard ??= [];
  addEventListener("error", (event) => heard.push(event.message ?? event.target.outerHTML), true);
  addEventListener("unhandledrejection", (event) => heard.push(String(event.reason)));
"""
STATE = """
  const figure = document.getElementById(arguments[0]);
  figure.scrollIntoView();
  return figure.dataset.state;
"""
# Of a figure: whether something is drawn, and whether something went wrong.
SHOWN = """
  const figure = document.getElementById(arguments[0]);
  const drawn = [...figure.querySelectorAll("img, canvas, svg, .icon, .fill, table, dt, li, p")]
    .filter((each) => each.getBoundingClientRect().width > 0);
  return [drawn.length > 0, figure.querySelector(".figure-problem").hidden];
"""
BLANK = """
  return [...document.querySelectorAll("main canvas")]
    .filter((each) => each.width > 1 && each.classList.contains("shown"))
    .filter((each) => each.getContext("2d").getImageData(0, 0, each.width, each.height)
      .data.every((value) => value === 0)).length;
"""
CLICK = "document.querySelector(arguments[0]).click()"
EXISTS = "return Boolean(document.querySelector(arguments[0]))"


def wait_until(browser: Driven, script: str, *values: object, be: object = True) -> None:
    """Wait until a script returns what is wanted."""
    end = time.monotonic() + PATIENCE
    while (found := browser.run(script, *values)) != be:
        assert time.monotonic() < end, (script, values, found)
        time.sleep(0.2)


@pytest.fixture(scope="module", params=["firefox-esr", "webkitgtk"])
def driven(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driven]:
    """A browser, or a skip that names it."""
    kinds = {
        "firefox-esr": (other_browsers.firefox_path, other_browsers.firefox),
        "webkitgtk": (other_browsers.mini_browser_path, other_browsers.webkit),
    }
    find, start = kinds[request.param]
    if find() is None:
        pytest.skip(f"{request.param} is not installed")
    with start(tmp_path_factory.mktemp(request.param)) as browser:
        yield browser


@pytest.fixture(scope="module")
def shown(driven: Driven, site: Path) -> Driven:
    """The page from a disk, with every figure ready."""
    driven.open(f"{site.as_uri()}/index.html")
    driven.run(HEAR)
    for each in IDS:
        wait_until(driven, STATE, each, be="ready")
    return driven


@pytest.mark.parametrize("figure", IDS)
def test_a_figure_shows_itself(shown: Driven, figure: str) -> None:
    assert shown.run(SHOWN, figure) == [True, True]


def test_maps_are_painted_and_nothing_is_complained_about(shown: Driven) -> None:
    assert shown.run(BLANK) == 0
    assert shown.run("return heard") == []


def test_what_is_chosen_is_marked_and_inspected(shown: Driven) -> None:
    shown.run(CLICK, "#class-comparison button.channel")
    assert "class-comparison=channel:" in shown.run("return location.hash")
    wait_until(shown, EXISTS, "#class-comparison .icon.selected")
    wait_until(shown, EXISTS, ".inspector-open")
    shown.run(CLICK, ".inspector-open")
    wait_until(shown, EXISTS, ".inspector.open .side .photograph-view")
    shown.run("history.back()")
    wait_until(shown, EXISTS, ".inspector.open", be=False)


def test_a_photograph_is_changed(shown: Driven) -> None:
    shown.run(CLICK, '#picker [data-image="third"]')
    for each in IDS:
        wait_until(shown, STATE, each, be="ready")
    assert shown.run("return atlas.state.image") == "third"
    assert shown.run("return heard") == []


def test_the_keyboard_walks_through_cells(shown: Driven) -> None:
    label = "return document.querySelector('#semantic-dictionary .cell').ariaLabel"
    before = shown.run(label)
    shown.run(
        "const cell = document.querySelector('#semantic-dictionary .cell');"
        "cell.focus();"
        "for (const key of ['Home', 'ArrowRight', 'ArrowDown'])"
        "  cell.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));"
    )
    assert shown.run(label) != before


# The last test of each browser: it opens another page.
def test_figures_can_be_taken_away(driven: Driven, server: str) -> None:
    driven.open(f"{server}/{PATH}index.html")
    for figure in ("predictions", "semantic-dictionary", "group-flow"):
        wait_until(driven, STATE, figure, be="ready")
        drawing = f"atlas.later('drawingOf', document.getElementById('{figure}'))"
        svg = driven.run(f"return {drawing}.then((it) => atlas.svgOf(it))")
        assert "data:image/jpeg" in svg
        picture = driven.run(f"return {drawing}.then((it) => atlas.canvasOf(it, 1).toDataURL())")
        assert picture.startswith("data:image/png")
        assert len(picture) > 20_000
