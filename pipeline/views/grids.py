"""Activation grids in the site: one picture for each layer and photograph, shared by the figures.

A grid is stored as cells uint8 `[H, W, S, S, 3]`. In the site it is one WebP of W·S × H·S pixels.
Where no grid has been rendered, the figures show the photograph instead, with a note.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from pipeline.atlas import Atlas, Photograph
from pipeline.store import File

QUALITY = 32  # cells are textures without edges; artefacts of compression do not show
SIDE = 784  # of the picture in pixels, at most


def path(atlas: Atlas, photograph: Photograph, layer: str) -> str | None:
    """Return the path of a layer's activation grid in the site; None if it was not rendered."""
    if not atlas.has_grid(photograph, layer):
        return None
    number = atlas.layer_names.index(layer) + 1
    return f"grids/{photograph.name}/{number}-{atlas.layer(layer).slug}.webp"


def dead(atlas: Atlas, photograph: Photograph, layer: str) -> list[list[int]]:
    """Return row and column of the cells whose picture does not activate what is active there."""
    if not atlas.has_grid(photograph, layer):
        return []
    with File(atlas.store.grid_path(photograph.name, layer)) as file:
        alive = file.values("alive").astype(bool)
    return [[int(row), int(column)] for row, column in np.argwhere(~alive)]


def tiled(cells: np.ndarray) -> np.ndarray:
    """Lay cells `[H, W, S, S, 3]` side by side: `[H·S, W·S, 3]`."""
    rows, columns, size = cells.shape[:3]
    return cells.transpose(0, 2, 1, 3, 4).reshape(rows * size, columns * size, 3)


def joined(cells: np.ndarray) -> Image.Image:
    """Lay cells `[H, W, S, S, 3]` side by side in one picture.

    A picture of more than `SIDE` pixels a side is made smaller, so that cells stay whole pixels.
    """
    rows, columns, size = cells.shape[:3]
    picture = Image.fromarray(np.ascontiguousarray(tiled(cells)))
    side = min(size, max(1, SIDE // max(rows, columns)))
    if side == size:
        return picture
    return picture.resize((columns * side, rows * side), Image.Resampling.LANCZOS)


def files(atlas: Atlas) -> Iterator[tuple[str, Image.Image]]:
    """Yield path and picture of every activation grid there is."""
    for photograph in atlas.photographs:
        for layer in atlas.layer_names:
            found, cells = path(atlas, photograph, layer), atlas.grid(photograph, layer)
            if found is not None and cells is not None:
                yield found, joined(cells)
