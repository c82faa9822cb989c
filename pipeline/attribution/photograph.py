"""Everything that one photograph's file holds, each quantity computed once and jointly.

The contents asked for, with all that they require, name the substrates to cut and the pairs to
attribute. These are computed together; then each content takes its datasets from them. A new kind
of content that is made of activations and attributions is one function and one line in `DATASETS`.

Symbols: K classes, k of them factorized for saliency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from pipeline import schema
from pipeline.atoms.group import GroupsAndResidual
from pipeline.attribution.averaging import Averaging
from pipeline.attribution.batches import to_numpy
from pipeline.attribution.groups import cut_all, layers_of
from pipeline.attribution.methods import Method, method_named, relaxes
from pipeline.attribution.observation import Observation
from pipeline.attribution.push_pull import Attributions, Cuts, Pair, attribute_together
from pipeline.attribution.saliency import factor_saliency
from pipeline.config import AttributionTable, GroupsTable
from pipeline.factorization import concentration
from pipeline.grammar import (
    CLASSES,
    INPUT,
    OUTPUT,
    SPATIAL,
    Activation,
    Attribution,
    Concentration,
    Content,
    Saliency,
    Sign,
    Substrate,
    with_requirements,
)
from pipeline.network import Network
from pipeline.schema import Datasets

# Saliency is factorized over the classes that the network takes into account, as in the article.
SALIENCY_CLASSES = 50


def compute(
    network: Network,
    x: Tensor,
    contents: Iterable[Content],
    attribution: AttributionTable | None = None,
    groups: GroupsTable | None = None,
    memory: int | None = None,
) -> dict[str, Datasets]:
    """Compute contents of a photograph.

    Parameters
    ----------
    network, x
        The network and the photograph `x[1, 3, H, W]` in 0…1.
    contents
        What is asked for. What they require is computed, too, but not returned; the photograph
        itself (`Activation` of "input") is left to the caller.
    attribution, groups
        The tables `[attribution]` and `[groups]` of the configuration.
    memory
        Bound in bytes for graphs; default: 2 GiB, or half of what the GPU has left.

    Returns
    -------
    dict
        `content.path` → name → dataset, as `pipeline.schema` makes them.

    Raises
    ------
    AtlasError
        When a layer does not suit, does not depend on another, or is zero, NaN or infinite for this
        photograph.
    """
    wanted = {content.path: content for content in contents if content.path != INPUT}
    if not wanted:
        return {}
    settings, grouping = attribution or AttributionTable(), groups or GroupsTable()
    preserve = {str(name): weight for name, weight in grouping.preserve.items()}
    needed = with_requirements(tuple(wanted.values()))
    substrates = [substrate for content in needed for substrate in content.substrates]
    observation = Observation(network, x, layers_of(substrates))
    cuts = cut_all(observation, _substrates_to_cut(needed), None, memory, preserve)
    pairs = [(each.source, each.target) for each in needed if isinstance(each, Attribution)]
    found = attribute_all(observation, cuts, pairs, settings, memory)
    results = Results(observation, cuts, found, settings)
    return {path: datasets(content, results) for path, content in wanted.items()}


def _substrates_to_cut(needed: Sequence[Content]) -> Iterable[Substrate]:
    """The ends of attributions, and groups; other activations are shown as they are."""
    for content in needed:
        for substrate in content.substrates:
            if isinstance(content, Attribution) or substrate.atom.leaves_residual:
                yield substrate


# ------------------------------------------------------------------------------------- attributions
def attribute_all(
    observation: Observation,
    cuts: Cuts,
    pairs: Sequence[Pair],
    settings: AttributionTable,
    memory: int | None = None,
) -> Attributions:
    """Attribute every pair by the configured method.

    With a method of one point, all pairs together; otherwise all sources of a layer together.

    Parameters
    ----------
    observation, cuts
        The photograph's pass, and the cuts of all substrates.
    pairs
        (source, target).
    settings
        The table `[attribution]`.
    memory
        Bound in bytes.
    """
    method, found = method_named(settings.method), Attributions()
    asked = None if settings.relax_pooling else False
    for relax in (False, True):
        chosen = [
            pair
            for pair in pairs
            if (observation.relaxable > 0 and relaxes(method, pair[0], asked)) == relax
        ]
        if method.ONE_POINT:
            found |= attribute_together(observation, cuts, chosen, relax, memory)
        else:
            averagings = _by_layer(observation, cuts, chosen)
            for averaging in averagings:
                found |= _averaged(averaging, method, settings, relax, memory)
    return found


def _by_layer(observation: Observation, cuts: Cuts, pairs: Sequence[Pair]) -> list[Averaging]:
    sources: dict[tuple[str, Substrate], list[Substrate]] = {}
    for source, target in pairs:
        sources.setdefault((source.layer, target), []).append(source)
    return [
        Averaging(observation, cuts, together, target) for (_, target), together in sources.items()
    ]


def _averaged(
    averaging: Averaging,
    method: Method,
    settings: AttributionTable,
    relax: bool,
    memory: int | None,
) -> Attributions:
    points = method.points(averaging.cube, settings)
    averages = averaging.over(points, relax, memory)
    return {(source, averaging.target): found.values for source, found in averages.items()}


# ----------------------------------------------------------------------------------------- datasets
@dataclass(frozen=True)
class Results:
    """What has been computed of a photograph, for contents to take their datasets from."""

    observation: Observation
    cuts: Cuts
    attributions: Attributions
    settings: AttributionTable

    def of(self, content: Attribution) -> np.ndarray:
        """Source dims, then target dims; groups with their residual as one more."""
        return self.attributions[content.source, content.target]


def datasets(content: Content, results: Results) -> Datasets:
    """Return what a content is kept as.

    Raises
    ------
    TypeError
        For a kind of content that has no line in `DATASETS`.
    """
    if type(content) not in DATASETS:
        kind = type(content).__name__
        raise TypeError(f"{content.path}: nothing makes datasets of {kind}; add it to DATASETS")
    return DATASETS[type(content)](content, results)


def _activation(content: Activation, results: Results) -> Datasets:
    cut = results.cuts.get(content.substrate)
    if isinstance(cut, GroupsAndResidual):
        return schema.groups(content, cut.factorization)
    cube = results.observation.cubes[content.substrate.layer]
    return schema.activation(content, to_numpy(cube))


def _attribution(content: Attribution, results: Results) -> Datasets:
    return schema.attribution(content, results.of(content))


def _concentration(content: Concentration, results: Results) -> Datasets:
    compatible, independent = (
        concentration(results.of(required)[:-1, :-1]) for required in content.requires
    )
    return schema.concentration(content, compatible, independent)


def _saliency(content: Saliency, results: Results) -> Datasets:
    """Factors of the attributions of positions to the most probable classes."""
    logits = to_numpy(results.observation.cubes[OUTPUT])
    classes = np.argsort(-logits, kind="stable")[:SALIENCY_CLASSES]
    by_layer = {
        layer: results.attributions[Substrate(layer, SPATIAL), CLASSES][..., classes]
        for layer in content.layers
    }
    last = content.layers[-1]
    n = min(results.settings.factors, len(classes), by_layer[last][..., 0].size)
    factors = {sign: factor_saliency(by_layer, last, n, sign) for sign in Sign}
    shares = {sign: found.classes for sign, found in factors.items()}
    return schema.saliency(
        content, classes, shares, {sign: found.spatial for sign, found in factors.items()}
    )


DATASETS: Mapping[type, Callable[[Any, Results], Datasets]] = {
    Activation: _activation,
    Attribution: _attribution,
    Concentration: _concentration,
    Saliency: _saliency,
}
