"""`compute`: contents in, datasets out, each quantity once and any part of them alone."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from torch import Tensor

from pipeline.arrays import Array
from pipeline.attribution import attribute, compute
from pipeline.attribution.groups import cut_all
from pipeline.attribution.observation import Observation
from pipeline.attribution.photograph import DATASETS
from pipeline.attribution.push_pull import attribute_together
from pipeline.config import AttributionTable, GroupsTable
from pipeline.errors import AtlasError
from pipeline.featurevis.folding import folded
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    AtBaseline,
    Attribution,
    Coalitions,
    Concentration,
    Content,
    Group,
    Removal,
    Saliency,
    Sign,
    Substrate,
    with_requirements,
)
from pipeline.network import Network
from tests.unit.networks import close, network, photograph

EARLY, LATE = Substrate("early", CHANNEL), Substrate("late", CHANNEL)
POSITIONS, LATE_POSITIONS = Substrate("early", SPATIAL), Substrate("late", SPATIAL)
GROUPS = Substrate("late", Group(3))
ALIGNED = Substrate("early", Group(3, ("late", 3)))
SALIENCY, CONCENTRATION = Saliency(("early", "late")), Concentration(ALIGNED)
CONTENTS: tuple[Content, ...] = with_requirements(
    (
        Activation(CLASSES),
        Activation(EARLY),
        Activation(POSITIONS),
        Attribution(EARLY, CLASSES),
        Attribution(EARLY, LATE),
        Attribution(POSITIONS, LATE_POSITIONS),
        Attribution(ALIGNED, CLASSES),
        Attribution(GROUPS, CLASSES),
        CONCENTRATION,
        SALIENCY,
    )
)


LINEAR = AttributionTable(method="linear")


def computed(
    contents: tuple[Content, ...] = CONTENTS,
    settings: AttributionTable = LINEAR,
    groups: GroupsTable | None = None,
) -> dict[str, Array]:
    """All datasets of a photograph, of whichever content."""
    found = compute(network(), photograph(), contents, settings, groups)
    assert list(found) == list(dict.fromkeys(content.path for content in contents))
    return {name: array for datasets in found.values() for name, array in datasets.items()}


@pytest.fixture(scope="module")
def arrays() -> dict[str, Array]:
    return computed()


# ------------------------------------------------------------------------------- what is computed
def test_activations_and_logits(arrays: dict[str, Array]) -> None:
    assert arrays["logits"].values.dtype == np.float32
    assert arrays["logits"].units == "logits"
    assert arrays["activation/early"].values.dtype == np.float16
    assert arrays["activation/early"].dims == ("channel", "y", "x")


def test_attributions_are_those_of_each_pair(arrays: dict[str, Array]) -> None:
    net, x = network(), photograph()
    for content in CONTENTS:
        ends = content.substrates
        if isinstance(content, Attribution) and not any(end.atom.leaves_residual for end in ends):
            array = arrays[content.path]
            assert array.values.dtype == np.float16
            assert close(array.values.astype(np.float32), attribute(net, x, *ends), 1e-3)
    between = arrays["attribution/early.spatial/late.spatial"]
    assert between.dims == ("source_y", "source_x", "target_y", "target_x")
    assert arrays["attribution/early.spatial/output.neuron"].dims == ("y", "x", "class")
    assert arrays["attribution/early.channel/output.neuron"].units == "logits"


def test_groups(arrays: dict[str, Array]) -> None:
    expected = {
        "spatial": ("group", "y", "x"),
        "channels": ("group", "channel"),
        "magnitude": ("group",),
        "explained": (),
    }
    for name, dims in expected.items():
        assert arrays[f"group/late/3/{name}"].dims == dims
    assert arrays[CONCENTRATION.path].values.shape == (3,)
    assert arrays[CONCENTRATION.independent].values.shape == (3,)
    assert not any(name.startswith("compare/") for name in arrays)


def test_groups_and_residual_are_the_whole(arrays: dict[str, Array]) -> None:
    net, x = network(), photograph()
    content = Attribution(ALIGNED, CLASSES)
    groups = arrays[content.path].values
    residual = arrays[content.residual_of_source].values
    whole = attribute(net, x, Substrate("early", WHOLE), CLASSES)
    assert close(groups.sum(0) + residual, whole, 1e-3)
    assert close(groups.sum(0) + residual, attribute(net, x, EARLY, CLASSES).sum(0), 1e-3)
    cube = net.run(x, ["late"])[0]["late"][0].numpy()
    w, h = arrays["group/late/3/spatial"].values, arrays["group/late/3/channels"].values
    expected = np.linalg.norm(cube - np.einsum("nyx,nc->cyx", w, h), axis=0)
    assert close(arrays["group/late/3/residual"].values, expected, 1e-4)


def test_residuals_at_both_ends(arrays: dict[str, Array]) -> None:
    content = Attribution(ALIGNED, GROUPS)
    values, of_source, of_target, of_both = (
        arrays[name].values
        for name in (
            content.path,
            content.residual_of_source,
            content.residual_of_target,
            content.residual_of_both,
        )
    )
    assert values.shape == (3, 3)
    assert of_source.shape == of_target.shape == (3,)
    assert of_both.shape == ()
    observation = Observation(network(), photograph(), ["early", "late"])
    whole = Substrate("early", WHOLE)
    cuts = cut_all(observation, [whole, GROUPS])
    found = attribute_together(observation, cuts, [(whole, GROUPS)], False)[whole, GROUPS]
    assert close(values.sum(0) + of_source, found[:3], 1e-3)
    assert close(np.atleast_1d(of_target.sum() + of_both), found[3:], 1e-3)


def test_concentration_is_of_the_attributions(arrays: dict[str, Array]) -> None:
    for name, content in zip(
        (CONCENTRATION.path, CONCENTRATION.independent), CONCENTRATION.requires, strict=True
    ):
        sizes = np.abs(arrays[content.path].values)
        np.testing.assert_allclose(arrays[name].values, sizes.max(1) / sizes.sum(1), rtol=1e-6)


def test_saliency_keeps_signs_apart() -> None:
    arrays = computed((SALIENCY,), AttributionTable(method="linear", factors=3))
    assert arrays[SALIENCY.classes].values.shape == (5,)
    for sign in Sign:
        assert arrays[SALIENCY.shares(sign)].values.shape == (3, 5)
        assert arrays[SALIENCY.spatial(sign, "early")].values.shape == (3, 12, 12)
        assert arrays[SALIENCY.spatial(sign, "late")].values.shape == (3, 6, 6)
    shares = [arrays[SALIENCY.shares(sign)].values for sign in Sign]
    assert not np.allclose(*shares)


# -------------------------------------------------------------------------------- parts of the list
def test_saliency_is_of_shares_too() -> None:
    arrays = computed((SALIENCY,), AttributionTable(method="shares"))
    for sign in Sign:
        assert np.isfinite(arrays[SALIENCY.spatial(sign, "early")].values).all()


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.path)
def test_a_content_alone_is_as_among_all(content: Content, arrays: dict[str, Array]) -> None:
    alone = computed((content,))
    assert alone
    for name, array in alone.items():
        expected = arrays[name]
        assert (array.dims, array.units) == (expected.dims, expected.units)
        found, values = array.values.astype(np.float64), expected.values.astype(np.float64)
        np.testing.assert_allclose(found, values, rtol=2e-3, atol=1e-3 * np.abs(values).max())


def test_what_comes_after_a_layer_may_run_in_a_faster_copy() -> None:
    net, x, passes = network(), photograph(), Counter[str]()

    def faster(original: Network, layers: tuple[str, ...]) -> Network:
        assert original is net
        assert set(layers) == {"early", "late"}
        copy = folded(original, layers)
        for name, each in (("own", original), ("copy", copy)):
            each.module.late.register_forward_hook(lambda *_, name=name: passes.update([name]))
        return copy

    contents = [*CONTENTS, Removal(EARLY, CLASSES), Coalitions(ALIGNED), AtBaseline("early")]
    settings = AttributionTable()
    quick = compute(net, x, contents, settings, faster=faster)
    assert passes["copy"] > passes["own"] > 0
    slow = compute(network(), x, contents, settings)
    assert {kind: list(each) for kind, each in quick.items()} == {
        kind: list(each) for kind, each in slow.items()
    }
    for kind, datasets in slow.items():
        for name, array in datasets.items():
            both = (np.float32(each.values) for each in (quick[kind][name], array))
            np.testing.assert_allclose(*both, atol=2e-3 * np.nanmax(np.abs(array.values)))


def test_the_photograph_itself_is_left_to_the_caller() -> None:
    assert compute(network(), photograph(), [Activation(Substrate(INPUT, WHOLE))]) == {}


@dataclass(frozen=True)
class Unknown:
    """A kind of content that nothing computes."""

    path = "unknown"
    substrates = (EARLY,)
    requires = ()


def test_a_new_kind_of_content_is_one_function_and_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(TypeError, match="unknown: nothing makes datasets of Unknown"):
        computed((Unknown(),))
    mean = Array(np.float32(3).reshape(()), ())
    monkeypatch.setitem(DATASETS, Unknown, lambda content, results: {content.path: mean})
    assert computed((Unknown(),)) == {"unknown": mean}


# ---------------------------------------------------------------------------------------- settings
def test_relaxation_can_be_switched_off() -> None:
    net, x = network(), photograph()
    content = Attribution(POSITIONS, CLASSES)
    for relax in (True, False):
        found = computed((content,), AttributionTable(method="linear", relax_pooling=relax))[
            content.path
        ]
        expected = attribute(net, x, POSITIONS, CLASSES, relax=relax)
        assert close(found.values.astype(np.float32), expected, 1e-3)


@pytest.mark.parametrize("method", ["integrated", "smoothgrad"])
def test_a_configured_method_is_used_for_all_pairs(method: str) -> None:
    net, x = network(), photograph()
    contents = (Attribution(EARLY, CLASSES), Attribution(EARLY, LATE))
    arrays = computed(contents, AttributionTable(method=method, steps=4))
    for content in contents:
        expected = attribute(net, x, content.source, content.target, method, steps=4)
        assert close(arrays[content.path].values.astype(np.float32), expected, 1e-3)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(AtlasError, match='no attribution method "linaer"; did you mean "linear"'):
        computed((Attribution(EARLY, CLASSES),), AttributionTable(method="linaer"))


def test_what_groups_preserve_is_a_choice() -> None:
    contents = (Activation(Substrate("early", Group(3))),)
    plain, balanced = (
        computed(contents, LINEAR, GroupsTable(preserve=preserve))["group/early/3/explained"].values
        for preserve in (
            {"activations": 1.0},
            {"activations": 0.2, "attributions": 1.0, "gradients": 0.5},
        )
    )
    assert plain > balanced > 0


def test_the_door_opens_without_torch() -> None:
    code = (
        "import sys; from pipeline.attribution import METHODS; "
        "assert METHODS['linear'].LOCAL; "
        "assert not {'torch', 'sklearn', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_of_an_observation_outlives_it() -> None:
    net = network()
    passed: list[weakref.ref[Tensor]] = []
    relu = net.module.get_submodule("late.1")
    relu.register_forward_hook(lambda _module, _x, output: passed.append(weakref.ref(output)))
    observation = Observation(net, photograph(), ["early", "late"])
    assert observation.graph_bytes > 1
    del observation
    gc.collect()
    assert [each() for each in passed] == [None] * len(passed) != []
