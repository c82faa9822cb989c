"""Feature visualization compared with an earlier state of this project: time and scores.

The state of `BENCHMARK_COMMIT` (the first engine: 64 steps of Adam at 128 px) is taken from the
repository's history into `build/before`. Both states render `BENCHMARK_CHANNELS` (32, as many as a
job of a build has) channels of each of the demo's layers, in turn, in processes of their own. The
score is the mean activation of the channel, for the finished picture at its own side and enlarged
to 224 px; other networks say how clear the pictures are (`benchmarks._judges`). `BENCHMARK_LAYERS`
names other layers of the demo's network, separated by commas.
"""

from __future__ import annotations

import io
import json
import operator
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._judges import entropies
from benchmarks._networks import CHECKOUT, count
from benchmarks._rows import row, table
from benchmarks.clarity import judged
from pipeline.errors import AtlasError

COMMIT = os.environ.get("BENCHMARK_COMMIT", "d69114c")
CHANNELS = count("BENCHMARK_CHANNELS", 32)
NAMED = [name for name in os.environ.get("BENCHMARK_LAYERS", "").split(",") if name]
ENLARGED = 224

# Runs with the state to measure as the only place to import from, so it knows the module names of
# both states.
_SCRIPT = """
import json, sys, time
from pathlib import Path
import numpy as np
import torch
from pipeline import config, models
from pipeline.featurevis.recipes import named
try:
    from pipeline.featurevis.render import render
    from pipeline.featurevis.requests import requests_for_channels
except ImportError:
    from pipeline.featurevis.optimizer import render, requests_for_channels
try:
    from pipeline.memory import keep_memory
except ImportError:
    try:
        from pipeline.allocator import keep_memory
    except ImportError:
        keep_memory = bool
keep_memory()
layers, count, enlarged, folder = json.loads(sys.argv[1])
torch.set_flush_denormal(True)
tables = {"model": {"source": "efficientnet_lite0"}, "dataset": {"images": ("skimage:chelsea",)}}
settings = config.Settings.model_validate(tables)
network = models.load(config.Config(path=Path("benchmark.toml"), settings=settings))
for layer in layers:
    with torch.no_grad():
        size = network.run_to(torch.full((1, 3, 224, 224), 0.5), [layer])[layer].shape[1]
    channels = [int(channel) for channel in np.linspace(0, size - 1, count)]
    began = time.perf_counter()
    batches = list(render(network, requests_for_channels(layer, channels), named("fast")))
    seconds = (time.perf_counter() - began) / count
    found = {str(unit): x for batch in batches for unit, x in zip(batch.units, batch.pictures)}
    pictures = np.stack([found[f"channel:{channel}"] for channel in channels])
    np.save(Path(folder) / f"{layer}.npy", pictures)
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    scores = []
    for side in (x.shape[-1], enlarged):
        shown = torch.nn.functional.interpolate(x, side, mode="bilinear", align_corners=False)
        with torch.no_grad():
            reached = network.run_to(shown, [layer])[layer].mean((2, 3))
        scores.append(float(np.mean([reached[row, c] for row, c in enumerate(channels)])))
    print(json.dumps([seconds, *scores]), flush=True)
"""


def former() -> Path:
    """Return the folder with the earlier state, taken from the history the first time.

    Raises
    ------
    AtlasError
        When the history has no such state: a wrong name, or a clone without its history.
    """
    folder = CHECKOUT / "build" / "before" / COMMIT
    if not folder.exists():
        command = ["git", "archive", COMMIT, "pipeline"]
        archive = subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True)
        if archive.returncode:
            reason = archive.stderr.decode(errors="replace").strip()
            raise AtlasError(
                f"BENCHMARK_COMMIT={COMMIT}: no such state in the history of {CHECKOUT} "
                f"({reason}); git log lists them"
            )
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
    return folder


def measure(tree: Path, layers: Sequence[str], kept: Path) -> np.ndarray:
    """Render with the state in a folder; pictures are kept in `kept/LAYER.npy`.

    Returns
    -------
    ndarray
        f8 `[layers, 3]`: seconds a picture, score at the picture's side, score enlarged.
    """
    kept.mkdir(parents=True, exist_ok=True)
    arguments = json.dumps([layers, CHANNELS, ENLARGED, str(kept)])
    result = subprocess.run(
        [sys.executable, "-P", "-c", _SCRIPT, arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return np.array([json.loads(line) for line in result.stdout.splitlines()])


def rows() -> list[dict[str, Any]]:
    from pipeline.models.efficientnet_lite0 import LAYERS

    layers = NAMED or list(LAYERS)
    trees = {"before": former(), "now": CHECKOUT}
    kept = {name: CHECKOUT / "build" / "before" / f"pictures-{name}" for name in trees}
    # In turn, and the quicker of two runs each: what else the machine does can only add.
    runs = [{name: measure(trees[name], layers, kept[name]) for name in trees} for _ in range(2)]
    before, now = (float(np.minimum(*(run[name][:, 0] for run in runs)).mean()) for name in trees)
    own, enlarged = (runs[0]["now"][:, 1:].mean(0) / runs[0]["before"][:, 1:].mean(0)).tolist()
    at_own, at_enlarged = "at the pictures' side", f"at {ENLARGED} px"
    found = [
        row(f"{len(layers)} layers at {COMMIT}: time", before, "s/picture"),
        row(f"{len(layers)} layers now: time", now, "s/picture"),
        row("faster", before / now, "times", 2.0, operator.ge),
        row(f"score over the former, {at_own}", own, "times", 1.0, operator.ge),
        row(f"score over the former, {at_enlarged}", enlarged, "times", 1.0, operator.ge),
    ]
    for layer in layers:
        found += clearness(layer, [folder / f"{layer}.npy" for folder in kept.values()])
    return found


def clearness(layer: str, files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what other networks make of a layer's pictures, before and now."""
    answers = [judged("efficientnet_lite0", list(np.load(file))) for file in files]
    before, now = (np.mean([entropies(each) for each in of], axis=0) for of in answers)
    change = now - before
    uncertain = float(change.std() / len(change) ** 0.5)
    return [
        row(f"{layer}: entropy before", float(before.mean()), "nats"),
        row(f"{layer}: entropy now", float(now.mean()), "nats"),
        row(f"{layer}: standard error of the change", uncertain, "nats"),
    ]


if __name__ == "__main__":
    print(table(rows()))
