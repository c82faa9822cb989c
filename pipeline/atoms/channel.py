"""Channels: one channel at all positions. The score of channel c is Σ over y, x of a[c]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.atoms.atom import Atom, Cut

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.factorization import Factorization


@dataclass(frozen=True)
class Channel(Atom):
    """One channel at all positions: a[c]."""

    name = "channel"
    plural = "channels"
    dims = ("channel",)
    units = "sum of activations"

    def cut(self, a: Tensor, factorization: Factorization | None = None) -> Channels:
        """Cut `[C, H, W]` into C channels."""
        return Channels(a)


class Channels(Cut):
    """The C channels, each over all positions."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (int(self.a.shape[0]),)

    def scores(self, a: Tensor) -> Tensor:
        return a.sum((2, 3))

    def parts(self, rows: range) -> Tensor:
        return self._at(rows, self.a[rows.start : rows.stop])

    def seeds(self, rows: range) -> Tensor:
        return self._at(rows, self.a.new_ones(()))

    def _at(self, rows: range, values: Tensor) -> Tensor:
        filled = self.blank(rows)
        filled[list(range(len(rows))), list(rows)] = values
        return filled

    def aggregate(self, g: Tensor) -> Tensor:
        return (g * self.a).sum((2, 3))

    def read(self, t: Tensor) -> Tensor:
        return t.sum((2, 3))
