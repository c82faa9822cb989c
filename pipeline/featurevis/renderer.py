"""The pictures of one batch, from noise to their scores."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.featurevis import transforms
from pipeline.featurevis.adam import SharedAdam
from pipeline.featurevis.measuring import measure, stored
from pipeline.featurevis.objectives import Objective, likeness
from pipeline.featurevis.optimization import Optimization
from pipeline.featurevis.parameterizations import (
    PARAMETERIZATIONS,
    Parameterization,
    backdrops,
)
from pipeline.featurevis.penalties import penalties
from pipeline.featurevis.precision import FLOAT32, Precision, denormals_flushed
from pipeline.featurevis.recipes import Recipe, Stage
from pipeline.featurevis.requests import Batch, Request
from pipeline.featurevis.responses import gradient, redirect_some
from pipeline.featurevis.seeds import generator_of
from pipeline.network import Network

# A picture without any gradient for so many steps is given up; other views might still activate
# its unit.
_HOPELESS = 3


@dataclass(frozen=True)
class Renderer:
    """Everything that pictures depend on besides their requests.

    Attributes
    ----------
    network
        A folded one.
    recipe
        With the sides that suit the requests (`sides.suited_recipe`).
    seed
        Of the atlas.
    precision
        To compute gradients in.
    magnitude
        Natural spectrum for the recipe `maco`; None for that of the bundled photographs.
    """

    network: Network
    recipe: Recipe
    seed: int
    precision: Precision = FLOAT32
    magnitude: np.ndarray | None = None

    @property
    def parameterization(self) -> Parameterization:
        """The recipe's."""
        return PARAMETERIZATIONS[self.recipe.parameterization]

    def render(self, requests: Sequence[Request], attempts: Sequence[int]) -> Batch:
        """Make the pictures of a batch, all together.

        Parameters
        ----------
        requests
            Of one layer. A unit's variants follow each other.
        attempts
            How often each has been started before.
        """
        began, recipe = time.perf_counter(), self.recipe
        with denormals_flushed():
            pictures = self.start(requests, attempts)
            first = stored(pictures.optimizer.parameters, recipe)
            last = first.clone()
            finished: list[Optimization] = []
            for stage, steps in recipe.schedule():
                pictures, given_up = self.run_stage(stage, steps, pictures)
                finished += given_up
            for each in (*finished, pictures):
                if len(each):
                    last[each.rows] = stored(each.optimizer.result(), recipe)
            return self._batch(requests, first, last, began)

    def start(self, requests: Sequence[Request], attempts: Sequence[int]) -> Optimization:
        """Draw the noise that pictures start from, and their views."""
        recipe, device, count = self.recipe, self.network.device, len(requests)
        generators = [
            generator_of(self.seed, each.layer, each.unit, attempt)
            for each, attempt in zip(requests, attempts, strict=True)
        ]
        drawn = self.parameterization.start(generators, recipe.size, self.magnitude)
        parameters = {name: value.to(device) for name, value in drawn.items()}
        draws = transforms.draw(
            generators,
            recipe.steps,
            jitter=recipe.jitter,
            scales=recipe.scales,
            degrees=recipe.degrees,
        )
        rows = torch.arange(count, device=device)
        return Optimization(
            rows,
            rows // recipe.variants,
            [self._objective(each) for each in requests],
            generators,
            draws.to(device),
            SharedAdam(parameters, recipe.sharing, recipe.momentum, recipe.memory, recipe.peak),
            torch.zeros(count, dtype=torch.int64, device=device),
        )

    def _objective(self, request: Request) -> Objective:
        if not self.recipe.diversity:
            return request.objective
        return request.objective - self.recipe.diversity * likeness(request.layer, request.family)

    def run_stage(
        self, stage: Stage, steps: range, pictures: Optimization
    ) -> tuple[Optimization, list[Optimization]]:
        """Take pictures through a stage, each until it has converged.

        Returns
        -------
        Optimization, list of Optimization
            The pictures to continue with, and those given up because nothing moves in them.
        """
        converged: list[Optimization] = []
        given_up: list[Optimization] = []
        for step in steps:
            if not len(pictures):
                break
            self.step(pictures, step, redirect=step < self.recipe.redirected)
            hopeless = pictures.silent >= _HOPELESS
            done = pictures.converged(stage, len(steps)) & ~hopeless
            for chosen, group in ((hopeless, given_up), (done, converged)):
                if chosen.any():
                    group.append(pictures.select(chosen.nonzero().flatten()))
            leaving = hopeless | done
            if leaving.any():
                pictures = pictures.select((~leaving).nonzero().flatten())
        return pictures.join(converged), given_up

    def step(self, pictures: Optimization, step: int, redirect: bool) -> None:
        """Show pictures to the network through this step's views, and move them uphill."""
        recipe, optimizer = self.recipe, pictures.optimizer
        x = self.parameterization.pictures(optimizer.parameters, recipe.size)
        shown = x
        if x.shape[1] == 4:
            shown = transforms.composite(x, backdrops(pictures.generators, recipe.size))
        # The view shows the whole picture, at whichever side.
        affine = transforms.maps(pictures.draws[:, step], recipe.size, recipe.size)
        views = transforms.resample(shown, affine, recipe.side(step))
        slope, score = self._slope(pictures, views.detach(), redirect)
        penalty = penalties(recipe, pictures.objectives, x, score)
        roots, slopes = [views], [slope]
        if penalty.requires_grad:
            roots, slopes = [views, penalty], [slope, torch.ones_like(score)]
        torch.autograd.backward(roots, slopes)
        optimizer.step(recipe.rate(step))
        if recipe.averages(step):
            optimizer.average()
        pictures.history.append(score)

    def _slope(
        self, pictures: Optimization, views: Tensor, redirect: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the gradient at the views and the scores, and count the steps without any."""
        seen = views.contiguous(memory_format=torch.channels_last)
        slope, score = gradient(self.network, pictures.objectives, seen, self.precision)
        # Channels last, as the gradient is laid out in memory.
        quiet = ~slope.permute(0, 2, 3, 1).flatten(1).any(1)
        pictures.silent = torch.where(quiet & (not redirect), pictures.silent + 1, 0)
        if redirect:
            silent = quiet.nonzero().flatten()
            redirect_some(slope, silent, self.network, pictures.objectives, seen, self.precision)
        return slope, score

    def _batch(
        self, requests: Sequence[Request], first: Tensor, last: Tensor, began: float
    ) -> Batch:
        """Return the batch of finished pictures uint8 `[B, 3 or 4, S, S]`, given the noise too."""
        objectives = [each.objective for each in requests]
        before = measure(self.network, self.recipe, objectives, first)
        after = measure(self.network, self.recipe, objectives, last)
        alive = (after.activation > 0) & (after.activation > before.activation)
        return Batch(
            requests[0].layer,
            [each.unit for each in requests],
            last.permute(0, 2, 3, 1).cpu().numpy(),
            after.objective.cpu().numpy(),
            after.activation.cpu().numpy(),
            alive.cpu().numpy(),
            time.perf_counter() - began,
            self.precision.name,
        )
