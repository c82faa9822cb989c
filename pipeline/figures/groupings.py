"""Which factorizations the figures of groups show, and how they are read from a photograph's file.

A layer is factorized into several counts of groups: those of `[groups] counts`, else `DEFAULT`, limited by the layer's
size. Group g of n has a map and a direction; the part of the activations that it explains, v_g = W_g ⊗ H_g, has at each
position the length `W_g[y, x] · ‖H_g‖`, its `presence`, in units of activation and comparable between groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config import Settings
from pipeline.figures.units import direction_unit
from pipeline.grammar import Activation, Atom, Grouping, Substrate
from pipeline.store import File

DEFAULT = (3, 6, 9)
FLOW = 2  # counts of each layer that a flow between layers offers: every pair of them has pictures of its own


def counts(settings: Settings, layer: str) -> tuple[int, ...]:
    """Return the counts of groups that a layer is shown with, ascending."""
    return tuple(sorted(set(settings.groups.counts.get(layer) or DEFAULT)))


def flow_counts(settings: Settings, layer: str) -> tuple[int, ...]:
    """Return the counts of groups that a flow between layers offers for one of them: the smallest of `counts`."""
    return counts(settings, layer)[:FLOW]


def opening(offered: Sequence[int]) -> int:
    """Return the count that a figure opens with."""
    return offered[min(1, len(offered) - 1)]


def layers(settings: Settings, names: Sequence[str]) -> tuple[str, ...]:
    """Return the layers of `names` whose groups are shown: those of `[groups] counts`, else the two before the last (of two, both)."""
    configured = tuple(name for name in names if settings.groups.counts.get(name))
    return configured or tuple(names if len(names) < 3 else names[-3:-1])


def resolve(settings: Settings, shapes: Mapping[str, Sequence[int]]) -> Settings:
    """Write the counts that are left to us into the settings, so that all who read them agree.

    A layer has at most half as many groups as it has channels or positions: beyond that they summarize nothing, and the
    factorization may lack the rank. All but the last layer get only the counts that a flow offers.

    Parameters
    ----------
    settings
        As configured; returned as they are where they name counts.
    shapes
        Display layer → [C, H, W], in the order in which they run.
    """
    if any(settings.groups.counts.values()) or not shapes:
        return settings
    chosen = layers(settings, tuple(shapes))
    found: dict[str, tuple[int, ...]] = {}
    for layer in chosen:
        channels, height, width = shapes[layer]
        most = max(1, min(channels, height * width) // 2)
        fitting = tuple(count for count in DEFAULT if count <= most) or (most,)
        found[layer] = fitting if layer == chosen[-1] else fitting[:FLOW]
    return settings.model_copy(update={"groups": settings.groups.model_copy(update={"counts": found})})


def substrate(layer: str, count: int, aligned_to: tuple[str, int] | None = None) -> Substrate:
    """Return a layer cut into groups; `aligned_to` names the upper layer's groups that they are made compatible with."""
    return Substrate(layer, Atom.GROUP, Grouping(count, aligned_to))


@dataclass(frozen=True)
class Factors:
    """The groups of one factorization, from left to right in the photograph.

    `units` [n]: the names of their pictures; `channels` f4 [n, C]: their directions; `presence` f4 [n, H, W]: length of each
    group's part of the activations; `left` f4 [H, W]: length of what they leave; `explained`: share of the squared
    activations; `negative`: share of the absolute activations that is negative, which no group can hold.
    """

    units: tuple[str, ...]
    channels: np.ndarray
    presence: np.ndarray
    left: np.ndarray
    explained: float
    negative: float

    @property
    def directions(self) -> dict[str, np.ndarray]:
        """Unit → direction f4 [C]."""
        return dict(zip(self.units, self.channels, strict=True))


def read(file: File, of: Substrate) -> Factors:
    """Read one factorization from a photograph's file."""
    path = Activation(of).path
    spatial, channels = (file.values(f"{path}/{name}").astype(np.float32) for name in ("spatial", "channels"))
    return Factors(
        units=tuple(direction_unit(vector) for vector in channels),
        channels=channels,
        presence=spatial * np.linalg.norm(channels, axis=1)[:, None, None],
        left=file.values(f"{path}/residual").astype(np.float32),
        explained=float(file.values(f"{path}/explained")),
        negative=float(file.values(f"{path}/negative")),
    )


_ROWS, _COLUMNS = ("at the top", "in the middle", "at the bottom"), ("left", "", "right")


def place(presence: np.ndarray) -> str:
    """Say in words where the centre of a map `[H, W]` lies: "at the top, left"; by the squares of its values."""
    squares = presence.astype(np.float64) ** 2
    if not squares.any():
        return "nowhere"
    centre = [(np.arange(side) + 0.5) @ squares.sum(axis=1 - axis) / squares.sum() / side for axis, side in enumerate(squares.shape)]
    row, column = (names[min(2, int(3 * share))] for names, share in zip((_ROWS, _COLUMNS), centre, strict=True))
    return ", ".join(part for part in (row, column) if part)
