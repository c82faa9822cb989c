"""The feature visualizations of each layer, in the order in which the site packs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import figures
from pipeline.atlas import Atlas, Layer
from pipeline.figures import Figure
from pipeline.store import Visualization
from pipeline.units import Unit
from pipeline.website import sprites
from pipeline.website.surpassed import mean_activations, surpassed


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
        Unit → number of photographs that activate it less than its feature visualization does.
    """

    layer: Layer
    name: str
    visualizations: dict[Unit, Visualization]
    missing: tuple[Unit, ...]
    surpassed: dict[Unit, int]

    @property
    def dead(self) -> tuple[Unit, ...]:
        """Units that their feature visualization does not activate."""
        return tuple(unit for unit, each in self.visualizations.items() if not each.alive)

    @property
    def side(self) -> int:
        """Side in pixels at which the feature visualizations were made; 0 if there are none."""
        sides = (each.pixels.shape[0] for each in self.visualizations.values())
        return max(sides, default=0)

    def parts(self) -> dict[str, bytes]:
        """Path in the site → contents, for every part."""
        pictures = [each.pixels for each in self.visualizations.values()]
        encoded = sprites.parts(pictures, sprites.ICON)
        return {self.path(i): part for i, part in enumerate(encoded)}

    def path(self, part: int) -> str:
        """Path of a part in the site."""
        return f"sprites/{self.name}-{part}.webp"

    def facts(self) -> dict[str, Any]:
        """Return what the browser needs to find a unit's feature visualization."""
        return {
            "sprites": self.name,
            "units": [str(unit) for unit in self.visualizations],
            "dead": [str(unit) for unit in self.dead],
            "surpassed": [self.surpassed.get(unit) for unit in self.visualizations],
        }

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
        part, index = divmod(list(self.visualizations).index(unit), sprites.PART)
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
    """Read the feature visualizations that the figures show of each layer.

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
    in_order = _units_in_order(atlas, shown)
    vectors = figures.directions(shown, atlas)
    found = {}
    for i, layer in enumerate(atlas.network.layers):
        units = in_order[layer.name]
        there = atlas.visualizations(layer.name, units) if units else {}
        visualizations = {unit: there[unit] for unit in units if unit in there}
        missing = tuple(unit for unit in units if unit not in there)
        means = mean_activations(atlas, layer)
        counts = {} if means is None else surpassed(visualizations, means, vectors[layer.name])
        name = f"{i + 1}-{layer.slug}"
        found[layer.name] = SpriteSheet(layer, name, visualizations, missing, counts)
    return found


def _units_in_order(atlas: Atlas, shown: Sequence[Figure]) -> dict[str, list[Unit]]:
    """Layer → its units: first those seen at once, then the others, photograph by photograph.

    So few bytes travel before the reader does anything, and few when the photograph is changed.
    """
    first = [
        figures.shown_first(figure, atlas, photograph)
        for photograph in atlas.photographs
        for figure in shown
    ]
    later = [
        [figures.visualizations(figure, atlas, photograph) for figure in shown]
        for photograph in atlas.photographs
    ]
    return {
        layer: list(dict.fromkeys([*_of(layer, first), *_sorted_of(layer, later)]))
        for layer in atlas.layer_names
    }


def _of(layer: str, shown: Iterable[Mapping[str, Iterable[Unit]]]) -> Iterator[Unit]:
    for units in shown:
        yield from units.get(layer, ())


def _sorted_of(layer: str, later: Iterable[Sequence[Mapping[str, set[Unit]]]]) -> Iterator[Unit]:
    for shown in later:
        yield from sorted(set(_of(layer, shown)))
