"""Attribution between any two substrates of a network, for one photograph.

The attribution of a source's atom j to a target's atom i is ⟨p_j, ∂s_i/∂a⟩: the part that the atom holds of its layer's
cube `a`, times the gradient of the target's score (`pipeline.atoms`). A *method* says at which points, and in which
shares, that gradient is taken: at `a` itself (`linear`), along the straight path from zero (`integrated`), or along random
monotone paths (`random_paths`). Results have the source's dimensions first, then the target's.

Whole files are computed together: the contents asked for become pairs of cuts; a cut is either pushed forward from, which
serves all its targets at once, or pulled back from, which serves all its sources at once, whichever makes fewer rows.

Symbols: C channels, H × W positions, K classes, n groups (n + 1 with their residual), M sources or targets, S points on a
path, B rows of a batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pipeline.atoms import Cut, cut
from pipeline.errors import AtlasError, did_you_mean
from pipeline.factorization import Groups, compatible, factorize
from pipeline.grammar import OUTPUT, Atom, Substrate
from pipeline.linearization import Linearization, NotDifferentiable, Observation, batch_size, depending, replicated, with_batches
from pipeline.network import Network

Pair = tuple[Substrate, Substrate]


# ---------------------------------------------------------------------------------------------------------------- methods
@dataclass(frozen=True)
class Paths:
    """Where a method takes the gradient: R paths of S points from zero to the cube `a`.

    Attributes
    ----------
    points
        `[R, S, C]`: each channel's factor at each point, 0 at the start of a path and 1 at its end.
    shares
        `[R, S, C]`: how much of each channel's way is gone at that point; sums to 1 over S.
    """

    points: Tensor
    shares: Tensor


def _linear(channels: int, steps: int, paths: int, seed: int) -> Paths:
    """a ⊙ ∂s/∂a at `a`: the first-order approximation (Olah et al. 2018)."""
    return Paths(torch.ones(1, 1, channels), torch.ones(1, 1, channels))


def _integrated(channels: int, steps: int, paths: int, seed: int) -> Paths:
    """The mean gradient at the midpoints of S steps along the straight path from zero (Sundararajan et al. 2017)."""
    times = (torch.arange(steps) + 0.5) / steps
    return Paths(times[None, :, None].expand(1, -1, channels), torch.full((1, steps, channels), 1 / steps))


def _random_paths(channels: int, steps: int, paths: int, seed: int) -> Paths:
    """R monotone paths: channel c is at tᵞ, its exponent drawn so that log₂ γ is uniform in [-2, 2].

    Every path goes from zero to `a` and no channel ever turns back; what differs is which channels come first. How far
    attribution varies between paths is how far it depends on the path, the question that the article leaves open.
    """
    generator = torch.Generator().manual_seed(seed)
    exponents = 2 ** (torch.rand(paths, 1, channels, generator=generator) * 4 - 2)
    ends = (torch.arange(steps + 1) / steps)[None, :, None] ** exponents
    return Paths((ends[:, 1:] + ends[:, :-1]) / 2, ends.diff(dim=1))


@dataclass(frozen=True)
class Method:
    """A way of attributing: its paths, and whether relaxed pooling suits it by default.

    Path methods sum to the change of the score (completeness) only with the network's true gradient.
    """

    paths: Callable[[int, int, int, int], Paths]
    relaxes: bool = False


METHODS: dict[str, Method] = {
    "linear": Method(_linear, relaxes=True),
    "integrated": Method(_integrated),
    "random_paths": Method(_random_paths),
}


def method_named(name: str) -> Method:
    """Look a method up; unknown names raise an AtlasError with the nearest one."""
    if name not in METHODS:
        raise AtlasError(f'no attribution method "{name}"{did_you_mean(name, METHODS) or ";"} known are: {", ".join(METHODS)}')
    return METHODS[name]


def relaxes(method: str, source: Substrate, relax: bool | None = None) -> bool:
    """Whether max-pools are relaxed: as asked, or by default where spatial atoms are the source and the method suits it."""
    return method_named(method).relaxes and source.atom is Atom.SPATIAL if relax is None else relax


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
        values = along_paths(observation, cuts, {source.layer: [source]}, target, None, rule, relaxed, memory)[source].values
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
    found = along_paths(observation, cuts, {source.layer: [source]}, target, targets, rule, relaxed, memory)[source]
    residual = found.values[-1] if source.atom is Atom.GROUP else None
    cut_values = [_without_residual(values, source, target if targets is None else source) for values in (found.values, found.spread)]
    return Attributed(*cut_values, found.gap, residual)


def _channels(of: Cut) -> int:
    return int(of.a.shape[0])


def _without_residual(values: np.ndarray, source: Substrate, target: Substrate) -> np.ndarray:
    # A cut into groups counts the residual as its last atom.
    values = values[:-1] if source.atom is Atom.GROUP else values
    return values[..., :-1] if target.atom is Atom.GROUP and target is not source else values


# ------------------------------------------------------------------------------------------------------------------ cuts
def cut_all(
    observation: Observation, substrates: Iterable[Substrate], groups: Mapping[Substrate, Groups], memory: int | None = None
) -> dict[Substrate, Cut]:
    """Cut the observed layers; factorizations that are not given are computed."""
    known = dict(groups)
    cuts = {}
    for substrate in dict.fromkeys(substrates):
        if substrate.atom is Atom.GROUP and substrate not in known:
            known[substrate] = grouped(observation, substrate, known, memory)
        cuts[substrate] = cut(substrate, observation.cube(substrate.layer), known.get(substrate))
    return cuts


def grouped(observation: Observation, substrate: Substrate, known: dict[Substrate, Groups], memory: int | None = None) -> Groups:
    """Factorize one layer as a substrate's grouping says: on its own, or compatible with an upper layer's groups."""
    grouping = substrate.grouping
    if grouping is None:
        raise AtlasError(f'"{substrate}" is not cut into groups')
    activations = observation.cube(substrate.layer).float().cpu().numpy()
    if grouping.aligned_to is None:
        return factorize(activations, grouping.count, substrate.layer)
    upper = upper_of(substrate)
    if upper not in known:
        known[upper] = grouped(observation, upper, known, memory)
    return compatible(
        activations, grouping.count, attribution_of_neurons(observation, substrate.layer, upper, known, memory), substrate.layer
    )[0]


def upper_of(substrate: Substrate) -> Substrate:
    """The independently grouped upper layer that a compatible grouping refers to."""
    assert substrate.grouping is not None
    assert substrate.grouping.aligned_to is not None
    layer, count = substrate.grouping.aligned_to
    return Substrate(layer, Atom.GROUP, type(substrate.grouping)(count))


def attribution_of_neurons(
    observation: Observation, layer: str, upper: Substrate, known: Mapping[Substrate, Groups], memory: int | None = None
) -> np.ndarray:
    """R_g = a ⊙ ∂s_g/∂a for every group g of an upper layer: float32 `[n, C, H, W]`."""
    neurons = Substrate(layer, Atom.NEURON)
    cuts = cut_all(observation, [neurons, upper], known, memory)
    values = linear(observation, cuts, [(neurons, upper)], False, memory)[neurons, upper]
    return np.moveaxis(values[..., :-1], -1, 0)


# ---------------------------------------------------------------------------------------------------------------- linear
@dataclass
class _Sweeps:
    """Which cuts are pushed from (source → its targets) and which are pulled from (target → its sources)."""

    pushed: dict[Substrate, list[Substrate]] = field(default_factory=lambda: defaultdict(list))
    pulled: dict[Substrate, list[Substrate]] = field(default_factory=lambda: defaultdict(list))


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

    def run(batch: int, sweeps: _Sweeps) -> dict[Pair, np.ndarray]:
        linearization = Linearization(observation, layers, batch, relax)
        found = {pair: np.empty((cuts[pair[0]].count, cuts[pair[1]].count), np.float32) for pair in pairs}
        for source, targets in sorted(sweeps.pushed.items(), key=lambda item: observation.order(item[0].layer)):
            _push(linearization, cuts, source, targets, found)
        for target, sources in sweeps.pulled.items():
            _pull(linearization, cuts, target, sources, found)
        return found

    batch = batch_size(observation, memory)
    try:
        found = with_batches(lambda rows: run(rows, _cheapest_sweeps(observation, cuts, pairs)), batch)
    except NotDifferentiable:
        found = with_batches(lambda rows: run(rows, _sweeps(pairs, {target for _, target in pairs})), batch)
    return {pair: _shaped(values, cuts[pair[0]], cuts[pair[1]]) for pair, values in found.items()}


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


def _shaped(values: np.ndarray, source: Cut, target: Cut) -> np.ndarray:
    return np.ascontiguousarray(values.reshape(*source.shape, *target.shape))


def _sweeps(pairs: Sequence[Pair], pulled: set[Substrate]) -> _Sweeps:
    sweeps = _Sweeps()
    for source, target in pairs:
        if target in pulled:
            sweeps.pulled[target].append(source)
        else:
            sweeps.pushed[source].append(target)
    return sweeps


def _cheapest_sweeps(observation: Observation, cuts: Mapping[Substrate, Cut], pairs: Sequence[Pair]) -> _Sweeps:
    """Choose which targets to pull from: a minimum vertex cover of the pairs, whose linear program has whole solutions.

    A row costs about the share of the network that it crosses: from its source to the end, or from its target down to the
    first source.
    """
    from scipy.optimize import linprog

    sources, targets = (list(dict.fromkeys(pair[end] for pair in pairs)) for end in (0, 1))
    last, first = len(observation.cubes), min(observation.order(source.layer) for source in sources)
    costs = [cuts[source].count * (last - observation.order(source.layer)) for source in sources]
    costs += [cuts[target].count * (observation.order(target.layer) - first + 1) for target in targets]
    rows = np.zeros((len(pairs), len(costs)))
    for row, (source, target) in zip(rows, pairs, strict=True):
        row[[sources.index(source), len(sources) + targets.index(target)]] = -1
    solution = linprog(costs, A_ub=rows, b_ub=-np.ones(len(pairs)), bounds=(0, 1), method="highs-ds").x
    pushed = {source for source, chosen in zip(sources, solution, strict=False) if chosen > 0.5}
    return _sweeps(pairs, {target for source, target in pairs if source not in pushed})


# ----------------------------------------------------------------------------------------------------------------- paths
@dataclass(frozen=True)
class _Found:
    values: np.ndarray
    spread: np.ndarray
    gap: np.ndarray


def along_paths(
    observation: Observation,
    cuts: Mapping[Substrate, Cut],
    sources: Mapping[str, Sequence[Substrate]],
    target: Substrate,
    targets: Sequence[int] | None,
    paths: Paths,
    relax: bool,
    memory: int | None = None,
) -> dict[Substrate, _Found]:
    """Attribute along paths through one layer's cube, for all substrates of that layer at once.

    Parameters
    ----------
    observation, cuts, relax, memory
        As for `linear`.
    sources
        One layer → its substrates.
    target, targets
        The target, and which of its atoms (None: all).
    paths
        The points at which gradients are taken, and their shares.

    Returns
    -------
    dict
        Source → mean and standard deviation over the paths, and the completeness gap.
    """
    ((layer, substrates),) = sources.items()
    rows = list(range(cuts[target].count)) if targets is None else list(targets)
    shape = cuts[target].shape if targets is None else (len(rows),)
    cube = cuts[substrates[0]].a
    count = paths.points.shape[0]

    def run(batch: int) -> tuple[dict[Substrate, np.ndarray], np.ndarray]:
        gradients = cube.new_zeros(count, len(rows), *cube.shape)
        for chunk in _chunks(paths.points.shape[0] * paths.points.shape[1], batch):
            _accumulate(observation, cuts, layer, target, rows, paths, chunk, relax, gradients)
        by_source = {
            source: _numpy(torch.stack([cuts[source].aggregate(gradients[path]).T for path in range(count)])) for source in substrates
        }
        whole = _numpy((gradients * cube).flatten(2).sum(2))
        return by_source, whole

    by_source, whole = with_batches(run, batch_size(observation, memory))
    change = _numpy(_score_change(observation, cuts, layer, target)[rows])
    gap = (change - whole.mean(0)).reshape(shape)
    return {
        source: _Found(
            np.ascontiguousarray(values.mean(0).reshape(*cuts[source].shape, *shape)),
            values.std(0).reshape(*cuts[source].shape, *shape),
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
