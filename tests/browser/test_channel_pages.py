"""The channels' own pages, which need no JavaScript."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Open


def first_page(site: Path) -> str:
    """The path of a channel's page in the site."""
    found = sorted((site / "channels").glob("2-*/*.html"))
    return found[1].relative_to(site).as_posix()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_whole_without_javascript(
    open_page: Open, site: Path, home: str, scheme: str, width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    for path in (first_page(site), "channels/index.html"):
        page.goto(f"{home}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
        assert [each["id"] for each in found.response["violations"]] == []
    plain = open_page(java_script_enabled=False)
    plain.wait_for_load_state("networkidle")
    plain.goto(f"{home}{first_page(site)}")
    expect(plain.locator(".channel-map").first).to_be_visible()
    assert plain.locator(".channel-head .static-icon").count() == 1


def test_page_and_inspector_lead_to_each_other(open_page: Open, site: Path, home: str) -> None:
    page = open_page()
    page.wait_for_load_state("networkidle")
    page.goto(f"{home}{first_page(site)}")
    heading = page.locator("h1").inner_text()
    page.locator(".channel-open").click()
    expect(page.locator(".inspector h2")).to_have_text(heading)
    page.wait_for_load_state("networkidle")
    page.locator(".inspector-page").click()
    expect(page.locator("h1")).to_have_text(heading)
    page.locator("a[rel=prev]").click()
    expect(page.locator("h1")).not_to_have_text(heading)
