"""Feature visualization beside torch-lucent, DreamLens and Horama: seconds per picture and the score each picture reaches.

Same processor, same run, same network, same channels, 128-px pictures. The score is the mean activation of the channel for the final,
untransformed picture, at 128 px and enlarged to 224 px. The peers live in `build/peers`, an environment of their own that this
benchmark makes; they use this project's torch. Their pictures are kept there: a score does not depend on how busy the machine is, so
that one run can add to another's sample. Times are always of this run: each peer makes `BENCHMARK_TIMED` (1) pictures of every layer
anew, in turn with ours. `BENCHMARK_CHANNELS` (2), `BENCHMARK_PEER_LIMIT` (300 seconds for each peer and layer, after which it is
compared by what it has), `BENCHMARK_PEERS` and `BENCHMARK_LAYERS` (names separated by commas; all) and `BENCHMARK_PEER_STEPS` (each
peer's own default) change how long it takes: 32 channels are hours on two cores, nearly all of them the peers'. `BENCHMARK_STEPS` gives
`fast` other steps than its own.
"""

from __future__ import annotations

import operator
import os
import subprocess
import sys
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

from benchmarks._networks import CHECKOUT, available, count, load
from benchmarks._rows import row
from pipeline.featurevis.contact_sheet import spread
from pipeline.featurevis.optimizer import render, requests_for_channels
from pipeline.featurevis.recipes import Recipe, named
from pipeline.network import Network

CHANNELS = count("BENCHMARK_CHANNELS", 2)
STEPS = count("BENCHMARK_STEPS", 0)
PEER_STEPS = count("BENCHMARK_PEER_STEPS", 0)
PEERS = {"lucent": "torch-lucent==0.1.8", "dreamlens": "dreamlens==0.1.1", "horama": "horama==0.3.0"}
NEEDED = ("kornia==0.4.1", "einops", "decorator", "future", "ipython", "matplotlib", "tqdm")
LAYERS = (("googlenet", "inception_4d"), ("efficientnet_lite0", "blocks.4.0.bn1"), ("efficientnet_lite0", "blocks.5.0.bn1"))
SIDE = 128
TIMED = count("BENCHMARK_TIMED", 1)
LIMIT = count("BENCHMARK_PEER_LIMIT", 300)  # seconds for one peer and layer


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
        # The peers' own requirements name torch and kornia versions of many years ago; they run with today's torch.
        subprocess.run([*pip, "--no-deps", *PEERS.values(), NEEDED[0]], check=True)
        subprocess.run([*pip, *NEEDED[1:]], check=True)
        ready.touch()
    return python


def scores(network: Network, layer: str, channels: list[int], pictures: np.ndarray) -> dict[int, np.ndarray]:
    """Mean activation of each picture's channel at 128 px and enlarged to 224 px; pictures f4 `[n, 128, 128, 3]`."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).clamp(0, 1)
    found = {}
    for side in (SIDE, 224):
        enlarged = x if side == SIDE else torch.nn.functional.interpolate(x, side, mode="bilinear", align_corners=False)
        with torch.no_grad():
            responses = [
                network.run_to(each[None], [layer])[layer][0, channel].mean() for each, channel in zip(enlarged, channels, strict=True)
            ]
        found[side] = torch.stack(responses).numpy()
    return found


def ours(network: Network, layer: str, channels: list[int], recipe: Recipe) -> tuple[np.ndarray, float]:
    """Render with a recipe; pictures f4 `[n, S, S, 3]` and seconds a picture, everything included."""
    began = time.perf_counter()
    batches = list(render(network, requests_for_channels(layer, channels), recipe))
    seconds = (time.perf_counter() - began) / len(channels)
    found = {unit: picture for batch in batches for unit, picture in zip(batch.units, batch.pictures, strict=True)}
    return np.stack([found[f"channel:{channel}"] for channel in channels]).astype(np.float32) / 255, seconds


@dataclass(frozen=True)
class Made:
    """A peer's pictures f4 `[n, 128, 128, 3]` of some channels, those of earlier runs among them, and its seconds a picture in this one."""

    channels: list[int]
    pictures: np.ndarray
    seconds: float


def peer(name: str, source: str, layer: str, channels: list[int]) -> Made | str:
    """Have a peer render channels, the first ones anew and of the others those it has not rendered yet.

    Returns
    -------
    Made or str
        What there is when its time is up; when there is nothing, the last line of what went wrong.
    """
    kept = CHECKOUT / "build" / "peers" / "pictures" / f"{name}-{source}-{layer}-{PEER_STEPS}.npz"
    kept.parent.mkdir(parents=True, exist_ok=True)
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
    np.savez(kept, channels=np.array(list(known)), pictures=np.stack(list(known.values())))
    done = [channel for channel in channels if channel in known]
    return Made(done, np.stack([known[channel] for channel in done]), float(seconds[:TIMED].mean()))


def _run(name: str, source: str, layer: str, channels: list[int]) -> tuple[np.ndarray, np.ndarray] | str:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pictures.npz"
        arguments = [name, source, layer, ",".join(map(str, channels)), str(PEER_STEPS), str(output)]
        try:
            subprocess.run(
                [str(environment()), "-m", "benchmarks._peer", *arguments],
                cwd=CHECKOUT,
                check=True,
                timeout=LIMIT,
                capture_output=True,
                text=True,
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
    found = []
    chosen = _chosen("BENCHMARK_LAYERS", (layer for _, layer in LAYERS))
    for source, layer in LAYERS:
        if layer in chosen and available(source):
            found += _compare(source, layer)
    return found


def _compare(source: str, layer: str) -> list[dict[str, Any]]:
    network = load(source)
    with torch.no_grad():
        there = network.run_to(torch.full((1, 3, SIDE, SIDE), 0.5), [layer])[layer].shape[1]
    channels = spread(there, CHANNELS)
    pictures, seconds = ours(network, layer, channels, named("fast", size=SIDE, steps=STEPS or None))
    own = scores(network, layer, channels, pictures)
    where = f"{source} {layer}"
    found = [
        row(f"{where}: fast, time", seconds, "s/picture"),
        *(row(f"{where}: fast, score at {side} px", float(own[side].mean()), "activation") for side in own),
    ]
    for name in _chosen("BENCHMARK_PEERS", PEERS):
        result = peer(name, source, layer, channels)
        if isinstance(result, str):
            found.append(row(f"{where}: {name} failed: {result[:100]}", None, ""))
            continue
        theirs = scores(network, layer, result.channels, result.pictures)
        rows_of_both = [channels.index(channel) for channel in result.channels]
        ratio = {side: float(own[side][rows_of_both].mean() / max(theirs[side].mean(), 1e-9)) for side in theirs}
        bounds = {"time": 30.0, SIDE: 1.0, 224: 0.8} if name == "lucent" else {"time": 1.0, SIDE: 1.0}
        found += [
            row(f"{where}: {name}, time", result.seconds, "s/picture"),
            *(
                row(f"{where}: {name}, score at {side} px, {len(result.channels)} channels", float(theirs[side].mean()), "activation")
                for side in theirs
            ),
            row(f"{where}: fast is faster than {name}", result.seconds / seconds, "times", bounds["time"], operator.ge),
            *(
                row(f"{where}: score of fast over {name}'s at {side} px", ratio[side], "times", bounds.get(side), operator.ge)
                for side in ratio
            ),
        ]
    return found


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(rows()))
    sys.exit(0)
