"""Removals the slow way: one atom, one hook, one pass of the whole network, in float64.

`python -m tests.unit.correctness` writes how far `pipeline.attribution.removal` deviates from it
into docs/correctness.md; `test_removal.py` checks every row. The loop shares no code with the
pipeline. Removed atoms are set to the baseline b: zero, or one number for each channel.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from pipeline.attribution.groups import cut_all
from pipeline.attribution.observation import Observation
from pipeline.attribution.push_pull import Attributions
from pipeline.attribution.removal import remove_all
from pipeline.factorization import Factorization, factorize
from pipeline.grammar import CHANNEL, CLASSES, NEURON, SPATIAL, WHOLE, Atom, Group, Substrate
from pipeline.network import Network
from tests.unit.architectures import ARCHITECTURES
from tests.unit.networks import network, photograph
from tests.unit.oracle import group_parts, noting, scores

# Of deviations, where the pipeline computes in float64 as the loop does, and in float32.
BOUNDS = {torch.float64: 1e-5, torch.float32: 1e-4}
GROUPS = Group(2)
ATOMS: tuple[Atom, ...] = (CHANNEL, SPATIAL, GROUPS, NEURON, WHOLE)
BASELINES = ("zero", "mean")

Removed = Iterator[Callable[[Tensor], Tensor]]


@dataclass(frozen=True)
class Setting:
    """One architecture with one baseline: what the pipeline finds, and what the loop needs."""

    network: Network
    x: Tensor
    lower: str
    upper: str
    groups: dict[str, Factorization]
    means: dict[str, np.ndarray] | None

    @property
    def targets(self) -> list[Substrate]:
        return [CLASSES, *(Substrate(self.upper, atom) for atom in ATOMS)]


@lru_cache
def setting(name: str, baseline: str) -> Setting:
    """A network with random weights, and groups of its two layers."""
    chosen = ARCHITECTURES[name]
    net, x = network(chosen.module(), seed=2), photograph(side=16)
    layers = (chosen.lower, chosen.upper)
    cubes = {layer: cube[0].numpy() for layer, cube in net.run(x, layers)[0].items()}
    groups = {layer: factorize(cube, GROUPS.count, layer) for layer, cube in cubes.items()}
    means = {layer: cube.mean((1, 2)) + np.float32(0.1) for layer, cube in cubes.items()}
    return Setting(net, x, *layers, groups, means if baseline == "mean" else None)


@lru_cache
def measured(name: str, baseline: str, dtype: torch.dtype) -> Attributions:
    """What the pipeline finds, all pairs together."""
    at = setting(name, baseline)
    net = replace(at.network, module=copy.deepcopy(at.network.module).to(dtype))
    sources = [Substrate(at.lower, atom) for atom in ATOMS]
    observation = Observation(net, at.x.to(dtype), [at.lower, at.upper], at.means)
    known = {Substrate(layer, GROUPS): found for layer, found in at.groups.items()}
    cuts = cut_all(observation, [*sources, *at.targets], known)
    return remove_all(observation, cuts, [(each, to) for each in sources for to in at.targets])


# ---------------------------------------------------------------------------------------- the loop
@dataclass(frozen=True)
class Loop:
    """The whole network in float64, once for every atom that is removed."""

    at: Setting

    def effects(self, atom: Atom) -> dict[Substrate, np.ndarray]:
        """Target → `[M, N]`: the intact score less the score without each atom."""
        at = self.at
        module = copy.deepcopy(at.network.module).double()
        x = at.network.preprocessing(at.x.double())
        lower, upper = (module.get_submodule(layer) for layer in (at.lower, at.upper))

        def run(change: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
            caught: list[Tensor] = []
            handles = [
                lower.register_forward_hook(lambda _module, _inputs, output: change(output)),
                upper.register_forward_hook(noting(caught)),
            ]
            output = module(x)
            for handle in handles:
                handle.remove()
            return caught[0], output[0] if isinstance(output, tuple) else output

        kept: list[Tensor] = []
        intact = run(lambda output: (kept.append(output[0].clone()), output)[1])
        without = [run(change) for change in self.removed(atom, kept[0])]
        return {
            target: np.concatenate(
                [self.score(target, intact) - self.score(target, each) for each in without]
            )
            for target in at.targets
        }

    def removed(self, atom: Atom, a: Tensor) -> Removed:
        """What to make of the layer's output, for each of its atoms."""
        means = self.at.means
        b = torch.zeros(len(a)) if means is None else torch.from_numpy(means[self.at.lower])
        b = b.double()[:, None, None].expand(a.shape)
        if atom == GROUPS:
            parts = group_parts(self.at.groups[self.at.lower])
            for part in parts:
                yield lambda output, part=part: output - part
            yield lambda _output: (b + sum(parts))[None]
            return
        for mask in masks(atom, a):
            yield lambda output, mask=mask: torch.where(mask, b, output)

    def score(self, target: Substrate, caught: tuple[Tensor, Tensor]) -> np.ndarray:
        """The scores `[1, N]` of a target; of groups, that of their residual last."""
        cubes, logits = caught
        if target == CLASSES:
            return logits.numpy()
        groups = self.at.groups[self.at.upper]
        found = scores(target.atom.name, cubes, groups)
        if target.atom == GROUPS:
            a = self.at.network.run(self.at.x, [self.at.upper])[0][self.at.upper].double()
            left = a - sum(group_parts(groups))
            found = torch.cat([found, (cubes * left / left.norm()).sum()[None, None]], 1)
        return found.numpy()


