"""Attribution from one substrate to another, as an array.

The attribution of a source's atom j to a target's atom i is ⟨p_j, ∂s_i/∂a⟩: the part that the atom
holds of its layer's cube `a`, times the gradient of the target's score (`pipeline.atoms`), taken at
the points of a method (`pipeline.attribution.methods`). Results have the source's dimensions first,
then the target's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from pipeline.attribution.averaging import Average, Averaging
from pipeline.attribution.groups import cut_all, layers_of
from pipeline.attribution.methods import Method, method_named, relaxes, shares
from pipeline.attribution.observation import Observation
from pipeline.attribution.push_pull import Cuts, attribute_together
from pipeline.attribution.sharing import Shares
from pipeline.config import AttributionTable
from pipeline.factorization import Factorization
from pipeline.grammar import CLASSES, OUTPUT, Substrate
from pipeline.network import Network


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
        Completeness gap, of the target's shape: the change of the score from an all-zero source
        layer to the given one, less the sum of the attributions of the whole source layer.
    residual
        For groups as the source: the attribution of their residual, of the target's shape. None
        otherwise.
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
    groups: Mapping[Substrate, Factorization] | None = None,
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
        Whether max-pools are relaxed (`pipeline.attribution.pooling`); default: for positions as
        the source, with method "linear".
    groups
        Factorizations of the substrates that are cut into groups; those missing are computed from
        the activations.
    steps, paths, seed
        Number of points, number of random paths, and seed, for the methods that use them.
    memory
        Bound in bytes for the graph; default: 2 GiB, or half of what the GPU has left.

    Returns
    -------
    ndarray
        float32, source dims then target dims. Spatial: H, W; channel: C; group: n; neuron: C, H, W
        (of the output: K); whole: none.

    Raises
    ------
    AtlasError
        When the target does not depend on the source, a layer does not suit, or its activations are
        zero, NaN or infinite.
    """
    chosen = method_named(method)
    observation, cuts = _observed(network, x, source, target, groups, memory)
    if chosen.ONE_POINT:
        relaxed, pairs = relaxes(chosen, source, relax), [(source, target)]
        found = attribute_together(observation, cuts, pairs, relaxed, memory)[source, target]
    else:
        settings = AttributionTable(steps=steps, paths=paths, seed=seed)
        pair = _Pair(observation, cuts, source, target, None, relax, memory)
        found = pair.averaged(chosen, settings).values
    return _without_residual(found, source, target)


def attribute_along_paths(
    network: Network,
    x: Tensor,
    source: Substrate,
    target: Substrate,
    method: str,
    *,
    targets: Sequence[int] | None = None,
    relax: bool | None = None,
    groups: Mapping[Substrate, Factorization] | None = None,
    steps: int = 32,
    paths: int = 8,
    seed: int = 0,
    memory: int | None = None,
) -> Attributed:
    """Attribute as `attribute` does, with the spread over paths and the completeness gap.

    Parameters
    ----------
    targets
        Which of the target's atoms (in reading order); None: all. With a choice the result has one
        target dimension, the chosen atoms in the given order.
    network, x, source, target, method, relax, groups, steps, paths, seed, memory
        As for `attribute`.
    """
    chosen = method_named(method)
    observation, cuts = _observed(network, x, source, target, groups, memory)
    settings = AttributionTable(steps=steps, paths=paths, seed=seed)
    pair = _Pair(observation, cuts, source, target, targets, relax, memory)
    found = pair.averaged(chosen, settings)
    shown = target if targets is None else None
    residual = found.values[-1] if source.atom.leaves_residual else None
    return Attributed(
        _without_residual(found.values, source, shown),
        _without_residual(found.spread, source, shown),
        _without_residual(found.gap, None, shown),
        None if residual is None else _without_residual(residual, None, shown),
    )


def _observed(
    network: Network,
    x: Tensor,
    source: Substrate,
    target: Substrate,
    groups: Mapping[Substrate, Factorization] | None,
    memory: int | None,
) -> tuple[Observation, Cuts]:
    observation = Observation(network, x, layers_of([source, target]))
    return observation, cut_all(observation, [source, target], groups, memory)


@dataclass(frozen=True)
class _Pair:
    """What is attributed to what; the names are those of `attribute_along_paths`."""

    observation: Observation
    cuts: Cuts
    source: Substrate
    target: Substrate
    targets: Sequence[int] | None
    relax: bool | None
    memory: int | None

    def averaged(self, method: Method, settings: AttributionTable) -> Average:
        """Attribute by a method of many points."""
        if method is shares:
            relaxed = settings.model_copy(update={"relax_pooling": self.relax is not False})
            return self._shared(relaxed)
        points = method.points(self.cuts[self.source].a, settings)
        averaging = Averaging(self.observation, self.cuts, [self.source], self.target, self.targets)
        relax = relaxes(method, self.source, self.relax)
        return averaging.over(points, relax, self.memory)[self.source]

    def _shared(self, settings: AttributionTable) -> Average:
        pair = self.source, self.target
        classes = self.targets if self.target == CLASSES else None
        if classes is None:
            classes = self.observation.cubes[OUTPUT].argsort(descending=True).tolist()
        found = Shares(self.observation, self.cuts, settings, classes, self.memory).of([pair])
        values, gap = found.attributions[pair], found.gaps[pair]
        if self.targets is not None:
            values = values.reshape(*self.cuts[self.source].shape, -1)[..., list(self.targets)]
            gap = gap.reshape(-1)[list(self.targets)]
        return Average(values, np.zeros_like(values), gap)


def _without_residual(
    values: np.ndarray, source: Substrate | None, target: Substrate | None
) -> np.ndarray:
    # A cut into groups counts the residual as its last atom.
    if source is not None and source.atom.leaves_residual:
        values = values[:-1]
    if target is not None and target.atom.leaves_residual:
        values = values[..., :-1]
    return values
