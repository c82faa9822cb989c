"""The optimizer: Adam with second moments that the parameters of a picture largely share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.featurevis.parameterizations import Parameters

# Objectives of one network reach hundreds, those of another hardly one. This is far below any
# gradient that is not zero.
_EPSILON = 1e-16


@dataclass
class SharedAdam:
    """Adam (Kingma & Ba 2015) on the negative objective, with two changes.

    Adam moves every parameter by steps of the same size, even those whose gradient is only noise.
    Most of a picture's parameters are its finest frequencies, so its pictures are grainy for
    hundreds of steps. Dividing by the second moment `(1 - s) g² + s mean(g²)` instead moves a
    parameter more the more its gradient stands out, which gives cleaner pictures in fewer steps;
    s = 0 is Adam, s = 1 gradient descent scaled to unit length per picture.

    Where a unit reaches its limit (ReLU6, for example), only noise is left of its gradient, which
    Adam would enlarge to full steps. So the divisor forgets slowly, `v̂ₜ = max(p v̂ₜ₋₁, vₜ)`: p = 0
    is Adam, p = 1 AMSGrad (Reddi et al. 2018).

    Attributes
    ----------
    parameters
        Each `[B, ...]`; updated in place.
    sharing
        The part s of a second moment that all entries of a picture's parameter share.
    momentum, memory
        Adam's β₁ and β₂.
    peak
        The part p of its largest value so far that the divisor keeps in each step.
    """

    parameters: Parameters
    sharing: float = 0.0
    momentum: float = 0.9
    memory: float = 0.999
    peak: float = 0.0

    def __post_init__(self) -> None:
        for value in self.parameters.values():
            value.requires_grad_(True)
        self.means, self.squares, self.peaks, self.sums = (self._zeros() for _ in range(4))
        # Per picture: those that have waited for others have taken fewer steps.
        self.steps, self.averaged = self._counters(), self._counters()

    def _zeros(self) -> Parameters:
        return {
            name: torch.zeros_like(value, requires_grad=False)
            for name, value in self.parameters.items()
        }

    def _counters(self) -> Parameters:
        return {
            name: torch.zeros(len(value), device=value.device)
            for name, value in self.parameters.items()
        }

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Take one step down the gradients that `backward` left, and clear them."""
        for name, value in self.parameters.items():
            steps = self.steps[name].add_(1)
            if value.grad is None:
                continue
            mean = value.grad
            if self.momentum:
                mean = self.means[name].lerp_(value.grad, 1 - self.momentum)
            divisor = self._divisor(name, value.grad, steps)
            if self.momentum:
                divisor *= _per_picture(1 - self.momentum**steps, value)
            value.addcdiv_(mean, divisor, value=-rate)
            value.grad = None

    def _divisor(self, name: str, gradient: Tensor, steps: Tensor) -> Tensor:
        power = gradient * gradient
        if self.sharing:
            shared = _per_picture(power.flatten(1).mean(1), power)
            power.lerp_(shared.expand_as(power), self.sharing)
        self.squares[name].lerp_(power, 1 - self.memory)
        divisor = self.squares[name] / _per_picture(1 - self.memory**steps, gradient)
        if self.peak:
            divisor = torch.maximum(self.peaks[name].mul_(self.peak), divisor)
            self.peaks[name] = divisor
        return divisor.sqrt().add_(_EPSILON)

    def average(self) -> None:
        """Include the present parameters in the mean that `result` returns."""
        for name, value in self.parameters.items():
            self.averaged[name] += 1
            self.sums[name] += value.detach()

    def result(self) -> Parameters:
        """Return each picture's mean over its averaged steps, or its present parameters."""
        found = {}
        for name, value in self.parameters.items():
            counts = self.averaged[name]
            means = self.sums[name] / _per_picture(counts.clamp(min=1), value)
            found[name] = torch.where(_per_picture(counts > 0, value), means, value.detach())
        return found

    def select(self, rows: Tensor) -> SharedAdam:
        """Return the optimizer of some of the pictures."""
        return self._combined([self], lambda states: states[0][rows])

    def join(self, others: Sequence[SharedAdam]) -> SharedAdam:
        """Return the optimizer of these pictures and those of others with the same settings."""
        return self._combined([self, *others], torch.cat)

    def _combined(
        self, optimizers: Sequence[SharedAdam], combine: Callable[[list[Tensor]], Tensor]
    ) -> SharedAdam:
        """Return an optimizer with these settings whose states are combined from others'."""
        parameters = {
            name: combine([each.parameters[name].detach() for each in optimizers])
            for name in self.parameters
        }
        made = replace(self, parameters=parameters)
        for state in ("means", "squares", "peaks", "sums", "steps", "averaged"):
            combined = {
                name: combine([getattr(each, state)[name] for each in optimizers])
                for name in self.parameters
            }
            setattr(made, state, combined)
        return made


def _per_picture(values: Tensor, parameter: Tensor) -> Tensor:
    """Shape `[B]` so that it broadcasts over a parameter `[B, ...]`."""
    return values.reshape(-1, *[1] * (parameter.ndim - 1))
