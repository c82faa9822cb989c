"""Which module alone reads the output of another, found by running the network once.

Nothing is inferred from names: a pair counts if both ran once, the very tensor that the one
returned was the other's input, and nothing else used it. What a scripted part reads is not seen, so
that whoever changes a pair has to compare what the network returns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pipeline.network import Network, module_name, watchable

Test = Callable[[nn.Module], bool]


class _Uses(TorchFunctionMode):
    """Counts how often each watched tensor is passed to a torch function."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: dict[int, Tensor] = {}
        self.counts: Counter[int] = Counter()

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if _tensors([result]):  # reading a shape computes nothing
            used = (id(each) for each in _tensors([*args, *kwargs.values()]))
            self.counts.update(key for key in used if key in self.watched)
        return result


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(_tensors(value))
    return found


@dataclass
class _Observation:
    """What happened to the outputs of some modules during one forward pass.

    Tensors are held until it is over: the id of one that is gone would be given to another.

    Attributes
    ----------
    keep
        Modules whose outputs are read from outside as well.
    outputs
        The ids of tensors that a module of the first kind returned, with its name.
    kept
        Those that are read from outside, by their ids.
    readings
        Tensor id, name of the module that returned it, name of the module that took it.
    """

    keep: Sequence[str]
    uses: _Uses = field(default_factory=_Uses)
    runs: Counter[str] = field(default_factory=Counter)
    outputs: dict[int, str] = field(default_factory=dict)
    kept: dict[int, Tensor] = field(default_factory=dict)
    readings: list[tuple[int, str, str]] = field(default_factory=list)

    def ran(self, name: str, output: Any, watch: bool) -> None:
        self.runs[name] += 1
        if not isinstance(output, Tensor):
            return
        if name in self.keep:
            self.kept[id(output)] = output
        if watch:
            self.outputs[id(output)] = name
            self.uses.watched[id(output)] = output

    def reads(self, name: str, inputs: Any) -> None:
        if inputs and id(inputs[0]) in self.outputs:
            self.readings.append((id(inputs[0]), self.outputs[id(inputs[0])], name))

    def pairs(self) -> list[tuple[str, str]]:
        return [
            (one, reader)
            for key, one, reader in self.readings
            # Anything beyond one use is another reader.
            if self.uses.counts[key] <= 1 and key not in self.kept
            if self.runs[one] == self.runs[reader] == 1
        ]


@contextmanager
def _observed(network: Network, keep: Sequence[str], first: Test, second: Test) -> Iterator[Any]:
    observation = _Observation([module_name(layer) for layer in keep])
    modules = dict(watchable(network.module))

    def after(name: str) -> Any:
        return lambda _module, _inputs, output: observation.ran(name, output, name in ones)

    def before(name: str) -> Any:
        return lambda _module, inputs: observation.reads(name, inputs)

    with network.hooks() as handles:
        # Before there are hooks, because a test of a module may run it.
        ones = {name for name, module in modules.items() if first(module)}
        readers = {name for name, module in modules.items() if second(module)}
        for name, module in modules.items():
            handles.append(module.register_forward_hook(after(name)))
            if name in readers:
                handles.append(module.register_forward_pre_hook(before(name)))
        with observation.uses:
            yield observation


def sole_readers(
    network: Network, keep: Sequence[str], first: Test, second: Test
) -> list[tuple[str, str]]:
    """Find the modules of one kind whose only reader is a module of another kind.

    Parameters
    ----------
    network
        In evaluation mode.
    keep
        Layers whose outputs are read from outside as well: a module that returns such an output is
        left out.
    first, second
        Whether a module is of the one kind, and of the other, which passes its input to one torch
        function.

    Returns
    -------
    list of (str, str)
        Names of the one and of its reader; both run once.
    """
    with _observed(network, keep, first, second) as observation, torch.no_grad():
        network.module(network.preprocessing(noise(network)))
    return observation.pairs()


def noise(network: Network) -> Tensor:
    """Return `x[1, 3, S, S]` to try a network with, the same every time."""
    size = network.preprocessing.size
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, size, size, generator=generator).to(network.device)
