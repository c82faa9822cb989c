"""Layers whose activations may be negative are drawn so that the sign can be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline import schema
from pipeline.atlas import Atlas
from pipeline.fingerprints import fingerprint_of
from pipeline.grammar import CHANNEL, Activation, Substrate
from pipeline.website.generate import generate
from tests import synthetic
from tests.browser.conftest import Open, ready

NOTE = "Violet and hatched: below zero."
# Of a map: how many of its pixels are violet or hatched, and how many are black.
PIXELS = """canvas => {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let [below, black] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] + data[i + 1] + data[i + 2] > 30) below++;
    else black++;
  }
  return [below, black];
}"""


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """An atlas of one photograph, in which each layer's activations sink by a third."""
    root = tmp_path_factory.mktemp("signed") / "store"
    atlas = synthetic.make(root, photographs=synthetic.PHOTOGRAPHS[:1])
    photograph = atlas.photographs[0]
    sunk = {}
    with atlas.open(photograph) as file:
        for layer in atlas.network.layers:
            content = Activation(Substrate(layer.name, CHANNEL))
            a = file.values(content.path).astype(np.float32)
            sunk[content.path] = schema.activation(content, a - a.max() / 3)
    synthetic.write_photograph(atlas, photograph, sunk, fingerprint_of("sunk"))
    return atlas


@pytest.fixture(scope="module")
def folder(signed: Atlas) -> Path:
    output = signed.store.root.parent / "site"
    generate(signed, output)
    return output


def below_zero(atlas: Atlas, layer: str, channel: int) -> float:
    """The share of a channel's positions that are negative."""
    with atlas.open(atlas.photographs[0]) as file:
        return float((file.values(f"activation/{layer}")[channel] < 0).mean())


def test_the_opening_and_the_cube(open_page: Open, signed: Atlas, folder: Path) -> None:
    page = open_page(folder=folder)
    ready(page, "opening")
    page.locator("#opening .speaker").first.hover()
    assert NOTE in page.locator("#opening .view-caption").inner_text()
    below, black = page.locator("#opening .photograph-view canvas").evaluate(PIXELS)
    data = page.evaluate("(({ layer, shown }) => [layer, shown[0].channel])(opening)")
    assert below / (below + black) == pytest.approx(below_zero(signed, *data), abs=0.02)
    ready(page, "activation-cube")
    page.evaluate("atlas.state.set('activation-cube', {atom: 'channel'})")
    below, _ = page.locator("#activation-cube .photograph-view canvas").evaluate(PIXELS)
    assert below > 0


@pytest.mark.parametrize(
    ("figure", "button"), [("channel-attribution", ".tile"), ("class-comparison", ".channel")]
)
def test_the_scale_reaches_below_zero(
    open_page: Open, signed: Atlas, folder: Path, figure: str, button: str
) -> None:
    page = open_page(folder=folder)
    ready(page, figure)
    page.locator(f"#{figure} {button}").first.hover()
    assert NOTE in page.locator(f"#{figure} .view-caption").inner_text()
    scale = page.locator(f"#{figure} .map-scale")
    low, high = (scale.locator(f".{end}").inner_text() for end in ("minimum", "maximum"))
    assert low == f"−{high}"
    assert float(high) > 0
    below, black = page.locator(f"#{figure} .photograph-view canvas").first.evaluate(PIXELS)
    assert below > 0
    assert black > 0


def test_the_inspector(open_page: Open, signed: Atlas, folder: Path) -> None:
    layer = signed.network.layers[-1].name
    page = open_page(f"#selected=channel:0,layer:{layer},inspect:yes", folder=folder)
    map_of = page.locator(".inspector .photograph-view canvas").first
    map_of.wait_for()
    below, black = map_of.evaluate(PIXELS)
    assert below / (below + black) == pytest.approx(below_zero(signed, layer, 0), abs=0.03)


def test_where_nothing_is_negative_nothing_is_said_of_it(open_page: Open) -> None:
    page = open_page()
    ready(page, "channel-attribution")
    page.locator("#channel-attribution .tile").first.hover()
    assert NOTE not in page.locator("#channel-attribution .view-caption").inner_text()
    assert page.locator("#channel-attribution .map-scale .minimum").inner_text() == "0"
