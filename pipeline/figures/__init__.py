"""The figures: one file each, listed in one table.

A figure's module has

- `NAME`, the one name it carries in `pipeline/figures/NAME.py`, `templates/figures/NAME.html.j2`,
  `templates/static/figures/NAME.js` and `tests/browser/test_NAME.py`, and `TITLE`, its heading;
- `interface(layers, settings) -> Interface`: what it shows, in the grammar's terms, for the display layers named in
  `layers` (in the order in which they run); the plan is the union of these;
- `units(atlas, photograph) -> {layer: {unit, …}}`: the feature visualizations it needs for one photograph, known once
  the photograph's contents are computed;
- `opening(atlas, photograph) -> {layer: [unit, …]}`, which a figure may leave out: those of its pictures that are seen
  before the reader does anything; the site packs them together so that few bytes travel first;
- `directions(atlas, photograph) -> {layer: {unit: vector f4 [C]}}`, only for figures that show pictures of directions
  (groups): the vectors of such units, which are named by `pipeline.figures.units.direction_unit`;
- `bake(atlas, photograph) -> dict`: what the browser gets, JSON-able, with arrays packed by `pipeline.figures.packing`;
- `page(atlas) -> dict`: what its template gets besides the atlas.

Figures read the store and never a network; nothing here imports torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from pipeline.errors import AtlasError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from pipeline.atlas import Atlas, Photograph
    from pipeline.config import Settings
    from pipeline.grammar import Interface

FIGURES: tuple[str, ...] = (
    "predictions",
    "class_comparison",
    "activation_cube",
    "semantic_dictionary",
    "activation_vector",
    "activation_grids",
    "spatial_attribution",
    "channel_attribution",
    "neuron_groups",
    "group_flow",
    "design_space",
)  # in page order; a name more is a figure more


class Figure(Protocol):
    """What a figure's module offers; see the module's text."""

    NAME: str
    TITLE: str

    def interface(self, layers: Sequence[str], settings: Settings) -> Interface:
        """Return what the figure shows."""

    def units(self, atlas: Atlas, photograph: Photograph) -> Mapping[str, set[str]]:
        """Return the pictures it needs, by layer."""

    def bake(self, atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
        """Return what the browser gets for one photograph."""

    def page(self, atlas: Atlas) -> dict[str, Any]:
        """Return what the template gets besides the atlas."""


def load(name: str) -> Figure:
    """Import a figure by its name.

    Raises
    ------
    AtlasError
        When the table holds no such figure.
    """
    if name not in FIGURES:
        hint = did_you_mean(name, FIGURES)
        raise AtlasError(f'no figure "{name}"{hint or ";"} known are: {", ".join(FIGURES)}')
    return cast(Figure, importlib.import_module(f"pipeline.figures.{name}"))


def chosen(names: Sequence[str] | None) -> tuple[Figure, ...]:
    """Return the figures named, or all of them, in page order."""
    modules = {name: load(name) for name in names if name} if names is not None else {name: load(name) for name in FIGURES}
    return tuple(modules[name] for name in FIGURES if name in modules)


def directions(shown: Sequence[Figure], atlas: Atlas) -> dict[str, dict[str, np.ndarray]]:
    """Return the vectors f4 [C] of the directions that figures show, of all photographs, by layer and unit."""
    found: dict[str, dict[str, np.ndarray]] = {layer.name: {} for layer in atlas.network.layers}
    for figure in shown:
        if not hasattr(figure, "directions"):  # it shows channels only
            continue
        for photograph in atlas.photographs:
            for layer, vectors in figure.directions(atlas, photograph).items():
                found[layer].update(vectors)
    return found


def opening(figure: Figure, atlas: Atlas, photograph: Photograph) -> Mapping[str, Sequence[str]]:
    """Return the pictures seen before the reader does anything; none for a figure that does not say."""
    function = getattr(figure, "opening", None)
    return cast(Mapping[str, Sequence[str]], function(atlas, photograph)) if function else {}
