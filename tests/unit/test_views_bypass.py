"""What the page states about layers that a part of the decision goes around."""

from __future__ import annotations

import html
import re
from pathlib import Path

import jinja2
import numpy as np
import pytest

from pipeline import schema
from pipeline.atlas import Atlas, Layer, Photograph, ShownNetwork
from pipeline.config import read
from pipeline.grammar import CLASSES, Activation, AtBaseline
from pipeline.phases.atlas import atlas_of
from pipeline.probe import LayerProfile, NetworkProfile
from pipeline.progress import Reporter
from pipeline.store import Store
from pipeline.survey import Options
from pipeline.survey import survey as surveyed
from pipeline.views.bypass import NAMED, Around, bypasses
from pipeline.website import page
from pipeline.website.sprite_sheets import SpriteSheet
from tests import synthetic
from tests.unit.surveys import settings, survey

LAYERS = (
    Layer("a", "first <layer>", (4, 8, 8), bottleneck=False),
    Layer("b", "second", (4, 8, 8)),
    Layer("c", "third", (4, 8, 8), bottleneck=False),
)
LOGITS = np.array([1.5, 9.0, -2.0], np.float32)
LEFT = np.array([7.0, -8.25, 3.0], np.float32)  # the most probable class is not the first here


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """Four photographs; of the last layer, nothing was measured."""
    photographs = tuple(Photograph(f"p{i}", f"Photo <{i}>", f"p{i}.png") for i in range(4))
    made = Atlas(
        settings=settings(),
        network=ShownNetwork("tiny", ("a", "b & c", "d"), 32, 10, LAYERS),
        photographs=photographs,
        store=Store(tmp_path_factory.mktemp("bypass")),
        interfaces={},
        fingerprint="x",
    )
    for i, each in enumerate(photographs):
        logits, left = Activation(CLASSES), AtBaseline("a")
        found = {
            logits.path: schema.activation(logits, LOGITS + i),
            left.path: schema.at_baseline(left, LEFT + i),
        }
        synthetic.write_photograph(made, each, found, "f")
    return made


def text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_what_goes_around_a_layer_is_the_logit_without_it(atlas: Atlas) -> None:
    found = bypasses(atlas)
    assert list(found) == ["a", "c"]
    assert len(found["a"].around) == NAMED
    assert found["a"].around[1] == Around("Photo <1>", "b & c", 10.0, -7.25)
    assert found["c"].around == ()


def test_the_table_of_layers_shows_it(atlas: Atlas) -> None:
    sprite_sheets = {layer.name: SpriteSheet(layer, layer.name, {}, (), {}) for layer in LAYERS}
    shown = page.render(atlas, [], sprite_sheets, "build", ["atlas.js"])
    rows = [text(row) for row in re.findall(r"<tr>.*?</tr>", shown, re.DOTALL)[1:]]
    assert len(rows) == len(LAYERS)
    assert "with the layer at zero" in rows[0]
    assert "is -8.25 instead of 9.00 for Photo <0> ," in rows[0].replace("−", "-")
    assert "everything passes through it" in rows[1]
    assert "some of it goes around the layer none" in rows[2]


@pytest.mark.parametrize(
    ("layers", "named"),
    [(None, {"first <layer>", "third"}), (["b", "c"], {"third"}), (["b"], set())],
)
def test_the_fine_print_is_about_the_layers_shown(
    atlas: Atlas, layers: list[str] | None, named: set[str]
) -> None:
    loader = jinja2.FileSystemLoader(page.templates_folder())
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["number"] = lambda value: f"{value:.2f}"
    parts = environment.get_template("parts.html.j2").module
    written = text(str(parts.around(bypasses(atlas), atlas.settings, layers)))
    assert set(re.findall(r"goes around (.*?) and is not", written)) == named
    assert ("-8.25 instead of 9.00" in written) is ("first <layer>" in named)


def test_the_atlas_knows_from_the_profile_what_is_bypassed(tmp_path: Path) -> None:
    layers = (
        LayerProfile("early", "ReLU", (8, 16, 16), False, 1, bottleneck=False),
        LayerProfile("late", "ReLU", (12, 8, 8), False, 1, bottleneck=True),
    )
    profile = NetworkProfile("w", "tiny", ("a", "b"), 32, 10, layers)
    made = atlas_of(survey(tmp_path, layers=("early", "late"), profile=profile), ())
    assert [layer.bottleneck for layer in made.network.layers] == [False, True]


SKIPPING = """
from torch import nn

class Skipping(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.inner, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Linear(4, 2)

    def forward(self, x):
        x = self.stem(x)
        return self.head((x + self.inner(x)).mean((2, 3)))
"""


def test_a_bypassed_layer_that_is_named_by_hand_is_measured(tmp_path: Path) -> None:
    (tmp_path / "skipping.py").write_text(SKIPPING)
    (tmp_path / "atlas.toml").write_text(
        """
        model.source = "skipping.py:Skipping"
        model.layers = ["stem", "inner"]
        model.size = 16
        model.mean = [0.5, 0.5, 0.5]
        model.std = [0.5, 0.5, 0.5]
        dataset.images = ["skimage:coffee"]
        site.figures = ["predictions"]
        """
    )
    options = Options(output=tmp_path / "site", root=tmp_path / "build")
    found = surveyed(read(tmp_path / "atlas.toml"), options, Reporter(-1))
    around = [content for content in found.plan.contents if isinstance(content, AtBaseline)]
    assert around == [AtBaseline("inner")]
