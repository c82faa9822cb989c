"""A torch module seen as named layers: activations, partial runs, and the way from a photograph to its input.

Works for any `nn.Module` whose layers are submodules with outputs `[N, C, H, W]`: nothing is traced, a layer is caught
by a forward hook that lives in a context manager. Pictures are `x[N, 3, H, W]`, RGB in 0…1; `Preprocessing` turns
them into what the network was trained on, differentiably.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import AtlasError, did_you_mean


@dataclass(frozen=True)
class Preprocessing:
    """From RGB in 0…1 to the network's input: `(x[order] - mean) / std`.

    Parameters
    ----------
    size
        Side of the square input in pixels.
    mean, std
        One number per input channel, in units of 0…1, in the network's channel order.
    order
        "rgb", "bgr", or "grey" for networks with one input channel (luma of ITU-R BT.601).
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    order: str = "rgb"

    def __call__(self, x: Tensor) -> Tensor:
        """Turn `x[N, 3, H, W]`, RGB in 0…1, into the network's input."""
        if self.order == "bgr":
            x = x.flip(1)
        elif self.order == "grey":
            weights = x.new_tensor([0.299, 0.587, 0.114])
            x = (x * weights[:, None, None]).sum(1, keepdim=True)
        mean, std = x.new_tensor(self.mean), x.new_tensor(self.std)
        return (x - mean[:, None, None]) / std[:, None, None]


class _Reached(Exception):
    """Thrown by the hook on the last layer wanted, so that the rest of the network does not run."""


@dataclass
class Network:
    """A classifier in evaluation mode with frozen weights.

    Parameters
    ----------
    module
        Takes the preprocessed input, returns logits `[N, K]`.
    preprocessing
        From RGB in 0…1 to its input.
    classes
        The K class names.
    title
        What the site calls it.
    """

    module: nn.Module
    preprocessing: Preprocessing
    classes: list[str]
    title: str = "network"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        self.module = self.module.to(self.device).eval().requires_grad_(False)

    def to(self, device: torch.device) -> Network:
        """Return this network with its weights moved to a device."""
        return replace(self, device=device)

    def layer(self, name: str) -> nn.Module:
        """Return the submodule called `name`; unknown names raise an AtlasError with the nearest one."""
        modules = dict(self.module.named_modules())
        if not name or name not in modules:
            hint = did_you_mean(name, modules)
            raise AtlasError(f'no layer "{name}" in {self.title}{hint or ";"} "building-blocks layers CONFIG" lists them')
        return modules[name]

    def input(self, pixels: Any) -> Tensor:
        """`uint8 [H, W, 3]` (array) → `x[1, 3, H, W]` in 0…1 on the network's device."""
        return torch.as_tensor(pixels, device=self.device).permute(2, 0, 1)[None].float() / 255

    def logits(self, x: Tensor) -> Tensor:
        """`x[N, 3, H, W]` in 0…1 → logits `[N, K]`."""
        return self._checked_logits(self.module(self.preprocessing(x)))

    def _checked_logits(self, output: Any) -> Tensor:
        output = getattr(output, "logits", output)
        if isinstance(output, tuple | list):
            output = output[0]
        if not isinstance(output, Tensor) or output.ndim != 2:
            shape = f"shape {list(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
            raise AtlasError(
                f"{self.title}: expected logits of shape [N, K] from the network, got {shape}; wrap the module so that it returns them"
            )
        return output

    @contextmanager
    def capture(
        self,
        layers: Sequence[str],
        stop: bool = False,
        detach: bool = False,
        substitute: Callable[[str, Tensor], Tensor] | None = None,
    ) -> Iterator[dict[str, Tensor]]:
        """Catch the outputs of layers during forward passes inside the context.

        The caught tensor is what the layer returned; the network goes on with a copy, so that an in-place activation
        behind the layer does not change what was caught.

        Parameters
        ----------
        layers
            Names of submodules.
        stop
            Whether `run` ends as soon as all layers have been caught.
        detach
            Whether a caught tensor becomes a leaf that requires gradients, cutting the graph below it. With several
            layers only the first one reached is cut.
        substitute
            `(layer, output) -> tensor`: what is caught, and what the network goes on with, in place of the output.
        """
        caught: dict[str, Tensor] = {}
        handles = []

        def hook_of(name: str) -> Any:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
                if not isinstance(output, Tensor):
                    raise AtlasError(
                        f'layer "{name}" of {self.title} returns {type(output).__name__}, not one tensor; choose a layer with '
                        'output [C, H, W] ("building-blocks layers CONFIG" lists them)'
                    )
                if name in caught:
                    raise AtlasError(
                        f'layer "{name}" of {self.title} runs more than once in a forward pass, so its output is not one thing; '
                        'choose another ("building-blocks layers CONFIG" lists them)'
                    )
                if detach and not caught:
                    output = output.detach().requires_grad_(True)
                if substitute is not None:
                    output = substitute(name, output)
                caught[name] = output
                if stop and len(caught) == len(layers):
                    raise _Reached
                return output.clone()

            return hook

        modules = [(name, self.layer(name)) for name in layers]
        try:
            for name, module in modules:
                handles.append(module.register_forward_hook(hook_of(name)))
            yield caught
        finally:
            for handle in handles:
                handle.remove()

    def run(self, x: Tensor, layers: Sequence[str], detach: bool = False) -> tuple[dict[str, Tensor], Tensor]:
        """Run the whole network on `x` in 0…1 and return the layers' outputs and the logits."""
        with self.capture(layers, detach=detach) as caught:
            logits = self.logits(x)
        self._check_reached(layers, caught)
        return caught, logits

    def run_to(self, x: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Run on `x` in 0…1 only as far as the last of `layers`, and return their outputs."""
        with self.capture(layers, stop=True) as caught, suppress(_Reached):
            self.module(self.preprocessing(x))
        self._check_reached(layers, caught)
        return caught

    def _check_reached(self, layers: Sequence[str], caught: Mapping[str, Tensor]) -> None:
        missing = [name for name in layers if name not in caught]
        if missing:
            raise AtlasError(
                f'layer "{missing[0]}" of {self.title} takes no part in a forward pass; "building-blocks layers CONFIG" lists those that do'
            )
