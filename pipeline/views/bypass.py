"""Bypassed layers: which part of a logit goes around them, as the page states it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.atlas import Atlas, Layer
from pipeline.grammar import AtBaseline
from pipeline.views.classes import at_baseline, top_classes

NAMED = 3  # photographs for which the page gives numbers


@dataclass(frozen=True)
class Around:
    """What of one photograph's decision goes around a layer.

    Attributes
    ----------
    photograph, name
        The photograph's title, and its most probable class.
    logit
        Of that class, for the network as it is.
    left
        The same with the whole layer at its baseline.
    """

    photograph: str
    name: str
    logit: float
    left: float


@dataclass(frozen=True)
class Bypass:
    """A bypassed layer. `around`: of the first photographs; none where nothing was measured."""

    layer: Layer
    around: tuple[Around, ...]


def bypasses(atlas: Atlas) -> dict[str, Bypass]:
    """Return the bypassed ones of the display layers: name → what goes around it."""
    return {
        layer.name: Bypass(layer, tuple(_around(atlas, layer)))
        for layer in atlas.network.layers
        if not layer.bottleneck
    }


def _around(atlas: Atlas, layer: Layer) -> Iterator[Around]:
    for photograph in atlas.photographs[:NAMED]:
        first = top_classes(atlas, photograph, 1)
        with atlas.open(photograph) as file:
            if AtBaseline(layer.name).path in file:
                (left,) = at_baseline(file, layer.name, first)
                yield Around(photograph.title, first[0].name, first[0].logit, float(left))
