"""Attribution between any two substrates of a network, and everything that one photograph's file holds.

The attribution of a source's atom j to a target's atom i is ⟨p_j, ∂s_i/∂a⟩: the part that the atom holds of its layer's
cube `a`, times the gradient of the target's score (`pipeline.atoms`); a method (`pipeline.methods`) says at which points
that gradient is taken. Results have the source's dimensions first, then the target's.

Symbols: C channels, H × W positions, K classes, n groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from pipeline.atoms import Cut, GroupsAndResidual
from pipeline.config import AttributionTable, GroupsTable
from pipeline.factorization import Groups, concentration
from pipeline.grammar import CLASSES, INPUT, OUTPUT, Activation, Atom, Attribution, Content, Grouping, Substrate
from pipeline.grouping import cut_all, upper_of
from pipeline.linearization import Observation
from pipeline.methods import METHODS, method_named, relaxes
from pipeline.network import Network
from pipeline.saliency import colours, factor_colours, factor_saliency
from pipeline.store import Array, float16
from pipeline.sweeps import Pair, along_paths, linear

__all__ = ["METHODS", "Attributed", "attribute", "attribute_along_paths", "compute", "factor_colours", "factor_saliency"]

# Saliency is factorized over the classes that the network takes into account, as in the article.
SALIENCY_CLASSES = 50


# -------------------------------------------------------------------------------------------------------------- one pair
@dataclass(frozen=True)
class Attributed:
    """Attribution from one substrate to another.

    Attributes
    ----------
    values
        float32, source dims then target dims (the mean over paths).
    spread
        Standard deviation over paths, of the same shape; zero for methods with one path.
    gap
        Completeness gap, of the target's shape: the change of the score from an all-zero source layer to the given one,
        less the sum of the attributions of the whole source layer.
    residual
        For groups as the source: what the groups leave, of the target's shape. None otherwise.
    """

    values: np.ndarray
    spread: np.ndarray
    gap: np.ndarray
    residual: np.ndarray | None


def attribute(
    network: Network,
    x: Tensor,
    source: Substrate,
    target: Substrate,
    method: str = "linear",
    *,
    relax: bool | None = None,
    groups: Mapping[Substrate, Groups] | None = None,
    steps: int = 32,
    paths: int = 8,
    seed: int = 0,
    memory: int | None = None,
) -> np.ndarray:
    """Attribute every atom of a target to every atom of a source.

    Parameters
    ----------
    network, x
        The network and the photograph `x[1, 3, H, W]` in 0…1.
    source, target
        Two substrates; the source's layer runs first. "input" is a layer, too.
    method
        A name in `METHODS`.
    relax
        Whether max-pools are relaxed (`pipeline.pooling`); default: for spatial sources with method `linear`.
    groups
        Factorizations of the substrates that are cut into groups; those missing are computed from the activations.
    steps, paths, seed
        Points on a path, number of random paths, and their seed, for the methods that use them.
    memory
        Bound in bytes for the graph; default: 2 GiB, or half of what the GPU has left.

    Returns
    -------
    ndarray
        float32, source dims then target dims. Spatial: H, W; channel: C; group: n; neuron: C, H, W; whole: none; output
        neuron: K.

    Raises
    ------
    AtlasError
        When the target does not depend on the source, a layer does not suit, or its activations are zero, NaN or infinite.
    """
    observation = Observation(network, x, [source.layer, target.layer])
    cuts = cut_all(observation, [source, target], groups or {}, memory)
    relaxed = relaxes(method, source, relax)
    if method == "linear":
        values = linear(observation, cuts, [(source, target)], relaxed, memory)[source, target]
    else:
        rule = METHODS[method].paths(_channels(cuts[source]), steps, paths, seed)
        values = along_paths(observation, cuts, [source], target, None, rule, relaxed, memory)[source].values
    return _without_residual(values, source, target)


def attribute_along_paths(
    network: Network,
    x: Tensor,
    source: Substrate,
    target: Substrate,
    method: str,
    *,
    targets: Sequence[int] | None = None,
    relax: bool | None = None,
    groups: Mapping[Substrate, Groups] | None = None,
    steps: int = 32,
    paths: int = 8,
    seed: int = 0,
    memory: int | None = None,
) -> Attributed:
    """Attribute as `attribute` does, and tell the spread over paths and the completeness gap.

    Parameters
    ----------
    targets
        Which of the target's atoms (in reading order); None: all. With a choice the result has one target dimension, the
        chosen atoms in the given order.
    network, x, source, target, method, relax, groups, steps, paths, seed, memory
        As for `attribute`.
    """
    observation = Observation(network, x, [source.layer, target.layer])
    cuts = cut_all(observation, [source, target], groups or {}, memory)
    rule = method_named(method).paths(_channels(cuts[source]), steps, paths, seed)
    relaxed = relaxes(method, source, relax)
    found = along_paths(observation, cuts, [source], target, targets, rule, relaxed, memory)[source]
    chosen = target if targets is None else None
    residual = _without_residual(found.values[-1], None, chosen) if source.atom is Atom.GROUP else None
    gap = _without_residual(found.gap, None, chosen)
    return Attributed(_without_residual(found.values, source, chosen), _without_residual(found.spread, source, chosen), gap, residual)


def _channels(of: Cut) -> int:
    return int(of.a.shape[0])


def _without_residual(values: np.ndarray, source: Substrate | None, target: Substrate | None) -> np.ndarray:
    # A cut into groups counts the residual as its last atom.
    values = values[:-1] if source is not None and source.atom is Atom.GROUP else values
    return values[..., :-1] if target is not None and target.atom is Atom.GROUP else values


# --------------------------------------------------------------------------------------------------------- one photograph
def compute(
    network: Network,
    x: Tensor,
    contents: Iterable[Content],
    attribution: AttributionTable | None = None,
    groups: GroupsTable | None = None,
    memory: int | None = None,
) -> dict[str, Array]:
    """Compute everything that a photograph's file is to hold, each quantity once and as much as possible together.

    Parameters
    ----------
    network, x
        The network and the photograph `x[1, 3, H, W]` in 0…1.
    contents
        What is asked for; `input` itself is left to the caller.
    attribution, groups
        The tables `[attribution]` and `[groups]` of the configuration.
    memory
        Bound in bytes for graphs; default: 2 GiB, or half of what the GPU has left.

    Returns
    -------
    dict of str to Array
        Dataset path → values with dims and units, as `pipeline.store` lists them.

    Raises
    ------
    AtlasError
        When a layer does not suit, does not depend on another, or is zero, NaN or infinite for this photograph.
    """
    settings, preserve = (
        attribution or AttributionTable(),
        {str(name): weight for name, weight in (groups or GroupsTable()).preserve.items()},
    )
    wanted = [content for content in dict.fromkeys(contents) if content.path != INPUT]
    shown = [content.substrate for content in wanted if isinstance(content, Activation)]
    pairs = [(content.source, content.target) for content in wanted if isinstance(content, Attribution)]
    aligned = _aligned([*shown, *(substrate for pair in pairs for substrate in pair)])
    pairs = list(dict.fromkeys([*pairs, *(pair for both in aligned.values() for pair in both)]))
    cut_up = [*(substrate for substrate in shown if substrate.atom is Atom.GROUP), *(substrate for pair in pairs for substrate in pair)]
    observation = Observation(network, x, [substrate.layer for substrate in (*shown, *cut_up)])
    cuts = cut_all(observation, cut_up, {}, memory, preserve)

    arrays = _activations(observation, list(dict.fromkeys([*shown, *cut_up])), set(shown), cuts)
    found = _attributions(observation, cuts, pairs, settings, memory)
    for pair, values in found.items():
        arrays |= _with_residuals(*pair, values, cuts)
    arrays |= _concentrations(found, aligned)
    arrays |= _saliency(observation, found, settings)
    return arrays | _comparisons(observation, cuts, pairs, settings, memory)


def _aligned(substrates: Iterable[Substrate]) -> dict[Substrate, tuple[Pair, Pair]]:
    """Compatible groups → their own attribution to the upper groups, and that of the independent groups."""
    aligned = {}
    for substrate in dict.fromkeys(substrates):
        upper = upper_of(substrate)
        if upper is not None and substrate.grouping is not None:
            independent = Substrate(substrate.layer, Atom.GROUP, Grouping(substrate.grouping.count))
            aligned[substrate] = ((substrate, upper), (independent, upper))
    return aligned


def _activations(
    observation: Observation, substrates: Sequence[Substrate], shown: set[Substrate], cuts: Mapping[Substrate, Cut]
) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for substrate in substrates:
        path, of = Activation(substrate).path, cuts.get(substrate)
        if substrate.atom is Atom.GROUP and isinstance(of, GroupsAndResidual):
            arrays |= {f"{path}/{name}": array for name, array in _group_arrays(of.groups).items()}
        elif substrate in shown:
            cube = observation.cubes[substrate.layer].float().cpu().numpy()
            arrays[path] = (
                Array(cube, ("class",), "logits") if cube.ndim == 1 else Array(float16(cube), ("channel", "y", "x"), "activation")
            )
    return arrays


def _group_arrays(groups: Groups) -> dict[str, Array]:
    return {
        "spatial": Array(groups.spatial, ("group", "y", "x"), "activation"),
        "channels": Array(groups.channels, ("group", "channel")),
        "magnitude": Array(groups.magnitude, ("group",), "activation"),
        "residual": Array(groups.residual, ("y", "x"), "norm of activations"),
        "explained": Array(np.array(groups.explained, np.float32), (), "share of squared activations"),
        "negative": Array(np.array(groups.negative, np.float32), (), "share of absolute activations"),
    }


def _relax(settings: AttributionTable, observation: Observation, source: Substrate, method: str) -> bool:
    asked = None if settings.relax_pooling else False
    return observation.relaxable > 0 and relaxes(method, source, asked)


def _attributions(
    observation: Observation, cuts: Mapping[Substrate, Cut], pairs: Sequence[Pair], settings: AttributionTable, memory: int | None
) -> dict[Pair, np.ndarray]:
    """Every pair by the configured method; `linear` for all pairs together, paths for all sources of a layer together."""
    found: dict[Pair, np.ndarray] = {}
    method = method_named(settings.method)
    for relax in (False, True):
        chosen = [pair for pair in pairs if _relax(settings, observation, pair[0], settings.method) == relax]
        if settings.method == "linear":
            found |= linear(observation, cuts, chosen, relax, memory)
            continue
        for layer, target in dict.fromkeys((source.layer, target) for source, target in chosen):
            sources = [source for source, other in chosen if source.layer == layer and other == target]
            rule = method.paths(len(observation.cubes[layer]), settings.steps, settings.paths, settings.seed)
            along = along_paths(observation, cuts, sources, target, None, rule, relax, memory)
            found |= {(source, target): result.values for source, result in along.items()}
    return {pair: found[pair] for pair in pairs}


_UNITS = {
    Atom.NEURON: "activation",
    Atom.SPATIAL: "norm of activations",
    Atom.CHANNEL: "sum of activations",
    Atom.GROUP: "activation along the group",
    Atom.WHOLE: "norm of activations",
}


def _dims(source: Cut, target: Cut) -> tuple[str, ...]:
    """Dimensions of a pair's attribution; those that both have are told apart as the source's and the target's."""
    shared = set(source.dims) & set(target.dims)
    return (
        *(f"source_{name}" if name in shared else name for name in source.dims),
        *(f"target_{name}" if name in shared else name for name in target.dims),
    )


