"""What the scripts of all figures may need: of the site, of each photograph, and for the picker.

    data/site.js                     the network, its layers, the first photograph
    data/<photograph>/photograph.js  any photograph but the first, with where its pictures are
    data/photographs-<part>.js       what the picker lists, `LISTED` photographs in each part

The first of these is loaded before anything is shown, so it does not grow with the photographs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Photograph
from pipeline.units import Unit
from pipeline.views.classes import is_mistake, top_classes
from pipeline.website import sprites
from pipeline.website.output import Site
from pipeline.website.sprite_sheets import SpriteSheet

LISTED = 96  # photographs in a part of the picker's list: few kilobytes, and few requests

Vectors = Mapping[str, Mapping[Unit, np.ndarray]]


def site_facts(
    atlas: Atlas, sprite_sheets: Mapping[str, SpriteSheet], first: Mapping[str, Any], mistakes: int
) -> dict[str, Any]:
    """Return the network's name, the layers, how sprite sheets are cut, and the first photograph.

    Parameters
    ----------
    atlas
        What is baked.
    sprite_sheets
        Layer → its feature visualizations.
    first
        The facts of the first photograph.
    mistakes
        How many photographs the network is known to get wrong.
    """
    return {
        "network": atlas.network.title,
        "photographs": {"count": len(atlas.photographs), "part": LISTED, "mistakes": mistakes},
        "first": first,
        "layers": [
            {
                "name": layer.name,
                "title": layer.title,
                "shape": list(layer.shape),
                **sprite_sheets[layer.name].facts(),
            }
            for layer in atlas.network.layers
        ],
        "sprites": {
            "columns": sprites.COLUMNS,
            "part": sprites.PART,
            "icon": sprites.ICON,
            "thumbnail": sprites.THUMBNAIL,
        },
    }


def photograph_facts(
    photograph: Photograph,
    number: int,
    sprite_sheets: Mapping[str, SpriteSheet],
    vectors: Vectors,
) -> dict[str, Any]:
    """Return a photograph's name, title and number, and where the pictures are that it shows.

    Parameters
    ----------
    number
        Among the photographs of the atlas, from 0.
    sprite_sheets
        Layer → its feature visualizations.
    vectors
        Layer → unit → vector f4 `[C]`, of the directions that figures show of this photograph.
    """
    return {
        "name": photograph.name,
        "title": photograph.title,
        "index": number,
        "pictures": {
            layer: sheet.rows(sheet.shown.get(photograph.name, ()), vectors.get(layer))
            for layer, sheet in sprite_sheets.items()
        },
    }


@dataclass
class Listing:
    """What the picker lists, written in parts while the photographs are gone through."""

    site: Site
    mistakes: int = 0
    _rows: list[list[Any]] = field(default_factory=list)
    _parts: int = 0

    def add(self, atlas: Atlas, photograph: Photograph) -> None:
        """Add a photograph: its name, title, most probable class, and 1 if that is a mistake."""
        (prediction,) = top_classes(atlas, photograph, 1)
        mistake = int(is_mistake(atlas, photograph))
        self.mistakes += mistake
        self._rows.append([photograph.name, photograph.title, prediction.name, mistake])
        if len(self._rows) == LISTED:
            self.close()

    def close(self) -> None:
        """Write the part that is not full yet."""
        if self._rows:
            self.site.register(f"photographs-{self._parts}", {"rows": self._rows})
            self._rows, self._parts = [], self._parts + 1


def names_of(atlas: Atlas, numbers: Sequence[int]) -> dict[str, list[str]]:
    """Return number → name and title, of photographs that are shown beside another one."""
    found = {number: atlas.photographs[number] for number in sorted(set(numbers))}
    return {str(number): [each.name, each.title] for number, each in found.items()}
