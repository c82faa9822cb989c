"""Switchboard: what is baked equals the store; the smallest sets are found by trying all."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.config import DatasetTable, GroupsTable, Settings
from pipeline.figures import switchboard
from pipeline.figures.switchboard import Subsets
from pipeline.grammar import Coalitions
from pipeline.likelihood import softmax
from pipeline.views import groups
from pipeline.views.classes import top_classes
from pipeline.views.packing import unpack
from tests import synthetic

EARLY, MIDDLE = (layer.name for layer in synthetic.LAYERS[:2])


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("switchboard") / "store")


def settings(**counts: tuple[int, ...]) -> Settings:
    return Settings(dataset=DatasetTable(images=("*.jpg",)), groups=GroupsTable(counts=counts))


def subset(*parts: int) -> int:
    return sum(2**part for part in parts)


# ------------------------------------------------------------------------------------------- baked
def test_what_is_baked_equals_the_store(atlas: Atlas) -> None:
    photograph = atlas.photographs[1]
    baked = switchboard.bake(atlas, photograph)
    named = [prediction.index for prediction in top_classes(atlas, photograph)]
    assert [entry["index"] for entry in baked["classes"]] == named
    assert [layer["layer"] for layer in baked["layers"]] == [EARLY, MIDDLE]
    for layer in baked["layers"]:
        for found in layer["factorizations"]:
            cut = groups.substrate(layer["layer"], found["count"])
            with atlas.open(photograph) as file:
                logits = file.values(Coalitions(cut).path)
            assert len(logits) == 2 ** (found["count"] + 1)
            off = np.abs(unpack(found["logits"]) - logits[:, named]).max()
            assert off < 0.51 * 10**-switchboard.DECIMALS
            check_answers(found, logits, atlas.network.classes)


def check_answers(found: dict, logits: np.ndarray, names: tuple[str, ...]) -> None:
    """Compare the most probable class of each subset, and all probabilities, with a softmax."""
    first, best = unpack(found["first"]), unpack(found["best"])
    shown, normalizer = unpack(found["logits"]), unpack(found["normalizer"])
    for s, row in enumerate(logits):
        winner, likely = found["winners"][first[s]], softmax(row)
        assert winner["index"] == int(row.argmax())
        assert winner["name"] == names[winner["index"]]
        assert np.exp(best[s] - normalizer[s]) == pytest.approx(likely.max(), rel=2e-5)
        ranks = [int(np.abs(row - logit).argmin()) for logit in shown[s]]
        assert np.exp(shown[s] - normalizer[s]) == pytest.approx(likely[ranks], rel=2e-5)


def test_the_last_subset_is_the_intact_network(atlas: Atlas) -> None:
    for photograph in atlas.photographs:
        baked = switchboard.bake(atlas, photograph)
        classes = top_classes(atlas, photograph)
        for found in (each for layer in baked["layers"] for each in layer["factorizations"]):
            intact = unpack(found["logits"])[-1]
            assert intact == pytest.approx([each.logit for each in classes], abs=1e-4)


def test_shares_of_squared_lengths_make_up_every_position(atlas: Atlas) -> None:
    with atlas.open(atlas.photographs[0]) as file:
        shown = groups.read(file, groups.substrate(MIDDLE, 6))
    found = switchboard.shares(shown)
    assert found.shape == (7, 14, 14)
    squares = [float(part[3, 5]) ** 2 for part in (*shown.presence, shown.residual)]
    for i, square in enumerate(squares):
        assert found[i, 3, 5] == pytest.approx(square / sum(squares), rel=1e-5)
    baked = switchboard.bake(atlas, atlas.photographs[0])["layers"][1]["factorizations"][1]
    assert np.abs(unpack(baked["shares"]) - found).max() <= 1 / 510 + 1e-6
    nothing = groups.ShownGroups((), shown.channels[:0], shown.presence[:1] * 0, 0 * found[0], 0, 0)
    assert switchboard.shares(nothing)[:, 0, 0].tolist() == [0, 1]


# --------------------------------------------------------------------------------- smallest sets
def smallest(logits: np.ndarray, keeps: bool) -> int | None:
    """Try all sets of growing size: those alone on that keep, or alone off that change."""
    m = len(logits).bit_length() - 1
    everything = subset(*range(m))
    decision = int(logits[-1].argmax())
    for size in range(m + 1):
        likely = {}
        for parts in combinations(range(m), size):
            on = subset(*parts) if keeps else everything - subset(*parts)
            if (logits[on].argmax() == decision) == keeps:
                likely[on] = softmax(logits[on])[decision]
        if likely:
            return (max if keeps else min)(likely, key=lambda on: likely[on])
    return None


@pytest.mark.parametrize("seed", range(12))
def test_smallest_sets_are_those_that_trying_all_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = 3 + seed % 3
    there = (np.arange(2**m)[:, None] >> np.arange(m)) & 1
    logits = there @ rng.normal(0, 1, (m, 5)) + rng.normal(0, 0.6, (2**m, 5))
    subsets = Subsets(logits.astype(np.float32))
    assert subsets.smallest_that_keeps() == smallest(subsets.logits, keeps=True)
    assert subsets.without_smallest_that_changes() == smallest(subsets.logits, keeps=False)


def test_one_part_that_decides_alone() -> None:
    logits = np.array([[1, 0], [0, 1], [1, 0], [0, 3]], np.float32)  # part 0 speaks for class 1
    subsets = Subsets(logits)
    assert subsets.decision == 1
    assert subsets.smallest_that_keeps() == subset(0)
    assert subsets.without_smallest_that_changes() == subset(1)


def test_a_decision_that_nothing_changes_needs_no_part() -> None:
    subsets = Subsets(np.array([[0, 1], [0, 2], [0, 2], [0, 3]], np.float32))
    assert subsets.smallest_that_keeps() == 0
    assert subsets.without_smallest_that_changes() is None


# ------------------------------------------------------------------------------------ page, layers
def test_the_page_lists_the_intact_network_and_every_single_removal(atlas: Atlas) -> None:
    page = switchboard.page(atlas)
    with atlas.open(atlas.photographs[0]) as file:
        logits = file.values(Coalitions(groups.substrate(MIDDLE, 6)).path)
    decision = int(logits[127].argmax())
    assert page["intact"]["first"] == atlas.network.classes[decision]
    assert page["intact"]["off"] == "nothing"
    assert [answer["off"] for answer in page["single"]] == [
        *(f"group {i}" for i in range(1, 7)),
        "the residual",
    ]
    for i, answer in enumerate(page["single"]):
        likely = softmax(logits[127 - 2**i])
        assert answer["decision"] == pytest.approx(likely[decision], rel=1e-5)
        assert answer["first"] == atlas.network.classes[int(likely.argmax())]


def test_parts_in_words() -> None:
    assert switchboard.in_words(0, 4) == "nothing"
    assert switchboard.in_words(subset(1), 4) == "group 2"
    assert switchboard.in_words(subset(0, 2, 3), 4) == "group 1, group 3 and the residual"


def test_only_as_many_groups_as_all_subsets_can_be_tried_of() -> None:
    assert switchboard.counts(settings(b=(4, 9, 10, 16)), "b") == (4, 9)
    assert switchboard.counts(settings(b=(12,)), "b") == (6,)


def test_an_atlas_with_one_layer_has_a_switchboard(tmp_path: Path) -> None:
    photographs, layers = synthetic.PHOTOGRAPHS[:1], synthetic.LAYERS[:1]
    atlas = synthetic.make(tmp_path, photographs=photographs, layers=layers)
    baked = switchboard.bake(atlas, atlas.photographs[0])
    assert [layer["layer"] for layer in baked["layers"]] == [EARLY]
