"""Measured contents: what the network does without some atoms of a layer."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.atoms import WHOLE
from pipeline.grammar.contents import BASELINE, Activation, Between, Content
from pipeline.grammar.substrates import CLASSES, Substrate


@dataclass(frozen=True)
class Removal(Between):
    """What the score of each atom of `target` loses when one atom of `source` is removed.

    Measured: the atom is set to its baseline and the rest of the network is run. Positive where the
    score falls without the atom. In general removals do not add up.
    """

    folder = "removal"
    residual_folder = "removal_residual"

    def depends_on(self, key: str) -> bool:
        return key == BASELINE


@dataclass(frozen=True)
class Coalitions:
    """The logits for every subset of a layer's groups and their residual, the others at baseline.

    Row s of 2ⁿ⁺¹: group g is there where bit g of s is 1, and the residual where bit n is. The last
    row is the whole layer, the first one the layer at its baseline.
    """

    groups: Substrate

    @property
    def path(self) -> str:
        """Name of the dataset [coalition, class]."""
        return f"coalition/{self.groups}"

    @property
    def substrates(self) -> tuple[Substrate, ...]:
        return (self.groups, CLASSES)

    @property
    def requires(self) -> tuple[Content, ...]:
        return (Activation(self.groups),)

    def depends_on(self, key: str) -> bool:
        return key == BASELINE


@dataclass(frozen=True)
class AtBaseline:
    """The logits with a whole layer at its baseline: the part that goes around the layer."""

    layer: str

    @property
    def path(self) -> str:
        """Name of the dataset [class]."""
        return f"baseline/{self.layer}"

    @property
    def substrates(self) -> tuple[Substrate, ...]:
        return (Substrate(self.layer, WHOLE), CLASSES)

    @property
    def requires(self) -> tuple[Content, ...]:
        return ()

    def depends_on(self, key: str) -> bool:
        return key == BASELINE
