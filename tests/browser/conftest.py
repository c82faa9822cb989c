"""A synthetic site, a browser, and pages.

A page fails its test when the console reports anything or a request goes outside the site. With
`--published`, pages are not opened from the disk: the site is published to a branch, and a fresh
copy of that branch is served below a path.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from pipeline.atlas import Atlas
from pipeline.website.generate import generate
from pipeline.website.serve import served
from tests import synthetic
from tests.browser.chromium import launch
from tests.browser.publication import published

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("atlas") / "store")


PATH = "a%20sub%20path%20%231/site/"  # of the site, below the server's root


@pytest.fixture(scope="session")
def site(atlas: Atlas, pytestconfig: pytest.Config) -> Path:
    """The site, in a folder whose name breaks addresses that are not escaped."""
    output = atlas.store.root.parent / "a sub path #1" / "site"
    generate(atlas, output)
    if pytestconfig.getoption("--published"):
        return published(output, atlas.store.root.parent / "published")
    return output


@pytest.fixture
def broken_site(site: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(site, tmp_path / "site"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    """Address of a server's root above the site."""
    with served(site.parent.parent) as address:
        yield address


@pytest.fixture(scope="session")
def home(site: Path, server: str, pytestconfig: pytest.Config) -> str:
    """Address of the site, with a slash at its end."""
    served = pytestconfig.getoption("--published")
    return f"{server}/{PATH}" if served else f"{site.as_uri()}/"


@pytest.fixture
def open_page(browser: Browser, site: Path, home: str) -> Iterator[Open]:
    """`open_page(state="#…", folder=…, url=…, complaints=False, **context)` opens a page.

    Unless `complaints` are expected, the test fails if the console reports anything, a script
    throws, or a request fails; in any case, if a request goes outside the site.
    """
    contexts = []
    heard: list[str] = []

    def check_address(url: str, root: str) -> None:
        if not url.startswith(root):
            heard.append(f"elsewhere: {url}")

    def check_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # going elsewhere cuts off what was under way
            heard.append(f"failed: {request.url}: {request.failure}")

    def opened(
        state: str = "",
        folder: Path = site,
        url: str | None = None,
        complaints: bool = False,
        **options: object,
    ) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        root = url or (home if folder == site else f"{folder.as_uri()}/")
        if not complaints:
            page.on("console", lambda message: heard.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: heard.append(f"error: {error.stack}"))
            page.on("requestfailed", check_failure)
        page.on("request", lambda request: check_address(request.url, root))
        page.goto(f"{root}index.html{state}")
        return page

    yield opened
    reported = list(heard)  # closing a page cuts off what it was about to load
    for context in contexts:
        context.close()
    assert not reported


def ready(page: Page, identity: str, state: str = "ready") -> None:
    """Bring a figure into view, and wait for its state."""
    page.locator(f"#{identity}").scroll_into_view_if_needed()
    page.wait_for_function(
        "([id, state]) => document.getElementById(id).dataset.state === state",
        arg=[identity, state],
    )


def all_ready(page: Page) -> list[str]:
    """Bring every figure into view, wait until each is ready, and return their ids."""
    ids = page.eval_on_selector_all(".figure", "figures => figures.map(figure => figure.id)")
    for each in ids:
        ready(page, each)
    return list(ids)
