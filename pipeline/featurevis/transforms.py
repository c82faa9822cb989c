"""Random views of a picture: shift, magnification and rotation in a single resampling.

Lucid and Lucent pad, crop, scale, rotate and crop again, each by a resampling of the whole batch
with one random draw. Here every picture has its own affine map `A[B, 2, 3]` for every step, drawn
in advance from the picture's own generator, and is resampled once, bilinearly: view `v[B, 3, V, V]`
of `x[B, 3, S, S]`. What is outside the picture is mid-grey.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

OUTSIDE = 0.5


def draw(
    generators: Sequence[np.random.Generator],
    steps: int,
    *,
    jitter: float,
    scales: tuple[float, float],
    degrees: float,
) -> Tensor:
    """Draw the random part of the maps of all steps.

    Parameters
    ----------
    generators
        One per picture.
    steps
        Number T of maps per picture.
    jitter
        Largest shift in either direction, in pixels; uniform.
    scales
        Smallest and largest magnification; uniform.
    degrees
        Largest rotation either way; uniform.

    Returns
    -------
    Tensor
        `[B, T, 4]`: magnification, rotation in radians, shift in x and y in pixels.
    """
    low = np.array([scales[0], -np.deg2rad(degrees), -jitter, -jitter])
    high = np.array([scales[1], np.deg2rad(degrees), jitter, jitter])
    drawn = np.stack([each.uniform(low, high, (steps, 4)) for each in generators])
    return torch.from_numpy(drawn.astype(np.float32))


def maps(draws: Tensor, size: int, view: int) -> Tensor:
    """Turn draws into affine maps from a view's coordinates to its picture's, both -1…1.

    Parameters
    ----------
    draws
        `[B, 4]`, of one step.
    size, view
        Sides in pixels: S of the picture, and V of the part that the view shows.

    Returns
    -------
    Tensor
        `[B, 2, 3]`.
    """
    scale, angle, dx, dy = draws.unbind(-1)
    zoom = view / size / scale
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = torch.stack([cos, -sin, dx * 2 / size, sin, cos, dy * 2 / size], dim=-1)
    return rows.reshape(-1, 2, 3)


def resample(pictures: Tensor, affine: Tensor, view: int) -> Tensor:
    """Show `x[B, C, S, S]` through `A[B, 2, 3]`: `[B, C, V, V]`, mid-grey outside the picture."""
    grid = functional.affine_grid(affine, [len(pictures), 1, view, view], align_corners=False)
    shifted = functional.grid_sample(
        pictures - OUTSIDE, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return shifted + OUTSIDE


def composite(pictures: Tensor, background: Tensor) -> Tensor:
    """Draw pictures with opacity `x[B, 4, S, S]` on a background: `α x + (1 - α) background`."""
    opacity = pictures[:, 3:]
    return opacity * pictures[:, :3] + (1 - opacity) * background
