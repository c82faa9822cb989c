"""Notebooks that reproduce the figures: one for each, from `templates/notebooks`.

A notebook opens the photograph's HDF5 file, computes the figure's numbers again, draws them, and
asserts that they are those on the page. The sources are Python files in which `# %%` begins a cell
and `# %% [markdown]` a text; what they all need stands in front.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.atlas import Atlas
from pipeline.figures import Figure
from pipeline.views import trust

FOLDER = "notebooks"

_FIRST = """\
import h5py
import matplotlib.pyplot as plt
import numpy as np

import pipeline as bb

# Where things are: the published site, what was computed, and the configuration.
SITE = {site!r}
STORE = {store!r}
CONFIG = {config!r}
PHOTOGRAPH = {photograph!r}
LAYERS = {layers!r}
METHOD = {method!r}
{tried}

def same(shown, found, tolerance):
    np.testing.assert_allclose(shown, found, rtol=0, atol=tolerance)


page = bb.page_data(SITE, {figure!r}, PHOTOGRAPH)
h5 = h5py.File(f"{{STORE}}/images/{{PHOTOGRAPH}}.h5", "r")"""


@dataclass(frozen=True)
class Paths:
    """Where a notebook finds things, as seen from where it is opened.

    Attributes
    ----------
    site, store, config
        The site's folder, the atlas's folder in the store, and the configuration file.
    """

    site: str
    store: str
    config: str


def notebooks(
    atlas: Atlas, shown: Sequence[Figure], templates: Path, paths: Paths
) -> Iterator[tuple[str, str]]:
    """Yield the path in the site and the contents of each figure's notebook.

    Parameters
    ----------
    atlas, shown
        What is baked; figures without a source have no notebook.
    templates
        The templates' folder.
    paths
        What the notebooks open.
    """
    for figure in shown:
        source = templates / FOLDER / f"{figure.NAME}.py"
        if source.is_file():
            first = _first(atlas, figure, paths)
            intro = f"# {figure.TITLE}\n\n{atlas.settings.title}, {atlas.network.title}"
            cells = [
                ("markdown", intro),
                ("code", first),
                *split(source.read_text(encoding="utf-8")),
            ]
            yield path(figure), notebook(figure.NAME, cells)


def opened(atlas: Atlas) -> Iterator[Path]:
    """Yield the files of the store that notebooks open, for any photograph."""
    for photograph in atlas.photographs:
        yield atlas.store.photograph_path(photograph.name)
    for name in trust.current(atlas, trust.PHOTOGRAPH):
        yield trust.path_of(atlas.store, (trust.PHOTOGRAPH, name))


def path(figure: Figure) -> str:
    """Return the path of a figure's notebook in the site, whether or not it has one."""
    return f"{FOLDER}/{figure.NAME}.ipynb"


def split(source: str) -> Iterator[tuple[str, str]]:
    """Yield kind and text of each cell of a Python file with `# %%` lines."""
    kind, lines = "code", list[str]()
    for line in [*source.splitlines(), "# %%"]:
        if not line.startswith("# %%"):
            lines.append(line)
            continue
        text = "\n".join(lines).strip("\n")
        if text:
            yield kind, _uncommented(text) if kind == "markdown" else text
        kind, lines = ("markdown" if "[markdown]" in line else "code"), []


def notebook(name: str, cells: Sequence[tuple[str, str]]) -> str:
    """Return a notebook (nbformat 4.5) as JSON.

    Parameters
    ----------
    name
        What the cells' identities begin with.
    cells
        Kind, "code" or "markdown", and text of each.
    """
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = {
        "cells": [_cell(f"{name}-{i}", kind, text) for i, (kind, text) in enumerate(cells)],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _cell(identity: str, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": identity.replace("_", "-"),
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def _uncommented(text: str) -> str:
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())


def _first(atlas: Atlas, figure: Figure, paths: Paths) -> str:
    settings = atlas.settings.attribution
    asked = {"method": settings.method, "steps": settings.steps, "paths": settings.paths}
    # The one figure that is about several photographs at once has to know which.
    names = trust.current(atlas, trust.PHOTOGRAPH) if figure.NAME == "trust" else []
    tried = f"TRIED = {names!r}\n" if figure.NAME == "trust" else ""
    return _FIRST.format(
        tried=tried,
        site=paths.site,
        store=paths.store,
        config=paths.config,
        photograph=atlas.photographs[0].name,
        layers=list(atlas.layer_names),
        method={**asked, "seed": settings.seed},
        figure=figure.NAME,
    )
