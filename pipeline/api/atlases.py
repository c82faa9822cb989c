"""Atlases that have been built, and the numbers on their pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import figures
from pipeline.atlas import Atlas
from pipeline.config import read
from pipeline.errors import AtlasError
from pipeline.phases import PHASES
from pipeline.phases.atlas import atlas_of
from pipeline.progress import Reporter
from pipeline.survey import Options, survey
from pipeline.views import packing


def open_atlas(config: str | Path, store: str | Path = "build") -> Atlas:
    """Open an atlas that has been built; loads no network.

    Parameters
    ----------
    config
        Its configuration file.
    store
        The folder that `building-blocks build` wrote into (`--store`).

    Returns
    -------
    Atlas
        `atlas.photographs`, `atlas.layer_names`; `atlas.open(photograph)` gives its arrays,
        `atlas.visualizations(layer, units)` feature visualizations.

    Raises
    ------
    AtlasError
        When there is no such configuration, or nothing has been built of it.
    """
    quiet = Reporter(-1)
    found = survey(read(Path(config)), Options(root=Path(store)), quiet, may_load=False)
    return atlas_of(found, PHASES)


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """Return an array that a page's data hold as text.

    Parameters
    ----------
    packed
        As `pipeline.views.packing` writes them: `type`, `shape`, `data` or `text`, and for levels
        `scale` and `power`.

    Returns
    -------
    ndarray
        f8, of the shape given.
    """
    return packing.unpack(packed).astype(float)


def figure_data(atlas: Atlas, figure: str, photograph: int | str = 0) -> dict[str, Any]:
    """Return what a figure shows of a photograph, from the store.

    Parameters
    ----------
    atlas
        See `open_atlas`.
    figure
        Its name, such as "class_comparison".
    photograph
        Its number or its name.

    Raises
    ------
    AtlasError
        When there is no such figure or photograph.
    """
    chosen = next(
        (each for i, each in enumerate(atlas.photographs) if photograph in (i, each.name)),
        None,
    )
    if chosen is None:
        names = ", ".join(each.name for each in atlas.photographs)
        raise AtlasError(f'no photograph "{photograph}"; there are {names}')
    return figures.load(figure).bake(atlas, chosen)


def page_data(site: str | Path, figure: str, photograph: str) -> dict[str, Any]:
    """Return what a figure shows of a photograph, from a published site's folder.

    Raises
    ------
    AtlasError
        When the site has no such data.
    """
    path = Path(site) / "data" / photograph / f"{figure}.js"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise AtlasError(f"{path}: cannot be read ({error.strerror})") from error
    # atlas.register("build","key",VALUE);
    values = json.loads(f"[{text[text.index('(') + 1 : text.rindex(')')]}]")
    return dict(values[2])
