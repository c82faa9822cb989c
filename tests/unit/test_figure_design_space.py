"""The diagrams of the design space against the interfaces that they are drawn from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from pipeline.atlas import Atlas
from pipeline.atoms import ATOMS
from pipeline.figures import design_space as figure
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    NEURON,
    SPATIAL,
    WHOLE,
    Activation,
    AtBaseline,
    Atom,
    Attribution,
    Coalitions,
    Concentration,
    Group,
    Interface,
    Presentation,
    Removal,
    Saliency,
    Substrate,
    show,
)
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("design") / "store")


def channels(layer: str) -> Substrate:
    return Substrate(layer, CHANNEL)


def drawn(*elements: Any) -> figure.Diagram:
    return figure.diagram([Interface("x", elements)])


def test_one_mark_for_the_layers_together_and_one_arrow_for_their_attribution() -> None:
    elements = [*show(Activation(Substrate(INPUT, WHOLE)))]
    both = (Presentation.INFO_VIS, Presentation.FEATURE_VIS)
    for layer in ("a", "b"):
        elements += show(Activation(channels(layer)), *both)
        elements += show(Attribution(channels(layer), CLASSES))
    elements += show(Attribution(channels("a"), channels("b")))
    found = drawn(*elements)
    assert [mark.letters for mark in found.marks] == [("I",), ("F", "I")]
    assert len(found.arrows) == 2
    of_channels = "channels of hidden layers"
    info = "as information visualization"
    assert found.sentences == (
        f"activation of the photograph, {info}",
        f"activation of {of_channels}, as feature visualization and {info}; 2 layers",
        f"attribution from {of_channels} to the classes, {info}; 2 layers",
        f"attribution from {of_channels} to {of_channels}, {info}",
    )


def test_figures_together_show_what_any_of_them_shows() -> None:
    groups = Substrate("a", Group(3))
    one = Interface("one", show(Activation(channels("a")), Presentation.FEATURE_VIS))
    two = Interface("two", (*show(Activation(channels("b"))), *show(Activation(groups))))
    found = figure.diagram([one, two])
    assert [mark.letters for mark in found.marks] == [("F", "I"), ("I",)]


def test_what_is_derived_from_attributions_is_drawn_as_they_are() -> None:
    spatial = [Substrate(layer, SPATIAL) for layer in ("a", "b")]
    attributions = [each for cut in spatial for each in show(Attribution(cut, CLASSES))]
    assert drawn(*show(Saliency(("a", "b")))) == drawn(*attributions)
    lower, upper = Substrate("a", Group(3, ("b", 2))), Substrate("b", Group(2))
    attribution = show(Attribution(lower, upper))
    assert drawn(*show(Concentration(lower))) == drawn(*attribution)
    assert drawn(*attribution, *show(Concentration(lower))) == drawn(*attribution)


def test_removal_has_arrows_and_words_of_its_own() -> None:
    groups, info = Substrate("a", Group(3)), "as information visualization"
    found = drawn(
        *show(Attribution(groups, CLASSES)),
        *show(Removal(groups, CLASSES)),
        *show(Coalitions(groups)),
        *show(AtBaseline("a")),
        *show(Removal(groups, Substrate("b", Group(2)))),
    )
    relations = [arrow.relation for arrow in found.arrows]
    assert relations == ["attribution", "removal", "subsets", "removal", "removal"]
    assert len({arrow.path for arrow in found.arrows}) == len(found.arrows)
    of_groups = "groups of hidden layers"
    assert found.sentences == (
        f"attribution from {of_groups} to the classes, {info}",
        f"effect of removing {of_groups} on the classes, {info}",
        f"effect of removing {of_groups}, in every combination, on the classes, {info}",
        f"effect of removing the whole of hidden layers on the classes, {info}",
        f"effect of removing {of_groups} on {of_groups}, {info}",
    )


@pytest.mark.parametrize("atom", [Group(2), SPATIAL, CHANNEL, NEURON, WHOLE], ids=str)
def test_marks_are_in_their_cells(atom: Atom) -> None:
    (mark,) = drawn(*show(Activation(Substrate("a", atom)))).marks
    assert mark.x == figure.LEFT + figure.WIDTH
    assert mark.y == figure.TOP + figure.HEIGHT * figure.rows().index(type(atom))


def test_a_new_atom_has_a_row_of_its_own(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Concept(type(CHANNEL)):  # type: ignore[misc]
        name = "concept"
        plural = "concepts"

    monkeypatch.setitem(ATOMS, "concept", Concept)
    before = figure.TOP + figure.HEIGHT * (len(ATOMS) - 2)
    found = drawn(*show(Activation(Substrate("a", Concept()))))
    assert found.marks[0].y == before + figure.HEIGHT
    assert found.sentences == (
        "activation of concepts of hidden layers, as information visualization",
    )
    page = figure.page(atlas)
    assert page["rows"][-1] == ("concepts", before + figure.HEIGHT)
    assert page["atoms"][-1] == "concept"
    assert page["size"][1] > before + figure.HEIGHT
    assert "concepts of hidden layers" in page["unused"](list(atlas.interfaces))


def test_rows_are_the_atoms_each_once() -> None:
    assert set(figure.rows()) == set(ATOMS.values())
    assert len(figure.rows()) == len(ATOMS)
    centres = [figure.Cell(atom, figure.HIDDEN).centre[1] for atom in figure.rows()]
    assert all(below - above == figure.HEIGHT for above, below in pairwise(centres))


def test_an_arrow_ends_at_its_target_and_stays_inside_the_drawing(atlas: Atlas) -> None:
    page = figure.page(atlas)
    width, height = page["size"]
    for each in page["diagrams"].values():
        for arrow in each.arrows:
            numbers = [float(text) for text in re.findall(r"-?\d+\.?\d*", arrow.path)]
            assert all(0 < x < width for x in numbers[::2])
            assert all(0 < y < height for y in numbers[1::2])
    (arrow,) = drawn(*show(Attribution(channels("a"), CLASSES))).arrows
    x, y = map(float, arrow.path.split()[-2:])
    assert (x, y) == (figure.LEFT + 2 * figure.WIDTH - 10, figure.TOP + 3 * figure.HEIGHT)


def test_every_figure_with_contents_has_a_diagram_of_them(atlas: Atlas) -> None:
    diagrams = figure.page(atlas)["diagrams"]
    assert diagrams
    for name, interface in atlas.interfaces.items():
        contents = interface.contents
        assert (name in diagrams) == bool(contents)
        if contents:
            kinds = {kind for content in contents for kind, _ in figure.drawn(content)}
            assert len(diagrams[name].marks) + len(diagrams[name].arrows) == len(kinds)


def test_what_no_figure_uses_is_named(atlas: Atlas) -> None:
    unused = figure.page(atlas)["unused"]
    assert "channels of hidden layers" not in unused(["channel_attribution"])
    assert "positions of hidden layers" in unused(["channel_attribution"])
    missing = "attribution to or from channels of hidden layers"
    assert missing in unused(["semantic_dictionary"])
    # Groups have effects on classes with a whole layer at its baseline, but none is attributed to.
    assert "attribution to or from the whole of hidden layers" in unused(["neuron_groups"])


def test_the_arrays_behind_a_figure_are_those_of_the_file(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    figures = figure.bake(atlas, photograph)["figures"]
    rows = figures["class_comparison"]
    with atlas.open(photograph) as file:
        for path, shape, units, letters in rows:
            array = file.array(path)
            assert shape == list(array.values.shape)
            assert units == array.units
            assert set(letters) <= {"F", "I"}
    found = {path for path, *_ in rows}
    assert found >= {"logits", "attribution/blocks.2.channel/output.neuron"}
    assert any(path.endswith("/spatial") for path, *_ in figures["neuron_groups"])


def test_an_array_in_the_folder_of_another_content_is_listed_once(atlas: Atlas) -> None:
    rows = figure.bake(atlas, atlas.photographs[0])["figures"]["group_flow"]
    concentrations = [path for path, *_ in rows if "/concentration" in path]
    assert concentrations
    assert len(concentrations) == len(set(concentrations))
