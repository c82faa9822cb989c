"""The mean activation of a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from pipeline.featurevis.objectives.objective import Objective, Term, check_channel, indices_on


@dataclass(frozen=True)
class _Channel(Term):
    index: int

    def check(self, shape: tuple[int, ...]) -> None:
        check_channel(self.layer, self.index, shape)

    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        pictures = torch.arange(len(terms), device=response.device)
        channels = indices_on(response, [term.index for term in terms])
        return response[pictures, channels].flatten(1).mean(1)


def channel(layer: str, index: int) -> Objective:
    """Mean of one channel over all positions: `mean_{y,x} a[c, y, x]`.

    Olah et al., "Feature Visualization", Distill 2017.
    """
    return Objective(((1.0, _Channel(layer, index)),))
