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
from pipeline.attribution.batches import to_numpy
from pipeline.attribution.coalitions import at_baseline, play
from pipeline.attribution.groups import cut_all, layers_of
from pipeline.attribution.observation import Observation, hidden_layers
from pipeline.attribution.push_pull import Attributions, Cuts, Pair
from pipeline.attribution.removal import remove_all
from pipeline.attribution.saliency import factor_saliency
from pipeline.attribution.sharing import Found
from pipeline.attribution.together import attribute_all
from pipeline.config import AttributionTable, GroupsTable
from pipeline.factorization import concentration
from pipeline.grammar import (
    INPUT,
    OUTPUT,
    Activation,
    AtBaseline,
    Attribution,
    Between,
    Coalitions,
    Concentration,
    Content,
    Removal,
    Saliency,
    Sign,
    Substrate,
    with_requirements,
)
from pipeline.network import Network
from pipeline.schema import Datasets

# The classes that the network takes into account: saliency is factorized over them, as in the
# article, and channels and positions have shares of their logits.
SALIENCY_CLASSES = 50


def compute(
    network: Network,
    x: Tensor,
    contents: Iterable[Content],
    attribution: AttributionTable | None = None,
    groups: GroupsTable | None = None,
    memory: int | None = None,
    means: Mapping[str, np.ndarray] | None = None,
    faster: Callable[[Network, tuple[str, ...]], Network] | None = None,
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
    means
        Layer → the mean of each of its channels `[C]`, where `attribution.baseline` is "mean".
    faster
        Makes a copy of the network that computes the same in less time, given the layers that are
        read: what comes after a layer runs in it, thousands of times. None: in the network itself.

    Returns
    -------
    dict
        `content.path` → name → dataset, as `pipeline.schema` makes them.

    Raises
    ------
    AtlasError
        When a layer does not suit, does not depend on another, or is zero, NaN or infinite for this
        photograph; when there are too many groups for shares.
    """
    wanted = {content.path: content for content in contents if content.path != INPUT}
    if not wanted:
        return {}
    settings, grouping = attribution or AttributionTable(), groups or GroupsTable()
    preserve = {str(name): weight for name, weight in grouping.preserve.items()}
    needed = with_requirements(tuple(wanted.values()))
    substrates = [substrate for content in needed for substrate in content.substrates]
    known = None if settings.baseline == "zero" else (means or {})
    layers = layers_of(substrates)
    quick = None if faster is None else faster(network, tuple(hidden_layers(layers)))
    observation = Observation(network, x, layers, known, quick)
    cuts = cut_all(observation, _substrates_to_cut(needed), None, memory, preserve)
    classes = _most_probable(observation)
    pairs = _pairs(needed, Attribution)
    removals = remove_all(observation, cuts, _pairs(needed, Removal), memory)
    found = attribute_all(observation, cuts, pairs, settings, classes, memory, removals)
    _play_others(observation, cuts, needed, found, memory)
    results = Results(observation, cuts, found, removals, settings)
    return {path: datasets(content, results) for path, content in wanted.items()}


def _play_others(
    observation: Observation,
    cuts: Cuts,
    needed: Sequence[Content],
    found: Found,
    memory: int | None,
) -> None:
    """Run the coalitions that no shares were made of."""
    for content in needed:
        if isinstance(content, Coalitions) and content.groups not in found.coalitions:
            _, logits = play(observation, cuts, content.groups, [], memory)
            found.coalitions[content.groups] = logits


def _most_probable(observation: Observation) -> list[int]:
    """The classes that the network takes into account, the most probable first."""
    logits = to_numpy(observation.cubes[OUTPUT])
    return [int(each) for each in np.argsort(-logits, kind="stable")[:SALIENCY_CLASSES]]


def _substrates_to_cut(needed: Sequence[Content]) -> Iterable[Substrate]:
    """The ends of pairs, and groups; other activations are shown as they are."""
    for content in needed:
        for substrate in content.substrates:
            if isinstance(content, Between) or substrate.atom.leaves_residual:
                yield substrate


def _pairs(needed: Sequence[Content], kind: type[Between]) -> list[Pair]:
    return [(each.source, each.target) for each in needed if isinstance(each, kind)]


# ----------------------------------------------------------------------------------------- datasets
@dataclass(frozen=True)
class Results:
    """What has been computed of a photograph, for contents to take their datasets from."""

    observation: Observation
    cuts: Cuts
    found: Found
    removals: Attributions
    settings: AttributionTable

    def of(self, content: Attribution) -> np.ndarray:
        """Source dims, then target dims; groups with their residual as one more."""
        return self.found.attributions[content.source, content.target]


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
    arrays, pair = schema.between(content, results.of(content)), (content.source, content.target)
    if pair not in results.found.gaps:
        return arrays
    gap = results.found.gaps[pair]
    atoms = gap[..., :-1] if content.target.atom.leaves_residual else gap
    return {**arrays, **schema.gap(content, atoms)}


def _coalitions(content: Coalitions, results: Results) -> Datasets:
    return schema.coalitions(content, results.found.coalitions[content.groups])


def _at_baseline(content: AtBaseline, results: Results) -> Datasets:
    return schema.at_baseline(content, at_baseline(results.observation, content.layer))


def _removal(content: Removal, results: Results) -> Datasets:
    return schema.between(content, results.removals[content.source, content.target])


def _concentration(content: Concentration, results: Results) -> Datasets:
    compatible, independent = (
        concentration(results.of(required)[:-1, :-1]) for required in content.requires
    )
    return schema.concentration(content, compatible, independent)


def _saliency(content: Saliency, results: Results) -> Datasets:
    """Factors of the attributions of positions to the most probable classes."""
    classes = _most_probable(results.observation)
    by_layer = {each.source.layer: results.of(each)[..., classes] for each in content.requires}
    last = content.layers[-1]
    n = min(results.settings.factors, len(classes), by_layer[last][..., 0].size)
    factors = {sign: factor_saliency(by_layer, last, n, sign) for sign in Sign}
    shares = {sign: found.classes for sign, found in factors.items()}
    return schema.saliency(
        content, np.array(classes), shares, {sign: found.spatial for sign, found in factors.items()}
    )


DATASETS: Mapping[type, Callable[[Any, Results], Datasets]] = {
    Activation: _activation,
    Attribution: _attribution,
    Removal: _removal,
    Coalitions: _coalitions,
    AtBaseline: _at_baseline,
    Concentration: _concentration,
    Saliency: _saliency,
}
