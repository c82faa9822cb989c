"""What the opening bakes, against slow loops over the store's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import opening
from pipeline.views.layers import late
from tests import synthetic

LAYER = "blocks.4/x:y,z=1&w"


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("opening") / "store")


def stored(atlas: Atlas, photograph: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares, removals and logits, in double precision."""
    ends = f"{LAYER}.channel/output.neuron"
    with atlas.open(atlas.photographs[photograph]) as file:
        shares, removals, logits = (
            file.values(name).astype(float)
            for name in (f"attribution/{ends}", f"removal/{ends}", "logits")
        )
    return shares, removals, logits


def test_the_layer_is_the_last_but_one_or_the_only_one() -> None:
    assert late(["a", "b", "c"]) == "b"
    assert late(["a", "b"]) == "a"
    assert late(["a"]) == "a"


def test_only_what_speaks_for_a_class_is_said_to() -> None:
    assert opening.strongest(np.array([0.5, -1.0, 0.0, 2.0])) == [3, 0, 1]
    assert opening.strongest(np.array([5.0, 4.0, 3.0, 2.0, 1.0])) == [0, 1, 2]
    assert opening.strongest(np.array([-5.0, -4.0, -3.0, -2.0])) == [0, 1, 2]
    assert opening.strongest(np.zeros(4)) == []


@pytest.mark.parametrize("photograph", [0, 1, 2])
def test_answers_are_the_softmax_of_what_removal_leaves(atlas: Atlas, photograph: int) -> None:
    shares, removals, logits = stored(atlas, photograph)
    baked = opening.bake(atlas, atlas.photographs[photograph])
    order = sorted(range(len(logits)), key=lambda k: -logits[k])
    assert [each["index"] for each in baked["classes"]] == order[:3]
    assert baked["layer"] == LAYER
    ranked = sorted(range(len(shares)), key=lambda c: -shares[c, order[0]])
    assert [each["channel"] for each in baked["speakers"]] == ranked[:3] + ranked[:-4:-1]
    for each in baked["speakers"]:
        left = [logits[k] - removals[each["channel"], k] for k in range(len(logits))]
        odds = [np.exp(value) / sum(np.exp(left)) for value in left]
        best = max(range(len(odds)), key=odds.__getitem__)
        without = each["without"]
        assert without["first"] == atlas.network.classes[best]
        assert without["probability"] == pytest.approx(odds[best], abs=2e-6)
        assert without["shown"] == pytest.approx([odds[k] for k in order[:3]], abs=2e-6)
        assert each["share"] == pytest.approx(shares[each["channel"], order[0]], abs=1e-4)


def answer(first: str) -> opening.Answer:
    return opening.Answer(first, 0.5, (0.5,))


def test_the_sentence_names_a_channel_that_changes_the_answer_if_there_is_one(atlas: Atlas) -> None:
    read = opening.read(atlas, atlas.photographs[0])
    name = read.classes[0].name
    kept, changed = answer(name), answer("something else")
    layer, classes = read.layer, read.classes

    def named(*speakers: tuple[float, opening.Answer]) -> int | None:
        made = tuple(opening.Speaker(i, share, after) for i, (share, after) in enumerate(speakers))
        return opening.Opening(layer, classes, made).named

    assert named((2.0, kept), (1.0, changed), (0.5, changed), (-1.0, changed)) == 1
    assert named((2.0, kept), (1.0, kept), (-1.0, changed)) == 0
    assert named((-1.0, changed)) is None
    assert named() is None


def test_its_pictures_are_those_that_it_shows(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        baked = opening.bake(atlas, photograph)
        (units,) = opening.visualizations(atlas, photograph).values()
        assert {str(unit) for unit in units} == {
            f"channel:{each['channel']}" for each in baked["speakers"]
        }
        shape = baked["maps"]["shape"]
        assert shape == [len(baked["speakers"]), 14, 14]


def test_the_page_writes_the_first_photograph_only(atlas: Atlas) -> None:
    page = opening.page(atlas)
    baked = opening.bake(atlas, atlas.photographs[0])
    shown = [each.channel for each in (*page["supporting"], *page["opposing"])]
    assert shown == [each["channel"] for each in baked["speakers"]]
    assert page["named"].channel == baked["speakers"][baked["named"]]["channel"]