def masks(atom: Atom, a: Tensor) -> Iterator[Tensor]:
    """Where each atom is: bool `[C, H, W]`."""
    channels, height, width = a.shape
    c, y, x = torch.meshgrid(*map(torch.arange, a.shape), indexing="ij")
    if atom == WHOLE:
        yield torch.ones(a.shape, dtype=torch.bool)
    if atom == CHANNEL:
        yield from (c == i for i in range(channels))
    if atom == SPATIAL:
        yield from ((y == i) & (x == j) for i in range(height) for j in range(width))
    if atom == NEURON:
        yield from (
            (c == k) & (y == i) & (x == j)
            for k in range(channels)
            for i in range(height)
            for j in range(width)
        )


# ----------------------------------------------------------------------------------- the deviations
@lru_cache
def looped(name: str, baseline: str, atom: Atom) -> dict[Substrate, np.ndarray]:
    """What the loop finds."""
    with torch.no_grad():
        return Loop(setting(name, baseline)).effects(atom)


def deviations(name: str, baseline: str, atom: Atom, dtype: torch.dtype) -> dict[Substrate, float]:
    """Target → the largest deviation from the loop, relative to the loop's largest effect."""
    found, expected = measured(name, baseline, dtype), looped(name, baseline, atom)
    source = Substrate(setting(name, baseline).lower, atom)
    return {target: _relative(found[source, target], values) for target, values in expected.items()}


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    assert found.size == expected.size, f"{found.shape} beside {expected.shape}"
    difference = np.abs(found.reshape(expected.shape) - expected).max()
    return float(difference / np.abs(expected).max())


TEXT = f"""\
Measured effects of removal, against a loop over all atoms that runs the whole network in float64
for each of them, with a hook that sets the atom to its baseline: zero, or one number for each
channel. Each entry is the largest deviation of float32 results with either baseline, divided by the
loop's largest effect; the bound is {BOUNDS[torch.float32]:g}. What deviates is rounding, since an
effect is the difference of two scores: where the pipeline computes in float64 as the loop does, no
deviation exceeds {BOUNDS[torch.float64]:g}, which the tests check as well.
"""


def section() -> Iterator[str]:
    """The lines of a section of docs/correctness.md."""
    yield "## Removals"
    yield ""
    yield from TEXT.splitlines()
    yield ""
    yield "| network, removed atom | class | " + " | ".join(each.plural for each in ATOMS) + " |"
    yield "|---|" + "---|" * (len(ATOMS) + 1)
    for name in ARCHITECTURES:
        for atom in ATOMS:
            numbers = [f"{max(each):.0e}" for each in zip(*_row(name, atom), strict=True)]
            yield f"| {name}, {atom.name} | " + " | ".join(numbers) + " |"
    yield ""


def _row(name: str, atom: Atom) -> Iterator[Iterable[float]]:
    for baseline in BASELINES:
        yield deviations(name, baseline, atom, torch.float32).values()
