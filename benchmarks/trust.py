"""How far attributions of channels can be believed, by every method, on two networks.

Layers are drawn at random among the bottlenecks, and the demo's photographs are joined by those of
BUILDING_BLOCKS_SHARED or `../shared`, where GoogLeNet's weights are as well. The score is the logit
of the most probable class. Two questions have two references:

share          Shapley values by sampled orders: each order and its reverse, 16 in all
without it     what the logit really loses when one channel is set to zero

Two numbers say how a method answers: Pearson's r over channels, and the share of channels whose
sign is right, each channel weighted by the size of its reference (0.5 is a coin). Sampled values
have errors of their own: the r between the two halves of the orders is how well the reference finds
itself again. The method "shares", by which atlases are built, has to reach nine tenths of it, in
every case. Of layers with more than 96 channels, so many are drawn.

BENCHMARK_TRUST_LAYERS (3) layers are drawn for each network by BENCHMARK_TRUST_SEED (0).
"""

from __future__ import annotations

import operator
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._networks import SHARED, available, count, load
from benchmarks._rows import row
from pipeline.attribution.methods import METHODS
from pipeline.grammar import CHANNEL, CLASSES, OUTPUT, Substrate
from pipeline.shapley import correlation, gains, split_half

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.network import Network

SOURCES = ("efficientnet_lite0", "googlenet")
DEMO = ("chelsea", "coffee", "rocket")
LAYERS, SEED, ORDERS, CHANNELS = 3, 0, 16, 96
BOUND = 0.9  # times the reference's split-half r
REMOVAL = "removal"


@dataclass(frozen=True)
class Case:
    """One photograph, one layer: what each method answers, beside the two references.

    Attributes
    ----------
    answers
        Method, or "removal" → f8 `[m]`.
    shapley, removal
        The references, f8 `[m]`.
    split_half
        The r of the sampled reference with itself.
    """

    photograph: str
    layer: str
    answers: dict[str, np.ndarray]
    shapley: np.ndarray
    removal: np.ndarray
    split_half: float

    def share(self, method: str) -> tuple[float, float]:
        """How well a method answers the first question: r, and right signs by size."""
        return _agreement(self.answers[method], self.shapley)

    def without(self, method: str) -> tuple[float, float]:
        """How well it answers the second."""
        return _agreement(self.answers[method], self.removal)


def _agreement(found: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    size = np.abs(reference)
    right = size[np.sign(found) == np.sign(reference)].sum() / size.sum()
    return float(correlation(found, reference)), float(right)


# ---------------------------------------------------------------------------------------- the cases
def cases(source: str, layers: int, seed: int) -> Iterator[Case]:
    """Measure every photograph at layers drawn at random."""
    from pipeline.photographs import fit

    network = load(source)
    drawn = bottlenecks(network, layers, seed)
    for name, pixels in photographs():
        x = network.input(fit(pixels, network.preprocessing.size, "crop"))
        for layer in drawn:
            began = time.monotonic()
            case = measure(network, x, name, layer)
            _report(source, case, time.monotonic() - began)
            yield case


def bottlenecks(network: Network, layers: int, seed: int) -> list[str]:
    """Draw bottlenecks, in running order; of modules that pass a cube on unchanged, one."""
    from pipeline.probe import probe

    found = [
        each
        for each in probe(network, "").layers
        if each.objection is None and each.bottleneck and each.kind not in ("Identity", "Dropout")
    ]
    rows = np.random.default_rng(seed).choice(len(found), min(layers, len(found)), replace=False)
    return [found[each].name for each in sorted(rows)]


def photographs() -> Iterator[tuple[str, np.ndarray]]:
    """Name and pixels of the demo's photographs, and of those beside the checkout."""
    from skimage import data

    from pipeline.photographs import decode

    for name in DEMO:
        yield name, getattr(data, name)()
    for path in sorted((SHARED / "images").glob("*.jp*g")):
        yield path.stem, decode(path)


def measure(network: Network, x: Tensor, photograph: str, layer: str) -> Case:
    """Ask every method, and measure both references."""
    from pipeline.attribution import attribute_along_paths
    from pipeline.attribution.groups import cut_all
    from pipeline.attribution.observation import Observation
    from pipeline.attribution.sampling import Game

    source = Substrate(layer, CHANNEL)
    observation = Observation(network, x, [layer])
    top = [int(observation.cubes[OUTPUT].argmax())]
    cuts = cut_all(observation, [source, CLASSES])
    channels, drawn = cuts[source].count, np.random.default_rng(SEED)
    chosen = np.sort(drawn.choice(channels, min(CHANNELS, channels), replace=False))
    game = Game(observation, cuts, source, CLASSES, top)
    sampled = gains(game.play, channels, ORDERS, SEED, list(chosen))[..., 0]
    every = np.ones((1 + len(chosen), channels), bool)
    every[1 + np.arange(len(chosen)), chosen] = False
    played = game.play(every)[:, 0].astype(np.float64)
    removal = played[0] - played[1:]
    answers = {
        method: attribute_along_paths(
            network, x, source, CLASSES, method, targets=top, relax=False
        ).values[chosen, 0]
        for method in METHODS
    }
    answers[REMOVAL] = removal
    reliability = float(split_half(sampled))
    return Case(photograph, layer, answers, sampled.mean(0), removal, reliability)


def _report(source: str, case: Case, seconds: float) -> None:
    found = [f"split-half {case.split_half:.2f}"]
    for method in case.answers:
        numbers = [f"{each:.2f}" for each in (*case.share(method), *case.without(method))]
        found.append(f"{method} {' '.join(numbers)}")
    where = f"  {source}, {case.photograph}, {case.layer} ({seconds:.0f} s)"
    print(f"{where}: {'; '.join(found)}", file=sys.stderr, flush=True)


# ----------------------------------------------------------------------------------------- the rows
def rows() -> list[dict[str, Any]]:
    """The median and the least of each number over the cases of a network."""
    import torch

    torch.set_flush_denormal(True)
    layers = count("BENCHMARK_TRUST_LAYERS", LAYERS)
    seed = count("BENCHMARK_TRUST_SEED", SEED)
    found = []
    for source in filter(available, SOURCES):
        found += _rows(f"trust, {source}:", list(cases(source, layers, seed)))
    return found


def _rows(name: str, measured: list[Case]) -> list[dict[str, Any]]:
    halves = [each.split_half for each in measured]
    found = [
        row(f"{name} photographs and layers, pairs", len(measured), ""),
        row(f"{name} split-half r of the reference, median", float(np.median(halves)), "r"),
        row(f"{name} … the least", min(halves), "r"),
    ]
    for method in (*METHODS, REMOVAL):
        agreements = [each.share(method) for each in measured]
        found += _medians(f"{name} {method}, share", agreements)
        if method != REMOVAL:
            agreements = [each.without(method) for each in measured]
            found += _medians(f"{name} {method}, without it", agreements)
    reached = min(each.share("shares")[0] / each.split_half for each in measured)
    label = f"{name} shares, r over the reference's split-half r, the least"
    return [*found, row(label, reached, "×", BOUND, operator.ge)]


def _medians(name: str, agreements: list[tuple[float, float]]) -> list[dict[str, Any]]:
    r, signs = np.transpose(agreements)
    return [
        row(f"{name}: r, median", float(np.median(r)), "r"),
        row(f"{name}: … the least", float(r.min()), "r"),
        row(f"{name}: right signs by size, median", float(np.median(signs)), ""),
    ]


if __name__ == "__main__":
    from benchmarks._rows import table

    print(table(rows()))
