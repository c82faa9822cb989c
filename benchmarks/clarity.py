"""How clear pictures are: what independent networks make of them, their colours and sharpness.

With whatever weights and photographs are there (`benchmarks._judges` says who judges):

- activation grids of GoogLeNet for the article's photographs, beside those that the article
  published (`gold/grids/<photograph>-<layer>.jpeg` and `images/<photograph>.jpeg`, beside the
  weights); they are kept in `build/clarity/`, to be looked at;
- channels of layers drawn at random, in `fast`, beside the first peers that `BENCHMARK_PEERS` names
  (none by default; "lucent,dreamlens" takes minutes a picture);
- groups of the same layers, for the demo's cat;
- activation grids of the demo's layers, for its cat.

`BENCHMARK_GRID="evened=0 common=0.25"` makes grids by another recipe, whose other settings are
those of the usual one, or of the one that `name=article` names. `BENCHMARK_GRIDS` (1) is how many
grids of each layer are made, from different seeds: means are over the cells of all.
`BENCHMARK_SEED` draws the same layers again, `BENCHMARK_DRAWN` (2) is how many of each network,
`BENCHMARK_CHANNELS` (8) how many pictures of each.
"""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage import data

from benchmarks._drawn import channels as drawn_channels
from benchmarks._drawn import layers as drawn_layers
from benchmarks._judges import (
    SIDE,
    agreement,
    answers,
    clipped,
    entropies,
    judge,
    judges_of,
    resized,
    saturation,
    sharpness,
    unlikeness,
)
from benchmarks._networks import CHECKOUT, SHARED, available, count, load
from benchmarks._rows import row, table
from benchmarks.featurevis_peers import ours, peer
from pipeline import photographs
from pipeline.errors import AtlasError
from pipeline.factorization import factorize
from pipeline.featurevis import objectives
from pipeline.featurevis.grids import Grid, render_grid
from pipeline.featurevis.recipes import GRID, GridRecipe, grid_named, named
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import Request
from pipeline.models import efficientnet_lite0
from pipeline.network import Network
from pipeline.units import Unit
from pipeline.views.grids import joined

SOURCES = ("googlenet", "efficientnet_lite0")
DRAWN = count("BENCHMARK_DRAWN", 2)
CHANNELS = count("BENCHMARK_CHANNELS", 8)
PEERS = [name for name in os.environ.get("BENCHMARK_PEERS", "").split(",") if name]
GROUPS = 6
GRID_SETTINGS = os.environ.get("BENCHMARK_GRID", "")
GRIDS_EACH = count("BENCHMARK_GRIDS", 1)
# Layer → the article's name for it, and the cells of its grid a side.
PUBLISHED = {
    "inception_4a": ("mixed4a", 14),
    "inception_4d": ("mixed4d", 14),
    "inception_5a": ("mixed5a", 7),
}
KEPT = CHECKOUT / "build" / "clarity"  # grids to look at: numbers are not enough
GRIDS = SHARED / "gold" / "grids"
PHOTOGRAPHS = SHARED / "images"


def rows() -> list[dict[str, Any]]:
    found = []
    if available("googlenet"):
        found += [each for name in photographed() for each in grids(name)]
    found += of_the_demo()
    for source in SOURCES:
        if available(source):
            for layer in drawn_layers(load(source), DRAWN):
                found += channels(source, layer) + groups(source, layer)
    return found


def grid_recipe() -> GridRecipe:
    """Return the recipe of grids, with the settings that `BENCHMARK_GRID` changes.

    Raises
    ------
    AtlasError
        For a setting that there is not, or a value of another type.
    """
    given = dict(each.partition("=")[::2] for each in GRID_SETTINGS.split())
    usual = grid_named(given.pop("name", GRID.name))
    try:
        changed = {name: type(getattr(GRID, name))(value) for name, value in given.items()}
        return replace(usual, **changed)
    except (AttributeError, TypeError, ValueError) as error:
        known = ", ".join(each.name for each in fields(GRID))
        message = f'BENCHMARK_GRID="{GRID_SETTINGS}": {error}; settings are {known}'
        raise AtlasError(message) from error


@dataclass(frozen=True)
class Clarity:
    """Of some pictures: the mean entropy of judges' answers, colours and edges."""

    entropy: float
    saturation: float
    sharpness: float
    clipped: float

    @classmethod
    def of(cls, judged: list[np.ndarray], pictures: list[np.ndarray]) -> Clarity:
        """Measure pictures uint8 `[S, S, 3]` that judges gave the answers `[n, K]`."""
        alike = resized(pictures)
        entropy = float(np.mean([entropies(each).mean() for each in judged]))
        black = clipped(np.stack(pictures))
        return cls(entropy, saturation(np.stack(pictures)), sharpness(alike), black)

    @classmethod
    def mean(cls, each: Sequence[Clarity]) -> Clarity:
        """Return what is measured of equally many pictures each, taken together."""
        return cls(*np.mean([astuple(one) for one in each], axis=0).tolist())


