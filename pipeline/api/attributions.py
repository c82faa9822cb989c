"""How much each part of a layer contributes to a class or to a later layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.api import display
from pipeline.api.networks import class_index
from pipeline.api.photographs import photograph
from pipeline.atoms import CHANNEL, SPATIAL
from pipeline.attribution import METHODS, attribute_along_paths
from pipeline.errors import AtlasError, did_you_mean
from pipeline.grammar import CLASSES, Substrate
from pipeline.network import Network


@dataclass(frozen=True)
class Attribution:
    """Contributions of a layer's atoms to one class, or to the atoms of a later layer.

    Attributes
    ----------
    values
        f4, the source's dimensions first (positions: H, W; channels: C; groups: n), then the
        target's (none for a class).
    residual
        What groups leave; None for other sources.
    gap
        The change of the target's score from the layer at zero to the photograph's, less the sum
        of all contributions: what the method misses.
    source, target
        As texts.
    pixels
        The photograph.
    """

    values: np.ndarray
    residual: np.ndarray | None
    gap: np.ndarray
    source: str
    target: str
    pixels: np.ndarray = field(repr=False)

    def top(self, count: int = 10) -> list[tuple[tuple[int, ...], float]]:
        """Return the largest contributions by size: index and value."""
        order = np.argsort(-np.abs(self.values), axis=None, kind="stable")[:count]
        indices = zip(*np.unravel_index(order, self.values.shape), strict=True)
        return [(tuple(map(int, i)), float(self.values[i])) for i in indices]

    def _repr_html_(self) -> str:
        atom = Substrate.parse(self.source).atom
        if atom == SPATIAL and self.values.ndim == 2:
            shown = display.image(display.over(self.pixels, self.values), self.target)
        else:
            name = "channel" if atom == CHANNEL else str(atom)
            rows = [(f"{name} {', '.join(map(str, i))}", value) for i, value in self.top()]
            shown = display.bars(rows)
        return display.titled(f"{self.source} → {self.target}", shown)


def attribute(
    network: Network,
    image: Any,
    source: str,
    target: str | int,
    method: str = "shares",
    *,
    steps: int = 32,
    paths: int = 8,
    seed: int = 0,
) -> Attribution:
    """Attribute a class, or the atoms of a later layer, to the atoms of a layer.

    Parameters
    ----------
    network
        See `load` and `wrap`.
    image
        See `photograph`.
    source
        A layer cut into atoms: "mixed4d.spatial", "mixed4d.channel", "mixed4d.group.6".
    target
        A class, by its name or index, or a later layer cut into atoms.
    method
        "shares" (contributions that add up; the default), "linear", "integrated", "random_paths"
        or "smoothgrad"; docs/attribution.md compares them.
    steps, paths, seed
        For the methods that use them.

    Raises
    ------
    AtlasError
        When the layer, the class or the method is unknown, or the target does not depend on the
        source.
    """
    if method not in METHODS:
        hint = did_you_mean(method, METHODS) or ";"
        raise AtlasError(f'no method "{method}"{hint} known are {", ".join(METHODS)}')
    pixels = photograph(image, network)
    later = _later_layer(target)
    chosen = None if later else [class_index(network, target)]
    found = attribute_along_paths(
        network,
        network.input(pixels),
        _substrate(source),
        later or CLASSES,
        method,
        targets=chosen,
        steps=steps,
        paths=paths,
        seed=seed,
    )
    values, gap, residual = found.values, found.gap, found.residual
    if chosen is not None:
        values, gap = values[..., 0], gap[..., 0]
        residual = None if residual is None else residual[..., 0]
    name = str(later) if later else network.classes[chosen[0]] if chosen else ""
    return Attribution(values, residual, gap, source, name, pixels)


def _substrate(text: str) -> Substrate:
    try:
        return Substrate.parse(text)
    except ValueError as error:
        raise AtlasError(str(error)) from error


def _later_layer(target: str | int) -> Substrate | None:
    if not isinstance(target, str):
        return None
    try:
        return Substrate.parse(target)
    except ValueError:  # the name of a class
        return None
