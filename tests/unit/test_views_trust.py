"""What is found, judged: each measure on numbers that are known, good and bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.figures import trust as figure
from pipeline.store import write
from pipeline.views import trust
from tests import synthetic
from tests.synthetic_trust import of_layer


def found(**changes: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Two photographs of which one layer was tried out, all of it well."""
    rng = np.random.default_rng(3)
    return {title: {**of_layer(rng, False, False), **changes} for title in ("one", "two")}


def test_shares_are_held_against_the_reliability_of_the_truth() -> None:
    tried = found()
    answer = trust.shapley("layer", tried)
    assert answer is not None
    assert answer.decided
    assert not answer.weak
    assert answer.value > 0.95
    assert 0.85 < answer.bound <= 0.9
    noise = np.random.default_rng(0).normal(size=(2, 12))
    for each in tried.values():
        each["reference"] = noise
        each["shares"] = np.stack([noise.mean(0)] * 5)
    noisy = trust.shapley("layer", tried)
    assert noisy is not None
    assert not noisy.decided
    assert not noisy.weak
    for each in tried.values():
        each["shares"] = -each["shares"]
    reversed_signs = trust.shapley("layer", tried)
    assert reversed_signs is not None
    assert reversed_signs.weak


def test_pooled_numbers_are_those_of_one_list_less_the_means() -> None:
    a, b = (
        [np.array([1.0, 2, 4]), np.array([10.0, 11])],
        [np.array([2.0, 2, 3]), np.array([0.0, 4])],
    )
    first = np.concatenate([each - each.mean() for each in a])
    second = np.concatenate([each - each.mean() for each in b])
    assert trust.pooled(a, b) == pytest.approx(np.corrcoef(first, second)[0, 1])


def test_a_gap_counts_by_the_change_of_its_class() -> None:
    change = np.array([4.0, -1.0, 0.001])
    sums = np.stack([change, change + np.array([0, 0.1, 0])])
    answer = trust.complete("layer", found(change=change, sums=sums), 0.01)
    assert answer is not None
    assert answer.value == pytest.approx(0.9)
    assert answer.weak
    small = trust.complete(
        "layer", found(change=change, sums=np.stack([change + np.array([0, 0, 0.001])])), 0.01
    )
    assert small is not None
    assert not small.weak


def test_a_group_fails_that_no_change_leaves_findable() -> None:
    maps = np.full((5, 4), 0.9)
    maps[:4, 0] = 0.1  # another start finds it
    maps[:, 2] = 0.3
    answer = trust.groups("layer", found(**{"group.4/maps": maps}))
    assert answer is not None
    assert answer.value == pytest.approx(0.5)
    assert answer.failing == (("group", "one", 4, 2), ("group", "two", 4, 2))


def test_pictures_that_reach_little_are_named_worst_first() -> None:
    pictures = {
        "units": np.array(["channel:1", "channel:2", "channel:3"]),
        "below": np.array([0.9, 1.0, 0.2]),
    }
    answer = trust.pictures_reach("layer", pictures)
    assert answer is not None
    assert answer.value == pytest.approx(1 / 3)
    assert answer.failing == (("reach", "channel:3", 0.2), ("reach", "channel:1", 0.9))


def test_numbers_that_are_not_found_again_are_named() -> None:
    removals = np.ones((2, 12))
    removals[1, 5] = 0.5
    pictures = {
        "units": np.array(["channel:1", "channel:2"]),
        "stated": np.array([1.0, 2.0]),
        "reached": np.array([1.01, 0.4]),
    }
    changes = {"removals": removals, "group.4/explained": np.array([0.8, 0.7])}
    answer = trust.reproduced("layer", found(**changes), pictures)
    assert answer is not None
    assert answer.weak
    assert answer.value == pytest.approx(1 - (2 + 2 + 1) / (2 * 13 + 2))
    assert set(answer.failing) == {
        ("removals", "one"),
        ("removals", "two"),
        ("explained", "one", 4),
        ("explained", "two", 4),
        ("picture", "channel:2"),
    }


def test_what_was_tried_out_of_something_else_is_not_shown(tmp_path: Path) -> None:
    atlas = synthetic.make(tmp_path / "store")
    assert figure.page(atlas)["asked"] == 27
    for key in atlas.fingerprints[trust.KIND]:
        write(trust.path_of(atlas.store, key), trust.KIND, "another fingerprint", {})
    page = figure.page(atlas)
    assert (page["asked"], page["measures"], page["photographs"]) == (0, [], [])


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-0.284, "r", "r = −0.28"),
        (1.0, "percent", "100 %"),
        (0.997, "percent", "99.7 %"),
        (0.5, "percent", "50 %"),
        (0.996, "gap", "off by 0.4 %"),
    ],
)
def test_numbers_are_written_as_they_are_read(value: float, unit: str, text: str) -> None:
    assert figure.written(value, unit) == text
