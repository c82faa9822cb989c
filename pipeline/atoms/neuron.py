"""Neurons: every number by itself.

Part and score of neuron (c, y, x) are a[c, y, x]; of class k, logit k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.atoms.atom import Atom, Cut

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.factorization import Factorization


@dataclass(frozen=True)
class Neuron(Atom):
    """One number a[c, y, x]; in the output, one class."""

    name = "neuron"
    plural = "neurons"
    dims = ("channel", "y", "x")
    units = "activation"

    def cut(self, a: Tensor, factorization: Factorization | None = None) -> Neurons:
        """Cut `[C, H, W]` into C·H·W neurons, or the logits `[K]` into K classes."""
        return Neurons(a)


class Neurons(Cut):
    """All C·H·W activations of a layer, or the K classes of the output."""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.a.shape)

    def scores(self, a: Tensor) -> Tensor:
        return a.flatten(1)

    def parts(self, rows: range) -> Tensor:
        return self._at(rows, self.a.flatten()[rows.start : rows.stop])

    def seeds(self, rows: range) -> Tensor:
        return self._at(rows, self.a.new_ones(len(rows)))

    def _at(self, rows: range, values: Tensor) -> Tensor:
        filled = self.blank(rows)
        filled.flatten(1)[list(range(len(rows))), list(rows)] = values
        return filled

    def aggregate(self, g: Tensor) -> Tensor:
        return (g * self.a).flatten(1)

    def read(self, t: Tensor) -> Tensor:
        return t.flatten(1)
