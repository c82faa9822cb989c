"""Endings: networks that return probabilities, because their last function is a softmax or sigmoid.

Everything else speaks of logits, which add up and have no bounds. So such a function is found by
watching a pass, be it a module or a call in `forward`, and what goes into it is taken instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

NONE, SOFTMAX, SIGMOID = "", "softmax", "sigmoid"

_KINDS: dict[Callable[..., Any], str] = {
    functional.softmax: SOFTMAX,
    torch.softmax: SOFTMAX,
    Tensor.softmax: SOFTMAX,
    functional.log_softmax: SOFTMAX,
    torch.log_softmax: SOFTMAX,
    Tensor.log_softmax: SOFTMAX,
    functional.sigmoid: SIGMOID,
    torch.sigmoid: SIGMOID,
    Tensor.sigmoid: SIGMOID,
    torch.special.expit: SIGMOID,
    functional.logsigmoid: SIGMOID,
}


class Endings(TorchFunctionMode):
    """Remembers the last softmax or sigmoid of a pass inside the context."""

    def __init__(self) -> None:
        super().__init__()
        self._last: tuple[str, Tensor, Tensor] | None = None

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        kind = _KINDS.get(function)
        if kind is not None and args:
            self._last = kind, args[0], result
        return result

    def kind(self, returned: Tensor) -> str:
        """Return `SOFTMAX` or `SIGMOID` if that made what the network returned, else `NONE`.

        Parameters
        ----------
        returned
            `[N, K]`: what was found in the output of the pass.
        """
        if self._last is None:
            return NONE
        kind, _, result = self._last
        if result.numel() != returned.numel():
            return NONE
        # By value: a hook may have put a copy in its position.
        same = torch.equal(result.detach().reshape(returned.shape), returned.detach())
        return kind if same else NONE

    def before(self, returned: Tensor) -> Tensor:
        """Return what went into the function that made what the network returned, `[N, K]`."""
        assert self._last is not None
        return self._last[1].reshape(returned.shape)
