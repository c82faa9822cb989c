"""Groups: the components of a matrix factorization of a layer, and the residual that they leave.

Group g holds v_g = W_g ⊗ H_g; its score is ⟨a, v_g / ‖v_g‖⟩. The residual a - Σ v_g is counted as
one more group, so that groups + residual = the whole.

Symbols: n groups; w[n, H, W] and h[n, C], their spatial and channel factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.atoms.atom import Atom, Cut
from pipeline.errors import AtlasError

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.factorization import Factorization


@dataclass(frozen=True, order=True)
class Group(Atom):
    """One group of a factorization of the layer.

    Parameters
    ----------
    count
        The number of groups.
    aligned_to
        `(layer, count)` of the upper layer whose groups this factorization is made compatible
        with; None for an independent one.
    """

    count: int
    aligned_to: tuple[str, int] | None = None

    name = "group"
    plural = "groups"
    dims = ("group",)
    units = "activation along the group"
    leaves_residual = True

    @property
    def parameter(self) -> str:
        """`6`, or `6@mixed4d@3` for six groups compatible with three of mixed4d."""
        if self.aligned_to is None:
            return str(self.count)
        layer, count = self.aligned_to
        return f"{self.count}@{layer}@{count}"

    @classmethod
    def parse(cls, parameter: str) -> Group:
        count, *aligned_to = parameter.split("@", 1)
        if not aligned_to:
            return cls(int(count))
        layer, _, upper = aligned_to[0].rpartition("@")
        return cls(int(count), (layer, int(upper)))

    @property
    def independent(self) -> Group:
        """As many groups, found without regard to another layer."""
        return Group(self.count)

    def activation_path(self, layer: str) -> str:
        return f"group/{layer}/{self.parameter}"

    def depends_on(self, key: str) -> bool:
        return key == "groups.preserve"

    def cut(self, a: Tensor, factorization: Factorization | None = None) -> GroupsAndResidual:
        """Cut `[C, H, W]` into the n groups of its factorization and their residual.

        Raises
        ------
        AtlasError
            When no factorization is given, or one of other activations.
        """
        if factorization is None:
            raise AtlasError(
                f'the atom "{self}" needs a factorization; '
                "pass groups={substrate: factorize(activations, n)}"
            )
        return GroupsAndResidual(a, factorization)


class GroupsAndResidual(Cut):
    """The n groups of a factorization, and after them the residual: M = n + 1."""

    def __init__(self, a: Tensor, factorization: Factorization) -> None:
        import torch

        super().__init__(a)
        self.factorization = factorization
        self.w = torch.as_tensor(factorization.spatial, dtype=a.dtype, device=a.device)
        self.h = torch.as_tensor(factorization.channels, dtype=a.dtype, device=a.device)
        n = len(factorization.magnitude)
        expected = ((n, *a.shape[1:]), (n, a.shape[0]))
        if (tuple(self.w.shape), tuple(self.h.shape)) != expected:
            raise AtlasError(
                f"groups of shapes {list(self.w.shape)} and {list(self.h.shape)} do not fit "
                f"activations [C, H, W] = {list(a.shape)}; factorize this layer's activations"
            )
        self.residual = a - torch.einsum("nyx,nc->cyx", self.w, self.h)
        norm = torch.cat(
            [
                self.w.flatten(1).norm(dim=1) * self.h.norm(dim=1),
                self.residual.norm()[None],
            ]
        )
        self.scale = torch.where(norm > 0, 1 / norm, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.w) + 1,)

    def scores(self, a: Tensor) -> Tensor:
        return self._project(a) * self.scale

    def parts(self, rows: range) -> Tensor:
        import torch

        some = slice(rows.start, rows.stop)
        grouped = torch.einsum("nyx,nc->ncyx", self.w[some], self.h[some])
        return torch.cat([grouped, self.residual[None]]) if len(self.w) in rows else grouped

    def seeds(self, rows: range) -> Tensor:
        return self.parts(rows) * self.scale[rows.start : rows.stop, None, None, None]

    def aggregate(self, g: Tensor) -> Tensor:
        return self._project(g)

    def read(self, t: Tensor) -> Tensor:
        return self._project(t) * self.scale

    def _project(self, t: Tensor) -> Tensor:
        import torch

        grouped = torch.einsum("bcp,nc,np->bn", t.flatten(2), self.h, self.w.flatten(1))
        return torch.cat([grouped, (t * self.residual).sum((1, 2, 3))[:, None]], 1)
