"""The whole cube as one atom. Its score is ‖a‖₂."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.atoms.atom import Atom, Cut

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.factorization import Factorization


@dataclass(frozen=True)
class Whole(Atom):
    """The cube."""

    name = "whole"
    plural = "the whole"
    dims = ()
    units = "norm of activations"

    def cut(self, a: Tensor, factorization: Factorization | None = None) -> WholeCube:
        """Take `[C, H, W]`, or the logits `[K]`, as one."""
        return WholeCube(a)


class WholeCube(Cut):
    """All activations of a layer together."""

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def scores(self, a: Tensor) -> Tensor:
        import torch

        # The norm has no gradient at zero; there it counts as 0.
        squares = (a * a).flatten(1).sum(1, keepdim=True)
        return torch.where(squares > 0, squares, 1).sqrt() * (squares > 0)

    def parts(self, rows: range) -> Tensor:
        return self.a[None]

    def seeds(self, rows: range) -> Tensor:
        import torch

        norm = self.a.norm()
        return torch.where(norm > 0, self.a / norm, 0)[None]

    def aggregate(self, g: Tensor) -> Tensor:
        return (g * self.a).flatten(1).sum(1, keepdim=True)

    def read(self, t: Tensor) -> Tensor:
        return (t * self.seeds(range(1))).flatten(1).sum(1, keepdim=True)
