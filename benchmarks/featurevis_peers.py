"""Feature visualization compared with torch-lucent, DreamLens and Horama: time and scores.

Same processor, same run, same network, same channels, 128-px pictures. The score is the mean
activation of the channel for the final, untransformed picture, at 128 px and enlarged to 224 px.
The peers are installed in `build/peers`, an environment of their own that this benchmark makes;
they use this project's torch. Their pictures are kept there, because a score does not depend on how
busy the machine is, so one run can add to another's sample. Times are always of this run: each peer
makes `BENCHMARK_TIMED` (1) pictures of every layer again, in turn with ours.

Environment variables change how long it takes; 32 channels are hours on two cores, nearly all of
them the peers': `BENCHMARK_CHANNELS` (2); `BENCHMARK_PEER_LIMIT` (300), the seconds for each peer
and layer, after which it is compared by what it has finished; `BENCHMARK_PEERS` (all), names
separated by commas; `BENCHMARK_PEER_STEPS` (each peer's own default). `BENCHMARK_STEPS` gives
`fast` other steps than its own. Layers and channels are drawn at random, `BENCHMARK_DRAWN` (1)
layers of each network, the same again with `BENCHMARK_SEED` (`_drawn`); `BENCHMARK_LAYERS` names
some of `LAYERS` in their place.
"""

from __future__ import annotations

import operator
import os
import subprocess
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._drawn import channels as drawn_channels
from benchmarks._drawn import layers as drawn_layers
from benchmarks._networks import CHECKOUT, available, count, load
from benchmarks._rows import row, table
from pipeline.contact_sheet import spread
from pipeline.featurevis.recipes import Recipe, named
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import requests_for_channels
from pipeline.network import Network
from pipeline.units import Unit

CHANNELS = count("BENCHMARK_CHANNELS", 2)
STEPS = count("BENCHMARK_STEPS", 0)
PEER_STEPS = count("BENCHMARK_PEER_STEPS", 0)
PEERS = {
    "lucent": "torch-lucent==0.1.8",
    "dreamlens": "dreamlens==0.1.1",
    "horama": "horama==0.3.0",
}
NEEDED = ("kornia==0.4.1", "einops", "decorator", "future", "ipython", "matplotlib", "tqdm")
SOURCES = ("googlenet", "efficientnet_lite0")
DRAWN = count("BENCHMARK_DRAWN", 1)
# Layers that `BENCHMARK_LAYERS` can name, for pictures that add up from run to run.
LAYERS = (
    ("googlenet", "inception_4c"),
    ("googlenet", "inception_4d"),
    ("efficientnet_lite0", "blocks.4.0.bn1"),
    ("efficientnet_lite0", "blocks.5.0.bn1"),
)
SIDE, ENLARGED = 128, 224
TIMED = count("BENCHMARK_TIMED", 1)
LIMIT = count("BENCHMARK_PEER_LIMIT", 300)  # seconds for one peer and layer
# What `fast` keeps over each peer: times faster, and times its score at a side.
BOUNDS = {
    "lucent": {"time": 30.0, SIDE: 1.0, ENLARGED: 0.8},
    "dreamlens": {"time": 1.0, SIDE: 1.0},
    "horama": {"time": 1.0, SIDE: 1.0},
}


def environment() -> Path:
    """Return the peers' interpreter, making their environment the first time."""
    home = CHECKOUT / "build" / "peers"
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    ready = home / "ready"
    if not ready.exists():
        venv.create(home, with_pip=True, clear=True)
        library = next(home.glob("[Ll]ib*/**/site-packages"))
        own = sysconfig.get_paths()["purelib"]
        (library / "atlas.pth").write_text(f"import site; site.addsitedir({own!r})\n")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # The peers require versions of torch and kornia of many years ago, but run with today's.
        subprocess.run([*pip, "--no-deps", *PEERS.values(), NEEDED[0]], check=True)
        subprocess.run([*pip, *NEEDED[1:]], check=True)
        ready.touch()
    return python


def scores(
    network: Network, layer: str, channels: list[int], pictures: np.ndarray
) -> dict[int, np.ndarray]:
    """Return the mean activation of each picture's channel, at 128 px and enlarged to 224 px.

    Parameters
    ----------
    network, layer, channels
        What the pictures are of, channel by channel.
    pictures
        f4 `[n, 128, 128, 3]`.
    """
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).clamp(0, 1)
    found = {}
    for side in (SIDE, ENLARGED):
        shown = x
        if side != SIDE:
            shown = torch.nn.functional.interpolate(x, side, mode="bilinear", align_corners=False)
        with torch.no_grad():
            reached = [
                network.run_to(each[None], [layer])[layer][0, channel].mean()
                for each, channel in zip(shown, channels, strict=True)
            ]
        found[side] = torch.stack(reached).numpy()
    return found


def ours(
    network: Network, layer: str, channels: list[int], recipe: Recipe
) -> tuple[np.ndarray, float]:
    """Render with a recipe: pictures f4 `[n, S, S, 3]`, and seconds a picture, all included."""
    began = time.perf_counter()
    batches = list(render(network, requests_for_channels(layer, channels), recipe))
    seconds = (time.perf_counter() - began) / len(channels)
    found = {u: p for batch in batches for u, p in zip(batch.units, batch.pictures, strict=True)}
    pictures = np.stack([found[Unit.channel(channel)] for channel in channels])
    return pictures.astype(np.float32) / 255, seconds


