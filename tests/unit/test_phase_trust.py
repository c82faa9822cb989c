"""The phase that tries out what the store claims, without a network: what it depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.config import Config
from pipeline.grammar import CLASSES, Attribution, Group, Substrate
from pipeline.phases import trust
from pipeline.plan import chosen_figures
from pipeline.views.trust import PHOTOGRAPH, PICTURES
from tests.unit.surveys import PROFILE, photograph, settings, survey

FIGURES = ("predictions", "trust")
BOTH = ("early", "late")


def of(folder: Path, count: int = 3, **how: Any) -> dict[tuple[str, ...], str]:
    photographs = [photograph(folder, name, seed) for seed, name in enumerate("abcde"[:count])]
    how = {"figures": FIGURES, "layers": BOTH, **how}
    return trust.fingerprints(survey(folder, photographs=photographs, **how))


def test_photographs_are_spread_over_the_list(tmp_path: Path) -> None:
    keys = of(tmp_path, 5, trust={"photographs": 3})
    assert [name for kind, name in keys if kind == PHOTOGRAPH] == ["a", "c", "e"]
    assert [name for kind, name in keys if kind == PICTURES] == list(BOTH)
    assert [name for kind, name in of(tmp_path, 2) if kind == PHOTOGRAPH] == ["a", "b"]


def test_nothing_is_tried_out_where_it_is_not_shown(tmp_path: Path) -> None:
    assert of(tmp_path, figures=("predictions",)) == {}
    assert of(tmp_path, trust={"photographs": 0}) == {}


@pytest.mark.parametrize(
    ("changes", "photographs", "pictures"),
    [
        ({"site": {"text": "x"}, "execution": {"workers": 2}}, False, False),
        ({"trust": {"draws": 32}}, True, False),
        ({"trust": {"photographs": 2}}, False, True),
        ({"attribution": {"method": "linear"}}, True, True),
        ({"features": {"steps": 7}}, False, True),
        ({"profile": replace(PROFILE, weights="v")}, True, True),
    ],
)
def test_what_is_tried_out_again(
    tmp_path: Path, changes: dict[str, Any], photographs: bool, pictures: bool
) -> None:
    before, after = of(tmp_path), of(tmp_path, **changes)
    for kind, changed in ((PHOTOGRAPH, photographs), (PICTURES, pictures)):
        both = [key for key in before if key[0] == kind and key in after]
        assert both
        assert all((before[key] != after[key]) == changed for key in both)


def test_another_photograph_is_another_one_for_pictures_only(tmp_path: Path) -> None:
    before, after = of(tmp_path, 2), of(tmp_path, 3, trust={"photographs": 9})
    assert before[PHOTOGRAPH, "a"] == after[PHOTOGRAPH, "a"]
    assert all(before[PICTURES, layer] != after[PICTURES, layer] for layer in BOTH)


def test_the_figure_is_left_out_with_what_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "atlas.toml"
    assert "trust" in chosen_figures(Config(path=path, settings=settings()))
    off = settings(trust={"photographs": 0})
    assert "trust" not in chosen_figures(Config(path=path, settings=off))
    assert "trust" in chosen_figures(Config(path=path, settings=off), ["trust", "predictions"])


def test_a_residual_counts_among_the_shares() -> None:
    arrays = {
        "attribution/a.group.2/output.neuron": np.ones((2, 3)),
        "residual/a.group.2/output.neuron/of_source": np.full(3, 5.0),
    }

    class File:
        def values(self, name: str) -> np.ndarray:
            return arrays[name]

    content = Attribution(Substrate("a", Group(2)), CLASSES)
    found = trust.with_residual(File(), content)  # type: ignore[arg-type]
    assert found.tolist() == [[1, 1, 1], [1, 1, 1], [5, 5, 5]]
