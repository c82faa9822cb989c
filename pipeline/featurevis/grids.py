"""Activation grids: for every position of a layer, a picture of what is active there.

From a photograph's activations `a[C, H, W]` come cells `uint8 [H, W, S, S, 3]`, coherent between
neighbours (`grid_cells`). A few cells that stand for all are made from noise, the others from those
(`Cells.rounds`). All cells of a round are optimized together, and pass through the
network in chunks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import AtlasError
from pipeline.featurevis import objectives, transforms
from pipeline.featurevis.adam import SharedAdam
from pipeline.featurevis.batches import fitting_views
from pipeline.featurevis.folding import folded
from pipeline.featurevis.grid_cells import Cells
from pipeline.featurevis.parameterizations import Parameters
from pipeline.featurevis.precision import Precision, denormals_flushed, precisions
from pipeline.featurevis.recipes import GRID, GridRecipe
from pipeline.featurevis.responses import (
    check_objectives,
    gradient,
    redirect_some,
    respond,
)
from pipeline.featurevis.trials import chosen
from pipeline.network import SIZES, Network, plans

CHUNK = 64  # cells that the network is shown at a time
_TRIED = 8  # cells a side, at most, that precisions are tried out on
_REDIRECTED = 8  # first steps with redirected gradients


@dataclass(frozen=True)
class Grid:
    """The pictures of all positions of a layer.

    Attributes
    ----------
    layer
        Of the network.
    cells
        uint8 `[H, W, S, S, 3]`.
    likeness
        f4 `[H, W]`: the cosine between the position's activation vector and the mean activation
        that its stored cell causes.
    alive
        bool `[H, W]`: whether a cell's likeness is above 0, and above that of the noise drawn for
        it (which a cell that continues a finished one has not started from).
    seconds
        That it took.
    precision
        That gradients were computed in: "float32", "bfloat16" or "mixed".
    """

    layer: str
    cells: np.ndarray
    likeness: np.ndarray
    alive: np.ndarray
    seconds: float
    precision: str = "float32"


def render_grid(
    network: Network,
    layer: str,
    activations: np.ndarray,
    recipe: GridRecipe = GRID,
    *,
    seed: int = 0,
    dtype: str = "auto",
) -> Grid:
    """Make the activation grid of a layer.

    Parameters
    ----------
    network
        Any; a folded copy of it is used.
    layer
        With responses `[C, H, W]`.
    activations
        `a[C, H, W]` of the photograph. The factorization ignores negative parts, the objectives do
        not.
    recipe
        How.
    seed
        Of the atlas.
    dtype
        As in `pipeline.featurevis.render.render`.

    Raises
    ------
    AtlasError
        When the activations do not belong to the layer, or are zero or not finite.
    """
    began = time.perf_counter()
    a = np.asarray(activations, dtype=np.float32)
    _check(network, layer, a)
    cells = Cells(layer, a, recipe, seed, network.device, network.preprocessing.size)
    faster = folded(network, (layer,))
    precision = _precision(faster, cells, dtype)
    with denormals_flushed():
        before = _likeness(faster, cells, cells.stored(cells.start()))
        pictures = _optimized(faster, cells, precision)
        after = _likeness(faster, cells, pictures)
    height, width = a.shape[1:]
    shape = (height, width, cells.stored_side, cells.stored_side, 3)
    return Grid(
        layer,
        pictures.permute(0, 2, 3, 1).cpu().numpy().reshape(shape),
        after.reshape(height, width),
        ((after > 0) & (after > before)).reshape(height, width),
        time.perf_counter() - began,
        precision.name,
    )


def _check(network: Network, layer: str, a: np.ndarray) -> None:
    if a.ndim != 3 or not np.isfinite(a).all() or not a.any():
        wanted = "finite activations [C, H, W] that are not all zero"
        raise AtlasError(f'layer "{layer}": a grid needs {wanted}, not {list(a.shape)}')
    at_corner = objectives.direction(layer, a[:, 0, 0])
    check_objectives(network, [at_corner], network.preprocessing.size)


def _precision(network: Network, cells: Cells, dtype: str) -> Precision:
    """Return the fastest precision for the cells of a layer, tried out on some of them."""
    first, *others = precisions(network.device, dtype)
    if not others:
        return first
    begins = [max(side - _TRIED, 0) // 2 for side in cells.activations.shape[1:]]
    rows, columns = (slice(begin, begin + _TRIED) for begin in begins)
    recipe = replace(cells.recipe, cell=cells.stored_side, steps=max(cells.recipe.steps // 4, 1))
    some = replace(cells, activations=cells.activations[:, rows, columns], recipe=recipe)
    chunk = np.arange(min(_together(network, cells), len(cells)))
    pictures = cells.pictures(cells.start(chunk), chunk).detach()

    def step(precision: Precision) -> None:
        optimization = _Optimization(network, cells, precision, chunk)
        optimization.slope(slice(None), pictures, redirect=False)

    def score(precision: Precision) -> float:
        return float(_likeness(network, some, _optimized(network, some, precision)).mean())

    return chosen(network, ("cells", cells.layer, cells.side), dtype, step, score)


def _together(network: Network, cells: Cells) -> int:
    """Return how many cells the network is shown at a time."""
    if not plans(network.device):
        return CHUNK  # more are no quicker
    goal = objectives.direction(cells.layer, cells.goals[0])
    return max(min(fitting_views(network, [goal], cells.side), SIZES[-1]), 1)


def _optimized(network: Network, cells: Cells, precision: Precision) -> Tensor:
    """Return finished cells as they will be stored, uint8 `[N, 3, S, S]`."""
    recipe, rounds = cells.recipe, cells.rounds
    steps = [recipe.steps_of(number) for number in range(len(rounds))]
    parameters = cells.start(rounds[0])
    for number, draws in enumerate(cells.draws().split(steps, dim=1)):
        if number:
            parameters = cells.continued(parameters, rounds[number - 1], rounds[number])
        optimization = _Optimization(network, cells, precision, rounds[number])
        optimization.run(parameters, draws, recipe.rate_of(number))
    return cells.stored(parameters)


class _Optimization:
    """The steps that make some cells more like their positions."""

    def __init__(
        self, network: Network, cells: Cells, precision: Precision, chosen: np.ndarray
    ) -> None:
        self.network, self.cells, self.precision, self.chosen = network, cells, precision, chosen
        self._aim(cells.recipe.cosine_power)
        self.together = _together(network, cells)

    def run(self, parameters: Parameters, draws: Tensor, rate: float) -> None:
        """Take a step for each of the draws `[1, T, 4]`; parameters are updated in place."""
        recipe = self.cells.recipe
        optimizer = SharedAdam(parameters, recipe.sharing, recipe.momentum, recipe.memory)
        aimed = draws.shape[1] - round(recipe.lengthened * draws.shape[1])
        for step in range(draws.shape[1]):
            if step == aimed:
                self._aim(0.0)
            self._climb(optimizer, draws[:, step], redirect=step < _REDIRECTED)
            optimizer.step(rate)

    def _aim(self, cosine_power: float) -> None:
        self.objectives = [
            objectives.direction(self.cells.layer, goal, cosine_power=cosine_power)
            for goal in self.cells.goals[self.chosen]
        ]

    def _climb(self, optimizer: SharedAdam, draws: Tensor, redirect: bool) -> None:
        """Find which way is uphill for all cells, and for what they share."""
        side, count = self.cells.side, len(self.chosen)
        affine = transforms.maps(draws, side, side)
        unique, shared = optimizer.parameters["unique"], optimizer.parameters["shared"]
        for begin in range(0, count, self.together):
            rows = slice(begin, min(begin + self.together, count))
            x = self.cells.pictures({"unique": unique[rows], "shared": shared}, self.chosen[rows])
            views = transforms.resample(x, affine.expand(len(x), -1, -1), side)
            views.backward(self.slope(rows, views.detach(), redirect))

    def slope(self, rows: slice, views: Tensor, redirect: bool) -> Tensor:
        """Return the gradient at what the network is shown of some cells, `[n, 3, P, P]`."""
        wanted = self.objectives[rows]
        seen = views.contiguous(memory_format=torch.channels_last)
        slope, _ = gradient(self.network, wanted, seen, self.precision)
        if redirect:
            silent = (slope == 0).flatten(1).all(1).nonzero().flatten()
            redirect_some(slope, silent, self.network, wanted, seen, self.precision)
        return slope


@torch.no_grad()
def _likeness(network: Network, cells: Cells, pictures: Tensor) -> np.ndarray:
    """Return the cosine between each position's vector and the mean response to its cell, `[N]`."""
    means = []
    for chunk in pictures.split(_together(network, cells)):
        response = respond(network, chunk.float() / 255, [cells.layer])[cells.layer]
        means.append(response.float().mean((2, 3)))
    vectors = torch.from_numpy(cells.vectors).to(network.device)
    return functional.cosine_similarity(torch.cat(means), vectors, dim=1).cpu().numpy()
