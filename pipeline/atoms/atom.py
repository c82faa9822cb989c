"""What every atom offers: a name and dimensions for the store, and a way to cut a layer's cube.

An `Atom` is a value that names a way of cutting the cube `a[C, H, W]` of a layer. A `Cut` is one
layer's activations for one photograph, cut that way into M atoms. Atom i holds a part p_i of the
cube and has a score s_i, a scalar function of the cube. The attribution of a source's atom j to a
target's atom i is ⟨p_j, ∂s_i/∂a⟩. It can be computed from either end: `seeds` are pulled back to
the source and aggregated there with `aggregate`, or `parts` are pushed forward to the target and
read there with `read`.

torch is imported only by the functions that compute with it, because figures name atoms, too, and
the site is generated without torch.

Symbols: B rows of a batch; the output layer's cube is the logits [K].
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.factorization import Factorization


@dataclass(frozen=True)
class Atom(ABC):
    """A way of cutting a layer's cube.

    Attributes
    ----------
    name
        As it stands in the names of datasets: `mixed4d.spatial`.
    plural
        As the page calls several of them.
    dims
        The names of the dimensions of a dataset that has one value for each atom.
    units
        What an atom's score is measured in.
    leaves_residual
        Whether the atoms do not make up the whole cube. A cut then counts what they do not hold,
        the residual, as its last atom, so that atoms and residual sum to the whole.
    """

    name: ClassVar[str]
    plural: ClassVar[str]
    dims: ClassVar[tuple[str, ...]]
    units: ClassVar[str]
    leaves_residual: ClassVar[bool] = False

    @property
    def parameter(self) -> str:
        """What distinguishes this atom from others of its name, as text; empty for most atoms."""
        return ""

    @classmethod
    def parse(cls, parameter: str) -> Self:
        """Read what `parameter` writes.

        Raises
        ------
        ValueError
            When the text is no parameter of this kind of atom.
        """
        if parameter:
            raise ValueError(f'the atom "{cls.name}" takes no parameter, not "{parameter}"')
        return cls()

    def __str__(self) -> str:
        return f"{self.name}.{self.parameter}" if self.parameter else self.name

    def activation_path(self, layer: str) -> str:
        """Name of the dataset, or of the folder of datasets, that holds the layer's activations."""
        return f"activation/{layer}"

    def depends_on(self, key: str) -> bool:
        """Whether the atoms themselves depend on a configuration key such as "groups.preserve"."""
        return False

    @abstractmethod
    def cut(self, a: Tensor, factorization: Factorization | None = None) -> Cut:
        """Cut activations `[C, H, W]`, or the logits `[K]`, into atoms of this kind.

        Parameters
        ----------
        a
            The layer's activations for one photograph.
        factorization
            Of these activations, for atoms that are the components of one.
        """


class Cut(ABC):
    """The activations `a` of one layer (`[C, H, W]`, or `[K]` for the output) cut into M atoms."""

    def __init__(self, a: Tensor) -> None:
        self.a = a

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of the atoms, such as (H, W) or (C,), the residual included."""

    @property
    def count(self) -> int:
        """M, the number of atoms."""
        return math.prod(self.shape)

    @abstractmethod
    def scores(self, a: Tensor) -> Tensor:
        """`[B, *cube]` → the atoms' scores `[B, M]`, differentiable."""

    @abstractmethod
    def parts(self, rows: range) -> Tensor:
        """The parts of some atoms: `[B, *cube]` with B = len(rows)."""

    @abstractmethod
    def seeds(self, rows: range) -> Tensor:
        """The gradients of some atoms' scores at `a`: `[B, *cube]`."""

    @abstractmethod
    def aggregate(self, g: Tensor) -> Tensor:
        """`⟨p_j, g⟩` for every atom j: gradients `[B, *cube]` → `[B, M]`."""

    @abstractmethod
    def read(self, t: Tensor) -> Tensor:
        """`⟨seed_i, t⟩` for every atom i: tangents `[B, *cube]` → `[B, M]`."""

    def blank(self, rows: range) -> Tensor:
        """Zeros `[B, *cube]` with B = len(rows)."""
        return self.a.new_zeros(len(rows), *self.a.shape)
