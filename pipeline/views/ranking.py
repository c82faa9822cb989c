"""The largest along the first dimension of an array, without sorting all the others."""

from __future__ import annotations

import numpy as np


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """Return where the largest values are, the largest first; of equal ones the first is first.

    Parameters
    ----------
    values
        `[C, …]`, without NaN.
    count
        How many; C if there are no more.

    Returns
    -------
    ndarray
        int `[min(count, C), …]`: indexes along the first dimension.
    """
    rest = np.moveaxis(values, 0, -1).astype(np.float64)  # a copy, whose last dimension is adjacent
    found = []
    for _ in range(min(count, len(values))):
        places = rest.argmax(axis=-1)
        found.append(places)
        np.put_along_axis(rest, places[..., None], -np.inf, axis=-1)
    return np.stack(found) if found else np.zeros((0, *values.shape[1:]), int)
