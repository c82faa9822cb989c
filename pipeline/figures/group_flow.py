"""Group flow: which groups of a layer make up the groups of a later one, and what these do for the classes.

Two layers, each in a few groups and what they leave, its rest: n + 1 parts i of the lower, m + 1 parts g of the upper. From
the store: `effect` R[g, K], attribution of the upper parts to the logits, the same of the lower ones, and the attribution
of lower parts to upper parts' scores. `feeds[i, g]` is the latter divided by the length of part g, the share of it that
part i adds; so `feeds[i, g] · R[g, k]` is what part i adds to class k by way of part g, and over all i it sums to what the
whole lower layer adds by way of g, however it is cut. The lower groups are made compatible with the upper ones, or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Photograph
from pipeline.config import Settings
from pipeline.figures import groupings
from pipeline.figures.classes import Prediction, leading
from pipeline.figures.neuron_groups import effect
from pipeline.figures.packing import pack, pack_levels
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Interface, Presentation, Substrate, show
from pipeline.store import File

NAME = "group_flow"
TITLE = "From group to group to class"


def layers_of(settings: Settings, names: Sequence[str]) -> tuple[str | None, str]:
    """Return the lower and the upper layer; no lower one where only one layer has groups."""
    *before, upper = groupings.layers(settings, names)
    return (before[-1] if before else None), upper


def pairs(settings: Settings, lower: str | None, upper: str) -> list[tuple[Substrate, Substrate]]:
    """Return every lower cut with every upper cut that it is shown with: independent ones first, then compatible ones."""
    if lower is None:
        return []
    counts = list(product(groupings.flow_counts(settings, lower), groupings.flow_counts(settings, upper)))
    independent = [(groupings.substrate(lower, n), groupings.substrate(upper, m)) for n, m in counts]
    return independent + [(groupings.substrate(lower, n, (upper, m)), groupings.substrate(upper, m)) for n, m in counts]


def interface(layers: Sequence[str], settings: Settings) -> Interface:
    """Return the groups of two layers, and their attribution to each other and to the classes."""
    elements = [*show(Activation(Substrate(INPUT, Atom.WHOLE))), *show(Activation(CLASSES))]
    for groups in _cuts(settings, layers):
        elements += show(Activation(groups), Presentation.FEATURE_VIS, Presentation.INFO_VIS)
        elements += show(Attribution(groups, CLASSES))
    for lower, upper in pairs(settings, *layers_of(settings, layers)):
        elements += show(Attribution(lower, upper))
    return Interface(NAME, tuple(elements))


def _cuts(settings: Settings, names: Sequence[str]) -> list[Substrate]:
    lower, upper = layers_of(settings, names)
    uppers = [groupings.substrate(upper, m) for m in groupings.flow_counts(settings, upper)]
    return list(dict.fromkeys([*uppers, *(cut for cut, _ in pairs(settings, lower, upper))]))


def _names(atlas: Atlas) -> list[str]:
    return [layer.name for layer in atlas.network.layers]


def directions(atlas: Atlas, photograph: Photograph) -> dict[str, dict[str, np.ndarray]]:
    """Return the directions of all groups of both layers."""
    found: dict[str, dict[str, np.ndarray]] = {}
    with atlas.image(photograph) as file:
        for groups in _cuts(atlas.settings, _names(atlas)):
            found.setdefault(groups.layer, {}).update(groupings.read(file, groups).directions)
    return found


def units(atlas: Atlas, photograph: Photograph) -> dict[str, set[str]]:
    """Return one picture for each group."""
    return {layer: set(vectors) for layer, vectors in directions(atlas, photograph).items()}


def first(atlas: Atlas) -> tuple[Substrate | None, Substrate]:
    """Return the cuts that the figure opens with: compatible groups of the lower layer, and groups of the upper one."""
    lower, upper = layers_of(atlas.settings, _names(atlas))
    m = groupings.opening(groupings.flow_counts(atlas.settings, upper))
    cut = groupings.substrate(upper, m)
    if lower is None:
        return None, cut
    return groupings.substrate(lower, groupings.opening(groupings.flow_counts(atlas.settings, lower)), (upper, m)), cut


def opening(atlas: Atlas, photograph: Photograph) -> dict[str, list[str]]:
    """Return the pictures of the groups that the figure opens with."""
    with atlas.image(photograph) as file:
        return {cut.layer: list(groupings.read(file, cut).units) for cut in first(atlas) if cut is not None}


def feeds(file: File, lower: Substrate, upper: Substrate) -> np.ndarray:
    """Share of each upper part that each lower part adds: `[n + 1, m + 1]`, the layers' rests last."""
    pair = Attribution(lower, upper).path.removeprefix("attribution/")
    inner = file.values(f"attribution/{pair}")
    of_source, of_target, of_both = (file.values(f"residual/{pair}/{name}") for name in ("of_source", "of_target", "of_both"))
    whole = np.block([[inner, of_target[:, None]], [of_source[None], of_both.reshape(1, 1)]]).astype(np.float64)
    rest = np.linalg.norm(file.values(f"{Activation(upper).path}/residual").astype(np.float64))
    lengths = np.append(file.values(f"{Activation(upper).path}/magnitude"), rest)
    return np.divide(whole, lengths, out=np.zeros_like(whole), where=lengths > 0)


