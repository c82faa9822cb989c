"""Parameterizations, colour and the natural spectrum against slow oracles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.featurevis import colour, spectrum
from pipeline.featurevis.parameterizations import PARAMETERIZATIONS, fourier_values
from tests.unit.featurevis import generators


@pytest.mark.parametrize("size", [8, 9])
def test_fourier_values_are_the_written_out_sum(size: int) -> None:
    coefficients = np.random.default_rng(0).normal(size=(2, 3, size, size // 2 + 1, 2))
    waves = coefficients[..., 0] + 1j * coefficients[..., 1]
    expected = np.zeros((2, 3, size, size))
    y, x = np.mgrid[:size, :size]
    for row in range(size):
        for column in range(size // 2 + 1):
            fy = row / size if row < (size + 1) // 2 else row / size - 1
            scale = size / max(np.hypot(fy, column / size), 1 / size) / 4
            once = column == 0 or (size % 2 == 0 and column == size // 2)
            weight = (1 if once else 2) * scale / size**2
            wave = np.exp(2j * np.pi * (row * y + column * x) / size) * weight
            expected += (waves[:, :, row, column, None, None] * wave).real
    actual = fourier_values(torch.from_numpy(coefficients), size).numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_colour_goes_there_and_back_and_its_longest_column_has_length_one() -> None:
    values = torch.randn(2, 3, 4, 5)
    returned = colour.decorrelate(colour.correlate(values))
    torch.testing.assert_close(returned, values, atol=1e-4, rtol=1e-4)
    assert colour.MATRIX.norm(dim=0).max() == pytest.approx(1)
    expected = torch.sigmoid(torch.einsum("ij,bjhw->bihw", colour.MATRIX, values))
    torch.testing.assert_close(colour.to_rgb(values), expected)


@pytest.mark.parametrize("name", sorted(PARAMETERIZATIONS))
def test_every_parameterization_starts_per_picture_and_has_gradients(name: str) -> None:
    chosen = PARAMETERIZATIONS[name]
    together = chosen.start(generators(3), 16, None)
    alone = chosen.start(generators(3)[2:], 16, None)
    for key, value in together.items():
        torch.testing.assert_close(value[2:], alone[key])
        value.requires_grad_(True)
    shown = chosen.pictures(together, 16)
    assert shown.shape[0] == 3
    assert shown.shape[1] in (3, 4)
    assert shown.min() >= 0
    assert shown.max() <= 1
    (shown * torch.randn_like(shown)).sum().backward()
    gradients = [value.grad for value in together.values() if value.grad is not None]
    assert any(gradient.abs().sum() > 0 for gradient in gradients)


def test_maco_moves_phases_only_and_keeps_the_natural_magnitude() -> None:
    chosen = PARAMETERIZATIONS["maco"]
    photograph = (np.random.default_rng(0).random((40, 50, 3)) * 255).astype(np.uint8)
    natural = spectrum.natural_magnitude([photograph], side=16)
    parameters = chosen.start(generators(2), 16, natural)
    values = colour.decorrelate(torch.logit(chosen.pictures(parameters, 16).double()).float())
    measured = torch.fft.rfft2(values).abs()
    # A real transform has no free phase where a frequency is its own mirror image; elsewhere the
    # magnitude stays.
    inner = np.s_[:, :, 1:8, 1:8]
    expected = torch.from_numpy(natural).expand(2, -1, -1, -1)
    torch.testing.assert_close(measured[inner], expected[inner], rtol=2e-2, atol=1e-3)
    assert values.std() == pytest.approx(1.0, rel=0.15)


def test_a_resized_spectrum_is_that_of_the_resized_photograph() -> None:
    y, x = np.mgrid[:64, :64] / 64
    smooth = 0.5 + 0.2 * np.sin(2 * np.pi * 3 * x) + 0.2 * np.cos(2 * np.pi * 2 * y)
    photograph = (np.repeat(smooth[..., None], 3, 2) * 255).astype(np.uint8)
    large, small = (spectrum.natural_magnitude([photograph], side) for side in (64, 32))
    shrunk = spectrum.resized(large, 32)
    strong = small > 0.2 * small.max()
    np.testing.assert_allclose(shrunk[strong], small[strong], rtol=0.1)
