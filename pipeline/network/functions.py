"""Activations in code: a ReLU that `forward` calls as a function is no module's output.

A module whose output goes into such a ReLU, and nowhere else, is seen behind it: its cube is what
the ReLU makes of the output, and when the network goes on with the cube, the ReLU leaves it alone.
Which modules these are is found by watching one pass. Other activations in code, and sums that go
into a ReLU, belong to no module; they are counted, so that it can be told. So are all activations
in code of a network with a scripted part: what that reads is not seen, so that any output may have
another reader.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_RELUS: frozenset[Callable[..., Any]] = frozenset(
    {functional.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
)
_OTHERS: frozenset[Callable[..., Any]] = frozenset(
    getattr(functional, name)
    for name in ("relu6", "gelu", "silu", "elu", "selu", "celu", "leaky_relu", "hardswish", "mish")
)

Call = tuple[str, int]  # a module's name, and the number of its call in a pass, from 1


class PassedOver(TorchFunctionMode):
    """ReLUs leave certain tensors alone, inside the context: they have been through theirs."""

    def __init__(self) -> None:
        super().__init__()
        self._tensors: list[weakref.ref[Tensor]] = []

    def clear(self) -> None:
        """Forget all tensors."""
        self._tensors.clear()

    def add(self, tensor: Tensor) -> None:
        """Let ReLUs return this very tensor as it is."""
        self._tensors.append(weakref.ref(tensor))

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function in _RELUS and args and any(each() is args[0] for each in self._tensors):
            return args[0]
        return function(*args, **(kwargs or {}))


class Functions(TorchFunctionMode):
    """Watches which functions use the outputs of modules, inside the context.

    Parameters
    ----------
    complete
        Whether all functions can be seen: none runs in a scripted part.
    """

    def __init__(self, complete: bool = True) -> None:
        super().__init__()
        self._complete = complete
        self._calls: dict[int, list[Call]] = {}  # id of a tensor → the calls that returned it
        self._alive: dict[int, weakref.ref[Tensor]] = {}  # ids are given again after a tensor's end
        self._uses: Counter[Call] = Counter()
        self._behind: dict[Call, int] = {}  # call → number of the activation that used its output
        self._results: dict[int, int] = {}  # id of a result → number of the activation
        self._activations = 0
        self._modules: set[int] = set()  # activations whose result a module returns
        self._away = False

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if not self._away and any(True for _ in _tensors([result])):  # a shape is no use
            self._used(function, [*args, *kwargs.values()], result)
        return result

    def _used(self, function: Any, values: Sequence[Any], result: Any) -> None:
        calls = [call for each in _tensors(values) for call in self._known(each)]
        for call in calls:
            self._uses[call] += 1
        if function not in _RELUS | _OTHERS:
            return
        self._activations += 1
        self._alive[id(result)] = weakref.ref(result)
        self._results[id(result)] = self._activations
        # Whoever uses a tensor that was changed in place uses what the ReLU returned.
        self._calls.pop(id(result), None)
        if function in _RELUS:
            self._behind.update(dict.fromkeys(calls, self._activations))

    def _known(self, tensor: Tensor) -> list[Call]:
        alive = self._alive.get(id(tensor))
        return self._calls.get(id(tensor), []) if alive and alive() is tensor else []

    def returned(self, call: Call, output: Any) -> None:
        """Note that the call of a module has returned an output."""
        if not isinstance(output, Tensor):
            return
        known, alive = self._results.get(id(output)), self._alive.get(id(output))
        if alive is None or alive() is not output:
            self._calls[id(output)] = []
            self._alive[id(output)] = weakref.ref(output)
        elif known is not None:
            self._modules.add(known)
        self._calls.setdefault(id(output), []).append(call)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Do not watch what is done inside the context."""
        self._away = True
        try:
            yield
        finally:
            self._away = False

    def rectified(self) -> set[Call]:
        """Return the calls whose output goes into a ReLU in code, and nowhere else.

        The set is empty where not all functions can be seen.
        """
        if not self._complete:
            return set()
        return {
            call
            for call, number in self._behind.items()
            if number not in self._modules and self._uses[call] == 1
        }

    def loose(self) -> int:
        """Return the number of activations in code that belong to no module."""
        behind = {self._behind[call] for call in self.rectified()}
        return self._activations - len(self._modules | behind)


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
