"""How far activations point in a direction of a layer's activation space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import AtlasError
from pipeline.featurevis.objectives.objective import Objective, Term, check_position


@dataclass(frozen=True)
class _Direction(Term):
    vector: np.ndarray = field(compare=False)
    power: float
    position: tuple[int, int] | None
    key: bytes  # of the vector: arrays do not compare as values

    def check(self, shape: tuple[int, ...]) -> None:
        if len(self.vector) != shape[0]:
            raise AtlasError(
                f'layer "{self.layer}" has {shape[0]} channels; '
                f"a direction of {len(self.vector)} belongs to another layer"
            )
        check_position(self.layer, self.position, shape)

    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        vectors = torch.from_numpy(np.stack([term.vector for term in terms])).to(response)
        dots = torch.einsum("nchw,nc->nhw", response, vectors)
        powers = response.new_tensor([term.power for term in terms])[:, None, None]
        if any(term.power for term in terms):
            lengths = response.square().sum(1).add(1e-8).sqrt()
            norms = lengths * vectors.norm(dim=1)[:, None, None]
            dots = dots * (dots / (norms + 1e-4)).clamp(min=0.1) ** powers
        means = dots.flatten(1).mean(1)
        if not any(term.position for term in terms):
            return means
        return torch.stack(
            [
                dots[n, term.position[0], term.position[1]] if term.position else means[n]
                for n, term in enumerate(terms)
            ]
        )


def direction(
    layer: str,
    vector: np.ndarray,
    *,
    cosine_power: float = 0.0,
    position: tuple[int, int] | None = None,
) -> Objective:
    """Likeness to a direction `v[C]`: `mean_{y,x} ⟨a, v⟩ · max(0.1, cos(a, v))^p`.

    Parameters
    ----------
    layer
        Layer with response `[C, H, W]`.
    vector
        `v[C]`, any length: an activation vector, the channels of a group, a difference of two.
    cosine_power
        The exponent p; 0 rewards length alone, 2 the angle too (Carter et al.,
        "Activation Atlas", 2019).
    position
        Only there, `(y, x)`, instead of the mean over positions.
    """
    values = np.ascontiguousarray(vector, dtype=np.float32)
    if values.ndim != 1:
        raise ValueError(f"{layer}: a direction has shape [C], not {list(values.shape)}")
    term = _Direction(layer, values, cosine_power, position, values.tobytes())
    return Objective(((1.0, term),))
