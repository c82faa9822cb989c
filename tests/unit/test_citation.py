"""How an atlas is cited and listed: BibTeX, canonical address, site map, and the shared picture."""

from __future__ import annotations

import html
import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.atlas import Atlas
from pipeline.figures import chosen
from pipeline.publish import links
from pipeline.website import card
from pipeline.website.citation import Citation, canonical, site_map
from pipeline.website.generate import generate
from pipeline.website.sprite_sheets import make_sprite_sheets
from tests import synthetic

ADDRESS = "https://ada.github.io/birds/"
CITATION = Citation("Birds", ("Ada Lovelace", "C. Babbage"), ADDRESS, "CC BY 4.0", "1", "abcdef012")


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    made = synthetic.make(tmp_path_factory.mktemp("cited") / "store")
    known = {"address": "https://ada.github.io/birds", "authors": ("Ada Lovelace",), "year": 2026}
    site = made.settings.site.model_copy(update={**known, "license": "https://example.org/by"})
    return replace(made, settings=made.settings.model_copy(update={"site": site}))


@pytest.fixture(scope="module")
def folder(atlas: Atlas, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(atlas, tmp_path_factory.mktemp("generated") / "site").output


def test_the_entry_has_what_is_known() -> None:
    entry = replace(CITATION, year=2026).bibtex()
    assert entry.startswith("@misc{lovelace-abcdef01,\n")
    assert "  author = {Ada Lovelace and C. Babbage},\n" in entry
    assert "  year = {2026},\n" in entry
    assert f"  url = {{{ADDRESS}}},\n" in entry
    bare = Citation("Birds", (), None, None, "1", "abcdef012").bibtex()
    assert bare.startswith("@misc{atlas-abcdef01,\n")
    assert not re.search("author|year|url", bare)


def test_what_tex_reads_otherwise_is_escaped() -> None:
    entry = replace(CITATION, title=r"50 % of {cats} & \dogs_").bibtex()
    expected = r"title = {{50 \% of \{cats\} \& \textbackslash{}dogs\_}}"
    assert expected in entry


@pytest.mark.parametrize("given", [ADDRESS, ADDRESS[:-1], ADDRESS + "index.html"])
def test_a_site_has_one_address(given: str) -> None:
    assert canonical(given) == ADDRESS


def test_the_site_map_lists_every_page() -> None:
    found = ElementTree.fromstring(site_map(ADDRESS, ["index.html", "a&b/index.html", "c.html"]))
    names = [each.text for each in found.iter() if each.tag.endswith("}loc")]
    assert names == [ADDRESS, ADDRESS + "a&b/", ADDRESS + "c.html"]


def test_a_page_with_an_address_names_it_and_its_picture(folder: Path, atlas: Atlas) -> None:
    page = html.unescape((folder / "index.html").read_text())
    assert f'<link rel="canonical" href="{ADDRESS}">' in page
    assert f'<meta property="og:image" content="{ADDRESS}card.jpg?' in page
    assert f'<meta property="og:title" content="{atlas.settings.title}">' in page
    assert "@misc{lovelace-" in page
    assert '<a rel="license" href="https://example.org/by">' in page
    listed = ElementTree.parse(folder / "sitemap.xml").getroot()
    assert len(listed) == len(list(folder.rglob("*.html")))


def test_a_site_without_an_address_claims_none(tmp_path: Path) -> None:
    folder = generate(synthetic.make(tmp_path / "store"), tmp_path / "site").output
    page = (folder / "index.html").read_text()
    assert "canonical" not in page
    assert "og:image" not in page
    assert not (folder / "sitemap.xml").exists()


def test_no_link_of_a_site_leads_nowhere(folder: Path) -> None:
    assert list(links.broken(folder)) == []


def test_the_shared_picture_shows_the_photograph_and_what_is_seen_in_it(
    folder: Path, atlas: Atlas
) -> None:
    image = Image.open(folder / card.NAME)
    assert image.size == (card.WIDTH, card.HEIGHT)
    pixels = np.asarray(image).astype(float)
    top = (card.HEIGHT - card.SIDE) // 2
    with atlas.open(atlas.photographs[0]) as file:
        photograph = Image.fromarray(file.values("input")).resize((card.SIDE, card.SIDE))
    shown = pixels[top : top + card.SIDE, card.GAP : card.GAP + card.SIDE]
    assert np.abs(shown - np.asarray(photograph)).mean() < 12
    right = pixels[top : top + card.SIDE, 2 * card.GAP + card.SIDE : -card.GAP]
    assert right.std() > 20
    assert (pixels[: top - 8] > 245).all()  # JPEG blurs over 8 pixels


def test_without_feature_visualizations_the_photograph_stands_alone(atlas: Atlas) -> None:
    shown = chosen(["predictions"])
    pixels = np.asarray(
        Image.open(io.BytesIO(card.card(atlas, shown, make_sprite_sheets(atlas, shown))))
    )
    assert (pixels[:, : (card.WIDTH - card.SIDE) // 2 - 8] > 245).all()
    assert (pixels[:, (card.WIDTH + card.SIDE) // 2 + 8 :] > 245).all()
