"""The settings of a recipe: S is a picture's side in pixels, T the number of gradient steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any

VERSION = 7
"""Of the computation: raised whenever the same recipe gives other pictures, so that stored ones
are made again."""


@dataclass(frozen=True)
class Stage:
    """Some of a picture's steps, in which the network is shown it at one side.

    Attributes
    ----------
    share
        Of all steps; the shares of a recipe add up to 1.
    view
        Side at which the network is shown the picture, as a part of S. At a small side a picture
        takes shape at little cost; a picture made at one side only does little at others.
    rate
        Learning rate, as a multiple of the recipe's. When a picture is enlarged, each of its
        pixels fills several of the network's and gets less gradient.
    patience
        A picture moves on to the next stage when its score grows by less than this part from some
        steps (an eighth of the stage, at least three) to the next as many, but not before half of
        the stage; 0 takes all steps.
    """

    share: float = 1.0
    view: float = 1.0
    rate: float = 1.0
    patience: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """How a picture is made.

    Attributes
    ----------
    name
        In the table, and in a configuration.
    size
        Largest side S of the picture in pixels. Units that see little of a picture get a smaller
        one (`pipeline.featurevis.sides`).
    steps
        Number T of gradient steps.
    parameterization
        A name in `pipeline.featurevis.parameterizations.PARAMETERIZATIONS`.
    learning_rate
        Of the optimizer, in units of the parameters.
    sharing
        Part of the second moment that all parameters of a picture share: 0 is Adam, 1 scaled
        gradient descent.
    momentum, memory
        Adam's β₁ and β₂.
    peak
        Part of the largest second moment so far that each step keeps: 0 is Adam, 1 AMSGrad (Reddi
        et al. 2018).
    jitter
        Largest shift of the picture before the network is shown it, in pixels, in each direction.
    scales
        Smallest and largest magnification.
    degrees
        Largest rotation either way.
    stages
        In their order, from the first step to the last. Units that see little of a picture are
        shown it at its own side alone (`pipeline.featurevis.sides`).
    averaged
        Part of the steps, the last ones, whose mean parameters are the finished picture (Polyak &
        Juditsky 1992): large steps overshoot, each in its own direction, and their mean does not.
    redirected
        Number of first steps with redirected gradients of clipped activations.
    blur, total_variation, l1, opacity
        Weights of the penalties subtracted from every objective, in parts of the score reached, so
        that they mean the same in a network whose channels reach 300 as in one whose channels
        reach 6.
    fading
        Of parameterizations with opacity: how far the least opaque parts of the stored picture
        fade; 0 not at all, 1 fully.
    variants
        Pictures made of each unit.
    diversity
        Weight of the likeness between a unit's variants, subtracted from the objective.
    attempts
        How often a picture is started, each time from another seed, until it activates its unit.
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
        starts = [0, *ends]
        return [
            (stage, range(start, end))
            for stage, start, end in zip(self.stages, starts, ends, strict=False)
        ]

    def stage(self, step: int) -> Stage:
        """Return the stage that a step belongs to."""
        return next(stage for stage, steps in self.schedule() if step in steps)

    def side(self, step: int) -> int:
        """Return the side in pixels at which the network is shown the picture in a step."""
        return self.side_of(self.stage(step))

    def side_of(self, stage: Stage) -> int:
        """Return the side in pixels at which the network is shown the picture in a stage."""
        if stage.view == 1:
            return self.size
        # Whole strides of usual networks, so that no layer pads more than it must.
        return max(round(self.size * stage.view / 16) * 16, 16)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        return self.learning_rate * self.stage(step).rate

    def at_own_side(self) -> Recipe:
        """Return the recipe with one stage, in which the network is shown as many pixels in all."""
        pixels = sum(stage.share * stage.view**2 for stage in self.stages)
        return replace(self, stages=(Stage(),), steps=max(round(self.steps * pixels), 1))

    def averages(self, step: int) -> bool:
        """Return whether the finished picture is a mean that includes this step."""
        return step >= self.steps - round(self.averaged * self.steps)

    def fingerprint_parts(self) -> dict[str, Any]:
        """Return what a picture depends on besides network, unit and seed, ready for JSON."""
        return {"featurevis": VERSION, **asdict(self)}