def _with_residuals(source: Substrate, target: Substrate, values: np.ndarray, cuts: Mapping[Substrate, Cut]) -> dict[str, Array]:
    """A pair's dataset and, where groups are at one of its ends, what they leave, so that groups + residual = whole."""
    path = f"{source}/{target}"
    units = cuts[target].units
    dims, source_dims = _dims(cuts[source], cuts[target]), len(cuts[source].dims)
    from_groups, to_groups = source.atom is Atom.GROUP, target.atom is Atom.GROUP
    if not (from_groups or to_groups):
        return {f"attribution/{path}": Array(float16(values), dims, units)}
    inner = values[:-1] if from_groups else values
    arrays = {f"attribution/{path}": Array(inner[..., :-1] if to_groups else inner, dims, units)}
    if from_groups:
        left = values[-1]
        arrays[f"residual/{path}/of_source"] = Array(left[..., :-1] if to_groups else left, dims[source_dims:], units)
    if to_groups:
        arrays[f"residual/{path}/of_target"] = Array(inner[..., -1], dims[:source_dims], units)
    if from_groups and to_groups:
        arrays[f"residual/{path}/of_both"] = Array(values[-1, -1].reshape(()), (), units)
    return arrays


def _concentrations(found: Mapping[Pair, np.ndarray], aligned: Mapping[Substrate, tuple[Pair, Pair]]) -> dict[str, Array]:
    """How far each lower group's attribution goes to one upper group, for compatible groups and for independent ones."""
    arrays = {}
    for substrate, pairs in aligned.items():
        for name, pair in zip(("concentration", "concentration_independent"), pairs, strict=True):
            arrays[f"{Activation(substrate).path}/{name}"] = Array(concentration(found[pair][:-1, :-1]), ("group",), "share of attribution")
    return arrays


