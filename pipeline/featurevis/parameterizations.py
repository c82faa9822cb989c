"""Parameterizations: what is optimized instead of pixels, and how it becomes a picture.

A parameterization is two functions. `start` draws the parameters of B pictures, each from its own
random generator: a dictionary of tensors whose first dimension is B. `pictures` turns them into
`x[B, 3, S, S]` (RGB) or `x[B, 4, S, S]` (RGB and opacity), in 0…1, differentiably. A new one is two
functions and one line in `PARAMETERIZATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.featurevis import colour, spectrum

Parameters = dict[str, Tensor]
Generators = Sequence[np.random.Generator]


@dataclass(frozen=True)
class Parameterization:
    """The two functions.

    Attributes
    ----------
    start
        `(generators, size, magnitude) → parameters`, where `magnitude` is a natural spectrum f4
        `[3, F, F//2 + 1]` for those that need one, or None for that of the bundled photographs.
    pictures
        `(parameters, size) → x[B, 3 or 4, size, size]`.
    """

    start: Callable[[Generators, int, np.ndarray | None], Parameters]
    pictures: Callable[[Parameters, int], Tensor]


def normal(generators: Generators, shape: tuple[int, ...], deviation: float) -> Tensor:
    """Draw `[B, *shape]` from a normal distribution, each picture from its own generator."""
    drawn = [each.standard_normal(shape, dtype=np.float32) for each in generators]
    return torch.from_numpy(np.stack([each * np.float32(deviation) for each in drawn]))


def frequencies(size: int) -> Tensor:
    """Return the frequencies `f[S, S//2 + 1]` of a real transform, in cycles per pixel."""
    rows, columns = torch.fft.fftfreq(size), torch.fft.rfftfreq(size)
    return torch.sqrt(rows[:, None] ** 2 + columns[None, :] ** 2)


def amplitudes(size: int) -> Tensor:
    """Return Lucid's scale of the Fourier coefficients, `S / max(f, 1/S)`: `[S, S//2 + 1]`.

    With it energy falls with frequency as in photographs.
    """
    return size / frequencies(size).clamp(min=1 / size)


def fourier_start(
    generators: Generators, size: int, channels: int = 3, deviation: float = 0.01
) -> Tensor:
    """Draw the coefficients `[B, channels, S, S//2 + 1, 2]` of noise."""
    return normal(generators, (channels, size, size // 2 + 1, 2), deviation)


def fourier_values(coefficients: Tensor, size: int) -> Tensor:
    """Turn coefficients `[B, C, S, S//2 + 1, 2]` into values `[B, C, S, S]`.

    The inverse real Fourier transform of the coefficients times `amplitudes(S)`, divided by 4
    (Lucid, spatial.py).
    """
    scale = amplitudes(size).to(coefficients) / 4
    waves = torch.view_as_complex(coefficients * scale[..., None])
    return torch.fft.irfft2(waves, s=(size, size))


def backdrops(generators: Generators, size: int) -> Tensor:
    """Draw random backgrounds `[B, 3, S, S]` to show pictures with opacity on.

    On a background that changes in every step only opaque parts can raise the objective, so opacity
    comes to mark what matters.
    """
    return colour.to_rgb(fourier_values(fourier_start(generators, size, deviation=0.05), size))


def _fourier_start(generators: Generators, size: int, _magnitude: np.ndarray | None) -> Parameters:
    return {"spectrum": fourier_start(generators, size)}


def _fourier_pictures(parameters: Parameters, size: int) -> Tensor:
    return colour.to_rgb(fourier_values(parameters["spectrum"], size))


def _alpha_start(generators: Generators, size: int, _magnitude: np.ndarray | None) -> Parameters:
    return {"spectrum": fourier_start(generators, size, channels=4)}


def _alpha_pictures(parameters: Parameters, size: int) -> Tensor:
    values = fourier_values(parameters["spectrum"], size)
    return torch.cat([colour.to_rgb(values[:, :3]), torch.sigmoid(values[:, 3:])], dim=1)


def _pixels_start(generators: Generators, size: int, _magnitude: np.ndarray | None) -> Parameters:
    return {"values": normal(generators, (3, size, size), 0.01)}


def _pixels_pictures(parameters: Parameters, _size: int) -> Tensor:
    return torch.sigmoid(parameters["values"])


def _maco_start(generators: Generators, size: int, magnitude: np.ndarray | None) -> Parameters:
    natural = spectrum.resized(spectrum.bundled() if magnitude is None else magnitude, size)
    shape = (3, size, size // 2 + 1)
    drawn = [each.uniform(-np.pi, np.pi, shape).astype(np.float32) for each in generators]
    # The magnitude stays with its pictures when batches change, but gets no gradient.
    magnitudes = torch.from_numpy(natural).expand(len(generators), -1, -1, -1).contiguous()
    return {"phase": torch.from_numpy(np.stack(drawn)), "magnitude": magnitudes}


def _maco_pictures(parameters: Parameters, size: int) -> Tensor:
    waves = torch.polar(parameters["magnitude"].detach(), parameters["phase"])
    return colour.to_rgb(torch.fft.irfft2(waves, s=(size, size)))


PARAMETERIZATIONS = {
    "fourier": Parameterization(_fourier_start, _fourier_pictures),
    "fourier_alpha": Parameterization(_alpha_start, _alpha_pictures),
    "pixels": Parameterization(_pixels_start, _pixels_pictures),
    "maco": Parameterization(_maco_start, _maco_pictures),
}
