"""The activation of a neuron: one channel at one position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from pipeline.featurevis.objectives.objective import (
    Objective,
    Term,
    check_channel,
    check_position,
    indices_on,
)


@dataclass(frozen=True)
class _Neuron(Term):
    index: int
    position: tuple[int, int] | None

    def check(self, shape: tuple[int, ...]) -> None:
        check_channel(self.layer, self.index, shape)
        check_position(self.layer, self.position, shape)

    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        height, width = response.shape[2:]
        positions = [term.position or (height // 2, width // 2) for term in terms]
        rows, columns = (indices_on(response, each) for each in zip(*positions, strict=True))
        pictures = torch.arange(len(terms), device=response.device)
        channels = indices_on(response, [term.index for term in terms])
        return response[pictures, channels, rows, columns]


def neuron(layer: str, index: int, position: tuple[int, int] | None = None) -> Objective:
    """One neuron, `a[c, y, x]`.

    Parameters
    ----------
    layer
        Layer with response `[C, H, W]`.
    index
        The channel c.
    position
        `(y, x)`; by default the centre, `(H // 2, W // 2)`.
    """
    return Objective(((1.0, _Neuron(layer, index, position)),))
