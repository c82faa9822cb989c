"""How far attribution deviates from the oracle: every pair of atoms, every method, three networks.

`python -m tests.unit.correctness` writes the table into docs/correctness.md; `test_attribution.py`
checks every row of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import torch

from pipeline.attribution import METHODS, attribute, attribute_along_paths
from pipeline.config import AttributionTable
from pipeline.factorization import Factorization, factorize
from pipeline.grammar import CHANNEL, CLASSES, NEURON, SPATIAL, WHOLE, Atom, Group, Substrate
from pipeline.network import Network
from tests.unit import removals, shares
from tests.unit.networks import Functional, Plain, network
from tests.unit.oracle import Grey, Oracle

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "correctness.md"
BOUND = 1e-4
SIDE = 20
GROUPS = Group(3)
SETTINGS = AttributionTable(steps=8, paths=3)

# Network → module, preprocessing order, number of classes, source layer, target layer.
NETWORKS = {
    "plain": (Plain, "rgb", 5, "early", "late"),
    "functional": (Functional, "rgb", 5, "joined", "ended"),
    "grey": (Grey, "grey", 3, "near", "far"),
}
FEATURES = {
    "plain": "batch norm, in-place ReLU, max-pools with and without ceil mode",
    "functional": "ReLU6 and max-pool as functions, residual sum, concatenation, depthwise "
    "convolution",
    "grey": "one input channel, three classes, overlapping padded pool, SiLU, GELU, a gate over "
    "channels",
}

# "linear" has columns of its own; "shares" are computed in other ways for other pairs.
APART = ("linear", "shares")

SOURCES: tuple[Atom, ...] = (SPATIAL, CHANNEL, GROUPS, NEURON, WHOLE)
TARGETS: tuple[Atom | None, ...] = (None, *(SPATIAL, CHANNEL, GROUPS, NEURON, WHOLE))


@dataclass(frozen=True)
class Case:
    """One cell of the table. `target`: None for the classes. `method`: or "linear, relaxed"."""

    network: str
    source: Atom
    target: Atom | None
    method: str

    def __str__(self) -> str:
        return f"{self.network}: {self.pair}, {self.method}"

    @property
    def pair(self) -> str:
        """As the table shows it."""
        return " → ".join(self.names)

    @property
    def names(self) -> tuple[str, str]:
        """What the oracle calls the two atoms."""
        return self.source.name, "class" if self.target is None else self.target.name

    @property
    def substrates(self) -> tuple[Substrate, Substrate]:
        """The source and the target."""
        _, _, _, source, target = NETWORKS[self.network]
        to = CLASSES if self.target is None else Substrate(target, self.target)
        return Substrate(source, self.source), to

    @property
    def factorizations(self) -> dict[Substrate, Factorization]:
        """Of those substrates that are cut into groups."""
        return {
            each: groups_of(self.network, each.layer)
            for each in self.substrates
            if each.atom == GROUPS
        }


def cases() -> Iterator[Case]:
    """Every pair with "linear", relaxed or not, on every network; all methods on the first."""
    for name, source, target in product(NETWORKS, SOURCES, TARGETS):
        for method in methods(name):
            yield Case(name, source, target, method)


def methods(name: str) -> list[str]:
    """The columns of a network's table."""
    averaging = [each for each in METHODS if each not in APART] if name == "plain" else []
    return ["linear", "linear, relaxed", *averaging]


@lru_cache
def setting(name: str) -> tuple[Network, torch.Tensor]:
    """The network and a photograph of noise with structure."""
    module, order, count, _, _ = NETWORKS[name]
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(1, 3, 8, 8, generator=generator)
    structure = torch.nn.functional.interpolate(coarse, size=SIDE, mode="bilinear")
    x = structure * 0.8 + 0.2 * torch.rand(1, 3, SIDE, SIDE, generator=generator)
    classes = [f"class {index}" for index in range(count)]
    return network(module(), seed=3, order=order, classes=classes), x


