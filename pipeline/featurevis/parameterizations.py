"""Parameterizations: what is optimized in place of pixels, and how it becomes a picture.

A parameterization is two functions. `start` draws the parameters of B pictures, each from its own random generator: a
dictionary of tensors whose first dimension is B. `pictures` turns them into `x[B, 3, S, S]` (RGB) or `x[B, 4, S, S]`
(RGB and opacity), in 0…1, differentiably, at any side S up to the one started with: a smaller S shows the same picture with its
finest detail left out. A new parameterization is two functions and one line in `PARAMETERIZATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.featurevis import colour

Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Parameterization:
    """`start(generators, size) -> parameters` and `pictures(parameters, size) -> x[B, 3 or 4, size, size]`."""

    start: Callable[[Sequence[np.random.Generator], int], Parameters]
    pictures: Callable[[Parameters, int], Tensor]


def normal(generators: Sequence[np.random.Generator], shape: tuple[int, ...], deviation: float) -> Tensor:
    """Draw `[B, *shape]` from a normal distribution, picture by picture, each from its own generator."""
    return torch.from_numpy(np.stack([each.standard_normal(shape, dtype=np.float32) * np.float32(deviation) for each in generators]))


def frequencies(size: int) -> Tensor:
    """Return the spatial frequencies `f[S, S//2 + 1]` of a real transform, in cycles per pixel."""
    return torch.sqrt(torch.fft.fftfreq(size)[:, None] ** 2 + torch.fft.rfftfreq(size)[None, :] ** 2)


def amplitudes(size: int) -> Tensor:
    """Return Lucid's scale `s[S, S//2 + 1] = S / max(f, 1/S)` of the Fourier coefficients: energy falls as in photographs."""
    return size / frequencies(size).clamp(min=1 / size)


def truncate(spectrum: Tensor, size: int) -> Tensor:
    """Keep the frequencies of `spectrum[..., F, F//2 + 1]` that a canvas of side `size` can show, scaled for its inverse transform."""
    full = spectrum.shape[-2]
    if size == full:
        return spectrum
    upper, lower = (size + 1) // 2, size // 2
    rows = torch.cat([spectrum[..., :upper, :], spectrum[..., full - lower :, :]], dim=-2)
    return rows[..., : size // 2 + 1] * (size / full) ** 2


def _fourier_start(generators: Sequence[np.random.Generator], size: int) -> Parameters:
    return {"spectrum": normal(generators, (3, size, size // 2 + 1, 2), 0.01)}


def fourier_values(spectrum: Tensor, size: int) -> Tensor:
    """Turn coefficients `[B, C, F, F//2 + 1, 2]` into values `[B, C, S, S]` with a spectrum like that of photographs.

    The inverse real Fourier transform of the coefficients times `amplitudes(F)`, divided by 4 (Lucid, spatial.py).
    """
    full = spectrum.shape[-3]
    scaled = torch.view_as_complex(spectrum * amplitudes(full).to(spectrum)[..., None])
    return torch.fft.irfft2(truncate(scaled, size), s=(size, size)) / 4


def _fourier_pictures(parameters: Parameters, size: int) -> Tensor:
    return colour.to_rgb(fourier_values(parameters["spectrum"], size))


PARAMETERIZATIONS = {
    "fourier": Parameterization(_fourier_start, _fourier_pictures),
}
