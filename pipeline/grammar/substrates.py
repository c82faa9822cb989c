"""Substrates: a layer cut into atoms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.atoms import ATOMS, NEURON, WHOLE, Atom
from pipeline.errors import AtlasError

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.atoms import Cut
    from pipeline.factorization import Factorization

INPUT = "input"
OUTPUT = "output"


@dataclass(frozen=True)
class Substrate:
    """A layer cut into atoms: `Substrate("mixed4d", SPATIAL)`. A class is a neuron of "output"."""

    layer: str
    atom: Atom

    def __post_init__(self) -> None:
        if not isinstance(self.atom, Atom):
            known = "NEURON, SPATIAL, CHANNEL, WHOLE or Group(n)"
            raise TypeError(f"{self.layer}: {self.atom!r} is no atom; write {known}")

    def __str__(self) -> str:
        return f"{self.layer}.{self.atom}"

    @classmethod
    def parse(cls, text: str) -> Substrate:
        """Read what `str` writes."""
        match = _SUBSTRATE.fullmatch(text)
        try:
            if match is None:
                raise ValueError("no atom")
            layer, name, parameter = match.groups()
            return cls(layer, ATOMS[name].parse(parameter or ""))
        except ValueError as error:
            example = '"mixed4d.spatial" or "mixed4d.group.6"'
            raise ValueError(f'"{text}" names no substrate; one looks like {example}') from error

    def cut(self, a: Tensor, factorization: Factorization | None = None) -> Cut:
        """Cut the layer's activations for one photograph into this substrate's atoms.

        Parameters
        ----------
        a
            `[C, H, W]`, or the logits `[K]` for the output.
        factorization
            Of these activations, where the atom is a group.

        Raises
        ------
        AtlasError
            When the output is to be cut into positions, channels or groups, or the factorization
            does not fit the activations.
        """
        if self.layer == OUTPUT and self.atom not in (NEURON, WHOLE):
            raise AtlasError(f'"{self}": the output has classes only; write "{CLASSES}"')
        return self.atom.cut(a, factorization)

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the dimensions of a dataset with one value for each atom."""
        return ("class",) if self == CLASSES else self.atom.dims

    @property
    def units(self) -> str:
        """What the atoms' scores are measured in."""
        return "logits" if self == CLASSES else self.atom.units


# A layer's name may itself contain dots, so the atom is looked for from the right.
_SUBSTRATE = re.compile(rf"(.+)\.({'|'.join(ATOMS)})(?:\.([^.]*(?:@.+@[^.]*)?))?")

CLASSES = Substrate(OUTPUT, NEURON)
