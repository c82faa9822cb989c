"""Shares the slow way, in float64: all orders of arrival of groups, one gradient after another.

`python -m tests.unit.correctness` writes how far shares deviate into docs/correctness.md;
`test_shares.py` checks every row. The networks and baselines are those of `tests.unit.removals`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise, permutations

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.coalitions import play
from pipeline.attribution.groups import cut_all
from pipeline.attribution.observation import Observation
from pipeline.attribution.straight_path import StraightPath
from pipeline.grammar import CHANNEL, CLASSES, NEURON, SPATIAL, WHOLE, Atom, Substrate
from tests.unit.architectures import ARCHITECTURES
from tests.unit.oracle import Oracle, group_parts, parts, scores
from tests.unit.removals import BASELINES, GROUPS, setting

BOUND = 1e-4
TOLERANCE = 0.01
SMALL_STEPS, STEPS = 12, 512
TARGETS: tuple[Atom, ...] = (SPATIAL, CHANNEL, GROUPS, NEURON, WHOLE)
SOURCES: tuple[Atom, ...] = (SPATIAL, CHANNEL, NEURON, WHOLE)


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
def path_of(name: str, baseline: str) -> StraightPath:
    """The path of all sources to the classes."""
    at, seen = setting(name, baseline), observation(name, baseline)
    sources = [Substrate(at.lower, atom) for atom in SOURCES]
    return StraightPath(seen, cut_all(seen, [*sources, CLASSES]), sources, CLASSES)


def of_others(name: str, baseline: str) -> dict[str, float]:
    """Source → the largest deviation of its shares, relative to the loop's largest share."""
    at, path, classes = setting(name, baseline), path_of(name, baseline), [3, 1]
    found = path.shares(classes, TOLERANCE, SMALL_STEPS)
    slow = Oracle(at.network, at.x, at.lower, "output")
    first = start(name, baseline, slow.a)
    change = slow.a - first
    mean = torch.zeros_like(change)
    for low, high in pairwise(path.edges(classes, TOLERANCE, SMALL_STEPS)):
        gradients = slow.gradients(first + (low + high) / 2 * change, "class")
        mean = mean + (high - low) * gradients
    return {
        source.atom.name: relative(
            values.reshape(-1, len(classes)),
            (parts(source.atom.name, change).flatten(1) @ mean[classes].flatten(1).T).numpy(),
        )
        for source, values in found.items()
    }


def incompleteness(name: str, baseline: str) -> float:
    """What the shares of channels lack to the change of a logit, relative to it.

    Of the class whose logit changes most.
    """
    at, path = setting(name, baseline), path_of(name, baseline)
    slow = Oracle(at.network, at.x, at.lower, "output")
    with torch.no_grad():
        ends = slow.run(torch.stack([slow.a, start(name, baseline, slow.a)]))
    change = (ends[0] - ends[1]).numpy()
    largest = int(np.abs(change).argmax())
    total = path.shares([largest], TOLERANCE, STEPS)[Substrate(at.lower, CHANNEL)].sum()
    return float(abs(total / change[largest] - 1))


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
            incompleteness(name, baseline),
        ]
        for baseline in BASELINES
    ]
    return [max(each) for each in zip(*by_baseline, strict=True)]


TEXT = f"""\
Shares, of groups against a loop over all orders in which groups and residual may arrive, of other
atoms against one gradient after another at the same points, all in float64 and with either
baseline. Each entry is the largest deviation of float32 results, divided by the loop's largest
share; the bound is {BOUND:g}. The last column is what the shares of channels lack to the change of
the logit that changes most; the bound is {TOLERANCE:g}. Shapley values and interactions are also
compared with those of the package shapiq, in `tests/unit/test_shapley.py`.
"""


def section() -> Iterator[str]:
    """The lines of a section of docs/correctness.md."""
    yield "## Shares"
    yield ""
    yield from TEXT.splitlines()
    yield ""
    groups = [f"groups to {kind}" for kind in ("classes", *(each.plural for each in TARGETS))]
    others = [f"{each.plural} to classes" for each in SOURCES]
    yield "| network | " + " | ".join([*groups, *others, "sum"]) + " |"
    yield "|---|" + "---|" * (len(groups) + len(others) + 1)
    for name in ARCHITECTURES:
        yield f"| {name} | " + " | ".join(f"{number:.0e}" for number in row(name)) + " |"
    yield ""
