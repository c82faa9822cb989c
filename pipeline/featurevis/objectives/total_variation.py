"""A penalty on differences between neighbouring pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from pipeline.featurevis.objectives.objective import Objective, Term
from pipeline.grammar import INPUT


@dataclass(frozen=True)
class _TotalVariation(Term):
    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        down, right = response.diff(dim=2).abs(), response.diff(dim=3).abs()
        return down.flatten(1).mean(1) + right.flatten(1).mean(1)


def total_variation() -> Objective:
    """Mean absolute difference of neighbouring pixels, down plus right; subtract it.

    Mahendran & Vedaldi 2015, with β = 1.
    """
    return Objective(((1.0, _TotalVariation(INPUT)),))
