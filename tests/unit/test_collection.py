"""Several atlases in one site, and the page that lists them."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from pipeline.atlas import Atlas
from pipeline.errors import AtlasError
from pipeline.publish import headless, links
from pipeline.publish.inspection import inspect
from pipeline.website import collection
from pipeline.website.generate import generate
from tests import synthetic

FIGURES = ["predictions"]


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("collected") / "store")


@pytest.fixture
def root(atlas: Atlas, tmp_path: Path) -> Path:
    site = tmp_path / "site"
    for name in ("birds", "cats"):
        collection.adding(site)
        generate(atlas, site / name, FIGURES)
        collection.write(site)
    return site


def test_every_atlas_is_listed_with_its_picture(root: Path) -> None:
    listed = list(collection.atlases(root))
    assert [each.path for each in listed] == ["birds", "cats"]
    text = html.unescape((root / "index.html").read_text())
    for each in listed:
        assert f'href="{each.path}/index.html"' in text
        assert f'src="{each.path}/card.jpg?' in text
        assert each.title in text
    assert "<blobs>" not in (root / "index.html").read_text()  # a title does not become markup
    assert list(links.broken(root)) == []
    assert inspect(root, use_browser=False).problems == ()


def test_an_atlas_is_written_again_without_the_others(root: Path, atlas: Atlas) -> None:
    before = (root / "cats" / "index.html").read_bytes()
    generate(atlas, root / "birds", FIGURES)
    collection.write(root)
    assert (root / "cats" / "index.html").read_bytes() == before
    assert [path.name for path in root.parent.iterdir() if path.name.startswith(".site")] == []


def test_an_atlas_that_stood_there_itself_makes_room(atlas: Atlas, tmp_path: Path) -> None:
    site = tmp_path / "single"
    generate(atlas, site, FIGURES)
    (site / "CNAME").write_text("example.org")
    generate(atlas, site / "birds", FIGURES)
    collection.write(site)
    assert {path.name for path in site.iterdir()} == {
        *collection.CODE,
        "index.html",
        "atlas.json",
        ".nojekyll",
        "CNAME",
        "birds",
    }


def test_folders_of_others_are_left_out_and_alone(root: Path) -> None:
    (root / "thesis").mkdir()
    (root / "thesis" / "atlas.json").write_text('{"created_by": "somebody"}')
    collection.write(root)
    assert [each.path for each in collection.atlases(root)] == ["birds", "cats"]
    assert (root / "thesis" / "atlas.json").is_file()


def test_a_page_of_somebody_elses_is_not_replaced(atlas: Atlas, tmp_path: Path) -> None:
    site = tmp_path / "site"
    generate(atlas, site / "birds", FIGURES)
    (site / "index.html").write_text("Hand-made")
    with pytest.raises(AtlasError, match="did not write"):
        collection.write(site)
    assert (site / "index.html").read_text() == "Hand-made"


@pytest.mark.skipif(headless.browser() is None, reason="no Chromium is installed")
def test_it_loads_without_a_complaint(root: Path) -> None:
    assert headless.complaints(root, str(headless.browser())) == []
