"""A network linearized at one photograph: gradients pulled back, tangents pushed forward.

The network runs once on a batch of B equal rows, and its graph is kept. Then any number of
cotangents `[B, *cube]` at one layer are pulled back to all earlier layers at once (one backward
pass each time), and any number of tangents at one layer are pushed forward to all later ones (one
linear pass each time). A push is the derivative of a pull: the pull `Jᵀu` is linear in u, so the
gradient of `⟨Jᵀu, t⟩` by u is `J t`. It therefore works for every network whose gradients can
themselves be differentiated, and uses the same (possibly relaxed) linear map as the pull.

Symbols: J the Jacobian of the target's cube by the source's; u cotangents, t tangents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.attribution.observation import Observation
from pipeline.attribution.passes import depending, independent, replicated
from pipeline.memory import is_out_of_memory

# How far pushing and pulling may differ by rounding; a path that is missing from a push makes more.
AGREEMENT = 1e-2


class NotDifferentiable(Exception):
    """An operation's gradient has no gradient itself: tangents cannot be pushed, only pulled."""


@dataclass(frozen=True)
class _Pull:
    """A pull to `source` as a function of cotangents: what pushing differentiates."""

    source: str
    cotangents: dict[str, Tensor]
    pulled: Tensor

    def serves(self, source: str, targets: Sequence[str]) -> bool:
        """Whether pushes from a source to some targets can use it."""
        return self.source == source and set(self.cotangents) == set(targets)


class Linearization:
    """The graph of B equal rows, kept for pulls and pushes.

    Parameters
    ----------
    observation
        The photograph's pass through the network.
    layers
        The layers between which gradients are wanted.
    batch
        B.
    relax
        Whether max-pools are relaxed (`pipeline.attribution.pooling`).
    """

    def __init__(
        self, observation: Observation, layers: Sequence[str], batch: int, relax: bool = False
    ) -> None:
        def equal(_: str, cube: Tensor) -> Tensor:
            return cube.expand(batch, *cube.shape[1:])

        self.observation, self.batch = observation, batch
        self.nodes = replicated(observation, layers, equal, batch, relax)
        self._last: _Pull | None = None

    def pull(self, target: str, cotangents: Tensor, sources: Sequence[str]) -> dict[str, Tensor]:
        """Pull cotangents at `target` back.

        Parameters
        ----------
        target
            A layer.
        cotangents
            `[b, *cube]` with b ≤ B.
        sources
            Earlier layers.

        Returns
        -------
        dict of str to Tensor
            Source → gradients `[b, *cube]`.

        Raises
        ------
        AtlasError
            When the target does not depend on one of the sources.
        """
        gradients = torch.autograd.grad(
            depending(self.nodes, sources[0], target, self.observation),
            [self.nodes[source] for source in sources],
            self._padded(cotangents),
            retain_graph=True,
            allow_unused=True,
        )
        return {
            source: self._found(gradient, source, target)[: len(cotangents)]
            for source, gradient in zip(sources, gradients, strict=True)
        }

    def push(self, source: str, tangents: Tensor, targets: Sequence[str]) -> dict[str, Tensor]:
        """Push tangents at `source` forward.

        Parameters
        ----------
        source
            A layer.
        tangents
            `[b, *cube]` with b ≤ B.
        targets
            Later layers.

        Returns
        -------
        dict of str to Tensor
            Target → tangents `[b, *cube]`.

        Raises
        ------
        AtlasError
            When one of the targets does not depend on the source.
        NotDifferentiable
            When the network holds an operation whose gradient cannot be differentiated.
        """
        padded = self._padded(tangents)
        pull = self._pull_to(source, targets)
        wanted = [pull.cotangents[target] for target in targets]
        try:
            found = torch.autograd.grad(
                pull.pulled, wanted, padded, retain_graph=True, allow_unused=True
            )
        except RuntimeError as error:
            raise _not_differentiable(error) from error
        pushed: dict[str, Tensor] = {}
        for target, tangent in zip(targets, found, strict=True):
            pushed[target] = self._pushed(tangent, source, target)
        _check_agreement(pull, pushed, padded)
        return {target: tangent.detach()[: len(tangents)] for target, tangent in pushed.items()}

    def _pull_to(self, source: str, targets: Sequence[str]) -> _Pull:
        """Random cotangents at the targets, pulled to the source with a graph; kept for reuse."""
        if self._last is not None and self._last.serves(source, targets):
            return self._last
        self._last = None  # frees its graph before there is another
        nodes = [depending(self.nodes, source, target, self.observation) for target in targets]
        generator = torch.Generator(nodes[0].device).manual_seed(0)
        cotangents = {
            target: torch.empty_like(node).normal_(generator=generator).requires_grad_()
            for target, node in zip(targets, nodes, strict=True)
        }
        inputs, outputs = [self.nodes[source]], list(cotangents.values())
        try:
            (pulled,) = torch.autograd.grad(
                nodes, inputs, outputs, create_graph=True, allow_unused=True
            )
        except RuntimeError as error:
            raise _not_differentiable(error) from error
        self._last = _Pull(source, cotangents, self._found(pulled, source, targets[0]))
        return self._last

    def _pushed(self, tangent: Tensor | None, source: str, target: str) -> Tensor:
        if tangent is not None:
            return tangent
        # Raises where the target is independent; otherwise a second derivative is hidden.
        self.pull(target, torch.zeros_like(self.nodes[target]), [source])
        reason = "through an operation that hides its second derivative"
        raise NotDifferentiable(f'"{target}" depends on "{source}" {reason}')

    def _padded(self, rows: Tensor) -> Tensor:
        missing = self.batch - len(rows)
        if missing:
            rows = torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])])
        return rows.contiguous(memory_format=torch.channels_last) if rows.ndim == 4 else rows

    def _found(self, tensor: Tensor | None, source: str, target: str) -> Tensor:
        if tensor is None:
            raise independent(source, target, self.observation)
        return tensor if tensor.requires_grad else tensor.detach()


def _check_agreement(pull: _Pull, pushed: Mapping[str, Tensor], tangents: Tensor) -> None:
    """Compare ⟨u, J t⟩ with ⟨Jᵀu, t⟩: an operation may hide its second derivative silently."""
    forward = sum(
        (pull.cotangents[target] * tangent).flatten(1).sum(1) for target, tangent in pushed.items()
    )
    backward = (pull.pulled * tangents).flatten(1).sum(1)
    if float((forward - backward).detach().norm()) > AGREEMENT * float(backward.detach().norm()):
        raise NotDifferentiable(
            "what is pushed forward is not the transpose of what is pulled back"
        )


def _not_differentiable(error: RuntimeError) -> Exception:
    return error if is_out_of_memory(error) else NotDifferentiable(str(error))
