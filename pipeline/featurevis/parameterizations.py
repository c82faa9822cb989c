"""Parameterizations: what is optimized in place of pixels, and how it becomes a picture.

A parameterization is two functions. `start` draws the parameters of B pictures, each from its own random generator: a
dictionary of tensors whose first dimension is B. `pictures` turns them into `x[B, 3, S, S]` (RGB) or `x[B, 4, S, S]`
(RGB and opacity), in 0…1, differentiably. A new parameterization is two functions and one line in `PARAMETERIZATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.featurevis import colour, spectrum

Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Parameterization:
    """`start(generators, size, magnitude) -> parameters` and `pictures(parameters, size) -> x[B, 3 or 4, size, size]`.

    `magnitude` is a natural spectrum `f4 [3, F, F//2 + 1]` for those that need one, or None for that of the bundled photographs.
    """

    start: Callable[[Sequence[np.random.Generator], int, np.ndarray | None], Parameters]
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


def fourier_start(generators: Sequence[np.random.Generator], size: int, channels: int = 3, deviation: float = 0.01) -> Tensor:
    """Draw the coefficients `[B, channels, S, S//2 + 1, 2]` of noise."""
    return normal(generators, (channels, size, size // 2 + 1, 2), deviation)


def fourier_values(spectrum: Tensor, size: int) -> Tensor:
    """Turn coefficients `[B, C, S, S//2 + 1, 2]` into values `[B, C, S, S]` with a spectrum like that of photographs.

    The inverse real Fourier transform of the coefficients times `amplitudes(S)`, divided by 4 (Lucid, spatial.py).
    """
    scale = amplitudes(size).to(spectrum) / 4
    return torch.fft.irfft2(torch.view_as_complex(spectrum * scale[..., None]), s=(size, size))


def _fourier_start(generators: Sequence[np.random.Generator], size: int, _magnitude: np.ndarray | None) -> Parameters:
    return {"spectrum": fourier_start(generators, size)}


def _fourier_pictures(parameters: Parameters, size: int) -> Tensor:
    return colour.to_rgb(fourier_values(parameters["spectrum"], size))


def _fourier_alpha_start(generators: Sequence[np.random.Generator], size: int, _magnitude: np.ndarray | None) -> Parameters:
    return {"spectrum": fourier_start(generators, size, channels=4)}


def _fourier_alpha_pictures(parameters: Parameters, size: int) -> Tensor:
    values = fourier_values(parameters["spectrum"], size)
    return torch.cat([colour.to_rgb(values[:, :3]), torch.sigmoid(values[:, 3:])], dim=1)


def backdrops(generators: Sequence[np.random.Generator], size: int) -> Tensor:
    """Draw random backgrounds `[B, 3, S, S]` to show pictures with opacity on.

    Before an ever-changing background only what is opaque can please the network, so opacity comes to mark what matters.
    """
    return colour.to_rgb(fourier_values(fourier_start(generators, size, deviation=0.05), size))


def _pixels_start(generators: Sequence[np.random.Generator], size: int, _magnitude: np.ndarray | None) -> Parameters:
    return {"values": normal(generators, (3, size, size), 0.01)}


def _pixels_pictures(parameters: Parameters, _size: int) -> Tensor:
    return torch.sigmoid(parameters["values"])


def _maco_start(generators: Sequence[np.random.Generator], size: int, magnitude: np.ndarray | None) -> Parameters:
    natural = spectrum.resized(spectrum.bundled() if magnitude is None else magnitude, size)
    phases = np.stack([each.uniform(-np.pi, np.pi, (3, size, size // 2 + 1)).astype(np.float32) for each in generators])
    # The magnitude is no parameter, but travels with its pictures; it gets no gradient.
    return {"phase": torch.from_numpy(phases), "magnitude": torch.from_numpy(natural).expand(len(generators), -1, -1, -1).contiguous()}


def _maco_pictures(parameters: Parameters, size: int) -> Tensor:
    waves = torch.polar(parameters["magnitude"].detach(), parameters["phase"])
    return colour.to_rgb(torch.fft.irfft2(waves, s=(size, size)))


PARAMETERIZATIONS = {
    "fourier": Parameterization(_fourier_start, _fourier_pictures),
    "fourier_alpha": Parameterization(_fourier_alpha_start, _fourier_alpha_pictures),
    "pixels": Parameterization(_pixels_start, _pixels_pictures),
    "maco": Parameterization(_maco_start, _maco_pictures),
}
