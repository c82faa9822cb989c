"""Feature visualization beside a former state of this project: seconds per picture, and the score that pictures reach.

The state of `BENCHMARK_COMMIT` (the first engine: 64 steps of Adam at 128 px) is taken from the repository's history into
`build/before`. Both render `BENCHMARK_CHANNELS` (32, as many as a job of a build has) channels of each of the demo's layers, turn
about, in processes of their own. The score is the mean activation of the channel, for the finished picture at its own side and
enlarged to 224 px.
"""

from __future__ import annotations

import io
import json
import operator
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._networks import CHECKOUT, count
from benchmarks._rows import row
from pipeline.errors import AtlasError

COMMIT = os.environ.get("BENCHMARK_COMMIT", "d69114c")
CHANNELS = count("BENCHMARK_CHANNELS", 32)
ENLARGED = 224

# Run with the state to look at as the only place to import from.
_SCRIPT = """
import json, sys, time
from pathlib import Path
import numpy as np
import torch
from pipeline import config, models
from pipeline.featurevis.optimizer import render, requests_for_channels
from pipeline.featurevis.recipes import named
try:
    from pipeline.allocator import keep_memory
    keep_memory()
except ImportError:  # a state that had none
    pass
layers, count, enlarged = json.loads(sys.argv[1])
torch.set_flush_denormal(True)
tables = {"model": {"source": "efficientnet_lite0"}, "dataset": {"images": ("skimage:chelsea",)}}
network = models.load(config.Config(path=Path("benchmark.toml"), settings=config.Settings.model_validate(tables)))
for layer in layers:
    with torch.no_grad():
        size = network.run_to(torch.full((1, 3, 224, 224), 0.5), [layer])[layer].shape[1]
    channels = [int(channel) for channel in np.linspace(0, size - 1, count)]
    began = time.perf_counter()
    batches = list(render(network, requests_for_channels(layer, channels), named("fast")))
    seconds = (time.perf_counter() - began) / count
    found = {unit: picture for batch in batches for unit, picture in zip(batch.units, batch.pictures)}
    x = torch.from_numpy(np.stack([found[f"channel:{channel}"] for channel in channels])).permute(0, 3, 1, 2).float() / 255
    scores = []
    for side in (x.shape[-1], enlarged):
        shown = torch.nn.functional.interpolate(x, side, mode="bilinear", align_corners=False)
        with torch.no_grad():
            reached = network.run_to(shown, [layer])[layer]
        scores.append(float(np.mean([reached[row, channel].mean() for row, channel in enumerate(channels)])))
    print(json.dumps([seconds, *scores]), flush=True)
"""


def former() -> Path:
    """Return the folder with the former state, taken from the history the first time.

    Raises
    ------
    AtlasError
        When the history has no such state: a wrong name, or a clone without its history.
    """
    folder = CHECKOUT / "build" / "before" / COMMIT
    if not folder.exists():
        taken = subprocess.run(["git", "archive", COMMIT, "pipeline"], cwd=CHECKOUT, check=False, capture_output=True)
        if taken.returncode:
            said = taken.stderr.decode(errors="replace").strip()
            raise AtlasError(f"BENCHMARK_COMMIT={COMMIT}: no such state in the history of {CHECKOUT} ({said}); git log lists them")
        with tarfile.open(fileobj=io.BytesIO(taken.stdout)) as files:
            files.extractall(folder, filter="data")
    return folder


def measure(tree: Path, layers: tuple[str, ...]) -> np.ndarray:
    """Render with the state in a folder: per layer seconds a picture, score at the picture's side, and enlarged, f8 `[layers, 3]`."""
    arguments = json.dumps([layers, CHANNELS, ENLARGED])
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    result = subprocess.run(
        [sys.executable, "-P", "-c", _SCRIPT, arguments], cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return np.array([json.loads(line) for line in result.stdout.splitlines()])


def rows() -> list[dict[str, Any]]:
    from pipeline.models.efficientnet_lite0 import LAYERS

    trees = (former(), CHECKOUT)
    # Turn about, and the quicker of two runs each: what else the machine does can only add.
    runs = [[measure(tree, LAYERS) for tree in trees] for _ in range(2)]
    before, now = (float(np.minimum(*(run[which][:, 0] for run in runs)).mean()) for which in range(2))
    ratios = (runs[0][1][:, 1:].mean(0) / runs[0][0][:, 1:].mean(0)).tolist()
    return [
        row(f"demo layers at {COMMIT}: time", before, "s/picture"),
        row("demo layers now: time", now, "s/picture"),
        row("faster", before / now, "times", 2.0, operator.ge),
        *(
            row(f"score over the former, {where}", ratio, "times", 1.0, operator.ge)
            for where, ratio in zip(("at the pictures' side", f"at {ENLARGED} px"), ratios, strict=True)
        ),
    ]


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(rows()))
