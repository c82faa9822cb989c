"""Positions: all channels at one (y, x). The score of a position is ‖a[:, y, x]‖₂."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.atoms.atom import Atom, Cut

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.factorization import Factorization


@dataclass(frozen=True)
class Spatial(Atom):
    """All channels at one position: a[:, y, x]."""

    name = "spatial"
    plural = "positions"
    dims = ("y", "x")
    units = "norm of activations"

    def cut(self, a: Tensor, factorization: Factorization | None = None) -> Positions:
        """Cut `[C, H, W]` into H·W positions."""
        return Positions(a)


class Positions(Cut):
    """The H·W spatial positions, each with all its channels."""

    def __init__(self, a: Tensor) -> None:
        import torch

        super().__init__(a)
        norm = a.norm(dim=0)
        self.direction = torch.where(norm > 0, a / norm, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.a.shape[1:])

    def scores(self, a: Tensor) -> Tensor:
        import torch

        # The norm has no gradient at zero; there it counts as 0.
        squares = (a * a).sum(1).flatten(1)
        return torch.where(squares > 0, squares, 1).sqrt() * (squares > 0)

    def parts(self, rows: range) -> Tensor:
        return self._at(rows, self.a)

    def seeds(self, rows: range) -> Tensor:
        return self._at(rows, self.direction)

    def _at(self, rows: range, values: Tensor) -> Tensor:
        filled = self.blank(rows)
        positions = list(rows)
        filled.flatten(2)[list(range(len(rows))), :, positions] = values.flatten(1)[:, positions].T
        return filled

    def aggregate(self, g: Tensor) -> Tensor:
        return (g * self.a).sum(1).flatten(1)

    def read(self, t: Tensor) -> Tensor:
        return (t * self.direction).sum(1).flatten(1)
