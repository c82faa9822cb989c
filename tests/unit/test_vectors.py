"""The vectors of directions, read for one photograph after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline import figures
from pipeline.atlas import Atlas
from pipeline.phases.vectors import Vectors
from pipeline.units import Unit
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("vectors") / "store")


def directions(atlas: Atlas) -> dict[str, dict[Unit, list[int]]]:
    """Layer → direction → the rows of the photographs that show it."""
    found: dict[str, dict[Unit, list[int]]] = {layer: {} for layer in atlas.layer_names}
    for row, photograph in enumerate(atlas.photographs):
        vectors = figures.directions_of(figures.chosen(), atlas, photograph)
        for layer, of_layer in vectors.items():
            for unit in of_layer:
                found[layer].setdefault(unit, []).append(row)
    return found


def test_every_direction_has_its_vector_and_no_channel_has_one(atlas: Atlas) -> None:
    for layer, known in directions(atlas).items():
        vectors = Vectors(figures.chosen(), atlas, {(layer, unit) for unit in known})
        found = vectors.of(layer, [*known, Unit.channel(0)])
        assert found.keys() == known.keys()
        assert all(Unit.direction(vector) == unit for unit, vector in found.items())
        assert vectors.of("another", known) == {}


def test_units_of_one_photograph_follow_each_other(atlas: Atlas) -> None:
    mixed = 0
    for layer, known in directions(atlas).items():
        units = sorted([*known, Unit.channel(0), Unit.channel(1)])
        vectors = Vectors(figures.chosen(), atlas, {(layer, unit) for unit in units})
        ordered = vectors.in_order(layer, units)
        assert sorted(ordered) == units
        rows = [known[each][-1] if each in known else -1 for each in ordered]
        assert rows == sorted(rows)
        mixed += int((np.diff([known[each][-1] for each in units if each in known]) < 0).any())
    assert mixed  # by their names they are not in this order


def test_few_photographs_are_read_for_a_few_units(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, known = max(directions(atlas).items(), key=lambda each: len(each[1]))
    vectors = Vectors(figures.chosen(), atlas, {(layer, unit) for unit in known})
    last = [unit for unit, rows in known.items() if rows[-1] == len(atlas.photographs) - 1]
    opened: list[Path] = []
    read = type(atlas).open

    def counted(self: Atlas, photograph: object) -> object:
        opened.append(photograph.name)  # type: ignore[attr-defined]
        return read(self, photograph)  # type: ignore[arg-type]

    monkeypatch.setattr(type(atlas), "open", counted)
    assert last
    assert vectors.of(layer, last).keys() == set(last)
    assert set(opened) == {atlas.photographs[-1].name}
