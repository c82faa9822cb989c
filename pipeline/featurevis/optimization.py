"""The state of pictures that are optimized together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pipeline.featurevis.adam import SharedAdam
from pipeline.featurevis.objectives import Objective
from pipeline.featurevis.recipes import Stage


@dataclass
class Optimization:
    """Pictures of a batch that are optimized together; n of them.

    Attributes
    ----------
    rows
        `[n]`: their indices in the batch.
    families
        `[n]`: pictures with the same number leave a stage together.
    objectives, generators
        One per picture.
    draws
        `[n, T, 4]`: the views of all steps, from `transforms.draw`.
    optimizer
        With their parameters.
    silent
        `[n]`: for how many steps in a row they have had no gradient, not even a redirected one.
    history
        The scores `[n]` of each step of the present stage.
    """

    rows: Tensor
    families: Tensor
    objectives: list[Objective]
    generators: list[np.random.Generator]
    draws: Tensor
    optimizer: SharedAdam
    silent: Tensor
    history: list[Tensor] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, chosen: Tensor) -> Optimization:
        """Return the pictures of some indices, in that order."""
        indices = chosen.tolist()
        return Optimization(
            self.rows[chosen],
            self.families[chosen],
            [self.objectives[index] for index in indices],
            [self.generators[index] for index in indices],
            self.draws[chosen],
            self.optimizer.select(chosen),
            self.silent[chosen],
            [scores[chosen] for scores in self.history],
        )

    def join(self, others: Sequence[Optimization]) -> Optimization:
        """Return these pictures and others for a new stage, in the order of the batch."""
        parts = [self, *others]
        rows = torch.cat([each.rows for each in parts])
        together = Optimization(
            rows,
            torch.cat([each.families for each in parts]),
            [objective for each in parts for objective in each.objectives],
            [generator for each in parts for generator in each.generators],
            torch.cat([each.draws for each in parts]),
            self.optimizer.join([each.optimizer for each in others]),
            torch.cat([each.silent for each in parts]),
        )
        return together.select(rows.argsort())

    def converged(self, stage: Stage, steps: int) -> Tensor:
        """Return which pictures have gained so little recently that they may leave the stage.

        A picture that is pushed away from others waits for them.

        Parameters
        ----------
        stage
            The present one.
        steps
            How many it has.

        Returns
        -------
        Tensor
            bool `[n]`.
        """
        history, span = self.history, max(steps // 8, 3)
        if not stage.patience or len(history) < max(2 * span, steps // 2):
            return torch.zeros_like(self.rows, dtype=torch.bool)
        recent = torch.stack(history[-span:]).mean(0)
        earlier = torch.stack(history[-2 * span : -span]).mean(0)
        done = recent - earlier < stage.patience * recent.abs()
        families = torch.zeros(int(self.families.max()) + 1, device=done.device)
        unfinished = families.index_add(0, self.families, (~done).float())
        return unfinished[self.families] == 0
