"""A penalty on fine detail: the distance of a picture from itself blurred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.featurevis.objectives.objective import Objective, Term
from pipeline.grammar import INPUT

_KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@dataclass(frozen=True)
class _Blur(Term):
    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        kernel, channels = response.new_tensor(_KERNEL), response.shape[1]
        weights = torch.outer(kernel, kernel).expand(channels, 1, -1, -1)
        padded = functional.pad(response.detach(), (2, 2, 2, 2), mode="replicate")
        smooth = functional.conv2d(padded, weights, groups=channels)
        return (response - smooth).square().flatten(1).mean(1)


def blur() -> Objective:
    """Return `mean (x - blur(x))²`, with the blurred picture held fixed; subtract it."""
    return Objective(((1.0, _Blur(INPUT)),))
