"""How busy one process keeps a GPU: pictures a second, steps beside the network's own, a build.

Networks are EfficientNet-Lite0 and, where its weights are, GoogLeNet, with layers drawn at random
(`_drawn`) and the batches that `render` chooses there by itself. "Share of the floor" is forward
and backward of the truncated network alone over the whole step: 1 is a step that costs nothing
else. Without a GPU there are no rows.
"""

from __future__ import annotations

import contextlib
import json
import operator
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import attribution
from benchmarks._drawn import layers as drawn_layers
from benchmarks._networks import CHECKOUT, available, load
from benchmarks._rows import row, table
from benchmarks._steps import channels_of, measure_steps
from pipeline.featurevis.batches import batch_size
from pipeline.featurevis.recipes import RECIPES
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import requests_for_channels
from pipeline.network import Network, finish

SOURCES = ("efficientnet_lite0", "googlenet")
# The outputs of GoogLeNet's nine blocks have 5,488 channels.
_BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")


def rows() -> list[dict[str, Any]]:
    if not torch.cuda.is_available():
        print("gpu: there is none here, so nothing is measured", file=sys.stderr)
        return []
    found = []
    for each in _measured():
        print(table([each]).splitlines()[-1], file=sys.stderr, flush=True)
        found.append(each)
    return found


def _measured() -> Iterator[dict[str, Any]]:
    yield row("gpu", torch.cuda.get_device_name(), "")
    yield from _demo()
    for source in filter(available, reversed(SOURCES)):
        network = load(source, "cuda")
        for layer in drawn_layers(network, 2):
            yield from _layer(source, network, layer)
    if available("googlenet"):
        yield from _exhaustive()
        yield from _every_channel(load("googlenet", "cuda"))


def _layer(source: str, network: Network, layer: str) -> Iterator[dict[str, Any]]:
    name, recipe = f"gpu: {source} {layer}", RECIPES["fast"]
    requests = requests_for_channels(layer, range(channels_of(network, layer)))
    batch = batch_size(network, recipe, [each.objective for each in requests])
    steps = measure_steps(network, layer, batch)
    share = f"{name}, {batch} at a time, {steps.precision}, share of the floor"
    yield row(share, steps.alone / steps.spent, "", 0.5, operator.ge)
    yield row(f"{name}, {batch} at a time, all steps", steps.spent / batch * 1e3, "ms/picture")
    list(render(network, requests[:8], recipe))  # the first time sets things up
    seconds, made = _rendered(network, requests)
    yield row(f"{name}, all {made} channels", made / seconds, "pictures/s")


def _rendered(network: Network, requests: Sequence[Any]) -> tuple[float, int]:
    """Seconds that pictures took, and how many there are."""
    began = time.perf_counter()
    made = sum(len(batch.units) for batch in render(network, requests, RECIPES["fast"]))
    finish(network.device)
    return time.perf_counter() - began, made


def _every_channel(network: Network) -> Iterator[dict[str, Any]]:
    """All channels of all blocks, everything that is set up for a layer included."""
    blocks = [f"inception_{block}" for block in _BLOCKS]
    taken = [
        _rendered(network, requests_for_channels(block, range(channels_of(network, block))))
        for block in blocks
    ]
    seconds, made = (sum(part) for part in zip(*taken, strict=True))
    yield row(f"gpu: all {made} channels of GoogLeNet's blocks", seconds, "s")
    yield row("gpu: the same", made / seconds, "pictures/s")


def _exhaustive() -> Iterator[dict[str, Any]]:
    for which in ("the first", "a further"):
        name = f"gpu: {which} photograph of GoogLeNet, exhaustively"
        yield row(name, attribution.exhaustive("cuda")["seconds"], "s")


def _demo() -> Iterator[dict[str, Any]]:
    """The demo's atlas, built anew by a process of its own."""
    text = (CHECKOUT / "configs" / "demo.toml").read_text()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "demo.toml").write_text(text)
        command = [sys.executable, "-m", "pipeline", "build", "demo.toml", "--device", "cuda"]
        path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
        began = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        with contextlib.suppress(ValueError):
            (noted,) = Path(folder).rglob("build.json")
            ledger = json.loads(noted.read_text())
            for phase, each in ledger["seconds"].items():
                yield row(f"gpu: the demo, one thing of: {phase}", each, "s")
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
    yield row("gpu: the demo, built", None if done.returncode else seconds, "s")


if __name__ == "__main__":
    print(table(rows()))
