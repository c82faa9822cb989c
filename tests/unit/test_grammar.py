from typing import Any

import pytest

from pipeline.config import Settings
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    NEURON,
    SPATIAL,
    WHOLE,
    Activation,
    Attribution,
    Concentration,
    Content,
    Element,
    Group,
    Interface,
    Presentation,
    Saliency,
    Sign,
    Substrate,
    show,
    with_requirements,
)

ALIGNED = Substrate("a", Group(4, ("b", 3)))
UPPER = Substrate("b", Group(3))


# ------------------------------------------------------------------------------------- substrates
@pytest.mark.parametrize(
    "substrate",
    [
        Substrate("mixed4d", SPATIAL),
        Substrate("blocks.3.0.bn1", CHANNEL),
        Substrate("mixed4a", Group(6)),
        Substrate("blocks.3.0", Group(6, ("blocks.5.0", 4))),
        CLASSES,
    ],
)
def test_substrate_survives_its_own_text(substrate: Substrate) -> None:
    assert Substrate.parse(str(substrate)) == substrate


@pytest.mark.parametrize("text", ["mixed4d", "mixed4d.group", "mixed4d.channel.3", "", ".spatial"])
def test_text_that_names_no_substrate(text: str) -> None:
    with pytest.raises(ValueError, match="no substrate"):
        Substrate.parse(text)


@pytest.mark.parametrize("atom", ["spatial", "group", None, Group])
def test_what_is_no_atom_is_refused(atom: Any) -> None:
    with pytest.raises(TypeError, match="no atom; write NEURON, SPATIAL"):
        Substrate("mixed4d", atom)


def test_a_group_names_its_number_of_groups() -> None:
    with pytest.raises(TypeError):
        Group()  # type: ignore[call-arg]


# --------------------------------------------------------------------------------------- contents
def test_paths_are_those_of_the_contract() -> None:
    spatial = Attribution(Substrate("mixed4a", SPATIAL), Substrate("mixed4d", SPATIAL))
    assert spatial.path == "attribution/mixed4a.spatial/mixed4d.spatial"
    channels = Attribution(Substrate("a", CHANNEL), CLASSES)
    assert channels.path == "attribution/a.channel/output.neuron"
    for atom in (WHOLE, SPATIAL, CHANNEL, NEURON):
        assert Activation(Substrate("mixed4d", atom)).path == "activation/mixed4d"
    assert Activation(CLASSES).path == "logits"
    assert Activation(Substrate(INPUT, WHOLE)).path == "input"
    assert Activation(Substrate("mixed4d", Group(6))).path == "group/mixed4d/6"


def test_paths_of_what_groups_leave_and_of_what_is_derived() -> None:
    content = Attribution(ALIGNED, UPPER)
    residual = "residual/a.group.4@b@3/b.group.3"
    assert content.residual_of_source == f"{residual}/of_source"
    assert content.residual_of_target == f"{residual}/of_target"
    assert content.residual_of_both == f"{residual}/of_both"
    concentration = Concentration(ALIGNED)
    assert concentration.path == "group/a/4@b@3/concentration"
    assert concentration.independent == "group/a/4@b@3/concentration_independent"
    saliency = Saliency(("a", "b"))
    assert saliency.classes == "saliency/classes"
    assert saliency.shares(Sign.FOR) == "saliency/for/classes"
    assert saliency.spatial(Sign.AGAINST, "a") == "saliency/against/a/spatial"


def test_no_two_contents_share_a_path() -> None:
    groups = [Group(4), Group(6), Group(4, ("b", 4)), Group(4, ("b", 6))]
    substrates = [Substrate(layer, atom) for layer in "ab" for atom in (SPATIAL, CHANNEL)]
    substrates += [Substrate("a", group) for group in groups]
    contents = [Attribution(source, target) for source in substrates for target in substrates]
    assert len({content.path for content in contents}) == len(contents)


def test_dimensions_that_both_ends_have_are_told_apart() -> None:
    a, b = Substrate("a", SPATIAL), Substrate("b", SPATIAL)
    assert Attribution(a, CLASSES).dims == ("y", "x", "class")
    assert Attribution(a, b).dims == ("source_y", "source_x", "target_y", "target_x")
    assert Attribution(ALIGNED, UPPER).dims == ("source_group", "target_group")
    assert Attribution(Substrate("a", NEURON), b).dims == (
        *("channel", "source_y", "source_x"),
        *("target_y", "target_x"),
    )


def test_concentration_is_of_aligned_groups() -> None:
    for atom in (Group(4), SPATIAL):
        with pytest.raises(ValueError, match="aligned to another layer"):
            Concentration(Substrate("a", atom))


# ------------------------------------------------------------------------------------ requirements
def test_what_is_required_comes_first_and_once() -> None:
    concentration = Concentration(ALIGNED)
    found = with_requirements((concentration, Attribution(ALIGNED, UPPER)))
    assert [content.path for content in found] == [
        "group/a/4@b@3",
        "group/b/3",
        "attribution/a.group.4@b@3/b.group.3",
        "group/a/4",
        "attribution/a.group.4/b.group.3",
        "group/a/4@b@3/concentration",
    ]


def test_saliency_requires_the_attribution_of_positions() -> None:
    saliency = Saliency(("a", "b"))
    required = tuple(Attribution(Substrate(layer, SPATIAL), CLASSES) for layer in "ab")
    assert saliency.requires == required
    assert with_requirements((saliency,)) == (*required, saliency)


def keys() -> list[str]:
    tables = Settings.model_validate({"dataset": {"images": ()}}).model_dump()
    return [
        f"{name}.{key}" for name, table in tables.items() if type(table) is dict for key in table
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (Activation(Substrate("a", SPATIAL)), set()),
        (Activation(CLASSES), set()),
        (Activation(ALIGNED), {"groups.preserve"}),
        (Concentration(ALIGNED), set()),
        (Saliency(("a",)), {"attribution.factors"}),
        (
            Attribution(Substrate("a", SPATIAL), CLASSES),
            {key for key in keys() if key.startswith("attribution.")} - {"attribution.factors"},
        ),
    ],
)
def test_contents_know_the_keys_that_they_depend_on(content: Content, expected: set[str]) -> None:
    assert {key for key in keys() if content.depends_on(key)} == expected
    assert expected <= set(keys())


# ------------------------------------------------------------------------------------- interfaces
def test_an_interface_names_each_content_once() -> None:
    content = Activation(Substrate("a", CHANNEL))
    shown = show(content, Presentation.FEATURE_VIS, Presentation.INFO_VIS)
    interface = Interface("figure", (*shown, *show(Activation(CLASSES))))
    assert interface.contents == (content, Activation(CLASSES))
    assert interface.elements[2] == Element(Activation(CLASSES), Presentation.INFO_VIS)
