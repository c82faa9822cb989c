"""The datasets of the store: how each kind of content is kept, with dimensions, types and units.

Whatever computes a quantity gives plain arrays to a function of this module and gets the datasets
to write: name → `Array`. `pipeline.store` lists them.

Symbols: C channels, H × W positions, K classes, n groups, B feature visualizations of side S.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays import Array, float16
from pipeline.grammar import (
    Activation,
    AtBaseline,
    Attribution,
    Between,
    Coalitions,
    Concentration,
    Saliency,
    Sign,
)

if TYPE_CHECKING:
    from pipeline.factorization import Factorization

Datasets = dict[str, Array]


def pixels(content: Activation, values: np.ndarray) -> Datasets:
    """The photograph as the network gets it, uint8 `[H, W, 3]`."""
    return {content.path: Array(values, ("y", "x", "rgb"), "0…255")}


def activation(content: Activation, values: np.ndarray) -> Datasets:
    """A layer's cube `[C, H, W]`, kept in half precision, or the logits `[K]`."""
    if values.ndim == 1:
        return {content.path: Array(values, ("class",), "logits")}
    return {content.path: Array(float16(values), ("channel", "y", "x"), "activation")}


def groups(content: Activation, found: Factorization) -> Datasets:
    """A factorization into n groups: where they are, what they are, and what they leave out."""
    arrays = {
        "spatial": Array(found.spatial, ("group", "y", "x"), "activation"),
        "channels": Array(found.channels, ("group", "channel")),
        "magnitude": Array(found.magnitude, ("group",), "activation"),
        "residual": Array(found.residual, ("y", "x"), "norm of activations"),
        "explained": Array(
            np.array(found.explained, np.float32), (), "share of squared activations"
        ),
        "negative": Array(
            np.array(found.negative, np.float32), (), "share of absolute activations"
        ),
    }
    return {f"{content.path}/{name}": array for name, array in arrays.items()}


def between(content: Between, values: np.ndarray) -> Datasets:
    """Attributions or removals, the source's dimensions first; those of residuals apart from them.

    Parameters
    ----------
    content
        What was computed.
    values
        Source dimensions, then target dimensions. An atom that leaves a residual has it as its last
        entry. Kept in half precision, but for groups, of which there are few.
    """
    dims, units = content.dims, content.target.units
    from_residual = content.source.atom.leaves_residual
    to_residual = content.target.atom.leaves_residual
    if not (from_residual or to_residual):
        return {content.path: Array(float16(values), dims, units)}
    split = len(content.source.dims)
    atoms = values[:-1] if from_residual else values
    arrays = {content.path: Array(atoms[..., :-1] if to_residual else atoms, dims, units)}
    if from_residual:
        residual = values[-1][..., :-1] if to_residual else values[-1]
        arrays[content.residual_of_source] = Array(residual, dims[split:], units)
    if to_residual:
        arrays[content.residual_of_target] = Array(atoms[..., -1], dims[:split], units)
    if from_residual and to_residual:
        arrays[content.residual_of_both] = Array(values[-1, -1].reshape(()), (), units)
    return arrays


def gap(content: Attribution, values: np.ndarray) -> Datasets:
    """What contributions lack to the change of the score: the target's dimensions."""
    split = len(content.source.dims)
    return {content.gap: Array(values, content.dims[split:], content.target.units)}


def coalitions(content: Coalitions, values: np.ndarray) -> Datasets:
    """The logits `[2^(n + 1), K]` for every subset of groups and residual."""
    return {content.path: Array(values.astype(np.float32), ("coalition", "class"), "logits")}


def at_baseline(content: AtBaseline, values: np.ndarray) -> Datasets:
    """The logits `[K]` with a layer at its baseline."""
    return {content.path: Array(values.astype(np.float32), ("class",), "logits")}


def concentration(
    content: Concentration, compatible: np.ndarray, independent: np.ndarray
) -> Datasets:
    """The concentration `[n]` of compatible groups, and of as many independent ones."""
    units = "share of attribution"
    return {
        content.path: Array(compatible, ("group",), units),
        content.independent: Array(independent, ("group",), units),
    }