@dataclass(frozen=True)
class Made:
    """A peer's pictures f4 `[n, 128, 128, 3]` of some channels, including those of earlier runs.

    `seconds` a picture are of this run.
    """

    channels: list[int]
    pictures: np.ndarray
    seconds: float


def peer(name: str, source: str, layer: str, channels: list[int]) -> Made | str:
    """Let a peer render channels: the first ones always, the others if it has not yet.

    Returns
    -------
    Made or str
        What there is when its time is up; when there is nothing, the last line of its error.
    """
    folder = CHECKOUT / "build" / "peers" / "pictures"
    kept = folder / f"{name}-{source}-{layer}-{PEER_STEPS}.npz"
    known: dict[int, np.ndarray] = {}
    if kept.exists():
        with np.load(kept) as file:
            known = dict(zip(file["channels"].tolist(), file["pictures"], strict=True))
    fresh = channels[:TIMED] + [channel for channel in channels[TIMED:] if channel not in known]
    result = _run(name, source, layer, fresh)
    if isinstance(result, str):
        return result
    pictures, seconds = result
    known |= dict(zip(fresh, pictures, strict=False))
    folder.mkdir(parents=True, exist_ok=True)  # not earlier: peers' environment begins empty
    np.savez(kept, channels=np.array(list(known)), pictures=np.stack(list(known.values())))
    done = [channel for channel in channels if channel in known]
    made = np.stack([known[channel] for channel in done])
    return Made(done, made, float(seconds[:TIMED].mean()))


def _run(
    name: str, source: str, layer: str, channels: list[int]
) -> tuple[np.ndarray, np.ndarray] | str:
    listed = ",".join(map(str, channels))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pictures.npz"
        arguments = [name, source, layer, listed, str(PEER_STEPS), str(output)]
        command = [str(environment()), "-m", "benchmarks._peer", *arguments]
        try:
            subprocess.run(
                command, cwd=CHECKOUT, check=True, timeout=LIMIT, capture_output=True, text=True
            )
        except subprocess.TimeoutExpired:
            if not output.exists():
                return f"no picture within {LIMIT} s"
        except subprocess.CalledProcessError as error:
            return (error.stderr.strip().splitlines() or ["no message"])[-1]
        with np.load(output) as file:
            return file["pictures"], file["seconds"]


def _chosen(variable: str, names: Iterable[str]) -> list[str]:
    wanted = os.environ.get(variable)
    return [name for name in names if wanted is None or name in wanted.split(",")]


def rows() -> list[dict[str, Any]]:
    sources = [source for source in SOURCES if available(source)]
    names = os.environ.get("BENCHMARK_LAYERS", "")
    if names:
        chosen = [each for each in LAYERS if each[0] in sources and each[1] in names.split(",")]
    else:
        chosen = [(each, layer) for each in sources for layer in drawn_layers(load(each), DRAWN)]
    return [
        line
        for source, layer in chosen
        for line in _compare(source, layer, _channels(source, layer, drawn=not names))
    ]


def _channels(source: str, layer: str, drawn: bool) -> list[int]:
    network = load(source)
    if drawn:
        return drawn_channels(network, layer, CHANNELS)
    with torch.no_grad():
        blank = torch.full((1, 3, SIDE, SIDE), 0.5)
        size = network.run_to(blank, [layer])[layer].shape[1]
    return spread(size, CHANNELS)


def _compare(source: str, layer: str, channels: list[int]) -> list[dict[str, Any]]:
    network, where = load(source), f"{source} {layer}"
    recipe = named("fast", size=SIDE, steps=STEPS or None)
    pictures, seconds = ours(network, layer, channels, recipe)
    own = scores(network, layer, channels, pictures)
    found = [row(f"{where}: fast, time", seconds, "s/picture")]
    for side, values in own.items():
        name = f"{where}: fast, score at {side} px"
        found.append(row(name, float(values.mean()), "activation"))
    for name in _chosen("BENCHMARK_PEERS", PEERS):
        result = peer(name, source, layer, channels)
        if isinstance(result, str):
            found.append(row(f"{where}: {name} failed: {result[:100]}", None, ""))
            continue
        shared = [channels.index(channel) for channel in result.channels]
        of_shared = {side: values[shared] for side, values in own.items()}
        theirs = scores(network, layer, result.channels, result.pictures)
        found += _beside(where, name, result.seconds, seconds, theirs, of_shared)
    return found


def _beside(
    where: str,
    name: str,
    their_seconds: float,
    seconds: float,
    theirs: dict[int, np.ndarray],
    own: dict[int, np.ndarray],
) -> list[dict[str, Any]]:
    """Return the rows of a peer, and of `fast` over it; scores by side are of the same channels."""
    bounds, faster = BOUNDS[name], their_seconds / seconds
    found = [row(f"{where}: {name}, time", their_seconds, "s/picture")]
    for side, values in theirs.items():
        label = f"{where}: {name}, score at {side} px, {len(values)} channels"
        found.append(row(label, float(values.mean()), "activation"))
    label = f"{where}: fast is faster than {name}"
    found.append(row(label, faster, "times", bounds["time"], operator.ge))
    for side, values in theirs.items():
        ratio = float(own[side].mean() / max(values.mean(), 1e-9))
        label = f"{where}: score of fast over {name}'s at {side} px"
        found.append(row(label, ratio, "times", bounds.get(side), operator.ge))
    return found


if __name__ == "__main__":
    print(table(rows()))
