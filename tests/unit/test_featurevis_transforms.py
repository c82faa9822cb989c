"""Random views against a resampling written out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.featurevis import transforms
from tests.unit.featurevis import generators


def bilinear(plane: Tensor, px: float, py: float) -> float:
    """The value of a square `[S, S]` between its pixels."""
    size, total = len(plane), 0.0
    left, top = int(np.floor(px)), int(np.floor(py))
    for yy, wy in ((top, 1 - (py - top)), (top + 1, py - top)):
        for xx, wx in ((left, 1 - (px - left)), (left + 1, px - left)):
            inside = 0 <= yy < size and 0 <= xx < size
            total += wy * wx * (plane[yy, xx].item() if inside else transforms.OUTSIDE)
    return total


def test_one_resampling_follows_each_pictures_own_map() -> None:
    size, view = 12, 10
    x = torch.rand(3, 3, size, size, dtype=torch.float64)
    draws = transforms.draw(generators(3), 5, jitter=2.0, scales=(0.8, 1.2), degrees=30.0)[:, 4]
    affine = transforms.maps(draws, size, view).double()
    shown = transforms.resample(x, affine, view).numpy()
    for n, row, column in np.ndindex(3, view, view):
        scale, angle, dx, dy = draws[n].double().tolist()
        u, v = column + 0.5 - view / 2, row + 0.5 - view / 2
        px = (np.cos(angle) * u - np.sin(angle) * v) / scale + dx + size / 2 - 0.5
        py = (np.sin(angle) * u + np.cos(angle) * v) / scale + dy + size / 2 - 0.5
        for channel in range(3):
            expected = bilinear(x[n, channel], px, py)
            assert shown[n, channel, row, column] == pytest.approx(expected, abs=1e-5)


def test_draws_are_a_pictures_own() -> None:
    kwargs = {"jitter": 4.0, "scales": (0.9, 1.1), "degrees": 5.0}
    together = transforms.draw(generators(4), 7, **kwargs)
    alone = transforms.draw(generators(4)[3:], 7, **kwargs)
    torch.testing.assert_close(together[3:], alone)
    assert together[..., 2:].abs().max() <= 4
    assert len(torch.unique(together[..., 0])) == 4 * 7


def test_an_enlarged_view_shows_all_of_the_picture() -> None:
    picture = torch.rand(1, 3, 16, 16)
    still = transforms.maps(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), 16, 16)
    shown = transforms.resample(picture, still, 32)
    expected = nn.functional.interpolate(picture, 32, mode="bilinear")
    torch.testing.assert_close(shown[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])