def saliency(
    content: Saliency,
    classes: np.ndarray,
    shares: Mapping[Sign, np.ndarray],
    spatial: Mapping[Sign, Mapping[str, np.ndarray]],
) -> Datasets:
    """Factors of the attributions to k classes.

    Parameters
    ----------
    content
        What was computed.
    classes
        Integers `[k]`.
    shares
        Sign → `[factor, k]`.
    spatial
        Sign → layer → `[factor, y, x]`.
    """
    arrays = {content.classes: Array(classes.astype(np.int32), ("class",))}
    for sign, values in shares.items():
        arrays[content.shares(sign)] = Array(values, ("factor", "class"))
    for sign, by_layer in spatial.items():
        for layer, maps in by_layer.items():
            array = Array(maps, ("factor", "y", "x"), "mean attribution = 1")
            arrays[content.spatial(sign, layer)] = array
    return arrays


def visualizations(
    pictures: np.ndarray, objective: np.ndarray, activation: np.ndarray, alive: np.ndarray
) -> Datasets:
    """Feature visualizations uint8 `[B, S, S, 3 or 4]` and, `[B]` each, how well they do."""
    colours = "rgb" if pictures.shape[-1] == 3 else "rgba"
    return {
        "pictures": Array(pictures, ("picture", "y", "x", colours), "0…255"),
        "objective": Array(objective, ("picture",), "activation"),
        "activation": Array(activation, ("picture",), "activation"),
        "alive": Array(alive, ("picture",)),
    }


def grid(cells: np.ndarray, likeness: np.ndarray, alive: np.ndarray) -> Datasets:
    """An activation grid uint8 `[H, W, S, S, 3]` and, `[H, W]` each, how well its cells do."""
    return {
        "cells": Array(cells, ("y", "x", "cell_y", "cell_x", "rgb"), "0…255"),
        "likeness": Array(likeness, ("y", "x"), "cosine"),
        "alive": Array(alive, ("y", "x")),
    }


# What `pipeline.trust` finds of one layer for one photograph: dims and units by name. A method, a
# change or a source is a row, named by the text dataset of that name.
TRUST: Mapping[str, tuple[tuple[str, ...], str]] = {
    "methods": (("method",), ""),
    "changes": (("change",), ""),
    "sources": (("source",), ""),
    "channels": (("atom",), "index of a channel"),
    "reference": (("half", "atom"), "logits"),  # Shapley values sampled twice
    "shares": (("method", "atom"), "logits"),
    "removals": (("stored_again", "atom"), "logits"),
    "sums": (("source", "class"), "logits"),
    "change": (("class",), "logits"),
    "spread": ((), "share of the sizes of all shares"),
    "top": (("change",), "share of the top channels"),
    "maps": (("change",), "Pearson's r"),
}
TRUST_OF_GROUPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "maps": (("change", "group"), "Pearson's r"),
    "directions": (("change", "group"), "cosine"),
    "explained": (("stored_again",), "share of squared activations"),
}


def trust(layer: str, found: Mapping[str, np.ndarray]) -> Datasets:
    """What was tried out of a layer; arrays that have no line in the tables above are left out."""
    arrays: Datasets = {}
    for name, values in found.items():
        groups, _, last = name.rpartition("/")
        table = TRUST_OF_GROUPS if groups else TRUST
        if last in table and (not groups or groups.startswith("group.")):
            dims, units = table[last]
            kept = values.astype(np.float32) if values.dtype.kind == "f" else values
            arrays[f"{layer}/{name}"] = Array(kept, dims, units)
    return arrays


def trusted_pictures(
    units: np.ndarray, stated: np.ndarray, reached: np.ndarray, below: np.ndarray, top: np.ndarray
) -> Datasets:
    """What pictures reach of their units, `[U]` each: as stored, once more, and beside photographs.

    Parameters
    ----------
    units
        Their names.
    stated, reached
        Activations.
    below
        The share of the positions of all photographs at which the unit is less active.
    top
        The unit's largest activation in a photograph.
    """
    values = {"stated": stated, "reached": reached, "largest": top}
    arrays = {name: Array(each, ("unit",), "activation") for name, each in values.items()}
    return {
        "units": Array(units, ("unit",)),
        "below": Array(below, ("unit",), "share of positions"),
        **arrays,
    }
