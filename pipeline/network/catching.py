"""Catching: what the layers of a network return during a forward pass, as cubes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from pipeline.errors import AtlasError
from pipeline.network.functions import PassedOver
from pipeline.network.layouts import Layout, Size
from pipeline.network.modules import call_number, module_name

LISTED = '"building-blocks layers CONFIG" lists'

Substitute = Callable[[str, Tensor], Tensor]
LayoutOf = Callable[[str, int, Tensor, Size], Layout | None]


class Reached(Exception):
    """Raised by the hook on the last layer wanted, so that the rest of the network does not run."""


@dataclass
class Catching:
    """The layers caught in one pass.

    Parameters
    ----------
    title
        The network's, for messages.
    layers
        Names of modules, or of single calls of them.
    layout_of
        `(module, number of its call, output, canvas)` → the output's layout.
    is_rectified
        `(module, number of its call)` → whether its cube is what a ReLU in the network's code makes
        of the output.
    stop
        Whether the pass ends as soon as all layers have been caught.
    substitute
        `(layer, cube) -> cube`: what is caught, and what the network goes on with.
    """

    title: str
    layers: Sequence[str]
    layout_of: LayoutOf
    is_rectified: Callable[[str, int], bool]
    stop: bool = False
    substitute: Substitute | None = None
    caught: dict[str, Tensor] = field(default_factory=dict)
    canvas: Size = (0, 0)
    passed_over: PassedOver = field(default_factory=PassedOver)
    _calls: Counter[str] = field(default_factory=Counter)

    def begin(self, canvas: Size) -> None:
        """Start a pass on a canvas; what an earlier one has left is forgotten."""
        self.canvas = canvas
        self.caught.clear()
        self.passed_over.clear()
        self._calls.clear()

    def hook(self, layer: str) -> Any:
        """Return the forward hook of a layer's module."""
        wanted, name = call_number(layer), module_name(layer)

        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            self._calls[layer] += 1
            number = self._calls[layer]
            if wanted is not None and number != wanted:
                return None
            if layer in self.caught:
                raise self._more_than_once(layer, number)
            layout = self._layout(layer, name, number, output)
            return self._catch(layer, output, layout, self.is_rectified(name, number))

        return hook

    def _catch(self, layer: str, output: Tensor, layout: Layout, behind_relu: bool) -> Tensor:
        cube = layout.cube(output, self.canvas)
        if behind_relu:
            cube = cube.relu()
        self.caught[layer] = cube if self.substitute is None else self.substitute(layer, cube)
        if self.stop and len(self.caught) == len(set(self.layers)):
            raise Reached
        # A copy, so that an in-place activation behind the layer does not change what was caught.
        returned = layout.restore(self.caught[layer].clone(), output)
        if behind_relu:
            self.passed_over.add(returned)
        return returned

    def _layout(self, layer: str, name: str, number: int, output: Any) -> Layout:
        where = f'layer "{layer}" of {self.title}'
        advice = f"choose a layer with output [C, H, W] ({LISTED} them)"
        if not isinstance(output, Tensor):
            kind = type(output).__name__
            raise AtlasError(f"{where} returns {kind}, not one tensor; {advice}")
        return self.layout_of(name, number, output, self.canvas) or Layout()

    def _more_than_once(self, layer: str, number: int) -> AtlasError:
        name = f'"{layer}#1" to "{layer}#{number}"'
        return AtlasError(
            f'layer "{layer}" of {self.title} runs more than once in a forward pass, so it has '
            f"more than one output; name one call, {name} or later ({LISTED} them)"
        )

    def check_reached(self) -> None:
        """Check that all layers were caught.

        Raises
        ------
        AtlasError
            When one has not run.
        """
        missing = [name for name in self.layers if name not in self.caught]
        if missing:
            raise AtlasError(
                f'layer "{missing[0]}" of {self.title} takes no part in a forward pass; '
                f"{LISTED} those that do"
            )