def _saliency(observation: Observation, found: Mapping[Pair, np.ndarray], settings: AttributionTable) -> dict[str, Array]:
    """Factors of the spatial attributions to the most probable classes, for evidence in favour and against apart."""
    by_layer = {source.layer: values for (source, target), values in found.items() if source.atom is Atom.SPATIAL and target == CLASSES}
    if not by_layer:
        return {}
    logits = observation.cubes[OUTPUT].float().cpu().numpy()
    classes = np.argsort(-logits, kind="stable")[:SALIENCY_CLASSES]
    chosen = {layer: values[..., classes] for layer, values in by_layer.items()}
    last = max(chosen, key=observation.order)
    n = min(settings.factors, len(classes), chosen[last][..., 0].size)
    arrays = {"saliency/classes": Array(classes.astype(np.int32), ("class",))}
    for name, sign in (("for", 1), ("against", -1)):
        factors = factor_saliency(chosen, last, n, sign)
        arrays[f"saliency/{name}/classes"] = Array(factors.classes, ("factor", "class"))
        for layer, maps in factors.spatial.items():
            arrays[f"saliency/{name}/{layer}/spatial"] = Array(maps, ("factor", "y", "x"), "mean attribution = 1")
            arrays[f"saliency/{name}/{layer}/colours"] = Array(colours(maps), ("y", "x", "rgb"), "0…255")
    return arrays


