"""The public functions: what an atlas is made with, for notebooks and scripts of your own.

`import pipeline as bb` offers the same names. `load` and `wrap` give a network; `activations`,
`attribute`, `factorize`, `render` and `activation_grid` ask it something about a photograph, which
may be a path, a PIL image or an array; `open_atlas` reads one that has been built. Results are
plain values with arrays, and a notebook shows them as pictures.

    networks        a configuration or a module → `Network`
    photographs     a path, an image or an array → pixels of the network's size
    attributions, groups, visualizations    one question each
    atlases         what has been built
    display         results as HTML and PNG
"""

from __future__ import annotations

from pipeline.api.atlases import figure_data, open_atlas, page_data, unpack
from pipeline.api.attributions import Attribution, attribute
from pipeline.api.groups import Groups, factorize
from pipeline.api.networks import activations, load, predict, wrap
from pipeline.api.photographs import photograph
from pipeline.api.visualizations import Picture, Pictures, activation_grid, render

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
