"""Activation grids: for every position of a layer a picture of what is active there, coherent between neighbours.

From a photograph's activations `a[C, H, W]`, cells `uint8 [H, W, S, S, 3]`. A cell is the weighted sum of a picture of its
own and of G shared ones, one per factor of the activations' non-negative factorization, mixed by how much of each factor is at
the position (Olah et al. 2018; Lucid, ActivationGridJupyter.ipynb). All cells of a layer are optimized together, and pass
through the network in chunks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import AtlasError
from pipeline.factorization import factorize
from pipeline.featurevis import colour, objectives, transforms
from pipeline.featurevis.folding import folded
from pipeline.featurevis.optimizer import Descent, autocast_type, denormals_flushed, generator_of, gradient, respond
from pipeline.featurevis.parameterizations import Parameters, fourier_start, fourier_values
from pipeline.featurevis.recipes import GRID, GridRecipe
from pipeline.featurevis.rectifiers import redirected
from pipeline.network import Network

_CHUNK = 64  # cells shown to the network at a time
_REDIRECTED = 8  # first steps with redirected gradients


@dataclass(frozen=True)
class Grid:
    """The pictures of all positions of a layer.

    Parameters
    ----------
    layer
        Of the network.
    cells
        uint8 `[H, W, S, S, 3]`.
    likeness
        f4 `[H, W]`: the cosine between the position's activation vector and the mean activation that its stored cell causes.
    alive
        bool `[H, W]`: whether a cell is more like its position than the noise it began from.
    seconds
        That it took.
    """

    layer: str
    cells: np.ndarray
    likeness: np.ndarray
    alive: np.ndarray
    seconds: float


def render_grid(
    network: Network, layer: str, activations: np.ndarray, recipe: GridRecipe = GRID, *, seed: int = 0, dtype: str = "auto"
) -> Grid:
    """Make the activation grid of a layer.

    Parameters
    ----------
    network
        Any; a folded copy of it is used.
    layer
        With responses `[C, H, W]`.
    activations
        `a[C, H, W]` of the photograph. Negative parts are left out of the factorization, not of the objectives.
    recipe
        How.
    seed
        Of the atlas.
    dtype
        As in `pipeline.featurevis.optimizer.render`.

    Raises
    ------
    AtlasError
        When the activations do not belong to the layer, or are zero or not finite.
    """
    began = time.perf_counter()
    a = np.asarray(activations, dtype=np.float32)
    if a.ndim != 3 or not np.isfinite(a).all() or not a.any():
        raise AtlasError(f'layer "{layer}": a grid needs finite activations [C, H, W] that are not all zero, not {list(a.shape)}')
    objectives.direction(layer, a[:, 0, 0]).check({layer: _shape(network, layer)})
    easel = _Easel(folded(network, (layer,)), layer, a, recipe, seed, autocast_type(network.device, dtype))
    with denormals_flushed():
        parameters = {name: value.to(network.device) for name, value in easel.start().items()}
        before = easel.likeness(easel.cells(parameters))
        descent = Descent(parameters, recipe.sharing, recipe.momentum, recipe.memory)
        draws = easel.draws()
        for step in range(recipe.steps):
            easel.step(descent, draws[:, step], redirect=step < _REDIRECTED)
        cells = easel.cells(parameters)
        after = easel.likeness(cells)
    height, width = a.shape[1:]
    stored = cells.permute(0, 2, 3, 1).cpu().numpy().reshape(height, width, recipe.cell, recipe.cell, 3)
    alive = (after > 0) & (after > before)
    return Grid(layer, stored, after.reshape(height, width), alive.reshape(height, width), time.perf_counter() - began)


@torch.no_grad()
def _shape(network: Network, layer: str) -> tuple[int, ...]:
    size = network.preprocessing.size
    return tuple(respond(network, torch.full((1, 3, size, size), 0.5, device=network.device), [layer])[layer].shape[1:])


@dataclass
class _Easel:
    """One layer's grid in the making; N = H·W cells of side P = S + 2·margin before their margins are cut off."""

    network: Network
    layer: str
    activations: np.ndarray
    recipe: GridRecipe
    seed: int
    autocast: torch.dtype | None

    def __post_init__(self) -> None:
        self.vectors = np.ascontiguousarray(self.activations.reshape(len(self.activations), -1).T)
        norms = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        unit = self.vectors / np.maximum(norms, 1e-12)
        self.objectives = [objectives.direction(self.layer, vector, cosine_power=self.recipe.cosine_power) for vector in unit]
        self.mixture = torch.from_numpy(self._mixture()).to(self.network.device)
        self.side = self.recipe.cell + 2 * self.recipe.margin

    def _mixture(self) -> np.ndarray:
        """Return how much of each shared picture every cell gets, f4 `[N, G]`, each at most 1."""
        positive = np.maximum(self.activations, 0)
        count = min(self.recipe.groups, int(np.linalg.matrix_rank(positive.reshape(len(positive), -1))))
        if count == 0:
            return np.ones((len(self.vectors), 1), dtype=np.float32)
        spatial = np.asarray(factorize(positive, count, self.layer).spatial, dtype=np.float32).reshape(count, -1)
        return np.ascontiguousarray((spatial / np.maximum(spatial.max(axis=1, keepdims=True), 1e-12)).T)

    def start(self) -> Parameters:
        """Draw the beginnings: `unique [N, 3, P, P//2 + 1, 2]` and `shared [G, 3, P, P//2 + 1, 2]`."""
        own = [generator_of(self.seed, self.layer, f"cell:{index}") for index in range(len(self.vectors))]
        common = [generator_of(self.seed, self.layer, f"shared:{index}") for index in range(self.mixture.shape[1])]
        return {"unique": fourier_start(own, self.side), "shared": fourier_start(common, self.side)}

    def draws(self) -> Tensor:
        """Draw the views. All cells of a step share one: a shift of one against its neighbour would tear what continues across them."""
        recipe = self.recipe
        generator = generator_of(self.seed, self.layer, "views")
        drawn = transforms.draw([generator], recipe.steps, jitter=recipe.jitter, scales=recipe.scales, degrees=recipe.degrees)
        return drawn.to(self.network.device)

    def pictures(self, parameters: Parameters, rows: slice = slice(None)) -> Tensor:
        """Return cells with their margins, `x[n, 3, P, P]` in 0…1."""
        own = fourier_values(parameters["unique"][rows], self.side)
        common = fourier_values(parameters["shared"], self.side)
        mixed = torch.einsum("ng,gchw->nchw", self.mixture[rows], common)
        return colour.to_rgb(self.recipe.unique * own + self.recipe.shared * mixed)

    def step(self, descent: Descent, draws: Tensor, redirect: bool) -> None:
        """Move all cells, and what they share, uphill."""
        affine = transforms.maps(draws, self.side, self.side)
        for begin in range(0, len(self.vectors), _CHUNK):
            rows = slice(begin, min(begin + _CHUNK, len(self.vectors)))
            x = self.pictures(descent.parameters, rows)
            views = transforms.resample(x, affine.expand(len(x), -1, -1), self.side)
            views.backward(self._gradient(self.objectives[rows], views.detach(), redirect))
        descent.step(self.recipe.learning_rate)

    def _gradient(self, asked: Sequence[objectives.Objective], views: Tensor, redirect: bool) -> Tensor:
        seen = views.contiguous(memory_format=torch.channels_last)
        slope, _ = gradient(self.network, asked, seen, self.autocast)
        silent = (slope == 0).flatten(1).all(1).nonzero().flatten()
        if redirect and len(silent):
            with redirected():
                slope[silent] = gradient(self.network, [asked[index] for index in silent], seen[silent], self.autocast)[0]
        return slope

    @torch.no_grad()
    def cells(self, parameters: Parameters) -> Tensor:
        """Return the cells as they will be stored, uint8 `[N, 3, S, S]`."""
        margin = self.recipe.margin
        x = self.pictures(parameters)[:, :, margin : self.side - margin, margin : self.side - margin]
        return (x * 255).round().to(torch.uint8)

    @torch.no_grad()
    def likeness(self, cells: Tensor) -> np.ndarray:
        """Return the cosine between each position's vector and the mean response to its cell, f4 `[N]`."""
        means = [respond(self.network, chunk.float() / 255, [self.layer])[self.layer].float().mean((2, 3)) for chunk in cells.split(_CHUNK)]
        vectors = torch.from_numpy(self.vectors).to(self.network.device)
        return torch.nn.functional.cosine_similarity(torch.cat(means), vectors, dim=1).cpu().numpy()
