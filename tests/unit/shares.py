"""Shares the slow way, in float64: all orders of arrival of groups, one gradient after another.

`python -m tests.unit.correctness` writes how far shares deviate into docs/correctness.md;
`test_shares.py` checks every row. The networks and baselines are those of `tests.unit.removals`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import permutations

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.coalitions import play
from pipeline.attribution.companies import Companies, half_of
from pipeline.attribution.groups import cut_all
from pipeline.attribution.observation import Observation
from pipeline.attribution.paths import Paths, Pieces
from pipeline.attribution.staggered_paths import StaggeredPaths
from pipeline.attribution.straight_path import StraightPath
from pipeline.grammar import CHANNEL, CLASSES, NEURON, SPATIAL, WHOLE, Atom, Substrate
from tests.unit.architectures import ARCHITECTURES
from tests.unit.oracle import Oracle, group_parts, parts, scores
from tests.unit.removals import BASELINES, GROUPS, setting

BOUND = 1e-4
TOLERANCE = 0.01
SMALL_STEPS = 12
TARGETS: tuple[Atom, ...] = (SPATIAL, CHANNEL, GROUPS, NEURON, WHOLE)
SOURCES: tuple[Atom, ...] = (SPATIAL, CHANNEL, NEURON, WHOLE)
PATHS: tuple[tuple[str, type[Paths], Sequence[Atom]], ...] = (
    ("to classes", StraightPath, SOURCES),
    ("to classes, staggered", StaggeredPaths, [CHANNEL]),
)
BETWEEN = ((CHANNEL, CHANNEL), (SPATIAL, SPATIAL))


def observation(name: str, baseline: str) -> Observation:
    at = setting(name, baseline)
    return Observation(at.network, at.x, [at.lower, at.upper], at.means)


def start(name: str, baseline: str, cube: Tensor) -> Tensor:
    """The lower layer at its baseline, in float64."""
    means = setting(name, baseline).means
    if means is None:
        return torch.zeros_like(cube)
    values = torch.from_numpy(means[setting(name, baseline).lower]).double()
    return values[:, None, None].expand_as(cube)


# ------------------------------------------------------------------------------------------- groups
def shapley_loop(name: str, baseline: str, target: Atom | None) -> np.ndarray:
    """Shares of groups and residual, one order of arrival after another: `[n + 1, M]`."""
    at = setting(name, baseline)
    slow = Oracle(at.network, at.x, at.lower, "output" if target is None else at.upper)
    first = start(name, baseline, slow.a)
    players = group_parts(at.groups[at.lower])
    players.append(slow.a - first - sum(players))
    known: dict[frozenset[int], np.ndarray] = {}

    def worth(coalition: frozenset[int]) -> np.ndarray:
        if coalition not in known:
            cube = first + sum(players[player] for player in coalition)
            atom = "class" if target is None else target.name
            with torch.no_grad():
                found = scores(atom, slow.run(cube[None]), at.groups[at.upper])
            known[coalition] = found[0].numpy()
        return known[coalition]

    found = np.zeros((len(players), len(worth(frozenset()))))
    for order in permutations(range(len(players))):
        for rank, player in enumerate(order):
            found[player] += worth(frozenset(order[: rank + 1])) - worth(frozenset(order[:rank]))
    return found / math.factorial(len(players))


def of_groups(name: str, baseline: str) -> dict[str, float]:
    """Target → the largest deviation of groups' shares, relative to the loop's largest share."""
    at, seen = setting(name, baseline), observation(name, baseline)
    source = Substrate(at.lower, GROUPS)
    targets = {"class": CLASSES, **{each.name: Substrate(at.upper, each) for each in TARGETS}}
    known = {Substrate(layer, GROUPS): groups for layer, groups in at.groups.items()}
    cuts = cut_all(seen, [source, *targets.values()], known)
    shares, _ = play(seen, cuts, source, list(targets.values()))
    found = {}
    for kind, target in targets.items():
        values = shares[target].reshape(cuts[source].count, -1)
        if target.atom == GROUPS:
            values = values[:, :-1]
        expected = shapley_loop(name, baseline, None if target == CLASSES else target.atom)
        found[kind] = relative(values, expected)
    return found


# ------------------------------------------------------------------------------------ other atoms
def path_of(name: str, baseline: str, kind: type[Paths], sources: Sequence[Atom]) -> Paths:
    """The paths of some sources to the classes."""
    at, seen = setting(name, baseline), observation(name, baseline)
    ends = [Substrate(at.lower, atom) for atom in sources]
    return kind(seen, cut_all(seen, [*ends, CLASSES]), ends, CLASSES)


def gradient_loop(name: str, baseline: str, pieces: Pieces, classes: list[int]) -> np.ndarray:
    """Mean over paths of discrete gradients ⊙ change of weights, `[N, C, H, W]`, one at a time."""
    at = setting(name, baseline)
    slow = Oracle(at.network, at.x, at.lower, "output")
    first = start(name, baseline, slow.a)
    change = slow.a - first
    found = torch.zeros(len(classes), *change.shape, dtype=torch.float64)
    for low, high in zip(pieces.first, pieces.last, strict=True):
        begins, ends = (torch.from_numpy(each)[:, None, None] * change for each in (low, high))
        gradients = slow.gradients(first + (begins + ends) / 2, "class")[classes]
        with torch.no_grad():
            scores = slow.run(torch.stack([first + ends, first + begins]))[:, classes]
        step = ends - begins
        for n, gradient in enumerate(gradients):
            missing = scores[0, n] - scores[1, n] - (gradient * step).sum()
            discrete = gradient + missing * step / step.square().sum().clamp_min(1e-30)
            found[n] += discrete * torch.from_numpy(high - low)[:, None, None] / pieces.paths
    return found.numpy()


def of_others(name: str, baseline: str) -> dict[str, float]:
    """Source and path → the largest deviation of its shares, relative to the loop's largest."""
    classes, found = [3, 1], {}
    slow = Oracle(setting(name, baseline).network, setting(name, baseline).x, lower(name), "output")
    change = slow.a - start(name, baseline, slow.a)
    for label, kind, sources in PATHS:
        path = path_of(name, baseline, kind, sources)
        pieces = path.pieces(classes, TOLERANCE, SMALL_STEPS)
        mean = gradient_loop(name, baseline, pieces, classes).reshape(len(classes), -1)
        for source, values in path.shares(classes, TOLERANCE, SMALL_STEPS).items():
            held = parts(source.atom.name, change).flatten(1).numpy()
            key = f"{source.atom.plural} {label}"
            found[key] = relative(values.reshape(-1, len(classes)), held @ mean.T)
    return found


