"""Neuron groups: a layer in a few groups, where each of them is, and what it does for the classes.

For a layer factorized into n groups: `presence` `[n, H, W]`, the length of each group's part of the
activations at each position; the attribution `[n + 1, k]` of the groups, and last of the residual
that they leave, to the logits of k classes; and what these logits lose, measured, when one of them
is removed. Attributions that are shares sum to the logit less the logit with the layer at its
baseline. Several counts n of a layer are offered side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Photograph
from pipeline.config import Settings
from pipeline.grammar import (
    CLASSES,
    INPUT,
    WHOLE,
    Activation,
    AtBaseline,
    Attribution,
    Interface,
    Presentation,
    Removal,
    Substrate,
    show,
)
from pipeline.store import File
from pipeline.units import Unit
from pipeline.views import groups
from pipeline.views.classes import Prediction, at_baseline, top_classes
from pipeline.views.packing import pack, pack_levels
from pipeline.views.together import Together, strongest

NAME = "neuron_groups"
TITLE = "The layer in a few groups"


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the groups of each layer that has some, and what they do for the classes."""
    elements = [*show(Activation(Substrate(INPUT, WHOLE))), *show(Activation(CLASSES))]
    for layer in groups.layers(settings, layers):
        elements += show(AtBaseline(layer))
        for count in groups.counts(settings, layer):
            cut = groups.substrate(layer, count)
            elements += show(Activation(cut), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
            elements += [*show(Attribution(cut, CLASSES)), *show(Removal(cut, CLASSES))]
            for content in groups.coalitions(cut):
                elements += show(content)
    return Interface(NAME, tuple(elements))


def shown_layers(atlas: Atlas) -> tuple[str, ...]:
    """Return the layers whose groups the figure shows."""
    return groups.layers(atlas.settings, atlas.layer_names)


def first_layer(atlas: Atlas) -> str:
    """Return the layer that is shown first: the last one, where groups are closest to objects."""
    return shown_layers(atlas)[-1]


def first_groups(atlas: Atlas) -> Substrate:
    """Return the groups that are shown first."""
    layer = first_layer(atlas)
    return groups.substrate(layer, groups.first_count(groups.counts(atlas.settings, layer)))


# ------------------------------------------------------------------------- feature visualizations
def directions(atlas: Atlas, photograph: Photograph) -> dict[str, dict[Unit, np.ndarray]]:
    """Return the directions of all groups, for all counts."""
    cuts = [
        groups.substrate(layer, count)
        for layer in shown_layers(atlas)
        for count in groups.counts(atlas.settings, layer)
    ]
    with atlas.open(photograph) as file:
        return groups.directions(file, cuts)


def shown_first(atlas: Atlas, photograph: Photograph) -> dict[str, list[Unit]]:
    """Return the feature visualizations of the groups that are shown first."""
    cut = first_groups(atlas)
    with atlas.open(photograph) as file:
        return {cut.layer: list(groups.vectors(file, cut))}


# ------------------------------------------------------------------------------------- data, page
def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes and, for each layer and count, what there is to know about the groups."""
    classes = top_classes(atlas, photograph)
    layers = []
    with atlas.open(photograph) as file:
        for layer in shown_layers(atlas):
            counts = groups.counts(atlas.settings, layer)
            cuts = [groups.substrate(layer, count) for count in counts]
            layers.append(
                {
                    "layer": layer,
                    "count": groups.first_count(counts),
                    "baseline": at_baseline(file, layer, classes).astype(float).round(4).tolist(),
                    "factorizations": [_baked(file, cut, classes) for cut in cuts],
                }
            )
    return {
        "first": first_layer(atlas),
        "classes": [prediction.baked() for prediction in classes],
        "layers": layers,
    }


def _baked(file: File, cut: Substrate, classes: Sequence[Prediction]) -> dict[str, Any]:
    shown = groups.read(file, cut)
    attribution = groups.of_parts(file, Attribution(cut, CLASSES), classes)
    removal = groups.of_parts(file, Removal(cut, CLASSES), classes)
    return {
        "count": len(shown.units),
        "units": [str(unit) for unit in shown.units],
        "positions": shown.positions,
        "presence": pack_levels(shown.presence),
        "explained": round(shown.explained, 4),
        "negative": round(shown.negative, 4),
        "share": pack(attribution, "f4"),
        "removal": pack(removal, "f4"),
        "together": [each.baked() for each in _together(file, cut, classes)],
    }


def _together(file: File, cut: Substrate, classes: Sequence[Prediction]) -> tuple[Together, ...]:
    """Return the strongest interaction for each class; none where there are too many parts."""
    return tuple(
        found for content in groups.coalitions(cut) for found in strongest(file, content, classes)
    )


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the first groups of the first photograph, and what they do for its top class."""
    photograph, cut = atlas.photographs[0], first_groups(atlas)
    classes = top_classes(atlas, photograph)
    with atlas.open(photograph) as file:
        shown = groups.read(file, cut)
        attribution = groups.of_parts(file, Attribution(cut, CLASSES), classes)[:, 0]
        removal = groups.of_parts(file, Removal(cut, CLASSES), classes)[:, 0]
        baseline = float(at_baseline(file, cut.layer, classes)[0])
    described: list[dict[str, Any]] = [
        {
            "unit": unit,
            "number": i + 1,
            "position": position,
            "attribution": float(attribution[i]),
            "removal": float(removal[i]),
        }
        for i, (unit, position) in enumerate(zip(shown.units, shown.positions, strict=True))
    ]
    return {
        "layers": shown_layers(atlas),
        "layer": atlas.layer(cut.layer),
        "groups": described,
        "strongest": max(described, key=lambda group: abs(group["attribution"])),
        "residual": {"attribution": float(attribution[-1]), "removal": float(removal[-1])},
        "whole": float(attribution.sum()),
        "baseline": baseline,
        "classes": classes,
        "explained": shown.explained,
    }
