"""Atoms: the ways of cutting a layer's cube `a[C, H, W]`, as sources and as targets of attribution.

A `Cut` is a layer's activations for one photograph, cut into M atoms. Atom i holds a part p_i of the cube, and has a score
s_i, a scalar function of it:

    atom            part p_i                              score s_i(a)                seed ∂s_i/∂a
    output neuron   logit k                               a_k                         one at k
    spatial (y, x)  a[:, y, x]                            ‖a[:, y, x]‖₂               a[:, y, x] / ‖a[:, y, x]‖₂ there
    channel c       a[c]                                  Σ over y, x of a[c]         one in channel c
    neuron          a[c, y, x]                            a[c, y, x]                  one at (c, y, x)
    group g         v_g = W_g ⊗ H_g                       ⟨a, v_g / ‖v_g‖⟩            v_g / ‖v_g‖
    whole           a                                     ‖a‖₂                        a / ‖a‖₂

Attribution from atom j of one layer to atom i of a later one is ⟨p_j, ∂s_i/∂a⟩. It can be had from either end: `seeds`
are pulled back to the source and `aggregate`d there, or `parts` are pushed forward to the target and `read` there.
The residual r = a - Σ v_g is counted as one more group, so that groups + residual = the whole.

Symbols: B rows of a batch; w[n, H, W] and h[n, C] the spatial and channel factors of n groups. The output layer's cube is
the logits [K].
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from pipeline.errors import AtlasError
from pipeline.factorization import Groups
from pipeline.grammar import OUTPUT, Atom, Substrate


class Cut(ABC):
    """The activations `a` of one layer (`[C, H, W]`, or `[K]` for the output) cut into M = `count` atoms."""

    dims: tuple[str, ...]  # names of the atoms' dimensions
    units = ""  # of the score

    def __init__(self, a: Tensor) -> None:
        self.a = a

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of the atoms, such as (H, W) or (C,)."""

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

    def _blank(self, rows: range) -> Tensor:
        return self.a.new_zeros(len(rows), *self.a.shape)


class Neurons(Cut):
    """Every number of its own: the K classes of the output, or all C·H·W activations of a layer."""

    def __init__(self, a: Tensor) -> None:
        super().__init__(a)
        self.dims = ("class",) if a.ndim == 1 else ("channel", "y", "x")
        self.units = "logits" if a.ndim == 1 else "activation"

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
        filled = self._blank(rows)
        filled.flatten(1)[torch.arange(len(rows)), torch.arange(rows.start, rows.stop)] = values
        return filled

    def aggregate(self, g: Tensor) -> Tensor:
        return (g * self.a).flatten(1)

    def read(self, t: Tensor) -> Tensor:
        return t.flatten(1)


class Positions(Cut):
    """The H·W spatial positions, each with all its channels."""

    dims = ("y", "x")
    units = "norm of activations"

    def __init__(self, a: Tensor) -> None:
        super().__init__(a)
        norm = a.norm(dim=0)
        self.direction = torch.where(norm > 0, a / norm, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.a.shape[1:])

    def scores(self, a: Tensor) -> Tensor:
        # The norm has no gradient at zero; there it counts as 0.
        squares = (a * a).sum(1).flatten(1)
        return torch.where(squares > 0, squares, 1).sqrt() * (squares > 0)

    def parts(self, rows: range) -> Tensor:
        return self._at(rows, self.a)

    def seeds(self, rows: range) -> Tensor:
        return self._at(rows, self.direction)

    def _at(self, rows: range, values: Tensor) -> Tensor:
        filled = self._blank(rows)
        positions = torch.arange(rows.start, rows.stop)
        filled.flatten(2)[torch.arange(len(rows)), :, positions] = values.flatten(1)[:, positions.to(values.device)].T
        return filled

    def aggregate(self, g: Tensor) -> Tensor:
        return (g * self.a).sum(1).flatten(1)

    def read(self, t: Tensor) -> Tensor:
        return (t * self.direction).sum(1).flatten(1)


class Channels(Cut):
    """The C channels, each over all positions."""

    dims = ("channel",)
    units = "sum of activations"

    @property
    def shape(self) -> tuple[int, ...]:
        return (int(self.a.shape[0]),)

    def scores(self, a: Tensor) -> Tensor:
        return a.sum((2, 3))

    def parts(self, rows: range) -> Tensor:
        return self._at(rows, self.a[rows.start : rows.stop])

    def seeds(self, rows: range) -> Tensor:
        return self._at(rows, torch.ones_like(self.a[rows.start : rows.stop]))

    def _at(self, rows: range, values: Tensor) -> Tensor:
        filled = self._blank(rows)
        filled[torch.arange(len(rows)), torch.arange(rows.start, rows.stop)] = values
        return filled

    def aggregate(self, g: Tensor) -> Tensor:
        return (g * self.a).sum((2, 3))

    def read(self, t: Tensor) -> Tensor:
        return t.sum((2, 3))