def lower(name: str) -> str:
    return setting(name, BASELINES[0]).lower


def incompleteness(name: str, baseline: str) -> float:
    """What the shares of channels lack to the change of a logit, relative to it.

    Of the class whose logit changes most, with as few pieces as there may be.
    """
    at = setting(name, baseline)
    slow = Oracle(at.network, at.x, at.lower, "output")
    with torch.no_grad():
        ends = slow.run(torch.stack([slow.a, start(name, baseline, slow.a)]))
    change = (ends[0] - ends[1]).numpy()
    largest = int(np.abs(change).argmax())
    totals = [
        path_of(name, baseline, kind, [CHANNEL]).shares([largest], TOLERANCE, SMALL_STEPS)
        for _, kind, _ in PATHS
    ]
    return max(abs(float(sum(each.values()).sum()) / change[largest] - 1) for each in totals)


# ---------------------------------------------------------------------------------- between layers
def company_loop(name: str, baseline: str, source: Atom, target: Atom) -> np.ndarray:
    """Mean effects in four companies, what is missing spread, one atom after another: `[M, N]`."""
    at = setting(name, baseline)
    slow = Oracle(at.network, at.x, at.lower, at.upper)
    first = start(name, baseline, slow.a)
    held = parts(source.name, slow.a - first)

    def worth(present: list[bool]) -> np.ndarray:
        cube = first + sum(part for part, here in zip(held, present, strict=True) if here)
        with torch.no_grad():
            return scores(target.name, slow.run(cube[None]), None)[0].numpy()

    half = half_of(len(held), 0).tolist()
    everybody, nobody = [True] * len(held), [False] * len(held)
    companies = {1 / 6: (nobody, everybody), 1 / 3: (half, [not each for each in half])}
    mean = np.zeros((len(held), worth(half).size))
    for weight, company in ((weight, each) for weight, both in companies.items() for each in both):
        for j in range(len(held)):
            with_it, without = list(company), list(company)
            with_it[j], without[j] = True, False
            mean[j] += weight * (worth(with_it) - worth(without))
    missing = worth(everybody) - worth(nobody) - mean.sum(0)
    sizes = np.abs(mean)
    return mean + missing * sizes / np.maximum(sizes.sum(0), 1e-30)


def between(name: str, baseline: str) -> dict[str, float]:
    """Source and target → the largest deviation, relative to the loop's largest share."""
    at, seen = setting(name, baseline), observation(name, baseline)
    found = {}
    for source, target in BETWEEN:
        ends = Substrate(at.lower, source), Substrate(at.upper, target)
        companies = Companies(seen, cut_all(seen, ends), ends[0], [ends[1]])
        values = companies.shares(0)[0][ends[1]]
        expected = company_loop(name, baseline, source, target)
        found[f"{source.plural} to {target.plural}"] = relative(values, expected)
    return found


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    assert found.size == expected.size, f"{found.shape} beside {expected.shape}"
    return float(np.abs(found.reshape(expected.shape) - expected).max() / np.abs(expected).max())


# ------------------------------------------------------------------------------------ the document
@lru_cache
def row(name: str) -> list[float]:
    """Both baselines, the larger deviation of each: the columns of the table, then the sum's."""
    by_baseline = [
        [
            *of_groups(name, baseline).values(),
            *of_others(name, baseline).values(),
            *between(name, baseline).values(),
            incompleteness(name, baseline),
        ]
        for baseline in BASELINES
    ]
    return [max(each) for each in zip(*by_baseline, strict=True)]


TEXT = f"""\
Shares, of groups against a loop over all orders in which groups and residual may arrive, of other
atoms to classes against one gradient after another at the same points, and between layers against
one run after another, all in float64 and with either baseline. Each entry is the largest deviation
of float32 results, divided by the loop's largest share; the bound is {BOUND:g}. The last column is
what the shares of channels lack to the change of the logit that changes most, with {SMALL_STEPS}
gradients; it has the same bound. Shapley values and interactions are also compared with those of
the package shapiq, in `tests/unit/test_shapley.py`.
"""


def section() -> Iterator[str]:
    """The lines of a section of docs/correctness.md."""
    yield "## Shares"
    yield ""
    yield from TEXT.splitlines()
    yield ""
    groups = [f"groups to {kind}" for kind in ("classes", *(each.plural for each in TARGETS))]
    others = [f"{each.plural} {label}" for label, _, sources in PATHS for each in sources]
    later = [f"{source.plural} to {target.plural}" for source, target in BETWEEN]
    yield "| network | " + " | ".join([*groups, *others, *later, "sum"]) + " |"
    yield "|---|" + "---|" * (len(groups) + len(others) + len(later) + 1)
    for name in ARCHITECTURES:
        yield f"| {name} | " + " | ".join(f"{number:.0e}" for number in row(name)) + " |"
    yield ""
