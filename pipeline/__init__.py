"""Building Blocks: an atlas of what an image classifier sees, as a static web site.

The package is cut along the grammar of "The Building Blocks of Interpretability" (Olah et al.,
Distill 2018): `grammar` names what a figure shows, `plan` turns the figures that were chosen into
the contents to compute, `build` computes and stores them phase by phase, `figures` and `website`
turn the store into a site.

For notebooks and scripts, `import pipeline as bb` offers the functions of `pipeline.api`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.api import (
        Attribution,
        Groups,
        Picture,
        Pictures,
        activation_grid,
        activations,
        attribute,
        factorize,
        figure_data,
        load,
        open_atlas,
        page_data,
        photograph,
        predict,
        render,
        unpack,
        wrap,
    )

__version__ = "0.1.0"

__all__ = [
    "Attribution",
    "Groups",
    "Picture",
    "Pictures",
    "activation_grid",
    "activations",
    "attribute",
    "factorize",
    "figure_data",
    "load",
    "open_atlas",
    "page_data",
    "photograph",
    "predict",
    "render",
    "unpack",
    "wrap",
]


def __getattr__(name: str) -> Any:
    # Loaded when first used: commands that need no torch start at once.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("pipeline.api"), name)
