"""The figures: one file each, listed in one table.

A figure is a module with

- `NAME`, the one name it has in `pipeline/figures/NAME.py`, `templates/figures/NAME.html.j2`,
  `templates/static/figures/NAME.js` and `tests/browser/test_NAME.py`, and `TITLE`, its heading;
- `interface(layers, settings) -> Interface`: what it shows, in the terms of the grammar, of the
  display layers (in the order in which they run). The plan is the union of these;
- `bake(atlas, photograph) -> dict`: what the browser gets for a photograph. It can be written as
  JSON; arrays are packed by `pipeline.views.packing`;
- `page(atlas) -> dict`: what its template gets besides the atlas.

A figure that shows feature visualizations also has

- `visualizations(atlas, photograph) -> {layer: {Unit, …}}`: those that it needs for a photograph,
  known once the photograph's contents are computed;
- `shown_first(atlas, photograph) -> {layer: [Unit, …]}`, optional: those that are seen before the
  reader does anything. The site packs them together, so that few bytes travel first;
- `directions(atlas, photograph) -> {layer: {Unit: vector f4 [C]}}`, where it shows directions; if
  it shows nothing else, it needs no `visualizations`.

A figure with much that few readers look at may have `bake_later(atlas, photograph) -> {part:
dict}`, what the browser asks for by `this.more(part)`.

Figures read the store and never a network, and none imports another: what several have in common
is in `pipeline.views`. Nothing here imports torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from pipeline.errors import AtlasError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from pipeline.atlas import Atlas, Photograph
    from pipeline.config import Settings
    from pipeline.grammar import Interface
    from pipeline.units import Unit

# In page order; a name more is a figure more.
FIGURES: tuple[str, ...] = (
    "opening",
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
    "switchboard",
    "design_space",
    "trust",
)

T = TypeVar("T")


class Figure(Protocol):
    """What every figure's module offers; the module's text lists what else it may offer."""

    NAME: str
    TITLE: str

    def interface(self, layers: Sequence[str], settings: Settings) -> Interface:
        """Return what the figure shows."""

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
        hint = did_you_mean(name, FIGURES) or ";"
        raise AtlasError(f'no figure "{name}"{hint} known are {", ".join(FIGURES)}')
    return cast(Figure, importlib.import_module(f"pipeline.figures.{name}"))


def chosen(names: Sequence[str] | None = None) -> tuple[Figure, ...]:
    """Return the figures named, or all of them, in page order."""
    wanted = FIGURES if names is None else names
    modules = {name: load(name) for name in wanted}
    return tuple(modules[name] for name in FIGURES if name in modules)


def interfaces(layers: Sequence[str], settings: Settings) -> dict[str, Interface]:
    """Return what each figure shows of these display layers, in page order."""
    return {name: load(name).interface(tuple(layers), settings) for name in FIGURES}


def visualizations(figure: Figure, atlas: Atlas, photograph: Photograph) -> Mapping[str, set[Unit]]:
    """Return the feature visualizations that a figure needs, by layer; some need none."""
    if hasattr(figure, "visualizations"):
        return _optional(figure, "visualizations", atlas, photograph, {})
    nothing: dict[str, dict[Unit, np.ndarray]] = {}
    shown = _optional(figure, "directions", atlas, photograph, nothing)
    return {layer: set(vectors) for layer, vectors in shown.items()}


def shown_first(figure: Figure, atlas: Atlas, photograph: Photograph) -> Mapping[str, list[Unit]]:
    """Return the feature visualizations that are seen before the reader does anything."""
    return _optional(figure, "shown_first", atlas, photograph, {})


def later(figure: Figure, atlas: Atlas, photograph: Photograph) -> Mapping[str, dict[str, Any]]:
    """Return what the browser gets only when it asks for it, by the part's name; mostly nothing."""
    return _optional(figure, "bake_later", atlas, photograph, {})


def directions_of(
    shown: Sequence[Figure], atlas: Atlas, photograph: Photograph
) -> dict[str, dict[Unit, np.ndarray]]:
    """Return the vectors f4 `[C]` of the directions that figures show of a photograph.

    Returns
    -------
    dict
        Layer → unit → vector.
    """
    found: dict[str, dict[Unit, np.ndarray]] = {layer: {} for layer in atlas.layer_names}
    nothing: dict[str, dict[Unit, np.ndarray]] = {}
    for figure in shown:
        of_figure = _optional(figure, "directions", atlas, photograph, nothing)
        for layer, vectors in of_figure.items():
            found[layer].update(vectors)
    return found


def _optional(figure: Figure, name: str, atlas: Atlas, photograph: Photograph, default: T) -> T:
    function = getattr(figure, name, None)
    return default if function is None else cast(T, function(atlas, photograph))
