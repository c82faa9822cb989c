"""Groups as the figures show them: which factorizations there are, and how they are read.

A layer is factorized into several counts of groups: those of `[groups] counts`, else `DEFAULT`,
limited by the layer's size. Group g of n has a map and a direction. The part of the activations
that it explains, v_g = W_g ⊗ H_g, has the length `W_g[y, x] · ‖H_g‖` at each position: its
`presence`, in units of activation and comparable between groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config import Settings
from pipeline.grammar import Activation, Between, Coalitions, Group, Substrate
from pipeline.shapley import MOST_PLAYERS
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views.classes import Prediction, for_classes

DEFAULT = (3, 6, 9)
FLOW = 2  # counts of each layer in a flow: every pair of them has feature visualizations of its own


# ----------------------------------------------------------------------------------- which groups
def counts(settings: Settings, layer: str) -> tuple[int, ...]:
    """Return the counts of groups that a layer is shown with, ascending."""
    return tuple(sorted(set(settings.groups.counts.get(layer) or DEFAULT)))


def flow_counts(settings: Settings, layer: str) -> tuple[int, ...]:
    """Return the counts of groups that a flow between layers offers: the smallest of `counts`."""
    return counts(settings, layer)[:FLOW]


def first_count(offered: Sequence[int]) -> int:
    """Return the count that a figure shows first."""
    return offered[min(1, len(offered) - 1)]


def layers(settings: Settings, names: Sequence[str]) -> tuple[str, ...]:
    """Return the layers whose groups are shown.

    They are those of `[groups] counts`, else the two before the last; of two layers, both.
    """
    configured = tuple(name for name in names if settings.groups.counts.get(name))
    return configured or tuple(names if len(names) < 3 else names[-3:-1])


def resolve(settings: Settings, shapes: Mapping[str, Sequence[int]]) -> Settings:
    """Write the counts that are left to us into the settings, so that all who read them agree.

    A layer has at most half as many groups as it has channels or positions: beyond that they
    summarize nothing, and the factorization may lack the rank. All layers but the last get only the
    counts that a flow offers.

    Parameters
    ----------
    settings
        As configured; returned unchanged where they name counts.
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
    groups = settings.groups.model_copy(update={"counts": found})
    return settings.model_copy(update={"groups": groups})


def substrate(layer: str, count: int, aligned_to: tuple[str, int] | None = None) -> Substrate:
    """Return a layer cut into groups.

    Parameters
    ----------
    layer, count
        The layer and the number of groups.
    aligned_to
        The upper layer and its number of groups that these are made compatible with, if any.
    """
    return Substrate(layer, Group(count, aligned_to))


# ------------------------------------------------------------------------------- one factorization
@dataclass(frozen=True)
class ShownGroups:
    """The groups of one factorization, from left to right in the photograph.

    Attributes
    ----------
    units
        `[n]`, of their feature visualizations.
    channels
        f4 `[n, C]`, their directions.
    presence
        f4 `[n, H, W]`, the length of each group's part of the activations.
    residual
        f4 `[H, W]`, the length of what the groups leave out.
    explained
        Share of the squared activations.
    negative
        Share of the absolute activations that is negative, which no group can hold.
    """

    units: tuple[Unit, ...]
    channels: np.ndarray
    presence: np.ndarray
    residual: np.ndarray
    explained: float
    negative: float

    @property
    def positions(self) -> list[str]:
        """Where each group is, in words."""
        return [describe_position(presence) for presence in self.presence]


def read(file: File, groups: Substrate) -> ShownGroups:
    """Read one factorization from a photograph's file."""
    path = Activation(groups).path
    spatial = file.values(f"{path}/spatial").astype(np.float32)
    channels = file.values(f"{path}/channels").astype(np.float32)
    return ShownGroups(
        units=tuple(Unit.direction(vector) for vector in channels),
        channels=channels,
        presence=spatial * np.linalg.norm(channels, axis=1)[:, None, None],
        residual=file.values(f"{path}/residual").astype(np.float32),
        explained=float(file.values(f"{path}/explained")),
        negative=float(file.values(f"{path}/negative")),
    )


def vectors(file: File, groups: Substrate) -> dict[Unit, np.ndarray]:
    """Return the directions f4 `[C]` of the groups of one factorization, by unit, in order."""
    channels = file.values(f"{Activation(groups).path}/channels").astype(np.float32)
    return {Unit.direction(vector): vector for vector in channels}


def directions(file: File, cuts: Iterable[Substrate]) -> dict[str, dict[Unit, np.ndarray]]:
    """Return the directions f4 `[C]` of all groups of several factorizations, by layer and unit."""
    found: dict[str, dict[Unit, np.ndarray]] = {}
    for cut in cuts:
        found.setdefault(cut.layer, {}).update(vectors(file, cut))
    return found


def of_parts(file: File, content: Between, classes: Sequence[Prediction]) -> np.ndarray:
    """Return what a content has of the groups, and last of their residual, for k logits.

    Parameters
    ----------
    content
        From groups to the classes, such as `Attribution(groups, CLASSES)`.
    classes
        The k classes.

    Returns
    -------
    numpy.ndarray
        f4 `[n + 1, k]`.
    """
    residual = file.values(content.residual_of_source)[[each.index for each in classes]]
    return np.vstack([for_classes(file, content, classes), residual.astype(np.float32)])


def coalitions(groups: Substrate) -> tuple[Coalitions, ...]:
    """Return all subsets of groups and residual as a content; none where there are too many."""
    assert isinstance(groups.atom, Group)
    return (Coalitions(groups),) if groups.atom.count < MOST_PLAYERS else ()


_ROWS, _COLUMNS = ("at the top", "in the middle", "at the bottom"), ("left", "", "right")


def describe_position(presence: np.ndarray) -> str:
    """Describe where the centre of a map `[H, W]` is, by the squares of its values.

    Such as "at the top, left"; "nowhere" where the map is zero.
    """
    squares = presence.astype(np.float64) ** 2
    if not squares.any():
        return "nowhere"
    words = []
    for axis, names in enumerate((_ROWS, _COLUMNS)):
        side = squares.shape[axis]
        weights = squares.sum(axis=1 - axis) / squares.sum()
        centre = (np.arange(side) + 0.5) @ weights / side
        words.append(names[min(2, int(3 * centre))])
    return ", ".join(word for word in words if word)
