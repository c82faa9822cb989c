"""The facts of `data/site.js`: what the scripts of all figures may need, for all photographs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.atlas import Atlas
from pipeline.views.classes import top_classes
from pipeline.website import sprites
from pipeline.website.sprite_sheets import SpriteSheet


def site_facts(atlas: Atlas, sprite_sheets: Mapping[str, SpriteSheet]) -> dict[str, Any]:
    """Return the network's name, the photographs, the layers, and how sprite sheets are cut.

    Parameters
    ----------
    atlas
        What is baked.
    sprite_sheets
        Layer → its feature visualizations.
    """
    return {
        "network": atlas.network.title,
        "photographs": [
            {
                "name": photograph.name,
                "title": photograph.title,
                "prediction": top_classes(atlas, photograph, 1)[0].name,
            }
            for photograph in atlas.photographs
        ],
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
