import pytest

from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Element, Grouping, Interface, Presentation, Substrate, show


@pytest.mark.parametrize(
    "substrate",
    [
        Substrate("mixed4d", Atom.SPATIAL),
        Substrate("blocks.3.0.bn1", Atom.CHANNEL),
        Substrate("mixed4a", Atom.GROUP, Grouping(6)),
        Substrate("blocks.3.0", Atom.GROUP, Grouping(6, ("blocks.5.0", 4))),
        CLASSES,
    ],
)
def test_substrate_survives_its_own_text(substrate: Substrate) -> None:
    assert Substrate.parse(str(substrate)) == substrate


def test_paths_are_those_of_the_contract() -> None:
    spatial = Attribution(Substrate("mixed4a", Atom.SPATIAL), Substrate("mixed4d", Atom.SPATIAL))
    assert spatial.path == "attribution/mixed4a.spatial/mixed4d.spatial"
    assert Attribution(Substrate("a", Atom.CHANNEL), CLASSES).path == "attribution/a.channel/output.neuron"
    assert Activation(Substrate("mixed4d", Atom.WHOLE)).path == Activation(Substrate("mixed4d", Atom.SPATIAL)).path == "activation/mixed4d"
    assert Activation(CLASSES).path == "logits"
    assert Activation(Substrate(INPUT, Atom.WHOLE)).path == "input"
    assert Activation(Substrate("mixed4d", Atom.GROUP, Grouping(6))).path == "group/mixed4d/6"


def test_no_two_contents_share_a_path() -> None:
    groupings = [Grouping(4), Grouping(6), Grouping(4, ("b", 4)), Grouping(4, ("b", 6))]
    substrates = [Substrate(layer, atom) for layer in "ab" for atom in (Atom.SPATIAL, Atom.CHANNEL)]
    substrates += [Substrate("a", Atom.GROUP, grouping) for grouping in groupings]
    contents = [Attribution(source, target) for source in substrates for target in substrates]
    assert len({content.path for content in contents}) == len(contents)


def test_grouping_goes_with_groups_only() -> None:
    with pytest.raises(ValueError, match="grouping"):
        Substrate("a", Atom.CHANNEL, Grouping(3))
    with pytest.raises(ValueError, match="grouping"):
        Substrate("a", Atom.GROUP)


def test_text_that_names_no_substrate() -> None:
    with pytest.raises(ValueError, match="no substrate"):
        Substrate.parse("mixed4d")


def test_an_interface_names_each_content_once() -> None:
    content = Activation(Substrate("a", Atom.CHANNEL))
    interface = Interface("figure", (*show(content, Presentation.FEATURE_VIS, Presentation.INFO_VIS), *show(Activation(CLASSES))))
    assert interface.contents == (content, Activation(CLASSES))
    assert interface.elements[2] == Element(Activation(CLASSES), Presentation.INFO_VIS)