@lru_cache
def oracle(name: str, to_classes: bool) -> Oracle:
    net, x = setting(name)
    _, _, _, source, target = NETWORKS[name]
    return Oracle(net, x, source, "output" if to_classes else target)


@lru_cache
def groups_of(name: str, layer: str) -> Factorization:
    net, x = setting(name)
    return factorize(net.run(x, [layer])[0][layer][0].numpy(), GROUPS.count, layer)


def deviation(case: Case) -> float:
    """The largest deviation from the oracle, relative to the oracle's largest value."""
    net, x = setting(case.network)
    source, target = case.substrates
    groups = case.factorizations
    slow = oracle(case.network, case.target is None)
    ends = (*case.names, groups.get(source), groups.get(target))
    if case.method not in ("linear", "linear, relaxed"):
        return _deviation_along(case, slow, ends)
    relax = case.method != "linear"
    found = attribute(net, x, source, target, relax=relax, groups=groups)
    # A group is present where activations are zero, and a pool over zeros has a kink there.
    tied = case.network == "plain" and case.source == GROUPS
    plain = slow.back_propagation if tied else slow.finite_differences
    return _relative(found, (slow.relaxed if relax else plain)(*ends))


def _deviation_along(case: Case, slow: Oracle, ends: tuple) -> float:
    """Of the values, of the spread over paths, and of the completeness gap."""
    net, x = setting(case.network)
    chosen = list(range(0, 300, 17)) if case.target == NEURON else None
    found = attribute_along_paths(
        net,
        x,
        *case.substrates,
        case.method,
        targets=chosen,
        groups=case.factorizations,
        steps=SETTINGS.steps,
        paths=SETTINGS.paths,
    )
    rule = METHODS[case.method].points(slow.a, SETTINGS)
    points = rule.at(range(rule.paths * rule.steps)).unflatten(0, (rule.paths, rule.steps))
    mean, spread, gap = slow.along(points, rule.weights, *ends)
    columns = slice(None) if chosen is None else chosen
    scale = np.abs(mean[:, columns]).max()
    pairs = [
        (found.values, mean[:, columns]),
        (found.spread, spread[:, columns]),
        (found.gap, gap[columns]),
    ]
    return max(_relative(*pair, scale) for pair in pairs)


def _relative(found: np.ndarray, expected: np.ndarray, scale: float | None = None) -> float:
    assert found.size == expected.size, f"{found.shape} beside {expected.shape}"
    scale = float(np.abs(expected).max()) if scale is None else scale
    return float(np.abs(np.reshape(found, expected.shape) - expected).max() / scale)


# ------------------------------------------------------------------------------------ the document
OPENING = f"""# How correct attribution is

Written by `python -m tests.unit.correctness`; `make test` checks every number against the bound.

Each entry is the largest deviation of float32 results from an oracle in float64, divided by the
oracle's largest value; the bound is {BOUND:g}. The oracle shares no code with the pipeline
(`tests/unit/oracle.py`). For `linear` it takes finite differences of each score along each atom's
part; for relaxed pooling, back-propagation through a pool whose gradient loops over windows; for
the other methods, one gradient a score and point ({SETTINGS.steps} points, {SETTINGS.paths} paths),
where the spread over paths and the completeness gap count as well.
"""


def document() -> str:
    """The text of docs/correctness.md."""
    attributions = (line for name in NETWORKS for line in _section(name))
    return "\n".join([OPENING, *attributions, *shares.section(), *removals.section()])


def _section(name: str) -> Iterator[str]:
    _, _, count, source, target = NETWORKS[name]
    yield f"## Network “{name}”: {FEATURES[name]}"
    yield ""
    yield f"From layer `{source}` to layer `{target}` and to {count} classes."
    yield ""
    yield "| source → target | " + " | ".join(methods(name)) + " |"
    yield "|---|" + "---|" * len(methods(name))
    for ends in product(SOURCES, TARGETS):
        row = [Case(name, *ends, method) for method in methods(name)]
        numbers = [f"{deviation(case):.0e}" for case in row]
        yield f"| {row[0].pair} | " + " | ".join(numbers) + " |"
    yield ""


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
