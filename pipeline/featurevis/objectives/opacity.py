"""A penalty on opacity, so that what does not matter becomes transparent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from pipeline.featurevis.objectives.objective import Objective, Term
from pipeline.grammar import INPUT


@dataclass(frozen=True)
class _Opacity(Term):
    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        return response[:, 3].flatten(1).mean(1)


def opacity() -> Objective:
    """Mean opacity `mean α` of pictures with a fourth channel; subtract it."""
    return Objective(((1.0, _Opacity(INPUT)),))
