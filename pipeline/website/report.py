"""What was written: the site's files and bytes, and what its feature visualizations lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.atlas import Atlas
from pipeline.figures import Figure
from pipeline.website.output import Site
from pipeline.website.sprite_sheets import SpriteSheet


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes
    ----------
    data
        Figure → photograph → bytes.
    kinds
        Bytes by what the files are: page, code, data, photographs, sprites, grids, channels,
        notebooks, store.
    missing
        Layer and unit of feature visualizations that a figure shows and the store lacks.
    dead
        Layer and unit of feature visualizations that do not activate their unit.
    """

    output: Path
    files: int
    bytes: int
    data: dict[str, dict[str, int]]
    kinds: dict[str, int]
    missing: tuple[str, ...]
    dead: tuple[str, ...]


def report(
    site: Site,
    output: Path,
    atlas: Atlas,
    shown: Sequence[Figure],
    sprite_sheets: Mapping[str, SpriteSheet],
) -> Report:
    """Sum up a site that has been written.

    Parameters
    ----------
    site
        With the sizes of its files.
    output
        Its folder.
    atlas, shown, sprite_sheets
        What it was baked from: the atlas, the figures, and the feature visualizations by layer.
    """
    kinds: Counter[str] = Counter()
    for path, size in site.sizes.items():
        kinds[_kind(path)] += size
    data = {
        figure.NAME: {
            photograph.name: site.sizes[f"data/{photograph.name}/{figure.NAME}.js"]
            for photograph in atlas.photographs
        }
        for figure in shown
    }
    units = [(layer, each.missing, each.dead) for layer, each in sprite_sheets.items()]
    return Report(
        output=output,
        files=len(site.sizes),
        bytes=sum(site.sizes.values()),
        data=data,
        kinds=dict(kinds),
        missing=tuple(f"{layer} {unit}" for layer, missing, _ in units for unit in missing),
        dead=tuple(f"{layer} {unit}" for layer, _, dead in units for unit in dead),
    )


def _kind(path: str) -> str:
    folder = path.split("/")[0]
    if path.endswith((".css", ".js")) and folder != "data":
        return "code"
    return folder if "/" in path else "page"
