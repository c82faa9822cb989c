"""The diagrams of the design space against the interfaces that they are drawn from."""

from __future__ import annotations

import re

import pytest

from pipeline import figures
from pipeline.atlas import Atlas
from pipeline.figures import design_space as figure
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Grouping, Interface, Presentation, Substrate, show
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("design") / "store")


def channels(layer: str) -> Substrate:
    return Substrate(layer, Atom.CHANNEL)


def test_one_mark_for_the_layers_together_and_one_arrow_for_their_attribution() -> None:
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE)))]
    for layer in ("a", "b"):
        elements += show(Activation(channels(layer)), Presentation.INFO_VIS, Presentation.FEATURE_VIS)
        elements += show(Attribution(channels(layer), CLASSES))
    elements += show(Attribution(channels("a"), channels("b")))
    drawn = figure.diagram([Interface("x", tuple(elements))])
    assert [mark.letters for mark in drawn.marks] == [("I",), ("F", "I")]
    assert len(drawn.arrows) == 2
    assert drawn.sentences == (
        "activation of the photograph, as information visualization",
        "activation of channels of hidden layers, as feature visualization and as information visualization; 2 layers",
        "attribution from channels of hidden layers to the classes, as information visualization; 2 layers",
        "attribution from channels of hidden layers to channels of hidden layers, as information visualization",
    )


def test_figures_together_show_what_any_of_them_shows() -> None:
    groups = Substrate("a", Atom.GROUP, Grouping(3))
    one = Interface("one", show(Activation(channels("a")), Presentation.FEATURE_VIS))
    two = Interface("two", (*show(Activation(channels("b"))), *show(Activation(groups))))
    drawn = figure.diagram([one, two])
    assert [mark.letters for mark in drawn.marks] == [("F", "I"), ("I",)]


@pytest.mark.parametrize("row", figure.ROWS)
def test_marks_stand_in_their_cells(row: Atom) -> None:
    substrate = Substrate("a", row, Grouping(2) if row is Atom.GROUP else None)
    (mark,) = figure.diagram([Interface("x", show(Activation(substrate)))]).marks
    assert mark.x == figure.LEFT + figure.WIDTH
    assert mark.y == figure.TOP + figure.HEIGHT * figure.ROWS.index(row)


def test_an_arrow_ends_at_its_target_and_stays_inside_the_drawing(atlas: Atlas) -> None:
    page = figure.page(atlas)
    width, height = page["size"]
    for drawn in page["diagrams"].values():
        for arrow in drawn.arrows:
            numbers = [float(each) for each in re.findall(r"-?\d+\.?\d*", arrow.path)]
            xs, ys = numbers[::2], numbers[1::2]
            assert all(0 < x < width for x in xs)
            assert all(0 < y < height for y in ys)
    (arrow,) = figure.diagram([Interface("x", show(Attribution(channels("a"), CLASSES)))]).arrows
    x, y = map(float, arrow.path.split()[-2:])
    assert (x, y) == (figure.LEFT + 2 * figure.WIDTH - 10, figure.TOP + 3 * figure.HEIGHT)


def test_every_figure_with_contents_has_a_diagram_of_them(atlas: Atlas) -> None:
    names = [layer.name for layer in atlas.network.layers]
    diagrams = figure.page(atlas)["diagrams"]
    for name in figures.FIGURES:
        contents = figures.load(name).interface(names, atlas.settings).contents
        assert (name in diagrams) == bool(contents)
        if contents:
            kinds = {figure.kind(content) for content in contents}
            assert len(diagrams[name].marks) + len(diagrams[name].arrows) == len(kinds)


def test_what_no_figure_uses_is_named(atlas: Atlas) -> None:
    unused = figure.page(atlas)["unused"]
    assert "channels of hidden layers" not in unused(["channel_attribution"])
    assert "places of hidden layers" in unused(["channel_attribution"])
    assert "attribution to or from channels of hidden layers" in unused(["semantic_dictionary"])


def test_the_arrays_behind_a_figure_are_those_of_the_file(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    rows = figure.bake(atlas, photograph)["figures"]["class_comparison"]
    with atlas.image(photograph) as file:
        for path, shape, units, letters in rows:
            array = file.array(path)
            assert shape == list(array.values.shape)
            assert units == array.units
            assert set(letters) <= {"F", "I"}
    assert {path for path, *_ in rows} >= {"logits", "attribution/blocks.2.channel/output.neuron"}
    groups = figure.bake(atlas, photograph)["figures"]["neuron_groups"]
    assert any(path.endswith("/spatial") for path, *_ in groups)