def judged(source: str, pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Return each judge's answers to a network's pictures."""
    alike = resized(pictures)
    return [answers(judge(name), alike) for name in judges_of(source)]


# ----------------------------------------------------------------------------------------- grids
def photographed() -> list[str]:
    """Return the names of photographs that are there with the article's grids."""
    names = {path.stem.rpartition("-")[0] for path in GRIDS.glob("*-mixed*.jpeg")}
    return sorted(name for name in names if _photograph(name).is_file())


def _photograph(name: str) -> Path:
    return PHOTOGRAPHS / f"{name}.jpeg"


def grids(name: str) -> list[dict[str, Any]]:
    """Return our grids of a photograph beside the article's."""
    network = load("googlenet")
    pixels = np.asarray(Image.open(_photograph(name)).convert("RGB"))
    photograph = photographs.fit(pixels, network.preprocessing.size, "squeeze")
    layers = ["inception_3a", *PUBLISHED]
    with torch.no_grad():
        caught = network.run_to(network.input(photograph), layers)
    found, seconds = [], 0.0
    for layer in layers:
        began = time.process_time()
        made = _made(network, layer, caught[layer][0], name)
        seconds += time.process_time() - began
        if layer in PUBLISHED:
            found += _beside_published(name, layer, made)
            found += _likeness(f"{name} {layer}", network, made, caught[layer][0])
    # On two cores, three minutes.
    found.append(row(f"{name}: four grids", seconds / GRIDS_EACH, "s of the processor", 360))
    return found


def _made(network: Network, layer: str, activations: torch.Tensor, name: str) -> list[Grid]:
    """Make a photograph's grids of a layer, from one seed each; keep them to be looked at."""
    recipe, a = grid_recipe(), activations.numpy()
    made = [render_grid(network, layer, a, recipe, seed=seed) for seed in range(GRIDS_EACH)]
    KEPT.mkdir(parents=True, exist_ok=True)
    for seed, grid in enumerate(made):
        joined(grid.cells).save(KEPT / f"{name}-{layer}{f'-{seed}' if seed else ''}.png")
    return made


def _all_pictures(made: list[Grid]) -> list[np.ndarray]:
    return [picture for grid in made for picture in _pictures(grid.cells)]


def _pictures(cells: np.ndarray) -> list[np.ndarray]:
    """Return the cells `[H, W, S, S, 3]` of a grid one by one."""
    return list(cells.reshape(-1, *cells.shape[2:]))


def of_the_demo() -> list[dict[str, Any]]:
    """Return the grids of the demo's layers, for its cat."""
    network = load("efficientnet_lite0")
    photograph = photographs.fit(data.chelsea(), network.preprocessing.size, "crop")
    layers = list(efficientnet_lite0.LAYERS)
    with torch.no_grad():
        caught = network.run_to(network.input(photograph), layers)
    found = []
    for layer in layers:
        made = _made(network, layer, caught[layer][0], "chelsea")
        where = f"chelsea {layer}, grid"
        found += rows_of(where, "efficientnet_lite0", _all_pictures(made))
        found += _likeness(where, network, made, caught[layer][0])
    return found


def _likeness(
    where: str, network: Network, made: list[Grid], activations: torch.Tensor
) -> list[dict[str, Any]]:
    """How like their positions cells are, and how many are more like theirs than like any other."""
    own = [_most_like_their_own(network, grid, activations) for grid in made]
    likeness = float(np.mean([grid.likeness for grid in made]))
    return [
        row(f"{where}: likeness", likeness, "cosine"),
        row(f"{where}: most like their own position", float(np.mean(own)), "part"),
    ]


def _most_like_their_own(network: Network, grid: Grid, activations: torch.Tensor) -> float:
    """Return the part of a grid's cells that are more like their own position than like any other.

    Without what all have in common: the mean over the positions, and over the cells.
    """
    vectors = activations.flatten(1).T
    pictures = torch.from_numpy(np.stack(_pictures(grid.cells)))
    with torch.no_grad():
        responses = torch.cat([
            network.run_to(some.permute(0, 3, 1, 2).float() / 255, [grid.layer])[grid.layer]
            .mean((2, 3))
            for some in pictures.split(64)
        ])  # fmt: skip
    cells, positions = (
        torch.nn.functional.normalize(each - each.mean(0)) for each in (responses, vectors)
    )
    own = (cells @ positions.T).argmax(1) == torch.arange(len(cells))
    return float(own.float().mean())


def published(name: str, layer: str, side: int) -> np.ndarray:
    """Return a grid that the article published, uint8 `[side, side, S, S, 3]`."""
    picture = Image.open(GRIDS / f"{name}-{layer}.jpeg").convert("RGB")
    cell = picture.width // side
    return np.asarray(picture).reshape(side, cell, side, cell, 3).swapaxes(1, 2)


def _beside_published(name: str, layer: str, made: list[Grid]) -> list[dict[str, Any]]:
    article, side = PUBLISHED[layer]
    theirs, their_apart = _measured(published(name, article, side))
    each, apart = zip(*(_measured(grid.cells) for grid in made), strict=True)
    own, own_apart = Clarity.mean(each), float(np.mean(apart))
    lowest, highest = (chosen(one.entropy for one in each) for chosen in (min, max))
    between = f"; {lowest:.2f} to {highest:.2f}" if len(each) > 1 else ""
    where, colour = f"{name} {layer}", own.saturation / theirs.saturation
    sharp, bound = own.sharpness / theirs.sharpness, theirs.entropy
    return [
        row(f"{where}: entropy (article {bound:.2f}{between})", own.entropy, "", bound),
        row(f"{where}: saturation over the article's", colour, "times", 0.8, operator.ge),
        row(f"{where}: the same, at most", colour, "times", 1.2),
        row(f"{where}: sharpness over the article's", sharp, "times", 0.9, operator.ge),
        row(f"{where}: clipped values", own.clipped, "part", 0.015),
        row(f"{where}: neighbours differ, over the article's", own_apart / their_apart, "times"),
    ]


def _measured(cells: np.ndarray) -> tuple[Clarity, float]:
    """How clear the cells `[H, W, S, S, 3]` of a grid are, and how much neighbours differ."""
    pictures = _pictures(cells)
    apart = unlikeness(resized(pictures).reshape(*cells.shape[:2], SIDE, SIDE, 3))
    return Clarity.of(judged("googlenet", pictures), pictures), apart


# ------------------------------------------------------------------------------ channels, groups
def channels(source: str, layer: str) -> list[dict[str, Any]]:
    """Return what judges say of channels drawn at random, and of peers' pictures of them."""
    network, where = load(source), f"{source} {layer}"
    drawn = drawn_channels(network, layer, CHANNELS)
    made, seconds = ours(network, layer, drawn, named("fast", size=128))
    pictures = list((made * 255).round().astype(np.uint8))
    found = rows_of(f"{where}, {len(drawn)} channels, fast", source, pictures)
    for name in PEERS:
        theirs = peer(name, source, layer, drawn)
        if isinstance(theirs, str):
            found.append(row(f"{where}: {name} failed: {theirs[:100]}", None, ""))
            continue
        same = [pictures[drawn.index(channel)] for channel in theirs.channels]
        values = [(np.clip(each, 0, 1) * 255).round().astype(np.uint8) for each in theirs.pictures]
        label = f"{where}, {len(same)} channels"
        found += rows_of(f"{label}, {name}", source, values)
        found += rows_of(f"{label}, fast (the same)", source, same)
        faster = theirs.seconds / seconds
        bound = 30.0 if name == "lucent" else None
        label = f"{where}: fast is faster than {name}"
        found.append(row(label, faster, "times", bound, operator.ge))
    return found


def groups(source: str, layer: str) -> list[dict[str, Any]]:
    """Return what judges say of a layer's groups for the demo's cat."""
    network = load(source)
    photograph = photographs.fit(data.chelsea(), network.preprocessing.size, "crop")
    with torch.no_grad():
        a = network.run_to(network.input(photograph), [layer])[layer][0].numpy()
    vectors = factorize(np.maximum(a, 0), GROUPS, layer).channels
    wanted = [
        Request(layer, Unit("mixture", f"group-{index}"), objectives.group(layer, vector))
        for index, vector in enumerate(vectors)
    ]
    batches = render(network, wanted, named("fast", size=128))
    pictures = [each for batch in batches for each in batch.pictures]
    return rows_of(f"{source} {layer}, {GROUPS} groups, fast", source, pictures)


def rows_of(where: str, source: str, pictures: list[np.ndarray]) -> list[dict[str, Any]]:
    """Return how clear a network's pictures uint8 `[S, S, 3]` are, and what judges make of them."""
    found = judged(source, pictures)
    clarity = Clarity.of(found, pictures)
    own = answers(load(source), resized(pictures))
    agreed = float(np.mean([agreement(each, own) for each in found]))
    return [
        row(f"{where}: entropy", clarity.entropy, "nats"),
        row(f"{where}: judges agree with the network", agreed, "part"),
        row(f"{where}: saturation", clarity.saturation, ""),
        row(f"{where}: sharpness", clarity.sharpness, "levels"),
        row(f"{where}: clipped values", clarity.clipped, "part"),
    ]


if __name__ == "__main__":
    print(table(rows()))
