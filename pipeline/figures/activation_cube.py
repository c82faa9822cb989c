"""The activation cube: one layer's answer to the photograph, and the ways of cutting it into atoms.

The cube is `a[C, H, W]`. An atom of it is one neuron a[c, y, x], one place a[:, y, x], one channel a[c], or one group of
neurons that act together (of those layers that are factorized). Baked are: the length of the vector at every place
`[H, W]`, the `CHANNELS` channels with the largest sums with their maps, and of each group of one factorization its
presence `[n, H, W]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline import figures
from pipeline.atlas import Atlas, Layer, Photograph
from pipeline.config import Settings
from pipeline.figures import groupings, semantic_dictionary
from pipeline.figures.packing import pack, pack_levels
from pipeline.grammar import INPUT, Activation, Atom, Attribution, Content, Interface, Substrate, show
from pipeline.store import File

NAME = "activation_cube"
TITLE = "One layer, four ways to cut it"

CHANNELS = 6

ATOMS: tuple[tuple[Atom, str], ...] = (
    (Atom.NEURON, "Neurons"),
    (Atom.SPATIAL, "Places"),
    (Atom.CHANNEL, "Channels"),
    (Atom.GROUP, "Groups"),
)


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return every layer cut into neurons, places, channels and, where it has them, groups."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE)))]
    for layer in layers:
        for atom in (Atom.NEURON, Atom.SPATIAL, Atom.CHANNEL):
            elements += show(Activation(Substrate(layer, atom)))
    for layer in groupings.layers(settings, layers):
        elements += show(Activation(_groups(settings, layer)))
    return Interface(NAME, tuple(elements))


def _groups(settings: Settings, layer: str) -> Substrate:
    return groupings.substrate(layer, groupings.opening(groupings.counts(settings, layer)))


def _grouped(atlas: Atlas) -> tuple[str, ...]:
    return groupings.layers(atlas.settings, [layer.name for layer in atlas.network.layers])


def first_layer(atlas: Atlas) -> Layer:
    """Return the layer that the figure opens with: the last that can be cut in all four ways."""
    return atlas.layer(_grouped(atlas)[-1])


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return no pictures: this figure shows activations only."""
    return {}


def strongest(a: np.ndarray) -> list[int]:
    """Return the channels of `a[C, H, W]` with the largest sums, largest first."""
    return [int(c) for c in np.argsort(-a.sum(axis=(1, 2)), kind="stable")[:CHANNELS]]


def liveliest(length: np.ndarray) -> list[int]:
    """Return row and column of the longest vector of `length[H, W]` inside the border, which padding disturbs."""
    border = 1 if min(length.shape) > 4 else 0
    inner = length[border : length.shape[0] - border, border : length.shape[1] - border]
    return [int(i) + border for i in np.unravel_index(int(inner.argmax()), inner.shape)]


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return for each layer its places, some channels and its groups."""
    grouped = _grouped(atlas)
    with atlas.image(photograph) as file:
        layers = [_baked(file, atlas.settings, layer, layer.name in grouped) for layer in atlas.network.layers]
    return {"first": first_layer(atlas).name, "layers": layers}


def _baked(file: File, settings: Settings, layer: Layer, grouped: bool) -> dict[str, Any]:
    a = file.values(Activation(Substrate(layer.name, Atom.NEURON)).path).astype(np.float32)
    channels = strongest(a)
    length = np.linalg.norm(a, axis=0)
    return {
        "layer": layer.name,
        "cell": liveliest(length),
        "length": pack(length, "f4"),
        "channels": channels,
        "maps": pack(a[channels], "f2"),
        "summed": pack(a[channels].sum(axis=(1, 2), dtype=np.float64), "f4"),
        "groups": _baked_groups(file, settings, layer) if grouped else None,
        "block": semantic_dictionary.cells(file, layer, settings).block,
    }


def _baked_groups(file: File, settings: Settings, layer: Layer) -> dict[str, Any]:
    factors = groupings.read(file, _groups(settings, layer.name))
    return {"count": len(factors.units), "presence": pack_levels(factors.presence), "explained": round(factors.explained, 4)}


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the atoms, which figures use them, and an example for the text and for readers without JavaScript."""
    layer, photograph = first_layer(atlas), atlas.photographs[0]
    channels, height, width = layer.shape
    with atlas.image(photograph) as file:
        a = file.values(Activation(Substrate(layer.name, Atom.NEURON)).path).astype(np.float32)
        groups = groupings.read(file, _groups(atlas.settings, layer.name))
    c, y, x = (int(i) for i in np.unravel_index(int(a.argmax()), a.shape))
    return {
        "layer": layer,
        "neurons": channels * height * width,
        "strongest": (c, y, x, float(a[c, y, x])),
        "atoms": [(str(atom), title) for atom, title in ATOMS],
        "channels": CHANNELS,
        "groups": len(groups.units),
        "uses": {str(atom): _using(atlas, atom) for atom, _ in ATOMS},
        "matrix": (*RIGHT, *FRONT, *ORIGIN),
        "size": SIZE,
        "drawings": _drawings(y / height, x / width, 1 / height, 1 / width, c / channels),
    }


