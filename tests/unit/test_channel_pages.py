"""The channels' own pages, and what the inspector gets, against the store."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import chosen
from pipeline.grammar import CHANNEL, CLASSES, Activation, Attribution, Removal, Substrate
from pipeline.views.channel_lists import OPPOSE, SUPPORT
from pipeline.views.inspected import PHOTOGRAPHS, Appearances, LayerFacts, facts
from pipeline.website.channel_pages import SHADES, activation, pictured, shade_paths
from pipeline.website.generate import generate
from pipeline.website.sprite_sheets import make_sprite_sheets
from tests import synthetic

CHANNELS = {"blocks.2": [0, 5, 23], "blocks.4/x:y,z=1&w": [1, 39], "head": [7]}


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("atlas") / "store")


@pytest.fixture(scope="module")
def site(atlas: Atlas) -> Path:
    output = atlas.store.root.parent / "site"
    generate(atlas, output)
    return output


def test_maps_and_peaks_are_those_of_the_activations(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    _, found = facts(atlas, photograph, CHANNELS)
    for name, channels in CHANNELS.items():
        with atlas.open(photograph) as file:
            a = file.values(Activation(Substrate(name, CHANNEL)).path).astype(np.float64)
        block = -(-a.shape[1] // 14)
        for i, channel in enumerate(channels):
            side = a.shape[1] // block
            cells = a[channel].reshape(side, block, side, block).mean(axis=(1, 3))
            assert found[name].peaks[i] == pytest.approx(max(cells.max(), 0), rel=1e-3)
            if cells.max() > 0:
                assert found[name].position(i) == np.unravel_index(cells.argmax(), cells.shape)
                levels = 255 * np.maximum(cells, 0) / cells.max()
                assert np.abs(found[name].maps[i] - levels).max() <= 0.6


def test_shares_and_lists_are_those_of_the_store(atlas: Atlas) -> None:
    photograph = atlas.photographs[0]
    classes, found = facts(atlas, photograph, CHANNELS)
    early, middle, late = CHANNELS
    indexes = [each.index for each in classes]
    with atlas.open(photograph) as file:
        for kind, name in ((Attribution, "shares"), (Removal, "removals")):
            stored = file.values(kind(Substrate(middle, CHANNEL), CLASSES).path)
            expected = stored[CHANNELS[middle]][:, indexes]
            assert np.array_equal(getattr(found[middle], name), expected.astype(np.float32))
        ends = Substrate(early, CHANNEL), Substrate(middle, CHANNEL)
        lost = file.values(Removal(*ends).path).astype(float)
    before, after = found[middle].before, found[early].after
    assert before is not None
    assert after is not None
    assert found[early].before is None
    assert found[late].after is None
    for i, channel in enumerate(CHANNELS[middle]):
        listed = before.of(i)
        column = lost[:, channel]
        assert [c for c, removal in listed if removal > 0] == sorted(
            np.flatnonzero(column > 0), key=lambda c: -column[c]
        )[:SUPPORT]
        assert len([c for c, removal in listed if removal < 0]) <= OPPOSE
        for c, removal in listed:
            assert removal == pytest.approx(column[c])
    for i, channel in enumerate(CHANNELS[early]):
        assert after.of(i)[0][0] == lost[channel].argmax()


def layer_facts(peaks: list[float]) -> LayerFacts:
    """Facts of some channels that have nothing but a peak."""
    n = len(peaks)
    maps = np.zeros((n, 2, 2), np.uint8)
    nothing = (None, None, None, None)
    return LayerFacts("a", tuple(range(n)), maps, np.array(peaks), 1, *nothing)


def test_the_most_active_photographs_are_kept_in_order() -> None:
    random = np.random.default_rng(0)
    peaks = random.permutation(20).astype(float)  # one of them is zero
    kept = Appearances()
    for number, peak in enumerate(peaks):
        kept.add(number, (), {"a": layer_facts([peak])})
    found = kept.of("a", 0)
    assert [each.photograph for each in found] == np.argsort(-peaks)[:PHOTOGRAPHS].tolist()
    assert [row[:2] for row in kept.baked()["a"]["0"]] == [
        [each.photograph, each.peak] for each in found
    ]


def test_a_channel_that_is_never_active_has_no_photograph() -> None:
    kept = Appearances()
    kept.add(0, (), {"a": layer_facts([0.0, 1.0])})
    assert kept.of("a", 0) == []
    assert len(kept.of("a", 1)) == 1
    assert kept.of("b", 0) == ()


def test_shades_cover_every_cell_once() -> None:
    levels = np.random.default_rng(1).integers(0, 256, (5, 9)).astype(np.uint8)
    painted = np.full(levels.shape, -1)
    for shade, path in enumerate(shade_paths(levels)):
        assert re.fullmatch(r"(M\d+ \d+\.5h\d+)*", path)
        for x, y, width in re.findall(r"M(\d+) (\d+)\.5h(\d+)", path):
            part = painted[int(y), int(x) : int(x) + int(width)]
            assert (part == -1).all()
            part[:] = shade
    assert np.array_equal(painted, levels.astype(int) * SHADES // 256)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (-0.5, "−0.5")],
)
def test_activations_are_written_as_on_the_page(value: float, text: str) -> None:
    assert activation(value) == text


class Links(HTMLParser):
    """The addresses that a page refers to, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        named = dict(attributes)
        assert "style" not in named
        for key in ("href", "src"):
            address = named.get(key)
            if address:
                self.addresses.append(address)


def test_every_channel_with_a_picture_has_a_page_whose_links_lead_somewhere(
    atlas: Atlas, site: Path
) -> None:
    pages = sorted((site / "channels").rglob("*.html"))
    folders = Counter(page.parent for page in pages if page.parent != site / "channels")
    assert len(folders) == len(atlas.network.layers)
    everywhere = (site / "data" / "channels.js").read_text()
    pictures = len(re.findall(r'\["channel:\d+",', everywhere))
    assert sum(folders.values()) == pictures
    for page in pages:
        links = Links()
        links.feed(page.read_text())
        assert not links.tags["script"]
        for address in links.addresses:
            target = page.parent / unquote(urlsplit(address).path) if address[0] != "#" else page
            assert target.resolve().is_file(), (page, address)


def test_names_are_text_on_the_pages(site: Path) -> None:
    for page in (site / "channels").rglob("*.html"):
        text = page.read_text()
        assert "<script" not in text
        assert "<i>layer</i>" not in text
        assert 'onerror="alert' not in text


def test_channels_are_those_of_the_sprite_sheets(atlas: Atlas) -> None:
    assert pictured({}) == {}
    sheets = make_sprite_sheets(atlas, chosen())
    for name, channels in pictured(sheets).items():
        shown = {str(unit) for unit in sheets[name].visualizations}
        assert channels == sorted(set(channels))
        assert channels
        assert {f"channel:{each}" for each in channels} <= shown
