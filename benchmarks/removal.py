"""All removals of one photograph, beside the passes of the network that they cannot do without.

Every channel, position and group (and residual) of the four display layers is removed, one at a
time; measured is the effect on all classes and on the channels, positions and groups of every later
layer. The bound is a multiple of: atoms × the time that one row takes from a layer to the logits in
the plain network, at the best of several batch sizes, read by a clock in the layers of whole
passes. The removals run in the folded copy, as in a build. Each network has a process of its own,
whose peak memory is its row. Seconds are of the processor, on one thread, because a busy machine
shows in those of the wall; the best of several plain passes counts, and of the removals the only
one. GoogLeNet's weights are looked for in BUILDING_BLOCKS_SHARED, or `../shared`.

Beside them: all coalitions of six groups and their residual, of the two middle layers, to all
classes and the groups of later layers. Their bound of 3 s on two cores is 6 s of the processor.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING, Any

from benchmarks._networks import available, load
from benchmarks._rows import row
from pipeline.grammar import CHANNEL, CLASSES, SPATIAL, Group, Substrate

if TYPE_CHECKING:
    from pipeline.attribution.observation import Observation
    from pipeline.attribution.push_pull import Cuts

SOURCES = ("efficientnet_lite0", "googlenet")
GROUPS = Group(6)
ATOMS = (CHANNEL, SPATIAL, GROUPS)
BATCHES = (16, 32, 64, 128)
PASSES = 3
BOUND, GIGABYTES = 1.5, 4
PLAYED, SECONDS = slice(1, 3), 6


def pairs(layers: Sequence[str]) -> Iterator[tuple[Substrate, Substrate]]:
    """All atoms of every layer, with all classes and all atoms of every later layer."""
    for number, layer in enumerate(layers):
        later = [Substrate(*each) for each in product(layers[number + 1 :], ATOMS)]
        for atom in ATOMS:
            yield from ((Substrate(layer, atom), target) for target in (CLASSES, *later))


def measure(source: str) -> dict[str, Any]:
    """Seconds of all removals and of the passes they need, the number of atoms, peak memory."""
    import torch

    from pipeline.attribution.groups import cut_all
    from pipeline.attribution.observation import Observation
    from pipeline.attribution.removal import remove_all
    from pipeline.featurevis.folding import folded

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    layers = import_module(f"pipeline.models.{source}").LAYERS
    network = load(source)
    x = _photograph(network)
    faster = folded(network, tuple(layers))  # as the build has it
    observation, chosen = Observation(network, x, layers, None, faster), list(pairs(layers))
    cuts = cut_all(observation, dict.fromkeys(end for pair in chosen for end in pair))
    atoms = {layer: sum(cuts[Substrate(layer, atom)].count for atom in ATOMS) for layer in layers}
    spent = _seconds(lambda: remove_all(observation, cuts, chosen))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    passes = _passes(network, x, layers)
    needed = sum(count * passes[layer] for layer, count in atoms.items())
    return {
        "spent": spent,
        "needed": needed,
        "atoms": sum(atoms.values()),
        "gigabytes": peak,
        "played": _seconds(lambda: _play(observation, cuts, layers)),
        "coalitions": sum(2 ** cuts[Substrate(each, GROUPS)].count for each in layers[PLAYED]),
    }


def _play(observation: Observation, cuts: Cuts, layers: Sequence[str]) -> None:
    """Run all coalitions of two layers' groups, for the classes and the groups of later layers."""
    from pipeline.attribution.coalitions import play

    for number, layer in list(enumerate(layers))[PLAYED]:
        later = [Substrate(each, GROUPS) for each in layers[number + 1 :]]
        play(observation, cuts, Substrate(layer, GROUPS), [CLASSES, *later])


def _photograph(network: Any) -> Any:
    import numpy as np
    from PIL import Image
    from skimage import data

    size = (network.preprocessing.size,) * 2
    picture = Image.fromarray(data.chelsea()).resize(size, Image.Resampling.LANCZOS)
    return network.input(np.asarray(picture).copy())


def _seconds(work: Callable[[], Any]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _passes(network: Any, x: Any, layers: Sequence[str]) -> dict[str, float]:
    """Layer → seconds from its output to the logits, for one row of the best batch."""
    import torch

    best = dict.fromkeys(layers, float("inf"))
    for batch in BATCHES:
        rows = x.expand(batch, *x.shape[1:]).contiguous(memory_format=torch.channels_last)
        for _ in range(PASSES):
            with torch.no_grad():
                for layer, seconds in _after(network, rows, layers).items():
                    best[layer] = min(best[layer], seconds / batch)
    return best


def _after(network: Any, rows: Any, layers: Sequence[str]) -> dict[str, float]:
    """Layer → seconds from its output to the logits, in one pass."""
    reached: dict[str, float] = {}

    def clock(layer: str) -> Callable[..., None]:
        return lambda *_: reached.update({layer: time.process_time()})

    with network.hooks() as handles:
        handles += [network.layer(layer).register_forward_hook(clock(layer)) for layer in layers]
        network.logits(rows)
    end = time.process_time()
    return {layer: end - at for layer, at in reached.items()}


def rows() -> list[dict[str, Any]]:
    found = []
    for source in filter(available, SOURCES):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            numbers = pool.apply(measure, (source,))
        name, ratio = f"removal, {source}:", numbers["spent"] / numbers["needed"]
        found += [
            row(f"{name} atoms of four layers, each removed", numbers["atoms"], ""),
            row(f"{name} to all classes and later layers", numbers["spent"], "s"),
            row(f"{name} atoms × the rest of the network", numbers["needed"], "s"),
            row(f"{name} times that", ratio, "×", BOUND),
            row(f"{name} peak memory", numbers["gigabytes"], "GB", GIGABYTES),
            row(f"{name} coalitions of 6 + 1 parts, two layers", numbers["coalitions"], ""),
            row(f"{name} all of them, for exact shares", numbers["played"], "s", SECONDS),
        ]
    return found


if __name__ == "__main__":
    from benchmarks._rows import table

    print(table(rows()))