def _using(atlas: Atlas, atom: Atom) -> list[str]:
    """Names of the figures that show a hidden layer cut into this kind of atom."""
    names = [layer.name for layer in atlas.network.layers]
    found = []
    for name in figures.FIGURES:
        contents = figures.load(name).interface(names, atlas.settings).contents
        if name != NAME and any(each.atom is atom and each.layer in names for content in contents for each in _substrates(content)):
            found.append(name)
    return found


def _substrates(content: Content) -> tuple[Substrate, ...]:
    return (content.source, content.target) if isinstance(content, Attribution) else (content.substrate,)


# ------------------------------------------------------------------------------------------------ without JavaScript
# The cube stands on the photograph: u to the right, v to the front, h upwards, all 0…1; as in activation_cube.js.
SIZE, ORIGIN, RIGHT, FRONT, UP, FLOOR = (300, 295), (120, 177), (165, 48), (-105, 62), 165, 0.28


def _point(u: float, v: float, h: float) -> str:
    height = (FLOOR + (1 - FLOOR) * h) * UP
    x = ORIGIN[0] + u * RIGHT[0] + v * FRONT[0]
    y = ORIGIN[1] + u * RIGHT[1] + v * FRONT[1] - height
    return f"{x:.1f},{y:.1f}"


def faces(u: tuple[float, float], v: tuple[float, float], h: tuple[float, float]) -> list[str]:
    """Return the points of the three faces of a box that are seen: top, front left, front right."""
    (u0, u1), (v0, v1), (h0, h1) = u, v, h
    quads = (
        ((u0, v0, h1), (u1, v0, h1), (u1, v1, h1), (u0, v1, h1)),
        ((u0, v1, h0), (u1, v1, h0), (u1, v1, h1), (u0, v1, h1)),
        ((u1, v0, h0), (u1, v1, h0), (u1, v1, h1), (u1, v0, h1)),
    )
    return [" ".join(_point(*corner) for corner in quad) for quad in quads]


def _drawings(v: float, u: float, dv: float, du: float, h: float) -> dict[str, list[str]]:
    """Return the faces of one atom of each kind, and of the whole cube, for a neuron at a place of the cube."""
    across, along, thin = (u, u + du), (v, v + dv), (h, min(1.0, h + 0.03))
    whole = (0.0, 1.0)
    return {
        str(Atom.WHOLE): faces(whole, whole, whole),
        str(Atom.NEURON): faces(across, along, thin),
        str(Atom.SPATIAL): faces(across, along, whole),
        str(Atom.CHANNEL): faces(whole, whole, thin),
    }
