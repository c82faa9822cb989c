"""The rest of a network: what comes after one of its layers, run from cubes of that layer.

What comes before the layer runs once, when the rest is made. It is recorded as a list of module
calls in the order in which they began, with copies of what they returned; a module whose output is
recorded covers the calls inside it. On every later pass, these modules return their copies instead
of running, so that only the modules around the layer and those after it compute. No module has to
be of a known kind. A call that changes its input or returns anything but tensors is not recorded:
it runs again, with the modules inside it recorded where they can be.

Symbols: B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pipeline.attribution.observation import Observation, hidden_layers
from pipeline.attribution.passes import Nodes
from pipeline.errors import AtlasError
from pipeline.grammar import INPUT, OUTPUT
from pipeline.memory import is_out_of_memory
from pipeline.network import Network, filled, first_rows, full_precision, is_scripted
from pipeline.network.catching import Reached


class RestOfNetwork:
    """The network from a layer's cube on.

    Gradients are kept or not as in any other code: call `run` under `torch.no_grad()` where none
    are wanted. What was recorded is constant.

    Parameters
    ----------
    observation
        The photograph's pass through the network.
    layer
        Whose cube is replaced; may be `INPUT`.
    targets
        Later layers that are wanted. A pass ends at the last of them.
    """

    def __init__(
        self, observation: Observation, layer: str, targets: Sequence[str] = (OUTPUT,)
    ) -> None:
        self.observation, self.layer = observation, layer
        self.targets = [name for name in hidden_layers(targets) if name != layer]
        self._ends_early = OUTPUT not in targets and bool(self.targets)
        self._before = 1
        self._calls: list[_Call] | None = None

    @full_precision()
    def run(self, cubes: Tensor) -> Nodes:
        """Run the rest of the network.

        Where the network has a path around the layer that insists on equal batch sizes, what comes
        before the layer is recorded again for as many rows as the batch has, each time that this
        number changes.

        Parameters
        ----------
        cubes
            `[B, *cube]`: what the layer returns.

        Returns
        -------
        dict of str to Tensor
            Target → `[B, *cube]`, and the layer itself.
        """
        whole = filled(cubes)
        if whole.ndim == 4:
            whole = whole.contiguous(memory_format=torch.channels_last)
        return first_rows(self._run_whole(whole), len(cubes))

    def _run_whole(self, cubes: Tensor) -> Nodes:
        if self._before in (1, len(cubes)):
            try:
                return self._run(cubes, self._before)
            except RuntimeError as error:
                if is_out_of_memory(error) or self._before == len(cubes):
                    raise
        self._before, self._calls = len(cubes), None
        return self._run(cubes, self._before)

    def _run(self, cubes: Tensor, before: int) -> Nodes:
        """As `run`, with so many rows before the layer."""

        def substitute(name: str, output: Tensor) -> Tensor:
            return cubes if name == self.layer else output

        network, x = self.observation.faster, self.observation.x
        x = cubes if self.layer == INPUT else x.expand(before, *x.shape[1:])
        hidden = [name for name in (self.layer, *self.targets) if name != INPUT]
        if self._calls is None:
            self._calls = _recorded(network, x, hidden_layers([self.layer]))
        with (
            _replaying(network, self._calls),
            network.capture(hidden, self._ends_early, substitute) as caught,
            suppress(Reached),
        ):
            caught[OUTPUT] = network.logits(x)
        last = list(caught)[-1]
        if len(caught[last]) != len(cubes):
            raise RuntimeError(f"{len(caught[last])} rows of {last} instead of {len(cubes)}")
        return {**caught, self.layer: cubes}


@dataclass
class _Call:
    """A module's call, with a copy of what it returned; None: it has to run again."""

    module: nn.Module
    output: Any = None


# ---------------------------------------------------------------------------------------- recording
def _recorded(network: Network, x: Tensor, layers: Sequence[str]) -> list[_Call]:
    """Run as far as a layer, itself included, and return the calls; none without a layer."""
    if not layers:
        return []
    recorder = _Recorder()
    with network.hooks() as handles, torch.no_grad():
        for module in _python_modules(network):
            handles += recorder.watch(module)
        network.run_to(x, layers)
    return recorder.calls


class _Recorder:
    """Calls in the order in which they began."""

    def __init__(self) -> None:
        self.calls: list[_Call] = []
        self._open: list[tuple[int, list[Tensor]]] = []  # where each call begins, its inputs

    def watch(self, module: nn.Module) -> Iterator[RemovableHandle]:
        yield module.register_forward_pre_hook(self._begin, with_kwargs=True)
        yield module.register_forward_hook(self._end, with_kwargs=True)

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._open.append((len(self.calls), [each.clone() for each in _tensors((args, kwargs))]))
        self.calls.append(_Call(module))

    def _end(self, _module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        start, inputs = self._open.pop()
        pairs = zip(inputs, _tensors((args, kwargs)), strict=True)
        if _copyable(output) and all(torch.equal(*pair) for pair in pairs):
            del self.calls[start + 1 :]
            self.calls[start].output = _copy(output)


def _python_modules(network: Network) -> list[nn.Module]:
    """All modules that run as Python, whose calls can therefore be seen."""
    modules = network.module.modules()
    return [each for each in modules if not is_scripted(each)]


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in arguments, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))


def _copyable(output: Any) -> bool:
    """Whether an output is a tensor, or a plain list or tuple of them."""
    if type(output) in (list, tuple):
        return all(_copyable(each) for each in output)
    return isinstance(output, Tensor)


def _copy(output: Any) -> Any:
    """Copy an output: what the network does to it in place must not change the record."""
    if isinstance(output, Tensor):
        return output.detach().clone()
    return type(output)(_copy(each) for each in output)


# ---------------------------------------------------------------------------------------- replaying
@contextmanager
def _replaying(network: Network, calls: Sequence[_Call]) -> Iterator[None]:
    """Let the modules of recorded calls return their copies instead of running."""
    waiting = iter(calls)
    modules = dict.fromkeys(call.module for call in calls)
    before = {each: vars(each).get("forward") for each in modules}
    with network.hooks():
        try:
            for module in modules:
                vars(module)["forward"] = _replay(network, module, waiting)
            yield
        finally:
            for module, forward in before.items():
                vars(module).pop("forward", None)
                if forward is not None:
                    vars(module)["forward"] = forward


def _replay(network: Network, module: nn.Module, waiting: Iterator[_Call]) -> Callable[..., Any]:
    """What a module does instead: return the copy of this call, if it is a recorded one."""
    forward = module.forward

    def replay(*args: Any, **kwargs: Any) -> Any:
        call = next(waiting, None)
        if call is None:
            return forward(*args, **kwargs)
        if call.module is not module:
            raise AtlasError(
                f"{network.title} does not call its modules in the same order every time, so what "
                "comes after a layer cannot be run alone; switch off what is random in it"
            )
        return forward(*args, **kwargs) if call.output is None else _copy(call.output)

    return replay