class GroupsAndResidual(Cut):
    """The n groups of a factorization, and after them the residual: M = n + 1."""

    dims = ("group",)
    units = "activation along the group"

    def __init__(self, a: Tensor, groups: Groups) -> None:
        super().__init__(a)
        self.groups = groups
        self.w = torch.as_tensor(groups.spatial, dtype=a.dtype, device=a.device)
        self.h = torch.as_tensor(groups.channels, dtype=a.dtype, device=a.device)
        expected = ((len(groups.magnitude), *a.shape[1:]), (len(groups.magnitude), a.shape[0]))
        if (tuple(self.w.shape), tuple(self.h.shape)) != expected:
            raise AtlasError(
                f"groups of shapes {list(self.w.shape)} and {list(self.h.shape)} do not fit activations [C, H, W] = {list(a.shape)}; "
                f"factorize this layer's activations"
            )
        self.residual = a - torch.einsum("nyx,nc->cyx", self.w, self.h)
        norm = torch.cat([self.w.flatten(1).norm(dim=1) * self.h.norm(dim=1), self.residual.norm()[None]])
        self.scale = torch.where(norm > 0, 1 / norm, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.w) + 1,)

    def scores(self, a: Tensor) -> Tensor:
        return self._project(a) * self.scale

    def parts(self, rows: range) -> Tensor:
        n = len(self.w)
        grouped = torch.einsum("nyx,nc->ncyx", self.w[rows.start : rows.stop], self.h[rows.start : rows.stop])
        return torch.cat([grouped, self.residual[None]]) if n in rows else grouped

    def seeds(self, rows: range) -> Tensor:
        return self.parts(rows) * self.scale[rows.start : rows.stop, None, None, None]

    def aggregate(self, g: Tensor) -> Tensor:
        return self._project(g)

    def read(self, t: Tensor) -> Tensor:
        return self._project(t) * self.scale

    def _project(self, t: Tensor) -> Tensor:
        grouped = torch.einsum("bcp,nc,np->bn", t.flatten(2), self.h, self.w.flatten(1))
        return torch.cat([grouped, (t * self.residual).sum((1, 2, 3))[:, None]], 1)


class Whole(Cut):
    """The cube as one atom."""

    dims = ()
    units = "norm of activations"

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def scores(self, a: Tensor) -> Tensor:
        squares = (a * a).flatten(1).sum(1, keepdim=True)
        return torch.where(squares > 0, squares, 1).sqrt() * (squares > 0)

    def parts(self, rows: range) -> Tensor:
        return self.a[None]

    def seeds(self, rows: range) -> Tensor:
        norm = self.a.norm()
        return torch.where(norm > 0, self.a / norm, 0)[None]

    def aggregate(self, g: Tensor) -> Tensor:
        return (g * self.a).flatten(1).sum(1, keepdim=True)

    def read(self, t: Tensor) -> Tensor:
        return (t * self.seeds(range(1))).flatten(1).sum(1, keepdim=True)


_CUTS: dict[Atom, type[Cut]] = {Atom.NEURON: Neurons, Atom.SPATIAL: Positions, Atom.CHANNEL: Channels, Atom.WHOLE: Whole}


def cut(substrate: Substrate, a: Tensor, groups: Groups | None = None) -> Cut:
    """Cut a layer's activations into the atoms of a substrate.

    Parameters
    ----------
    substrate
        Layer and atom.
    a
        `[C, H, W]`, or the logits `[K]` for the output.
    groups
        The factorization, where the atom is a group.

    Raises
    ------
    AtlasError
        When the output is to be cut into anything but its neurons, or groups do not fit the activations.
    """
    if substrate.layer == OUTPUT and substrate.atom not in (Atom.NEURON, Atom.WHOLE):
        raise AtlasError(f'"{substrate}": the output has classes only; write "{OUTPUT}.{Atom.NEURON}"')
    if substrate.atom is Atom.GROUP:
        if groups is None:
            raise AtlasError(f'"{substrate}": no factorization was given; pass groups={{substrate: factorize(activations, n)}}')
        return GroupsAndResidual(a, groups)
    return _CUTS[substrate.atom](a)
