"""The cells of an activation grid as parameters, and how they become pictures.

A layer's activations `a[C, H, W]` have N = H·W positions, each with a cell of side
P = S + 2·margin before its margin is cut off. A cell is the weighted sum of a picture of its own
and of G shared ones, one per factor of the activations' non-negative factorization, mixed by how
much of each factor is at the position (Olah et al. 2018; Lucid, ActivationGridJupyter.ipynb).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pipeline.factorization import factorize
from pipeline.featurevis import colour, transforms
from pipeline.featurevis.parameterizations import Parameters, fourier_start, fourier_values
from pipeline.featurevis.recipes import GridRecipe
from pipeline.featurevis.seeds import generator_of

_TINY = 1e-12
MOST = 4096  # vectors that are chosen among
_AT_A_TIME = 32  # vectors whose gain is looked at
_LEAST_GOAL = 0.01  # of a position's vector that remains without what is common
_LEAST_STRENGTH = 0.05  # of the strongest channel's: what hardly fires is not made to count alike


@dataclass(frozen=True)
class Cells:
    """The cells of one layer.

    Attributes
    ----------
    layer
        Of the network.
    activations
        `a[C, H, W]`, f4.
    recipe
        How the cells are made.
    seed
        Of the atlas.
    device
        Where the network is.
    size
        Side in pixels of the network's input.
    """

    layer: str
    activations: np.ndarray
    recipe: GridRecipe
    seed: int
    device: torch.device
    size: int = 224

    def __len__(self) -> int:
        return self.activations[0].size

    @property
    def stored_side(self) -> int:
        """S, in pixels."""
        rows, columns = self.activations.shape[1:]
        return self.recipe.side_of_cell(rows, columns, self.size)

    @property
    def side(self) -> int:
        """P, in pixels."""
        return self.stored_side + 2 * self.recipe.margin

    @property
    def steps(self) -> int:
        """T, the number of gradient steps of all rounds."""
        return sum(map(self.recipe.steps_of, range(len(self.recipe.counts(len(self))))))

    @cached_property
    def vectors(self) -> np.ndarray:
        """The activation vectors of the positions, f4 `[N, C]`."""
        return np.ascontiguousarray(self.activations.reshape(len(self.activations), -1).T)

    @cached_property
    def goals(self) -> np.ndarray:
        """What the cells should cause, f4 `[N, C]`, each of length 1.

        Each position's activations, less a part of the mean of all positions; where nothing is left
        of them, and where nothing is active, the activations themselves. Strong channels, which are
        active nearly everywhere, count less than their activations say.
        """
        lengths = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        goals = self.vectors - self.recipe.common * self.vectors.mean(axis=0)
        remain = np.linalg.norm(goals, axis=1, keepdims=True)
        goals = np.where((remain > _LEAST_GOAL * lengths) & (lengths > 0), goals, self.vectors)
        strength = np.sqrt(np.square(self.vectors).mean(axis=0))
        strength = np.maximum(strength / max(strength.max(), _TINY), _LEAST_STRENGTH)
        goals = goals / strength**self.recipe.evened
        return goals / np.maximum(np.linalg.norm(goals, axis=1, keepdims=True), _TINY)

    @cached_property
    def mixture(self) -> Tensor:
        """How much of each shared picture every cell gets, f4 `[N, G]`, each at most 1."""
        positive = np.maximum(self.activations, 0)
        rank = int(np.linalg.matrix_rank(positive.reshape(len(positive), -1)))
        count = min(self.recipe.groups, rank)
        if count == 0:
            return torch.ones(len(self), 1, device=self.device)
        factors = factorize(positive, count, self.layer)
        spatial = np.asarray(factors.spatial, dtype=np.float32).reshape(count, -1)
        shares = spatial / np.maximum(spatial.max(axis=1, keepdims=True), _TINY)
        return torch.from_numpy(np.ascontiguousarray(shares.T)).to(self.device)

    @cached_property
    def rounds(self) -> list[np.ndarray]:
        """Indices of the cells of each round: more and more, and all of them in the last."""
        *few, _all = self.recipe.counts(len(self))
        order = representative(self.goals, few[-1]) if few else np.arange(0)
        return [*(order[:count] for count in few), np.arange(len(self))]

    def start(self, chosen: np.ndarray | None = None) -> Parameters:
        """Draw the noise that cells start from.

        Parameters
        ----------
        chosen
            Indices of n cells; None for all.

        Returns
        -------
        dict of Tensor
            `unique [n, 3, P, P//2 + 1, 2]` and `shared [G, 3, P, P//2 + 1, 2]`.
        """
        cells = range(len(self)) if chosen is None else chosen.tolist()
        indices = {"unique": ("cell", cells), "shared": ("shared", range(self.mixture.shape[1]))}
        drawn = {}
        for name, (kind, numbers) in indices.items():
            names = [f"{kind}:{index}" for index in numbers]
            generators = [generator_of(self.seed, self.layer, each) for each in names]
            drawn[name] = fourier_start(generators, self.side).to(self.device)
        return drawn

    def continued(self, finished: Parameters, before: np.ndarray, chosen: np.ndarray) -> Parameters:
        """Return the parameters that chosen cells start from, given those of finished ones.

        Parameters
        ----------
        finished
            Of the cells of indices `before`.
        before, chosen
            Indices of cells.
        """
        alike = (self.goals[chosen] @ self.goals[before].T).argmax(axis=1)
        most = torch.from_numpy(alike).to(self.device)
        unique, shared = finished["unique"].detach(), finished["shared"].detach()
        return {"unique": unique[most], "shared": shared.clone()}

    def draws(self) -> Tensor:
        """Draw the views of all T steps, `[1, T, 4]`.

        All cells share them: if a cell shifted against its neighbour, what continues from one to
        the other would be torn apart.
        """
        recipe = self.recipe
        generator = generator_of(self.seed, self.layer, "views")
        drawn = transforms.draw(
            [generator],
            self.steps,
            jitter=recipe.jitter,
            scales=recipe.scales,
            degrees=recipe.degrees,
        )
        return drawn.to(self.device)

    def pictures(self, parameters: Parameters, chosen: np.ndarray | None = None) -> Tensor:
        """Return cells with their margins, `x[n, 3, P, P]` in 0…1.

        Parameters
        ----------
        parameters
            Of the chosen cells.
        chosen
            Their indices; None for all.
        """
        mixture = self.mixture
        if chosen is not None:
            mixture = mixture[torch.from_numpy(chosen).to(self.device)]
        own = fourier_values(parameters["unique"], self.side)
        common = fourier_values(parameters["shared"], self.side)
        mixed = torch.einsum("ng,gchw->nchw", mixture, common)
        return colour.to_rgb(self.recipe.unique * own + self.recipe.shared * mixed)

    @torch.no_grad()
    def stored(self, parameters: Parameters) -> Tensor:
        """Return cells as they will be stored, uint8 `[N, 3, S, S]`."""
        inner = slice(self.recipe.margin, self.side - self.recipe.margin)
        x = self.pictures(parameters)[:, :, inner, inner]
        return (x * 255).round().to(torch.uint8)


def representative(goals: np.ndarray, count: int) -> np.ndarray:
    """Choose vectors such that the others are as like one of them as can be.

    Each next one is that which raises the likeness of all to those chosen most (greedily, as in
    Nemhauser, Wolsey & Fisher 1978). What a vector would raise only falls with every choice, so
    that only those are looked at again whose last known gain is above all others (Minoux 1978).
    Of more than `MOST` vectors, that many spread evenly over them are chosen among and stand for
    all; their likeness takes 4·`MOST`² bytes.

    Parameters
    ----------
    goals
        f4 `[N, C]`, each of length 1.
    count
        Of those to choose, N at most. What goes beyond `MOST` is spread evenly over the others.

    Returns
    -------
    ndarray
        Their indices, `[count]`, in that order.
    """
    if len(goals) > MOST:
        among = _spread(np.arange(len(goals)), MOST)
        first = among[representative(goals[among], min(count, MOST))]
        others = np.setdiff1d(np.arange(len(goals)), first)
        return np.concatenate([first, _spread(others, count - len(first))])
    likeness = goals @ goals.T
    reached = np.full(len(goals), -1.0, dtype=likeness.dtype)
    gains = np.full(len(goals), np.inf, dtype=likeness.dtype)  # no gain is larger than this
    chosen: list[int] = []
    while len(chosen) < count:
        known = np.zeros(len(goals), dtype=bool)
        while not known[best := int(gains.argmax())]:
            some = np.argpartition(-gains, min(_AT_A_TIME, len(goals) - 1))[:_AT_A_TIME]
            some = np.append(some[~known[some] & (gains[some] > -1)], best)
            gains[some] = np.maximum(likeness[some] - reached, 0).sum(axis=1)
            known[some] = True
        chosen.append(best)
        gains[best] = -1
        reached = np.maximum(reached, likeness[best])
    return np.asarray(chosen)


def _spread(indices: np.ndarray, count: int) -> np.ndarray:
    return indices[np.linspace(0, len(indices) - 1, count).round().astype(int)]