def bake(atlas: Atlas, photograph: Photograph) -> dict[str, Any]:
    """Return the classes, the cuts of both layers by their grouping, and how they feed each other."""
    classes = leading(atlas, photograph)
    lower, upper = layers_of(atlas.settings, _names(atlas))
    from_cut, to_cut = first(atlas)
    with atlas.image(photograph) as file:
        cuts = {_key(cut): _baked(file, cut, classes) for cut in _cuts(atlas.settings, _names(atlas))}
        flows = {f"{_key(cut)}>{_key(into)}": pack(feeds(file, cut, into), "f4") for cut, into in pairs(atlas.settings, lower, upper)}
        gathered = {_key(cut): _concentrations(file, cut) for cut in _cuts(atlas.settings, _names(atlas)) if _aligned(cut)}
    return {
        "lower": lower,
        "upper": upper,
        "counts": {layer: list(groupings.flow_counts(atlas.settings, layer)) for layer in (lower, upper) if layer is not None},
        "first": [_count(from_cut), _count(to_cut)],
        "classes": [prediction.baked() for prediction in classes],
        "cuts": cuts,
        "feeds": flows,
        "concentration": gathered,
    }


def _aligned(cut: Substrate) -> bool:
    return cut.grouping is not None and cut.grouping.aligned_to is not None


def _count(cut: Substrate | None) -> int | None:
    return cut.grouping.count if cut is not None and cut.grouping is not None else None


def _key(cut: Substrate) -> str:
    """Name a cut within the data: "upper 6", "lower 6", or, compatible with 3 upper groups, "lower 6@3"."""
    assert cut.grouping is not None
    aligned = cut.grouping.aligned_to
    return f"{cut.layer} {cut.grouping.count}" + (f"@{aligned[1]}" if aligned else "")


def _concentrations(file: File, cut: Substrate) -> list[float]:
    """Mean share of a lower group's attribution that goes to one upper group: compatible groups, independent ones."""
    path = Activation(cut).path
    return [round(float(file.values(f"{path}/{name}").mean()), 4) for name in ("concentration", "concentration_independent")]


def _baked(file: File, cut: Substrate, classes: Sequence[Prediction]) -> dict[str, Any]:
    factors = groupings.read(file, cut)
    values, rest = effect(file, cut, classes)
    return {
        "units": list(factors.units),
        "places": [groupings.place(presence) for presence in factors.presence],
        "presence": pack_levels(np.concatenate([factors.presence, factors.left[None]])),
        "explained": round(factors.explained, 4),
        "effect": pack(np.concatenate([values, rest[None]]), "f4"),
    }


def page(atlas: Atlas) -> dict[str, Any]:
    """Return the upper groups of the first photograph, their effect on the first class, and which lower group moves each most."""
    photograph = atlas.photographs[0]
    classes = leading(atlas, photograph)
    lower, upper = first(atlas)
    with atlas.image(photograph) as file:
        factors = groupings.read(file, upper)
        values, _ = effect(file, upper, classes)
        shares = None if lower is None else feeds(file, lower, upper)[:-1, :-1]
    groups: list[dict[str, Any]] = []
    for g, unit in enumerate(factors.units):
        source = None if shares is None else int(np.abs(shares[:, g]).argmax())
        share = None if shares is None or source is None else float(shares[source, g])
        groups.append({"unit": unit, "number": g + 1, "effect": float(values[g, 0]), "source": source, "share": share})
    return {
        "lower": None if lower is None else atlas.layer(lower.layer),
        "upper": atlas.layer(upper.layer),
        "classes": classes,
        "groups": groups,
        "strongest": max(groups, key=lambda group: abs(group["effect"])),
    }
