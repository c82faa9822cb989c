"""Activation grids in the site: for every position of a layer, the picture of what is active there, in one file.

A grid is stored as cells uint8 `[H, W, S, S, 3]` and lies in the site as one WebP of W·S × H·S pixels, which several
figures share. Where no grid has been rendered, those figures show the photograph in its place and say so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from pipeline import sprites
from pipeline.atlas import Atlas, Photograph
from pipeline.store import File

QUALITY = 72  # cells are textures without edges; artefacts of compression do not show
SIDE = 784  # of the picture in pixels, at most


def path(atlas: Atlas, photograph: Photograph, layer: str) -> str | None:
    """Return the path of a layer's activation grid in the site; None if it has not been rendered."""
    if not atlas.has_grid(photograph, layer):
        return None
    names = [each.name for each in atlas.network.layers]
    return f"grids/{photograph.name}/{names.index(layer) + 1}-{atlas.layer(layer).slug}.webp"


def dead(atlas: Atlas, photograph: Photograph, layer: str) -> list[list[int]]:
    """Return row and column of every cell whose picture does not activate what is active there."""
    if not atlas.has_grid(photograph, layer):
        return []
    with File(atlas.store.grid_path(photograph.name, layer)) as file:
        return [[int(row), int(column)] for row, column in np.argwhere(~file.values("alive").astype(bool))]


def joined(cells: np.ndarray) -> Image.Image:
    """Lay cells `[H, W, S, S, 3]` side by side; a picture of more than `SIDE` pixels a side is made smaller, by whole cells."""
    rows, columns, size = cells.shape[:3]
    picture = Image.fromarray(np.ascontiguousarray(cells.transpose(0, 2, 1, 3, 4).reshape(rows * size, columns * size, 3)))
    side = min(size, max(1, SIDE // max(rows, columns)))
    return picture if side == size else picture.resize((columns * side, rows * side), Image.Resampling.LANCZOS)


def files(atlas: Atlas) -> Iterator[tuple[str, bytes]]:
    """Yield path and contents of every activation grid there is."""
    for photograph in atlas.photographs:
        for layer in atlas.network.layers:
            found, cells = path(atlas, photograph, layer.name), atlas.grid(photograph, layer.name)
            if found is not None and cells is not None:
                yield found, sprites.encode(joined(cells), QUALITY)
