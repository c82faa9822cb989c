"""Group flow: which groups of a layer make up those of a later one, and what these do for classes.

Two layers are each cut into groups and the residual that they leave: n + 1 parts i of the lower
layer, m + 1 parts g of the upper one. The store has the attribution `R[g, K]` of the upper parts to
the logits, that of the lower parts, and the attribution of lower parts to the scores of upper ones.
`shares[i, g]` is the latter divided by the score of part g: the share of part g that comes from
part i. So `shares[i, g] · R[g, k]` is what part i adds to class k through part g. Its sum over all
i is what the whole lower layer adds through part g, however that layer is cut. The same with what
is lost, measured, when a part is removed, instead of the attributions; these do not add up.

The lower groups are either compatible with the upper ones or found independently of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
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
    Between,
    Concentration,
    Group,
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

NAME = "group_flow"
TITLE = "From group to group to class"


# -------------------------------------------------------------------------------------- substrates
def layers_of(settings: Settings, names: Sequence[str]) -> tuple[str | None, str]:
    """Return the lower and the upper layer; no lower one where only one layer has groups."""
    *before, upper = groups.layers(settings, names)
    return (before[-1] if before else None), upper


def pairs(
    settings: Settings, lower: str | None, upper: str
) -> tuple[list[tuple[Substrate, Substrate]], list[tuple[Substrate, Substrate]]]:
    """Pair the groups of the lower layer with those of the upper one, for all counts.

    Returns
    -------
    independent, compatible
        (Lower groups, upper groups) of every pair of counts. The lower groups of the second list
        are compatible with the upper groups beside them.
    """
    if lower is None:
        return [], []
    offered = (groups.flow_counts(settings, layer) for layer in (lower, upper))
    independent, compatible = [], []
    for n, m in product(*offered):
        above = groups.substrate(upper, m)
        independent.append((groups.substrate(lower, n), above))
        compatible.append((groups.substrate(lower, n, (upper, m)), above))
    return independent, compatible


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the groups of two layers, and what they do for each other and for the classes."""
    lower, upper = layers_of(settings, layers)
    elements = [*show(Activation(Substrate(INPUT, WHOLE))), *show(Activation(CLASSES))]
    elements += show(Activation(Substrate(upper, WHOLE)))
    for layer in (lower, upper):
        elements += [] if layer is None else show(AtBaseline(layer))
    for cut in _cuts(settings, layers):
        elements += show(Activation(cut), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
        elements += [*show(Attribution(cut, CLASSES)), *show(Removal(cut, CLASSES))]
    independent, compatible = pairs(settings, lower, upper)
    for below, above in independent + compatible:
        elements += [*show(Attribution(below, above)), *show(Removal(below, above))]
    for below, _ in compatible:
        elements += show(Concentration(below))
    return Interface(NAME, tuple(elements))


def _cuts(settings: Settings, names: Sequence[str]) -> list[Substrate]:
    lower, upper = layers_of(settings, names)
    above = [groups.substrate(upper, m) for m in groups.flow_counts(settings, upper)]
    independent, compatible = pairs(settings, lower, upper)
    return list(dict.fromkeys([*above, *(below for below, _ in independent + compatible)]))


def first(atlas: Atlas) -> tuple[Substrate | None, Substrate]:
    """Return the groups that are shown first: compatible ones of the lower layer, upper ones."""
    settings = atlas.settings
    lower, upper = layers_of(settings, atlas.layer_names)
    m = groups.first_count(groups.flow_counts(settings, upper))
    above = groups.substrate(upper, m)
    if lower is None:
        return None, above
    n = groups.first_count(groups.flow_counts(settings, lower))
    return groups.substrate(lower, n, (upper, m)), above


# ------------------------------------------------------------------------- feature visualizations
def directions(atlas: Atlas, photograph: Photograph) -> dict[str, dict[Unit, np.ndarray]]:
    """Return the directions of all groups of both layers."""
    with atlas.open(photograph) as file:
        return groups.directions(file, _cuts(atlas.settings, atlas.layer_names))


def shown_first(atlas: Atlas, photograph: Photograph) -> dict[str, list[Unit]]:
    """Return the feature visualizations of the groups that are shown first."""
    with atlas.open(photograph) as file:
        return {
            cut.layer: list(groups.vectors(file, cut)) for cut in first(atlas) if cut is not None
        }


# ------------------------------------------------------------------------------------- data, page
def shares(file: File, content: Between) -> np.ndarray:
    """Return the share of each upper part that comes from each lower part.

    Parameters
    ----------
    content
        From lower groups to upper ones: their attribution, or what is lost when one is removed.

    Returns
    -------
    numpy.ndarray
        f8 `[n + 1, m + 1]`, the residuals last; 0 for an upper part whose score is 0.
    """
    whole = np.block(
        [
            [file.values(content.path), file.values(content.residual_of_target)[:, None]],
            [
                file.values(content.residual_of_source)[None],
                file.values(content.residual_of_both).reshape(1, 1),
            ],
        ]
    ).astype(np.float64)
    found = scores(file, content.target)
    return np.divide(whole, found, out=np.zeros_like(whole), where=found != 0)


def scores(file: File, cut: Substrate) -> np.ndarray:
    """Return the scores f8 `[m + 1]` of groups and of their residual.

    They are `⟨a, v / ‖v‖⟩` of each part v of the activations a.
    """
    path = Activation(cut).path
    a = file.values(Activation(Substrate(cut.layer, WHOLE)).path).astype(np.float64)
    w, h = (file.values(f"{path}/{name}").astype(np.float64) for name in ("spatial", "channels"))
    residual = a - np.einsum("nyx,nc->cyx", w, h)
    lengths = np.append(
        np.linalg.norm(w, axis=(1, 2)) * np.linalg.norm(h, axis=1), np.linalg.norm(residual)
    )
    products = np.append(np.einsum("cyx,nyx,nc->n", a, w, h, optimize=True), (a * residual).sum())
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes, the groups of both layers, and their shares in each other."""
    settings, classes = atlas.settings, top_classes(atlas, photograph)
    lower, upper = layers_of(settings, atlas.layer_names)
    independent, compatible = pairs(settings, lower, upper)
    cuts = _cuts(settings, atlas.layer_names)
    with atlas.open(photograph) as file:
        found = {_key(cut): _baked(file, cut, classes) for cut in cuts}
        flows = {
            f"{_key(below)}>{_key(above)}": {
                "share": pack(shares(file, Attribution(below, above)), "f4"),
                "removal": pack(shares(file, Removal(below, above)), "f4"),
            }
            for below, above in independent + compatible
        }
        concentration = {_key(below): _concentration(file, below) for below, _ in compatible}
        shown = [layer for layer in (lower, upper) if layer is not None]
        baselines = {
            layer: at_baseline(file, layer, classes).astype(float).round(4).tolist()
            for layer in shown
        }
    return {
        "lower": lower,
        "upper": upper,
        "counts": {layer: list(groups.flow_counts(settings, layer)) for layer in shown},
        "first": [None if cut is None else _atom(cut).count for cut in first(atlas)],
        "classes": [prediction.baked() for prediction in classes],
        "factorizations": found,
        "baselines": baselines,
        "flows": flows,
        "concentration": concentration,
    }


def _atom(cut: Substrate) -> Group:
    assert isinstance(cut.atom, Group)
    return cut.atom


def _key(cut: Substrate) -> str:
    """Name groups in the data: "early 6", or "early 6@3" if compatible with 3 upper groups."""
    atom = _atom(cut)
    return f"{cut.layer} {atom.count}" + (f"@{atom.aligned_to[1]}" if atom.aligned_to else "")


def _concentration(file: File, cut: Substrate) -> list[float]:
    """Return the mean concentration of compatible groups, and of independent ones."""
    content = Concentration(cut)
    paths = (content.path, content.independent)
    return [round(float(file.values(path).mean()), 4) for path in paths]


def _baked(file: File, cut: Substrate, classes: Sequence[Prediction]) -> dict[str, Any]:
    shown = groups.read(file, cut)
    attribution = groups.of_parts(file, Attribution(cut, CLASSES), classes)
    removal = groups.of_parts(file, Removal(cut, CLASSES), classes)
    return {
        "units": [str(unit) for unit in shown.units],
        "positions": shown.positions,
        "presence": pack_levels(np.concatenate([shown.presence, shown.residual[None]])),
        "explained": round(shown.explained, 4),
        "share": pack(attribution, "f4"),
        "removal": pack(removal, "f4"),
    }


def _source(shares: np.ndarray | None) -> dict[str, Any]:
    """Name the lower group of the largest share in an upper one; none without positive shares."""
    if shares is None or shares.max() <= 0:
        return {"source": None, "share": 0.0}
    return {"source": int(shares.argmax()) + 1, "share": float(shares.max())}


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the upper groups of the first photograph, and which lower group adds most to each."""
    photograph, (lower, upper) = atlas.photographs[0], first(atlas)
    classes = top_classes(atlas, photograph)
    with atlas.open(photograph) as file:
        units = groups.read(file, upper).units
        attribution = groups.of_parts(file, Attribution(upper, CLASSES), classes)
        removal = groups.of_parts(file, Removal(upper, CLASSES), classes)
        of_groups = None
        if lower is not None:
            of_groups = shares(file, Attribution(lower, upper))[:-1, :-1]
    described = [
        {
            "unit": unit,
            "number": g + 1,
            "attribution": float(attribution[g, 0]),
            "removal": float(removal[g, 0]),
            **_source(None if of_groups is None else of_groups[:, g]),
        }
        for g, unit in enumerate(units)
    ]
    return {
        "layers": [cut.layer for cut in (lower, upper) if cut is not None],
        "lower": None if lower is None else atlas.layer(lower.layer),
        "upper": atlas.layer(upper.layer),
        "classes": classes,
        "groups": described,
        "strongest": max(described, key=lambda group: abs(group["attribution"])),
    }
