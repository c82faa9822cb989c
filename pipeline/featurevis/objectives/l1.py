"""A penalty on the distance from mid-grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from pipeline.featurevis.objectives.objective import Objective, Term
from pipeline.grammar import INPUT


@dataclass(frozen=True)
class _L1(Term):
    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        return (response[:, :3] - 0.5).abs().flatten(1).mean(1)


def l1() -> Objective:
    """Mean distance of the picture from mid-grey, `mean |x - 0.5|`; subtract it."""
    return Objective(((1.0, _L1(INPUT)),))
