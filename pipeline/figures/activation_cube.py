"""The activation cube: a layer's response to the photograph, and the ways of cutting it into atoms.

The cube is `a[C, H, W]`. An atom of it is one neuron a[c, y, x], one position a[:, y, x], one
channel a[c], or, in layers that are factorized, one group of neurons that are active together.
Baked are the length of the vector at every position `[H, W]`, the maps of the `CHANNELS` channels
with the largest sums, and the presence `[n, H, W]` of each group of one factorization.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.grammar import (
    CHANNEL,
    INPUT,
    NEURON,
    SPATIAL,
    WHOLE,
    Activation,
    Atom,
    Group,
    Interface,
    Substrate,
    show,
)
from pipeline.store import File
from pipeline.views import cells, groups
from pipeline.views.packing import pack, pack_levels

NAME = "activation_cube"
TITLE = "One layer, four ways to cut it"

CHANNELS = 6

# The kinds of atoms that the figure draws, in the order of its four drawings.
KINDS: tuple[type[Atom], ...] = (type(NEURON), type(SPATIAL), type(CHANNEL), Group)


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return every layer cut into neurons, positions, channels and, where it has them, groups."""
    elements = [*show(Activation(Substrate(INPUT, WHOLE)))]
    for layer in layers:
        for atom in (NEURON, SPATIAL, CHANNEL):
            elements += show(Activation(Substrate(layer, atom)))
    for layer in groups.layers(settings, layers):
        elements += show(Activation(_groups_shown(settings, layer)))
    return Interface(NAME, tuple(elements))


def _groups_shown(settings: Settings, layer: str) -> Substrate:
    return groups.substrate(layer, groups.first_count(groups.counts(settings, layer)))


def first_layer(atlas: Atlas) -> Layer:
    """Return the layer that is shown first: the last that can be cut in all four ways."""
    return atlas.layer(groups.layers(atlas.settings, atlas.layer_names)[-1])


def strongest_channels(a: np.ndarray) -> list[int]:
    """Return the channels of `a[C, H, W]` with the largest sums, largest first."""
    return [int(c) for c in np.argsort(-a.sum(axis=(1, 2)), kind="stable")[:CHANNELS]]


# ----------------------------------------------------------------------------- for the browser
def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return for each layer its positions, some channels and its groups."""
    factorized = groups.layers(atlas.settings, atlas.layer_names)
    with atlas.open(photograph) as file:
        layers = [
            _baked(file, atlas.settings, layer, layer.name in factorized)
            for layer in atlas.network.layers
        ]
    return {"first": first_layer(atlas).name, "layers": layers}


def _baked(file: File, settings: Settings, layer: Layer, factorized: bool) -> dict[str, Any]:
    a = _cube(file, layer)
    channels = strongest_channels(a)
    length = np.linalg.norm(a, axis=0)
    return {
        "layer": layer.name,
        "cell": list(cells.longest(length)),
        "length": pack(length, "f4"),
        "channels": channels,
        "maps": pack(a[channels], "f2"),
        "summed": pack(a[channels].sum(axis=(1, 2), dtype=np.float64), "f4"),
        "groups": _baked_groups(file, settings, layer) if factorized else None,
        "block": cells.read(file, layer, settings).block,
    }


def _cube(file: File, layer: Layer) -> np.ndarray:
    return file.values(Activation(Substrate(layer.name, NEURON)).path).astype(np.float32)


def _baked_groups(file: File, settings: Settings, layer: Layer) -> dict[str, Any]:
    found = groups.read(file, _groups_shown(settings, layer.name))
    return {
        "count": len(found.units),
        "presence": pack_levels(found.presence),
        "explained": round(found.explained, 4),
    }


# ---------------------------------------------------------------------------- for the template
def page(atlas: Atlas) -> dict[str, Any]:
    """Return the kinds of atoms, which figures use them, and an example of each but the group."""
    layer = first_layer(atlas)
    channels, height, width = layer.shape
    with atlas.open(atlas.photographs[0]) as file:
        a = _cube(file, layer)
        signed = any((_cube(file, each) < 0).any() for each in atlas.network.layers)
    c, y, x = (int(i) for i in np.unravel_index(int(a.argmax()), a.shape))
    return {
        "layer": layer,
        "neurons": channels * height * width,
        "strongest": (c, y, x, float(a[c, y, x])),
        "ties": int((a == a[c, y, x]).sum()),
        "atoms": [(kind.name, kind.plural.capitalize()) for kind in KINDS],
        "channels": CHANNELS,
        "signed": signed,
        "uses": {kind.name: _figures_with(atlas, kind) for kind in KINDS},
        "matrix": (*RIGHT, *FRONT, *ORIGIN),
        "size": SIZE,
        "drawings": _drawings(
            across=(x / width, (x + 1) / width),
            along=(y / height, (y + 1) / height),
            lowest=c / channels,
        ),
    }


def _figures_with(atlas: Atlas, kind: type[Atom]) -> list[str]:
    """Names of the figures that show a display layer cut into this kind of atom."""
    return [
        name
        for name, interface in atlas.interfaces.items()
        if name != NAME
        and any(
            isinstance(substrate.atom, kind) and substrate.layer in atlas.layer_names
            for content in interface.contents
            for substrate in content.substrates
        )
    ]


# --------------------------------------------------------------- drawings without JavaScript
# The cube stands on the photograph: u to the right, v to the front, h upwards, all from 0 to 1.
# templates/static/later/cube_geometry.js projects in the same way; the tests of both share corners.
SIZE = (300, 295)
ORIGIN = (120, 177)
RIGHT = (165, 48)
FRONT = (-105, 62)
UP = 165
FLOOR = 0.28  # height of h = 0 above the photograph, as a share of UP

Span = tuple[float, float]
WHOLE_SPAN: Span = (0.0, 1.0)
THICKNESS = 0.03  # of a drawn channel, which would be too thin to see


def point(u: float, v: float, h: float) -> str:
    """Project a point of the cube, as SVG writes it: "x,y" in pixels."""
    height = (FLOOR + (1 - FLOOR) * h) * UP
    x = ORIGIN[0] + u * RIGHT[0] + v * FRONT[0]
    y = ORIGIN[1] + u * RIGHT[1] + v * FRONT[1] - height
    return f"{x:.1f},{y:.1f}"


def faces(u: Span, v: Span, h: Span) -> list[str]:
    """Return the corners of the three visible faces of a box: top, front left, front right."""
    (u0, u1), (v0, v1), (h0, h1) = u, v, h
    quads = (
        ((u0, v0, h1), (u1, v0, h1), (u1, v1, h1), (u0, v1, h1)),
        ((u0, v1, h0), (u1, v1, h0), (u1, v1, h1), (u0, v1, h1)),
        ((u1, v0, h0), (u1, v1, h0), (u1, v1, h1), (u1, v0, h1)),
    )
    return [" ".join(point(*corner) for corner in quad) for quad in quads]


def _drawings(across: Span, along: Span, lowest: float) -> dict[str, list[str]]:
    """Return the faces of the whole cube, and of the atoms that hold a neuron, by kind of atom."""
    thin = (lowest, min(1.0, lowest + THICKNESS))
    return {
        WHOLE.name: faces(WHOLE_SPAN, WHOLE_SPAN, WHOLE_SPAN),
        NEURON.name: faces(across, along, thin),
        SPATIAL.name: faces(across, along, WHOLE_SPAN),
        CHANNEL.name: faces(WHOLE_SPAN, WHOLE_SPAN, thin),
    }
