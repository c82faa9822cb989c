"""Arrays as the store holds them: values with the names of their dimensions and their units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOAT16_MAX = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Array:
    """A dataset.

    Attributes
    ----------
    values
        Of any shape and type that HDF5 can hold.
    dims
        The name of each dimension.
    units
        What the values are measured in; empty for a pure number.
    """

    values: np.ndarray
    dims: tuple[str, ...]
    units: str = ""

    def __post_init__(self) -> None:
        if len(self.dims) != self.values.ndim:
            raise ValueError(f"dims {self.dims} for an array of shape {self.values.shape}")


def float16(values: np.ndarray) -> np.ndarray:
    """Round to half precision; magnitudes beyond its range become its largest finite value."""
    return np.clip(values, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16)
