"""A site from the machine that built it to a reader: published, copied from the branch, served.

`pytest tests/browser --published` runs all other tests of this folder on such a copy, too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.atlas import Atlas
from pipeline.figures import FIGURES
from pipeline.publish import links
from pipeline.website.generate import generate
from pipeline.website.output import damaged_files
from pipeline.website.page import identity
from pipeline.website.serve import served
from tests.browser.conftest import PATH, Open, all_ready, ready
from tests.browser.publication import published
from tests.files import contents


@pytest.fixture(scope="module")
def branch(atlas: Atlas, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of the branch to which a site of its own was published."""
    above = tmp_path_factory.mktemp("published")
    site = above / "a sub path #1" / "site"
    generate(atlas, site)
    copy = published(site, above / "elsewhere")
    assert contents(copy) == contents(site)
    return copy


def test_every_file_and_every_link_of_the_branch_is_whole(branch: Path) -> None:
    assert list(links.broken(branch)) == []
    assert list(damaged_files(branch)) == []


def test_a_reader_goes_through_all_of_it(open_page: Open, atlas: Atlas, branch: Path) -> None:
    with served(branch.parents[1]) as address:
        page = open_page(url=f"{address}/{PATH}")
        for photograph in atlas.photographs:
            page.locator(f'#picker [data-image="{photograph.name}"]').click()
            assert all_ready(page) == [identity(name) for name in FIGURES]
            title = page.locator("#predictions .photograph-title").inner_text().strip()
            assert title.startswith(photograph.title.strip())
        address_of_state = page.url
        page.goto("about:blank")
        page.goto(address_of_state)  # an address that a reader sends to another
        ready(page, "predictions")
        again = page.locator("#predictions .photograph-title").inner_text().strip()
        assert again == title
        page.locator('#contents a[href^="channels/"]').click()
        channel = page.locator('main a[href*=".html"]').first
        channel.click()
        assert page.locator("h1").inner_text()
        assert page.locator("main img, main svg").count()
        page.close()
