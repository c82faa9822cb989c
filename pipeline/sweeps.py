"""Many attributions of one photograph computed together: by linear approximation at one point, or along paths.

For `linear`, a cut (`pipeline.atoms`) is either pushed forward from, which serves all its targets at once, or pulled back
from, which serves all its sources at once, whichever makes fewer rows in all. Along paths, one forward pass through B
points serves every target, and one gradient every source of a layer.

Symbols: M atoms of a cut (for groups, n and their residual), B rows of a batch, R paths of S points.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

from pipeline.atoms import Cut
from pipeline.grammar import Substrate
from pipeline.linearization import (
    Linearization,
    NotDifferentiable,
    Observation,
    batch_size,
    depending,
    full_precision,
    replicated,
    with_batches,
)
from pipeline.methods import Paths

Pair = tuple[Substrate, Substrate]


# ---------------------------------------------------------------------------------------------------------------- linear
@dataclass
class Sweeps:
    """Which cuts are pushed from (source → its targets) and which are pulled from (target → its sources)."""

    pushed: dict[Substrate, list[Substrate]] = field(default_factory=lambda: defaultdict(list))
    pulled: dict[Substrate, list[Substrate]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def pulling(cls, pairs: Sequence[Pair], targets: Collection[Substrate]) -> Sweeps:
        """Pull from some targets; the pairs that this leaves out are pushed."""
        sweeps = cls()
        for source, target in pairs:
            if target in targets:
                sweeps.pulled[target].append(source)
            else:
                sweeps.pushed[source].append(target)
        return sweeps

    @classmethod
    def cheapest(cls, observation: Observation, cuts: Mapping[Substrate, Cut], pairs: Sequence[Pair]) -> Sweeps:
        """Choose which targets to pull from: a minimum vertex cover of the pairs, whose linear program has whole solutions.

        A row costs about the share of the network that it crosses: from its source to the end, or from its target down
        to the first source.
        """
        sources, targets = (list(dict.fromkeys(pair[end] for pair in pairs)) for end in (0, 1))
        last, first = len(observation.cubes), min(observation.order(source.layer) for source in sources)
        costs = [cuts[source].count * (last - observation.order(source.layer)) for source in sources]
        costs += [cuts[target].count * (observation.order(target.layer) - first + 1) for target in targets]
        rows = np.zeros((len(pairs), len(costs)))
        for row, (source, target) in zip(rows, pairs, strict=True):
            row[[sources.index(source), len(sources) + targets.index(target)]] = -1
        solution = linprog(costs, A_ub=rows, b_ub=-np.ones(len(pairs)), bounds=(0, 1), method="highs-ds").x
        pushed = {source for source, chosen in zip(sources, solution, strict=False) if chosen > 0.5}
        return cls.pulling(pairs, {target for source, target in pairs if source not in pushed})


@full_precision()
def linear(
    observation: Observation, cuts: Mapping[Substrate, Cut], pairs: Sequence[Pair], relax: bool, memory: int | None = None
) -> dict[Pair, np.ndarray]:
    """Attribute many pairs by `linear` at once.

    Parameters
    ----------
    observation
        The photograph's pass, with all layers of the pairs.
    cuts
        Substrate → cut, for all substrates of the pairs.
    pairs
        (source, target).
    relax
        Whether max-pools are relaxed, for all of them.
    memory
        Bound in bytes.

    Returns
    -------
    dict
        Pair → float32, source dims then target dims; groups with their residual as one more.
    """
    pairs = list(dict.fromkeys(pairs))
    if not pairs:
        return {}
    layers = list(dict.fromkeys(substrate.layer for pair in pairs for substrate in pair))

    def run(sweeps: Sweeps) -> dict[Pair, np.ndarray]:
        return with_batches(
            lambda batch: sweep(Linearization(observation, layers, batch, relax), cuts, sweeps), batch_size(observation, memory)
        )

    try:
        return run(Sweeps.cheapest(observation, cuts, pairs))
    except NotDifferentiable:
        return run(Sweeps.pulling(pairs, [target for _, target in pairs]))


def sweep(linearization: Linearization, cuts: Mapping[Substrate, Cut], sweeps: Sweeps) -> dict[Pair, np.ndarray]:
    """Push and pull as chosen, as many rows at a time as the linearization holds; see `linear` for what is returned."""
    pairs = [(source, target) for source, targets in sweeps.pushed.items() for target in targets]
    pairs += [(source, target) for target, sources in sweeps.pulled.items() for source in sources]
    found = {(source, target): np.empty((cuts[source].count, cuts[target].count), np.float32) for source, target in pairs}
    for source in sorted(sweeps.pushed, key=lambda source: linearization.observation.order(source.layer)):
        _push(linearization, cuts, source, sweeps.pushed[source], found)
    for target, sources in sweeps.pulled.items():
        _pull(linearization, cuts, target, sources, found)
    return {
        (source, target): np.ascontiguousarray(values.reshape((*cuts[source].shape, *cuts[target].shape)))
        for (source, target), values in found.items()
    }


def _push(linearization: Linearization, cuts: Mapping[Substrate, Cut], source: Substrate, targets: list[Substrate], found: dict) -> None:
    layers = list(dict.fromkeys(target.layer for target in targets))
    for rows in _chunks(cuts[source].count, linearization.batch):
        tangents = linearization.push(source.layer, cuts[source].parts(rows), layers)
        for target in targets:
            found[source, target][rows.start : rows.stop] = _numpy(cuts[target].read(tangents[target.layer]))


def _pull(linearization: Linearization, cuts: Mapping[Substrate, Cut], target: Substrate, sources: list[Substrate], found: dict) -> None:
    layers = list(dict.fromkeys(source.layer for source in sources))
    for rows in _chunks(cuts[target].count, linearization.batch):
        gradients = linearization.pull(target.layer, cuts[target].seeds(rows), layers)
        for source in sources:
            found[source, target][:, rows.start : rows.stop] = _numpy(cuts[source].aggregate(gradients[source.layer])).T


def _chunks(count: int, size: int) -> Iterator[range]:
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


# ----------------------------------------------------------------------------------------------------------------- paths
@dataclass(frozen=True)
class AlongPaths:
    """Mean and standard deviation over the paths (source dims, then target dims), and the completeness gap (target dims)."""

    values: np.ndarray
    spread: np.ndarray
    gap: np.ndarray


@full_precision()
def along_paths(
    observation: Observation,
    cuts: Mapping[Substrate, Cut],
    sources: Sequence[Substrate],
    target: Substrate,
    targets: Sequence[int] | None,
    paths: Paths,
    relax: bool,
    memory: int | None = None,
) -> dict[Substrate, AlongPaths]:
    """Attribute along paths through one layer's cube, for all substrates of that layer at once.

    Parameters
    ----------
    observation, cuts, relax, memory
        As for `linear`.
    sources
        Substrates of one layer.
    target, targets
        The target, and which of its atoms (None: all).
    paths
        The points at which gradients are taken, and their shares.

    Returns
    -------
    dict
        Source → mean and standard deviation over the paths, and the completeness gap.
    """
    layer = sources[0].layer
    rows = list(range(cuts[target].count)) if targets is None else list(targets)
    shape = cuts[target].shape if targets is None else (len(rows),)
    cube = cuts[sources[0]].a
    count = paths.points.shape[0]

    def run(batch: int) -> tuple[dict[Substrate, np.ndarray], np.ndarray]:
        gradients = cube.new_zeros(count, len(rows), *cube.shape)
        for chunk in _chunks(paths.points.shape[0] * paths.points.shape[1], batch):
            _accumulate(observation, cuts, layer, target, rows, paths, chunk, relax, gradients)
        by_source = {
            source: _numpy(torch.stack([cuts[source].aggregate(gradients[path]).T for path in range(count)])) for source in sources
        }
        whole = _numpy((gradients * cube).flatten(2).sum(2))
        return by_source, whole

    by_source, whole = with_batches(run, batch_size(observation, memory))
    change = _numpy(_score_change(observation, cuts, layer, target)[rows])
    gap = (change - whole.mean(0)).reshape(shape)
    return {
        source: AlongPaths(
            np.ascontiguousarray(values.mean(0).reshape((*cuts[source].shape, *shape))),
            values.std(0).reshape((*cuts[source].shape, *shape)),
            gap,
        )
        for source, values in by_source.items()
    }


def _accumulate(
    observation: Observation,
    cuts: Mapping[Substrate, Cut],
    layer: str,
    target: Substrate,
    rows: Sequence[int],
    paths: Paths,
    chunk: range,
    relax: bool,
    gradients: Tensor,
) -> None:
    """Add the gradients at some points, in their shares, to `gradients [R, M, C, H, W]`."""
    steps = paths.points.shape[1]
    nodes = _at(observation, layer, target.layer, paths.points.flatten(0, 1)[chunk.start : chunk.stop], relax)
    scores = cuts[target].scores(nodes[target.layer])
    shares = paths.shares.flatten(0, 1)[chunk.start : chunk.stop].to(gradients)
    path_of = torch.tensor([point // steps for point in chunk], device=gradients.device)
    for number, row in enumerate(rows):
        (gradient,) = torch.autograd.grad(scores[:, row].sum(), nodes[layer], retain_graph=number + 1 < len(rows))
        gradients[:, number].index_add_(0, path_of, gradient * shares[:, :, None, None])


def _at(observation: Observation, layer: str, target: str, factors: Tensor, relax: bool) -> dict[str, Tensor]:
    """Run the network with a layer's channels scaled: factors `[B, C]` → nodes `[B, *cube]`."""
    layers = [layer, target]

    def scaled(name: str, cube: Tensor) -> Tensor:
        if name != layer:
            return cube.expand(len(factors), *cube.shape[1:])
        return cube * factors.to(cube)[:, :, None, None]

    nodes = replicated(observation, layers, scaled, len(factors), relax)
    depending(nodes, layer, target, observation)
    return nodes


def _score_change(observation: Observation, cuts: Mapping[Substrate, Cut], layer: str, target: Substrate) -> Tensor:
    """Scores at the cube less scores with the layer at zero: `[M]`."""
    channels = observation.cubes[layer].shape[0]
    nodes = _at(observation, layer, target.layer, torch.stack([torch.ones(channels), torch.zeros(channels)]), False)
    scores = cuts[target].scores(nodes[target.layer].detach())
    return scores[0] - scores[1]
