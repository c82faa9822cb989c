"""Finished pictures: rounded to what is stored, and what they do to the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.featurevis import transforms
from pipeline.featurevis.objectives import Objective, evaluate, layers_of
from pipeline.featurevis.parameterizations import PARAMETERIZATIONS, Parameters
from pipeline.featurevis.penalties import penalties
from pipeline.featurevis.recipes import Recipe
from pipeline.featurevis.responses import respond
from pipeline.network import Network


@torch.no_grad()
def stored(parameters: Parameters, recipe: Recipe) -> Tensor:
    """Return pictures as they will be stored: uint8 `[B, 3 or 4, S, S]`."""
    x = PARAMETERIZATIONS[recipe.parameterization].pictures(parameters, recipe.size)
    if x.shape[1] == 4:
        opacity = 1 - recipe.fading + recipe.fading * x[:, 3:]
        x = torch.cat([x[:, :3], opacity], dim=1)
    return (x * 255).round().clamp(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class Scores:
    """What pictures reach: their objectives, and their activations without any penalty, `[B]`."""

    objective: Tensor
    activation: Tensor


@torch.no_grad()
def measure(
    network: Network, recipe: Recipe, objectives: Sequence[Objective], pictures: Tensor
) -> Scores:
    """Show stored pictures to the network, untransformed and in float32.

    Parameters
    ----------
    network
        Any.
    recipe
        Whose penalties are subtracted from the objectives.
    objectives
        One per picture.
    pictures
        uint8 `[B, 3 or 4, S, S]`. Those with opacity are shown on mid-grey.
    """
    x = pictures.float() / 255
    shown = x
    if x.shape[1] == 4:
        shown = transforms.composite(x, torch.full_like(x[:, :3], transforms.OUTSIDE))
    responses = respond(network, shown, layers_of(objectives))
    score = evaluate([each.on_network for each in objectives], responses)
    activation = evaluate([each.main for each in objectives], responses)
    return Scores(score - penalties(recipe, objectives, x, score), activation)
