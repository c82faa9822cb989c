"""A torch module seen as named layers: activations, partial runs, and its preprocessing.

Works for any `nn.Module` whose layers are submodules with outputs `[N, C, H, W]`: nothing is
traced; a layer is caught by a forward hook that lives in a context manager. Photographs are
`x[N, 3, H, W]`, RGB in 0…1; `Preprocessing` turns them into what the network was trained on,
differentiably.

A `Network` may be shared by threads: passes through it, hooked or not, run one at a time.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pipeline.errors import AtlasError, did_you_mean

_LISTED = '"building-blocks layers CONFIG" lists'


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
    """Raised by the hook on the last layer wanted, so that the rest of the network does not run."""


@dataclass
class Network:
    """A classifier in evaluation mode with frozen weights.

    Parameters
    ----------
    module
        Takes the preprocessed input, returns logits `[N, K]`. It stays as it is: the network keeps
        a frozen copy in evaluation mode, which shares the weights' memory while it is on the same
        device.
    preprocessing
        From RGB in 0…1 to its input.
    classes
        The K class names.
    title
        What the site calls it.
    device
        Where it computes; the copy is moved there.
    """

    module: nn.Module
    preprocessing: Preprocessing
    classes: list[str]
    title: str = "network"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _one_at_a_time: Any = field(
        default_factory=threading.RLock, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        self.module = _frozen_copy(self.module).to(self.device).eval()

    def to(self, device: torch.device) -> Network:
        """Return a network with the same weights on another device; this one stays where it is."""
        with self._one_at_a_time:  # or the copy would inherit the hooks of a pass under way
            return replace(self, device=device)

    def copy(self) -> Network:
        """Return a network with a structure of its own and the same weights, in the same memory."""
        return self.to(self.device)

    def layer(self, name: str) -> nn.Module:
        """Return the submodule called `name`.

        Raises
        ------
        AtlasError
            For an unknown name; gives the nearest one.
        """
        modules = dict(self.module.named_modules())
        if not name or name not in modules:
            hint = did_you_mean(name, modules) or ";"
            raise AtlasError(f'no layer "{name}" in {self.title}{hint} {_LISTED} them')
        return modules[name]

    def input(self, pixels: Any) -> Tensor:
        """`uint8 [H, W, 3]` (array) → `x[1, 3, H, W]` in 0…1 on the network's device."""
        return torch.as_tensor(pixels, device=self.device).permute(2, 0, 1)[None].float() / 255

    def logits(self, x: Tensor) -> Tensor:
        """`x[N, 3, H, W]` in 0…1 → logits `[N, K]`.

        Raises
        ------
        AtlasError
            When the module returns anything else.
        """
        output = self._forward(x)
        output = getattr(output, "logits", output)
        if isinstance(output, tuple | list):
            output = output[0]
        if not isinstance(output, Tensor) or output.ndim != 2:
            tensor = isinstance(output, Tensor)
            got = f"shape {list(output.shape)}" if tensor else type(output).__name__
            raise AtlasError(
                f"{self.title}: expected logits of shape [N, K] from the network, got {got}; "
                "wrap the module so that it returns them"
            )
        return output

    def _forward(self, x: Tensor) -> Any:
        with self._one_at_a_time:
            return self.module(self.preprocessing(x))

    @contextmanager
    def hooks(self) -> Iterator[list[RemovableHandle]]:
        """Keep other threads out, and remove hooks on leaving.

        Yields
        ------
        list of RemovableHandle
            Append what `register_forward_hook` and the like return.
        """
        handles: list[RemovableHandle] = []
        with self._one_at_a_time:
            try:
                yield handles
            finally:
                for handle in handles:
                    handle.remove()

    @contextmanager
    def capture(
        self,
        layers: Sequence[str],
        stop: bool = False,
        substitute: Callable[[str, Tensor], Tensor] | None = None,
    ) -> Iterator[dict[str, Tensor]]:
        """Catch the outputs of layers during a forward pass inside the context.

        The caught tensor is what the layer returned; the network goes on with a copy, so that an
        in-place activation behind the layer does not change what was caught.

        Parameters
        ----------
        layers
            Names of submodules.
        stop
            Whether the pass ends as soon as all layers have been caught.
        substitute
            `(layer, output) -> tensor`: what is caught, and what the network goes on with, in place
            of the output.
        """
        caught: dict[str, Tensor] = {}

        def hook_of(name: str) -> Any:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> Tensor:
                self._check_caught(name, output, caught)
                caught[name] = output if substitute is None else substitute(name, output)
                if stop and len(caught) == len(layers):
                    raise _Reached
                return caught[name].clone()

            return hook

        modules = [(name, self.layer(name)) for name in layers]
        with self.hooks() as handles:
            for name, module in modules:
                handles.append(module.register_forward_hook(hook_of(name)))
            yield caught

    def _check_caught(self, name: str, output: Any, caught: Mapping[str, Tensor]) -> None:
        layer = f'layer "{name}" of {self.title}'
        if not isinstance(output, Tensor):
            kind = type(output).__name__
            advice = f"choose a layer with output [C, H, W] ({_LISTED} them)"
            raise AtlasError(f"{layer} returns {kind}, not one tensor; {advice}")
        if name in caught:
            raise AtlasError(
                f"{layer} runs more than once in a forward pass, so it has more than one output; "
                f"choose another ({_LISTED} them)"
            )

    def run(self, x: Tensor, layers: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Run the whole network on `x` in 0…1 and return the layers' outputs and the logits."""
        with self.capture(layers) as caught:
            logits = self.logits(x)
        self._check_reached(layers, caught)
        return caught, logits

    def run_to(self, x: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Run on `x` in 0…1 only as far as the last of `layers`, and return their outputs."""
        with self.capture(layers, stop=True) as caught, suppress(_Reached):
            self._forward(x)
        self._check_reached(layers, caught)
        return caught

    def _check_reached(self, layers: Sequence[str], caught: Mapping[str, Tensor]) -> None:
        missing = [name for name in layers if name not in caught]
        if missing:
            raise AtlasError(
                f'layer "{missing[0]}" of {self.title} takes no part in a forward pass; '
                f"{_LISTED} those that do"
            )


def _frozen_copy(module: nn.Module) -> nn.Module:
    """Copy a module's structure; its parameters are frozen and share memory with the original's."""
    shared: dict[int, Any] = {}
    for each in module.modules():
        for tensor in (*vars(each).values(), *each.buffers(recurse=False)):
            if isinstance(tensor, Tensor):
                shared[id(tensor)] = tensor.detach()
        for parameter in each.parameters(recurse=False):
            shared[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    return copy.deepcopy(module, shared)