def _comparisons(
    observation: Observation, cuts: Mapping[Substrate, Cut], pairs: Sequence[Pair], settings: AttributionTable, memory: int | None
) -> dict[str, Array]:
    """What the other methods say about the most probable classes, for every source that is attributed to the classes."""
    if not settings.compare:
        return {}
    logits = observation.cubes[OUTPUT]
    classes = logits.topk(min(settings.compare_classes, len(logits))).indices.tolist()
    arrays = {"compare/classes": Array(np.array(classes, np.int32), ("class",))}
    sources = [source for source, target in pairs if target == CLASSES]
    for name in settings.compare:
        for layer in dict.fromkeys(source.layer for source in sources):
            rule = method_named(name).paths(len(observation.cubes[layer]), settings.steps, settings.paths, settings.seed)
            of_layer = [source for source in sources if source.layer == layer]
            along = along_paths(observation, cuts, of_layer, CLASSES, classes, rule, False, memory)
            arrays[f"compare/{name}/{layer}/gap"] = Array(along[of_layer[0]].gap, ("class",), "logits")
            for source, result in along.items():
                path, dims = f"compare/{name}/{source}", (*cuts[source].dims, "class")
                arrays[f"{path}/mean"] = Array(float16(_without_residual(result.values, source, None)), dims, "logits")
                if source.atom is Atom.GROUP:
                    arrays[f"{path}/residual"] = Array(result.values[-1], ("class",), "logits")
                if rule.points.shape[0] > 1:
                    arrays[f"{path}/spread"] = Array(float16(_without_residual(result.spread, source, None)), dims, "logits")
    return arrays
