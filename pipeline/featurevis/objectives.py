"""Objectives: what a picture should do to the network, as values that add, subtract and scale.

`channel("mixed4d", 5) - 0.1 * total_variation()` is an `Objective`: a weighted sum of terms. A term sees the response
`a[B, C, H, W]` of its layer to B pictures, or the pictures `x[B, 3 or 4, S, S]` themselves, and scores each, to be made
large. Terms of one kind are scored together, whichever channels or vectors they speak of, so a batch of different objectives
costs what a batch of equal ones does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import AtlasError
from pipeline.grammar import INPUT, OUTPUT

Responses = Mapping[str, Tensor]
"""Layer → response `a[B, C, H, W]`; `OUTPUT` → logits `[B, K]`; `INPUT` → the pictures `x[B, 3 or 4, S, S]`."""


@dataclass(frozen=True)
class Term:
    """One summand of an objective; `layer` says what it looks at."""

    layer: str

    @staticmethod
    def scores(terms: Sequence[Term], response: Tensor) -> Tensor:
        """Score `response[n, ...]`, one term of this kind for each of its n entries: `[n]`."""
        raise NotImplementedError

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise an AtlasError if a layer with responses `[*shape]` does not have what the term asks for."""


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms; `+`, `-` and `*` with a number make new ones."""

    parts: tuple[tuple[float, Term], ...]

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.parts + other.parts)

    def __sub__(self, other: Objective) -> Objective:
        return self + -1.0 * other

    def __mul__(self, factor: float) -> Objective:
        return Objective(tuple((weight * factor, term) for weight, term in self.parts))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1.0 * self

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers looked at, each once, without the input."""
        return tuple(dict.fromkeys(term.layer for _, term in self.parts if term.layer != INPUT))

    @property
    def placed(self) -> bool:
        """Whether a summand asks for one position, so that the size of the picture matters to where it is."""
        return any(getattr(term, "position", None) is not None for _, term in self.parts)

    def _where(self, keep: Callable[[Term], bool]) -> Objective:
        return Objective(tuple((weight, term) for weight, term in self.parts if keep(term)))

    @property
    def on_network(self) -> Objective:
        """The summands that look at the network's responses."""
        return self._where(lambda term: term.layer != INPUT)

    @property
    def on_pictures(self) -> Objective:
        """The summands that look at the pictures themselves."""
        return self._where(lambda term: term.layer == INPUT)

    @property
    def main(self) -> Objective:
        """The summands that say what the picture is of: no penalties on the picture, none on likeness to others."""
        return self._where(lambda term: term.layer != INPUT and not isinstance(term, _Likeness))

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise an AtlasError if a term asks for something that a layer with such responses (without B) does not have."""
        for _, term in self.parts:
            if term.layer in shapes:
                term.check(shapes[term.layer])


def layers_of(objectives: Iterable[Objective]) -> list[str]:
    """Return the layers that objectives look at, each once."""
    return list(dict.fromkeys(layer for objective in objectives for layer in objective.layers))


def evaluate(objectives: Sequence[Objective], responses: Responses) -> Tensor:
    """Score B pictures, each by its own objective.

    Parameters
    ----------
    objectives
        One per picture.
    responses
        What the terms look at, each with first dimension B.

    Returns
    -------
    Tensor
        `[B]`, float32.
    """
    some = next(iter(responses.values()))
    total = torch.zeros(len(objectives), device=some.device)
    groups: dict[tuple[type[Term], str], list[tuple[int, float, Term]]] = defaultdict(list)
    for index, objective in enumerate(objectives):
        for weight, term in objective.parts:
            groups[type(term), term.layer].append((index, weight, term))
    for (kind, layer), members in groups.items():
        indices, weights, terms = zip(*members, strict=True)
        response = responses[layer]
        if list(indices) != list(range(len(response))):
            response = response[torch.tensor(indices, device=response.device)]
        scores = kind.scores(terms, response.float()) * torch.tensor(weights, device=response.device)
        total = total.index_add(0, torch.tensor(indices, device=response.device), scores)
    return total


def _each(values: Sequence[int], response: Tensor) -> Tensor:
    return torch.tensor(values, device=response.device)


def _check_index(layer: str, index: int, shape: tuple[int, ...]) -> None:
    if not 0 <= index < shape[0]:
        raise AtlasError(f'layer "{layer}" has {shape[0]} channels, 0 to {shape[0] - 1}; there is no channel {index}')


def _check_position(layer: str, position: tuple[int, int] | None, shape: tuple[int, ...]) -> None:
    if position is not None and not all(0 <= place < side for place, side in zip(position, shape[1:], strict=True)):
        raise AtlasError(f'layer "{layer}" shown such a picture has {shape[1]} × {shape[2]} positions; there is no position {position}')


@dataclass(frozen=True)
class _Channel(Term):
    index: int

    def check(self, shape: tuple[int, ...]) -> None:
        _check_index(self.layer, self.index, shape)

    @staticmethod
    def scores(terms: Sequence[_Channel], response: Tensor) -> Tensor:  # type: ignore[override]
        chosen = response[torch.arange(len(terms), device=response.device), _each([term.index for term in terms], response)]
        return chosen.flatten(1).mean(1)


def channel(layer: str, index: int) -> Objective:
    """Mean of one channel over all positions: `mean_{y,x} a[c, y, x]` (Olah et al., "Feature Visualization", 2017)."""
    return Objective(((1.0, _Channel(layer, index)),))


@dataclass(frozen=True)
class _Neuron(Term):
    index: int
    position: tuple[int, int] | None

    def check(self, shape: tuple[int, ...]) -> None:
        _check_index(self.layer, self.index, shape)
        _check_position(self.layer, self.position, shape)

    @staticmethod
    def scores(terms: Sequence[_Neuron], response: Tensor) -> Tensor:  # type: ignore[override]
        height, width = response.shape[2:]
        positions = [term.position or (height // 2, width // 2) for term in terms]
        rows, columns = (_each(list(each), response) for each in zip(*positions, strict=True))
        picture = torch.arange(len(terms), device=response.device)
        return response[picture, _each([term.index for term in terms], response), rows, columns]


def neuron(layer: str, index: int, position: tuple[int, int] | None = None) -> Objective:
    """One neuron, `a[c, y, x]`; at the centre `(H // 2, W // 2)` unless a position `(y, x)` is given."""
    return Objective(((1.0, _Neuron(layer, index, position)),))


@dataclass(frozen=True)
class _Direction(Term):
    vector: np.ndarray = field(compare=False)
    power: float
    position: tuple[int, int] | None
    key: bytes  # of the vector: arrays do not compare as values

    def check(self, shape: tuple[int, ...]) -> None:
        if len(self.vector) != shape[0]:
            raise AtlasError(f'layer "{self.layer}" has {shape[0]} channels; a direction of {len(self.vector)} belongs to another layer')
        _check_position(self.layer, self.position, shape)

    @staticmethod
    def scores(terms: Sequence[_Direction], response: Tensor) -> Tensor:  # type: ignore[override]
        vectors = torch.from_numpy(np.stack([term.vector for term in terms])).to(response)
        dots = torch.einsum("nchw,nc->nhw", response, vectors)
        powers = response.new_tensor([term.power for term in terms])[:, None, None]
        if any(term.power for term in terms):
            norms = response.square().sum(1).add(1e-8).sqrt() * vectors.norm(dim=1)[:, None, None]
            dots = dots * (dots / (norms + 1e-4)).clamp(min=0.1) ** powers
        means = dots.flatten(1).mean(1)
        at = [dots[n, term.position[0], term.position[1]] if term.position else means[n] for n, term in enumerate(terms)]
        return torch.stack(at) if any(term.position for term in terms) else means


def direction(layer: str, vector: np.ndarray, *, cosine_power: float = 0.0, position: tuple[int, int] | None = None) -> Objective:
    """Likeness to a direction `v[C]` of a layer's activation space: `mean_{y,x} ⟨a, v⟩ · max(0.1, cos(a, v))^p`.

    Parameters
    ----------
    layer
        Layer with response `[C, H, W]`.
    vector
        `v[C]`, any length: an activation vector, the channels of a group, a difference of two.
    cosine_power
        The exponent p; 0 rewards length alone, 2 asks for the angle too (Carter et al., "Activation Atlas", 2019).
    position
        Only there, `(y, x)`, in place of the mean over positions.
    """
    values = np.ascontiguousarray(vector, dtype=np.float32)
    if values.ndim != 1:
        raise ValueError(f"{layer}: a direction has shape [C], not {list(values.shape)}")
    return Objective(((1.0, _Direction(layer, values, cosine_power, position, values.tobytes())),))


def group(layer: str, channels: np.ndarray, *, cosine_power: float = 0.0) -> Objective:
    """The direction `H_g[C]` of a group, scaled to length 1: `mean_{y,x} ⟨a, H_g / ‖H_g‖⟩`."""
    values = np.asarray(channels, dtype=np.float32)
    return direction(layer, values / max(float(np.linalg.norm(values)), 1e-12), cosine_power=cosine_power)


@dataclass(frozen=True)
class _Logit(Term):
    index: int

    def check(self, shape: tuple[int, ...]) -> None:
        if not 0 <= self.index < shape[0]:
            raise AtlasError(f"the network has {shape[0]} classes, 0 to {shape[0] - 1}; there is no class {self.index}")

    @staticmethod
    def scores(terms: Sequence[_Logit], response: Tensor) -> Tensor:  # type: ignore[override]
        return response[torch.arange(len(terms), device=response.device), _each([term.index for term in terms], response)]


def logit(index: int) -> Objective:
    """The logit of class k, before softmax."""
    return Objective(((1.0, _Logit(OUTPUT, index)),))


@dataclass(frozen=True)
class _Blur(Term):
    KERNEL: ClassVar[tuple[float, ...]] = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)

    @staticmethod
    def scores(terms: Sequence[Term], response: Tensor) -> Tensor:
        kernel = response.new_tensor(_Blur.KERNEL)
        weights = torch.outer(kernel, kernel).expand(response.shape[1], 1, -1, -1)
        fixed = response.detach()
        smooth = functional.conv2d(functional.pad(fixed, (2, 2, 2, 2), mode="replicate"), weights, groups=response.shape[1])
        return (response - smooth).square().flatten(1).mean(1)


def blur() -> Objective:
    """Distance of the picture from itself blurred, `mean (x - blur(x))²`, the blurred one held fixed; subtract it."""
    return Objective(((1.0, _Blur(INPUT)),))


@dataclass(frozen=True)
class _TotalVariation(Term):
    @staticmethod
    def scores(terms: Sequence[Term], response: Tensor) -> Tensor:
        down, right = response.diff(dim=2).abs(), response.diff(dim=3).abs()
        return down.flatten(1).mean(1) + right.flatten(1).mean(1)


def total_variation() -> Objective:
    """Mean absolute difference of neighbouring pixels, down plus right; subtract it (Mahendran & Vedaldi 2015, β = 1)."""
    return Objective(((1.0, _TotalVariation(INPUT)),))


@dataclass(frozen=True)
class _L1(Term):
    @staticmethod
    def scores(terms: Sequence[Term], response: Tensor) -> Tensor:
        return (response[:, :3] - 0.5).abs().flatten(1).mean(1)


def l1() -> Objective:
    """Mean distance of the picture from mid-grey, `mean |x - 0.5|`; subtract it."""
    return Objective(((1.0, _L1(INPUT)),))


@dataclass(frozen=True)
class _Opacity(Term):
    @staticmethod
    def scores(terms: Sequence[Term], response: Tensor) -> Tensor:
        return response[:, 3].flatten(1).mean(1)


def opacity() -> Objective:
    """Mean opacity `mean α` of pictures with a fourth channel; subtract it to let the unimportant become transparent."""
    return Objective(((1.0, _Opacity(INPUT)),))


@dataclass(frozen=True)
class _Likeness(Term):
    family: str

    @staticmethod
    def scores(terms: Sequence[_Likeness], response: Tensor) -> Tensor:  # type: ignore[override]
        features = response.flatten(2)
        grams = functional.normalize(torch.einsum("ncp,ndp->ncd", features, features).flatten(1), dim=1)
        families = [term.family for term in terms]
        same = torch.tensor([[a == b for b in families] for a in families], device=response.device).float().fill_diagonal_(0)
        # How strongly likeness counts follows the response, as the recipe's other penalties do; only the angle has a gradient.
        return ((grams @ grams.T) * same).sum(1) / same.sum(1).clamp(min=1)


def likeness(layer: str, family: str) -> Objective:
    """Likeness to the other pictures of the same family in the batch, in 0…1 for non-negative responses; subtract it.

    `mean_{j ≠ i} ⟨G_i, G_j⟩ / (‖G_i‖ ‖G_j‖)` with the Gram matrices `G = Σ_{y,x} a aᵀ` of the layer's response.

    Parameters
    ----------
    layer
        Whose response is compared.
    family
        Name; pictures with the same one are compared.
    """
    return Objective(((1.0, _Likeness(layer, family)),))


def diversity(layer: str, family: str) -> Objective:
    """Unlikeness to the other pictures of the same family: the negative `likeness` (Olah et al. 2017); add it."""
    return -likeness(layer, family)
