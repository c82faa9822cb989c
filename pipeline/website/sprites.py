"""Sprites: many small pictures share a file, so that the browser makes few requests.

A sprite sheet is an ordered list of square pictures uint8 `[S, S, 3 or 4]`. It is cut into parts of
n = `PART`, which figures load as they need them: part i holds pictures i·n … i·n + n − 1, row by
row. The browser finds a picture by its index in the list (`templates/static/lib/sprites.js`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from PIL import Image

COLUMNS = 6
PART = 24  # pictures in a part: few enough that one needed picture brings little else
ICON = 112  # side of an icon in pixels
THUMBNAIL = 96  # side of a photograph's thumbnail in pixels
QUALITY = 80  # of WebP, 0…100


def parts(pictures: Iterable[np.ndarray], size: int) -> Iterator[Image.Image]:
    """Tile a sprite sheet, part by part.

    Parameters
    ----------
    pictures
        uint8 `[S, S, 3]` (RGB) or `[S, S, 4]` (with alpha), of any sides; taken as they are needed.
    size
        Side of a picture in the sprite sheet, in pixels.
    """
    rest = iter(pictures)
    while some := list(islice(rest, PART)):
        yield _tile([fitted(picture, size) for picture in some], size)


def fitted(picture: np.ndarray, size: int) -> Image.Image:
    """Resize a picture to the side that is wanted."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.LANCZOS)


def _tile(images: Sequence[Image.Image], size: int) -> Image.Image:
    rows = -(-len(images) // COLUMNS)
    mode = "RGBA" if any(image.mode == "RGBA" for image in images) else "RGB"
    tiled = Image.new(mode, (COLUMNS * size, rows * size))
    for i, image in enumerate(images):
        tiled.paste(image.convert(mode), (i % COLUMNS * size, i // COLUMNS * size))
    return tiled


def encode(image: Image.Image, quality: int = QUALITY) -> bytes:
    """Encode one image as WebP."""
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=quality, method=4)
    return stream.getvalue()
