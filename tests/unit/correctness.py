"""How far attribution deviates from the oracle, for every pair of atoms, every method and three networks.

`python -m tests.unit.correctness` writes the table into docs/correctness.md; `test_attribution.py` checks every row of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import torch

from pipeline.attribution import attribute, attribute_along_paths
from pipeline.factorization import Groups, factorize
from pipeline.grammar import Atom, Grouping, Substrate
from pipeline.methods import METHODS
from pipeline.network import Network
from tests.unit.networks import Functional, Plain, network
from tests.unit.oracle import Grey, Oracle

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "correctness.md"
BOUND = 1e-4
SIDE = 20
GROUPS = 3
STEPS, PATHS = 8, 3

# Network → module, preprocessing order, number of classes, source layer, target layer.
NETWORKS = {
    "plain": (Plain, "rgb", 5, "early", "late"),
    "functional": (Functional, "rgb", 5, "joined", "ended"),
    "grey": (Grey, "grey", 3, "near", "far"),
}
HABITS = {
    "plain": "batch norm, in-place ReLU, max-pools with and without ceil mode",
    "functional": "functional ReLU6 and max-pool, residual sum, concatenation, depthwise convolution, a module used twice",
    "grey": "one input channel, three classes, overlapping padded pool, SiLU, GELU, a gate over channels",
}

SOURCES = (Atom.SPATIAL, Atom.CHANNEL, Atom.GROUP, Atom.NEURON, Atom.WHOLE)
TARGETS = ("class", Atom.SPATIAL, Atom.CHANNEL, Atom.GROUP, Atom.NEURON, Atom.WHOLE)


@dataclass(frozen=True)
class Case:
    """One row of the table. `method` is a name in METHODS, or "linear, relaxed"."""

    network: str
    source: Atom
    target: str
    method: str

    def __str__(self) -> str:
        return f"{self.network}: {self.source} → {self.target}, {self.method}"


def cases() -> Iterator[Case]:
    """Every pair with `linear` and relaxed `linear` on every network; paths for all pairs on the first."""
    for name, source, target in product(NETWORKS, SOURCES, TARGETS):
        methods = ["linear", "linear, relaxed", *([each for each in METHODS if each != "linear"] if name == "plain" else [])]
        yield from (Case(name, source, target, method) for method in methods)


@lru_cache
def setting(name: str) -> tuple[Network, torch.Tensor]:
    """The network and a photograph of noise with structure."""
    module, order, classes, _, _ = NETWORKS[name]
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(1, 3, 8, 8, generator=generator)
    x = torch.nn.functional.interpolate(coarse, size=SIDE, mode="bilinear") * 0.8 + 0.2 * torch.rand(1, 3, SIDE, SIDE, generator=generator)
    return network(module(), seed=3, order=order, classes=[f"class {index}" for index in range(classes)]), x


@lru_cache
def oracle(name: str, to_classes: bool) -> Oracle:
    net, x = setting(name)
    _, _, _, source, target = NETWORKS[name]
    return Oracle(net, x, source, "output" if to_classes else target)


@lru_cache
def groups_of(name: str, layer: str) -> Groups:
    net, x = setting(name)
    return factorize(net.run(x, [layer])[0][layer][0].numpy(), GROUPS, layer)


def substrates(case: Case) -> tuple[Substrate, Substrate]:
    """The two substrates of a case."""
    _, _, _, source, target = NETWORKS[case.network]
    grouping = Grouping(GROUPS)
    to = Substrate("output", Atom.NEURON) if case.target == "class" else None
    return (
        Substrate(source, case.source, grouping if case.source is Atom.GROUP else None),
        to or Substrate(target, Atom(case.target), grouping if case.target == Atom.GROUP else None),
    )


def deviation(case: Case) -> float:
    """The largest deviation of `attribute` from the oracle, relative to the oracle's largest value."""
    net, x = setting(case.network)
    source, target = substrates(case)
    by_groups = {each: groups_of(case.network, each.layer) for each in (source, target) if each.atom is Atom.GROUP}
    slow = oracle(case.network, case.target == "class")
    atoms = (str(case.source), "class" if case.target == "class" else str(case.target))
    factors = (by_groups.get(source), by_groups.get(target))
    if case.method in ("linear", "linear, relaxed"):
        relax = case.method != "linear"
        found = attribute(net, x, source, target, relax=relax, groups=by_groups)
        # A group is present where activations are zero, and a pool over zeros has a kink there.
        tied = case.network == "plain" and source.atom is Atom.GROUP
        plain = slow.back_propagation if tied else slow.finite_differences
        expected = (slow.relaxed if relax else plain)(*atoms, *factors)
        return _relative(found, expected)
    return _along(net, x, case, slow, atoms, factors, by_groups)


def _along(net, x, case, slow, atoms, factors, by_groups) -> float:
    source, target = substrates(case)
    chosen = list(range(0, 300, 17)) if case.target == Atom.NEURON else None
    found = attribute_along_paths(net, x, source, target, case.method, targets=chosen, groups=by_groups, steps=STEPS, paths=PATHS)
    rule = METHODS[case.method].paths(slow.a.shape[0], STEPS, PATHS, 0)
    mean, spread, gap = slow.along(rule.points.numpy(), rule.shares.numpy(), *atoms, *factors)
    columns = slice(None) if chosen is None else chosen
    scale = np.abs(mean[:, columns]).max()
    deviations = [_relative(found.values, mean[:, columns])]
    deviations.append(float(np.abs(found.spread.reshape(spread[:, columns].shape) - spread[:, columns]).max() / scale))
    deviations.append(float(np.abs(found.gap.reshape(-1) - gap[columns]).max() / scale))
    return max(deviations)


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    assert found.size == expected.size, f"{found.shape} beside {expected.shape}"
    return float(np.abs(np.reshape(found, expected.shape) - expected).max() / np.abs(expected).max())


def document() -> str:
    """The text of docs/correctness.md."""
    methods = ["linear", "linear, relaxed", *(each for each in METHODS if each != "linear")]
    found = {case: deviation(case) for case in cases()}
    lines = [
        "# How correct attribution is",
        "",
        "Written by `python -m tests.unit.correctness`; `make test` checks every number against the bound.",
        "",
        "Each entry is the largest deviation of float32 results from an oracle in float64, divided by the oracle's largest",
        f"value; the bound is {BOUND:g}.",
        "The oracle shares no code with the pipeline (`tests/unit/oracle.py`): for `linear`, finite differences of each score along each",
        "atom's part; for relaxed pooling, back-propagation through a pool whose gradient loops over windows; for paths, one gradient",
        f"a score and point ({STEPS} steps; {PATHS} random paths), where the spread over paths and the completeness gap count as well.",
        "",
    ]
    for name, habits in HABITS.items():
        shown = [method for method in methods if any(case.network == name and case.method == method for case in found)]
        _, _, classes, source, target = NETWORKS[name]
        lines += [f"## Network “{name}”: {habits}", "", f"From layer `{source}` to layer `{target}` and to {classes} classes.", ""]
        lines += ["| source → target | " + " | ".join(shown) + " |", "|---|" + "---|" * len(shown)]
        for from_atom, to_atom in product(SOURCES, TARGETS):
            numbers = [f"{found[Case(name, from_atom, to_atom, method)]:.0e}" for method in shown]
            lines.append(f"| {from_atom} → {to_atom} | " + " | ".join(numbers) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
