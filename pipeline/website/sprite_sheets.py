"""The feature visualizations of each layer, in the order in which the site packs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from pipeline import figures
from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.figures import Figure
from pipeline.store import Visualization
from pipeline.units import Unit
from pipeline.website import sprites
from pipeline.website.surpassed import Means, surpassed


@dataclass(frozen=True)
class SpriteSheet:
    """The feature visualizations of one layer.

    Attributes
    ----------
    name
        Of its files. It has a number, because the names of two layers may differ only in characters
        that file names cannot have.
    missing
        Units that a figure shows and the store has nothing of.
    surpassed
        Channel → number of photographs that activate it less than its feature visualization does.
    shown
        Name of a photograph → the units that figures show of it.
    means
        What photographs activate, f4 `[photographs, C]`; None where the store has none.
    """

    layer: Layer
    name: str
    visualizations: dict[Unit, Visualization]
    missing: tuple[Unit, ...] = ()
    surpassed: Mapping[Unit, int] = field(default_factory=dict)
    shown: Mapping[str, Sequence[Unit]] = field(default_factory=dict)
    means: np.ndarray | None = None

    @cached_property
    def index(self) -> dict[Unit, int]:
        """Unit → which picture of the sprite sheet is its own."""
        return {unit: i for i, unit in enumerate(self.visualizations)}

    @property
    def dead(self) -> tuple[Unit, ...]:
        """Units that their feature visualization does not activate."""
        return tuple(unit for unit, each in self.visualizations.items() if not each.alive)

    @property
    def side(self) -> int:
        """Side in pixels at which the feature visualizations were made; 0 if there are none."""
        return max((each.side for each in self.visualizations.values()), default=0)

    def parts(self) -> Iterator[tuple[str, Image.Image]]:
        """Yield path in the site and picture of every part."""
        pictures = (each.pixels for each in self.visualizations.values())
        for i, part in enumerate(sprites.parts(pictures, sprites.ICON)):
            yield self.path(i), part

    def path(self, part: int) -> str:
        """Path of a part in the site."""
        return f"sprites/{self.name}-{part}.webp"

    def facts(self) -> dict[str, Any]:
        """Return what the browser needs of the sprite sheet as a whole."""
        return {"sprites": self.name, "pictures": len(self.visualizations)}

    def rows(
        self, units: Iterable[Unit], vectors: Mapping[Unit, np.ndarray] | None = None
    ) -> list[list[Any]]:
        """Return what the browser needs to find the feature visualizations of some units.

        Parameters
        ----------
        units
            Those without a feature visualization are left out.
        vectors
            Of those that are directions, f4 `[C]`, as far as they are known.

        Returns
        -------
        list
            Unit, its index in the sprite sheet, and how many photographs it surpasses: None where
            that is not known, False where the feature visualization does not activate its unit.
        """
        there = {each: self.visualizations[each] for each in units if each in self.visualizations}
        directions = {unit: each for unit, each in there.items() if unit.channel_index is None}
        counts = {**self.surpassed}
        if self.means is not None:
            counts |= surpassed(directions, self.means, vectors or {})
        return [
            [str(unit), self.index[unit], counts.get(unit) if each.alive else False]
            for unit, each in there.items()
        ]

    def crop(self, unit: Unit | str) -> dict[str, Any] | None:
        """Return where a unit's feature visualization is, for pages without JavaScript.

        Returns
        -------
        dict or None
            `path` of the part, `width` and `height` of the part, `x`, `y` and `size` of the icon in
            it, in pixels, and whether it is `alive`. None where there is no feature visualization.
        """
        unit = Unit.parse(unit) if isinstance(unit, str) else unit
        if unit not in self.visualizations:
            return None
        part, index = divmod(self.index[unit], sprites.PART)
        in_part = min(sprites.PART, len(self.visualizations) - part * sprites.PART)
        size = sprites.ICON
        return {
            "path": self.path(part),
            "x": index % sprites.COLUMNS * size,
            "y": index // sprites.COLUMNS * size,
            "size": size,
            "width": sprites.COLUMNS * size,
            "height": -(-in_part // sprites.COLUMNS) * size,
            "alive": self.visualizations[unit].alive,
        }


def make_sprite_sheets(atlas: Atlas, shown: Sequence[Figure]) -> dict[str, SpriteSheet]:
    """Find the feature visualizations that the figures show of each layer.

    Parameters
    ----------
    atlas
        What is baked.
    shown
        The figures of the site.

    Returns
    -------
    dict
        Layer → its feature visualizations.
    """
    gathered = {layer: _Gathered() for layer in atlas.layer_names}
    means = Means(atlas.layer_names)
    for photograph in atlas.photographs:
        with atlas.store.holding(photograph.name), atlas.open(photograph) as file:
            means.add(file)
            first = [figures.shown_first(figure, atlas, photograph) for figure in shown]
            later = [figures.visualizations(figure, atlas, photograph) for figure in shown]
        for layer, found in gathered.items():
            found.add(photograph, _of(layer, first), _of(layer, later))
    return {
        layer.name: _sheet(atlas, layer, f"{i + 1}-{layer.slug}", gathered[layer.name], means)
        for i, layer in enumerate(atlas.network.layers)
    }


def _of(layer: str, shown: Iterable[Mapping[str, Iterable[Unit]]]) -> list[Unit]:
    return [unit for units in shown for unit in units.get(layer, ())]


class _Gathered:
    """The units of a layer, one photograph after the other, each kept once in memory."""

    def __init__(self) -> None:
        self.first: dict[Unit, Unit] = {}
        self.later: dict[Unit, Unit] = {}
        self.shown: dict[str, tuple[Unit, ...]] = {}

    def add(self, photograph: Photograph, first: Iterable[Unit], later: Iterable[Unit]) -> None:
        """Add what is seen of a photograph at once, and what else its figures show."""
        known = {**dict.fromkeys(first), **dict.fromkeys(sorted(set(later)))}
        own = tuple(self.later.setdefault(unit, unit) for unit in known)
        self.first |= {self.later[unit]: self.later[unit] for unit in first}
        self.shown[photograph.name] = own

    def in_order(self) -> list[Unit]:
        """Return all units: first those seen at once, then the others.

        So few bytes travel before the reader does anything, and few when the photograph is changed.
        """
        return list(dict.fromkeys([*self.first, *self.later]))


def _sheet(atlas: Atlas, layer: Layer, name: str, gathered: _Gathered, means: Means) -> SpriteSheet:
    units = gathered.in_order()
    there = atlas.visualizations(layer.name, units) if units else {}
    visualizations = {unit: there[unit] for unit in units if unit in there}
    missing = tuple(unit for unit in units if unit not in there)
    found = means.of(layer.name)
    counts = {} if found is None else surpassed(visualizations, found, {})
    return SpriteSheet(layer, name, visualizations, missing, counts, gathered.shown, found)
