"""Pictures on their way to the browser: many small ones share a file, in parts that are loaded as figures need them.

A sheet is an ordered list of square pictures uint8 `[S, S, 3 or 4]`; part i holds pictures i·n … i·n + n − 1, row by row.
The browser finds a picture by its place in the list (`templates/static/lib/sprites.js`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

COLUMNS = 6
PART = 24  # pictures in a part: few enough that one needed picture brings little else
ICON = 112  # side of an icon in pixels
THUMBNAIL = 96
QUALITY = 80


def parts(pictures: Sequence[np.ndarray], size: int) -> Iterator[bytes]:
    """Encode a sheet, part by part, as WebP.

    Parameters
    ----------
    pictures
        uint8 `[S, S, 3]` (RGB) or `[S, S, 4]` (with alpha), of any sides.
    size
        Side of a picture in the sheet, in pixels.
    """
    for start in range(0, len(pictures), PART):
        yield encode(_tile([fitted(picture, size) for picture in pictures[start : start + PART]], size))


def fitted(picture: np.ndarray, size: int) -> Image.Image:
    """Bring a picture to the side that is wanted."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    return image if image.size == (size, size) else image.resize((size, size), Image.Resampling.LANCZOS)


def _tile(images: Sequence[Image.Image], size: int) -> Image.Image:
    rows = -(-len(images) // COLUMNS)
    mode = "RGBA" if any(image.mode == "RGBA" for image in images) else "RGB"
    sheet = Image.new(mode, (COLUMNS * size, rows * size))
    for i, image in enumerate(images):
        sheet.paste(image.convert(mode), (i % COLUMNS * size, i // COLUMNS * size))
    return sheet


def encode(image: Image.Image, quality: int = QUALITY) -> bytes:
    """Encode one image as WebP."""
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=quality, method=4)
    return stream.getvalue()


def in_order(*lists: Iterable[str]) -> list[str]:
    """Join lists into one, each name once, at its first place."""
    return list(dict.fromkeys(name for names in lists for name in names))
