"""How much pictures of one family resemble each other, to push a unit's variants apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.featurevis.objectives.objective import Objective, Term


@dataclass(frozen=True)
class _Likeness(Term):
    family: str
    compares: ClassVar[bool] = True

    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        features = response.flatten(2)
        grams = torch.einsum("ncp,ndp->ncd", features, features).flatten(1)
        directions = functional.normalize(grams, dim=1)
        families = [term.family for term in terms]
        pairs = [[one == other for other in families] for one in families]
        same = torch.tensor(pairs, device=response.device).float().fill_diagonal_(0)
        return ((directions @ directions.T) * same).sum(1) / same.sum(1).clamp(min=1)


def likeness(layer: str, family: str) -> Objective:
    """Likeness to the other pictures of a family; 0…1 for non-negative responses; subtract it.

    `mean_{j ≠ i} ⟨G_i, G_j⟩ / (‖G_i‖ ‖G_j‖)` with the Gram matrices `G = Σ_{y,x} a aᵀ` of the
    layer's responses to the pictures of the batch.

    Parameters
    ----------
    layer
        Whose responses are compared.
    family
        A name; pictures with the same one are compared.
    """
    return Objective(((1.0, _Likeness(layer, family)),))


def diversity(layer: str, family: str) -> Objective:
    """Return the negative `likeness` (Olah et al. 2017); add it."""
    return -likeness(layer, family)
