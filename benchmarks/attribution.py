"""Attribution of one photograph through GoogLeNet, exhaustively, and compared with Captum.

Blocks 3a, 4a, 4d and 5a at 224 px, float32. By "linear": spatial and channel attribution to all
1,000 classes and between all pairs of blocks, groups of three sizes to the classes and between
blocks, compatible groups. By "integrated" (32 steps) and "random_paths" (8 paths): the five most
probable classes. Each measurement runs in a process of its own, whose peak memory is its row.
Seconds are of the wall clock; the processor's seconds stand beside them, because a busy machine
shows in the former only. Without the weights (BUILDING_BLOCKS_SHARED, or `../shared`) the network
is GoogLeNet with random ones.
"""

from __future__ import annotations

import multiprocessing
import operator
import os
import resource
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks._rows import row
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    SPATIAL,
    Activation,
    Attribution,
    Concentration,
    Content,
    Group,
    Substrate,
    with_requirements,
)

LAYERS = ("inception_3a", "inception_4a", "inception_4d", "inception_5a")
ATOMS = (SPATIAL, CHANNEL)
COUNTS = (4, 6, 8)
GROUPED = ("inception_4a", "inception_4d")
PATH_METHODS = ("integrated", "random_paths")
TOP = 5

# Captum's loop is the same for every class, so a few classes show what all of them cost.
SAMPLED_CLASSES = 12


def contents() -> tuple[Content, ...]:
    """Everything that the article's figures can ask of one photograph."""
    return with_requirements((*to_classes(), *between_blocks(), *of_groups()))


def to_classes() -> Iterator[Content]:
    """Channel and spatial attribution of every block to every class, and the activations."""
    for layer in LAYERS:
        for atom in ATOMS:
            yield Activation(Substrate(layer, atom))
            yield Attribution(Substrate(layer, atom), CLASSES)


def between_blocks() -> Iterator[Content]:
    """Channels to channels and positions to positions, for every pair of blocks."""
    for lower, upper in combinations(LAYERS, 2):
        for atom in ATOMS:
            yield Attribution(Substrate(lower, atom), Substrate(upper, atom))


def of_groups() -> Iterator[Content]:
    """Groups of two blocks, independent and compatible, to the classes and to each other."""
    lower, upper = GROUPED
    for count in COUNTS:
        above = Substrate(upper, Group(count))
        yield Attribution(above, CLASSES)
        for atom in (Group(count), Group(count, (upper, count))):
            below = Substrate(lower, atom)
            yield Attribution(below, CLASSES)
            yield Attribution(below, above)
        yield Concentration(below)


def photograph(device: str = "cpu") -> tuple[Any, Any]:
    """GoogLeNet on a device, and a photograph."""
    import numpy as np
    import torch
    from PIL import Image
    from skimage import data

    torch.set_flush_denormal(True)
    network = _googlenet().to(torch.device(device))
    picture = Image.fromarray(data.chelsea()).resize((224, 224), Image.Resampling.LANCZOS)
    return network, network.input(np.asarray(picture).copy())


def _googlenet() -> Any:
    import torch

    from pipeline.config import Config, DatasetTable, ModelTable, Settings
    from pipeline.models import googlenet
    from pipeline.models.googlenet_module import GoogLeNet
    from pipeline.network import Network, Preprocessing

    beside = Path(__file__).resolve().parents[2] / "shared"
    weights = Path(os.environ.get("BUILDING_BLOCKS_SHARED", beside)) / "models/bvlc_googlenet.npz"
    if weights.is_file():
        model = ModelTable(source="googlenet", weights=str(weights))
        settings = Settings(dataset=DatasetTable(images=("x",)), model=model)
        return googlenet.load(Config(path=Path(__file__), settings=settings))
    torch.manual_seed(0)
    preprocessing = Preprocessing(224, (0.45,) * 3, (0.25,) * 3)
    return Network(GoogLeNet(), preprocessing, [str(index) for index in range(1000)])


def exhaustive(device: str = "cpu") -> dict[str, float]:
    """Seconds and peak memory of everything."""
    from pipeline.attribution import attribute_along_paths, compute
    from pipeline.config import AttributionTable

    network, x = photograph(device)

    def work() -> None:
        compute(network, x, contents(), AttributionTable(method="linear"))
        top = network.logits(x)[0].topk(TOP).indices.tolist()
        for method in PATH_METHODS:
            for layer in LAYERS:
                source = Substrate(layer, CHANNEL)
                attribute_along_paths(network, x, source, CLASSES, method, targets=top)

    spent = _timed(work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return spent | {"gigabytes": peak * 1024 / 1e9}


def classes() -> dict[str, float]:
    """Seconds for the class attributions, here and by Captum, in one run.

    Max-pools are not relaxed, which Captum does not offer.
    """
    from captum.attr import LayerGradientXActivation

    from pipeline.attribution import compute
    from pipeline.config import AttributionTable

    network, x = photograph()
    prepared = network.preprocessing(x)
    module = network.module
    loops = {each: LayerGradientXActivation(module, network.layer(each)) for each in LAYERS}

    def captum(count: int) -> dict[tuple[str, int], Any]:
        """(Layer, class) → sums over positions and over channels, as the pipeline stores them."""
        found = {}
        for k in range(count):
            for layer, loop in loops.items():
                cube = loop.attribute(prepared, target=k).detach()[0]
                found[layer, k] = (cube.sum((1, 2)), cube.sum(0))
        return found

    found: dict[str, Any] = {}
    captum(1)
    peer = _timed(lambda: found.update(captum=captum(SAMPLED_CLASSES)))
    settings = AttributionTable(method="linear", relax_pooling=False)
    own = _timed(lambda: found.update(own=compute(network, x, to_classes(), settings)))
    scale = len(network.classes) / SAMPLED_CLASSES
    return {
        "own": own["seconds"],
        "own_processor": own["processor"],
        "captum": peer["seconds"] * scale,
        "captum_processor": peer["processor"] * scale,
        "deviation": max(_deviation(found["own"], *each) for each in found["captum"].items()),
    }


def _deviation(own: Any, key: tuple[str, int], captum: Any) -> float:
    import numpy as np

    layer, k = key
    path = Attribution(Substrate(layer, CHANNEL), CLASSES).path
    values = own[path][path].values[:, k].astype(np.float32)
    expected = captum[0].numpy()
    return float(np.abs(values - expected).max() / np.abs(expected).max())


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}


def _apart(measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure)


def rows() -> list[dict[str, Any]]:
    everything, by_class = _apart(exhaustive), _apart(classes)
    ratio = by_class["captum"] / by_class["own"]
    one, four = "attribution: one photograph, exhaustively", "attribution: all classes, four blocks"
    loop = "attribution: the same by a loop over Captum"
    exact = "attribution: largest deviation from Captum (stored in half precision)"
    return [
        row(one, everything["seconds"], "s", 90),
        row(f"{one}, processor", everything["processor"], "s"),
        row("attribution: peak memory of that", everything["gigabytes"], "GB", 4, operator.lt),
        row(four, by_class["own"], "s"),
        row(f"{four}, processor", by_class["own_processor"], "s"),
        row(f"{loop}, extrapolated", by_class["captum"], "s"),
        row(f"{loop}, processor", by_class["captum_processor"], "s"),
        row("attribution: times faster than Captum", ratio, "×", 20, operator.ge),
        row(exact, by_class["deviation"], "", 1e-3, operator.lt),
    ]


if __name__ == "__main__":
    from benchmarks._rows import table

    print(table(rows()))
