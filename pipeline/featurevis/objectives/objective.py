"""Objectives as weighted sums of terms, and their scores for a batch of pictures.

A term sees the response `a[B, C, H, W]` of its layer to B pictures, or the pictures
`x[B, 3 or 4, S, S]` themselves, and scores each; larger is better. Terms of one kind are scored
together, whichever channels or vectors they name, so a batch of different objectives costs what a
batch of equal ones does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import torch
from torch import Tensor

from pipeline.errors import AtlasError
from pipeline.grammar import INPUT

Responses = Mapping[str, Tensor]
"""Layer → response `a[B, C, H, W]`; `OUTPUT` → logits `[B, K]`; `INPUT` → `x[B, 3 or 4, S, S]`."""


@dataclass(frozen=True)
class Term:
    """One summand of an objective, which looks at one layer.

    Attributes
    ----------
    layer
        A layer, `OUTPUT` for the logits, or `INPUT` for the pictures themselves.
    compares
        Whether a picture's score depends on the other pictures of the batch.
    """

    layer: str
    compares: ClassVar[bool] = False

    @classmethod
    def scores(cls, terms: Sequence[Self], response: Tensor) -> Tensor:
        """Score `response[n, ...]`, one term of this kind for each of its n entries: `[n]`."""
        raise NotImplementedError

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise an AtlasError if a layer with responses `[*shape]` lacks what the term needs."""


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

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers looked at, each once, without the input."""
        return tuple(dict.fromkeys(term.layer for _, term in self.parts if term.layer != INPUT))

    @cached_property
    def has_position(self) -> bool:
        """Whether a term looks at one position, which moves when the picture's size changes."""
        return any(getattr(term, "position", None) is not None for _, term in self.parts)

    def _where(self, keep: Callable[[Term], bool]) -> Objective:
        return Objective(tuple((weight, term) for weight, term in self.parts if keep(term)))

    @cached_property
    def on_network(self) -> Objective:
        """The terms that look at the network's responses."""
        return self._where(lambda term: term.layer != INPUT)

    @cached_property
    def on_pictures(self) -> Objective:
        """The terms that look at the pictures themselves."""
        return self._where(lambda term: term.layer == INPUT)

    @cached_property
    def main(self) -> Objective:
        """The terms that define what the picture shows: no penalties, no comparisons."""
        return self._where(lambda term: term.layer != INPUT and not term.compares)

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise an AtlasError if layers with responses of these shapes lack what a term needs.

        Parameters
        ----------
        shapes
            Layer → the shape of its response to one picture, without B.
        """
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
        rows = indices_on(response, indices)
        if list(indices) != list(range(len(response))):
            response = response[rows]
        scores = kind.scores(terms, response.float())
        total = total.index_add(0, rows, scores * torch.tensor(weights, device=response.device))
    return total


def indices_on(response: Tensor, indices: Sequence[int]) -> Tensor:
    """Return indices as a tensor on the response's device."""
    return torch.tensor(indices, device=response.device)


def check_channel(layer: str, index: int, shape: tuple[int, ...]) -> None:
    """Raise an AtlasError if a layer with responses `[C, ...]` has no channel of that index."""
    if not 0 <= index < shape[0]:
        known = f"{shape[0]} channels, 0 to {shape[0] - 1}"
        raise AtlasError(f'layer "{layer}" has {known}; there is no channel {index}')


def check_position(layer: str, position: tuple[int, int] | None, shape: tuple[int, ...]) -> None:
    """Raise an AtlasError if a layer with responses `[C, H, W]` has no such position `(y, x)`."""
    if position is None:
        return
    if not all(0 <= index < side for index, side in zip(position, shape[1:], strict=True)):
        known = f"{shape[1]} × {shape[2]} positions"
        raise AtlasError(
            f'layer "{layer}" has {known} for a picture of this size; '
            f"there is no position {position}"
        )
