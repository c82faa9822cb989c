"""The picture that is shown where somebody shares a link to the site.

The first photograph at the left, and at the right the feature visualizations that the first figure
with any shows of it: as many as make a square of up to three by three.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from math import isqrt

import numpy as np
from PIL import Image

from pipeline import figures
from pipeline.atlas import Atlas
from pipeline.figures import Figure
from pipeline.website import sprites
from pipeline.website.sprite_sheets import SpriteSheet

NAME = "card.jpg"  # not every site that shows such pictures reads WebP
WIDTH, HEIGHT = 1200, 630  # pixels, of the proportions that these sites ask for
GAP = 12
SIDE = (WIDTH - 3 * GAP) // 2
ROWS = 3  # at most
PAPER = (255, 255, 255)
QUALITY = 88


def card(atlas: Atlas, shown: Sequence[Figure], sprite_sheets: Mapping[str, SpriteSheet]) -> bytes:
    """Return the picture as JPEG.

    Parameters
    ----------
    atlas
        What is baked.
    shown
        The site's figures, in page order.
    sprite_sheets
        Layer → its feature visualizations.
    """
    photograph = atlas.photographs[0]
    with atlas.open(photograph) as file:
        pixels = file.values("input")
    pictures = _pictures(atlas, shown, sprite_sheets)
    left = GAP if pictures else (WIDTH - SIDE) // 2
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    top = (HEIGHT - SIDE) // 2
    image.paste(sprites.fitted(pixels, SIDE).convert("RGB"), (left, top))
    rows = min(ROWS, isqrt(len(pictures)))
    for i, picture in enumerate(pictures[: rows * rows]):
        side = (SIDE - (rows - 1) * GAP) // rows
        row, column = divmod(i, rows)
        x, y = 2 * GAP + SIDE + column * (side + GAP), top + row * (side + GAP)
        image.paste(sprites.fitted(picture, side).convert("RGB"), (x, y))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, optimize=True)
    return stream.getvalue()


def _pictures(
    atlas: Atlas, shown: Sequence[Figure], sprite_sheets: Mapping[str, SpriteSheet]
) -> list[np.ndarray]:
    for figure in shown:
        found = [
            sprite_sheets[layer].visualizations[unit].pixels
            for layer, units in figures.shown_first(figure, atlas, atlas.photographs[0]).items()
            for unit in units
            if unit in sprite_sheets[layer].visualizations
            and sprite_sheets[layer].visualizations[unit].alive
        ]
        if found:
            return found
    return []
