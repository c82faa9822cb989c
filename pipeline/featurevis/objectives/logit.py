"""The logit of a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from pipeline.errors import AtlasError
from pipeline.featurevis.objectives.objective import Objective, Term, indices_on
from pipeline.grammar import OUTPUT


@dataclass(frozen=True)
class _Logit(Term):
    index: int

    def check(self, shape: tuple[int, ...]) -> None:
        if not 0 <= self.index < shape[0]:
            known = f"{shape[0]} classes, 0 to {shape[0] - 1}"
            raise AtlasError(f"the network has {known}; there is no class {self.index}")

    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        pictures = torch.arange(len(terms), device=response.device)
        return response[pictures, indices_on(response, [term.index for term in terms])]


def logit(index: int) -> Objective:
    """The logit of class k, before softmax."""
    return Objective(((1.0, _Logit(OUTPUT, index)),))
