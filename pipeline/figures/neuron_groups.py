"""Neuron groups: a layer cut into a few groups, where each of them is, and what it does for the classes.

For a layer factorized into n groups: `presence` [n, H, W], the length of each group's part of the activations at each
position; the attribution `R[n, K]` of the groups to the logits, and `rest` [K], that of what the groups leave, so that
groups + rest = the layer's whole attribution. Several counts n of a layer are offered side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Photograph
from pipeline.config import Settings
from pipeline.figures import groupings
from pipeline.figures.classes import Prediction, leading
from pipeline.figures.packing import pack, pack_levels
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Interface, Presentation, Substrate, show
from pipeline.store import File

NAME = "neuron_groups"
TITLE = "The layer in a few groups"


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the groups of each layer that has some, and their attribution to the classes."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE))), *show(Activation(CLASSES))]
    for layer in groupings.layers(settings, layers):
        for count in groupings.counts(settings, layer):
            groups = groupings.substrate(layer, count)
            elements += show(Activation(groups), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
            elements += show(Attribution(groups, CLASSES))
    return Interface(NAME, tuple(elements))


def shown_layers(atlas: Atlas) -> tuple[str, ...]:
    """Return the layers whose groups the figure shows."""
    return groupings.layers(atlas.settings, [layer.name for layer in atlas.network.layers])


def first_layer(atlas: Atlas) -> str:
    """Return the layer that the figure opens with: the last that has groups, where they are nearest to things."""
    return shown_layers(atlas)[-1]


def directions(atlas: Atlas, photograph: Photograph) -> dict[str, dict[str, np.ndarray]]:
    """Return the directions of all groups of all counts."""
    found: dict[str, dict[str, np.ndarray]] = {}
    with atlas.image(photograph) as file:
        for layer in shown_layers(atlas):
            found[layer] = {}
            for count in groupings.counts(atlas.settings, layer):
                found[layer] |= groupings.read(file, groupings.substrate(layer, count)).directions
    return found


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return one picture for each group."""
    return {layer: set(vectors) for layer, vectors in directions(atlas, photograph).items()}


def opening(atlas: Atlas, photograph: Photograph) -> dict[str, list[str]]:
    """Return the pictures of the count that the figure opens with."""
    layer = first_layer(atlas)
    with atlas.image(photograph) as file:
        return {layer: list(_opening_factors(atlas, file, layer).units)}


def _opening_factors(atlas: Atlas, file: File, layer: str) -> groupings.Factors:
    return groupings.read(file, groupings.substrate(layer, groupings.opening(groupings.counts(atlas.settings, layer))))


def effect(file: File, groups: Substrate, classes: Sequence[Prediction]) -> tuple[np.ndarray, np.ndarray]:
    """Attribution of groups `[n, k]`, and of what they leave `[k]`, to the logits of some classes."""
    path, chosen = Attribution(groups, CLASSES).path, [prediction.index for prediction in classes]
    rest = file.values(f"residual/{path.removeprefix('attribution/')}/of_source")
    return file.values(path)[:, chosen].astype(np.float32), rest[chosen].astype(np.float32)


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes and, for each layer and count, pictures, maps and effects of the groups."""
    classes = leading(atlas, photograph)
    with atlas.image(photograph) as file:
        layers = [
            {
                "layer": layer,
                "count": groupings.opening(groupings.counts(atlas.settings, layer)),
                "factors": [_baked(file, groupings.substrate(layer, n), classes) for n in groupings.counts(atlas.settings, layer)],
            }
            for layer in shown_layers(atlas)
        ]
    return {"first": first_layer(atlas), "classes": [prediction.baked() for prediction in classes], "layers": layers}


def _baked(file: File, groups: Substrate, classes: Sequence[Prediction]) -> dict[str, Any]:
    factors = groupings.read(file, groups)
    values, rest = effect(file, groups, classes)
    return {
        "count": len(factors.units),
        "units": list(factors.units),
        "places": [groupings.place(presence) for presence in factors.presence],
        "presence": pack_levels(factors.presence),
        "explained": round(factors.explained, 4),
        "negative": round(factors.negative, 4),
        "effect": pack(values, "f4"),
        "rest": pack(rest, "f4"),
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the opening groups of the first photograph: pictures, where they are, and their effect on the first class."""
    photograph, name = atlas.photographs[0], first_layer(atlas)
    classes = leading(atlas, photograph)
    with atlas.image(photograph) as file:
        factors = _opening_factors(atlas, file, name)
        values, _ = effect(file, groupings.substrate(name, len(factors.units)), classes)
    groups: list[dict[str, Any]] = [
        {"unit": unit, "number": i + 1, "place": groupings.place(factors.presence[i]), "effect": float(values[i, 0])}
        for i, unit in enumerate(factors.units)
    ]
    strongest = max(groups, key=lambda group: abs(group["effect"]))
    return {"layer": atlas.layer(name), "groups": groups, "strongest": strongest, "classes": classes, "explained": factors.explained}
