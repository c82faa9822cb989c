"""The network: a module in evaluation mode, with its layers caught as cubes `[N, C, H, W]`.

A `Network` may be shared by threads: passes through it, hooked or not, run one at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pipeline.errors import AtlasError, did_you_mean
from pipeline.memory import is_out_of_memory
from pipeline.network.canvases import REFUSALS, canvases, natural, on_canvas
from pipeline.network.catching import LISTED, Catching, Reached
from pipeline.network.endings import NONE, SIGMOID, Endings
from pipeline.network.functions import Call
from pipeline.network.layouts import Layout, Size, candidates
from pipeline.network.modules import (
    frozen_copy,
    module_name,
    unwrapped,
    without_compilation,
    without_hooks,
    without_wrappers,
)
from pipeline.network.outputs import as_classes, logits_of
from pipeline.network.preprocessing import Preprocessing
from pipeline.network.recognition import NOTHING, Recognised, pictures, recognise

_HALF = (torch.float16, torch.bfloat16)  # of weights; what is computed needs single precision
_Goal = tuple[str, ...] | None  # the layers at which a pass ends; None: the logits


@dataclass
class _Learned:
    """What passes have shown about a structure; all copies of a network share it."""

    recognised: dict[Call, Recognised] | None = None
    loose: int = 0  # activations in code that belong to no module
    canvases: dict[tuple[_Goal, Size], Size] = field(default_factory=dict)
    ending: str | None = None  # the function that makes probabilities of the logits
    outputs: int = 0  # of the module, for a picture


@dataclass
class Network:
    """A classifier in evaluation mode with frozen weights.

    Parameters
    ----------
    module
        Takes the preprocessed input, returns logits `[N, K]`. It stays as it is: the network keeps
        a frozen copy in evaluation mode, which shares the weights' memory while it is on the same
        device. Wrappers (parallel, compiled) are taken off the copy.
    preprocessing
        From RGB in 0…1 to its input.
    classes
        The K class names.
    title
        What the site calls it.
    device
        Where it computes; the copy is moved there.
    output
        Which part of what the module returns are the logits, where that has to be said: a key, an
        attribute or an index.
    layouts
        Layer → its layout, such as "NHWC" or "NTC+1", where it is not recognised.
    probabilities
        How they are made of logits, where the module's end does not show it: "softmax", or
        "sigmoid" where classes do not exclude each other.
    """

    module: nn.Module
    preprocessing: Preprocessing
    classes: list[str]
    title: str = "network"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    output: str | None = None
    layouts: Mapping[str, str] = field(default_factory=dict)
    probabilities: str | None = None
    _one_at_a_time: Any = field(
        default_factory=threading.RLock, init=False, repr=False, compare=False
    )
    _learned: _Learned = field(default_factory=_Learned, init=False, repr=False, compare=False)
    _catching: list[Catching] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        module = without_compilation(without_wrappers(frozen_copy(unwrapped(self.module))))
        halved = any(each.dtype in _HALF for each in module.parameters())
        self.module = (module.float() if halved else module).to(self.device).eval()

    def to(self, device: torch.device) -> Network:
        """Return a network with the same weights on another device; this one stays where it is."""
        with self._one_at_a_time:  # or the copy would inherit the hooks of a pass under way
            copied = replace(self, device=device)
        copied._learned = self._learned
        return copied

    def copy(self) -> Network:
        """Return a network with a structure of its own and the same weights, in the same memory."""
        return self.to(self.device)

    def layer(self, name: str) -> nn.Module:
        """Return the submodule called `name`, or the one of which it is a call.

        Raises
        ------
        AtlasError
            For an unknown name; gives the nearest one.
        """
        modules, wanted = dict(self.module.named_modules()), module_name(name)
        if not wanted or wanted not in modules:
            hint = did_you_mean(wanted, modules) or ";"
            raise AtlasError(f'no layer "{name}" in {self.title}{hint} {LISTED} them')
        return modules[wanted]

    def input(self, pixels: Any) -> Tensor:
        """`uint8 [H, W, 3]` (array) → `x[1, 3, H, W]` in 0…1 on the network's device."""
        return torch.as_tensor(pixels, device=self.device).permute(2, 0, 1)[None].float() / 255

    # ------------------------------------------------------------------------------------ passes
    def logits(self, x: Tensor) -> Tensor:
        """`x[N, 3, H, W]` in 0…1 → logits `[N, K]`.

        Of a network that ends in a softmax or a sigmoid, what goes into that.

        Raises
        ------
        AtlasError
            When the module returns anything else.
        """
        if self._learned.ending == NONE:
            return as_classes(logits_of(self._forward(x), self.output, self.title))
        with Endings() as endings:
            logits = logits_of(self._forward(x), self.output, self.title)
        if self._learned.ending is None:
            # The ending last: a thread that sees it takes the other for known.
            self._learned.outputs = int(logits.shape[1])
            self._learned.ending = endings.kind(logits)
        return as_classes(endings.before(logits) if self._learned.ending != NONE else logits)

    def probabilities_of(self, logits: Tensor) -> Tensor:
        """Logits `[N, K]` → probabilities: of all classes together, or of each by itself."""
        if (self.probabilities or self.ending) == SIGMOID and not self.has_one_output:
            return logits.sigmoid()
        return logits.softmax(1)

    @property
    def ending(self) -> str:
        """The function that makes probabilities of the logits at the end of the module.

        "softmax", "sigmoid", or nothing if the module returns logits. The network runs once to find
        out, unless it has.
        """
        self._run_once()
        return self._learned.ending or NONE

    @property
    def has_one_output(self) -> bool:
        """Whether the module returns one number for a picture, seen as a no and a yes."""
        self._run_once()
        return self._learned.outputs == 1

    def _run_once(self) -> None:
        if self._learned.ending is None:
            side = self.preprocessing.size
            with torch.no_grad():
                self.logits(torch.full((1, 3, side, side), 0.5, device=self.device))

    def run(self, x: Tensor, layers: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Run the whole network on `x` in 0…1 and return the layers' cubes and the logits."""
        with self._catch(layers) as catching:
            logits = self.logits(x)
        catching.check_reached()
        return catching.caught, logits

    def run_to(self, x: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Run on `x` in 0…1 only as far as the last of `layers`, and return their cubes."""
        with self._catch(layers, stop=True) as catching, suppress(Reached):
            self._forward(x)
        catching.check_reached()
        return catching.caught

    def takes(self, side: int, layers: Sequence[str] | None = None) -> bool:
        """Whether pictures of a side in pixels are shown to the network without being enlarged.

        Parameters
        ----------
        side
            Of square pictures.
        layers
            The pass ends at the last of them; None: at the logits.

        Raises
        ------
        Exception
            What the network raises, where it takes no size that was tried.
        """
        picture, goal = (side, side), None if layers is None else tuple(layers)
        first = natural(picture, self.preprocessing.native)
        if (goal, picture) not in self._learned.canvases:
            with torch.no_grad():
                blank = torch.full((1, 3, *picture), 0.5, device=self.device)
                if layers is None:
                    self._forward(blank)
                else:
                    self.run_to(blank, layers)
        return self._learned.canvases.get((goal, picture), first) == first

    def _forward(self, x: Tensor) -> Any:
        """Run the module on the first canvas that it takes."""
        if x.ndim != 4:
            raise ValueError(f"expected pictures [N, 3, H, W], got {list(x.shape)}")
        with self._one_at_a_time:
            goals = [tuple(each.layers) for each in self._catching if each.stop]
            key = (goals[0] if goals else None, (x.shape[2], x.shape[3]))
            known = self._learned.canvases.get(key)
            sizes = [known] if known else list(canvases(key[1], self.preprocessing.native))
            for size in sizes[:-1]:
                try:
                    returned = self._on_canvas(x, size)
                except REFUSALS as error:
                    if is_out_of_memory(error):
                        raise
                    continue
                except Reached:
                    self._learned.canvases[key] = size
                    raise
                self._learned.canvases[key] = size
                return returned
            if not known and len(sizes) > 1:
                self._learned.canvases[key] = sizes[-1]
            return self._on_canvas(x, sizes[-1])

    def _on_canvas(self, x: Tensor, size: Size) -> Any:
        for each in self._catching:
            each.begin(size)
        return self.module(self.preprocessing(on_canvas(x, size)))

    # ------------------------------------------------------------------------------------- hooks
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
        """Catch the cubes of layers during a forward pass inside the context.

        The network goes on with a copy of what is caught, so that an in-place activation behind the
        layer does not change it.

        Parameters
        ----------
        layers
            Names of submodules, or of single calls of those that run several times ("relu#2").
        stop
            Whether the pass ends as soon as all layers have been caught.
        substitute
            `(layer, cube) -> cube`: what is caught, and what the network goes on with, in place of
            the layer's own.
        """
        with self._catch(layers, stop, substitute) as catching:
            yield catching.caught

    @contextmanager
    def _catch(
        self,
        layers: Sequence[str],
        stop: bool = False,
        substitute: Callable[[str, Tensor], Tensor] | None = None,
    ) -> Iterator[Catching]:
        modules = [(name, self.layer(name)) for name in layers]
        catching = Catching(
            *(self.title, layers, self._layout, self._is_rectified, stop, substitute)
        )
        with self.hooks() as handles, ExitStack() as stack:
            for name, module in modules:
                handles.append(module.register_forward_hook(catching.hook(name)))
            names = {module_name(layer) for layer in layers}
            if any(each.rectified and call[0] in names for call, each in self.recognised().items()):
                stack.enter_context(catching.passed_over)
            self._catching.append(catching)
            try:
                yield catching
            finally:
                self._catching.remove(catching)

    def _is_rectified(self, name: str, number: int) -> bool:
        return self.recognised().get((name, number), NOTHING).rectified

    # ----------------------------------------------------------------------------------- layouts
    def _layout(self, name: str, number: int, output: Tensor, canvas: Size) -> Layout | None:
        """The layout of a call's output; where the shape leaves no doubt, without a closer look."""
        given = self.layouts.get(f"{name}#{number}") or self.layouts.get(name)
        if given is not None:
            layout = Layout.parse(given)
            if not layout.suits(output, canvas):
                found = f"returns {list(output.shape)}, which cannot be {given}"
                raise AtlasError(f'"model.layouts.{name}": layer "{name}" of {self.title} {found}')
            return layout
        possible = list(candidates(output.shape[1:], canvas))
        if output.ndim == 4 and possible in ([], [Layout()]):
            return Layout()
        known = self.recognised().get((name, number))
        if known is None or known.layout is None or not known.layout.suits(output, canvas):
            return None
        return known.layout

    def recognised(self) -> dict[Call, Recognised]:
        """Return what every call of every module returns: (module, number of the call) → what.

        The network runs once for it, on three pictures of its own size, the first time that this is
        wanted; a network that raises then has nothing recognised.
        """
        with self._one_at_a_time:
            if self._learned.recognised is None:
                self._learned.recognised = self._look()
            return self._learned.recognised

    @property
    def loose_activations(self) -> int:
        """The number of activations in the network's code whose outputs are no layer's."""
        self.recognised()
        return self._learned.loose

    def _look(self) -> dict[Call, Recognised]:
        apart = self.copy()
        without_hooks(apart.module)
        given = {name: Layout.parse(text) for name, text in self.layouts.items()}

        def look() -> tuple[dict[Call, Recognised], int]:
            shown = pictures(self.preprocessing.size).to(self.device)
            canvas = self.preprocessing.native
            return recognise(apart.module, lambda: apart._forward(shown), canvas, given)

        # A thread of its own, where the caller's modes of torch (autocast, functions) do not apply.
        with ThreadPoolExecutor(max_workers=1) as thread:
            try:
                found, self._learned.loose = thread.submit(look).result()
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                return {}
        return found
