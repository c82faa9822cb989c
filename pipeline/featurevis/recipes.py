"""Recipes: named settings by which feature visualizations are made, S pixels square in T steps.

A recipe is a value; a configuration chooses one by name and may override its size and steps. Nothing here imports
torch: the site's generator and a build with nothing to do read recipes without loading it. `Recipe.fingerprint_parts`
describes everything a picture depends on besides the network, the unit and the seed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any

from pipeline.config import FeaturesTable
from pipeline.errors import AtlasError, did_you_mean

VERSION = 6
"""Of the computation: raised whenever the same recipe gives other pictures, so that stored ones are made anew."""


@dataclass(frozen=True)
class Stage:
    """Some of a picture's steps, in which the network is shown it at one side.

    Parameters
    ----------
    share
        Of all steps; the shares of a recipe add up to 1.
    view
        Side at which the network is shown the picture, as a part of S. At a small side a picture takes shape at little cost; a picture made
        at one side only does little at others.
    rate
        Learning rate, in parts of the recipe's. Enlarged, a pixel of the picture fills several of the network's, and gets less gradient.
    patience
        A picture that gains less than this part of its score, from some steps (an eighth of the stage, at least three) to the next as
        many, goes on to the next stage, at half of this one at the earliest; 0 goes through all steps.
    """

    share: float = 1.0
    view: float = 1.0
    rate: float = 1.0
    patience: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """How a picture is made.

    Parameters
    ----------
    name
        In the table, and in a configuration.
    size
        Side S of the picture in pixels, at most: where units see little of it, 112 or twice what they see is enough.
    steps
        Number T of gradient steps.
    parameterization
        A name in `pipeline.featurevis.parameterizations.PARAMETERIZATIONS`.
    learning_rate
        Of the optimizer, in units of the parameters.
    sharing
        Part of the second moment that all parameters of a picture share: 0 is Adam, 1 scaled gradient descent.
    momentum, memory
        Adam's β₁ and β₂.
    peak
        Part of the largest second moment so far that each step keeps: 0 is Adam, 1 AMSGrad (Reddi et al. 2018).
    jitter
        Largest shift of the canvas before it is shown to the network, in pixels, in each direction.
    scales
        Smallest and largest magnification.
    degrees
        Largest rotation either way.
    stages
        One after the other, from the first step to the last.
    averaged
        Part of the steps, the last ones, whose parameters the finished picture is the mean of (Polyak & Juditsky 1992): large steps
        overshoot, each in its own direction, and their mean does not.
    redirected
        Number of first steps with redirected gradients of clipped activations.
    blur, total_variation, l1, opacity
        Weights of the penalties subtracted from every objective, in parts of what it has reached, so that they mean the same
        in a network whose channels reach 300 as in one whose channels reach 6.
    fading
        Of parameterizations with opacity: how far the least opaque parts of the stored picture fade; 0 not at all, 1 fully.
    variants
        Pictures made of each unit.
    diversity
        Weight of the likeness between a unit's variants, subtracted from the objective.
    attempts
        How often a picture is begun, from another seed each time, until it activates its unit.
    """

    name: str
    size: int
    steps: int
    parameterization: str = "fourier"
    learning_rate: float = 0.035
    sharing: float = 0.9
    momentum: float = 0.9
    memory: float = 0.9
    peak: float = 0.0
    jitter: float = 8.0
    scales: tuple[float, float] = (0.9, 1.1)
    degrees: float = 10.0
    stages: tuple[Stage, ...] = (Stage(),)
    averaged: float = 0.0
    redirected: int = 16
    blur: float = 0.0
    total_variation: float = 0.0
    l1: float = 0.0
    opacity: float = 0.0
    fading: float = 0.7
    variants: int = 1
    diversity: float = 0.0
    attempts: int = 3

    def schedule(self) -> list[tuple[Stage, range]]:
        """Return the stages in their order, each with its steps."""
        ends = [round(end * self.steps) for end in accumulate(stage.share for stage in self.stages)]
        return [(stage, range(start, end)) for stage, start, end in zip(self.stages, [0, *ends], ends, strict=False)]

    def stage(self, step: int) -> Stage:
        """Return the stage that a step belongs to."""
        return next(stage for stage, steps in self.schedule() if step in steps)

    def side(self, step: int) -> int:
        """Return the side in pixels at which the network is shown the picture in a step."""
        return self.side_of(self.stage(step))

    def side_of(self, stage: Stage) -> int:
        """Return the side in pixels at which the network is shown the picture in a stage."""
        # Whole strides of usual networks, so that no layer pads more than it must.
        return self.size if stage.view == 1 else max(round(self.size * stage.view / 16) * 16, 16)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        return self.learning_rate * self.stage(step).rate

    def averages(self, step: int) -> bool:
        """Say whether the finished picture is a mean that this step is part of."""
        return step >= self.steps - round(self.averaged * self.steps)

    def fingerprint_parts(self) -> dict[str, Any]:
        """Return what a picture depends on besides network, unit and seed, ready for JSON."""
        return {"featurevis": VERSION, **asdict(self)}


_FAST = Recipe(
    "fast",
    size=112,
    steps=51,
    learning_rate=0.12,
    momentum=0.0,
    peak=0.85,
    jitter=3.0,
    scales=(0.97, 1.03),
    degrees=2.0,
    stages=(
        Stage(10 / 51, view=0.57),
        Stage(8 / 51, view=0.72),
        Stage(7 / 51),
        Stage(17 / 51, view=1.6, rate=1.85, patience=0.07),
        Stage(9 / 51),
    ),
    averaged=0.32,
)

RECIPES = {
    each.name: each
    for each in (
        _FAST,
        # The article's icons: 110 px, what does not matter fades away (Lucid, alpha_feature_vis.ipynb).
        Recipe(
            "article",
            size=110,
            steps=192,
            parameterization="fourier_alpha",
            learning_rate=0.03,
            opacity=0.5,
            stages=(Stage(patience=0.005),),
        ),
        # Fel et al., "Unlocking Feature Visualization for Deep Networks with MAgnitude Constrained Optimization", 2023.
        Recipe("maco", size=160, steps=128, parameterization="maco", learning_rate=0.3, scales=(1.0, 1.6)),
        replace(_FAST, name="diverse", steps=57, learning_rate=0.07, variants=4, diversity=0.3),
        # As Lucid and Lucent set it up, to compare with.
        Recipe("lucid", size=128, steps=512, learning_rate=0.05, sharing=0.0, memory=0.999),
    )
}


@dataclass(frozen=True)
class GridRecipe:
    """How an activation grid is made: one picture per position of a layer, coherent between neighbours.

    Parameters
    ----------
    cell
        Side of a stored cell in pixels.
    margin
        Pixels drawn around a cell and cut off, because a picture's edge is its poorest part.
    groups
        Number of shared pictures, one per factor of the layer's activations.
    shared, unique
        Weights of the shared pictures and of the cell's own.
    cosine_power
        Exponent p of the direction objective.
    steps, learning_rate, sharing, momentum, memory, jitter, scales, degrees
        As in `Recipe`.
    """

    name: str = "grid"
    cell: int = 32
    margin: int = 2
    groups: int = 6
    shared: float = 0.5
    unique: float = 0.7
    cosine_power: float = 1.0
    steps: int = 24
    learning_rate: float = 0.12
    sharing: float = 0.9
    momentum: float = 0.5
    memory: float = 0.9
    jitter: float = 3.0
    scales: tuple[float, float] = (0.9, 1.1)
    degrees: float = 8.0

    def fingerprint_parts(self) -> dict[str, Any]:
        """Return what a grid depends on besides network, activations and the seed, ready for JSON."""
        return {"featurevis": VERSION, **asdict(self)}


GRID = GridRecipe()


def recipe(table: FeaturesTable) -> Recipe:
    """Return the recipe that `[features]` of a configuration asks for, with its size and steps.

    Raises
    ------
    AtlasError
        For a name that is not in the table.
    """
    return named(table.recipe, size=table.size, steps=table.steps)


def named(name: str, *, size: int | None = None, steps: int | None = None) -> Recipe:
    """Return the recipe of that name, with another size or other steps where given.

    Raises
    ------
    AtlasError
        For a name that is not in the table.
    """
    if name not in RECIPES:
        hint = did_you_mean(name, RECIPES) or ";"
        raise AtlasError(f'[features] recipe = "{name}": no such recipe{hint} there are: {", ".join(RECIPES)}')
    chosen = RECIPES[name]
    return replace(chosen, size=size or chosen.size, steps=steps or chosen.steps)
