"""The short lists of channels that figures show for a target: what gives to it and takes from it.

`values[C, n]` are shares, or effects of removal, of a layer's C channels in n targets, or of n
channels in the C of a later layer. A list holds the `SUPPORT` channels that contribute most and the
`OPPOSE` that take most away.
"""

from __future__ import annotations

import numpy as np

from pipeline.views.ranking import largest

SUPPORT = 3
OPPOSE = 2


def strongest(values: np.ndarray) -> np.ndarray:
    """Choose what a list shows of each column of `values[C, n]`.

    Returns
    -------
    ndarray
        int `[n, SUPPORT + OPPOSE]`: the rows with the largest positive values, largest first, then
        those with the most negative, most negative first; −1 where there are fewer.
    """
    most, least = largest(values, SUPPORT), largest(-values, OPPOSE)
    # A layer may have fewer channels than a list holds.
    ends = [_filled(most, SUPPORT), _filled(least, OPPOSE)]
    chosen = np.concatenate(ends).T
    wanted = np.concatenate([np.ones(SUPPORT), -np.ones(OPPOSE)])
    return np.where(taken(values, chosen) * wanted > 0, chosen, -1)


def _filled(rows: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([rows, np.full((count - len(rows), rows.shape[1]), -1)])


def taken(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The values `[n, m]` of the rows `chosen[n, m]` of `values[C, n]`; 0 where a row is −1."""
    return np.where(chosen >= 0, np.take_along_axis(values.T, np.maximum(chosen, 0), axis=1), 0)


def shares(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return which share of all support, and of all opposition, the channels of a list have.

    Parameters
    ----------
    values
        `[C, n]`.
    chosen
        `[n, SUPPORT + OPPOSE]`, from `strongest`.

    Returns
    -------
    ndarray
        `[n, 2]` in 0…1; 0 where nothing supports, or nothing opposes.
    """
    listed = taken(values, chosen)
    shown = np.stack([listed[:, :SUPPORT].sum(1), listed[:, SUPPORT:].sum(1)], axis=1)
    whole = np.stack([np.maximum(values, 0).sum(0), np.minimum(values, 0).sum(0)], axis=1)
    return np.divide(shown, whole, out=np.zeros_like(shown), where=whole != 0)


def named(*lists: np.ndarray) -> list[int]:
    """The channels that lists name, ascending."""
    return sorted({int(channel) for each in lists for channel in each.flat if channel >= 0})
