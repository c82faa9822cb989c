"""What the clarity benchmark measures, on pictures of which the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import clarity
from benchmarks._drawn import channels as drawn_channels
from benchmarks._drawn import generator as drawn_generator
from benchmarks._judges import (
    agreement,
    clipped,
    entropies,
    resized,
    saturation,
    sharpness,
    unlikeness,
)
from pipeline.featurevis.responses import respond
from tests.unit import networks


def plain(*colours: tuple[int, int, int], side: int = 128) -> np.ndarray:
    """Pictures of one colour each, uint8 `[n, side, side, 3]`."""
    return np.stack([np.full((side, side, 3), colour, dtype=np.uint8) for colour in colours])


def test_entropy_is_zero_for_a_sure_answer_and_greatest_for_none() -> None:
    sure, unsure = np.eye(4)[:1], np.full((1, 4), 0.25)
    assert entropies(sure)[0] == pytest.approx(0)
    assert entropies(unsure)[0] == pytest.approx(np.log(4))


def test_judges_agree_when_ones_class_is_among_the_others_first_five() -> None:
    one, other = np.zeros((2, 10)), np.tile(np.arange(10.0), (2, 1))
    one[0, 5], one[1, 4] = 1, 1
    assert agreement(one, other) == 0.5


def test_colours_have_the_saturation_of_hsv() -> None:
    assert saturation(plain((9, 9, 9), (0, 0, 0))) == 0
    assert saturation(plain((255, 0, 0), (200, 100, 100))) == pytest.approx(0.75)


def test_sharpness_counts_grey_levels_between_horizontal_neighbours() -> None:
    stripes = plain((0, 0, 0))
    stripes[:, :, ::2] = 60
    assert sharpness(stripes) == pytest.approx(60)
    assert sharpness(stripes.swapaxes(1, 2)) == 0


def test_clipped_values_are_nearly_black_or_white() -> None:
    assert clipped(plain((0, 2, 3), (252, 253, 255))) == pytest.approx(4 / 6)


def test_neighbours_differ_by_their_shapes_and_not_by_their_grain() -> None:
    cells = plain((10, 10, 10), (30, 30, 30)).reshape(1, 2, 128, 128, 3).repeat(2, axis=0)
    assert unlikeness(cells) == pytest.approx((0 + 20) / 2)
    grain = np.zeros_like(cells)
    grain[:, 1, :, ::2], grain[:, 0, :, 1::2] = 40, 40
    assert unlikeness(grain) == 0


def test_pictures_of_any_side_are_judged_at_the_same() -> None:
    pictures = [*plain((9, 9, 9), side=46), *plain((9, 9, 9), side=112)]
    assert (resized(pictures) == 9).all()
    assert resized(pictures).shape == (2, 128, 128, 3)


def test_layers_and_channels_that_are_drawn_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_SEED", "3")
    drawn_generator.cache_clear()
    network = networks.network(networks.Plain(classes=5))
    drawn = [drawn_channels(network, layer, 4) for layer in ("early", "late")]
    drawn_generator.cache_clear()
    assert drawn == [drawn_channels(network, layer, 4) for layer in ("early", "late")]
    drawn_generator.cache_clear()
    responses = respond(network, networks.photograph(), ["early", "late"])
    assert all(len(set(some)) == 4 and min(some) >= 0 for some in drawn)
    assert max(drawn[0]) < responses["early"].shape[1]
    assert max(drawn[1]) < responses["late"].shape[1]


def test_only_photographs_that_are_there_are_put_beside_the_articles_grids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clarity, "GRIDS", tmp_path / "grids")
    monkeypatch.setattr(clarity, "PHOTOGRAPHS", tmp_path)
    (tmp_path / "grids").mkdir()
    for name in ("a_dog-mixed4a", "a_dog-mixed5a", "a_pig-mixed4a"):
        Image.new("RGB", (84, 84)).save(tmp_path / "grids" / f"{name}.jpeg")
    Image.new("RGB", (8, 8)).save(tmp_path / "a_dog.jpeg")
    assert clarity.photographed() == ["a_dog"]
    assert clarity.published("a_dog", "mixed4a", 14).shape == (14, 14, 6, 6, 3)
