"""Attribution of one photograph through GoogLeNet, exhaustively, and beside a loop over Captum.

Blocks 3a, 4a, 4d and 5a at 224 px, float32: by `linear`, spatial and channel attribution to all 1,000 classes and between
all pairs of blocks, groups of three sizes to the classes and between blocks, compatible groups; by `integrated` (32 steps)
and `random_paths` (8 paths), the five most probable classes. Each measurement runs in a process of its own, whose peak
memory is its row. Seconds are of the wall clock; the processor's seconds stand beside them, since a busy machine shows in
the first only. Without the weights (BUILDING_BLOCKS_SHARED, or `../shared`) the network is GoogLeNet with random ones.
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
from pipeline.grammar import CLASSES, Activation, Atom, Attribution, Content, Grouping, Substrate

LAYERS = ("inception_3a", "inception_4a", "inception_4d", "inception_5a")
COUNTS = (4, 6, 8)
GROUPED = ("inception_4a", "inception_4d")

# Captum's loop is the same for every class, so a few classes tell what all cost.
SAMPLED_CLASSES = 12


def contents() -> Iterator[Content]:
    """Everything that the article's figures can ask of one photograph."""
    for layer in LAYERS:
        for atom in (Atom.SPATIAL, Atom.CHANNEL):
            yield Activation(Substrate(layer, atom))
            yield Attribution(Substrate(layer, atom), CLASSES)
    for (lower, upper), atom in ((pair, atom) for pair in combinations(LAYERS, 2) for atom in (Atom.SPATIAL, Atom.CHANNEL)):
        yield Attribution(Substrate(lower, atom), Substrate(upper, atom))
    lower, upper = GROUPED
    for count in COUNTS:
        above = Substrate(upper, Atom.GROUP, Grouping(count))
        for below in (Substrate(lower, Atom.GROUP, Grouping(count)), Substrate(lower, Atom.GROUP, Grouping(count, (upper, count)))):
            yield from (Attribution(below, CLASSES), Attribution(below, above))
        yield Attribution(above, CLASSES)


def class_contents() -> list[Content]:
    """Channel and spatial attribution of every block to every class: what Captum's loop yields, too."""
    return [Attribution(Substrate(layer, atom), CLASSES) for layer in LAYERS for atom in (Atom.SPATIAL, Atom.CHANNEL)]


def photograph() -> tuple[Any, Any]:
    """GoogLeNet and a photograph."""
    import numpy as np
    import torch
    from PIL import Image
    from skimage import data

    from pipeline.config import Config, DatasetTable, ModelTable, Settings
    from pipeline.models import googlenet
    from pipeline.network import Network, Preprocessing

    torch.set_flush_denormal(True)
    shared = Path(os.environ.get("BUILDING_BLOCKS_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    weights = shared / "models" / "bvlc_googlenet.npz"
    if weights.is_file():
        model = ModelTable(source="googlenet", weights=str(weights))
        network = googlenet.load(Config(path=Path(__file__), settings=Settings(dataset=DatasetTable(images=("x",)), model=model)))
    else:
        torch.manual_seed(0)
        network = Network(googlenet.GoogLeNet(), Preprocessing(224, (0.45,) * 3, (0.25,) * 3), [str(index) for index in range(1000)])
    picture = Image.fromarray(data.chelsea()).resize((224, 224), Image.Resampling.LANCZOS)
    return network, network.input(np.asarray(picture).copy())


def exhaustive() -> dict[str, float]:
    """Seconds and peak memory of everything."""
    from pipeline.attribution import compute
    from pipeline.config import AttributionTable

    network, x = photograph()
    settings = AttributionTable(compare=("integrated", "random_paths"), compare_classes=5, steps=32, paths=8)
    spent = _timed(lambda: compute(network, x, contents(), settings))
    return spent | {"gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}


def classes() -> dict[str, float]:
    """Seconds for the class attributions, here and by Captum, in one run; relaxation off, which Captum does not have."""
    import numpy as np
    from captum.attr import LayerGradientXActivation

    from pipeline.attribution import compute
    from pipeline.config import AttributionTable

    network, x = photograph()
    prepared = network.preprocessing(x)
    loops = [LayerGradientXActivation(network.module, network.layer(layer)) for layer in LAYERS]

    def captum(chosen: range) -> list[Any]:
        return [
            (cube.sum((2, 3)), cube.sum(1)) for k in chosen for loop in loops for cube in (loop.attribute(prepared, target=k).detach(),)
        ]

    found: dict[str, Any] = {}
    captum(range(1))
    peer = _timed(lambda: found.update(captum=captum(range(SAMPLED_CLASSES))))
    own = _timed(lambda: found.update(own=compute(network, x, class_contents(), AttributionTable(relax_pooling=False))))
    deviation = 0.0
    for place, (channels, _) in enumerate(found["captum"]):
        k, layer = divmod(place, len(LAYERS))
        values = found["own"][f"attribution/{LAYERS[layer]}.channel/{CLASSES}"].values[:, k].astype(np.float32)
        expected = channels[0].numpy()
        deviation = max(deviation, float(np.abs(values - expected).max() / np.abs(expected).max()))
    scale = len(network.classes) / SAMPLED_CLASSES
    return {
        "own": own["seconds"],
        "own_processor": own["processor"],
        "captum": peer["seconds"] * scale,
        "captum_processor": peer["processor"] * scale,
        "deviation": deviation,
    }


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
    return [
        row("attribution: one photograph, exhaustively", everything["seconds"], "s", 90),
        row("attribution: one photograph, exhaustively, processor", everything["processor"], "s"),
        row("attribution: peak memory of that", everything["gigabytes"], "GB", 4, operator.lt),
        row("attribution: all classes, four blocks", by_class["own"], "s"),
        row("attribution: all classes, four blocks, processor", by_class["own_processor"], "s"),
        row("attribution: the same by a loop over Captum, extrapolated", by_class["captum"], "s"),
        row("attribution: the same by a loop over Captum, processor", by_class["captum_processor"], "s"),
        row("attribution: times faster than Captum", ratio, "×", 20, operator.ge),
        row("attribution: largest deviation from Captum (stored in half precision)", by_class["deviation"], "", 1e-3, operator.lt),
    ]


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(rows()))
